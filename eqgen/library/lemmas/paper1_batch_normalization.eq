# Wesselink et al., appendix A.1: derivation of the batch normalization layer.

lemma centring_of_column "eq. (33)"
    source  "Wesselink et al."

    x: N x 1
    x - ones(N, 1) * ones(1, N) / N * x = (identity(N) - ones(N, 1) * ones(1, N) / N) * x

lemma standardization_of_column "eqs. (33)-(35)"
    source  "Wesselink et al."

    # Column j of the batch equations (6).
    X, R, Z: N x D
    Sigma: 1 x D positive
    for each column j
        r_j = (identity(N) - ones(N, 1) * ones(1, N) / N) * x_j
        z_j = r_j * inv_sqrt(Sigma_j)
    then
        R = X - ones(N, 1) * ones(1, N) / N * X
        Z = hadamard(ones(N, 1) * inv_sqrt(Sigma), R)

lemma standardization_jacobian "eqs. (36), (37)"
    source  "Wesselink et al."

    # (36) leaves the identity matrix out: a scalar minus an N x N matrix.
    r: N x 1
    let sigma = r.T * r / N
    let s = sigma^(-1 / 2)
    let z = r * s
    jacobian(sigma, r) = 2 * r.T / N
    jacobian(z, r)     = jacobian(r, r) * s + r * jacobian(s, r)
                       = s * identity(N) - r * (sigma^(-3 / 2) / 2) * jacobian(sigma, r)
                       = s * identity(N) - r * (sigma^(-3 / 2) / 2) * (2 * r.T / N)
                       = s / N * (N * identity(N) - sigma^(-1) * r * r.T)
                       = s / N * (N * identity(N) - z * z.T)
    printed ill-shaped unless N = 1
        jacobian(z, r) = s - r * (sigma^(-3 / 2) / 2) * jacobian(sigma, r)
        jacobian(z, r) = s - r * (sigma^(-3 / 2) / 2) * (2 * r.T / N)

lemma standardization_gradient "eq. (38)"
    source  "Wesselink et al."

    # For a column vector Dr is the transpose of the derivative.
    r, Dz: N x 1
    let sigma = r.T * r / N
    let z = r * inv_sqrt(sigma)
    gradient(dot(Dz, z), r) = jacobian(z, r).T * Dz
                            = inv_sqrt(sigma) / N * (N * identity(N) - z * z.T) * Dz

lemma centring_gradient "eq. (39)"
    source  "Wesselink et al."

    x, Dr: N x 1
    let r = (identity(N) - ones(N, 1) * ones(1, N) / N) * x
    gradient(dot(Dr, r), x) = jacobian(r, x).T * Dr
                            = (identity(N) - ones(N, 1) * ones(1, N) / N) * Dr

lemma batch_normalization_gradient_of_column "before eq. (40)"
    source  "Wesselink et al."

    # The last step uses that the column sum of z is zero.
    x, Dz: N x 1
    let I = identity(N)
    let J = ones(N, 1) * ones(1, N)
    let r = (I - J / N) * x
    let sigma = r.T * r / N
    let z = r * inv_sqrt(sigma)
    let s = inv_sqrt(sigma) / N
    ones(1, N) * z = zeros(1, 1)
    gradient(dot(Dz, z), x) = s * (I - J / N) * (N * I - z * z.T) * Dz
                            = s * (N * I - z * z.T - J + J * z * z.T / N) * Dz
                            = s * ((N * I - J) * Dz - z * z.T * Dz)

lemma batch_normalization_columns_to_batch "eq. (40)"
    source  "Wesselink et al."

    Z, DZ, DX: N x D
    Sigma: 1 x D positive
    let C = N * identity(N) - ones(N, 1) * ones(1, N)
    let S = 1 / N * ones(N, 1) * inv_sqrt(Sigma)
    for each column j
        Dx_j = inv_sqrt(Sigma_j) / N * (C * Dz_j - z_j * z_j.T * Dz_j)
    then
        DX = hadamard(S, C * DZ - hadamard(Z, ones(N, 1) * diag(Z.T * DZ).T))

lemma batch_normalization_input_gradient "eq. (40)"
    source  "Wesselink et al."

    X, DZ: N x D
    let R = X - ones(N, 1) * ones(1, N) / N * X
    let Sigma = diag(R.T * R).T / N
    let Z = hadamard(ones(N, 1) * inv_sqrt(Sigma), R)
    let C = N * identity(N) - ones(N, 1) * ones(1, N)
    let S = 1 / N * ones(N, 1) * inv_sqrt(Sigma)
    let L = elements_sum(hadamard(DZ, Z))
    gradient(L, X) = hadamard(S, C * DZ - hadamard(Z, ones(N, 1) * diag(Z.T * DZ).T))

lemma batch_normalization_scale_and_shift "after eq. (40)"
    source  "Wesselink et al."

    z, gamma, beta, Dy: 1 x D
    let y = hadamard(gamma, z) + beta
    gradient(dot(Dy, y), beta)  = Dy
    gradient(dot(Dy, y), gamma) = hadamard(Dy, z)
    gradient(dot(Dy, y), z)     = hadamard(gamma, Dy)

lemma batch_normalization_parameter_gradients "appendix A, batch normalization layer"
    source  "Wesselink et al."

    Z, DY: N x D
    gamma, beta: 1 x D
    let L = elements_sum(hadamard(DY, hadamard(ones(N, 1) * gamma, Z) + ones(N, 1) * beta))
    gradient(L, Z)     = hadamard(ones(N, 1) * gamma, DY)
    gradient(L, beta)  = ones(1, N) * DY
    gradient(L, gamma) = ones(1, N) * hadamard(DY, Z)
