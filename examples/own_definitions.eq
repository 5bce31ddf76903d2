# One definition of each kind besides layers: nothing that a network is made of has to come with eqgen. All at work:
#
#     eqgen train examples/own_definitions.eq --layers 'Mish;Linear' --layer-sizes '64;32;10' --layer-weights LeCun \
#         --loss 'Huber(0.5)' --optimizers 'GradientNoiseGate(0.0001) | Adagrad' --learning-rate 'Warmup(0.1, 3)' \
#         --epochs 3 --batch-size 20

activation Mish
    "x tanh(softplus(x))."
    source  "Misra (2020)"

    f(x) = x * tanh(softplus(x))  # f' is left out, so it is derived

function swish(X: N x K)
    "x sigmoid(x), entry by entry."

    = hadamard(X, sigmoid(X))

loss Huber(delta = 1)
    "Quadratic for small errors, linear for large ones."
    source  "Huber (1964)"

    dims    N, K
    input   Y: N x K
    target  T: N x K
    E  = Y - T
    L  = elements_sum(apply(e -> where(abs(e) < delta, e^2 / 2, delta * (abs(e) - delta / 2)), E))
    DY = apply(e -> where(abs(e) < delta, e, delta * sign(e)), E)

optimizer Adagrad(epsilon = 1e-8)
    "Steps shrink with the sum of all squared gradients."
    source  "Duchi et al. (2011)"

    state   s = 0
    s'     = s + Dtheta^2
    theta' = theta - eta * Dtheta / (sqrt(s') + epsilon)

optimizer GradientNoiseGate(threshold = 0.001)
    "Entries of the gradient below a threshold become 0. A transformation: combine it, 'GradientNoiseGate | Adagrad'."

    Dtheta' = where(abs(Dtheta) < threshold, 0, Dtheta)

scheduler Warmup(eta0, steps = 5)
    "Rises linearly during the first steps, then stays."
    source  "Goyal et al. (2017), section 2.2"

    eta(i) = eta0 * min((i + 1) / steps, 1)

initializer LeCun
    "Normal, with the variance that keeps that of the inputs."
    source  "LeCun et al. (1998), section 4.6"

    W ~ normal(0, 1 / sqrt(D))

lemma swish_is_odd_up_to_identity
    "swish(x) - swish(-x) = x."

    X: N x K
    swish(X) - swish(-X) = hadamard(X, sigmoid(X) + sigmoid(-X))
                         = X
