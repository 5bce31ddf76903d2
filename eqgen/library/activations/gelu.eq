activation GELU
    "Gaussian error linear unit, exact: x times the standard normal distribution function."
    source  "Hendrycks and Gimpel (2016), section 2"

    f(x)  = x * (1 + erf(x / sqrt(2))) / 2
    f'(x) = (1 + erf(x / sqrt(2))) / 2 + x * exp(-x^2 / 2) / sqrt(2 * pi())
