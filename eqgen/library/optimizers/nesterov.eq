optimizer Nesterov(mu = 0.9)
    "Nesterov momentum, in Keras' form."
    source  "Wesselink et al., appendix F"

    state   delta = 0
    delta' = mu * delta - eta * Dtheta
    theta' = theta + mu * delta' - eta * Dtheta
