initializer XavierNormalized
    "Uniform, its width falls with the number of inputs D and outputs K."
    source  "Wesselink et al., appendix E; Glorot and Bengio (2010)"

    W ~ uniform(-sqrt(6) / sqrt(D + K), sqrt(6) / sqrt(D + K))
