layer Embedding
    "Row x_i of a table for every index x_i."
    source  "Bengio et al. (2003), the matrix C of section 2"

    dims    N, V, D
    input   X: N x 1 index(V)
    param   E: V x D
    output  Y: N x D

    forward
        Y = row_gather(E, X)

    backward  # rows of E that occur several times in X sum their gradients
        DE = row_scatter_add(X, DY, V)
