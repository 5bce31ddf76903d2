optimizer Momentum(mu = 0.9)
    "Gradient descent with momentum, in Keras' form."
    source  "Wesselink et al., appendix F"

    state   delta = 0
    delta' = mu * delta - eta * Dtheta
    theta' = theta + delta'
