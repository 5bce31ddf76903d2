# Parts of networks that are not in the library, all right: attention, recurrent cells, gates, long chains, parameters
# that are used twice, names that mean something elsewhere.

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
