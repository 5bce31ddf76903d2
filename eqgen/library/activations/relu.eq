activation ReLU
    "Rectified linear unit."
    source  "Wesselink et al., appendix C; Fukushima (1975)"

    f(x)  = max(0, x)
    f'(x) = where(x < 0, 0, 1)
