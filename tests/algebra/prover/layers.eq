# Definitions that are not in the library, all of them right: layers with several inputs, parameters used twice, powers,
# several reductions, chains of intermediate values, kinks, and names that mean something elsewhere.

layer Attention
    dims    N, M, D, K
    input   Q: N x D
    input   P: M x D
    input   V: M x K
    output  Y: N x K
    forward
        S = Q * P.T / sqrt(D)
        A = softmax(S)
        Y = A * V
    backward
        DA = DY * V.T
        DS = hadamard(A, DA - column_repeat(rows_sum(hadamard(A, DA)), M))
        DQ = DS * P / sqrt(D)
        DP = DS.T * Q / sqrt(D)
        DV = A.T * DY

layer AttentionFlat
    dims    N, M, D, K
    input   Q: N x D
    input   P: M x D
    input   V: M x K
    output  Y: N x K
    forward
        Y = softmax(Q * P.T / sqrt(D)) * V
    backward
        DV = softmax(Q * P.T / sqrt(D)).T * DY
        DQ = hadamard(softmax(Q * P.T / sqrt(D)), DY * V.T - column_repeat(diag(DY * V.T * softmax(Q * P.T / sqrt(D)).T), M)) * P / sqrt(D)
        DP = hadamard(softmax(Q * P.T / sqrt(D)), DY * V.T - column_repeat(diag(DY * V.T * softmax(Q * P.T / sqrt(D)).T), M)).T * Q / sqrt(D)

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

layer Tied
    dims    N, D, K
    input   X: N x D
    param   W: K x D
    output  Y: N x D
    forward
        Y = tanh(X * W.T) * W
    backward
        DX = hadamard(DY * W.T, ones(N, K) - square(tanh(X * W.T))) * W
        DW = hadamard(DY * W.T, ones(N, K) - square(tanh(X * W.T))).T * X + tanh(X * W.T).T * DY

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

layer SwiGLU
    dims    N, D, K
    input   X: N x D
    param   U: K x D
    param   V: K x D
    output  Y: N x K
    forward
        A = X * U.T
        B = X * V.T
        G = apply(SiLU, A)
        Y = hadamard(G, B)
    backward
        DA = hadamard(hadamard(DY, B), sigmoid(A) + hadamard(G, ones(N, K) - sigmoid(A)))
        DB = hadamard(DY, G)
        DU = DA.T * X
        DV = DB.T * X
        DX = DA * U + DB * V

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

layer ChainOfTen
    dims    N, D
    input   X: N x D
    output  Y: N x D
    forward
        A = sigmoid(X)
        B = hadamard(A, A)
        C = exp(-B)
        E = C + A
        F = tanh(E)
        G = hadamard(F, B)
        H = G + row_repeat(columns_mean(G), N) * 0
        I = square(H)
        J = log(ones(N, D) + I)
        Y = J + X
    backward
        DJ = DY
        DI = hadamard(DJ, reciprocal(ones(N, D) + I))
        DH = 2 * hadamard(DI, H)
        DG = DH
        DF = hadamard(DG, B)
        DE = hadamard(DF, ones(N, D) - square(F))
        DC = DE
        DB = hadamard(DG, F) - hadamard(DC, C)
        DA = 2 * hadamard(DB, A) + DE
        DX = hadamard(DA, hadamard(A, ones(N, D) - A)) + DY

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

layer NestedSoftmaxMix
    dims    N, D, K
    input   X: N x D
    param   W: K x D
    param   V: K x K
    output  Y: N x K
    forward
        A = softmax(X * W.T)
        B = softmax(A * V.T)
        Y = hadamard(B, A)
    backward
        DB = hadamard(DY, A)
        C = hadamard(B, DB - column_repeat(rows_sum(hadamard(B, DB)), K))
        DV = C.T * A
        DA = hadamard(DY, B) + C * V
        E = hadamard(A, DA - column_repeat(rows_sum(hadamard(A, DA)), K))
        DW = E.T * X
        DX = E * W

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

layer Names
    dims    E, I, S, Q
    input   pi: E x I
    param   beta: S x I
    param   gamma: 1 x S
    param   lambda: Q x S
    output  zeta: E x Q
    forward
        N = pi * beta.T + row_repeat(gamma, E)
        C = square(N)
        zeta = C * lambda.T
    backward
        DC = Dzeta * lambda
        DN = 2 * hadamard(DC, N)
        Dlambda = Dzeta.T * C
        Dgamma = columns_sum(DN)
        Dbeta = DN.T * pi
        Dpi = DN * beta

activation Mish
    f(x)  = x * tanh(softplus(x))
    f'(x) = tanh(softplus(x)) + x * sigmoid(x) * (1 - tanh(softplus(x))^2)

