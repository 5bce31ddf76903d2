# Losses that are not in the library, all right.

loss Huber
    dims N, K
    input Y: N x K
    target T: N x K
    L = elements_sum(apply((y, t) -> where(abs(y - t) <= 1, (y - t)^2 / 2, abs(y - t) - 1/2), Y, T))
    DY = apply((y, t) -> max(-1, min(1, y - t)), Y, T)

loss Hinge
    dims N, K
    input Y: N x K
    target T: N x K
    L = elements_sum(apply((y, t) -> max(0, 1 - t * y), Y, T)) / N
    DY = apply((y, t) -> where(t * y < 1, -t, 0), Y, T) / N

loss Focal
    dims N, K
    input Y: N x K
    target T: N x K
    L = -elements_sum(hadamard(T, hadamard(square(ones(N, K) - softmax(Y)), log_softmax(Y))))
    G = hadamard(T, hadamard(square(ones(N, K) - softmax(Y)), reciprocal(softmax(Y))) - 2 * hadamard(ones(N, K) - softmax(Y), log_softmax(Y)))
    DY = -hadamard(softmax(Y), G - column_repeat(rows_sum(hadamard(softmax(Y), G)), K))

loss PoissonNLL
    dims N, K
    input Y: N x K
    target T: N x K
    L = elements_sum(exp(Y) - hadamard(T, Y)) / N
    DY = (exp(Y) - T) / N

loss LogCoshLoss
    dims N, K
    input Y: N x K
    target T: N x K
    L = elements_sum(log((exp(Y - T) + exp(T - Y)) / 2))
    DY = tanh(Y - T)

loss Dice
    dims N, K
    input Y: N x K
    target T: N x K
    L = 1 - 2 * elements_sum(hadamard(Y, T)) / (elements_sum(Y) + elements_sum(T))
    DY = -2 * T / (elements_sum(Y) + elements_sum(T)) + 2 * elements_sum(hadamard(Y, T)) / (elements_sum(Y) + elements_sum(T))^2 * ones(N, K)

loss NLLOneHot
    dims N, K
    input Y: N x K
    target T: N x K
    L = -elements_sum(log(rows_sum(hadamard(Y, T))))
    DY = -hadamard(column_repeat(reciprocal(rows_sum(hadamard(Y, T))), K), T)
    when one_hot(T)
        DY = -hadamard(T, reciprocal(Y))

loss InfoNCE
    dims N
    input Y: N x N
    target T: N x N
    L = -elements_sum(diag(log_softmax(Y))) / N + 0 * elements_sum(T)
    DY = (softmax(Y) - identity(N)) / N

loss Triplet
    dims N, K
    input Y: N x K
    target T: N x K
    L = elements_sum(apply(x -> max(0, x), rows_sum(hadamard(Y - T, Y - T)) - ones(N, 1)))
    DY = 2 * hadamard(column_repeat(apply(x -> where(x > 0, 1, 0), rows_sum(hadamard(Y - T, Y - T)) - ones(N, 1)), K), Y - T)

loss Quantile
    dims N, K
    input Y: N x K
    target T: N x K
    L = elements_sum(apply((y, t) -> max(0.9 * (t - y), (0.9 - 1) * (t - y)), Y, T))
    DY = apply((y, t) -> where(t > y, -0.9, 0.1), Y, T)

loss Correlation
    dims N
    input y: N x 1
    target t: N x 1
    a = y - elements_sum(y) / N * ones(N, 1)
    b = t - elements_sum(t) / N * ones(N, 1)
    L = -dot(a, b) / sqrt(dot(a, a) * dot(b, b))
    Dy = -b / sqrt(dot(a, a) * dot(b, b)) + dot(a, b) / sqrt(dot(a, a) * dot(b, b)) / dot(a, a) * a

loss KLGaussian
    dims N, K
    input Y: N x K
    target T: N x K
    L = elements_sum(exp(2 * Y) + square(T) - 2 * Y - ones(N, K)) / 2
    DY = exp(2 * Y) - ones(N, K)

loss Tversky(alpha = 0.3)
    dims N, K
    input Y: N x K
    target T: N x K
    p = elements_sum(hadamard(Y, T))
    q = p + alpha * elements_sum(hadamard(Y, ones(N, K) - T)) + (1 - alpha) * elements_sum(hadamard(ones(N, K) - Y, T))
    L = 1 - p / q
    DY = -T / q + p / q^2 * (T + alpha * (ones(N, K) - T) - (1 - alpha) * T)
