"""The functional core once more, over memory that is kept: what a training step calls.

Every function takes `out`, the buffers of its results and temporaries. After the first call with matrices of some size
nothing is allocated. An optimizer's function replaces the parameter and the states that it is given. A gradient that is
a product A' B may be passed to it as A and B.
"""

# Equations stand as they are written, however long they are and whatever their names look like.
# ruff: noqa: E501, RUF100, SIM300

# Arithmetic of arrays has no static type in most frameworks.
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from . import in_place, runtime, sparse_products
from .buffers import Buffers
from .runtime import Matrix
from .sparse_products import Indices

if TYPE_CHECKING:
    from .activations import Activation


def all_relu(x: Matrix, alpha: float, out: Buffers) -> Matrix:
    """Alternated leaky ReLU: slope alpha below zero, its sign alternates from layer to layer.

    x: M x N -> y: M x N. From all_relu.eq:1.
    """
    M = x.shape[0]
    N = x.shape[1]
    # f(x)  = where(x < 0, alpha * x, x)                                all_relu.eq:5
    t1 = out.mask("t1", M, N, x)
    in_place.less(x, 0, t1)
    t2 = out.matrix("t2", M, N, x)
    torch.mul(x, alpha, out=t2)
    y = out.matrix("y", M, N, x)
    in_place.where(t1, t2, x, y)
    return y


def all_relu_gradient(x: Matrix, alpha: float, out: Buffers) -> Matrix:
    """Alternated leaky ReLU: slope alpha below zero, its sign alternates from layer to layer.

    x: M x N -> dy: M x N. From all_relu.eq:1.
    """
    M = x.shape[0]
    N = x.shape[1]
    # f'(x) = where(x < 0, alpha, 1)                                    all_relu.eq:6
    t1 = out.mask("t1", M, N, x)
    in_place.less(x, 0, t1)
    dy = out.matrix("dy", M, N, x)
    in_place.where(t1, alpha, 1, dy)
    return dy


def all_relu_product(x: Matrix, D: Matrix, alpha: float, out: Buffers) -> Matrix:
    """Alternated leaky ReLU: slope alpha below zero, its sign alternates from layer to layer.

    x: M x N, D: M x N -> product: M x N. From all_relu.eq:1.
    """
    M = x.shape[0]
    N = x.shape[1]
    # f'(x) = where(x < 0, alpha, 1)                                    all_relu.eq:6
    #   times D
    t1 = out.mask("t1", M, N, x)
    in_place.less(x, 0, t1)
    product = out.matrix("product", M, N, x)
    in_place.where(t1, alpha, 1, product)
    in_place.multiply(D, product, product)
    return product


def elu(x: Matrix, alpha: float, out: Buffers) -> Matrix:
    """Exponential linear unit.

    x: M x N -> y: M x N. From elu.eq:1.
    """
    M = x.shape[0]
    N = x.shape[1]
    # f(x)  = where(x < 0, alpha * expm1(min(x, 0)), x)                 elu.eq:6
    t1 = out.mask("t1", M, N, x)
    in_place.less(x, 0, t1)
    t4 = out.matrix("t4", M, N, x)
    in_place.minimum(x, 0, t4)
    torch.expm1(t4, out=t4)
    torch.mul(t4, alpha, out=t4)
    y = out.matrix("y", M, N, x)
    in_place.where(t1, t4, x, y)
    return y


def elu_gradient(x: Matrix, alpha: float, out: Buffers) -> Matrix:
    """Exponential linear unit.

    x: M x N -> dy: M x N. From elu.eq:1.
    """
    M = x.shape[0]
    N = x.shape[1]
    # f'(x) = where(x < 0, alpha * exp(min(x, 0)), 1)                   elu.eq:7
    t1 = out.mask("t1", M, N, x)
    in_place.less(x, 0, t1)
    t4 = out.matrix("t4", M, N, x)
    in_place.minimum(x, 0, t4)
    torch.exp(t4, out=t4)
    torch.mul(t4, alpha, out=t4)
    dy = out.matrix("dy", M, N, x)
    in_place.where(t1, t4, 1, dy)
    return dy


def elu_product(x: Matrix, D: Matrix, alpha: float, out: Buffers) -> Matrix:
    """Exponential linear unit.

    x: M x N, D: M x N -> product: M x N. From elu.eq:1.
    """
    M = x.shape[0]
    N = x.shape[1]
    # f'(x) = where(x < 0, alpha * exp(min(x, 0)), 1)                   elu.eq:7
    #   times D
    t1 = out.mask("t1", M, N, x)
    in_place.less(x, 0, t1)
    t4 = out.matrix("t4", M, N, x)
    in_place.minimum(x, 0, t4)
    torch.exp(t4, out=t4)
    torch.mul(t4, alpha, out=t4)
    product = out.matrix("product", M, N, x)
    in_place.where(t1, t4, 1, product)
    in_place.multiply(D, product, product)
    return product


def gelu(x: Matrix, out: Buffers) -> Matrix:
    """Gaussian error linear unit, exact: x times the standard normal distribution function.

    x: M x N -> y: M x N. From gelu.eq:1.
    """
    M = x.shape[0]
    N = x.shape[1]
    # f(x)  = x * (1 + erf(x / sqrt(2))) / 2                            gelu.eq:5
    #   rewritten: apply(x -> 1 + erf(x), X) = erfc(-X)
    y = out.matrix("y", M, N, x)
    in_place.divide(x, math.sqrt(2), y)
    torch.neg(y, out=y)
    torch.erfc(y, out=y)
    in_place.multiply(x, y, y)
    in_place.divide(y, 2, y)
    return y


def gelu_gradient(x: Matrix, out: Buffers) -> Matrix:
    """Gaussian error linear unit, exact: x times the standard normal distribution function.

    x: M x N -> dy: M x N. From gelu.eq:1.
    """
    M = x.shape[0]
    N = x.shape[1]
    # f'(x) = (1 + erf(x / sqrt(2))) / 2 + x * exp(-x^2 / 2) / sqrt(2 * pi())  gelu.eq:6
    #   rewritten: apply(x -> 1 + erf(x), X) = erfc(-X)
    t4 = out.matrix("t4", M, N, x)
    in_place.divide(x, math.sqrt(2), t4)
    torch.neg(t4, out=t4)
    torch.erfc(t4, out=t4)
    in_place.divide(t4, 2, t4)
    dy = out.matrix("dy", M, N, x)
    torch.square(x, out=dy)
    torch.neg(dy, out=dy)
    in_place.divide(dy, 2, dy)
    torch.exp(dy, out=dy)
    in_place.multiply(x, dy, dy)
    in_place.divide(dy, math.sqrt(2 * math.pi), dy)
    in_place.add(t4, dy, dy)
    return dy


def gelu_product(x: Matrix, D: Matrix, out: Buffers) -> Matrix:
    """Gaussian error linear unit, exact: x times the standard normal distribution function.

    x: M x N, D: M x N -> product: M x N. From gelu.eq:1.
    """
    M = x.shape[0]
    N = x.shape[1]
    # f'(x) = (1 + erf(x / sqrt(2))) / 2 + x * exp(-x^2 / 2) / sqrt(2 * pi())  gelu.eq:6
    #   rewritten: apply(x -> 1 + erf(x), X) = erfc(-X)
    #   times D
    t4 = out.matrix("t4", M, N, x)
    in_place.divide(x, math.sqrt(2), t4)
    torch.neg(t4, out=t4)
    torch.erfc(t4, out=t4)
    in_place.divide(t4, 2, t4)
    product = out.matrix("product", M, N, x)
    torch.square(x, out=product)
    torch.neg(product, out=product)
    in_place.divide(product, 2, product)
    torch.exp(product, out=product)
    in_place.multiply(x, product, product)
    in_place.divide(product, math.sqrt(2 * math.pi), product)
    in_place.add(t4, product, product)
    in_place.multiply(D, product, product)
    return product


def leaky_relu(x: Matrix, alpha: float, out: Buffers) -> Matrix:
    """ReLU with slope alpha below zero.

    x: M x N -> y: M x N. From leaky_relu.eq:1.
    """
    M = x.shape[0]
    N = x.shape[1]
    # f(x)  = max(alpha * x, x)                                         leaky_relu.eq:6
    y = out.matrix("y", M, N, x)
    torch.mul(x, alpha, out=y)
    in_place.maximum(y, x, y)
    return y


def leaky_relu_gradient(x: Matrix, alpha: float, out: Buffers) -> Matrix:
    """ReLU with slope alpha below zero.

    x: M x N -> dy: M x N. From leaky_relu.eq:1.
    """
    M = x.shape[0]
    N = x.shape[1]
    # f'(x) = where(x < alpha * x, alpha, 1)                            leaky_relu.eq:7
    dy = out.matrix("dy", M, N, x)
    torch.mul(x, alpha, out=dy)
    t2 = out.mask("t2", M, N, x)
    in_place.less(x, dy, t2)
    in_place.where(t2, alpha, 1, dy)
    return dy


def leaky_relu_product(x: Matrix, D: Matrix, alpha: float, out: Buffers) -> Matrix:
    """ReLU with slope alpha below zero.

    x: M x N, D: M x N -> product: M x N. From leaky_relu.eq:1.
    """
    M = x.shape[0]
    N = x.shape[1]
    # f'(x) = where(x < alpha * x, alpha, 1)                            leaky_relu.eq:7
    #   times D
    product = out.matrix("product", M, N, x)
    torch.mul(x, alpha, out=product)
    t2 = out.mask("t2", M, N, x)
    in_place.less(x, product, t2)
    in_place.where(t2, alpha, 1, product)
    in_place.multiply(D, product, product)
    return product


def relu(x: Matrix, out: Buffers) -> Matrix:
    """Rectified linear unit.

    x: M x N -> y: M x N. From relu.eq:1.
    """
    M = x.shape[0]
    N = x.shape[1]
    # f(x)  = max(0, x)                                                 relu.eq:5
    y = out.matrix("y", M, N, x)
    in_place.maximum(0, x, y)
    return y


def relu_gradient(x: Matrix, out: Buffers) -> Matrix:
    """Rectified linear unit.

    x: M x N -> dy: M x N. From relu.eq:1.
    """
    M = x.shape[0]
    N = x.shape[1]
    # f'(x) = where(x < 0, 0, 1)                                        relu.eq:6
    t1 = out.mask("t1", M, N, x)
    in_place.less(x, 0, t1)
    dy = out.matrix("dy", M, N, x)
    in_place.where(t1, 0, 1, dy)
    return dy


def relu_product(x: Matrix, D: Matrix, out: Buffers) -> Matrix:
    """Rectified linear unit.

    x: M x N, D: M x N -> product: M x N. From relu.eq:1.
    """
    M = x.shape[0]
    N = x.shape[1]
    # f'(x) = where(x < 0, 0, 1)                                        relu.eq:6
    #   times D
    t1 = out.mask("t1", M, N, x)
    in_place.less(x, 0, t1)
    product = out.matrix("product", M, N, x)
    in_place.where(t1, 0, D, product)
    return product


def s_relu(x: Matrix, al: float, tl: float, ar: float, tr: float, out: Buffers) -> Matrix:
    """S-shaped ReLU: slope al up to tl, slope 1 between the thresholds, slope ar from tr on.

    x: M x N -> y: M x N. From srelu.eq:1.
    """
    M = x.shape[0]
    N = x.shape[1]
    # f(x)  = where(x <= tl, tl + al * (x - tl), where(x < tr, x, tr + ar * (x - tr)))  srelu.eq:5
    t1 = out.mask("t1", M, N, x)
    in_place.less_equal(x, tl, t1)
    t4 = out.matrix("t4", M, N, x)
    in_place.subtract(x, tl, t4)
    torch.mul(t4, al, out=t4)
    in_place.add(tl, t4, t4)
    t5 = out.mask("t5", M, N, x)
    in_place.less(x, tr, t5)
    y = out.matrix("y", M, N, x)
    in_place.subtract(x, tr, y)
    torch.mul(y, ar, out=y)
    in_place.add(tr, y, y)
    t9 = out.matrix("t9", M, N, x)
    in_place.where(t5, x, y, t9)
    in_place.where(t1, t4, t9, y)
    return y


def s_relu_gradient(x: Matrix, al: float, tl: float, ar: float, tr: float, out: Buffers) -> Matrix:
    """S-shaped ReLU: slope al up to tl, slope 1 between the thresholds, slope ar from tr on.

    x: M x N -> dy: M x N. From srelu.eq:1.
    """
    M = x.shape[0]
    N = x.shape[1]
    # f'(x) = where(x <= tl, al, where(x < tr, 1, ar))                  srelu.eq:6
    t1 = out.mask("t1", M, N, x)
    in_place.less_equal(x, tl, t1)
    t2 = out.mask("t2", M, N, x)
    in_place.less(x, tr, t2)
    t3 = out.matrix("t3", M, N, x)
    in_place.where(t2, 1, ar, t3)
    dy = out.matrix("dy", M, N, x)
    in_place.where(t1, al, t3, dy)
    return dy


