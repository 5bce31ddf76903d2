"""Definitions that several tests read: one of each kind, in the layout that the formatter keeps."""

from __future__ import annotations

SOFTMAX_LAYER = """\
layer Softmax
    "Linear map followed by a row-wise softmax."
    source  "Wesselink et al., eqs. (9)-(15)"

    dims    N, D, K
    input   X: N x D
    param   W: K x D
    param   b: 1 x K
    output  Y: N x K

    forward
        Z = X * W.T + row_repeat(b, N)
        Y = softmax(Z)

    backward  # optional: derived when it is left out, proven when it is written
        DZ = hadamard(Y, DY - column_repeat(diag(DY * Y.T), K))
        DW = DZ.T * X
        Db = columns_sum(DZ)
        DX = DZ * W
"""

ACTIVATION = """\
activation LeakyReLU(alpha = 0.01)
    f(x)  = max(alpha * x, x)
    f'(x) = where(x < alpha * x, alpha, 1)  # optional, like `backward`
"""

FUNCTION = """\
function softmax(X: N x K)
    = hadamard(exp(X), column_repeat(reciprocal(rows_sum(exp(X))), K))
    stable with Z = X - column_repeat(rows_max(X), K)
    = hadamard(exp(Z), column_repeat(reciprocal(rows_sum(exp(Z))), K))
"""

LOSS = """\
loss SoftmaxCrossEntropy
    dims    N, K
    input   Y: N x K
    target  T: N x K
    L  = -elements_sum(hadamard(T, log_softmax(Y)))
    DY = hadamard(softmax(Y), column_repeat(rows_sum(T), K)) - T
    when one_hot(T)
        DY = softmax(Y) - T
"""

OPTIMIZER = """\
optimizer Nesterov(mu = 0.9)
    state   delta = 0
    delta' = mu * delta - eta * Dtheta
    theta' = theta + mu * delta' - eta * Dtheta
"""

SCHEDULER = """\
scheduler Exponential(eta0, d)
    eta(i) = eta0 * exp(-d * i)
"""

INITIALIZER = """\
initializer He
    W ~ normal(0, sqrt(2 / D))
"""

LEMMA = """\
lemma softmax_jacobian "eq. (13)"
    z: 1 x K
    let e = exp(z)
    let f = rows_sum(e)
    let y = softmax(z)
    jacobian(y, z) = Diag(e) / f - e.T * e / (f * f)
                   = Diag(y) - y.T * y
"""

ROW_LEMMA = """\
lemma row_property "eq. (26)"
    X, Y, Z: M x N
    for each row i
        z_i = x_i * y_i.T * y_i
    then
        Z = hadamard(column_repeat(diag(X * Y.T), N), Y)
"""

BATCH_NORMALIZATION = """\
layer BatchNormalization
    dims    N, D
    input   X: N x D
    param   beta: 1 x D = 0
    param   gamma: 1 x D = 1
    state   mean: 1 x D = 0
    output  Y: N x D

    forward
        R     = X - row_repeat(columns_mean(X), N)
        Sigma = diag(R.T * R).T / N
        Z     = hadamard(row_repeat(inv_sqrt(Sigma), N), R)
        Y     = hadamard(row_repeat(gamma, N), Z) + row_repeat(beta, N)

    update
        mean' = 0.9 * mean + 0.1 * columns_mean(X)

    evaluate
        Y = hadamard(row_repeat(gamma, N), X - row_repeat(mean, N))
"""

DROPOUT = """\
layer ActivationDropout(act, p = 0.5)
    dims    N, D, K
    input   X: N x D
    param   W: K x D sparse
    param   b: 1 x K = 0
    random  R: K x D ~ bernoulli(1 - p)
    output  Y: N x K

    forward
        use LinearDropout(X, W, b, R) -> Z
        Y = act(Z)
"""

ALL = (
    SOFTMAX_LAYER,
    ACTIVATION,
    FUNCTION,
    LOSS,
    OPTIMIZER,
    SCHEDULER,
    INITIALIZER,
    LEMMA,
    ROW_LEMMA,
    BATCH_NORMALIZATION,
    DROPOUT,
)
FILE = "\n".join(ALL)
