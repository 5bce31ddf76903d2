layer LogSoftmax
    "Linear map followed by the logarithm of a row-wise softmax."
    source  "Wesselink et al., eq. (32), appendix A"

    dims    N, D, K
    input   X: N x D
    param   W: K x D sparse
    param   b: 1 x K
    output  Y: N x K

    forward
        use Linear(X, W, b) -> Z
        Y = log_softmax(Z)

    backward  # DW, Db and DX are those of Linear
        DZ = DY - hadamard(softmax(Z), column_repeat(rows_sum(DY), K))
