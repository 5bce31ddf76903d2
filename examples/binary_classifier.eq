# "An Exercise in Backpropagation": weights are inputs x outputs, the loss is a mean. No hidden bias, as printed there.

layer BinaryClassifier
    "f(x) = sigmoid(max(0, x W1) W2 + b), the probability of class 1 for each row x."
    source  "Jin (2025), An Exercise in Backpropagation"

    dims    N, D, H
    input   X: N x D
    param   W1: D x H
    param   W2: H x 1
    param   b: 1 x 1
    output  Y: N x 1

    forward
        U = X * W1
        A = ReLU(U)
        Z = A * W2 + row_repeat(b, N)
        Y = sigmoid(Z)

    backward
        DZ  = hadamard(DY, hadamard(Y, ones(N, 1) - Y))
        DW2 = A.T * DZ
        Db  = columns_sum(DZ)
        DA  = DZ * W2.T
        DU  = hadamard(DA, ReLU'(U))
        DW1 = X.T * DU
        DX  = DU * W1.T

loss MeanBinaryCrossEntropy
    "Mean of the binary cross-entropies of probabilities Y with respect to targets T."
    source  "Jin (2025), An Exercise in Backpropagation"

    dims    N, K
    input   Y: N x K
    target  T: N x K
    L  = -elements_sum(xlogy(T, Y) + xlogy(ones(N, K) - T, ones(N, K) - Y)) / N
    DY = (xdivy(ones(N, K) - T, ones(N, K) - Y) - xdivy(T, Y)) / N
