# Wesselink et al., section 3: the equations of one example x_i and those of a batch X.

lemma linear_batch "eq. (5)"
    source  "Wesselink et al."

    X: N x D
    W: K x D
    b: 1 x K
    Y: N x K
    for each row i
        y_i = x_i * W.T + b
    then
        Y = X * W.T + ones(N, 1) * b
          = X * W.T + row_repeat(b, N)

lemma centred_rows "section 3.1"
    source  "Wesselink et al."

    X, R: N x D
    let mu = ones(1, N) * X / N
    for each row i
        r_i = x_i - mu
    then
        R = X - ones(N, 1) * ones(1, N) / N * X
          = X - row_repeat(columns_mean(X), N)

lemma variance_of_columns "section 3.1"
    source  "Wesselink et al."

    R: N x D
    Sigma: 1 x D
    for each column j
        Sigma_j = r_j.T * r_j / N
    then
        Sigma = diag(R.T * R).T / N

lemma centred_columns_sum_to_zero "section 3.1"
    source  "Wesselink et al."

    X: N x D
    let R = X - ones(N, 1) * ones(1, N) / N * X
    let Sigma = diag(R.T * R).T / N
    let Z = hadamard(ones(N, 1) * inv_sqrt(Sigma), R)
    columns_sum(R) = zeros(1, D)
    columns_sum(Z) = zeros(1, D)

lemma standardized_columns "eq. (6)"
    source  "Wesselink et al."

    R, Z: N x D
    Sigma: 1 x D positive
    for each column j
        z_j = r_j * Sigma_j^(-1 / 2)
    then
        Z = hadamard(ones(N, 1) * inv_sqrt(Sigma), R)

lemma standardized_variance "eq. (6)"
    source  "Wesselink et al."

    # The second promise of (6): the columns of Z have variance 1.
    X: N x D
    let R = X - ones(N, 1) * ones(1, N) / N * X
    let Sigma = diag(R.T * R).T / N
    let Z = hadamard(ones(N, 1) * inv_sqrt(Sigma), R)
    diag(Z.T * Z).T / N = ones(1, D)

lemma scale_and_shift "eq. (7)"
    source  "Wesselink et al."

    Z, Y: N x D
    gamma, beta: 1 x D
    for each row i
        y_i = hadamard(gamma, z_i) + beta
    then
        Y = hadamard(ones(N, 1) * gamma, Z) + ones(N, 1) * beta

lemma dropout_batch "eq. (8)"
    source  "Wesselink et al."

    X: N x D
    W, R: K x D
    b: 1 x K
    Y: N x K
    let V = hadamard(W, R)
    for each row i
        y_i = x_i * V.T + b
    then
        Y = X * hadamard(W, R).T + ones(N, 1) * b
