activation AllReLU(alpha)
    "Alternated leaky ReLU: slope alpha below zero, its sign alternates from layer to layer."
    source  "Curci et al. (2021)"

    f(x)  = where(x < 0, alpha * x, x)
    f'(x) = where(x < 0, alpha, 1)