activation Softsign
    f(x)  = x / (1 + abs(x))
    f'(x) = 1 / (1 + abs(x))^2

activation HardTanh
    f(x)  = max(-1, min(1, x))
    f'(x) = where(abs(x) < 1, 1, 0)

activation HardTanh2
    f(x)  = max(-1, min(1, x))
    f'(x) = where(x < -1, 0, where(x > 1, 0, 1))

activation HardSigmoid
    f(x)  = max(0, min(1, x / 6 + 1/2))
    f'(x) = where(x < -3, 0, where(x > 3, 0, 1/6))

activation HardSwish
    f(x)  = x * max(0, min(6, x + 3)) / 6
    f'(x) = where(x < -3, 0, where(x > 3, 1, (2 * x + 3) / 6))

activation GELUTanh
    f(x)  = x / 2 * (1 + tanh(sqrt(2 / pi()) * (x + 0.044715 * x^3)))
    f'(x) = (1 + tanh(sqrt(2 / pi()) * (x + 0.044715 * x^3))) / 2 + x / 2 * (1 - tanh(sqrt(2 / pi()) * (x + 0.044715 * x^3))^2) * sqrt(2 / pi()) * (1 + 0.134145 * x^2)

activation CELU(alpha = 1)
    assume alpha > 0
    f(x)  = max(0, x) + min(0, alpha * (exp(x / alpha) - 1))
    f'(x) = where(x < 0, exp(x / alpha), 1)

activation ReLU6
    f(x)  = min(6, max(0, x))
    f'(x) = where(x < 0, 0, where(x < 6, 1, 0))

activation ReLUStrict
    f(x)  = max(0, x)
    f'(x) = where(x <= 0, 0, 1)

activation LogCosh
    f(x)  = log((exp(x) + exp(-x)) / 2)
    f'(x) = tanh(x)

activation SquareRoot
    f(x)  = x / sqrt(1 + x^2)
    f'(x) = (1 + x^2)^(-3/2)

activation SoftplusBeta(beta = 2)
    f(x)  = log(1 + exp(beta * x)) / beta
    f'(x) = sigmoid(beta * x)

activation Threshold(t = 1)
    f(x)  = where(x > t, x, 0)
    f'(x) = where(x > t, 1, 0)

activation ELUexp
    f(x)  = where(x > 0, x, exp(x) - 1)
    f'(x) = where(x > 0, 1, exp(x))

activation SoftExp
    f(x) = log(1 + exp(-abs(x))) + max(x, 0)
    f'(x) = sigmoid(x)

loss Huber
    dims N, K
    input Y: N x K
    target T: N x K
    L = elements_sum(apply((y, t) -> where(abs(y - t) <= 1, (y - t)^2 / 2, abs(y - t) - 1/2), Y, T))
    DY = apply((y, t) -> max(-1, min(1, y - t)), Y, T)

loss Hinge
    dims N, K
    input Y: N x K
    target T: N x K
    L = elements_sum(apply((y, t) -> max(0, 1 - t * y), Y, T)) / N
    DY = apply((y, t) -> where(t * y < 1, -t, 0), Y, T) / N

loss Focal
    dims N, K
    input Y: N x K
    target T: N x K
    L = -elements_sum(hadamard(T, hadamard(square(ones(N, K) - softmax(Y)), log_softmax(Y))))
    G = hadamard(T, hadamard(square(ones(N, K) - softmax(Y)), reciprocal(softmax(Y))) - 2 * hadamard(ones(N, K) - softmax(Y), log_softmax(Y)))
    DY = -hadamard(softmax(Y), G - column_repeat(rows_sum(hadamard(softmax(Y), G)), K))

loss PoissonNLL
    dims N, K
    input Y: N x K
    target T: N x K
    L = elements_sum(exp(Y) - hadamard(T, Y)) / N
    DY = (exp(Y) - T) / N

loss LogCoshLoss
    dims N, K
    input Y: N x K
    target T: N x K
    L = elements_sum(log((exp(Y - T) + exp(T - Y)) / 2))
    DY = tanh(Y - T)

loss Dice
    dims N, K
    input Y: N x K
    target T: N x K
    L = 1 - 2 * elements_sum(hadamard(Y, T)) / (elements_sum(Y) + elements_sum(T))
    DY = -2 * T / (elements_sum(Y) + elements_sum(T)) + 2 * elements_sum(hadamard(Y, T)) / (elements_sum(Y) + elements_sum(T))^2 * ones(N, K)

loss NLLOneHot
    dims N, K
    input Y: N x K
    target T: N x K
    L = -elements_sum(log(rows_sum(hadamard(Y, T))))
    DY = -hadamard(column_repeat(reciprocal(rows_sum(hadamard(Y, T))), K), T)
    when one_hot(T)
        DY = -hadamard(T, reciprocal(Y))
