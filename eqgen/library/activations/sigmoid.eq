activation Sigmoid
    "Logistic function."
    source  "Wesselink et al., appendix C; Hinton et al. (2012)"

    f(x)  = sigmoid(x)
    f'(x) = sigmoid(x) * (1 - sigmoid(x))
