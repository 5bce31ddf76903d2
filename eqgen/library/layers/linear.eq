layer Linear
    "Linear map with a bias."
    source  "Wesselink et al., eq. (5), appendix A"

    dims    N, D, K
    input   X: N x D
    param   W: K x D sparse
    param   b: 1 x K
    output  Y: N x K

    forward
        Y = X * W.T + row_repeat(b, N)

    backward
        DW = DY.T * X
        Db = columns_sum(DY)
        DX = DY * W
