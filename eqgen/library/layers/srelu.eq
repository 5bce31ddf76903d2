layer SReLU
    "Linear map followed by an S-shaped ReLU whose slopes and thresholds are learned."
    source  "Jin et al. (2016)"

    dims    N, D, K
    input   X: N x D
    param   W: K x D sparse
    param   b: 1 x K
    param   al: 1 x 1 = 0
    param   tl: 1 x 1 = 0
    param   ar: 1 x 1 = 0
    param   tr: 1 x 1 = 1
    output  Y: N x K

    forward
        use Linear(X, W, b) -> Z
        Y = apply(SReLU(al, tl, ar, tr), Z)

    backward  # DW, Db and DX are those of Linear
        DZ  = hadamard(DY, apply(SReLU'(al, tl, ar, tr), Z))
        Dal = elements_sum(hadamard(DY, apply(z -> where(z <= tl, z - tl, 0), Z)))
        Dtl = elements_sum(hadamard(DY, apply(z -> where(z <= tl, 1 - al, 0), Z)))
        Dar = elements_sum(hadamard(DY, apply(z -> where(z <= tl, 0, where(z < tr, 0, z - tr)), Z)))
        Dtr = elements_sum(hadamard(DY, apply(z -> where(z <= tl, 0, where(z < tr, 0, 1 - ar)), Z)))
