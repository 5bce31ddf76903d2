loss CrossEntropy
    "Cross-entropy of probabilities Y with respect to targets T."
    source  "Wesselink et al., eq. (45)"

    # T log(Y) and T / Y are 0 where T is 0, also for a probability that is rounded to 0.
    dims    N, K
    input   Y: N x K
    target  T: N x K
    L  = -elements_sum(xlogy(T, Y))
    DY = -xdivy(T, Y)
