loss SoftmaxCrossEntropy
    "Cross-entropy of the softmax of Y with respect to targets T."
    source  "Wesselink et al., eqs. (46), (50)"

    dims    N, K
    input   Y: N x K
    target  T: N x K
    L  = -elements_sum(hadamard(T, log_softmax(Y)))
    DY = hadamard(softmax(Y), column_repeat(rows_sum(T), K)) - T
    when one_hot(T)
        DY = softmax(Y) - T
