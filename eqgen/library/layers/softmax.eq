layer Softmax
    "Linear map followed by a row-wise softmax."
    source  "Wesselink et al., eqs. (9)-(15)"

    dims    N, D, K
    input   X: N x D
    param   W: K x D sparse
    param   b: 1 x K
    output  Y: N x K

    forward
        Z = X * W.T + row_repeat(b, N)
        Y = softmax(Z)

    backward
        DZ = hadamard(Y, DY - column_repeat(diag(DY * Y.T), K))
        DW = DZ.T * X
        Db = columns_sum(DZ)
        DX = DZ * W
