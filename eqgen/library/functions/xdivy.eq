function xdivy(X: M x N, Y: M x N)
    "X / Y entry by entry, and 0 where X is 0, also for Y = 0."
    source  "derivative of xlogy(X, Y) with respect to Y"

    = hadamard(X, reciprocal(Y))
    stable with Z = apply((x, y) -> where(x == 0, 1, y), X, Y)
    = hadamard(X, reciprocal(Z))
