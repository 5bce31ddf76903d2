layer Swish
    "Linear map followed by z sigmoid(z)."
    source  "Ramachandran et al. (2017)"

    dims    N, D, K
    input   X: N x D
    param   W: K x D
    param   b: 1 x K
    output  Y: N x K

    forward
        use Linear(X, W, b) -> Z
        Y = hadamard(Z, sigmoid(Z))

    backward  # DW, Db and DX are those of Linear
        DZ = hadamard(DY, sigmoid(Z) + hadamard(Y, ones(N, K) - sigmoid(Z)))
