function xlogy(X: M x N, Y: M x N)
    "X log(Y) entry by entry, and 0 where X is 0, also for Y = 0."
    source  "the convention 0 log(0) = 0 of entropies"

    = hadamard(X, log(Y))
    stable with Z = apply((x, y) -> where(x == 0, 1, y), X, Y)
    = hadamard(X, log(Z))
