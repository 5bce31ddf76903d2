scheduler TimeBased(eta0, d)
    "The learning rate is divided by 1 + d i after step i."
    source  "Wesselink et al., appendix G"

    eta(0)     = eta0
    eta(i + 1) = eta(i) / (1 + d * i)
