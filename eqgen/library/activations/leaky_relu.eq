activation LeakyReLU(alpha = 0.01)
    "ReLU with slope alpha below zero."
    source  "Wesselink et al., appendix C; Maas et al. (2013)"

    # For alpha > 1 the maximum takes alpha x above zero, and the derivative follows.
    f(x)  = max(alpha * x, x)
    f'(x) = where(x < alpha * x, alpha, 1)
