loss MeanSquaredError
    "Mean of the squared errors over all entries."
    source  "Wesselink et al., appendix D"

    dims    N, K
    input   Y: N x K
    target  T: N x K
    L  = elements_sum(hadamard(Y - T, Y - T)) / (K * N)
    DY = 2 * (Y - T) / (K * N)
