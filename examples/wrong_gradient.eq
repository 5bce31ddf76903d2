# Wrong on purpose, for the message that it gives. The backward equation sums over the batch, not over the classes.
layer SoftmaxRegression
    dims    N, D, K
    input   X: N x D
    param   W: K x D
    param   b: 1 x K
    output  Y: N x K

    forward
        Z = X * W.T + row_repeat(b, N)
        Y = softmax(Z)

    backward
        DZ = hadamard(Y, DY - row_repeat(columns_sum(hadamard(DY, Y)), N))
        DW = DZ.T * X
        Db = columns_sum(DZ)
        DX = DZ * W
