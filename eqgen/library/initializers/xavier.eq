initializer Xavier
    "Uniform, its width falls with the number of inputs D."
    source  "Wesselink et al., appendix E; Glorot and Bengio (2010)"

    W ~ uniform(-1 / sqrt(D), 1 / sqrt(D))
