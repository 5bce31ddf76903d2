activation TReLU(epsilon)
    "Trimmed ReLU: values below epsilon are cut off."
    source  "Konda et al. (2015), truncated rectification"

    f(x)  = where(x < epsilon, 0, x)
    f'(x) = where(x < epsilon, 0, 1)
