# Gradients for FF NN (2025).
# Weights are inputs x outputs, rows are examples; four layers and the mean cross-entropy of the softmax.

lemma ff_softmax_jacobian "section 2, jacobian of the softmax"
    source  "Gradients for FF NN"

    # Entry (i, k) is -S_i S_k for i /= k and S_i (1 - S_i) for i = k. The text above the matrix says -S_i S_i for the
    # first case.
    z: 1 x C
    let e = exp(z)
    let f = elements_sum(e)
    let S = softmax(z)
    jacobian(S, z) = Diag(e) / f - e.T * e / f^2
                   = Diag(S) - S.T * S
    diag(jacobian(S, z)).T = hadamard(S, ones(1, C) - S)
    printed refuted at C = 2
        jacobian(S, z) = Diag(S) - square(S).T * ones(1, C)

lemma ff_cross_entropy_gradient "section 2, gradient by the softmax"
    source  "Gradients for FF NN"

    S: 1 x C positive
    y: 1 x C
    gradient(-elements_sum(hadamard(y, log(S))), S) = -hadamard(y, reciprocal(S))

lemma ff_softmax_cross_entropy_gradient "section 2, gradient by the logits"
    source  "Gradients for FF NN"

    z, y: 1 x C
    assume  one_hot(y)
    let S = softmax(z)
    gradient(-elements_sum(hadamard(y, log(S))), z) = -hadamard(y, reciprocal(S)) * jacobian(S, z)
                                                    = -y + S * elements_sum(y)
                                                    = S - y

lemma ff_mean_cross_entropy_gradient "sections 1 and 3, gradient by the logits of a batch"
    source  "Gradients for FF NN"

    Z, Y: B x C
    assume  one_hot(Y)
    gradient(-elements_sum(hadamard(Y, log(softmax(Z)))) / B, Z) = (softmax(Z) - Y) / B

lemma ff_output_bias_gradient "section 2, gradient by b4"
    source  "Gradients for FF NN"

    a: 1 x H
    W: H x C
    b, delta: 1 x C
    let z = a * W + b
    jacobian(z, b) = identity(C)
    gradient(dot(delta, z), b) = delta * identity(C)
                               = delta

lemma ff_output_weight_gradient(act) "section 2, gradient by W4"
    source  "Gradients for FF NN"

    z: 1 x H
    W: H x C
    b, delta: 1 x C
    gradient(dot(delta, act(z) * W + b), W) = act(z).T * delta

lemma ff_hidden_jacobians(act) "section 2, the factors of the gradient by b3"
    source  "Gradients for FF NN"

    a, z, b: 1 x H
    W: H x C
    c: 1 x C
    jacobian(a * W + c, a) = W.T
    jacobian(act(z), z)    = Diag(act'(z))
    jacobian(z + b, b)     = identity(H)

lemma ff_hidden_bias_gradient(act) "section 2, gradient by b3"
    source  "Gradients for FF NN"

    a: 1 x D
    V: D x H
    b: 1 x H
    W: H x C
    c, delta: 1 x C
    let z = a * V + b
    gradient(dot(delta, act(z) * W + c), b) = delta * W.T * Diag(act'(z)) * identity(H)
                                            = hadamard(delta * W.T, act'(z))

lemma ff_delta_recursion(act) "sections 2 and 2.1, delta of a layer from that of the next"
    source  "Gradients for FF NN"

    z: 1 x H
    W: H x C
    b, delta: 1 x C
    gradient(dot(delta, act(z) * W + b), z) = hadamard(delta * W.T, act'(z))

lemma ff_hidden_weight_gradient(act) "sections 2 and 2.1, gradient by W3"
    source  "Gradients for FF NN"

    z: 1 x D
    V: D x H
    b: 1 x H
    W: H x C
    c, delta: 1 x C
    let y = act(z) * V + b
    let d = hadamard(delta * W.T, act'(y))
    gradient(dot(delta, act(y) * W + c), V) = act(z).T * d
    gradient(dot(delta, act(y) * W + c), b) = d

lemma ff_batch_gradients(act) "section 3, sums over the batch divided by B"
    source  "Gradients for FF NN"

    # delta holds one row an example, without the factor 1 / B.
    Z: B x P
    W: P x K
    b: 1 x K
    delta: B x K
    let L = elements_sum(hadamard(delta, act(Z) * W + row_repeat(b, B))) / B
    gradient(L, b) = 1 / B * ones(1, B) * delta
    gradient(L, W) = 1 / B * act(Z).T * delta
    gradient(L, Z) = 1 / B * hadamard(delta * W.T, act'(Z))

lemma ff_four_layers_fourth "section 2.2, delta4 and the gradients by b4 and W4"
    source  "Gradients for FF NN"

    z3: 1 x H
    W: H x C
    b, y: 1 x C
    assume  one_hot(y)
    let z4 = ReLU(z3) * W + b
    let L = -elements_sum(hadamard(y, log_softmax(z4)))
    let delta4 = softmax(z4) - y
    gradient(L, b)  = delta4
    gradient(L, W)  = ReLU(z3).T * delta4
    gradient(L, z3) = hadamard(delta4 * W.T, ReLU'(z3))

lemma ff_four_layers_hidden "section 2.2, delta3, delta2, delta1 and the gradients by b3, W3, b2, W2, b1, W1"
    source  "Gradients for FF NN"

    # y is the output of the layer below, x for the first layer; delta is that of the layer above. The last line of
    # section 2.2 gives the gradient by W1 the name of that by W2, which is W here when V is W1.
    y: 1 x G
    V: G x H
    a: 1 x H
    W: H x C
    b, delta: 1 x C
    let z = y * V + a
    let L = dot(delta, ReLU(z) * W + b)
    let d = hadamard(delta * W.T, ReLU'(z))
    gradient(L, a) = d
    gradient(L, V) = y.T * d
    gradient(L, y) = d * V.T
    printed ill-shaped unless C = H, G = H
        gradient(L, W) = y.T * d
