# "Gradients for FF NN": weights are inputs x outputs, rows are examples. delta of layer l is DZl here, delta4 is DY.

layer FourLayers
    "Three hidden layers with ReLU and a linear one, whose outputs are logits."
    source  "Gradients for FF NN (2025), sections 2.1, 2.2 and 3"

    dims    N, D, H, C
    input   X: N x D
    param   W1: D x H
    param   b1: 1 x H
    param   W2: H x H
    param   b2: 1 x H
    param   W3: H x H
    param   b3: 1 x H
    param   W4: H x C
    param   b4: 1 x C
    output  Y: N x C

    forward
        Z1 = X * W1 + row_repeat(b1, N)
        A1 = ReLU(Z1)
        Z2 = A1 * W2 + row_repeat(b2, N)
        A2 = ReLU(Z2)
        Z3 = A2 * W3 + row_repeat(b3, N)
        A3 = ReLU(Z3)
        Y  = A3 * W4 + row_repeat(b4, N)

    backward
        DW4 = A3.T * DY
        Db4 = columns_sum(DY)
        DZ3 = hadamard(DY * W4.T, ReLU'(Z3))
        DW3 = A2.T * DZ3
        Db3 = columns_sum(DZ3)
        DZ2 = hadamard(DZ3 * W3.T, ReLU'(Z2))
        DW2 = A1.T * DZ2
        Db2 = columns_sum(DZ2)
        DZ1 = hadamard(DZ2 * W2.T, ReLU'(Z1))
        DW1 = X.T * DZ1
        Db1 = columns_sum(DZ1)
        DX  = DZ1 * W1.T

initializer RightHe
    "He for a weight with inputs in rows; library initializers take W as K x D."
    source  "He et al. (2015), eq. (10)"

    param   W: D x K
    W ~ normal(0, sqrt(2) / sqrt(D))
