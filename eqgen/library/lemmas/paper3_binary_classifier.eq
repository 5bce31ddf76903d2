# Matthew Jin: An Exercise in Backpropagation (2025).
# f(x) = sigmoid(max(0, x W1) w2 + b) with weights that are inputs x outputs, and the mean binary cross-entropy.

lemma jin_binary_cross_entropy_gradient "gradient of the loss by the predictions"
    source  "Jin"

    # p and y are columns, one entry an example; 0 < p < 1.
    p: N x 1
    y: N x 1
    let q = ones(N, 1) - p
    let r = ones(N, 1) - y
    let L = -elements_sum(hadamard(y, log(p)) + hadamard(r, log(q))) / N
    gradient(L, p) = (hadamard(r, reciprocal(q)) - hadamard(y, reciprocal(p))) / N

lemma jin_sigmoid_derivative "derivative of the predictions by z"
    source  "Jin"

    # The slides write the diagonal alone, a vector, for the matrix of all derivatives.
    z: N x 1
    let y = sigmoid(z)
    jacobian(y, z) = Diag(hadamard(sigmoid(z), ones(N, 1) - sigmoid(z)))
                   = Diag(hadamard(y, ones(N, 1) - y))
    printed ill-shaped unless N = 1
        jacobian(y, z) = hadamard(y, ones(N, 1) - y)

lemma jin_sigmoid_cross_entropy_gradient "gradient of the loss by z"
    source  "Jin"

    z, y: N x 1
    let p = sigmoid(z)
    let L = -elements_sum(hadamard(y, log(p)) + hadamard(ones(N, 1) - y, log(ones(N, 1) - p))) / N
    gradient(L, z) = (p - y) / N

lemma jin_output_by_hidden "derivative of z by a row of h"
    source  "Jin"

    h: 1 x H
    w: H x 1
    b: 1 x 1
    jacobian(h * w + b, h) = w.T

lemma jin_output_by_weights "derivative of z by w2"
    source  "Jin"

    h: N x H
    w: H x 1
    b: 1 x 1
    jacobian(h * w + row_repeat(b, N), w) = h

lemma jin_output_by_bias "derivative of z by b"
    source  "Jin"

    # The slides write z = h w2 + 1ᵀ b and the derivative 1ᵀ; z is a column of N entries, and so is 1.
    h: N x H
    w: H x 1
    b: 1 x 1
    jacobian(h * w + row_repeat(b, N), b) = ones(N, 1)
    printed ill-shaped unless N = 1
        jacobian(h * w + ones(1, N) * b, b)   = ones(1, N)
        jacobian(h * w + row_repeat(b, N), b) = ones(1, N)

lemma jin_relu_derivative "derivative of h by x W1"
    source  "Jin"

    # The slides give the derivative 0 at 0, ReLU here gives 1 there. At 0 there is no derivative: both are conventions.
    A: N x H
    DH: N x H
    gradient(elements_sum(hadamard(DH, ReLU(A))), A) = hadamard(DH, ReLU'(A))

lemma jin_classifier_gradients "gradients of the loss by w2, b and W1"
    source  "Jin"

    X: N x D
    W: D x H
    w: H x 1
    b: 1 x 1
    y: N x 1
    let A = X * W
    let h = ReLU(A)
    let z = h * w + row_repeat(b, N)
    let p = sigmoid(z)
    let L = -elements_sum(hadamard(y, log(p)) + hadamard(ones(N, 1) - y, log(ones(N, 1) - p))) / N
    let d = (p - y) / N
    gradient(L, w) = h.T * d
    gradient(L, b) = columns_sum(d)
    gradient(L, W) = X.T * hadamard(d * w.T, ReLU'(A))

lemma jin_batched_weight_gradient "appendix, gradient by W"
    source  "Jin"

    X: N x D
    W: D x K
    DY: N x K
    gradient(elements_sum(hadamard(DY, X * W)), W) = X.T * DY

lemma jin_batched_input_gradient "appendix, gradient by X"
    source  "Jin"

    X: N x D
    W: D x K
    DY: N x K
    gradient(elements_sum(hadamard(DY, X * W)), X) = DY * W.T
