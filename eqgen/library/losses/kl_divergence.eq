loss KLDivergence
    "Kullback-Leibler divergence of probabilities Y from targets T."
    source  "Kullback and Leibler (1951)"

    # T log(T / Y), written so that it is 0 where T is 0: 0 log(0) does not occur.
    dims    N, K
    input   Y: N x K
    target  T: N x K
    L  = elements_sum(xlogy(T, T) - xlogy(T, Y))
    DY = -xdivy(T, Y)
