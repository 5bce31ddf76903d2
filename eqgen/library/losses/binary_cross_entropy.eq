loss BinaryCrossEntropy
    "Sum of the binary cross-entropies of probabilities Y with respect to targets T."
    source  "Bishop (2006), eq. (4.90)"

    # The terms of T and of 1 - T are 0 where T or 1 - T is 0, also for a probability that is rounded to 0 or 1.
    dims    N, K
    input   Y: N x K
    target  T: N x K
    U  = ones(N, K) - T
    V  = ones(N, K) - Y
    L  = -elements_sum(xlogy(T, Y) + xlogy(U, V))
    DY = xdivy(U, V) - xdivy(T, Y)
