layer LinearDropout(p)
    "Linear map of which every weight is dropped with probability p (DropConnect)."
    source  "Wesselink et al., eq. (8), appendix A; Wan et al. (2013)"

    dims    N, D, K
    input   X: N x D
    param   W: K x D
    param   b: 1 x K
    random  R: K x D ~ dropout(p)  # 0 with probability p, else 1 / (1 - p)
    output  Y: N x K

    forward
        Y = X * hadamard(W, R).T + row_repeat(b, N)

    backward
        DW = hadamard(DY.T * X, R)
        Db = columns_sum(DY)
        DX = DY * hadamard(W, R)

    evaluate
        use Linear(X, W, b) -> Y
