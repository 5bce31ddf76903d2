layer LayerNormalization(epsilon = 1e-5)
    "Every row gets mean 0 and variance 1 over its features, then a learned scale and shift."
    source  "Ba et al. (2016); the gradients are those of Wesselink et al., eq. (40), for rows"

    dims    N, D
    input   X: N x D
    param   gamma: 1 x D = 1
    param   beta: 1 x D = 0
    output  Y: N x D

    forward
        R = X - column_repeat(rows_mean(X), D)
        Sigma = diag(R * R.T) / D
        inv_sqrt_Sigma = inv_sqrt(Sigma + epsilon * ones(N, 1))
        Z = hadamard(column_repeat(inv_sqrt_Sigma, D), R)
        Y = hadamard(row_repeat(gamma, N), Z) + row_repeat(beta, N)

    backward
        DZ     = hadamard(row_repeat(gamma, N), DY)
        Dbeta  = columns_sum(DY)
        Dgamma = columns_sum(hadamard(DY, Z))
        DX     = hadamard(
            column_repeat(inv_sqrt_Sigma / D, D),
            DZ * (D * identity(D) - ones(D, D)) - hadamard(Z, column_repeat(diag(Z * DZ.T), D))
        )
