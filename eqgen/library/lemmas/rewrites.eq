# Identities of matrix operations. Each is written from the form that a derivation gives to the form that costs less.

lemma product_order "associativity and distributivity"
    A: M x N
    B, C: N x P
    E: P x Q
    A * B * E     = A * (B * E)
    A * B + A * C = A * (B + C)
    B * E + C * E = (B + C) * E

lemma transposes "transposes"
    A, B: M x N
    C: N x P
    G: M x P
    H: P x N
    A.T.T = A
    A.T + B.T = (A + B).T
    hadamard(A.T, B.T) = hadamard(A, B).T
    C.T * A.T = (A * C).T
    (A.T * G).T = G.T * A
    (A * H.T).T = H * A.T
    exp(A.T) = exp(A).T

lemma neutral_elements "zeros, ones and identities that change nothing"
    A: M x N
    identity(M) * A = A
    A * identity(N) = A
    A + zeros(M, N) = A
    hadamard(A, ones(M, N)) = A
    hadamard(A, zeros(M, N)) = zeros(M, N)
    zeros(P, M) * A = zeros(P, N)
    A * zeros(N, P) = zeros(M, P)

lemma products_with_ones "products with ones are sums"
    A: M x N
    ones(1, M) * A = columns_sum(A)
    A * ones(N, 1) = rows_sum(A)
    ones(P, M) * A = row_repeat(columns_sum(A), P)
    A * ones(N, P) = column_repeat(rows_sum(A), P)
    ones(M, 1) * ones(1, N) = ones(M, N)
    ones(1, M) * A * ones(N, 1) = elements_sum(A)

lemma products_with_repeats "products with repeated vectors"
    x: 1 x N
    y: M x 1
    A: P x M
    B: N x P
    row_repeat(x, M) = ones(M, 1) * x
    column_repeat(y, N) = y * ones(1, N)
    A * row_repeat(x, M) = rows_sum(A) * x
    column_repeat(y, N) * B = y * columns_sum(B)
    row_repeat(x, M) * B = row_repeat(x * B, M)
    A * column_repeat(y, N) = column_repeat(A * y, N)

lemma diagonals_of_products "the diagonal of a product, without the product"
    A, B: M x N
    diag(A * B.T)   = rows_sum(hadamard(A, B))
    diag(A.T * B).T = columns_sum(hadamard(A, B))
    diag(A.T * B)   = columns_sum(hadamard(A, B)).T
    diag(A * A.T)   = rows_sum(square(A))
    diag(A.T * A).T = columns_sum(square(A))

lemma traces "trace forms"
    A, B: M x N
    elements_sum(diag(A * B.T)) = elements_sum(hadamard(A, B))
    elements_sum(diag(A.T * B)) = elements_sum(hadamard(A, B))
    elements_sum(A.T) = elements_sum(A)

lemma diagonal_matrices "products with diagonal matrices"
    A: M x N
    x: M x 1
    y, z: 1 x N
    Diag(x) * A = hadamard(column_repeat(x, N), A)
    A * Diag(y) = hadamard(A, row_repeat(y, M))
    z * Diag(y) = hadamard(z, y)
    diag(Diag(x)) = x
    diag(Diag(y)) = y.T
    Diag(y) * Diag(z) = Diag(hadamard(y, z))

lemma centring "the centring matrix"
    A: M x N
    (M * identity(M) - ones(M, M)) * A    = M * A - row_repeat(columns_sum(A), M)
    A * (N * identity(N) - ones(N, N))    = N * A - column_repeat(rows_sum(A), N)
    A - row_repeat(columns_sum(A) / M, M) = A - row_repeat(columns_mean(A), M)
    (identity(M) - ones(M, M) / M) * A    = A - row_repeat(columns_mean(A), M)
    A * (identity(N) - ones(N, N) / N)    = A - column_repeat(rows_mean(A), N)

lemma repeats "repeated vectors"
    x, u: 1 x N
    y, v: M x 1
    row_repeat(x, M).T = column_repeat(x.T, M)
    column_repeat(y, N).T = row_repeat(y.T, N)
    hadamard(row_repeat(x, M), row_repeat(u, M)) = row_repeat(hadamard(x, u), M)
    hadamard(column_repeat(y, N), column_repeat(v, N)) = column_repeat(hadamard(y, v), N)
    row_repeat(x, M) + row_repeat(u, M) = row_repeat(x + u, M)
    column_repeat(y, N) + column_repeat(v, N) = column_repeat(y + v, N)
    exp(row_repeat(x, M)) = row_repeat(exp(x), M)
    exp(column_repeat(y, N)) = column_repeat(exp(y), N)
    hadamard(column_repeat(y, N), row_repeat(x, M)) = y * x

lemma sums_of_repeats "sums of repeated vectors"
    x: 1 x N
    y: M x 1
    columns_sum(row_repeat(x, M)) = M * x
    rows_sum(column_repeat(y, N)) = N * y
    rows_sum(row_repeat(x, M)) = row_repeat(rows_sum(x), M)
    columns_sum(column_repeat(y, N)) = column_repeat(columns_sum(y), N)
    elements_sum(row_repeat(x, M)) = M * elements_sum(x)
    elements_sum(column_repeat(y, N)) = N * elements_sum(y)

lemma sums_of_scaled_lines "factors that leave a sum"
    A: M x N
    x: 1 x N
    y: M x 1
    columns_sum(hadamard(row_repeat(x, M), A)) = hadamard(x, columns_sum(A))
    rows_sum(hadamard(column_repeat(y, N), A)) = hadamard(y, rows_sum(A))
    columns_sum(hadamard(column_repeat(y, N), A)) = y.T * A
    rows_sum(hadamard(row_repeat(x, M), A)) = A * x.T
    elements_sum(hadamard(row_repeat(x, M), A)) = dot(x, columns_sum(A))
    elements_sum(hadamard(column_repeat(y, N), A)) = dot(y, rows_sum(A))

lemma sums "sums of transposes, products and sums"
    A: M x N
    B: N x P
    columns_sum(A.T) = rows_sum(A).T
    rows_sum(A.T) = columns_sum(A).T
    columns_sum(A * B) = columns_sum(A) * B
    rows_sum(A * B) = A * rows_sum(B)
    elements_sum(A * B) = dot(columns_sum(A).T, rows_sum(B))
    elements_sum(rows_sum(A)) = elements_sum(A)
    elements_sum(columns_sum(A)) = elements_sum(A)
    columns_sum(A) / M = columns_mean(A)
    rows_sum(A) / N = rows_mean(A)

lemma scaled_lines_in_products "factors that leave a product"
    A: M x N
    B: N x P
    x: M x 1
    y: 1 x N
    z: 1 x P
    c: 1 x 1
    c * A * B = c * (A * B)
    A * (c * B) = c * (A * B)
    hadamard(column_repeat(x, N), A) * B = hadamard(column_repeat(x, P), A * B)
    A * hadamard(row_repeat(z, N), B) = hadamard(A * B, row_repeat(z, M))
    hadamard(A, row_repeat(y, M)) * B = A * hadamard(column_repeat(y.T, P), B)

lemma functions "compositions of entrywise functions"
    X: M x N
    Y: M x N positive
    hadamard(X, X) = square(X)
    hadamard(X, reciprocal(Y)) = apply((x, y) -> x / y, X, Y)
    exp(log(Y)) = Y
    exp(log_softmax(X)) = softmax(X)

lemma normalized_rows "row sums of the softmax"
    X: M x N
    rows_sum(softmax(X)) = ones(M, 1)
