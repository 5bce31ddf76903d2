activation Softplus
    "Smooth ReLU, log(1 + e^x)."
    source  "Dugas et al. (2001)"

    f(x)  = softplus(x)
    f'(x) = sigmoid(x)
