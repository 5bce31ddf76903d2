layer Residual(act)
    "What goes in is added to an activation of its linear map, so that gradients can pass unchanged."
    source  "He et al. (2016), eq. (1)"

    dims    N, D
    input   X: N x D
    param   W: D x D
    param   b: 1 x D
    output  Y: N x D

    forward
        Z = X * W.T + row_repeat(b, N)
        Y = X + act(Z)

    backward
        DZ = hadamard(DY, act'(Z))
        DW = DZ.T * X
        Db = columns_sum(DZ)
        DX = DY + DZ * W
