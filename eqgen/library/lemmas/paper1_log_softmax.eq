# Wesselink et al., appendix A.1 (log-softmax layer), appendix C.1 and C.2 (softmax functions).

lemma log_softmax_gradient_of_row "before eq. (32)"
    source  "Wesselink et al."

    Dy, z: 1 x K
    gradient(dot(Dy, log_softmax(z)), z) = Dy * jacobian(log_softmax(z), z)
                                         = Dy * (identity(K) - ones(K, 1) * softmax(z))
                                         = Dy - Dy * ones(K, 1) * softmax(z)

lemma log_softmax_gradient_rows_to_batch "eq. (32)"
    source  "Wesselink et al."

    Z, DY, DZ: N x K
    for each row i
        Dz_i = Dy_i - Dy_i * ones(K, 1) * softmax(z_i)
    then
        DZ = DY - hadamard(softmax(Z), DY * ones(K, 1) * ones(1, K))
           = DY - hadamard(softmax(Z), column_repeat(rows_sum(DY), K))

lemma log_softmax_gradient "eq. (32)"
    source  "Wesselink et al."

    Z, DY: N x K
    let L = elements_sum(hadamard(DY, log_softmax(Z)))
    gradient(L, Z) = DY - hadamard(softmax(Z), DY * ones(K, 1) * ones(1, K))

lemma log_softmax_definition "appendix C.1"
    source  "Wesselink et al."

    X: N x D
    x: 1 x D
    log_softmax(x) = log(softmax(x))
                   = x - log(exp(x) * ones(D, 1)) * ones(1, D)
    log_softmax(X) = log(softmax(X))
                   = X - log(exp(X) * ones(D, 1)) * ones(1, D)

lemma stable_log_softmax "appendix C.1"
    source  "Wesselink et al."

    X: N x D
    x: 1 x D
    let z = x - rows_max(x) * ones(1, D)
    let Z = X - rows_max(X) * ones(1, D)
    log_softmax(x) = z - log(exp(z) * ones(D, 1)) * ones(1, D)
    log_softmax(X) = Z - log(exp(Z) * ones(D, 1)) * ones(1, D)

lemma softmax_jacobian_41 "eq. (41)"
    source  "Wesselink et al."

    x: 1 x D
    jacobian(softmax(x), x) = Diag(softmax(x)) - softmax(x).T * softmax(x)

lemma log_softmax_jacobian_42 "eq. (42)"
    source  "Wesselink et al."

    x: 1 x D
    jacobian(log_softmax(x), x) = identity(D) - ones(D, 1) * softmax(x)

lemma log_softmax_jacobian_43 "eq. (43)"
    source  "Wesselink et al."

    x: 1 x D
    let y = softmax(x)
    jacobian(log(softmax(x)), x) = Diag(reciprocal(y)) * jacobian(softmax(x), x)
                                 = Diag(reciprocal(y)) * (Diag(y) - y.T * y)
                                 = identity(D) - Diag(reciprocal(y)) * y.T * y
                                 = identity(D) - ones(D, 1) * y
                                 = identity(D) - ones(D, 1) * softmax(x)

lemma logarithm_jacobian "eq. (43), its first step"
    source  "Wesselink et al."

    y: 1 x D positive
    jacobian(log(y), y) = Diag(reciprocal(y))
