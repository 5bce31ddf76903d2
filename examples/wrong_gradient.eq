# Wrong on purpose, for the message that it gives. In the backward equation Z stands where Y is meant.
layer Swish
    dims    N, D, K
    input   X: N x D
    param   W: K x D
    param   b: 1 x K
    output  Y: N x K

    forward
        use Linear(X, W, b) -> Z
        Y = hadamard(Z, sigmoid(Z))

    backward
        DZ = hadamard(DY, sigmoid(Z) + hadamard(Z, ones(N, K) - sigmoid(Z)))
