# "Back propagation for Deep Feedforward Neural Networks": weights are outputs x inputs, rows are examples.

layer TanhNeurons
    "x' = tanh(W x + b) for the example x in each row. G, the gradient of the unactivated neurons, is DZ here."
    source  "Avram (2025), Back propagation for Deep Feedforward Neural Networks"

    dims    N, D, K
    input   X: N x D
    param   W: K x D
    param   b: 1 x K
    output  Y: N x K

    forward
        Z = X * W.T + row_repeat(b, N)
        Y = tanh(Z)

    backward
        DZ = hadamard(DY, ones(N, K) - square(Y))
        DW = DZ.T * X
        Db = columns_sum(DZ)
        DX = DZ * W

loss NextCharacter
    "Negative log-likelihood of the next characters T, given the logits Y; DY is x(n) - y_onehot of the paper."
    source  "Avram (2025); Bengio et al. (2003), section 2"

    dims    N, V
    input   Y: N x V
    target  T: N x V
    L  = -elements_sum(hadamard(T, log_softmax(Y)))
    DY = hadamard(softmax(Y), column_repeat(rows_sum(T), V)) - T
    when one_hot(T)
        DY = softmax(Y) - T
