loss NegativeLogLikelihood
    "Negative logarithm of the probability that Y gives to the target of every row."
    source  "Wesselink et al., eq. (48)"

    # The paper prints DY = -(1 / ((Y ⊙ T) 1_K)) ⊙ T, an N x 1 times an N x K matrix: the repeat is missing.
    dims    N, K
    input   Y: N x K
    target  T: N x K
    L  = -elements_sum(log(rows_sum(hadamard(Y, T))))
    DY = -hadamard(column_repeat(reciprocal(rows_sum(hadamard(Y, T))), K), T)
