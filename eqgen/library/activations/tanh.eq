activation Tanh
    "Hyperbolic tangent."
    source  "Wesselink et al., appendix C"

    f(x)  = tanh(x)
    f'(x) = 1 - tanh(x)^2
