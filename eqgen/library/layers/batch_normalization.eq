layer BatchNormalization(epsilon = 1e-5, momentum = 0.9)
    "Every feature gets mean 0 and variance 1 over the batch, then a learned scale and shift."
    source  "Wesselink et al., eqs. (6), (7), (40); Ioffe and Szegedy (2015)"

    dims    N, D
    input   X: N x D
    param   gamma: 1 x D = 1
    param   beta: 1 x D = 0
    state   mean: 1 x D = 0
    state   variance: 1 x D = 1
    output  Y: N x D

    forward
        R = X - row_repeat(columns_mean(X), N)
        Sigma = diag(R.T * R).T / N
        inv_sqrt_Sigma = inv_sqrt(Sigma + epsilon * ones(1, D))
        Z = hadamard(row_repeat(inv_sqrt_Sigma, N), R)
        Y = hadamard(row_repeat(gamma, N), Z) + row_repeat(beta, N)

    backward
        DZ     = hadamard(row_repeat(gamma, N), DY)
        Dbeta  = columns_sum(DY)
        Dgamma = columns_sum(hadamard(DY, Z))
        DX     = hadamard(
            row_repeat(inv_sqrt_Sigma / N, N),
            (N * identity(N) - ones(N, N)) * DZ - hadamard(Z, row_repeat(diag(Z.T * DZ).T, N))
        )

    update  # as in Keras: Sigma divides by N, not by N - 1
        mean'     = momentum * mean + (1 - momentum) * columns_mean(X)
        variance' = momentum * variance + (1 - momentum) * Sigma

    evaluate
        R = X - row_repeat(mean, N)
        Z = hadamard(row_repeat(inv_sqrt(variance + epsilon * ones(1, D)), N), R)
        Y = hadamard(row_repeat(gamma, N), Z) + row_repeat(beta, N)
