# Wesselink et al., appendix A.1, property 1: from columns and rows to matrices.

lemma column_property_23 "eq. (23)"
    source  "Wesselink et al."

    X, Y, Z: M x N
    for each column j
        z_j = x_j * x_j.T * y_j
    then
        Z = hadamard(X, ones(M, 1) * diag(X.T * Y).T)

lemma column_property_24 "eq. (24)"
    source  "Wesselink et al."

    X, Y, Z: M x N
    for each column j
        z_j = ones(M, 1) * x_j.T * y_j
    then
        Z = ones(M, 1) * diag(X.T * Y).T

lemma column_property_25 "eq. (25)"
    source  "Wesselink et al."

    X, Y, Z: M x N
    for each column j
        z_j = x_j * ones(1, M) * y_j
    then
        Z = hadamard(X, ones(M, 1) * ones(1, M) * Y)

lemma row_property_26 "eq. (26)"
    source  "Wesselink et al."

    X, Y, Z: M x N
    for each row i
        z_i = x_i * y_i.T * y_i
    then
        Z = hadamard(diag(X * Y.T) * ones(1, N), Y)

lemma row_property_26_proof "eq. (26), its proof"
    source  "Wesselink et al."

    # Z is the entrywise product of R and Y, where row i of R holds x_i y_iᵀ in every entry.
    X, Y, R, Z: M x N
    for each row i
        r_i = x_i * y_i.T * ones(1, N)
        z_i = hadamard(x_i * y_i.T * ones(1, N), y_i)
            = x_i * y_i.T * y_i
    then
        R = diag(X * Y.T) * ones(1, N)
        Z = hadamard(diag(X * Y.T) * ones(1, N), Y)

lemma row_property_27 "eq. (27)"
    source  "Wesselink et al."

    X, Y, Z: M x N
    for each row i
        z_i = x_i * y_i.T * ones(1, N)
    then
        Z = diag(X * Y.T) * ones(1, N)

lemma row_property_28 "eq. (28)"
    source  "Wesselink et al."

    X, Y, Z: M x N
    for each row i
        z_i = x_i * ones(N, 1) * y_i
    then
        Z = hadamard(X * ones(N, 1) * ones(1, N), Y)
