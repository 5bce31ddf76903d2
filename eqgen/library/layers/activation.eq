layer Activation(act)
    "Linear map followed by an activation function."
    source  "Wesselink et al., appendix A"

    dims    N, D, K
    input   X: N x D
    param   W: K x D sparse
    param   b: 1 x K
    output  Y: N x K

    forward
        use Linear(X, W, b) -> Z
        Y = act(Z)

    backward  # DW, Db and DX are those of Linear
        DZ = hadamard(DY, act'(Z))
