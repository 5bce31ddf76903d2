scheduler StepBased(eta0, d, r)
    "The learning rate is multiplied by d every r steps."
    source  "Wesselink et al., appendix G"

    eta(i) = eta0 * d^floor((1 + i) / r)
