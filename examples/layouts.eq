# The library holds one example in each row of X and computes X W'. Other books and frameworks have other conventions;
# the equations say which one a layer follows, and nothing else has to know.

layer ColumnLinear
    "Linear map of a batch with one example in each column, W X + b."
    source  "the layout of most textbooks, W x + b for a column x"

    dims    N, D, K
    input   X: D x N
    param   W: K x D
    param   b: K x 1
    output  Y: K x N

    forward
        Y = W * X + column_repeat(b, N)

    backward
        DW = DY * X.T
        Db = rows_sum(DY)
        DX = W.T * DY

layer RightLinear
    "Linear map with the weights on the right, X W + b."
    source  "the layout of Keras: inputs in the rows of W, outputs in its columns"

    dims    N, D, K
    input   X: N x D
    param   W: D x K
    param   b: 1 x K
    output  Y: N x K

    forward
        Y = X * W + row_repeat(b, N)

    backward
        DW = X.T * DY
        Db = columns_sum(DY)
        DX = DY * W.T

initializer RightXavierNormalized
    "XavierNormalized for a weight with inputs in rows; library initializers take W as K x D."
    source  "Glorot and Bengio (2010), eq. (16)"

    param   W: D x K
    W ~ uniform(-sqrt(6) / sqrt(D + K), sqrt(6) / sqrt(D + K))
