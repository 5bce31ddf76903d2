loss LogisticCrossEntropy
    "Cross-entropy of the sigmoid of Y with respect to targets T, without a term for 1 - T."
    source  "Wesselink et al., eq. (47)"

    dims    N, K
    input   Y: N x K
    target  T: N x K
    L  = -elements_sum(hadamard(T, log_sigmoid(Y)))
    DY = hadamard(T, sigmoid(Y)) - T
