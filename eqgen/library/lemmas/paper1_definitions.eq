# Wesselink, Grooten, van de Wetering, Xiao, Mocanu:
# Batch Matrix-form Equations and Implementation of Multilayer Perceptrons, section 2 with Table 1.

lemma gradient_definition "eq. (1)"
    source  "Wesselink et al."

    # The entries of A are the partial derivatives of the sum of all a_ij x_ij.
    A, X: M x N
    gradient(elements_sum(hadamard(A, X)), X) = A

lemma loss_gradient "eqs. (2), (3)"
    source  "Wesselink et al."

    # DY is the gradient of a loss, and DZ that of the same loss as a function of Z when Y is act(Z) for any act.
    Y, T: N x K
    gradient(elements_sum(hadamard(Y - T, Y - T)), Y) = 2 * (Y - T)

lemma loss_gradient_through_output(act) "eq. (3)"
    source  "Wesselink et al."

    Z, T: N x K
    let Y = act(Z)
    let DY = 2 * (Y - T)
    gradient(elements_sum(hadamard(Y - T, Y - T)), Z) = hadamard(DY, act'(Z))

lemma jacobian_definition "eq. (4)"
    source  "Wesselink et al."

    # Rows belong to the entries of f, columns to those of x, whether f and x are rows or columns.
    A: M x N
    x: N x 1
    jacobian(A * x, x)     = A
    jacobian((A * x).T, x) = A

lemma jacobian_definition_rows "eq. (4)"
    source  "Wesselink et al."

    A: M x N
    x: 1 x N
    jacobian(x * A.T, x)     = A
    jacobian((x * A.T).T, x) = A

lemma table_products "Table 1"
    source  "Wesselink et al."

    X, Y: M x N
    x, y: 1 x N
    u, v: M x 1
    dot(x, y) = x * y.T
    dot(u, v) = u.T * v
    identity(M) * X = X
    X * identity(N) = X
    X + zeros(M, N) = X
    hadamard(X, ones(M, N)) = X
    diag(Diag(u)) = u
    diag(Diag(x)) = x.T
    Diag(x) * x.T = hadamard(x, x).T

lemma table_sums "Table 1"
    source  "Wesselink et al."

    X: M x N
    x: M x 1
    y: 1 x N
    elements_sum(X) = ones(1, M) * X * ones(N, 1)
    columns_sum(X) = ones(1, M) * X
    rows_sum(X) = X * ones(N, 1)
    column_repeat(x, N) = x * ones(1, N)
    row_repeat(y, M) = ones(M, 1) * y

lemma table_means "Table 1"
    source  "Wesselink et al."

    # A column of an m x n matrix has m entries, and its mean divides by m.
    X: M x N
    columns_mean(X) = ones(1, M) * X / M
    rows_mean(X)    = X * ones(N, 1) / N
    printed refuted at M = 1, N = 2
        columns_mean(X) = ones(1, M) * X / N
        rows_mean(X)    = X * ones(N, 1) / M

lemma table_functions "Table 1"
    source  "Wesselink et al."

    # Table 3 adds a constant e inside of inv_sqrt. The operation here is X^(-1/2), and layers write the constant.
    X: M x N positive
    reciprocal(X) = apply(x -> 1 / x, X)
    sqrt(X) = apply(x -> x^(1 / 2), X)
    inv_sqrt(X) = apply(x -> x^(-1 / 2), X)
                = reciprocal(sqrt(X))
    log_sigmoid(X) = log(sigmoid(X))
