# Activations that are not in the library, all right: kinks, thresholds, and the same functions written otherwise.

activation Mish
    f(x)  = x * tanh(softplus(x))
    f'(x) = tanh(softplus(x)) + x * sigmoid(x) * (1 - tanh(softplus(x))^2)

activation Softsign
    f(x)  = x / (1 + abs(x))
    f'(x) = 1 / (1 + abs(x))^2

activation HardTanh
    f(x)  = max(-1, min(1, x))
    f'(x) = where(abs(x) < 1, 1, 0)

activation HardTanh2
    f(x)  = max(-1, min(1, x))
    f'(x) = where(x < -1, 0, where(x > 1, 0, 1))

activation HardSigmoid
    f(x)  = max(0, min(1, x / 6 + 1/2))
    f'(x) = where(x < -3, 0, where(x > 3, 0, 1/6))

activation HardSwish
    f(x)  = x * max(0, min(6, x + 3)) / 6
    f'(x) = where(x < -3, 0, where(x > 3, 1, (2 * x + 3) / 6))

activation GELUTanh
    f(x)  = x / 2 * (1 + tanh(sqrt(2 / pi()) * (x + 0.044715 * x^3)))
    f'(x) = (1 + tanh(sqrt(2 / pi()) * (x + 0.044715 * x^3))) / 2 + x / 2 * (1 - tanh(sqrt(2 / pi()) * (x + 0.044715 * x^3))^2) * sqrt(2 / pi()) * (1 + 0.134145 * x^2)

activation CELU(alpha = 1)
    assume alpha > 0
    f(x)  = max(0, x) + min(0, alpha * (exp(x / alpha) - 1))
    f'(x) = where(x < 0, exp(x / alpha), 1)

activation ReLU6
    f(x)  = min(6, max(0, x))
    f'(x) = where(x < 0, 0, where(x < 6, 1, 0))

activation ReLUStrict
    f(x)  = max(0, x)
    f'(x) = where(x <= 0, 0, 1)

activation LogCosh
    f(x)  = log((exp(x) + exp(-x)) / 2)
    f'(x) = tanh(x)

activation SquareRoot
    f(x)  = x / sqrt(1 + x^2)
    f'(x) = (1 + x^2)^(-3/2)

activation SoftplusBeta(beta = 2)
    f(x)  = log(1 + exp(beta * x)) / beta
    f'(x) = sigmoid(beta * x)

activation Threshold(t = 1)
    f(x)  = where(x > t, x, 0)
    f'(x) = where(x > t, 1, 0)

activation ELUexp
    f(x)  = where(x > 0, x, exp(x) - 1)
    f'(x) = where(x > 0, 1, exp(x))

activation SoftExp
    f(x) = log(1 + exp(-abs(x))) + max(x, 0)
    f'(x) = sigmoid(x)

activation Snake(a = 1)
    f(x) = x + (1 - exp(-a * x^2)) / a
    f'(x) = 1 + 2 * x * exp(-a * x^2)

activation ISRLU(a = 1)
    f(x) = where(x < 0, x / sqrt(1 + a * x^2), x)
    f'(x) = where(x < 0, (1 + a * x^2)^(-3/2), 1)

activation PELU(a = 1, b = 1)
    f(x) = where(x >= 0, a / b * x, a * (exp(x / b) - 1))
    f'(x) = where(x >= 0, a / b, a / b * exp(x / b))

activation TanhShrink
    f(x) = x - tanh(x)
    f'(x) = tanh(x)^2

activation SoftShrink(l = 0.5)
    assume l > 0
    f(x) = where(x > l, x - l, where(x < -l, x + l, 0))
    f'(x) = where(abs(x) > l, 1, 0)

activation HardShrink
    f(x) = where(abs(x) > 1, x, 0)
    f'(x) = where(x > 1, 1, where(x < -1, 1, 0))

activation LogSigmoidForm
    f(x) = min(x, 0) - log(1 + exp(-abs(x)))
    f'(x) = 1 - sigmoid(x)

activation Gauss
    f(x) = exp(-x^2)
    f'(x) = -2 * x * exp(-x^2)
