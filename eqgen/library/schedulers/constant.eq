scheduler Constant(eta0)
    "The learning rate stays eta0."
    source  "Wesselink et al., appendix G"

    eta(i) = eta0
