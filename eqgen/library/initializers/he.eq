initializer He
    "Normal, for layers followed by a rectifier."
    source  "Wesselink et al., appendix E; He et al. (2015)"

    W ~ normal(0, sqrt(2 / D))
