function log_softmax(X: N x K)
    "Logarithm of the softmax."
    source  "Wesselink et al., appendix C.1"

    = X - column_repeat(log(rows_sum(exp(X))), K)
    stable with Z = X - column_repeat(rows_max(X), K)
    = Z - column_repeat(log(rows_sum(exp(Z))), K)
