initializer Uniform(a, b)
    "Uniform on the interval from a to b."
    source  "Wesselink et al., appendix E"

    W ~ uniform(a, b)
