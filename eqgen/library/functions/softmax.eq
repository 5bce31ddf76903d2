function softmax(X: N x K)
    "Every row positive with sum 1."
    source  "Wesselink et al., eqs. (10), (12), (16), (17)"

    = hadamard(exp(X), column_repeat(reciprocal(rows_sum(exp(X))), K))
    stable with Z = X - column_repeat(rows_max(X), K)
    = hadamard(exp(Z), column_repeat(reciprocal(rows_sum(exp(Z))), K))
