# Identities that the prover decides: rational functions, also under sums, roots, functions, conditions, maxima,
# selections, and what follows from assumptions.

lemma partial_fractions
    X: N x D
    rows_sum(apply(x -> 1 / ((1 + x^2) * (2 + x^2)), X)) = rows_sum(apply(x -> 1 / (1 + x^2), X)) - rows_sum(apply(x -> 1 / (2 + x^2), X))
    rows_sum(apply(x -> (1 + exp(x)) / (1 + exp(x)), X)) = D * ones(N, 1)
    rows_sum(apply(x -> 1 / (1 + exp(x)) + exp(x) / (1 + exp(x)), X)) = D * ones(N, 1)
    rows_sum(apply(x -> 1 / (1 + exp(x)) + exp(x) / (2 + exp(x)), X)) = rows_sum(apply(x -> (2 + 2 * exp(x) + exp(x)^2) / ((1 + exp(x)) * (2 + exp(x))), X))
    rows_sum(apply(x -> 1 / (x * (1 + x)), X)) = rows_sum(apply(x -> 1 / x - 1 / (1 + x), X))

lemma rationals
    a, b, c: 1 x 1
    1 / a + 1 / b = (a + b) / (a * b)
    1 / (1 + 1 / (1 + 1 / a)) = (a + 1) / (2 * a + 1)
    (a^2 - b^2) / (a - b) = a + b
    (a^3 - b^3) / (a - b) = a^2 + a * b + b^2
    1 / ((a - b) * (a - c)) + 1 / ((b - c) * (b - a)) + 1 / ((c - a) * (c - b)) = zeros(1, 1)
    1 / sqrt(1 + a^2) * sqrt(1 + a^2) = ones(1, 1)
    sqrt(1 + a^2) - a^2 / sqrt(1 + a^2) = 1 / sqrt(1 + a^2)
    1 / (sqrt(2) - 1) = ones(1, 1) + sqrt(2)
    sqrt(8) = 2 * sqrt(2)
    sqrt(1 + a^2)^3 = (1 + a^2) * sqrt(1 + a^2)

lemma hyperbolic
    X: N x D
    tanh(X) = 2 * sigmoid(2 * X) - ones(N, D)
    tanh(2 * X) = apply(x -> 2 * tanh(x) / (1 + tanh(x)^2), X)
    sigmoid(X) + sigmoid(-X) = ones(N, D)
    softplus(X) - softplus(-X) = X
    log_sigmoid(X) = -softplus(-X)
    apply(x -> erf(-x), X) = -erf(X)
    erfc(X) + erfc(-X) = 2 * ones(N, D)
    apply(x -> erf(x) + erfc(x), X) = ones(N, D)
    abs(X) = apply(x -> max(x, -x), X)
    apply((x, y) -> max(x, y) + min(x, y), X, X) = 2 * X
    apply(x -> sign(x) * abs(x), X) = X
    apply(x -> max(x, 0) - max(-x, 0), X) = X
    apply(x -> abs(x)^2, X) = square(X)
    apply(x -> sqrt(x^2), X) = abs(X)

lemma two_variables
    X, Y: N x D
    apply((x, y) -> max(x, y), X, Y) = apply((x, y) -> (x + y + abs(x - y)) / 2, X, Y)
    apply((x, y) -> min(x, y), X, Y) = X + Y - apply((x, y) -> max(x, y), X, Y)
    apply((x, y) -> max(max(x, y), 0), X, Y) = apply((x, y) -> max(x, max(y, 0)), X, Y)
    apply((x, y) -> max(x + 1, y + 1), X, Y) = apply((x, y) -> max(x, y) + 1, X, Y)
    apply((x, y) -> max(2 * x, 2 * y), X, Y) = 2 * apply((x, y) -> max(x, y), X, Y)
    apply((x, y) -> where(x < y, x, y), X, Y) = apply((x, y) -> min(y, x), X, Y)
    apply((x, y) -> exp(max(x, y)), X, Y) = apply((x, y) -> max(exp(x), exp(y)), X, Y)

