layer ActivationDropout(act, p)
    "Linear map with dropped weights (DropConnect), followed by an activation function."
    source  "Wesselink et al., appendix A; Wan et al. (2013)"

    dims    N, D, K
    input   X: N x D
    param   W: K x D
    param   b: 1 x K
    random  R: K x D ~ dropout(p)  # 0 with probability p, else 1 / (1 - p)
    output  Y: N x K

    forward
        use LinearDropout(X, W, b, R) -> Z
        Y = act(Z)

    backward  # DW, Db and DX are those of LinearDropout
        DZ = hadamard(DY, act'(Z))

    evaluate
        use Linear(X, W, b) -> Z
        Y = act(Z)