def s_relu_product(x: Matrix, D: Matrix, al: float, tl: float, ar: float, tr: float, out: Buffers) -> Matrix:
    """S-shaped ReLU: slope al up to tl, slope 1 between the thresholds, slope ar from tr on.

    x: M x N, D: M x N -> product: M x N. From srelu.eq:1.
    """
    M = x.shape[0]
    N = x.shape[1]
    # f'(x) = where(x <= tl, al, where(x < tr, 1, ar))                  srelu.eq:6
    #   times D
    t1 = out.mask("t1", M, N, x)
    in_place.less_equal(x, tl, t1)
    t2 = out.mask("t2", M, N, x)
    in_place.less(x, tr, t2)
    t3 = out.matrix("t3", M, N, x)
    in_place.where(t2, 1, ar, t3)
    product = out.matrix("product", M, N, x)
    in_place.where(t1, al, t3, product)
    in_place.multiply(D, product, product)
    return product


def silu(x: Matrix, out: Buffers) -> Matrix:
    """Sigmoid-weighted linear unit, also called swish.

    x: M x N -> y: M x N. From silu.eq:1.
    """
    M = x.shape[0]
    N = x.shape[1]
    # f(x)  = x * sigmoid(x)                                            silu.eq:5
    y = out.matrix("y", M, N, x)
    torch.sigmoid(x, out=y)
    in_place.multiply(x, y, y)
    return y


def silu_gradient(x: Matrix, out: Buffers) -> Matrix:
    """Sigmoid-weighted linear unit, also called swish.

    x: M x N -> dy: M x N. From silu.eq:1.
    """
    M = x.shape[0]
    N = x.shape[1]
    # f'(x) = sigmoid(x) * (1 + x * (1 - sigmoid(x)))                   silu.eq:6
    #   rewritten: apply(x -> 1 - sigmoid(x), X) = sigmoid(-X)
    t1 = out.matrix("t1", M, N, x)
    torch.sigmoid(x, out=t1)
    dy = out.matrix("dy", M, N, x)
    torch.neg(x, out=dy)
    torch.sigmoid(dy, out=dy)
    in_place.multiply(x, dy, dy)
    in_place.add(1, dy, dy)
    in_place.multiply(t1, dy, dy)
    return dy


def silu_product(x: Matrix, D: Matrix, out: Buffers) -> Matrix:
    """Sigmoid-weighted linear unit, also called swish.

    x: M x N, D: M x N -> product: M x N. From silu.eq:1.
    """
    M = x.shape[0]
    N = x.shape[1]
    # f'(x) = sigmoid(x) * (1 + x * (1 - sigmoid(x)))                   silu.eq:6
    #   rewritten: apply(x -> 1 - sigmoid(x), X) = sigmoid(-X)
    #   times D
    t1 = out.matrix("t1", M, N, x)
    torch.sigmoid(x, out=t1)
    product = out.matrix("product", M, N, x)
    torch.neg(x, out=product)
    torch.sigmoid(product, out=product)
    in_place.multiply(x, product, product)
    in_place.add(1, product, product)
    in_place.multiply(t1, product, product)
    in_place.multiply(D, product, product)
    return product


def sigmoid(x: Matrix, out: Buffers) -> Matrix:
    """Logistic function.

    x: M x N -> y: M x N. From sigmoid.eq:1.
    """
    M = x.shape[0]
    N = x.shape[1]
    # f(x)  = sigmoid(x)                                                sigmoid.eq:5
    y = out.matrix("y", M, N, x)
    torch.sigmoid(x, out=y)
    return y


def sigmoid_gradient(x: Matrix, out: Buffers) -> Matrix:
    """Logistic function.

    x: M x N -> dy: M x N. From sigmoid.eq:1.
    """
    M = x.shape[0]
    N = x.shape[1]
    s1 = out.matrix("s1", M, N, x)
    torch.abs(x, out=s1)
    torch.neg(s1, out=s1)
    torch.exp(s1, out=s1)
    # f'(x) = sigmoid(x) * (1 - sigmoid(x))                             sigmoid.eq:6
    #   rewritten: apply(x -> 1 - sigmoid(x), X) = sigmoid(-X)
    #   rewritten: hadamard(sigmoid(X), sigmoid(-X)) = exp(-abs(X)) / square(apply(x -> 1 + exp(-abs(x)), X))
    dy = out.matrix("dy", M, N, x)
    in_place.add(1, s1, dy)
    torch.square(dy, out=dy)
    in_place.divide(s1, dy, dy)
    return dy


def sigmoid_product(x: Matrix, D: Matrix, out: Buffers) -> Matrix:
    """Logistic function.

    x: M x N, D: M x N -> product: M x N. From sigmoid.eq:1.
    """
    M = x.shape[0]
    N = x.shape[1]
    s1 = out.matrix("s1", M, N, x)
    torch.abs(x, out=s1)
    torch.neg(s1, out=s1)
    torch.exp(s1, out=s1)
    # f'(x) = sigmoid(x) * (1 - sigmoid(x))                             sigmoid.eq:6
    #   rewritten: apply(x -> 1 - sigmoid(x), X) = sigmoid(-X)
    #   rewritten: hadamard(sigmoid(X), sigmoid(-X)) = exp(-abs(X)) / square(apply(x -> 1 + exp(-abs(x)), X))
    #   times D
    product = out.matrix("product", M, N, x)
    in_place.add(1, s1, product)
    torch.square(product, out=product)
    in_place.divide(s1, product, product)
    in_place.multiply(D, product, product)
    return product


def softplus(x: Matrix, out: Buffers) -> Matrix:
    """Smooth ReLU, log(1 + e^x).

    x: M x N -> y: M x N. From softplus.eq:1.
    """
    M = x.shape[0]
    N = x.shape[1]
    # f(x)  = softplus(x)                                               softplus.eq:5
    y = out.matrix("y", M, N, x)
    in_place.softplus(x, y, out)
    return y


def softplus_gradient(x: Matrix, out: Buffers) -> Matrix:
    """Smooth ReLU, log(1 + e^x).

    x: M x N -> dy: M x N. From softplus.eq:1.
    """
    M = x.shape[0]
    N = x.shape[1]
    # f'(x) = sigmoid(x)                                                softplus.eq:6
    dy = out.matrix("dy", M, N, x)
    torch.sigmoid(x, out=dy)
    return dy


def softplus_product(x: Matrix, D: Matrix, out: Buffers) -> Matrix:
    """Smooth ReLU, log(1 + e^x).

    x: M x N, D: M x N -> product: M x N. From softplus.eq:1.
    """
    M = x.shape[0]
    N = x.shape[1]
    # f'(x) = sigmoid(x)                                                softplus.eq:6
    #   times D
    product = out.matrix("product", M, N, x)
    torch.sigmoid(x, out=product)
    in_place.multiply(D, product, product)
    return product


def t_relu(x: Matrix, epsilon: float, out: Buffers) -> Matrix:
    """Trimmed ReLU: values below epsilon are cut off.

    x: M x N -> y: M x N. From trelu.eq:1.
    """
    M = x.shape[0]
    N = x.shape[1]
    # f(x)  = where(x < epsilon, 0, x)                                  trelu.eq:5
    t1 = out.mask("t1", M, N, x)
    in_place.less(x, epsilon, t1)
    y = out.matrix("y", M, N, x)
    in_place.where(t1, 0, x, y)
    return y


def t_relu_gradient(x: Matrix, epsilon: float, out: Buffers) -> Matrix:
    """Trimmed ReLU: values below epsilon are cut off.

    x: M x N -> dy: M x N. From trelu.eq:1.
    """
    M = x.shape[0]
    N = x.shape[1]
    # f'(x) = where(x < epsilon, 0, 1)                                  trelu.eq:6
    t1 = out.mask("t1", M, N, x)
    in_place.less(x, epsilon, t1)
    dy = out.matrix("dy", M, N, x)
    in_place.where(t1, 0, 1, dy)
    return dy


def t_relu_product(x: Matrix, D: Matrix, epsilon: float, out: Buffers) -> Matrix:
    """Trimmed ReLU: values below epsilon are cut off.

    x: M x N, D: M x N -> product: M x N. From trelu.eq:1.
    """
    M = x.shape[0]
    N = x.shape[1]
    # f'(x) = where(x < epsilon, 0, 1)                                  trelu.eq:6
    #   times D
    t1 = out.mask("t1", M, N, x)
    in_place.less(x, epsilon, t1)
    product = out.matrix("product", M, N, x)
    in_place.where(t1, 0, D, product)
    return product


def tanh(x: Matrix, out: Buffers) -> Matrix:
    """Hyperbolic tangent.

    x: M x N -> y: M x N. From tanh.eq:1.
    """
    M = x.shape[0]
    N = x.shape[1]
    # f(x)  = tanh(x)                                                   tanh.eq:5
    y = out.matrix("y", M, N, x)
    torch.tanh(x, out=y)
    return y


def tanh_gradient(x: Matrix, out: Buffers) -> Matrix:
    """Hyperbolic tangent.

    x: M x N -> dy: M x N. From tanh.eq:1.
    """
    M = x.shape[0]
    N = x.shape[1]
    dy = out.matrix("dy", M, N, x)
    torch.abs(x, out=dy)
    torch.mul(dy, -2, out=dy)
    s1 = dy
    torch.exp(dy, out=s1)
    # f'(x) = 1 - tanh(x)^2                                             tanh.eq:6
    #   rewritten: apply(x -> 1 - square(tanh(x)), X) = 4 * exp(-2 * abs(X)) / square(apply(x -> 1 + exp(-2 * abs(x)), X))
    t3 = out.matrix("t3", M, N, x)
    torch.mul(s1, 4, out=t3)
    in_place.add(1, s1, dy)
    torch.square(dy, out=dy)
    in_place.divide(t3, dy, dy)
    return dy


def tanh_product(x: Matrix, D: Matrix, out: Buffers) -> Matrix:
    """Hyperbolic tangent.

    x: M x N, D: M x N -> product: M x N. From tanh.eq:1.
    """
    M = x.shape[0]
    N = x.shape[1]
    product = out.matrix("product", M, N, x)
    torch.abs(x, out=product)
    torch.mul(product, -2, out=product)
    s1 = product
    torch.exp(product, out=s1)
    # f'(x) = 1 - tanh(x)^2                                             tanh.eq:6
    #   rewritten: apply(x -> 1 - square(tanh(x)), X) = 4 * exp(-2 * abs(X)) / square(apply(x -> 1 + exp(-2 * abs(x)), X))
    #   times D
    t3 = out.matrix("t3", M, N, x)
    torch.mul(s1, 4, out=t3)
    in_place.add(1, s1, product)
    torch.square(product, out=product)
    in_place.divide(t3, product, product)
    in_place.multiply(D, product, product)
    return product


def activation_forward(X: Matrix, W: Matrix, b: Matrix, act: Activation, out: Buffers) -> tuple[Matrix, Matrix]:
    """Linear map followed by an activation function.

    X: N x D, W: K x D, b: 1 x K -> Y: N x K, Z: N x K. From activation.eq:1.
    """
    K = W.shape[0]
    N = X.shape[0]
    # Z = X * W.T + row_repeat(b, N)                                    linear.eq:12
    Z = out.matrix("Z", N, K, X)
    in_place.copy(b.expand(N, K), Z)
    in_place.gemm(1, X, W.T, 1, Z)
    # Y = act(Z)                                                        activation.eq:13
    Y = out.matrix("Y", N, K, X)
    out.activation(act, Z, Y)
    return Y, Z


def activation_gradients(Z: Matrix, DY: Matrix, act: Activation, out: Buffers) -> tuple[Matrix, Matrix]:
    """Linear map followed by an activation function.

    Z: N x K, DY: N x K -> Db: 1 x K, DZ: N x K. From activation.eq:1.
    """
    K = Z.shape[1]
    N = Z.shape[0]
    # DZ = hadamard(DY, act'(Z))                                        activation.eq:16
    DZ = out.matrix("DZ", N, K, Z)
    out.activation_product(act, Z, DY, DZ)
    # Db = columns_sum(DZ)                                              linear.eq:16
    Db = out.matrix("Db", 1, K, Z)
    torch.sum(DZ, dim=0, keepdim=True, out=Db)
    return Db, DZ


def activation_input_gradient(W: Matrix, DZ: Matrix, out: Buffers) -> Matrix:
    """Linear map followed by an activation function.

    W: K x D, DZ: N x K -> DX: N x D. From activation.eq:1.
    """
    D = W.shape[1]
    N = DZ.shape[0]
    # DX = DZ * W                                                       linear.eq:17
    DX = out.matrix("DX", N, D, W)
    in_place.gemm(1, DZ, W, 0, DX)
    return DX


