loss SigmoidBinaryCrossEntropy
    "Sum of the binary cross-entropies of the sigmoid of Y with respect to targets T."
    source  "Bishop (2006), eqs. (4.90), (4.91)"

    # 1 - sigmoid(Y) is sigmoid(-Y): no logarithm of a rounded probability is taken.
    dims    N, K
    input   Y: N x K
    target  T: N x K
    L  = -elements_sum(hadamard(T, log_sigmoid(Y)) + hadamard(ones(N, K) - T, log_sigmoid(-Y)))
    DY = sigmoid(Y) - T
