scheduler Exponential(eta0, d)
    "The learning rate decays exponentially."
    source  "Wesselink et al., appendix G"

    eta(i) = eta0 * exp(-d * i)
