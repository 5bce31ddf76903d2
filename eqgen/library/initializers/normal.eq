initializer Normal(a, b)
    "Normal with mean a and standard deviation b."
    source  "Wesselink et al., appendix E, its notation"

    W ~ normal(a, b)
