# Layers that are not in the library, all right: norms and distances, powers, several reductions, maxima, outputs that
# do not depend on an input.

layer RMSNorm(epsilon = 1e-6)
    dims    N, D
    input   X: N x D
    param   g: 1 x D
    output  Y: N x D
    forward
        R = inv_sqrt(rows_mean(square(X)) + epsilon * ones(N, 1))
        Z = hadamard(X, column_repeat(R, D))
        Y = hadamard(Z, row_repeat(g, N))
    backward
        Dg = columns_sum(hadamard(DY, Z))
        DZ = hadamard(DY, row_repeat(g, N))
        DX = hadamard(column_repeat(R, D), DZ - hadamard(Z, column_repeat(rows_mean(hadamard(DZ, Z)), D)))

layer UnitRows
    dims    N, D
    input   X: N x D
    output  Y: N x D
    forward
        n = sqrt(rows_sum(square(X)))
        Y = hadamard(X, column_repeat(reciprocal(n), D))
    backward
        DX = hadamard(column_repeat(reciprocal(n), D), DY - hadamard(Y, column_repeat(rows_sum(hadamard(Y, DY)), D)))

layer Independent
    dims    N, D, K
    input   X: N x D
    param   W: K x D
    param   c: 1 x K
    output  Y: N x K
    forward
        Y = row_repeat(c, N)
    backward
        DX = zeros(N, D)
        DW = zeros(K, D)
        Dc = columns_sum(DY)

layer RBF
    dims    N, D, K
    input   X: N x D
    param   C: K x D
    param   s: 1 x K
    output  Y: N x K
    forward
        Q = column_repeat(rows_sum(square(X)), K) - 2 * X * C.T + row_repeat(rows_sum(square(C)).T, N)
        Y = exp(-hadamard(row_repeat(s, N), Q))
    backward
        Ds = -columns_sum(hadamard(DY, hadamard(Y, Q)))
        DQ = -hadamard(row_repeat(s, N), hadamard(DY, Y))
        DX = 2 * hadamard(column_repeat(rows_sum(DQ), D), X) - 2 * DQ * C
        DC = 2 * hadamard(column_repeat(columns_sum(DQ).T, D), C) - 2 * DQ.T * X

layer SoftmaxTemperature
    dims    N, K
    input   Z: N x K
    param   t: 1 x 1
    output  Y: N x K
    forward
        Y = softmax(Z / t)
    backward
        DZ = hadamard(Y, DY - column_repeat(rows_sum(hadamard(Y, DY)), K)) / t
        Dt = -elements_sum(hadamard(Z, hadamard(Y, DY - column_repeat(rows_sum(hadamard(Y, DY)), K)))) / t^2

layer LogSumExpPool
    dims    N, D
    input   X: N x D
    output  Y: N x 1
    forward
        Y = log(rows_sum(exp(X)))
    backward
        DX = hadamard(softmax(X), column_repeat(DY, D))

layer LogSumExpStable
    dims    N, D
    input   X: N x D
    output  Y: N x 1
    forward
        M = rows_max(X)
        Y = M + log(rows_sum(exp(X - column_repeat(M, D))))
    backward
        DX = hadamard(softmax(X), column_repeat(DY, D))

layer WeightNorm
    dims    N, D, K
    input   X: N x D
    param   V: K x D
    param   g: K x 1
    output  Y: N x K
    forward
        n = sqrt(rows_sum(square(V)))
        U = hadamard(V, column_repeat(reciprocal(n), D))
        W = hadamard(column_repeat(g, D), U)
        Y = X * W.T
    backward
        DW = DY.T * X
        Dg = rows_sum(hadamard(DW, U))
        DX = DY * W
        DV = hadamard(column_repeat(hadamard(g, reciprocal(n)), D), DW - hadamard(column_repeat(Dg, D), U))

