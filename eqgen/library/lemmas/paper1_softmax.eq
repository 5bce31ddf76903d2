# Wesselink et al., section 5.1 and 5.2: the softmax layer.

lemma softmax_layer_batch "eqs. (9), (11)"
    source  "Wesselink et al."

    X: N x D
    W: K x D
    b: 1 x K
    Z, Y: N x K
    for each row i
        z_i = x_i * W.T + b
        y_i = softmax(z_i)
    then
        Z = X * W.T + ones(N, 1) * b
        Y = softmax(Z)

lemma softmax_vector "eq. (10)"
    source  "Wesselink et al."

    z: 1 x K
    softmax(z) = exp(z) / (exp(z) * ones(K, 1))
               = exp(z) / rows_sum(exp(z))

lemma softmax_batch "eq. (12)"
    source  "Wesselink et al."

    Z, Y: N x K
    for each row i
        y_i = exp(z_i) / (exp(z_i) * ones(K, 1))
    then
        Y = hadamard(exp(Z), reciprocal(exp(Z) * ones(K, 1)) * ones(1, K))
          = softmax(Z)

lemma softmax_jacobian "eq. (13)"
    source  "Wesselink et al."

    z: 1 x K
    let e = exp(z)
    let f = rows_sum(e)
    let y = softmax(z)
    jacobian(y, z) = jacobian(e / f, z)
                   = jacobian(e, z) / f + e.T * jacobian(1 / f, z)
                   = Diag(e) / f - e.T * e / (f * f)
                   = Diag(e / f) - (e / f).T * (e / f)
                   = Diag(y) - y.T * y

lemma softmax_gradient_of_row "section 5.1, before eq. (14)"
    source  "Wesselink et al."

    Dy, z: 1 x K
    let y = softmax(z)
    gradient(dot(Dy, y), z) = Dy * jacobian(y, z)
                            = Dy * (Diag(y) - y.T * y)
                            = hadamard(Dy, y) - Dy * y.T * y

lemma softmax_gradient_rows_to_batch "eq. (14)"
    source  "Wesselink et al."

    Y, DY, DZ: N x K
    for each row i
        Dz_i = Dy_i * (Diag(y_i) - y_i.T * y_i)
             = hadamard(Dy_i, y_i) - Dy_i * y_i.T * y_i
    then
        DZ = hadamard(DY - diag(DY * Y.T) * ones(1, K), Y)
           = hadamard(Y, DY - column_repeat(diag(DY * Y.T), K))

lemma softmax_gradient "eq. (14); Listing 6"
    source  "Wesselink et al."

    # Listing 6 writes N for K and tests it at N = K = 2, where nothing is wrong. Listing 5 has it right.
    Z, DY: N x K
    let Y = softmax(Z)
    let L = elements_sum(hadamard(DY, Y))
    gradient(L, Z) = hadamard(DY - diag(DY * Y.T) * ones(1, K), Y)
    printed ill-shaped unless N = K
        gradient(L, Z) = hadamard(Y, DY - column_repeat(diag(DY * Y.T), N))

lemma softmax_layer_gradients "eq. (15)"
    source  "Wesselink et al."

    # DZ is the gradient of the loss by Z, whatever function follows.
    X: N x D
    W: K x D
    b: 1 x K
    DZ: N x K
    let L = elements_sum(hadamard(DZ, X * W.T + ones(N, 1) * b))
    gradient(L, W) = DZ.T * X
    gradient(L, b) = ones(1, N) * DZ
    gradient(L, X) = DZ * W

lemma stable_softmax "eq. (16)"
    source  "Wesselink et al."

    z: 1 x K
    let y = z - rows_max(z) * ones(1, K)
    softmax(z) = exp(y) / (exp(y) * ones(K, 1))

lemma stable_softmax_batch "eq. (17)"
    source  "Wesselink et al."

    Z: N x K
    let Y = Z - rows_max(Z) * ones(1, K)
    softmax(Z) = hadamard(exp(Y), reciprocal(exp(Y) * ones(K, 1)) * ones(1, K))

lemma softmax_shift "section 5.2, why (16) and (17) hold"
    source  "Wesselink et al."

    # Any number may be subtracted from a row, not only its maximum.
    Z: N x K
    c: N x 1
    softmax(Z - column_repeat(c, K))     = softmax(Z)
    log_softmax(Z - column_repeat(c, K)) = log_softmax(Z)
