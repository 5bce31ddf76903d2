optimizer AdamW(beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, decay = 0.01)
    "Adam with a weight decay that does not pass through the moments."
    source  "Loshchilov and Hutter (2019), algorithm 2; the decay is scaled by eta, as in PyTorch"

    state   m = 0
    state   v = 0
    m'     = beta1 * m + (1 - beta1) * Dtheta
    v'     = beta2 * v + (1 - beta2) * Dtheta^2
    m_hat  = m' / (1 - beta1^t)  # t = 1 in the first step
    v_hat  = v' / (1 - beta2^t)
    theta' = (1 - eta * decay) * theta - eta * m_hat / (sqrt(v_hat) + epsilon)