layer LSTMCell
    dims    N, D, H
    input   X: N x D
    input   h: N x H
    input   c: N x H
    param   Wi: H x D
    param   Ui: H x H
    param   Wf: H x D
    param   Uf: H x H
    param   Wg: H x D
    param   Ug: H x H
    param   Wo: H x D
    param   Uo: H x H
    param   bi: 1 x H
    output  hn: N x H
    forward
        Ai = X * Wi.T + h * Ui.T + row_repeat(bi, N)
        Af = X * Wf.T + h * Uf.T
        Ag = X * Wg.T + h * Ug.T
        Ao = X * Wo.T + h * Uo.T
        i = sigmoid(Ai)
        f = sigmoid(Af)
        g = tanh(Ag)
        o = sigmoid(Ao)
        cn = hadamard(f, c) + hadamard(i, g)
        hn = hadamard(o, tanh(cn))
    backward
        Do = hadamard(Dhn, tanh(cn))
        Dcn = hadamard(hadamard(Dhn, o), ones(N, H) - square(tanh(cn)))
        Df = hadamard(Dcn, c)
        Di = hadamard(Dcn, g)
        Dg = hadamard(Dcn, i)
        Dc = hadamard(Dcn, f)
        DAi = hadamard(Di, hadamard(i, ones(N, H) - i))
        DAf = hadamard(Df, hadamard(f, ones(N, H) - f))
        DAo = hadamard(Do, hadamard(o, ones(N, H) - o))
        DAg = hadamard(Dg, ones(N, H) - square(g))
        DWi = DAi.T * X
        DWf = DAf.T * X
        DWg = DAg.T * X
        DWo = DAo.T * X
        DUi = DAi.T * h
        DUf = DAf.T * h
        DUg = DAg.T * h
        DUo = DAo.T * h
        Dbi = columns_sum(DAi)
        DX = DAi * Wi + DAf * Wf + DAg * Wg + DAo * Wo
        Dh = DAi * Ui + DAf * Uf + DAg * Ug + DAo * Uo

layer LSTMFlat
    dims    N, D, H
    input   X: N x D
    input   c: N x H
    param   Wi: H x D
    param   Wf: H x D
    output  hn: N x H
    forward
        hn = hadamard(sigmoid(X * Wi.T), tanh(hadamard(sigmoid(X * Wf.T), c)))
    backward
        t = tanh(hadamard(sigmoid(X * Wf.T), c))
        p = hadamard(Dhn, hadamard(t, hadamard(sigmoid(X * Wi.T), sigmoid(-X * Wi.T))))
        q = hadamard(hadamard(Dhn, sigmoid(X * Wi.T)), hadamard(ones(N, H) - square(t), hadamard(c, hadamard(sigmoid(X * Wf.T), ones(N, H) - sigmoid(X * Wf.T)))))
        DWi = p.T * X
        DWf = q.T * X
        Dc = hadamard(hadamard(Dhn, sigmoid(X * Wi.T)), hadamard(ones(N, H) - square(t), sigmoid(X * Wf.T)))
        DX = p * Wi + q * Wf

layer GRULike
    dims    N, H
    input   X: N x H
    input   S: N x H
    param   U: H x H
    output  Y: N x H
    forward
        z = sigmoid(X + S * U.T)
        n = tanh(X + hadamard(z, S))
        Y = hadamard(ones(N, H) - z, n) + hadamard(z, S)
    backward
        Dn = hadamard(DY, ones(N, H) - z)
        a = hadamard(Dn, ones(N, H) - square(n))
        Dz = hadamard(DY, S - n) + hadamard(a, S)
        b = hadamard(Dz, hadamard(z, ones(N, H) - z))
        DX = a + b
        DS = hadamard(DY, z) + hadamard(a, z) + b * U
        DU = b.T * S