def activation_dropout_forward(
    X: Matrix, W: Matrix, b: Matrix, R: Matrix, act: Activation, out: Buffers
) -> tuple[Matrix, Matrix]:
    """Linear map with dropped weights (DropConnect), followed by an activation function.

    X: N x D, W: K x D, b: 1 x K, R: K x D -> Y: N x K, Z: N x K. From activation_dropout.eq:1.
    """
    D = X.shape[1]
    K = W.shape[0]
    N = X.shape[0]
    # Z = X * hadamard(W, R).T + row_repeat(b, N)                       linear_dropout.eq:13
    t1 = out.matrix("t1", K, D, X)
    in_place.multiply(W, R, t1)
    Z = out.matrix("Z", N, K, X)
    in_place.copy(b.expand(N, K), Z)
    in_place.gemm(1, X, t1.T, 1, Z)
    # Y = act(Z)                                                        activation_dropout.eq:14
    Y = out.matrix("Y", N, K, X)
    out.activation(act, Z, Y)
    return Y, Z


def activation_dropout_gradients(
    X: Matrix, R: Matrix, Z: Matrix, DY: Matrix, act: Activation, out: Buffers
) -> tuple[Matrix, Matrix, Matrix]:
    """Linear map with dropped weights (DropConnect), followed by an activation function.

    X: N x D, R: K x D, Z: N x K, DY: N x K -> DW: K x D, Db: 1 x K, DZ: N x K. From activation_dropout.eq:1.
    """
    D = X.shape[1]
    K = R.shape[0]
    N = X.shape[0]
    # DZ = hadamard(DY, act'(Z))                                        activation_dropout.eq:17
    DZ = out.matrix("DZ", N, K, X)
    out.activation_product(act, Z, DY, DZ)
    # DW = hadamard(DZ.T * X, R)                                        linear_dropout.eq:16
    DW = out.matrix("DW", K, D, X)
    in_place.gemm(1, DZ.T, X, 0, DW)
    in_place.multiply(DW, R, DW)
    # Db = columns_sum(DZ)                                              linear_dropout.eq:17
    Db = out.matrix("Db", 1, K, X)
    torch.sum(DZ, dim=0, keepdim=True, out=Db)
    return DW, Db, DZ


def activation_dropout_input_gradient(W: Matrix, R: Matrix, DZ: Matrix, out: Buffers) -> Matrix:
    """Linear map with dropped weights (DropConnect), followed by an activation function.

    W: K x D, R: K x D, DZ: N x K -> DX: N x D. From activation_dropout.eq:1.
    """
    D = W.shape[1]
    K = W.shape[0]
    N = DZ.shape[0]
    # DX = DZ * hadamard(W, R)                                          linear_dropout.eq:18
    t1 = out.matrix("t1", K, D, W)
    in_place.multiply(W, R, t1)
    DX = out.matrix("DX", N, D, W)
    in_place.gemm(1, DZ, t1, 0, DX)
    return DX


def batch_normalization_forward(
    X: Matrix, gamma: Matrix, beta: Matrix, epsilon: float, out: Buffers
) -> tuple[Matrix, Matrix, Matrix, Matrix]:
    """Every feature gets mean 0 and variance 1 over the batch, then a learned scale and shift.

    X: N x D, gamma: 1 x D, beta: 1 x D -> Y: N x D, Sigma: 1 x D, inv_sqrt_Sigma: 1 x D, Z: N x D. From batch_normalization.eq:1.
    """
    D = X.shape[1]
    N = X.shape[0]
    # R = X - row_repeat(columns_mean(X), N)                            batch_normalization.eq:14
    Sigma = out.matrix("Sigma", 1, D, X)
    torch.mean(X, dim=0, keepdim=True, out=Sigma)
    Z = out.matrix("Z", N, D, X)
    R = Z
    in_place.subtract(X, Sigma, R)
    # Sigma = diag(R.T * R).T / N                                       batch_normalization.eq:15
    #   rewritten: diag(A.T * B) = columns_sum(hadamard(A, B)).T
    #   rewritten: hadamard(X, X) = square(X)
    #   rewritten: A.T.T = A
    #   rewritten: columns_sum(A) / M = columns_mean(A)
    Y = out.matrix("Y", N, D, X)
    torch.square(R, out=Y)
    torch.mean(Y, dim=0, keepdim=True, out=Sigma)
    # inv_sqrt_Sigma = inv_sqrt(Sigma + epsilon * ones(1, D))           batch_normalization.eq:16
    inv_sqrt_Sigma = out.matrix("inv_sqrt_Sigma", 1, D, X)
    in_place.add(Sigma, epsilon, inv_sqrt_Sigma)
    torch.rsqrt(inv_sqrt_Sigma, out=inv_sqrt_Sigma)
    # Z = hadamard(row_repeat(inv_sqrt_Sigma, N), R)                    batch_normalization.eq:17
    in_place.multiply(inv_sqrt_Sigma, R, Z)
    # Y = hadamard(row_repeat(gamma, N), Z) + row_repeat(beta, N)       batch_normalization.eq:18
    in_place.multiply(gamma, Z, Y)
    in_place.add(Y, beta, Y)
    return Y, Sigma, inv_sqrt_Sigma, Z


