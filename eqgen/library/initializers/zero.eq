initializer Zero
    "All weights 0."
    source  "Wesselink et al., appendix E, for bias vectors"

    W ~ constant(0)