layer BatchNormUnfolded(epsilon = 1e-5)
    dims    N, D
    input   X: N x D
    param   gamma: 1 x D
    param   beta: 1 x D
    output  Y: N x D
    forward
        Y = hadamard(row_repeat(gamma, N), hadamard(X - row_repeat(columns_mean(X), N), row_repeat(inv_sqrt(columns_mean(square(X - row_repeat(columns_mean(X), N))) + epsilon * ones(1, D)), N))) + row_repeat(beta, N)
    backward
        S = columns_mean(square(X)) - square(columns_mean(X)) + epsilon * ones(1, D)
        R = X - row_repeat(columns_mean(X), N)
        Z = hadamard(R, row_repeat(inv_sqrt(S), N))
        Dbeta = columns_sum(DY)
        Dgamma = columns_sum(hadamard(DY, Z))
        DX = hadamard(row_repeat(hadamard(gamma, inv_sqrt(S)), N), DY - row_repeat(columns_mean(DY), N) - hadamard(Z, row_repeat(columns_mean(hadamard(DY, Z)), N)))

layer Powers(p = 3)
    dims    N, D
    input   X: N x D
    output  Y: N x D
    forward
        Y = X^3 + 2 * X^(-2) - X^(5/2)
    backward
        DX = hadamard(DY, 3 * square(X) - 4 * X^(-3) - 5/2 * X^(3/2))

layer SymbolicPower(p = 3)
    dims    N, D
    input   X: N x D
    output  Y: N x D
    forward
        Y = X^p
    backward
        DX = p * hadamard(DY, X^(p - 1))

layer PNorm(p = 3)
    dims    N, D
    input   X: N x D
    output  Y: N x 1
    forward
        Y = rows_sum(X^p)^(1/p)
    backward
        DX = hadamard(column_repeat(hadamard(DY, Y^(1 - p)), D), X^(p - 1))

layer CovarianceWhite
    dims    N, D
    input   X: N x D
    output  Y: D x D
    forward
        R = X - row_repeat(columns_mean(X), N)
        Y = R.T * R / N
    backward
        DX = R * (DY + DY.T) / N

layer BilinearScore
    dims    N, D, K
    input   X: N x D
    input   Z: N x K
    param   W: D x K
    output  Y: N x 1
    forward
        Y = diag(X * W * Z.T)
    backward
        DX = hadamard(column_repeat(DY, D), Z * W.T)
        DZ = hadamard(column_repeat(DY, K), X * W)
        DW = X.T * hadamard(column_repeat(DY, K), Z)

layer MaxPoolRows
    dims    N, D
    input   X: N x D
    output  Y: N x 1
    forward
        Y = rows_max(X)
    backward
        DX = hadamard(column_repeat(DY, D), apply((x, m) -> where(x == m, 1, 0), X, column_repeat(Y, D)))

layer SigmoidDirect
    dims    N, D, K
    input   X: N x D
    param   W: K x D
    param   b: 1 x K
    output  Y: N x K
    forward
        Y = sigmoid(X * W.T + row_repeat(b, N))
    backward
        DW = hadamard(DY, hadamard(Y, ones(N, K) - Y)).T * X
        Db = columns_sum(hadamard(DY, hadamard(sigmoid(X * W.T + row_repeat(b, N)), sigmoid(-X * W.T - row_repeat(b, N)))))
        DX = hadamard(hadamard(DY, Y), ones(N, K) - sigmoid(X * W.T + row_repeat(b, N))) * W

layer GroupStd
    dims    N, D
    input   X: N x D
    output  Y: 1 x D
    forward
        Y = sqrt(columns_sum(square(X - row_repeat(columns_mean(X), N))) / (N - 1))
    backward
        DX = hadamard(row_repeat(hadamard(DY, reciprocal(Y)), N), X - row_repeat(columns_mean(X), N)) / (N - 1)

layer CosineRows
    dims    N, D
    input   X: N x D
    input   Z: N x D
    output  Y: N x 1
    forward
        a = rows_sum(square(X))
        b = rows_sum(square(Z))
        c = rows_sum(hadamard(X, Z))
        Y = hadamard(c, inv_sqrt(hadamard(a, b)))
    backward
        DX = hadamard(column_repeat(hadamard(DY, inv_sqrt(hadamard(a, b))), D), Z) - hadamard(column_repeat(hadamard(hadamard(DY, Y), reciprocal(a)), D), X)
        DZ = hadamard(column_repeat(hadamard(DY, inv_sqrt(hadamard(a, b))), D), X) - hadamard(column_repeat(hadamard(hadamard(DY, Y), reciprocal(b)), D), Z)

