# Aaron Avram: Back propagation for Deep Feedforward Neural Networks (2025).
# One example is a column x, a layer is x' = act(W x + b). In a batch the rows are the examples.
# Its jacobians have a row for every input and a column for every output: the transposes of the ones here.

lemma avram_activation_jacobian(act) "back prop, gradient of x by z"
    source  "Avram"

    z: K x 1
    jacobian(act(z), z) = Diag(act'(z))

lemma avram_linear_jacobian "back prop, jacobian of z by x"
    source  "Avram"

    x: D x 1
    W: K x D
    b: K x 1
    jacobian(W * x + b, x).T = W.T

lemma avram_layer_jacobian(act) "back prop, jacobian of a layer by the layer below"
    source  "Avram"

    # Each row of the transposed weights is scaled by the derivatives, which are copied on top of each other.
    x: D x 1
    W: K x D
    b: K x 1
    let z = W * x + b
    jacobian(act(z), x).T = W.T * Diag(act'(z))
                          = hadamard(W.T, row_repeat(act'(z).T, D))

lemma avram_layer_input_gradient(act) "back prop, the recursion"
    source  "Avram"

    x: D x 1
    W: K x D
    b, Dy: K x 1
    let z = W * x + b
    gradient(dot(Dy, act(z)), x) = jacobian(act(z), x).T * Dy
                                 = W.T * hadamard(Dy, act'(z))

lemma avram_weight_jacobian "back prop, jacobian of z by W"
    source  "Avram"

    # Column j holds the derivatives of z_j by row j of W. The second matrix of the document has x as its rows: it is
    # the transpose of the matrix that it is meant to be.
    x: D x 1
    W: K x D
    b: K x 1
    gradient(elements_sum(W * x + b), W).T = column_repeat(x, K)
    printed ill-shaped unless D = K
        gradient(elements_sum(W * x + b), W).T = row_repeat(x.T, K)

lemma avram_weight_gradient(act) "back prop, gradient of x by W"
    source  "Avram"

    # A D x K matrix, the transpose of the shape of W.
    x: D x 1
    W: K x D
    b, Dy: K x 1
    let z = W * x + b
    gradient(elements_sum(act(z)), W).T = hadamard(column_repeat(x, K), row_repeat(act'(z).T, D))
                                        = x * act'(z).T
    gradient(dot(Dy, act(z)), W) = hadamard(Dy, act'(z)) * x.T
    printed ill-shaped unless D = K
        gradient(elements_sum(act(z)), W).T = hadamard(
            row_repeat(x.T, K),
            column_repeat(act'(z), D)
        )

lemma avram_bias_gradient(act) "back prop, gradient of x by b"
    source  "Avram"

    x: D x 1
    W: K x D
    b, Dy: K x 1
    let z = W * x + b
    gradient(elements_sum(z), b) = ones(K, 1)
    gradient(elements_sum(act(z)), b) = act'(z)
    gradient(dot(Dy, act(z)), b) = hadamard(Dy, act'(z))

lemma avram_softmax_cross_entropy "implementation, softmax with cross-entropy"
    source  "Avram"

    Z, T: N x K
    assume  one_hot(T)
    gradient(-elements_sum(hadamard(T, log(softmax(Z)))), Z) = softmax(Z) - T

lemma avram_batch_weight_gradient "implementation, gradient of W for a batch"
    source  "Avram"

    # The sum over p of G_pk x_pj is entry (j, k) of Xᵀ G; the document writes Gᵀ X, its transpose.
    X: N x D
    W: K x D
    b: 1 x K
    G: N x K
    let L = elements_sum(hadamard(G, X * W.T + row_repeat(b, N)))
    gradient(L, W).T = X.T * G
    gradient(L, W)   = G.T * X
    printed ill-shaped unless D = K
        gradient(L, W).T = G.T * X

lemma avram_batch_bias_gradient "implementation, gradient of b for a batch"
    source  "Avram"

    X: N x D
    W: K x D
    b: 1 x K
    G: N x K
    gradient(elements_sum(hadamard(G, X * W.T + row_repeat(b, N))), b) = columns_sum(G)

lemma avram_batch_input_gradient "implementation, gradient of X for a batch"
    source  "Avram"

    X: N x D
    W: K x D
    b: 1 x K
    G: N x K
    gradient(elements_sum(hadamard(G, X * W.T + row_repeat(b, N))), X) = G * W

lemma avram_embedding_gradient "implementation, the embedding matrix"
    source  "Avram"

    input   X: N x 1 index(V)
    E: V x D
    DY: N x D
    gradient(elements_sum(hadamard(DY, row_gather(E, X))), E) = row_scatter_add(X, DY, V)
