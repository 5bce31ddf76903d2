# Mathematical Foundations for Deep Neural Networks, part I.

lemma foundations_common_derivatives "section 2.1, gradients of common functions"
    source  "Mathematical Foundations, part I"

    x: 1 x N
    y: 1 x N positive
    jacobian(square(x), x)  = 2 * Diag(x)
    jacobian(exp(x), x)     = Diag(exp(x))
    jacobian(log(y), y)     = Diag(reciprocal(y))
    jacobian(sigmoid(x), x) = Diag(hadamard(sigmoid(x), ones(1, N) - sigmoid(x)))
    jacobian(tanh(x), x)    = Diag(ones(1, N) - square(tanh(x)))

lemma foundations_chain_rule(u) "section 2.2, vector case"
    source  "Mathematical Foundations, part I"

    # d is the gradient of a function of g at g(x).
    x: N x 1
    a, d: M x 1
    A: M x N
    let g = u(a + A * x)
    gradient(dot(d, g), x) = jacobian(g, x).T * d

lemma foundations_layer(act) "figure 2.1, forward and backward pass of a layer"
    source  "Mathematical Foundations, part I"

    x: D x 1
    W: K x D
    b, Da: K x 1
    let z = W * x + b
    let L = dot(Da, act(z))
    let Dz = hadamard(Da, act'(z))
    gradient(L, W) = Dz * x.T
    gradient(L, b) = Dz
    gradient(L, x) = W.T * Dz

lemma foundations_jacobians(act) "section 2.3, jacobians in neural networks"
    source  "Mathematical Foundations, part I"

    x: D x 1
    W: K x D
    b, z, v: K x 1
    jacobian(W * x + b, x) = W
    jacobian(act(z), z) = Diag(act'(z))
    Diag(z) * v = hadamard(z, v)

lemma foundations_weight_decay "section 1.5, L2 regularization"
    source  "Mathematical Foundations, part I"

    W: M x N
    l: 1 x 1
    gradient(l / 2 * elements_sum(square(W)), W) = l * W

lemma foundations_kl_divergence "section 3.2, relation of the entropies"
    source  "Mathematical Foundations, part I"

    p, q: 1 x C positive
    let H = -elements_sum(hadamard(p, log(p)))
    let Hpq = -elements_sum(hadamard(p, log(q)))
    let D = elements_sum(hadamard(p, log(hadamard(p, reciprocal(q)))))
    D = Hpq - H
    gradient(D, q) = gradient(Hpq, q)

lemma foundations_softmax_cross_entropy "section 3.3, softmax with cross-entropy"
    source  "Mathematical Foundations, part I"

    z, y: 1 x C
    assume  one_hot(y)
    gradient(-log(y * softmax(z).T), z) = softmax(z) - y

lemma foundations_one_hot_cross_entropy "section 3.2, cross-entropy with a one-hot target"
    source  "Mathematical Foundations, part I"

    p: 1 x C
    q: 1 x C positive
    assume  one_hot(p)
    -elements_sum(hadamard(p, log(q))) = -log(p * q.T)

lemma foundations_hessian_of_quadratic "section 2.3, the hessian of a quadratic function"
    source  "Mathematical Foundations, part I"

    H: N x N
    x, v: N x 1
    let g = H * x + H.T * x
    gradient(x.T * H * x, x) = g
    jacobian(g, x) * v = H * v + H.T * v
