activation SiLU
    "Sigmoid-weighted linear unit, also called swish."
    source  "Elfwing et al. (2018)"

    f(x)  = x * sigmoid(x)
    f'(x) = sigmoid(x) * (1 + x * (1 - sigmoid(x)))
