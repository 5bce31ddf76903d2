# Wesselink et al., appendix C: activation functions and their derivatives.

lemma relu_definition "appendix C, ReLU"
    source  "Wesselink et al."

    X: M x N
    ReLU(X)  = apply(x -> max(0, x), X)
             = apply(x -> where(x < 0, 0, x), X)
    ReLU'(X) = apply(x -> where(x < 0, 0, 1), X)

lemma leaky_relu_definition "appendix C, leaky ReLU"
    source  "Wesselink et al."

    X: M x N
    alpha: 1 x 1
    LeakyReLU(X, alpha)  = apply(x -> max(alpha * x, x), X)
    LeakyReLU'(X, alpha) = apply(x -> where(x < alpha * x, alpha, 1), X)

lemma tanh_definition "appendix C, hyperbolic tangent"
    source  "Wesselink et al."

    X: M x N
    tanh(X)  = apply(x -> (exp(x) - exp(-x)) / (exp(x) + exp(-x)), X)
    Tanh'(X) = apply(x -> 1 - tanh(x)^2, X)

lemma sigmoid_definition "appendix C, sigmoid"
    source  "Wesselink et al."

    X: M x N
    sigmoid(X)  = apply(x -> 1 / (1 + exp(-x)), X)
    Sigmoid'(X) = apply(x -> sigmoid(x) * (1 - sigmoid(x)), X)

lemma activation_derivatives "appendix C"
    source  "Wesselink et al."

    x: 1 x N
    jacobian(tanh(x), x)    = Diag(apply(x -> 1 - tanh(x)^2, x))
    jacobian(sigmoid(x), x) = Diag(apply(x -> sigmoid(x) * (1 - sigmoid(x)), x))
