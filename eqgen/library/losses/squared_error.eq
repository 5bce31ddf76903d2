loss SquaredError
    "Sum of the squared errors."
    source  "Wesselink et al., eq. (44)"

    dims    N, K
    input   Y: N x K
    target  T: N x K
    L  = elements_sum(hadamard(Y - T, Y - T))
    DY = 2 * (Y - T)