lemma maxima
    X: N x D
    y: N x 1
    rows_max(X + column_repeat(y, D)) = rows_max(X) + y
    rows_max(2 * X) = 2 * rows_max(X)
    rows_max(X).T = columns_max(X.T)
    rows_max(column_repeat(y, D)) = y
    rows_sum(exp(X - column_repeat(rows_max(X), D))) = hadamard(exp(-rows_max(X)), rows_sum(exp(X)))

lemma sums_of_squares
    X: N x D
    x: 1 x N
    rows_sum(square(X - column_repeat(rows_mean(X), D))) = rows_sum(square(X)) - D * square(rows_mean(X))
    square(rows_sum(x)) = elements_sum(x.T * x) * ones(1, 1)
    elements_sum(square(x.T * x)) = square(elements_sum(square(x)))
    elements_sum(X * X.T) = elements_sum(square(columns_sum(X)))
    diag(X * X.T * X * X.T) = rows_sum(square(X * X.T))
    elements_sum(hadamard(X * X.T, X * X.T)) = elements_sum(hadamard(X.T * X, X.T * X))
    rows_sum(x)^6 = elements_sum(x)^4 * elements_sum(x.T * x)

lemma traces_cyclic
    A: N x D
    B: D x K
    C: K x N
    elements_sum(diag(A * B * C)) = elements_sum(diag(B * C * A))
    elements_sum(diag(A * B * C)) = elements_sum(diag(C * A * B))
    elements_sum(diag(A * B * C * A * B * C)) = elements_sum(diag(B * C * A * B * C * A))

lemma assumed
    Z, Y: N x D
    W: N x D
    assume columns_sum(Z) == zeros(1, D)
    columns_sum(Z + Y) = columns_sum(Y)
    ones(N, N) * Z = zeros(N, D)
    columns_sum(exp(Z)) = columns_sum(exp(Z)) + columns_sum(Z)
    diag(ones(N, N) * Z * Y.T) = zeros(N, 1)

lemma assumed_rows
    T, L: N x K
    assume rows_sum(T) == ones(N, 1)
    hadamard(L, column_repeat(rows_sum(T), K)) = L
    elements_sum(T) = N * ones(1, 1)

lemma ordered
    a, b: 1 x 1
    x: 1 x 1
    assume a < b
    where(x < a, 1, 0) * where(x > b, 1, 0) = zeros(1, 1)
    where(a < b, x, 0) = x
    abs(b - a) = b - a
    max(a, b) = b

lemma onehot(act)
    T: N x K
    Y: N x K
    assume one_hot(T)
    hadamard(T, T) = T
    T * ones(K, 1) = ones(N, 1)
    rows_sum(hadamard(T, act(Y))) = act(rows_sum(hadamard(T, Y)))
    diag(T * T.T) = ones(N, 1)
    elements_sum(T) = N * ones(1, 1)
    exp(T) = ones(N, K) + (exp(1) - 1) * T
    T.T * T = Diag(columns_sum(T))

lemma gathers
    X: N x 1 index(V)
    E: V x D
    G: N x D
    row_gather(exp(E), X) = exp(row_gather(E, X))
    elements_sum(hadamard(row_gather(E, X), G)) = elements_sum(hadamard(E, row_scatter_add(X, G, V)))
    columns_sum(row_scatter_add(X, G, V)) = columns_sum(G)
    row_gather(identity(V), X) * E = row_gather(E, X)
    gradient(elements_sum(square(row_gather(E, X))), E) = 2 * row_scatter_add(X, row_gather(E, X), V)

lemma deltas
    X: N x N
    exp(identity(N)) = ones(N, N) + (exp(1) - 1) * identity(N)
    apply(x -> 1 / (1 + x), identity(N)) = ones(N, N) - identity(N) / 2
    hadamard(identity(N), X) = Diag(diag(X))
    elements_sum(hadamard(identity(N), X)) = elements_sum(diag(X))

lemma constants
    3 * ones(2, 3) = ones(2, 3) + 2 * ones(2, 3)
    elements_sum(ones(2, 3)) = 6 * ones(1, 1)
    pi() * ones(1, 1) = pi()
    log(6) = log(2) + log(3)
    exp(2) = exp(1)^2
    sqrt(12) / 2 = sqrt(3)
    2^(1/3) * 4^(1/3) = 2 * ones(1, 1)