layer InstanceWhiten(epsilon = 0.001)
    dims    N, D
    input   X: N x D
    output  Y: N x D
    forward
        m = rows_mean(X)
        v = rows_mean(square(X)) - square(m)
        Y = hadamard(X - column_repeat(m, D), column_repeat(inv_sqrt(v + epsilon * ones(N, 1)), D))
    backward
        s = inv_sqrt(v + epsilon * ones(N, 1))
        DX = hadamard(column_repeat(s, D), DY - column_repeat(rows_mean(DY), D) - hadamard(Y, column_repeat(rows_mean(hadamard(DY, Y)), D)))

layer KernelRidge
    dims    N, M, D
    input   X: N x D
    input   Z: M x D
    param   a: M x 1
    output  Y: N x 1
    forward
        K = square(ones(N, M) + X * Z.T)
        Y = K * a
    backward
        Da = K.T * DY
        G = 2 * hadamard(DY * a.T, ones(N, M) + X * Z.T)
        DX = G * Z
        DZ = G.T * X

layer CosineClassifier
    dims    N, D, K
    input   X: N x D
    param   W: K x D
    output  Y: N x K
    forward
        U = hadamard(X, column_repeat(inv_sqrt(rows_sum(square(X))), D))
        V = hadamard(W, column_repeat(inv_sqrt(rows_sum(square(W))), D))
        Y = U * V.T
    backward
        DU = DY * V
        DV = DY.T * U
        DX = hadamard(column_repeat(inv_sqrt(rows_sum(square(X))), D), DU - hadamard(U, column_repeat(rows_sum(hadamard(DU, U)), D)))
        DW = hadamard(column_repeat(inv_sqrt(rows_sum(square(W))), D), DV - hadamard(V, column_repeat(rows_sum(hadamard(DV, V)), D)))

layer MixtureDensity
    dims    N, K
    input   Z: N x K
    input   M: N x K
    input   s: N x K
    input   t: N x 1
    output  L: N x 1
    forward
        A = softmax(Z)
        G = hadamard(exp(-s), exp(-hadamard(square(M - column_repeat(t, K)), exp(-2 * s)) / 2))
        P = hadamard(A, G)
        p = rows_sum(P)
        L = -log(p)
    backward
        W = hadamard(P, column_repeat(reciprocal(p), K))
        DZ = hadamard(column_repeat(DL, K), A - W)
        DM = hadamard(column_repeat(DL, K), hadamard(W, hadamard(M - column_repeat(t, K), exp(-2 * s))))
        Ds = hadamard(column_repeat(DL, K), hadamard(W, ones(N, K) - hadamard(square(M - column_repeat(t, K)), exp(-2 * s))))
        Dt = hadamard(DL, rows_sum(hadamard(W, hadamard(column_repeat(t, K) - M, exp(-2 * s)))))

layer Outer
    dims    D, K
    input   x: 1 x D
    input   y: 1 x K
    output  Z: D x K
    forward
        Z = x.T * y
    backward
        Dx = (DZ * y.T).T
        Dy = x * DZ

layer Determined
    dims    N
    input   x: N x 1
    output  y: 1 x 1
    forward
        y = elements_sum(x)^3 / elements_sum(square(x))
    backward
        Dx = Dy * (3 * elements_sum(x)^2 / elements_sum(square(x)) * ones(N, 1) - 2 * elements_sum(x)^3 / elements_sum(square(x))^2 * x)

layer PairwiseDistance(epsilon = 0.01)
    dims    N, M, D
    input   X: N x D
    input   Z: M x D
    output  Y: N x M
    forward
        Q = column_repeat(rows_sum(square(X)), M) + row_repeat(rows_sum(square(Z)).T, N) - 2 * X * Z.T
        Y = sqrt(Q + epsilon * ones(N, M))
    backward
        G = hadamard(DY, reciprocal(Y))
        DX = hadamard(column_repeat(rows_sum(G), D), X) - G * Z
        DZ = hadamard(column_repeat(columns_sum(G).T, D), Z) - G.T * X
