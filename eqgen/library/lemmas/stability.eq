# Identities that cost digits where they are computed as on the left. Each is read from the left to the right whatever it costs.

lemma stable_differences "differences of numbers that are nearly equal"
    X: M x N
    apply(x -> exp(x) - 1, X) = expm1(X)
    exp(X) - ones(M, N) = expm1(X)
    apply(x -> 1 - exp(x), X) = -expm1(X)
    ones(M, N) - exp(X) = -expm1(X)
    apply(x -> sqrt(1 + x) - 1, X) = apply(x -> x / (sqrt(1 + x) + 1), X)
    ones(M, N) - sigmoid(X) = sigmoid(-X)
    sigmoid(X) - ones(M, N) = -sigmoid(-X)

lemma stable_complements "complements of numbers that are nearly 1"
    X: M x N
    apply(x -> 1 + erf(x), X) = erfc(-X)
    ones(M, N) + erf(X) = erfc(-X)
    apply(x -> 1 - erf(x), X) = erfc(X)
    ones(M, N) - erf(X) = erfc(X)
    apply(x -> 1 - sigmoid(x), X) = sigmoid(-X)
    apply(x -> sigmoid(x) * sigmoid(-x), X) = apply(x -> exp(-abs(x)) / (1 + exp(-abs(x)))^2, X)
    apply(x -> 1 - tanh(x)^2, X) = apply(x -> 4 * exp(-2 * abs(x)) / (1 + exp(-2 * abs(x)))^2, X)
    ones(M, N) - square(tanh(X)) = apply(x -> 4 * exp(-2 * abs(x)) / (1 + exp(-2 * abs(x)))^2, X)

lemma stable_quotients "quotients of numbers that overflow"
    X: M x N
    apply(x -> 1 / (1 + exp(-x)), X) = sigmoid(X)
    reciprocal(ones(M, N) + exp(-X)) = sigmoid(X)
    apply(x -> 1 / (1 + exp(x)), X) = sigmoid(-X)
    reciprocal(ones(M, N) + exp(X)) = sigmoid(-X)
    apply(x -> exp(x) / (1 + exp(x)), X) = sigmoid(X)
    apply(x -> exp(x) / (exp(x) + 1), X) = sigmoid(X)
    hadamard(exp(X), sigmoid(-X)) = sigmoid(X)
    apply(x -> (exp(x) - exp(-x)) / (exp(x) + exp(-x)), X) = tanh(X)
    hadamard(exp(X) - exp(-X), reciprocal(exp(X) + exp(-X))) = tanh(X)
    hadamard(exp(X), column_repeat(reciprocal(rows_sum(exp(X))), N)) = softmax(X)

lemma stable_conventions "quotients that are 0 where the dividend is 0: whatever they are divided by further"
    R, X, Y: M x N
    hadamard(hadamard(R, reciprocal(Y)), xdivy(X, Y)) = hadamard(R, xdivy(xdivy(X, Y), Y))
    hadamard(reciprocal(Y), xdivy(X, Y)) = xdivy(xdivy(X, Y), Y)

lemma stable_logarithms "logarithms of numbers that overflow, vanish or are near 1"
    X: M x N
    log(exp(X)) = X
    log(sigmoid(X)) = log_sigmoid(X)
    log(apply(x -> 1 - sigmoid(x), X)) = log_sigmoid(-X)
    log(apply(x -> 1 + exp(x), X)) = softplus(X)
    log(ones(M, N) + exp(X)) = softplus(X)
    log1p(exp(X)) = softplus(X)
    log(apply(x -> 1 + x, X)) = log1p(X)
    log(ones(M, N) + X) = log1p(X)
    log(softmax(X)) = log_softmax(X)
    X - column_repeat(log(rows_sum(exp(X))), N) = log_softmax(X)
    log(rows_sum(exp(X))) = rows_max(X) + log(rows_sum(exp(X - column_repeat(rows_max(X), N))))
    X - column_repeat(rows_max(X) + log(rows_sum(exp(X - column_repeat(rows_max(X), N)))), N) = log_softmax(
        X
    )

lemma stable_roots "squares and roots that overflow or vanish"
    X: M x N
    sqrt(square(X)) = abs(X)
    apply(x -> 1 / sqrt(x), X) = inv_sqrt(X)
    reciprocal(sqrt(X)) = inv_sqrt(X)
