loss BinaryCrossEntropy
    "Sum of the binary cross-entropies of probabilities Y with respect to targets T."
    source  "Bishop (2006), eq. (4.90)"

    # The terms of T and of 1 - T are 0 where T or 1 - T is 0, also for a probability that is rounded to 0 or 1.
    dims    N, K
    input   Y: N x K
    target  T: N x K
    L  = -elements_sum(xlogy(T, Y) + xlogy(ones(N, K) - T, ones(N, K) - Y))
    DY = xdivy(ones(N, K) - T, ones(N, K) - Y) - xdivy(T, Y)
