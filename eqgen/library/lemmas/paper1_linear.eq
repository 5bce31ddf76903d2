# Wesselink et al., appendix A.1: derivation of the linear layer and of the activation.

lemma linear_input_gradient_of_row "eq. (29)"
    source  "Wesselink et al."

    x: 1 x D
    W: K x D
    b, Dy: 1 x K
    let y = x * W.T + b
    gradient(dot(Dy, y), x) = Dy * jacobian(y, x)
                            = Dy * W

lemma linear_input_gradient "eq. (29)"
    source  "Wesselink et al."

    DY: N x K
    W: K x D
    DX: N x D
    for each row i
        Dx_i = Dy_i * W
    then
        DX = DY * W

lemma linear_bias_gradient_of_row "eq. (30)"
    source  "Wesselink et al."

    x: 1 x D
    W: K x D
    b, Dy: 1 x K
    let y = x * W.T + b
    jacobian(y, b) = identity(K)
    gradient(dot(Dy, y), b) = Dy * identity(K)
                            = Dy

lemma linear_bias_gradient "eq. (30)"
    source  "Wesselink et al."

    X: N x D
    W: K x D
    b: 1 x K
    DY: N x K
    let Y = X * W.T + ones(N, 1) * b
    gradient(elements_sum(hadamard(DY, Y)), b) = ones(1, N) * DY

lemma linear_weight_gradient_of_entry "eq. (31), the derivative of one output"
    source  "Wesselink et al."

    # Output i of example n is y = x w + b with w = w_i, and no other row of W takes part in it.
    x, w: 1 x D
    b, Dy: 1 x 1
    let y = x * w.T + b
    jacobian(y, w) = x
    gradient(Dy * y, w) = Dy * x

lemma linear_weight_gradient_of_row "eq. (31)"
    source  "Wesselink et al."

    # Row i of DW is the sum over the examples n of the i-th entry of Dy_n times x_n.
    X: N x D
    w: 1 x D
    b: 1 x 1
    d: N x 1
    let y = X * w.T + column_repeat(b, 1) * ones(N, 1)
    gradient(dot(d, y), w) = columns_sum(hadamard(column_repeat(d, D), X))
                           = d.T * X

lemma linear_weight_gradient "eq. (31)"
    source  "Wesselink et al."

    X: N x D
    W: K x D
    b: 1 x K
    DY: N x K
    let Y = X * W.T + ones(N, 1) * b
    gradient(elements_sum(hadamard(DY, Y)), W) = DY.T * X

lemma linear_layer "appendix A, linear layer"
    source  "Wesselink et al."

    X: N x D
    W: K x D
    b: 1 x K
    DY: N x K
    let L = elements_sum(hadamard(DY, X * W.T + row_repeat(b, N)))
    gradient(L, W) = DY.T * X
    gradient(L, b) = columns_sum(DY)
    gradient(L, X) = DY * W

lemma activation_gradient(act) "appendix A, activation layer"
    source  "Wesselink et al."

    Z, DY: N x K
    gradient(elements_sum(hadamard(DY, act(Z))), Z) = hadamard(DY, act'(Z))
