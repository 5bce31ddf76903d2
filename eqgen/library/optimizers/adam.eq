optimizer Adam(beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8)
    "Adaptive moments: steps scaled by the means of the gradient and of its square."
    source  "Kingma and Ba (2015), algorithm 1; epsilon stands outside of the root, as in PyTorch"

    state   m = 0
    state   v = 0
    m'     = beta1 * m + (1 - beta1) * Dtheta
    v'     = beta2 * v + (1 - beta2) * Dtheta^2
    m_hat  = m' / (1 - beta1^t)  # t = 1 in the first step
    v_hat  = v' / (1 - beta2^t)
    theta' = theta - eta * m_hat / (sqrt(v_hat) + epsilon)