layer SqueezeExcite
    dims    N, D, R
    input   X: N x D
    param   A: R x D
    param   B: D x R
    output  Y: N x D
    forward
        s = columns_mean(X)
        e = sigmoid(apply(ReLU, s * A.T) * B.T)
        Y = hadamard(X, row_repeat(e, N))
    backward
        De = columns_sum(hadamard(DY, X))
        Dp = hadamard(De, hadamard(e, ones(1, D) - e))
        DB = Dp.T * apply(ReLU, s * A.T)
        Dq = hadamard(Dp * B, apply(ReLU', s * A.T))
        DA = Dq.T * s
        DX = hadamard(DY, row_repeat(e, N)) + row_repeat(Dq * A, N) / N

layer Residual(act)
    dims    N, D
    input   X: N x D
    param   W: D x D
    param   V: D x D
    output  Y: N x D
    forward
        H = act(X * W.T)
        Y = X + H * V.T
    backward
        DH = DY * V
        DV = DY.T * H
        DW = hadamard(DH, act'(X * W.T)).T * X
        DX = DY + hadamard(DH, act'(X * W.T)) * W

layer TwoActivations(f, g)
    dims    N, D
    input   X: N x D
    output  Y: N x D
    forward
        Y = f(g(hadamard(X, X)))
    backward
        DX = 2 * hadamard(DY, hadamard(f'(g(hadamard(X, X))), hadamard(g'(hadamard(X, X)), X)))

layer MaskedAttention
    dims    N, M, D
    input   Q: N x D
    input   P: M x D
    random  R: N x M
    output  Y: N x D
    forward
        S = hadamard(exp(Q * P.T), R)
        A = hadamard(S, column_repeat(reciprocal(rows_sum(S)), M))
        Y = A * P
    backward
        DA = DY * P.T
        DS = hadamard(column_repeat(reciprocal(rows_sum(S)), M), DA - column_repeat(rows_sum(hadamard(DA, A)), M))
        DQ = hadamard(DS, S) * P
        DP = hadamard(DS, S).T * Q + A.T * DY

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

loss InfoNCE
    dims N
    input Y: N x N
    target T: N x N
    L = -elements_sum(diag(log_softmax(Y))) / N + 0 * elements_sum(T)
    DY = (softmax(Y) - identity(N)) / N

loss Triplet
    dims N, K
    input Y: N x K
    target T: N x K
    L = elements_sum(apply(x -> max(0, x), rows_sum(hadamard(Y - T, Y - T)) - ones(N, 1)))
    DY = 2 * hadamard(column_repeat(apply(x -> where(x > 0, 1, 0), rows_sum(hadamard(Y - T, Y - T)) - ones(N, 1)), K), Y - T)

loss Quantile
    dims N, K
    input Y: N x K
    target T: N x K
    L = elements_sum(apply((y, t) -> max(0.9 * (t - y), (0.9 - 1) * (t - y)), Y, T))
    DY = apply((y, t) -> where(t > y, -0.9, 0.1), Y, T)

loss Correlation
    dims N
    input y: N x 1
    target t: N x 1
    a = y - elements_sum(y) / N * ones(N, 1)
    b = t - elements_sum(t) / N * ones(N, 1)
    L = -dot(a, b) / sqrt(dot(a, a) * dot(b, b))
    Dy = -b / sqrt(dot(a, a) * dot(b, b)) + dot(a, b) / sqrt(dot(a, a) * dot(b, b)) / dot(a, a) * a

loss KLGaussian
    dims N, K
    input Y: N x K
    target T: N x K
    L = elements_sum(exp(2 * Y) + square(T) - 2 * Y - ones(N, K)) / 2
    DY = exp(2 * Y) - ones(N, K)

loss Tversky(alpha = 0.3)
    dims N, K
    input Y: N x K
    target T: N x K
    p = elements_sum(hadamard(Y, T))
    q = p + alpha * elements_sum(hadamard(Y, ones(N, K) - T)) + (1 - alpha) * elements_sum(hadamard(ones(N, K) - Y, T))
    L = 1 - p / q
    DY = -T / q + p / q^2 * (T + alpha * (ones(N, K) - T) - (1 - alpha) * T)

activation Snake(a = 1)
    f(x) = x + (1 - exp(-a * x^2)) / a
    f'(x) = 1 + 2 * x * exp(-a * x^2)

activation ISRLU(a = 1)
    f(x) = where(x < 0, x / sqrt(1 + a * x^2), x)
    f'(x) = where(x < 0, (1 + a * x^2)^(-3/2), 1)

activation PELU(a = 1, b = 1)
    f(x) = where(x >= 0, a / b * x, a * (exp(x / b) - 1))
    f'(x) = where(x >= 0, a / b, a / b * exp(x / b))

activation TanhShrink
    f(x) = x - tanh(x)
    f'(x) = tanh(x)^2

activation SoftShrink(l = 0.5)
    assume l > 0
    f(x) = where(x > l, x - l, where(x < -l, x + l, 0))
    f'(x) = where(abs(x) > l, 1, 0)

activation HardShrink
    f(x) = where(abs(x) > 1, x, 0)
    f'(x) = where(x > 1, 1, where(x < -1, 1, 0))

activation LogSigmoidForm
    f(x) = min(x, 0) - log(1 + exp(-abs(x)))
    f'(x) = 1 - sigmoid(x)

activation Gauss
    f(x) = exp(-x^2)
    f'(x) = -2 * x * exp(-x^2)