def batch_normalization_gradients(Z: Matrix, DY: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Every feature gets mean 0 and variance 1 over the batch, then a learned scale and shift.

    Z: N x D, DY: N x D -> Dgamma: 1 x D, Dbeta: 1 x D. From batch_normalization.eq:1.
    """
    D = Z.shape[1]
    N = Z.shape[0]
    # Dbeta  = columns_sum(DY)                                          batch_normalization.eq:22
    Dbeta = out.matrix("Dbeta", 1, D, Z)
    torch.sum(DY, dim=0, keepdim=True, out=Dbeta)
    # Dgamma = columns_sum(hadamard(DY, Z))                             batch_normalization.eq:23
    t1 = out.matrix("t1", N, D, Z)
    in_place.multiply(DY, Z, t1)
    Dgamma = out.matrix("Dgamma", 1, D, Z)
    torch.sum(t1, dim=0, keepdim=True, out=Dgamma)
    return Dgamma, Dbeta


def batch_normalization_input_gradient(
    gamma: Matrix, inv_sqrt_Sigma: Matrix, Z: Matrix, DY: Matrix, out: Buffers
) -> Matrix:
    """Every feature gets mean 0 and variance 1 over the batch, then a learned scale and shift.

    gamma: 1 x D, inv_sqrt_Sigma: 1 x D, Z: N x D, DY: N x D -> DX: N x D. From batch_normalization.eq:1.
    """
    D = gamma.shape[1]
    N = Z.shape[0]
    # DZ     = hadamard(row_repeat(gamma, N), DY)                       batch_normalization.eq:21
    DX = out.matrix("DX", N, D, gamma)
    DZ = DX
    in_place.multiply(gamma, DY, DZ)
    # DX     = hadamard(row_repeat(inv_sqrt_Sigma / N, N), (N * identity(N) - ones(N, N)) * DZ - hadamard(Z, row_repeat(diag(Z.T * DZ).T, N)))  batch_normalization.eq:24
    #   rewritten: (M * identity(M) - ones(M, M)) * A = M * A - row_repeat(columns_sum(A), M)
    #   rewritten: diag(A.T * B) = columns_sum(hadamard(A, B)).T
    #   rewritten: A.T.T = A
    t1 = out.matrix("t1", 1, D, gamma)
    in_place.divide(inv_sqrt_Sigma, N, t1)
    t4 = out.matrix("t4", N, D, gamma)
    torch.mul(DZ, N, out=t4)
    t6 = out.matrix("t6", 1, D, gamma)
    torch.sum(DZ, dim=0, keepdim=True, out=t6)
    in_place.subtract(t4, t6, t4)
    in_place.multiply(Z, DZ, DX)
    torch.sum(DX, dim=0, keepdim=True, out=t6)
    in_place.multiply(Z, t6, DX)
    in_place.subtract(t4, DX, DX)
    in_place.multiply(t1, DX, DX)
    return DX


def batch_normalization_update(
    X: Matrix, mean: Matrix, variance: Matrix, Sigma: Matrix, momentum: float, out: Buffers
) -> tuple[Matrix, Matrix]:
    """Every feature gets mean 0 and variance 1 over the batch, then a learned scale and shift.

    X: N x D, mean: 1 x D, variance: 1 x D, Sigma: 1 x D -> mean_new: 1 x D, variance_new: 1 x D. From batch_normalization.eq:1.
    """
    D = X.shape[1]
    # mean'     = momentum * mean + (1 - momentum) * columns_mean(X)    batch_normalization.eq:30
    t1 = out.matrix("t1", 1, D, X)
    torch.mul(mean, momentum, out=t1)
    torch.mean(X, dim=0, keepdim=True, out=mean)
    torch.add(t1, mean, alpha=1 - momentum, out=mean)
    # variance' = momentum * variance + (1 - momentum) * Sigma          batch_normalization.eq:31
    torch.mul(variance, momentum, out=variance)
    torch.add(variance, Sigma, alpha=1 - momentum, out=variance)
    return mean, variance


def embedding_forward(X: Matrix, E: Matrix, out: Buffers) -> Matrix:
    """Row x_i of a table for every index x_i.

    X: N x 1, E: V x D -> Y: N x D. From embedding.eq:1.
    """
    D = E.shape[1]
    N = X.shape[0]
    # Y = row_gather(E, X)                                              embedding.eq:11
    Y = out.matrix("Y", N, D, E)
    in_place.row_gather(E, X, Y)
    return Y


def embedding_gradients(X: Matrix, E: Matrix, DY: Matrix, out: Buffers) -> Matrix:
    """Row x_i of a table for every index x_i.

    X: N x 1, E: V x D, DY: N x D -> DE: V x D. From embedding.eq:1.
    """
    D = E.shape[1]
    V = E.shape[0]
    # DE = row_scatter_add(X, DY, V)                                    embedding.eq:14
    DE = out.matrix("DE", V, D, E)
    in_place.row_scatter_add(X, DY, DE)
    return DE


def layer_normalization_forward(
    X: Matrix, gamma: Matrix, beta: Matrix, epsilon: float, out: Buffers
) -> tuple[Matrix, Matrix, Matrix]:
    """Every row gets mean 0 and variance 1 over its features, then a learned scale and shift.

    X: N x D, gamma: 1 x D, beta: 1 x D -> Y: N x D, inv_sqrt_Sigma: N x 1, Z: N x D. From layer_normalization.eq:1.
    """
    D = X.shape[1]
    N = X.shape[0]
    # R = X - column_repeat(rows_mean(X), D)                            layer_normalization.eq:12
    inv_sqrt_Sigma = out.matrix("inv_sqrt_Sigma", N, 1, X)
    torch.mean(X, dim=1, keepdim=True, out=inv_sqrt_Sigma)
    Z = out.matrix("Z", N, D, X)
    R = Z
    in_place.subtract(X, inv_sqrt_Sigma, R)
    # Sigma = diag(R * R.T) / D                                         layer_normalization.eq:13
    #   rewritten: diag(A * A.T) = rows_sum(square(A))
    #   rewritten: rows_sum(A) / N = rows_mean(A)
    Y = out.matrix("Y", N, D, X)
    torch.square(R, out=Y)
    Sigma = inv_sqrt_Sigma
    torch.mean(Y, dim=1, keepdim=True, out=Sigma)
    # inv_sqrt_Sigma = inv_sqrt(Sigma + epsilon * ones(N, 1))           layer_normalization.eq:14
    in_place.add(Sigma, epsilon, inv_sqrt_Sigma)
    torch.rsqrt(inv_sqrt_Sigma, out=inv_sqrt_Sigma)
    # Z = hadamard(column_repeat(inv_sqrt_Sigma, D), R)                 layer_normalization.eq:15
    in_place.multiply(inv_sqrt_Sigma, R, Z)
    # Y = hadamard(row_repeat(gamma, N), Z) + row_repeat(beta, N)       layer_normalization.eq:16
    in_place.multiply(gamma, Z, Y)
    in_place.add(Y, beta, Y)
    return Y, inv_sqrt_Sigma, Z


def layer_normalization_gradients(Z: Matrix, DY: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Every row gets mean 0 and variance 1 over its features, then a learned scale and shift.

    Z: N x D, DY: N x D -> Dgamma: 1 x D, Dbeta: 1 x D. From layer_normalization.eq:1.
    """
    D = Z.shape[1]
    N = Z.shape[0]
    # Dbeta  = columns_sum(DY)                                          layer_normalization.eq:20
    Dbeta = out.matrix("Dbeta", 1, D, Z)
    torch.sum(DY, dim=0, keepdim=True, out=Dbeta)
    # Dgamma = columns_sum(hadamard(DY, Z))                             layer_normalization.eq:21
    t1 = out.matrix("t1", N, D, Z)
    in_place.multiply(DY, Z, t1)
    Dgamma = out.matrix("Dgamma", 1, D, Z)
    torch.sum(t1, dim=0, keepdim=True, out=Dgamma)
    return Dgamma, Dbeta


def layer_normalization_input_gradient(
    gamma: Matrix, inv_sqrt_Sigma: Matrix, Z: Matrix, DY: Matrix, out: Buffers
) -> Matrix:
    """Every row gets mean 0 and variance 1 over its features, then a learned scale and shift.

    gamma: 1 x D, inv_sqrt_Sigma: N x 1, Z: N x D, DY: N x D -> DX: N x D. From layer_normalization.eq:1.
    """
    D = gamma.shape[1]
    N = inv_sqrt_Sigma.shape[0]
    # DZ     = hadamard(row_repeat(gamma, N), DY)                       layer_normalization.eq:19
    DX = out.matrix("DX", N, D, gamma)
    DZ = DX
    in_place.multiply(gamma, DY, DZ)
    # DX     = hadamard(column_repeat(inv_sqrt_Sigma / D, D), DZ * (D * identity(D) - ones(D, D)) - hadamard(Z, column_repeat(diag(Z * DZ.T), D)))  layer_normalization.eq:22
    #   rewritten: A * (N * identity(N) - ones(N, N)) = N * A - column_repeat(rows_sum(A), N)
    #   rewritten: diag(A * B.T) = rows_sum(hadamard(A, B))
    t1 = out.matrix("t1", N, 1, gamma)
    in_place.divide(inv_sqrt_Sigma, D, t1)
    t4 = out.matrix("t4", N, D, gamma)
    torch.mul(DZ, D, out=t4)
    t6 = out.matrix("t6", N, 1, gamma)
    torch.sum(DZ, dim=1, keepdim=True, out=t6)
    in_place.subtract(t4, t6, t4)
    in_place.multiply(Z, DZ, DX)
    torch.sum(DX, dim=1, keepdim=True, out=t6)
    in_place.multiply(Z, t6, DX)
    in_place.subtract(t4, DX, DX)
    in_place.multiply(t1, DX, DX)
    return DX


def linear_forward(X: Matrix, W: Matrix, b: Matrix, out: Buffers) -> Matrix:
    """Linear map with a bias.

    X: N x D, W: K x D, b: 1 x K -> Y: N x K. From linear.eq:1.
    """
    K = W.shape[0]
    N = X.shape[0]
    # Y = X * W.T + row_repeat(b, N)                                    linear.eq:12
    Y = out.matrix("Y", N, K, X)
    in_place.copy(b.expand(N, K), Y)
    in_place.gemm(1, X, W.T, 1, Y)
    return Y


def linear_gradients(DY: Matrix, out: Buffers) -> Matrix:
    """Linear map with a bias.

    DY: N x K -> Db: 1 x K. From linear.eq:1.
    """
    K = DY.shape[1]
    # Db = columns_sum(DY)                                              linear.eq:16
    Db = out.matrix("Db", 1, K, DY)
    torch.sum(DY, dim=0, keepdim=True, out=Db)
    return Db


def linear_input_gradient(W: Matrix, DY: Matrix, out: Buffers) -> Matrix:
    """Linear map with a bias.

    W: K x D, DY: N x K -> DX: N x D. From linear.eq:1.
    """
    D = W.shape[1]
    N = DY.shape[0]
    # DX = DY * W                                                       linear.eq:17
    DX = out.matrix("DX", N, D, W)
    in_place.gemm(1, DY, W, 0, DX)
    return DX


def linear_dropout_forward(X: Matrix, W: Matrix, b: Matrix, R: Matrix, out: Buffers) -> Matrix:
    """Linear map of which every weight is dropped with probability p (DropConnect).

    X: N x D, W: K x D, b: 1 x K, R: K x D -> Y: N x K. From linear_dropout.eq:1.
    """
    D = X.shape[1]
    K = W.shape[0]
    N = X.shape[0]
    # Y = X * hadamard(W, R).T + row_repeat(b, N)                       linear_dropout.eq:13
    t1 = out.matrix("t1", K, D, X)
    in_place.multiply(W, R, t1)
    Y = out.matrix("Y", N, K, X)
    in_place.copy(b.expand(N, K), Y)
    in_place.gemm(1, X, t1.T, 1, Y)
    return Y


def linear_dropout_gradients(X: Matrix, R: Matrix, DY: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Linear map of which every weight is dropped with probability p (DropConnect).

    X: N x D, R: K x D, DY: N x K -> DW: K x D, Db: 1 x K. From linear_dropout.eq:1.
    """
    D = X.shape[1]
    K = R.shape[0]
    # DW = hadamard(DY.T * X, R)                                        linear_dropout.eq:16
    DW = out.matrix("DW", K, D, X)
    in_place.gemm(1, DY.T, X, 0, DW)
    in_place.multiply(DW, R, DW)
    # Db = columns_sum(DY)                                              linear_dropout.eq:17
    Db = out.matrix("Db", 1, K, X)
    torch.sum(DY, dim=0, keepdim=True, out=Db)
    return DW, Db


def linear_dropout_input_gradient(W: Matrix, R: Matrix, DY: Matrix, out: Buffers) -> Matrix:
    """Linear map of which every weight is dropped with probability p (DropConnect).

    W: K x D, R: K x D, DY: N x K -> DX: N x D. From linear_dropout.eq:1.
    """
    D = W.shape[1]
    K = W.shape[0]
    N = DY.shape[0]
    # DX = DY * hadamard(W, R)                                          linear_dropout.eq:18
    t1 = out.matrix("t1", K, D, W)
    in_place.multiply(W, R, t1)
    DX = out.matrix("DX", N, D, W)
    in_place.gemm(1, DY, t1, 0, DX)
    return DX


def log_softmax_forward(X: Matrix, W: Matrix, b: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Linear map followed by the logarithm of a row-wise softmax.

    X: N x D, W: K x D, b: 1 x K -> Y: N x K, Z: N x K. From log_softmax.eq:1.
    """
    K = W.shape[0]
    N = X.shape[0]
    # Z = X * W.T + row_repeat(b, N)                                    linear.eq:12
    Z = out.matrix("Z", N, K, X)
    in_place.copy(b.expand(N, K), Z)
    in_place.gemm(1, X, W.T, 1, Z)
    # Y = log_softmax(Z)                                                log_softmax.eq:13
    t5 = out.matrix("t5", N, 1, X)
    torch.amax(Z, dim=1, keepdim=True, out=t5)
    t2 = out.matrix("t2", N, K, X)
    in_place.subtract(Z, t5, t2)
    Y = out.matrix("Y", N, K, X)
    torch.exp(t2, out=Y)
    torch.sum(Y, dim=1, keepdim=True, out=t5)
    torch.log(t5, out=t5)
    in_place.subtract(t2, t5, Y)
    return Y, Z


def log_softmax_gradients(Z: Matrix, DY: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Linear map followed by the logarithm of a row-wise softmax.

    Z: N x K, DY: N x K -> Db: 1 x K, DZ: N x K. From log_softmax.eq:1.
    """
    K = Z.shape[1]
    N = Z.shape[0]
    # DZ = DY - hadamard(softmax(Z), column_repeat(rows_sum(DY), K))    log_softmax.eq:16
    t7 = out.matrix("t7", N, 1, Z)
    torch.amax(Z, dim=1, keepdim=True, out=t7)
    DZ = out.matrix("DZ", N, K, Z)
    in_place.subtract(Z, t7, DZ)
    torch.exp(DZ, out=DZ)
    torch.sum(DZ, dim=1, keepdim=True, out=t7)
    torch.reciprocal(t7, out=t7)
    in_place.multiply(DZ, t7, DZ)
    torch.sum(DY, dim=1, keepdim=True, out=t7)
    in_place.multiply(DZ, t7, DZ)
    in_place.subtract(DY, DZ, DZ)
    # Db = columns_sum(DZ)                                              linear.eq:16
    Db = out.matrix("Db", 1, K, Z)
    torch.sum(DZ, dim=0, keepdim=True, out=Db)
    return Db, DZ


def log_softmax_input_gradient(W: Matrix, DZ: Matrix, out: Buffers) -> Matrix:
    """Linear map followed by the logarithm of a row-wise softmax.

    W: K x D, DZ: N x K -> DX: N x D. From log_softmax.eq:1.
    """
    D = W.shape[1]
    N = DZ.shape[0]
    # DX = DZ * W                                                       linear.eq:17
    DX = out.matrix("DX", N, D, W)
    in_place.gemm(1, DZ, W, 0, DX)
    return DX


def s_relu_forward(
    X: Matrix, W: Matrix, b: Matrix, al: Matrix, tl: Matrix, ar: Matrix, tr: Matrix, out: Buffers
) -> tuple[Matrix, Matrix]:
    """Linear map followed by an S-shaped ReLU whose slopes and thresholds are learned.

    X: N x D, W: K x D, b: 1 x K, al: 1 x 1, tl: 1 x 1, ar: 1 x 1, tr: 1 x 1 -> Y: N x K, Z: N x K. From srelu.eq:1.
    """
    K = W.shape[0]
    N = X.shape[0]
    # Z = X * W.T + row_repeat(b, N)                                    linear.eq:12
    Z = out.matrix("Z", N, K, X)
    in_place.copy(b.expand(N, K), Z)
    in_place.gemm(1, X, W.T, 1, Z)
    # Y = apply(SReLU(al, tl, ar, tr), Z)                               srelu.eq:17
    t1 = out.mask("t1", N, K, X)
    in_place.less_equal(Z, tl, t1)
    t4 = out.matrix("t4", N, K, X)
    in_place.subtract(Z, tl, t4)
    torch.mul(t4, al, out=t4)
    in_place.add(tl, t4, t4)
    t5 = out.mask("t5", N, K, X)
    in_place.less(Z, tr, t5)
    Y = out.matrix("Y", N, K, X)
    in_place.subtract(Z, tr, Y)
    torch.mul(Y, ar, out=Y)
    in_place.add(tr, Y, Y)
    t9 = out.matrix("t9", N, K, X)
    in_place.where(t5, Z, Y, t9)
    in_place.where(t1, t4, t9, Y)
    return Y, Z


def s_relu_gradients(
    al: Matrix, tl: Matrix, ar: Matrix, tr: Matrix, Z: Matrix, DY: Matrix, out: Buffers
) -> tuple[Matrix, Matrix, Matrix, Matrix, Matrix, Matrix]:
    """Linear map followed by an S-shaped ReLU whose slopes and thresholds are learned.

    al: 1 x 1, tl: 1 x 1, ar: 1 x 1, tr: 1 x 1, Z: N x K, DY: N x K -> Db: 1 x K, Dal: 1 x 1, Dtl: 1 x 1, Dar: 1 x 1, Dtr: 1 x 1, DZ: N x K. From srelu.eq:1.
    """
    K = Z.shape[1]
    N = Z.shape[0]
    # DZ  = hadamard(DY, apply(SReLU'(al, tl, ar, tr), Z))              srelu.eq:20
    t1 = out.mask("t1", N, K, al)
    in_place.less_equal(Z, tl, t1)
    t2 = out.mask("t2", N, K, al)
    in_place.less(Z, tr, t2)
    t18 = out.matrix("t18", N, K, al)
    in_place.where(t2, 1, ar, t18)
    DZ = out.matrix("DZ", N, K, al)
    in_place.where(t1, al, t18, DZ)
    in_place.multiply(DY, DZ, DZ)
    # Dal = elements_sum(hadamard(DY, apply(z -> where(z <= tl, z - tl, 0), Z)))  srelu.eq:21
    t16 = out.matrix("t16", N, K, al)
    in_place.subtract(Z, tl, t16)
    in_place.where(t1, t16, 0, t18)
    in_place.multiply(DY, t18, t18)
    Dal = out.matrix("Dal", 1, 1, al)
    torch.sum(t18, dim=(0, 1), keepdim=True, out=Dal)
    # Dtl = elements_sum(hadamard(DY, apply(z -> where(z <= tl, 1 - al, 0), Z)))  srelu.eq:22
    Dtl = out.matrix("Dtl", 1, 1, al)
    in_place.subtract(1, al, Dtl)
    in_place.where(t1, Dtl, 0, t18)
    in_place.multiply(DY, t18, t18)
    torch.sum(t18, dim=(0, 1), keepdim=True, out=Dtl)
    # Dar = elements_sum(hadamard(DY, apply(z -> where(z <= tl, 0, where(z < tr, 0, z - tr)), Z)))  srelu.eq:23
    in_place.subtract(Z, tr, t18)
    in_place.where(t2, 0, t18, t16)
    in_place.where(t1, 0, t16, t18)
    in_place.multiply(DY, t18, t18)
    Dar = out.matrix("Dar", 1, 1, al)
    torch.sum(t18, dim=(0, 1), keepdim=True, out=Dar)
    # Dtr = elements_sum(hadamard(DY, apply(z -> where(z <= tl, 0, where(z < tr, 0, 1 - ar)), Z)))  srelu.eq:24
    Dtr = out.matrix("Dtr", 1, 1, al)
    in_place.subtract(1, ar, Dtr)
    in_place.where(t2, 0, Dtr, t16)
    in_place.where(t1, 0, t16, t18)
    in_place.multiply(DY, t18, t18)
    torch.sum(t18, dim=(0, 1), keepdim=True, out=Dtr)
    # Db = columns_sum(DZ)                                              linear.eq:16
    Db = out.matrix("Db", 1, K, al)
    torch.sum(DZ, dim=0, keepdim=True, out=Db)
    return Db, Dal, Dtl, Dar, Dtr, DZ


def s_relu_input_gradient(W: Matrix, DZ: Matrix, out: Buffers) -> Matrix:
    """Linear map followed by an S-shaped ReLU whose slopes and thresholds are learned.

    W: K x D, DZ: N x K -> DX: N x D. From srelu.eq:1.
    """
    D = W.shape[1]
    N = DZ.shape[0]
    # DX = DZ * W                                                       linear.eq:17
    DX = out.matrix("DX", N, D, W)
    in_place.gemm(1, DZ, W, 0, DX)
    return DX


def softmax_forward(X: Matrix, W: Matrix, b: Matrix, out: Buffers) -> Matrix:
    """Linear map followed by a row-wise softmax.

    X: N x D, W: K x D, b: 1 x K -> Y: N x K. From softmax.eq:1.
    """
    K = W.shape[0]
    N = X.shape[0]
    # Z = X * W.T + row_repeat(b, N)                                    softmax.eq:12
    Y = out.matrix("Y", N, K, X)
    Z = Y
    in_place.copy(b.expand(N, K), Z)
    in_place.gemm(1, X, W.T, 1, Z)
    # Y = softmax(Z)                                                    softmax.eq:13
    t5 = out.matrix("t5", N, 1, X)
    torch.amax(Z, dim=1, keepdim=True, out=t5)
    in_place.subtract(Z, t5, Y)
    torch.exp(Y, out=Y)
    torch.sum(Y, dim=1, keepdim=True, out=t5)
    torch.reciprocal(t5, out=t5)
    in_place.multiply(Y, t5, Y)
    return Y


def softmax_gradients(Y: Matrix, DY: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Linear map followed by a row-wise softmax.

    Y: N x K, DY: N x K -> Db: 1 x K, DZ: N x K. From softmax.eq:1.
    """
    K = Y.shape[1]
    N = Y.shape[0]
    # DZ = hadamard(Y, DY - column_repeat(diag(DY * Y.T), K))           softmax.eq:16
    #   rewritten: diag(A * B.T) = rows_sum(hadamard(A, B))
    DZ = out.matrix("DZ", N, K, Y)
    in_place.multiply(DY, Y, DZ)
    t2 = out.matrix("t2", N, 1, Y)
    torch.sum(DZ, dim=1, keepdim=True, out=t2)
    in_place.subtract(DY, t2, DZ)
    in_place.multiply(Y, DZ, DZ)
    # Db = columns_sum(DZ)                                              softmax.eq:18
    Db = out.matrix("Db", 1, K, Y)
    torch.sum(DZ, dim=0, keepdim=True, out=Db)
    return Db, DZ


def softmax_input_gradient(W: Matrix, DZ: Matrix, out: Buffers) -> Matrix:
    """Linear map followed by a row-wise softmax.

    W: K x D, DZ: N x K -> DX: N x D. From softmax.eq:1.
    """
    D = W.shape[1]
    N = DZ.shape[0]
    # DX = DZ * W                                                       softmax.eq:19
    DX = out.matrix("DX", N, D, W)
    in_place.gemm(1, DZ, W, 0, DX)
    return DX


def sparse_activation_forward(
    X: Matrix, W: Matrix, W_pattern: Indices, b: Matrix, act: Activation, out: Buffers
) -> tuple[Matrix, Matrix]:
    """Linear map followed by an activation function.

    X: N x D, W: 1 x W_entries, W_pattern: K x D, b: 1 x K -> Y: N x K, Z: N x K. From activation.eq:1.
    """
    K = W_pattern.shape[0]
    N = X.shape[0]
    # Z = X * W.T + row_repeat(b, N)                                    linear.eq:12
    t1 = out.matrix("t1", K, N, X)
    sparse_products.sparse_product(W, W_pattern, X.T, out=t1)
    Z = out.matrix("Z", N, K, X)
    in_place.add(t1.T, b, Z)
    # Y = act(Z)                                                        activation.eq:13
    Y = out.matrix("Y", N, K, X)
    out.activation(act, Z, Y)
    return Y, Z


def sparse_activation_gradients(
    X: Matrix, W: Matrix, W_pattern: Indices, Z: Matrix, DY: Matrix, act: Activation, out: Buffers
) -> tuple[Matrix, Matrix, Matrix]:
    """Linear map followed by an activation function.

    X: N x D, W: 1 x W_entries, W_pattern: K x D, Z: N x K, DY: N x K -> DW: 1 x W_entries, Db: 1 x K, DZ: N x K. From activation.eq:1.
    """
    K = W_pattern.shape[0]
    N = X.shape[0]
    W_entries = W.shape[1]
    # DZ = hadamard(DY, act'(Z))                                        activation.eq:16
    DZ = out.matrix("DZ", N, K, X)
    out.activation_product(act, Z, DY, DZ)
    # DW = DZ.T * X                                                     linear.eq:15
    DW = out.matrix("DW", 1, W_entries, X)
    sparse_products.sampled_product(DZ.T, X.T, W_pattern, out=DW)
    # Db = columns_sum(DZ)                                              linear.eq:16
    Db = out.matrix("Db", 1, K, X)
    torch.sum(DZ, dim=0, keepdim=True, out=Db)
    return DW, Db, DZ


def sparse_activation_input_gradient(W: Matrix, W_pattern: Indices, DZ: Matrix, out: Buffers) -> Matrix:
    """Linear map followed by an activation function.

    W: 1 x W_entries, W_pattern: K x D, DZ: N x K -> DX: N x D. From activation.eq:1.
    """
    D = W_pattern.shape[1]
    N = DZ.shape[0]
    # DX = DZ * W                                                       linear.eq:17
    t1 = out.matrix("t1", D, N, W)
    sparse_products.sparse_transposed_product(W, W_pattern, DZ.T, out=t1)
    DX = out.matrix("DX", N, D, W)
    in_place.copy(t1.T, DX)
    return DX


def sparse_linear_forward(X: Matrix, W: Matrix, W_pattern: Indices, b: Matrix, out: Buffers) -> Matrix:
    """Linear map with a bias.

    X: N x D, W: 1 x W_entries, W_pattern: K x D, b: 1 x K -> Y: N x K. From linear.eq:1.
    """
    K = W_pattern.shape[0]
    N = X.shape[0]
    # Y = X * W.T + row_repeat(b, N)                                    linear.eq:12
    t1 = out.matrix("t1", K, N, X)
    sparse_products.sparse_product(W, W_pattern, X.T, out=t1)
    Y = out.matrix("Y", N, K, X)
    in_place.add(t1.T, b, Y)
    return Y


def sparse_linear_gradients(
    X: Matrix, W: Matrix, W_pattern: Indices, DY: Matrix, out: Buffers
) -> tuple[Matrix, Matrix]:
    """Linear map with a bias.

    X: N x D, W: 1 x W_entries, W_pattern: K x D, DY: N x K -> DW: 1 x W_entries, Db: 1 x K. From linear.eq:1.
    """
    K = W_pattern.shape[0]
    W_entries = W.shape[1]
    # DW = DY.T * X                                                     linear.eq:15
    DW = out.matrix("DW", 1, W_entries, X)
    sparse_products.sampled_product(DY.T, X.T, W_pattern, out=DW)
    # Db = columns_sum(DY)                                              linear.eq:16
    Db = out.matrix("Db", 1, K, X)
    torch.sum(DY, dim=0, keepdim=True, out=Db)
    return DW, Db


def sparse_linear_input_gradient(W: Matrix, W_pattern: Indices, DY: Matrix, out: Buffers) -> Matrix:
    """Linear map with a bias.

    W: 1 x W_entries, W_pattern: K x D, DY: N x K -> DX: N x D. From linear.eq:1.
    """
    D = W_pattern.shape[1]
    N = DY.shape[0]
    # DX = DY * W                                                       linear.eq:17
    t1 = out.matrix("t1", D, N, W)
    sparse_products.sparse_transposed_product(W, W_pattern, DY.T, out=t1)
    DX = out.matrix("DX", N, D, W)
    in_place.copy(t1.T, DX)
    return DX


def sparse_log_softmax_forward(
    X: Matrix, W: Matrix, W_pattern: Indices, b: Matrix, out: Buffers
) -> tuple[Matrix, Matrix]:
    """Linear map followed by the logarithm of a row-wise softmax.

    X: N x D, W: 1 x W_entries, W_pattern: K x D, b: 1 x K -> Y: N x K, Z: N x K. From log_softmax.eq:1.
    """
    K = W_pattern.shape[0]
    N = X.shape[0]
    # Z = X * W.T + row_repeat(b, N)                                    linear.eq:12
    t1 = out.matrix("t1", K, N, X)
    sparse_products.sparse_product(W, W_pattern, X.T, out=t1)
    Z = out.matrix("Z", N, K, X)
    in_place.add(t1.T, b, Z)
    # Y = log_softmax(Z)                                                log_softmax.eq:13
    t6 = out.matrix("t6", N, 1, X)
    torch.amax(Z, dim=1, keepdim=True, out=t6)
    t3 = out.matrix("t3", N, K, X)
    in_place.subtract(Z, t6, t3)
    Y = out.matrix("Y", N, K, X)
    torch.exp(t3, out=Y)
    torch.sum(Y, dim=1, keepdim=True, out=t6)
    torch.log(t6, out=t6)
    in_place.subtract(t3, t6, Y)
    return Y, Z


def sparse_log_softmax_gradients(
    X: Matrix, W: Matrix, W_pattern: Indices, Z: Matrix, DY: Matrix, out: Buffers
) -> tuple[Matrix, Matrix, Matrix]:
    """Linear map followed by the logarithm of a row-wise softmax.

    X: N x D, W: 1 x W_entries, W_pattern: K x D, Z: N x K, DY: N x K -> DW: 1 x W_entries, Db: 1 x K, DZ: N x K. From log_softmax.eq:1.
    """
    K = W_pattern.shape[0]
    N = X.shape[0]
    W_entries = W.shape[1]
    # DZ = DY - hadamard(softmax(Z), column_repeat(rows_sum(DY), K))    log_softmax.eq:16
    t7 = out.matrix("t7", N, 1, X)
    torch.amax(Z, dim=1, keepdim=True, out=t7)
    DZ = out.matrix("DZ", N, K, X)
    in_place.subtract(Z, t7, DZ)
    torch.exp(DZ, out=DZ)
    torch.sum(DZ, dim=1, keepdim=True, out=t7)
    torch.reciprocal(t7, out=t7)
    in_place.multiply(DZ, t7, DZ)
    torch.sum(DY, dim=1, keepdim=True, out=t7)
    in_place.multiply(DZ, t7, DZ)
    in_place.subtract(DY, DZ, DZ)
    # DW = DZ.T * X                                                     linear.eq:15
    DW = out.matrix("DW", 1, W_entries, X)
    sparse_products.sampled_product(DZ.T, X.T, W_pattern, out=DW)
    # Db = columns_sum(DZ)                                              linear.eq:16
    Db = out.matrix("Db", 1, K, X)
    torch.sum(DZ, dim=0, keepdim=True, out=Db)
    return DW, Db, DZ


def sparse_log_softmax_input_gradient(W: Matrix, W_pattern: Indices, DZ: Matrix, out: Buffers) -> Matrix:
    """Linear map followed by the logarithm of a row-wise softmax.

    W: 1 x W_entries, W_pattern: K x D, DZ: N x K -> DX: N x D. From log_softmax.eq:1.
    """
    D = W_pattern.shape[1]
    N = DZ.shape[0]
    # DX = DZ * W                                                       linear.eq:17
    t1 = out.matrix("t1", D, N, W)
    sparse_products.sparse_transposed_product(W, W_pattern, DZ.T, out=t1)
    DX = out.matrix("DX", N, D, W)
    in_place.copy(t1.T, DX)
    return DX


def sparse_s_relu_forward(
    X: Matrix, W: Matrix, W_pattern: Indices, b: Matrix, al: Matrix, tl: Matrix, ar: Matrix, tr: Matrix, out: Buffers
) -> tuple[Matrix, Matrix]:
    """Linear map followed by an S-shaped ReLU whose slopes and thresholds are learned.

    X: N x D, W: 1 x W_entries, W_pattern: K x D, b: 1 x K, al: 1 x 1, tl: 1 x 1, ar: 1 x 1, tr: 1 x 1 -> Y: N x K, Z: N x K. From srelu.eq:1.
    """
    K = W_pattern.shape[0]
    N = X.shape[0]
    # Z = X * W.T + row_repeat(b, N)                                    linear.eq:12
    t1 = out.matrix("t1", K, N, X)
    sparse_products.sparse_product(W, W_pattern, X.T, out=t1)
    Z = out.matrix("Z", N, K, X)
    in_place.add(t1.T, b, Z)
    # Y = apply(SReLU(al, tl, ar, tr), Z)                               srelu.eq:17
    t2 = out.mask("t2", N, K, X)
    in_place.less_equal(Z, tl, t2)
    t5 = out.matrix("t5", N, K, X)
    in_place.subtract(Z, tl, t5)
    torch.mul(t5, al, out=t5)
    in_place.add(tl, t5, t5)
    t6 = out.mask("t6", N, K, X)
    in_place.less(Z, tr, t6)
    Y = out.matrix("Y", N, K, X)
    in_place.subtract(Z, tr, Y)
    torch.mul(Y, ar, out=Y)
    in_place.add(tr, Y, Y)
    t10 = out.matrix("t10", N, K, X)
    in_place.where(t6, Z, Y, t10)
    in_place.where(t2, t5, t10, Y)
    return Y, Z


def sparse_s_relu_gradients(
    X: Matrix,
    W: Matrix,
    W_pattern: Indices,
    al: Matrix,
    tl: Matrix,
    ar: Matrix,
    tr: Matrix,
    Z: Matrix,
    DY: Matrix,
    out: Buffers,
) -> tuple[Matrix, Matrix, Matrix, Matrix, Matrix, Matrix, Matrix]:
    """Linear map followed by an S-shaped ReLU whose slopes and thresholds are learned.

    X: N x D, W: 1 x W_entries, W_pattern: K x D, al: 1 x 1, tl: 1 x 1, ar: 1 x 1, tr: 1 x 1, Z: N x K, DY: N x K -> DW: 1 x W_entries, Db: 1 x K, Dal: 1 x 1, Dtl: 1 x 1, Dar: 1 x 1, Dtr: 1 x 1, DZ: N x K. From srelu.eq:1.
    """
    K = W_pattern.shape[0]
    N = X.shape[0]
    W_entries = W.shape[1]
    # DZ  = hadamard(DY, apply(SReLU'(al, tl, ar, tr), Z))              srelu.eq:20
    t1 = out.mask("t1", N, K, X)
    in_place.less_equal(Z, tl, t1)
    t2 = out.mask("t2", N, K, X)
    in_place.less(Z, tr, t2)
    t18 = out.matrix("t18", N, K, X)
    in_place.where(t2, 1, ar, t18)
    DZ = out.matrix("DZ", N, K, X)
    in_place.where(t1, al, t18, DZ)
    in_place.multiply(DY, DZ, DZ)
    # Dal = elements_sum(hadamard(DY, apply(z -> where(z <= tl, z - tl, 0), Z)))  srelu.eq:21
    t16 = out.matrix("t16", N, K, X)
    in_place.subtract(Z, tl, t16)
    in_place.where(t1, t16, 0, t18)
    in_place.multiply(DY, t18, t18)
    Dal = out.matrix("Dal", 1, 1, X)
    torch.sum(t18, dim=(0, 1), keepdim=True, out=Dal)
    # Dtl = elements_sum(hadamard(DY, apply(z -> where(z <= tl, 1 - al, 0), Z)))  srelu.eq:22
    Dtl = out.matrix("Dtl", 1, 1, X)
    in_place.subtract(1, al, Dtl)
    in_place.where(t1, Dtl, 0, t18)
    in_place.multiply(DY, t18, t18)
    torch.sum(t18, dim=(0, 1), keepdim=True, out=Dtl)
    # Dar = elements_sum(hadamard(DY, apply(z -> where(z <= tl, 0, where(z < tr, 0, z - tr)), Z)))  srelu.eq:23
    in_place.subtract(Z, tr, t18)
    in_place.where(t2, 0, t18, t16)
    in_place.where(t1, 0, t16, t18)
    in_place.multiply(DY, t18, t18)
    Dar = out.matrix("Dar", 1, 1, X)
    torch.sum(t18, dim=(0, 1), keepdim=True, out=Dar)
    # Dtr = elements_sum(hadamard(DY, apply(z -> where(z <= tl, 0, where(z < tr, 0, 1 - ar)), Z)))  srelu.eq:24
    Dtr = out.matrix("Dtr", 1, 1, X)
    in_place.subtract(1, ar, Dtr)
    in_place.where(t2, 0, Dtr, t16)
    in_place.where(t1, 0, t16, t18)
    in_place.multiply(DY, t18, t18)
    torch.sum(t18, dim=(0, 1), keepdim=True, out=Dtr)
    # DW = DZ.T * X                                                     linear.eq:15
    DW = out.matrix("DW", 1, W_entries, X)
    sparse_products.sampled_product(DZ.T, X.T, W_pattern, out=DW)
    # Db = columns_sum(DZ)                                              linear.eq:16
    Db = out.matrix("Db", 1, K, X)
    torch.sum(DZ, dim=0, keepdim=True, out=Db)
    return DW, Db, Dal, Dtl, Dar, Dtr, DZ


def sparse_s_relu_input_gradient(W: Matrix, W_pattern: Indices, DZ: Matrix, out: Buffers) -> Matrix:
    """Linear map followed by an S-shaped ReLU whose slopes and thresholds are learned.

    W: 1 x W_entries, W_pattern: K x D, DZ: N x K -> DX: N x D. From srelu.eq:1.
    """
    D = W_pattern.shape[1]
    N = DZ.shape[0]
    # DX = DZ * W                                                       linear.eq:17
    t1 = out.matrix("t1", D, N, W)
    sparse_products.sparse_transposed_product(W, W_pattern, DZ.T, out=t1)
    DX = out.matrix("DX", N, D, W)
    in_place.copy(t1.T, DX)
    return DX


def sparse_softmax_forward(X: Matrix, W: Matrix, W_pattern: Indices, b: Matrix, out: Buffers) -> Matrix:
    """Linear map followed by a row-wise softmax.

    X: N x D, W: 1 x W_entries, W_pattern: K x D, b: 1 x K -> Y: N x K. From softmax.eq:1.
    """
    K = W_pattern.shape[0]
    N = X.shape[0]
    # Z = X * W.T + row_repeat(b, N)                                    softmax.eq:12
    t1 = out.matrix("t1", K, N, X)
    sparse_products.sparse_product(W, W_pattern, X.T, out=t1)
    Y = out.matrix("Y", N, K, X)
    Z = Y
    in_place.add(t1.T, b, Z)
    # Y = softmax(Z)                                                    softmax.eq:13
    t6 = out.matrix("t6", N, 1, X)
    torch.amax(Z, dim=1, keepdim=True, out=t6)
    in_place.subtract(Z, t6, Y)
    torch.exp(Y, out=Y)
    torch.sum(Y, dim=1, keepdim=True, out=t6)
    torch.reciprocal(t6, out=t6)
    in_place.multiply(Y, t6, Y)
    return Y


def sparse_softmax_gradients(
    X: Matrix, W: Matrix, W_pattern: Indices, Y: Matrix, DY: Matrix, out: Buffers
) -> tuple[Matrix, Matrix, Matrix]:
    """Linear map followed by a row-wise softmax.

    X: N x D, W: 1 x W_entries, W_pattern: K x D, Y: N x K, DY: N x K -> DW: 1 x W_entries, Db: 1 x K, DZ: N x K. From softmax.eq:1.
    """
    K = W_pattern.shape[0]
    N = X.shape[0]
    W_entries = W.shape[1]
    # DZ = hadamard(Y, DY - column_repeat(diag(DY * Y.T), K))           softmax.eq:16
    #   rewritten: diag(A * B.T) = rows_sum(hadamard(A, B))
    DZ = out.matrix("DZ", N, K, X)
    in_place.multiply(DY, Y, DZ)
    t2 = out.matrix("t2", N, 1, X)
    torch.sum(DZ, dim=1, keepdim=True, out=t2)
    in_place.subtract(DY, t2, DZ)
    in_place.multiply(Y, DZ, DZ)
    # DW = DZ.T * X                                                     softmax.eq:17
    DW = out.matrix("DW", 1, W_entries, X)
    sparse_products.sampled_product(DZ.T, X.T, W_pattern, out=DW)
    # Db = columns_sum(DZ)                                              softmax.eq:18
    Db = out.matrix("Db", 1, K, X)
    torch.sum(DZ, dim=0, keepdim=True, out=Db)
    return DW, Db, DZ


def sparse_softmax_input_gradient(W: Matrix, W_pattern: Indices, DZ: Matrix, out: Buffers) -> Matrix:
    """Linear map followed by a row-wise softmax.

    W: 1 x W_entries, W_pattern: K x D, DZ: N x K -> DX: N x D. From softmax.eq:1.
    """
    D = W_pattern.shape[1]
    N = DZ.shape[0]
    # DX = DZ * W                                                       softmax.eq:19
    t1 = out.matrix("t1", D, N, W)
    sparse_products.sparse_transposed_product(W, W_pattern, DZ.T, out=t1)
    DX = out.matrix("DX", N, D, W)
    in_place.copy(t1.T, DX)
    return DX


def binary_cross_entropy_loss_gradient_and_value(Y: Matrix, T: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Sum of the binary cross-entropies of probabilities Y with respect to targets T.

    Y: N x K, T: N x K -> L: 1 x 1, DY: N x K. From binary_cross_entropy.eq:1.
    """
    K = Y.shape[1]
    N = Y.shape[0]
    # U  = ones(N, K) - T                                               binary_cross_entropy.eq:9
    U = out.matrix("U", N, K, Y)
    in_place.subtract(1, T, U)
    # V  = ones(N, K) - Y                                               binary_cross_entropy.eq:10
    DY = out.matrix("DY", N, K, Y)
    V = DY
    in_place.subtract(1, Y, V)
    # L  = -elements_sum(xlogy(T, Y) + xlogy(U, V))                     binary_cross_entropy.eq:11
    t5 = out.mask("t5", N, K, Y)
    in_place.equal(T, 0, t5)
    t2 = out.matrix("t2", N, K, Y)
    in_place.where(t5, 1, Y, t2)
    t4 = out.matrix("t4", N, K, Y)
    torch.log(t2, out=t4)
    in_place.multiply(T, t4, t4)
    in_place.equal(U, 0, t5)
    t12 = out.matrix("t12", N, K, Y)
    in_place.where(t5, 1, V, t12)
    torch.log(t12, out=DY)
    in_place.multiply(U, DY, DY)
    in_place.add(t4, DY, DY)
    L = out.matrix("L", 1, 1, Y)
    torch.sum(DY, dim=(0, 1), keepdim=True, out=L)
    torch.neg(L, out=L)
    # DY = xdivy(U, V) - xdivy(T, Y)                                    binary_cross_entropy.eq:12
    torch.reciprocal(t12, out=t12)
    in_place.multiply(U, t12, t12)
    torch.reciprocal(t2, out=DY)
    in_place.multiply(T, DY, DY)
    in_place.subtract(t12, DY, DY)
    return L, DY


def cross_entropy_loss_gradient_and_value(Y: Matrix, T: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Cross-entropy of probabilities Y with respect to targets T.

    Y: N x K, T: N x K -> L: 1 x 1, DY: N x K. From cross_entropy.eq:1.
    """
    K = Y.shape[1]
    N = Y.shape[0]
    # L  = -elements_sum(xlogy(T, Y))                                   cross_entropy.eq:9
    t1 = out.mask("t1", N, K, Y)
    in_place.equal(T, 0, t1)
    t2 = out.matrix("t2", N, K, Y)
    in_place.where(t1, 1, Y, t2)
    DY = out.matrix("DY", N, K, Y)
    torch.log(t2, out=DY)
    in_place.multiply(T, DY, DY)
    L = out.matrix("L", 1, 1, Y)
    torch.sum(DY, dim=(0, 1), keepdim=True, out=L)
    torch.neg(L, out=L)
    # DY = -xdivy(T, Y)                                                 cross_entropy.eq:10
    torch.reciprocal(t2, out=DY)
    in_place.multiply(T, DY, DY)
    torch.neg(DY, out=DY)
    return L, DY


def kl_divergence_loss_gradient_and_value(Y: Matrix, T: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Kullback-Leibler divergence of probabilities Y from targets T.

    Y: N x K, T: N x K -> L: 1 x 1, DY: N x K. From kl_divergence.eq:1.
    """
    K = Y.shape[1]
    N = Y.shape[0]
    # L  = elements_sum(xlogy(T, T) - xlogy(T, Y))                      kl_divergence.eq:9
    t1 = out.mask("t1", N, K, Y)
    in_place.equal(T, 0, t1)
    t4 = out.matrix("t4", N, K, Y)
    in_place.where(t1, 1, T, t4)
    torch.log(t4, out=t4)
    in_place.multiply(T, t4, t4)
    t5 = out.matrix("t5", N, K, Y)
    in_place.where(t1, 1, Y, t5)
    DY = out.matrix("DY", N, K, Y)
    torch.log(t5, out=DY)
    in_place.multiply(T, DY, DY)
    in_place.subtract(t4, DY, DY)
    L = out.matrix("L", 1, 1, Y)
    torch.sum(DY, dim=(0, 1), keepdim=True, out=L)
    # DY = -xdivy(T, Y)                                                 kl_divergence.eq:10
    torch.reciprocal(t5, out=DY)
    in_place.multiply(T, DY, DY)
    torch.neg(DY, out=DY)
    return L, DY


def logistic_cross_entropy_loss_gradient_and_value(Y: Matrix, T: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Cross-entropy of the sigmoid of Y with respect to targets T, without a term for 1 - T.

    Y: N x K, T: N x K -> L: 1 x 1, DY: N x K. From logistic_cross_entropy.eq:1.
    """
    K = Y.shape[1]
    N = Y.shape[0]
    # L  = -elements_sum(hadamard(T, log_sigmoid(Y)))                   logistic_cross_entropy.eq:8
    DY = out.matrix("DY", N, K, Y)
    in_place.log_sigmoid(Y, DY, out)
    in_place.multiply(T, DY, DY)
    L = out.matrix("L", 1, 1, Y)
    torch.sum(DY, dim=(0, 1), keepdim=True, out=L)
    torch.neg(L, out=L)
    # DY = hadamard(T, sigmoid(Y)) - T                                  logistic_cross_entropy.eq:9
    torch.sigmoid(Y, out=DY)
    in_place.multiply(T, DY, DY)
    in_place.subtract(DY, T, DY)
    return L, DY


def mean_squared_error_loss_gradient_and_value(Y: Matrix, T: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Mean of the squared errors over all entries.

    Y: N x K, T: N x K -> L: 1 x 1, DY: N x K. From mean_squared_error.eq:1.
    """
    K = Y.shape[1]
    N = Y.shape[0]
    # L  = elements_sum(hadamard(Y - T, Y - T)) / (K * N)               mean_squared_error.eq:8
    #   rewritten: hadamard(X, X) = square(X)
    t1 = out.matrix("t1", N, K, Y)
    in_place.subtract(Y, T, t1)
    DY = out.matrix("DY", N, K, Y)
    torch.square(t1, out=DY)
    L = out.matrix("L", 1, 1, Y)
    torch.sum(DY, dim=(0, 1), keepdim=True, out=L)
    in_place.divide(L, K * N, L)
    # DY = 2 * (Y - T) / (K * N)                                        mean_squared_error.eq:9
    torch.mul(t1, 2, out=DY)
    in_place.divide(DY, K * N, DY)
    return L, DY


def negative_log_likelihood_loss_gradient_and_value(Y: Matrix, T: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Negative logarithm of the probability that Y gives to the target of every row.

    Y: N x K, T: N x K -> L: 1 x 1, DY: N x K. From negative_log_likelihood.eq:1.
    """
    K = Y.shape[1]
    N = Y.shape[0]
    # L  = -elements_sum(log(rows_sum(hadamard(Y, T))))                 negative_log_likelihood.eq:9
    DY = out.matrix("DY", N, K, Y)
    in_place.multiply(Y, T, DY)
    t2 = out.matrix("t2", N, 1, Y)
    torch.sum(DY, dim=1, keepdim=True, out=t2)
    t5 = out.matrix("t5", N, 1, Y)
    torch.log(t2, out=t5)
    L = out.matrix("L", 1, 1, Y)
    torch.sum(t5, dim=(0, 1), keepdim=True, out=L)
    torch.neg(L, out=L)
    # DY = -hadamard(column_repeat(reciprocal(rows_sum(hadamard(Y, T))), K), T)  negative_log_likelihood.eq:10
    torch.reciprocal(t2, out=t5)
    in_place.multiply(t5, T, DY)
    torch.neg(DY, out=DY)
    return L, DY


def sigmoid_binary_cross_entropy_loss_gradient_and_value(Y: Matrix, T: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Sum of the binary cross-entropies of the sigmoid of Y with respect to targets T.

    Y: N x K, T: N x K -> L: 1 x 1, DY: N x K. From sigmoid_binary_cross_entropy.eq:1.
    """
    K = Y.shape[1]
    N = Y.shape[0]
    # L  = -elements_sum(hadamard(T, log_sigmoid(Y)) + hadamard(ones(N, K) - T, log_sigmoid(-Y)))  sigmoid_binary_cross_entropy.eq:9
    t2 = out.matrix("t2", N, K, Y)
    in_place.log_sigmoid(Y, t2, out)
    in_place.multiply(T, t2, t2)
    t3 = out.matrix("t3", N, K, Y)
    in_place.subtract(1, T, t3)
    t4 = out.matrix("t4", N, K, Y)
    torch.neg(Y, out=t4)
    DY = out.matrix("DY", N, K, Y)
    in_place.log_sigmoid(t4, DY, out)
    in_place.multiply(t3, DY, DY)
    in_place.add(t2, DY, DY)
    L = out.matrix("L", 1, 1, Y)
    torch.sum(DY, dim=(0, 1), keepdim=True, out=L)
    torch.neg(L, out=L)
    # DY = sigmoid(Y) - T                                               sigmoid_binary_cross_entropy.eq:10
    torch.sigmoid(Y, out=DY)
    in_place.subtract(DY, T, DY)
    return L, DY


def softmax_cross_entropy_loss_gradient_and_value(Y: Matrix, T: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Cross-entropy of the softmax of Y with respect to targets T.

    Y: N x K, T: N x K -> L: 1 x 1, DY: N x K. From softmax_cross_entropy.eq:1.
    """
    K = Y.shape[1]
    N = Y.shape[0]
    # L  = -elements_sum(hadamard(T, log_softmax(Y)))                   softmax_cross_entropy.eq:8
    t11 = out.matrix("t11", N, 1, Y)
    torch.amax(Y, dim=1, keepdim=True, out=t11)
    DY = out.matrix("DY", N, K, Y)
    in_place.subtract(Y, t11, DY)
    t3 = out.matrix("t3", N, K, Y)
    torch.exp(DY, out=t3)
    t4 = out.matrix("t4", N, 1, Y)
    torch.sum(t3, dim=1, keepdim=True, out=t4)
    torch.log(t4, out=t11)
    in_place.subtract(DY, t11, DY)
    in_place.multiply(T, DY, DY)
    L = out.matrix("L", 1, 1, Y)
    torch.sum(DY, dim=(0, 1), keepdim=True, out=L)
    torch.neg(L, out=L)
    # DY = hadamard(softmax(Y), column_repeat(rows_sum(T), K)) - T      softmax_cross_entropy.eq:9
    torch.reciprocal(t4, out=t11)
    in_place.multiply(t3, t11, DY)
    torch.sum(T, dim=1, keepdim=True, out=t11)
    in_place.multiply(DY, t11, DY)
    in_place.subtract(DY, T, DY)
    return L, DY


def softmax_cross_entropy_loss_gradient_one_hot_and_value(Y: Matrix, T: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Cross-entropy of the softmax of Y with respect to targets T.

    Y: N x K, T: N x K -> L: 1 x 1, DY: N x K. From softmax_cross_entropy.eq:1.
    """
    K = Y.shape[1]
    N = Y.shape[0]
    # L  = -elements_sum(hadamard(T, log_softmax(Y)))                   softmax_cross_entropy.eq:8
    t9 = out.matrix("t9", N, 1, Y)
    torch.amax(Y, dim=1, keepdim=True, out=t9)
    DY = out.matrix("DY", N, K, Y)
    in_place.subtract(Y, t9, DY)
    t3 = out.matrix("t3", N, K, Y)
    torch.exp(DY, out=t3)
    t4 = out.matrix("t4", N, 1, Y)
    torch.sum(t3, dim=1, keepdim=True, out=t4)
    torch.log(t4, out=t9)
    in_place.subtract(DY, t9, DY)
    in_place.multiply(T, DY, DY)
    L = out.matrix("L", 1, 1, Y)
    torch.sum(DY, dim=(0, 1), keepdim=True, out=L)
    torch.neg(L, out=L)
    # DY = softmax(Y) - T                                               softmax_cross_entropy.eq:11
    torch.reciprocal(t4, out=t9)
    in_place.multiply(t3, t9, DY)
    in_place.subtract(DY, T, DY)
    return L, DY


def squared_error_loss_gradient_and_value(Y: Matrix, T: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Sum of the squared errors.

    Y: N x K, T: N x K -> L: 1 x 1, DY: N x K. From squared_error.eq:1.
    """
    K = Y.shape[1]
    N = Y.shape[0]
    # L  = elements_sum(hadamard(Y - T, Y - T))                         squared_error.eq:8
    #   rewritten: hadamard(X, X) = square(X)
    t1 = out.matrix("t1", N, K, Y)
    in_place.subtract(Y, T, t1)
    DY = out.matrix("DY", N, K, Y)
    torch.square(t1, out=DY)
    L = out.matrix("L", 1, 1, Y)
    torch.sum(DY, dim=(0, 1), keepdim=True, out=L)
    # DY = 2 * (Y - T)                                                  squared_error.eq:9
    torch.mul(t1, 2, out=DY)
    return L, DY


def adam_step(
    theta: Matrix,
    Dtheta: Matrix,
    m: Matrix,
    v: Matrix,
    beta1: runtime.Scalar,
    beta2: runtime.Scalar,
    epsilon: runtime.Scalar,
    eta: runtime.Scalar,
    c1: runtime.Scalar,
    c2: runtime.Scalar,
    c3: runtime.Scalar,
    c4: runtime.Scalar,
    out: Buffers,
) -> tuple[Matrix, Matrix, Matrix]:
    """Adaptive moments: steps scaled by the means of the gradient and of its square.

    theta: M x N, Dtheta: M x N, m: M x N, v: M x N -> theta_new: M x N, m_new: M x N, v_new: M x N. From adam.eq:1.
    """
    M = theta.shape[0]
    N = theta.shape[1]
    # m'     = beta1 * m + (1 - beta1) * Dtheta                         adam.eq:7
    torch.mul(m, beta1, out=m)
    torch.add(m, Dtheta, alpha=c1, out=m)
    # v'     = beta2 * v + (1 - beta2) * Dtheta^2                       adam.eq:8
    t7 = out.matrix("t7", M, N, theta)
    torch.mul(v, beta2, out=t7)
    torch.square(Dtheta, out=v)
    torch.add(t7, v, alpha=c2, out=v)
    # m_hat  = m' / (1 - beta1^t)                                       adam.eq:9
    t4 = out.matrix("t4", M, N, theta)
    m_hat = t4
    in_place.divide(m, c3, m_hat)
    # v_hat  = v' / (1 - beta2^t)                                       adam.eq:10
    v_hat = t7
    in_place.divide(v, c4, v_hat)
    # theta' = theta - eta * m_hat / (sqrt(v_hat) + epsilon)            adam.eq:11
    torch.mul(m_hat, eta, out=t4)
    torch.sqrt(v_hat, out=t7)
    in_place.add(t7, epsilon, t7)
    in_place.divide(t4, t7, t7)
    in_place.subtract(theta, t7, theta)
    return theta, m, v


def adam_product_step(
    theta: Matrix,
    A: Matrix,
    B: Matrix,
    m: Matrix,
    v: Matrix,
    beta1: runtime.Scalar,
    beta2: runtime.Scalar,
    epsilon: runtime.Scalar,
    eta: runtime.Scalar,
    c1: runtime.Scalar,
    c2: runtime.Scalar,
    c3: runtime.Scalar,
    c4: runtime.Scalar,
    out: Buffers,
) -> tuple[Matrix, Matrix, Matrix]:
    """Adaptive moments: steps scaled by the means of the gradient and of its square; the gradient is A.T * B and is not stored.

    theta: M x N, A: P x M, B: P x N, m: M x N, v: M x N -> theta_new: M x N, m_new: M x N, v_new: M x N. From adam.eq:1.
    """
    M = theta.shape[0]
    N = theta.shape[1]
    # Dtheta = A.T * B
    t4 = out.matrix("t4", M, N, theta)
    Dtheta = t4
    in_place.gemm(1, A.T, B, 0, Dtheta)
    # m'     = beta1 * m + (1 - beta1) * Dtheta                         adam.eq:7
    torch.mul(m, beta1, out=m)
    torch.add(m, Dtheta, alpha=c1, out=m)
    # v'     = beta2 * v + (1 - beta2) * Dtheta^2                       adam.eq:8
    t7 = out.matrix("t7", M, N, theta)
    torch.mul(v, beta2, out=t7)
    torch.square(Dtheta, out=v)
    torch.add(t7, v, alpha=c2, out=v)
    # m_hat  = m' / (1 - beta1^t)                                       adam.eq:9
    m_hat = t4
    in_place.divide(m, c3, m_hat)
    # v_hat  = v' / (1 - beta2^t)                                       adam.eq:10
    v_hat = t7
    in_place.divide(v, c4, v_hat)
    # theta' = theta - eta * m_hat / (sqrt(v_hat) + epsilon)            adam.eq:11
    torch.mul(m_hat, eta, out=t4)
    torch.sqrt(v_hat, out=t7)
    in_place.add(t7, epsilon, t7)
    in_place.divide(t4, t7, t7)
    in_place.subtract(theta, t7, theta)
    return theta, m, v


def adamw_step(
    theta: Matrix,
    Dtheta: Matrix,
    m: Matrix,
    v: Matrix,
    beta1: runtime.Scalar,
    beta2: runtime.Scalar,
    epsilon: runtime.Scalar,
    eta: runtime.Scalar,
    c1: runtime.Scalar,
    c2: runtime.Scalar,
    c3: runtime.Scalar,
    c4: runtime.Scalar,
    c5: runtime.Scalar,
    out: Buffers,
) -> tuple[Matrix, Matrix, Matrix]:
    """Adam with a weight decay that does not pass through the moments.

    theta: M x N, Dtheta: M x N, m: M x N, v: M x N -> theta_new: M x N, m_new: M x N, v_new: M x N. From adamw.eq:1.
    """
    M = theta.shape[0]
    N = theta.shape[1]
    # m'     = beta1 * m + (1 - beta1) * Dtheta                         adamw.eq:7
    torch.mul(m, beta1, out=m)
    torch.add(m, Dtheta, alpha=c1, out=m)
    # v'     = beta2 * v + (1 - beta2) * Dtheta^2                       adamw.eq:8
    t5 = out.matrix("t5", M, N, theta)
    torch.mul(v, beta2, out=t5)
    torch.square(Dtheta, out=v)
    torch.add(t5, v, alpha=c2, out=v)
    # m_hat  = m' / (1 - beta1^t)                                       adamw.eq:9
    m_hat = t5
    in_place.divide(m, c3, m_hat)
    # v_hat  = v' / (1 - beta2^t)                                       adamw.eq:10
    v_hat = out.matrix("v_hat", M, N, theta)
    in_place.divide(v, c4, v_hat)
    # theta' = (1 - eta * decay) * theta - eta * m_hat / (sqrt(v_hat) + epsilon)  adamw.eq:11
    t4 = out.matrix("t4", M, N, theta)
    torch.mul(theta, c5, out=t4)
    torch.mul(m_hat, eta, out=t5)
    torch.sqrt(v_hat, out=theta)
    in_place.add(theta, epsilon, theta)
    in_place.divide(t5, theta, theta)
    in_place.subtract(t4, theta, theta)
    return theta, m, v


def adamw_product_step(
    theta: Matrix,
    A: Matrix,
    B: Matrix,
    m: Matrix,
    v: Matrix,
    beta1: runtime.Scalar,
    beta2: runtime.Scalar,
    epsilon: runtime.Scalar,
    eta: runtime.Scalar,
    c1: runtime.Scalar,
    c2: runtime.Scalar,
    c3: runtime.Scalar,
    c4: runtime.Scalar,
    c5: runtime.Scalar,
    out: Buffers,
) -> tuple[Matrix, Matrix, Matrix]:
    """Adam with a weight decay that does not pass through the moments; the gradient is A.T * B and is not stored.

    theta: M x N, A: P x M, B: P x N, m: M x N, v: M x N -> theta_new: M x N, m_new: M x N, v_new: M x N. From adamw.eq:1.
    """
    M = theta.shape[0]
    N = theta.shape[1]
    # Dtheta = A.T * B
    t4 = out.matrix("t4", M, N, theta)
    Dtheta = t4
    in_place.gemm(1, A.T, B, 0, Dtheta)
    # m'     = beta1 * m + (1 - beta1) * Dtheta                         adamw.eq:7
    torch.mul(m, beta1, out=m)
    torch.add(m, Dtheta, alpha=c1, out=m)
    # v'     = beta2 * v + (1 - beta2) * Dtheta^2                       adamw.eq:8
    t5 = out.matrix("t5", M, N, theta)
    torch.mul(v, beta2, out=t5)
    torch.square(Dtheta, out=v)
    torch.add(t5, v, alpha=c2, out=v)
    # m_hat  = m' / (1 - beta1^t)                                       adamw.eq:9
    m_hat = t5
    in_place.divide(m, c3, m_hat)
    # v_hat  = v' / (1 - beta2^t)                                       adamw.eq:10
    v_hat = out.matrix("v_hat", M, N, theta)
    in_place.divide(v, c4, v_hat)
    # theta' = (1 - eta * decay) * theta - eta * m_hat / (sqrt(v_hat) + epsilon)  adamw.eq:11
    torch.mul(theta, c5, out=t4)
    torch.mul(m_hat, eta, out=t5)
    torch.sqrt(v_hat, out=theta)
    in_place.add(theta, epsilon, theta)
    in_place.divide(t5, theta, theta)
    in_place.subtract(t4, theta, theta)
    return theta, m, v


def clip_by_norm_step(Dtheta: Matrix, c: runtime.Scalar, out: Buffers) -> Matrix:
    """Shortens a gradient whose Euclidean norm exceeds c to length c.

    Dtheta: M x N -> Dtheta_new: M x N. From clip_by_norm.eq:1.
    """
    M = Dtheta.shape[0]
    N = Dtheta.shape[1]
    # norm    = sqrt(elements_sum(Dtheta^2))                            clip_by_norm.eq:5
    t1 = out.matrix("t1", M, N, Dtheta)
    torch.square(Dtheta, out=t1)
    t4 = out.matrix("t4", 1, 1, Dtheta)
    torch.sum(t1, dim=(0, 1), keepdim=True, out=t4)
    norm = t4
    torch.sqrt(t4, out=norm)
    # Dtheta' = c / max(norm, c) * Dtheta                               clip_by_norm.eq:6
    in_place.maximum(norm, c, t4)
    in_place.divide(c, t4, t4)
    torch.mul(Dtheta, t4, out=Dtheta)
    return Dtheta


def clip_by_value_step(Dtheta: Matrix, c: runtime.Scalar, c1: runtime.Scalar, out: Buffers) -> Matrix:
    """Limits every entry of the gradient to [-c, c].

    Dtheta: M x N -> Dtheta_new: M x N. From clip_by_value.eq:1.
    """
    # Dtheta' = min(max(Dtheta, -c), c)                                 clip_by_value.eq:5
    in_place.maximum(Dtheta, c1, Dtheta)
    in_place.minimum(Dtheta, c, Dtheta)
    return Dtheta


def gradient_descent_step(theta: Matrix, Dtheta: Matrix, eta: runtime.Scalar, out: Buffers) -> Matrix:
    """A step against the gradient.

    theta: M x N, Dtheta: M x N -> theta_new: M x N. From gradient_descent.eq:1.
    """
    # theta' = theta - eta * Dtheta                                     gradient_descent.eq:5
    torch.add(theta, Dtheta, alpha=-eta, out=theta)
    return theta


def gradient_descent_product_step(theta: Matrix, A: Matrix, B: Matrix, eta: runtime.Scalar, out: Buffers) -> Matrix:
    """A step against the gradient; the gradient is A.T * B and is not stored.

    theta: M x N, A: P x M, B: P x N -> theta_new: M x N. From gradient_descent.eq:1.
    """
    # theta' = theta - eta * Dtheta                                     gradient_descent.eq:5
    in_place.gemm(-eta, A.T, B, 1, theta)
    return theta


def momentum_step(
    theta: Matrix, Dtheta: Matrix, delta: Matrix, mu: runtime.Scalar, eta: runtime.Scalar, out: Buffers
) -> tuple[Matrix, Matrix]:
    """Gradient descent with momentum, in Keras' form.

    theta: M x N, Dtheta: M x N, delta: M x N -> theta_new: M x N, delta_new: M x N. From momentum.eq:1.
    """
    # delta' = mu * delta - eta * Dtheta                                momentum.eq:6
    torch.mul(delta, mu, out=delta)
    torch.add(delta, Dtheta, alpha=-eta, out=delta)
    # theta' = theta + delta'                                           momentum.eq:7
    in_place.add(theta, delta, theta)
    return theta, delta


def momentum_product_step(
    theta: Matrix, A: Matrix, B: Matrix, delta: Matrix, mu: runtime.Scalar, eta: runtime.Scalar, out: Buffers
) -> tuple[Matrix, Matrix]:
    """Gradient descent with momentum, in Keras' form; the gradient is A.T * B and is not stored.

    theta: M x N, A: P x M, B: P x N, delta: M x N -> theta_new: M x N, delta_new: M x N. From momentum.eq:1.
    """
    # delta' = mu * delta - eta * Dtheta                                momentum.eq:6
    in_place.gemm(-eta, A.T, B, mu, delta)
    # theta' = theta + delta'                                           momentum.eq:7
    in_place.add(theta, delta, theta)
    return theta, delta


def nesterov_step(
    theta: Matrix, Dtheta: Matrix, delta: Matrix, mu: runtime.Scalar, eta: runtime.Scalar, out: Buffers
) -> tuple[Matrix, Matrix]:
    """Nesterov momentum, in Keras' form.

    theta: M x N, Dtheta: M x N, delta: M x N -> theta_new: M x N, delta_new: M x N. From nesterov.eq:1.
    """
    # delta' = mu * delta - eta * Dtheta                                nesterov.eq:6
    torch.mul(delta, mu, out=delta)
    torch.add(delta, Dtheta, alpha=-eta, out=delta)
    # theta' = theta + mu * delta' - eta * Dtheta                       nesterov.eq:7
    torch.add(theta, delta, alpha=mu, out=theta)
    torch.add(theta, Dtheta, alpha=-eta, out=theta)
    return theta, delta


def nesterov_product_step(
    theta: Matrix, A: Matrix, B: Matrix, delta: Matrix, mu: runtime.Scalar, eta: runtime.Scalar, out: Buffers
) -> tuple[Matrix, Matrix]:
    """Nesterov momentum, in Keras' form; the gradient is A.T * B and is not stored.

    theta: M x N, A: P x M, B: P x N, delta: M x N -> theta_new: M x N, delta_new: M x N. From nesterov.eq:1.
    """
    torch.add(theta, delta, alpha=-mu, out=theta)
    # delta' = mu * delta - eta * Dtheta                                nesterov.eq:6
    in_place.gemm(-eta, A.T, B, mu, delta)
    # theta' = theta + mu * delta' - eta * Dtheta                       nesterov.eq:7
    #   rewritten: the gradient follows from the state
    torch.add(theta, delta, alpha=mu + 1, out=theta)
    return theta, delta


def rms_prop_step(
    theta: Matrix,
    Dtheta: Matrix,
    v: Matrix,
    rho: runtime.Scalar,
    epsilon: runtime.Scalar,
    eta: runtime.Scalar,
    c1: runtime.Scalar,
    out: Buffers,
) -> tuple[Matrix, Matrix]:
    """Steps scaled by a running mean of the squared gradient.

    theta: M x N, Dtheta: M x N, v: M x N -> theta_new: M x N, v_new: M x N. From rmsprop.eq:1.
    """
    M = theta.shape[0]
    N = theta.shape[1]
    # v'     = rho * v + (1 - rho) * Dtheta^2                           rmsprop.eq:6
    t6 = out.matrix("t6", M, N, theta)
    torch.mul(v, rho, out=t6)
    torch.square(Dtheta, out=v)
    torch.add(t6, v, alpha=c1, out=v)
    # theta' = theta - eta * Dtheta / (sqrt(v') + epsilon)              rmsprop.eq:7
    t3 = out.matrix("t3", M, N, theta)
    torch.mul(Dtheta, eta, out=t3)
    torch.sqrt(v, out=t6)
    in_place.add(t6, epsilon, t6)
    in_place.divide(t3, t6, t6)
    in_place.subtract(theta, t6, theta)
    return theta, v


def rms_prop_product_step(
    theta: Matrix,
    A: Matrix,
    B: Matrix,
    v: Matrix,
    rho: runtime.Scalar,
    epsilon: runtime.Scalar,
    eta: runtime.Scalar,
    c1: runtime.Scalar,
    out: Buffers,
) -> tuple[Matrix, Matrix]:
    """Steps scaled by a running mean of the squared gradient; the gradient is A.T * B and is not stored.

    theta: M x N, A: P x M, B: P x N, v: M x N -> theta_new: M x N, v_new: M x N. From rmsprop.eq:1.
    """
    M = theta.shape[0]
    N = theta.shape[1]
    # Dtheta = A.T * B
    t3 = out.matrix("t3", M, N, theta)
    Dtheta = t3
    in_place.gemm(1, A.T, B, 0, Dtheta)
    # v'     = rho * v + (1 - rho) * Dtheta^2                           rmsprop.eq:6
    t6 = out.matrix("t6", M, N, theta)
    torch.mul(v, rho, out=t6)
    torch.square(Dtheta, out=v)
    torch.add(t6, v, alpha=c1, out=v)
    # theta' = theta - eta * Dtheta / (sqrt(v') + epsilon)              rmsprop.eq:7
    torch.mul(Dtheta, eta, out=t3)
    torch.sqrt(v, out=t6)
    in_place.add(t6, epsilon, t6)
    in_place.divide(t3, t6, t6)
    in_place.subtract(theta, t6, theta)
    return theta, v


def weight_decay_step(theta: Matrix, Dtheta: Matrix, decay: runtime.Scalar, out: Buffers) -> Matrix:
    """Adds the gradient of decay / 2 times the squared weights.

    theta: M x N, Dtheta: M x N -> Dtheta_new: M x N. From weight_decay.eq:1.
    """
    # Dtheta' = Dtheta + decay * theta                                  weight_decay.eq:5
    torch.add(Dtheta, theta, alpha=decay, out=Dtheta)
    return Dtheta


def transposed_product(A: Matrix, B: Matrix, out: Buffers) -> Matrix:
    """A gradient that is a product, from its factors.

    A: P x M, B: P x N -> C: M x N.
    """
    M = A.shape[1]
    N = B.shape[1]
    # C = A.T * B
    C = out.matrix("C", M, N, A)
    in_place.gemm(1, A.T, B, 0, C)
    return C
