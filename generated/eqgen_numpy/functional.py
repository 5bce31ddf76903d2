"""The functional core: every equation as a pure function of matrices (two dimensions, always) and numbers.

The comment above a statement is the equation that it computes, and where that stands.
"""

# Equations stand as they are written, however long they are and whatever their names look like.
# ruff: noqa: E501, RUF100, SIM300

# Arithmetic of arrays has no static type in most frameworks.
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from . import runtime, sparse_products
from .sparse_products import Indices

if TYPE_CHECKING:
    from .activations import Activation

Matrix: TypeAlias = runtime.Matrix


@runtime.compiled
def log_softmax(X: Matrix) -> Matrix:
    """Logarithm of the softmax.

    X: N x K -> result: N x K. From log_softmax.eq:1.
    """
    K = X.shape[1]
    N = X.shape[0]
    # Z = X - column_repeat(rows_max(X), K)                             log_softmax.eq:6
    Z = X - np.broadcast_to(np.max(X, axis=1, keepdims=True, initial=-math.inf), (N, K))
    # = Z - column_repeat(log(rows_sum(exp(Z))), K)                     log_softmax.eq:7
    result = Z - np.broadcast_to(np.log(np.sum(np.exp(Z), axis=1, keepdims=True)), (N, K))
    return result


@runtime.compiled
def softmax(X: Matrix) -> Matrix:
    """Every row positive with sum 1.

    X: N x K -> result: N x K. From softmax.eq:1.
    """
    K = X.shape[1]
    N = X.shape[0]
    # Z = X - column_repeat(rows_max(X), K)                             softmax.eq:6
    Z = X - np.broadcast_to(np.max(X, axis=1, keepdims=True, initial=-math.inf), (N, K))
    s1 = np.exp(Z)
    # = hadamard(exp(Z), column_repeat(reciprocal(rows_sum(exp(Z))), K))  softmax.eq:7
    result = s1 * np.broadcast_to(1 / np.sum(s1, axis=1, keepdims=True), (N, K))
    return result


@runtime.compiled
def xdivy(X: Matrix, Y: Matrix) -> Matrix:
    """X / Y entry by entry, and 0 where X is 0, also for Y = 0.

    X: M x N, Y: M x N -> result: M x N. From xdivy.eq:1.
    """
    # Z = apply((x, y) -> where(x == 0, 1, y), X, Y)                    xdivy.eq:6
    Z = runtime.where(X == 0, 1, Y, X)
    # = hadamard(X, reciprocal(Z))                                      xdivy.eq:7
    result = X * (1 / Z)
    return result


@runtime.compiled
def xlogy(X: Matrix, Y: Matrix) -> Matrix:
    """X log(Y) entry by entry, and 0 where X is 0, also for Y = 0.

    X: M x N, Y: M x N -> result: M x N. From xlogy.eq:1.
    """
    # Z = apply((x, y) -> where(x == 0, 1, y), X, Y)                    xlogy.eq:6
    Z = runtime.where(X == 0, 1, Y, X)
    # = hadamard(X, log(Z))                                             xlogy.eq:7
    result = X * np.log(Z)
    return result


@runtime.compiled
def all_relu(x: Matrix, alpha: float) -> Matrix:
    """Alternated leaky ReLU: slope alpha below zero, its sign alternates from layer to layer.

    x: M x N -> y: M x N. From all_relu.eq:1.
    """
    # f(x)  = where(x < 0, alpha * x, x)                                all_relu.eq:5
    y = runtime.where(x < 0, alpha * x, x, x)
    return y


@runtime.compiled
def all_relu_gradient(x: Matrix, alpha: float) -> Matrix:
    """Alternated leaky ReLU: slope alpha below zero, its sign alternates from layer to layer.

    x: M x N -> dy: M x N. From all_relu.eq:1.
    """
    # f'(x) = where(x < 0, alpha, 1)                                    all_relu.eq:6
    dy = runtime.where(x < 0, alpha, 1, x)
    return dy


@runtime.compiled
def elu(x: Matrix, alpha: float) -> Matrix:
    """Exponential linear unit.

    x: M x N -> y: M x N. From elu.eq:1.
    """
    # f(x)  = where(x < 0, alpha * expm1(min(x, 0)), x)                 elu.eq:6
    y = runtime.where(x < 0, alpha * np.expm1(runtime.minimum(x, 0)), x, x)
    return y


@runtime.compiled
def elu_gradient(x: Matrix, alpha: float) -> Matrix:
    """Exponential linear unit.

    x: M x N -> dy: M x N. From elu.eq:1.
    """
    # f'(x) = where(x < 0, alpha * exp(min(x, 0)), 1)                   elu.eq:7
    dy = runtime.where(x < 0, alpha * np.exp(runtime.minimum(x, 0)), 1, x)
    return dy


@runtime.compiled
def gelu(x: Matrix) -> Matrix:
    """Gaussian error linear unit, exact: x times the standard normal distribution function.

    x: M x N -> y: M x N. From gelu.eq:1.
    """
    # f(x)  = x * (1 + erf(x / sqrt(2))) / 2                            gelu.eq:5
    #   rewritten: apply(x -> 1 + erf(x), X) = erfc(-X)
    y = x * runtime.erfc(-(x / math.sqrt(2))) / 2
    return y


@runtime.compiled
def gelu_gradient(x: Matrix) -> Matrix:
    """Gaussian error linear unit, exact: x times the standard normal distribution function.

    x: M x N -> dy: M x N. From gelu.eq:1.
    """
    # f'(x) = (1 + erf(x / sqrt(2))) / 2 + x * exp(-x^2 / 2) / sqrt(2 * pi())  gelu.eq:6
    #   rewritten: apply(x -> 1 + erf(x), X) = erfc(-X)
    dy = runtime.erfc(-(x / math.sqrt(2))) / 2 + x * np.exp(-np.square(x) / 2) / math.sqrt(2 * math.pi)
    return dy


@runtime.compiled
def leaky_relu(x: Matrix, alpha: float) -> Matrix:
    """ReLU with slope alpha below zero.

    x: M x N -> y: M x N. From leaky_relu.eq:1.
    """
    # f(x)  = max(alpha * x, x)                                         leaky_relu.eq:6
    y = runtime.maximum(alpha * x, x)
    return y


@runtime.compiled
def leaky_relu_gradient(x: Matrix, alpha: float) -> Matrix:
    """ReLU with slope alpha below zero.

    x: M x N -> dy: M x N. From leaky_relu.eq:1.
    """
    # f'(x) = where(x < alpha * x, alpha, 1)                            leaky_relu.eq:7
    dy = runtime.where(x < alpha * x, alpha, 1, x)
    return dy


@runtime.compiled
def relu(x: Matrix) -> Matrix:
    """Rectified linear unit.

    x: M x N -> y: M x N. From relu.eq:1.
    """
    # f(x)  = max(0, x)                                                 relu.eq:5
    y = runtime.maximum(0, x)
    return y


@runtime.compiled
def relu_gradient(x: Matrix) -> Matrix:
    """Rectified linear unit.

    x: M x N -> dy: M x N. From relu.eq:1.
    """
    # f'(x) = where(x < 0, 0, 1)                                        relu.eq:6
    dy = runtime.where(x < 0, 0, 1, x)
    return dy


@runtime.compiled
def s_relu(x: Matrix, al: float, tl: float, ar: float, tr: float) -> Matrix:
    """S-shaped ReLU: slope al up to tl, slope 1 between the thresholds, slope ar from tr on.

    x: M x N -> y: M x N. From srelu.eq:1.
    """
    # f(x)  = where(x <= tl, tl + al * (x - tl), where(x < tr, x, tr + ar * (x - tr)))  srelu.eq:5
    y = runtime.where(x <= tl, tl + al * (x - tl), runtime.where(x < tr, x, tr + ar * (x - tr), x), x)
    return y


@runtime.compiled
def s_relu_gradient(x: Matrix, al: float, tl: float, ar: float, tr: float) -> Matrix:
    """S-shaped ReLU: slope al up to tl, slope 1 between the thresholds, slope ar from tr on.

    x: M x N -> dy: M x N. From srelu.eq:1.
    """
    # f'(x) = where(x <= tl, al, where(x < tr, 1, ar))                  srelu.eq:6
    dy = runtime.where(x <= tl, al, runtime.where(x < tr, 1, ar, x), x)
    return dy


@runtime.compiled
def silu(x: Matrix) -> Matrix:
    """Sigmoid-weighted linear unit, also called swish.

    x: M x N -> y: M x N. From silu.eq:1.
    """
    # f(x)  = x * sigmoid(x)                                            silu.eq:5
    y = x * runtime.sigmoid(x)
    return y


@runtime.compiled
def silu_gradient(x: Matrix) -> Matrix:
    """Sigmoid-weighted linear unit, also called swish.

    x: M x N -> dy: M x N. From silu.eq:1.
    """
    # f'(x) = sigmoid(x) * (1 + x * (1 - sigmoid(x)))                   silu.eq:6
    #   rewritten: apply(x -> 1 - sigmoid(x), X) = sigmoid(-X)
    dy = runtime.sigmoid(x) * (1 + x * runtime.sigmoid(-x))
    return dy


@runtime.compiled
def sigmoid(x: Matrix) -> Matrix:
    """Logistic function.

    x: M x N -> y: M x N. From sigmoid.eq:1.
    """
    # f(x)  = sigmoid(x)                                                sigmoid.eq:5
    y = runtime.sigmoid(x)
    return y


@runtime.compiled
def sigmoid_gradient(x: Matrix) -> Matrix:
    """Logistic function.

    x: M x N -> dy: M x N. From sigmoid.eq:1.
    """
    s1 = np.exp(-np.abs(x))
    # f'(x) = sigmoid(x) * (1 - sigmoid(x))                             sigmoid.eq:6
    #   rewritten: apply(x -> 1 - sigmoid(x), X) = sigmoid(-X)
    #   rewritten: hadamard(sigmoid(X), sigmoid(-X)) = exp(-abs(X)) / square(apply(x -> 1 + exp(-abs(x)), X))
    dy = s1 / np.square(1 + s1)
    return dy


@runtime.compiled
def softplus(x: Matrix) -> Matrix:
    """Smooth ReLU, log(1 + e^x).

    x: M x N -> y: M x N. From softplus.eq:1.
    """
    # f(x)  = softplus(x)                                               softplus.eq:5
    y = runtime.softplus(x)
    return y


@runtime.compiled
def softplus_gradient(x: Matrix) -> Matrix:
    """Smooth ReLU, log(1 + e^x).

    x: M x N -> dy: M x N. From softplus.eq:1.
    """
    # f'(x) = sigmoid(x)                                                softplus.eq:6
    dy = runtime.sigmoid(x)
    return dy


@runtime.compiled
def t_relu(x: Matrix, epsilon: float) -> Matrix:
    """Trimmed ReLU: values below epsilon are cut off.

    x: M x N -> y: M x N. From trelu.eq:1.
    """
    # f(x)  = where(x < epsilon, 0, x)                                  trelu.eq:5
    y = runtime.where(x < epsilon, 0, x, x)
    return y


@runtime.compiled
def t_relu_gradient(x: Matrix, epsilon: float) -> Matrix:
    """Trimmed ReLU: values below epsilon are cut off.

    x: M x N -> dy: M x N. From trelu.eq:1.
    """
    # f'(x) = where(x < epsilon, 0, 1)                                  trelu.eq:6
    dy = runtime.where(x < epsilon, 0, 1, x)
    return dy


@runtime.compiled
def tanh(x: Matrix) -> Matrix:
    """Hyperbolic tangent.

    x: M x N -> y: M x N. From tanh.eq:1.
    """
    # f(x)  = tanh(x)                                                   tanh.eq:5
    y = np.tanh(x)
    return y


@runtime.compiled
def tanh_gradient(x: Matrix) -> Matrix:
    """Hyperbolic tangent.

    x: M x N -> dy: M x N. From tanh.eq:1.
    """
    s1 = np.exp(-2 * np.abs(x))
    # f'(x) = 1 - tanh(x)^2                                             tanh.eq:6
    #   rewritten: apply(x -> 1 - square(tanh(x)), X) = 4 * exp(-2 * abs(X)) / square(apply(x -> 1 + exp(-2 * abs(x)), X))
    dy = 4 * s1 / np.square(1 + s1)
    return dy


@runtime.compiled
def activation_forward(X: Matrix, W: Matrix, b: Matrix, act: Activation) -> tuple[Matrix, Matrix]:
    """Linear map followed by an activation function.

    X: N x D, W: K x D, b: 1 x K -> Y: N x K, Z: N x K. From activation.eq:1.
    """
    K = W.shape[0]
    N = X.shape[0]
    # Z = X * W.T + row_repeat(b, N)                                    linear.eq:12
    Z = X @ W.T + np.broadcast_to(b, (N, K))
    # Y = act(Z)                                                        activation.eq:13
    Y = act(Z)
    return Y, Z


@runtime.compiled
def activation_backward(X: Matrix, W: Matrix, Z: Matrix, DY: Matrix, act: Activation) -> tuple[Matrix, Matrix, Matrix]:
    """Linear map followed by an activation function.

    X: N x D, W: K x D, Z: N x K, DY: N x K -> DX: N x D, DW: K x D, Db: 1 x K. From activation.eq:1.
    """
    # DZ = hadamard(DY, act'(Z))                                        activation.eq:16
    DZ = DY * act.gradient(Z)
    # DW = DZ.T * X                                                     linear.eq:15
    DW = DZ.T @ X
    # Db = columns_sum(DZ)                                              linear.eq:16
    Db = runtime.columns_sum(DZ)
    # DX = DZ * W                                                       linear.eq:17
    DX = DZ @ W
    return DX, DW, Db


@runtime.compiled
def activation_dropout_forward(X: Matrix, W: Matrix, b: Matrix, R: Matrix, act: Activation) -> tuple[Matrix, Matrix]:
    """Linear map with dropped weights (DropConnect), followed by an activation function.

    X: N x D, W: K x D, b: 1 x K, R: K x D -> Y: N x K, Z: N x K. From activation_dropout.eq:1.
    """
    K = W.shape[0]
    N = X.shape[0]
    # Z = X * hadamard(W, R).T + row_repeat(b, N)                       linear_dropout.eq:13
    Z = X @ (W * R).T + np.broadcast_to(b, (N, K))
    # Y = act(Z)                                                        activation_dropout.eq:14
    Y = act(Z)
    return Y, Z


@runtime.compiled
def activation_dropout_evaluate(X: Matrix, W: Matrix, b: Matrix, act: Activation) -> Matrix:
    """Linear map with dropped weights (DropConnect), followed by an activation function.

    X: N x D, W: K x D, b: 1 x K -> Y: N x K. From activation_dropout.eq:1.
    """
    K = W.shape[0]
    N = X.shape[0]
    # Z = X * W.T + row_repeat(b, N)                                    linear.eq:12
    Z = X @ W.T + np.broadcast_to(b, (N, K))
    # Y = act(Z)                                                        activation_dropout.eq:21
    Y = act(Z)
    return Y


@runtime.compiled
def activation_dropout_backward(
    X: Matrix, W: Matrix, R: Matrix, Z: Matrix, DY: Matrix, act: Activation
) -> tuple[Matrix, Matrix, Matrix]:
    """Linear map with dropped weights (DropConnect), followed by an activation function.

    X: N x D, W: K x D, R: K x D, Z: N x K, DY: N x K -> DX: N x D, DW: K x D, Db: 1 x K. From activation_dropout.eq:1.
    """
    # DZ = hadamard(DY, act'(Z))                                        activation_dropout.eq:17
    DZ = DY * act.gradient(Z)
    # DW = hadamard(DZ.T * X, R)                                        linear_dropout.eq:16
    DW = DZ.T @ X * R
    # Db = columns_sum(DZ)                                              linear_dropout.eq:17
    Db = runtime.columns_sum(DZ)
    # DX = DZ * hadamard(W, R)                                          linear_dropout.eq:18
    DX = DZ @ (W * R)
    return DX, DW, Db


@runtime.compiled
def batch_normalization_forward(
    X: Matrix, gamma: Matrix, beta: Matrix, epsilon: float
) -> tuple[Matrix, Matrix, Matrix, Matrix]:
    """Every feature gets mean 0 and variance 1 over the batch, then a learned scale and shift.

    X: N x D, gamma: 1 x D, beta: 1 x D -> Y: N x D, Sigma: 1 x D, inv_sqrt_Sigma: 1 x D, Z: N x D. From batch_normalization.eq:1.
    """
    D = X.shape[1]
    N = X.shape[0]
    # R = X - row_repeat(columns_mean(X), N)                            batch_normalization.eq:14
    R = X - np.broadcast_to(runtime.columns_mean(X), (N, D))
    # Sigma = diag(R.T * R).T / N                                       batch_normalization.eq:15
    #   rewritten: diag(A.T * B) = columns_sum(hadamard(A, B)).T
    #   rewritten: hadamard(X, X) = square(X)
    #   rewritten: A.T.T = A
    #   rewritten: columns_sum(A) / M = columns_mean(A)
    Sigma = runtime.columns_mean(np.square(R))
    # inv_sqrt_Sigma = inv_sqrt(Sigma + epsilon * ones(1, D))           batch_normalization.eq:16
    inv_sqrt_Sigma = runtime.inv_sqrt(Sigma + np.full((1, D), epsilon, dtype=X.dtype))
    # Z = hadamard(row_repeat(inv_sqrt_Sigma, N), R)                    batch_normalization.eq:17
    Z = np.broadcast_to(inv_sqrt_Sigma, (N, D)) * R
    # Y = hadamard(row_repeat(gamma, N), Z) + row_repeat(beta, N)       batch_normalization.eq:18
    Y = np.broadcast_to(gamma, (N, D)) * Z + np.broadcast_to(beta, (N, D))
    return Y, Sigma, inv_sqrt_Sigma, Z


@runtime.compiled
def batch_normalization_evaluate(
    X: Matrix, gamma: Matrix, beta: Matrix, mean: Matrix, variance: Matrix, epsilon: float
) -> Matrix:
    """Every feature gets mean 0 and variance 1 over the batch, then a learned scale and shift.

    X: N x D, gamma: 1 x D, beta: 1 x D, mean: 1 x D, variance: 1 x D -> Y: N x D. From batch_normalization.eq:1.
    """
    D = X.shape[1]
    N = X.shape[0]
    # R = X - row_repeat(mean, N)                                       batch_normalization.eq:34
    R = X - np.broadcast_to(mean, (N, D))
    # Z = hadamard(row_repeat(inv_sqrt(variance + epsilon * ones(1, D)), N), R)  batch_normalization.eq:35
    Z = np.broadcast_to(runtime.inv_sqrt(variance + np.full((1, D), epsilon, dtype=X.dtype)), (N, D)) * R
    # Y = hadamard(row_repeat(gamma, N), Z) + row_repeat(beta, N)       batch_normalization.eq:36
    Y = np.broadcast_to(gamma, (N, D)) * Z + np.broadcast_to(beta, (N, D))
    return Y


@runtime.compiled
def batch_normalization_backward(
    gamma: Matrix, inv_sqrt_Sigma: Matrix, Z: Matrix, DY: Matrix
) -> tuple[Matrix, Matrix, Matrix]:
    """Every feature gets mean 0 and variance 1 over the batch, then a learned scale and shift.

    gamma: 1 x D, inv_sqrt_Sigma: 1 x D, Z: N x D, DY: N x D -> DX: N x D, Dgamma: 1 x D, Dbeta: 1 x D. From batch_normalization.eq:1.
    """
    D = gamma.shape[1]
    N = Z.shape[0]
    # DZ     = hadamard(row_repeat(gamma, N), DY)                       batch_normalization.eq:21
    DZ = np.broadcast_to(gamma, (N, D)) * DY
    # Dbeta  = columns_sum(DY)                                          batch_normalization.eq:22
    Dbeta = runtime.columns_sum(DY)
    # Dgamma = columns_sum(hadamard(DY, Z))                             batch_normalization.eq:23
    Dgamma = runtime.columns_sum(DY * Z)
    # DX     = hadamard(row_repeat(inv_sqrt_Sigma / N, N), (N * identity(N) - ones(N, N)) * DZ - hadamard(Z, row_repeat(diag(Z.T * DZ).T, N)))  batch_normalization.eq:24
    #   rewritten: (M * identity(M) - ones(M, M)) * A = M * A - row_repeat(columns_sum(A), M)
    #   rewritten: diag(A.T * B) = columns_sum(hadamard(A, B)).T
    #   rewritten: A.T.T = A
    DX = np.broadcast_to(inv_sqrt_Sigma / N, (N, D)) * (
        N * DZ
        - np.broadcast_to(runtime.columns_sum(DZ), (N, D))
        - Z * np.broadcast_to(runtime.columns_sum(Z * DZ), (N, D))
    )
    return DX, Dgamma, Dbeta


@runtime.compiled
def batch_normalization_update(
    X: Matrix, mean: Matrix, variance: Matrix, Sigma: Matrix, momentum: float
) -> tuple[Matrix, Matrix]:
    """Every feature gets mean 0 and variance 1 over the batch, then a learned scale and shift.

    X: N x D, mean: 1 x D, variance: 1 x D, Sigma: 1 x D -> mean_new: 1 x D, variance_new: 1 x D. From batch_normalization.eq:1.
    """
    # mean'     = momentum * mean + (1 - momentum) * columns_mean(X)    batch_normalization.eq:30
    mean_new = momentum * mean + (1 - momentum) * runtime.columns_mean(X)
    # variance' = momentum * variance + (1 - momentum) * Sigma          batch_normalization.eq:31
    variance_new = momentum * variance + (1 - momentum) * Sigma
    return mean_new, variance_new


@runtime.compiled
def embedding_forward(X: Matrix, E: Matrix) -> Matrix:
    """Row x_i of a table for every index x_i.

    X: N x 1, E: V x D -> Y: N x D. From embedding.eq:1.
    """
    # Y = row_gather(E, X)                                              embedding.eq:11
    Y = runtime.row_gather(E, X)
    return Y


@runtime.compiled
def embedding_backward(X: Matrix, E: Matrix, DY: Matrix) -> Matrix:
    """Row x_i of a table for every index x_i.

    X: N x 1, E: V x D, DY: N x D -> DE: V x D. From embedding.eq:1.
    """
    V = E.shape[0]
    # DE = row_scatter_add(X, DY, V)                                    embedding.eq:14
    DE = runtime.row_scatter_add(X, DY, V)
    return DE


@runtime.compiled
def layer_normalization_forward(
    X: Matrix, gamma: Matrix, beta: Matrix, epsilon: float
) -> tuple[Matrix, Matrix, Matrix]:
    """Every row gets mean 0 and variance 1 over its features, then a learned scale and shift.

    X: N x D, gamma: 1 x D, beta: 1 x D -> Y: N x D, inv_sqrt_Sigma: N x 1, Z: N x D. From layer_normalization.eq:1.
    """
    D = X.shape[1]
    N = X.shape[0]
    # R = X - column_repeat(rows_mean(X), D)                            layer_normalization.eq:12
    R = X - np.broadcast_to(np.mean(X, axis=1, keepdims=True), (N, D))
    # Sigma = diag(R * R.T) / D                                         layer_normalization.eq:13
    #   rewritten: diag(A * A.T) = rows_sum(square(A))
    #   rewritten: rows_sum(A) / N = rows_mean(A)
    Sigma = np.mean(np.square(R), axis=1, keepdims=True)
    # inv_sqrt_Sigma = inv_sqrt(Sigma + epsilon * ones(N, 1))           layer_normalization.eq:14
    inv_sqrt_Sigma = runtime.inv_sqrt(Sigma + np.full((N, 1), epsilon, dtype=X.dtype))
    # Z = hadamard(column_repeat(inv_sqrt_Sigma, D), R)                 layer_normalization.eq:15
    Z = np.broadcast_to(inv_sqrt_Sigma, (N, D)) * R
    # Y = hadamard(row_repeat(gamma, N), Z) + row_repeat(beta, N)       layer_normalization.eq:16
    Y = np.broadcast_to(gamma, (N, D)) * Z + np.broadcast_to(beta, (N, D))
    return Y, inv_sqrt_Sigma, Z


@runtime.compiled
def layer_normalization_backward(
    gamma: Matrix, inv_sqrt_Sigma: Matrix, Z: Matrix, DY: Matrix
) -> tuple[Matrix, Matrix, Matrix]:
    """Every row gets mean 0 and variance 1 over its features, then a learned scale and shift.

    gamma: 1 x D, inv_sqrt_Sigma: N x 1, Z: N x D, DY: N x D -> DX: N x D, Dgamma: 1 x D, Dbeta: 1 x D. From layer_normalization.eq:1.
    """
    D = gamma.shape[1]
    N = inv_sqrt_Sigma.shape[0]
    # DZ     = hadamard(row_repeat(gamma, N), DY)                       layer_normalization.eq:19
    DZ = np.broadcast_to(gamma, (N, D)) * DY
    # Dbeta  = columns_sum(DY)                                          layer_normalization.eq:20
    Dbeta = runtime.columns_sum(DY)
    # Dgamma = columns_sum(hadamard(DY, Z))                             layer_normalization.eq:21
    Dgamma = runtime.columns_sum(DY * Z)
    # DX     = hadamard(column_repeat(inv_sqrt_Sigma / D, D), DZ * (D * identity(D) - ones(D, D)) - hadamard(Z, column_repeat(diag(Z * DZ.T), D)))  layer_normalization.eq:22
    #   rewritten: A * (N * identity(N) - ones(N, N)) = N * A - column_repeat(rows_sum(A), N)
    #   rewritten: diag(A * B.T) = rows_sum(hadamard(A, B))
    DX = np.broadcast_to(inv_sqrt_Sigma / D, (N, D)) * (
        D * DZ
        - np.broadcast_to(np.sum(DZ, axis=1, keepdims=True), (N, D))
        - Z * np.broadcast_to(np.sum(Z * DZ, axis=1, keepdims=True), (N, D))
    )
    return DX, Dgamma, Dbeta


@runtime.compiled
def linear_forward(X: Matrix, W: Matrix, b: Matrix) -> Matrix:
    """Linear map with a bias.

    X: N x D, W: K x D, b: 1 x K -> Y: N x K. From linear.eq:1.
    """
    K = W.shape[0]
    N = X.shape[0]
    # Y = X * W.T + row_repeat(b, N)                                    linear.eq:12
    Y = X @ W.T + np.broadcast_to(b, (N, K))
    return Y


@runtime.compiled
def linear_backward(X: Matrix, W: Matrix, DY: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Linear map with a bias.

    X: N x D, W: K x D, DY: N x K -> DX: N x D, DW: K x D, Db: 1 x K. From linear.eq:1.
    """
    # DW = DY.T * X                                                     linear.eq:15
    DW = DY.T @ X
    # Db = columns_sum(DY)                                              linear.eq:16
    Db = runtime.columns_sum(DY)
    # DX = DY * W                                                       linear.eq:17
    DX = DY @ W
    return DX, DW, Db


@runtime.compiled
def linear_dropout_forward(X: Matrix, W: Matrix, b: Matrix, R: Matrix) -> Matrix:
    """Linear map of which every weight is dropped with probability p (DropConnect).

    X: N x D, W: K x D, b: 1 x K, R: K x D -> Y: N x K. From linear_dropout.eq:1.
    """
    K = W.shape[0]
    N = X.shape[0]
    # Y = X * hadamard(W, R).T + row_repeat(b, N)                       linear_dropout.eq:13
    Y = X @ (W * R).T + np.broadcast_to(b, (N, K))
    return Y


@runtime.compiled
def linear_dropout_evaluate(X: Matrix, W: Matrix, b: Matrix) -> Matrix:
    """Linear map of which every weight is dropped with probability p (DropConnect).

    X: N x D, W: K x D, b: 1 x K -> Y: N x K. From linear_dropout.eq:1.
    """
    K = W.shape[0]
    N = X.shape[0]
    # Y = X * W.T + row_repeat(b, N)                                    linear.eq:12
    Y = X @ W.T + np.broadcast_to(b, (N, K))
    return Y


@runtime.compiled
def linear_dropout_backward(X: Matrix, W: Matrix, R: Matrix, DY: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Linear map of which every weight is dropped with probability p (DropConnect).

    X: N x D, W: K x D, R: K x D, DY: N x K -> DX: N x D, DW: K x D, Db: 1 x K. From linear_dropout.eq:1.
    """
    # DW = hadamard(DY.T * X, R)                                        linear_dropout.eq:16
    DW = DY.T @ X * R
    # Db = columns_sum(DY)                                              linear_dropout.eq:17
    Db = runtime.columns_sum(DY)
    # DX = DY * hadamard(W, R)                                          linear_dropout.eq:18
    DX = DY @ (W * R)
    return DX, DW, Db


@runtime.compiled
def log_softmax_forward(X: Matrix, W: Matrix, b: Matrix) -> tuple[Matrix, Matrix]:
    """Linear map followed by the logarithm of a row-wise softmax.

    X: N x D, W: K x D, b: 1 x K -> Y: N x K, Z: N x K. From log_softmax.eq:1.
    """
    K = W.shape[0]
    N = X.shape[0]
    # Z = X * W.T + row_repeat(b, N)                                    linear.eq:12
    Z = X @ W.T + np.broadcast_to(b, (N, K))
    # Y = log_softmax(Z)                                                log_softmax.eq:13
    Y = log_softmax(Z)
    return Y, Z


@runtime.compiled
def log_softmax_backward(X: Matrix, W: Matrix, Z: Matrix, DY: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Linear map followed by the logarithm of a row-wise softmax.

    X: N x D, W: K x D, Z: N x K, DY: N x K -> DX: N x D, DW: K x D, Db: 1 x K. From log_softmax.eq:1.
    """
    K = W.shape[0]
    N = X.shape[0]
    # DZ = DY - hadamard(softmax(Z), column_repeat(rows_sum(DY), K))    log_softmax.eq:16
    DZ = DY - softmax(Z) * np.broadcast_to(np.sum(DY, axis=1, keepdims=True), (N, K))
    # DW = DZ.T * X                                                     linear.eq:15
    DW = DZ.T @ X
    # Db = columns_sum(DZ)                                              linear.eq:16
    Db = runtime.columns_sum(DZ)
    # DX = DZ * W                                                       linear.eq:17
    DX = DZ @ W
    return DX, DW, Db


@runtime.compiled
def s_relu_forward(
    X: Matrix, W: Matrix, b: Matrix, al: Matrix, tl: Matrix, ar: Matrix, tr: Matrix
) -> tuple[Matrix, Matrix]:
    """Linear map followed by an S-shaped ReLU whose slopes and thresholds are learned.

    X: N x D, W: K x D, b: 1 x K, al: 1 x 1, tl: 1 x 1, ar: 1 x 1, tr: 1 x 1 -> Y: N x K, Z: N x K. From srelu.eq:1.
    """
    K = W.shape[0]
    N = X.shape[0]
    # Z = X * W.T + row_repeat(b, N)                                    linear.eq:12
    Z = X @ W.T + np.broadcast_to(b, (N, K))
    # Y = apply(SReLU(al, tl, ar, tr), Z)                               srelu.eq:17
    Y = runtime.where(Z <= tl, tl + al * (Z - tl), runtime.where(Z < tr, Z, tr + ar * (Z - tr), X), X)
    return Y, Z


@runtime.compiled
def s_relu_backward(
    X: Matrix, W: Matrix, al: Matrix, tl: Matrix, ar: Matrix, tr: Matrix, Z: Matrix, DY: Matrix
) -> tuple[Matrix, Matrix, Matrix, Matrix, Matrix, Matrix, Matrix]:
    """Linear map followed by an S-shaped ReLU whose slopes and thresholds are learned.

    X: N x D, W: K x D, al: 1 x 1, tl: 1 x 1, ar: 1 x 1, tr: 1 x 1, Z: N x K, DY: N x K -> DX: N x D, DW: K x D, Db: 1 x K, Dal: 1 x 1, Dtl: 1 x 1, Dar: 1 x 1, Dtr: 1 x 1. From srelu.eq:1.
    """
    # DZ  = hadamard(DY, apply(SReLU'(al, tl, ar, tr), Z))              srelu.eq:20
    DZ = DY * runtime.where(Z <= tl, al, runtime.where(Z < tr, 1, ar, X), X)
    # Dal = elements_sum(hadamard(DY, apply(z -> where(z <= tl, z - tl, 0), Z)))  srelu.eq:21
    Dal = np.sum(DY * runtime.where(Z <= tl, Z - tl, 0, X), keepdims=True)
    # Dtl = elements_sum(hadamard(DY, apply(z -> where(z <= tl, 1 - al, 0), Z)))  srelu.eq:22
    Dtl = np.sum(DY * runtime.where(Z <= tl, 1 - al, 0, X), keepdims=True)
    # Dar = elements_sum(hadamard(DY, apply(z -> where(z <= tl, 0, where(z < tr, 0, z - tr)), Z)))  srelu.eq:23
    Dar = np.sum(DY * runtime.where(Z <= tl, 0, runtime.where(Z < tr, 0, Z - tr, X), X), keepdims=True)
    # Dtr = elements_sum(hadamard(DY, apply(z -> where(z <= tl, 0, where(z < tr, 0, 1 - ar)), Z)))  srelu.eq:24
    Dtr = np.sum(DY * runtime.where(Z <= tl, 0, runtime.where(Z < tr, 0, 1 - ar, X), X), keepdims=True)
    # DW = DZ.T * X                                                     linear.eq:15
    DW = DZ.T @ X
    # Db = columns_sum(DZ)                                              linear.eq:16
    Db = runtime.columns_sum(DZ)
    # DX = DZ * W                                                       linear.eq:17
    DX = DZ @ W
    return DX, DW, Db, Dal, Dtl, Dar, Dtr


@runtime.compiled
def softmax_forward(X: Matrix, W: Matrix, b: Matrix) -> Matrix:
    """Linear map followed by a row-wise softmax.

    X: N x D, W: K x D, b: 1 x K -> Y: N x K. From softmax.eq:1.
    """
    K = W.shape[0]
    N = X.shape[0]
    # Z = X * W.T + row_repeat(b, N)                                    softmax.eq:12
    Z = X @ W.T + np.broadcast_to(b, (N, K))
    # Y = softmax(Z)                                                    softmax.eq:13
    Y = softmax(Z)
    return Y


@runtime.compiled
def softmax_backward(X: Matrix, W: Matrix, Y: Matrix, DY: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Linear map followed by a row-wise softmax.

    X: N x D, W: K x D, Y: N x K, DY: N x K -> DX: N x D, DW: K x D, Db: 1 x K. From softmax.eq:1.
    """
    K = W.shape[0]
    N = X.shape[0]
    # DZ = hadamard(Y, DY - column_repeat(diag(DY * Y.T), K))           softmax.eq:16
    #   rewritten: diag(A * B.T) = rows_sum(hadamard(A, B))
    DZ = Y * (DY - np.broadcast_to(np.sum(DY * Y, axis=1, keepdims=True), (N, K)))
    # DW = DZ.T * X                                                     softmax.eq:17
    DW = DZ.T @ X
    # Db = columns_sum(DZ)                                              softmax.eq:18
    Db = runtime.columns_sum(DZ)
    # DX = DZ * W                                                       softmax.eq:19
    DX = DZ @ W
    return DX, DW, Db


@runtime.compiled
def sparse_activation_forward(
    X: Matrix, W: Matrix, W_pattern: Indices, b: Matrix, act: Activation
) -> tuple[Matrix, Matrix]:
    """Linear map followed by an activation function.

    X: N x D, W: 1 x W_entries, W_pattern: K x D, b: 1 x K -> Y: N x K, Z: N x K. From activation.eq:1.
    """
    K = W_pattern.shape[0]
    N = X.shape[0]
    # Z = X * W.T + row_repeat(b, N)                                    linear.eq:12
    Z = sparse_products.sparse_product(W, W_pattern, X.T).T + np.broadcast_to(b, (N, K))
    # Y = act(Z)                                                        activation.eq:13
    Y = act(Z)
    return Y, Z


@runtime.compiled
def sparse_activation_backward(
    X: Matrix, W: Matrix, W_pattern: Indices, Z: Matrix, DY: Matrix, act: Activation
) -> tuple[Matrix, Matrix, Matrix]:
    """Linear map followed by an activation function.

    X: N x D, W: 1 x W_entries, W_pattern: K x D, Z: N x K, DY: N x K -> DX: N x D, DW: 1 x W_entries, Db: 1 x K. From activation.eq:1.
    """
    # DZ = hadamard(DY, act'(Z))                                        activation.eq:16
    DZ = DY * act.gradient(Z)
    # DW = DZ.T * X                                                     linear.eq:15
    DW = sparse_products.sampled_product(DZ.T, X.T, W_pattern)
    # Db = columns_sum(DZ)                                              linear.eq:16
    Db = runtime.columns_sum(DZ)
    # DX = DZ * W                                                       linear.eq:17
    DX = sparse_products.sparse_transposed_product(W, W_pattern, DZ.T).T
    return DX, DW, Db


@runtime.compiled
def sparse_linear_forward(X: Matrix, W: Matrix, W_pattern: Indices, b: Matrix) -> Matrix:
    """Linear map with a bias.

    X: N x D, W: 1 x W_entries, W_pattern: K x D, b: 1 x K -> Y: N x K. From linear.eq:1.
    """
    K = W_pattern.shape[0]
    N = X.shape[0]
    # Y = X * W.T + row_repeat(b, N)                                    linear.eq:12
    Y = sparse_products.sparse_product(W, W_pattern, X.T).T + np.broadcast_to(b, (N, K))
    return Y


@runtime.compiled
def sparse_linear_backward(X: Matrix, W: Matrix, W_pattern: Indices, DY: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Linear map with a bias.

    X: N x D, W: 1 x W_entries, W_pattern: K x D, DY: N x K -> DX: N x D, DW: 1 x W_entries, Db: 1 x K. From linear.eq:1.
    """
    # DW = DY.T * X                                                     linear.eq:15
    DW = sparse_products.sampled_product(DY.T, X.T, W_pattern)
    # Db = columns_sum(DY)                                              linear.eq:16
    Db = runtime.columns_sum(DY)
    # DX = DY * W                                                       linear.eq:17
    DX = sparse_products.sparse_transposed_product(W, W_pattern, DY.T).T
    return DX, DW, Db


@runtime.compiled
def sparse_log_softmax_forward(X: Matrix, W: Matrix, W_pattern: Indices, b: Matrix) -> tuple[Matrix, Matrix]:
    """Linear map followed by the logarithm of a row-wise softmax.

    X: N x D, W: 1 x W_entries, W_pattern: K x D, b: 1 x K -> Y: N x K, Z: N x K. From log_softmax.eq:1.
    """
    K = W_pattern.shape[0]
    N = X.shape[0]
    # Z = X * W.T + row_repeat(b, N)                                    linear.eq:12
    Z = sparse_products.sparse_product(W, W_pattern, X.T).T + np.broadcast_to(b, (N, K))
    # Y = log_softmax(Z)                                                log_softmax.eq:13
    Y = log_softmax(Z)
    return Y, Z


@runtime.compiled
def sparse_log_softmax_backward(
    X: Matrix, W: Matrix, W_pattern: Indices, Z: Matrix, DY: Matrix
) -> tuple[Matrix, Matrix, Matrix]:
    """Linear map followed by the logarithm of a row-wise softmax.

    X: N x D, W: 1 x W_entries, W_pattern: K x D, Z: N x K, DY: N x K -> DX: N x D, DW: 1 x W_entries, Db: 1 x K. From log_softmax.eq:1.
    """
    K = W_pattern.shape[0]
    N = X.shape[0]
    # DZ = DY - hadamard(softmax(Z), column_repeat(rows_sum(DY), K))    log_softmax.eq:16
    DZ = DY - softmax(Z) * np.broadcast_to(np.sum(DY, axis=1, keepdims=True), (N, K))
    # DW = DZ.T * X                                                     linear.eq:15
    DW = sparse_products.sampled_product(DZ.T, X.T, W_pattern)
    # Db = columns_sum(DZ)                                              linear.eq:16
    Db = runtime.columns_sum(DZ)
    # DX = DZ * W                                                       linear.eq:17
    DX = sparse_products.sparse_transposed_product(W, W_pattern, DZ.T).T
    return DX, DW, Db


@runtime.compiled
def sparse_s_relu_forward(
    X: Matrix, W: Matrix, W_pattern: Indices, b: Matrix, al: Matrix, tl: Matrix, ar: Matrix, tr: Matrix
) -> tuple[Matrix, Matrix]:
    """Linear map followed by an S-shaped ReLU whose slopes and thresholds are learned.

    X: N x D, W: 1 x W_entries, W_pattern: K x D, b: 1 x K, al: 1 x 1, tl: 1 x 1, ar: 1 x 1, tr: 1 x 1 -> Y: N x K, Z: N x K. From srelu.eq:1.
    """
    K = W_pattern.shape[0]
    N = X.shape[0]
    # Z = X * W.T + row_repeat(b, N)                                    linear.eq:12
    Z = sparse_products.sparse_product(W, W_pattern, X.T).T + np.broadcast_to(b, (N, K))
    # Y = apply(SReLU(al, tl, ar, tr), Z)                               srelu.eq:17
    Y = runtime.where(Z <= tl, tl + al * (Z - tl), runtime.where(Z < tr, Z, tr + ar * (Z - tr), X), X)
    return Y, Z


@runtime.compiled
def sparse_s_relu_backward(
    X: Matrix, W: Matrix, W_pattern: Indices, al: Matrix, tl: Matrix, ar: Matrix, tr: Matrix, Z: Matrix, DY: Matrix
) -> tuple[Matrix, Matrix, Matrix, Matrix, Matrix, Matrix, Matrix]:
    """Linear map followed by an S-shaped ReLU whose slopes and thresholds are learned.

    X: N x D, W: 1 x W_entries, W_pattern: K x D, al: 1 x 1, tl: 1 x 1, ar: 1 x 1, tr: 1 x 1, Z: N x K, DY: N x K -> DX: N x D, DW: 1 x W_entries, Db: 1 x K, Dal: 1 x 1, Dtl: 1 x 1, Dar: 1 x 1, Dtr: 1 x 1. From srelu.eq:1.
    """
    # DZ  = hadamard(DY, apply(SReLU'(al, tl, ar, tr), Z))              srelu.eq:20
    DZ = DY * runtime.where(Z <= tl, al, runtime.where(Z < tr, 1, ar, X), X)
    # Dal = elements_sum(hadamard(DY, apply(z -> where(z <= tl, z - tl, 0), Z)))  srelu.eq:21
    Dal = np.sum(DY * runtime.where(Z <= tl, Z - tl, 0, X), keepdims=True)
    # Dtl = elements_sum(hadamard(DY, apply(z -> where(z <= tl, 1 - al, 0), Z)))  srelu.eq:22
    Dtl = np.sum(DY * runtime.where(Z <= tl, 1 - al, 0, X), keepdims=True)
    # Dar = elements_sum(hadamard(DY, apply(z -> where(z <= tl, 0, where(z < tr, 0, z - tr)), Z)))  srelu.eq:23
    Dar = np.sum(DY * runtime.where(Z <= tl, 0, runtime.where(Z < tr, 0, Z - tr, X), X), keepdims=True)
    # Dtr = elements_sum(hadamard(DY, apply(z -> where(z <= tl, 0, where(z < tr, 0, 1 - ar)), Z)))  srelu.eq:24
    Dtr = np.sum(DY * runtime.where(Z <= tl, 0, runtime.where(Z < tr, 0, 1 - ar, X), X), keepdims=True)
    # DW = DZ.T * X                                                     linear.eq:15
    DW = sparse_products.sampled_product(DZ.T, X.T, W_pattern)
    # Db = columns_sum(DZ)                                              linear.eq:16
    Db = runtime.columns_sum(DZ)
    # DX = DZ * W                                                       linear.eq:17
    DX = sparse_products.sparse_transposed_product(W, W_pattern, DZ.T).T
    return DX, DW, Db, Dal, Dtl, Dar, Dtr


@runtime.compiled
def sparse_softmax_forward(X: Matrix, W: Matrix, W_pattern: Indices, b: Matrix) -> Matrix:
    """Linear map followed by a row-wise softmax.

    X: N x D, W: 1 x W_entries, W_pattern: K x D, b: 1 x K -> Y: N x K. From softmax.eq:1.
    """
    K = W_pattern.shape[0]
    N = X.shape[0]
    # Z = X * W.T + row_repeat(b, N)                                    softmax.eq:12
    Z = sparse_products.sparse_product(W, W_pattern, X.T).T + np.broadcast_to(b, (N, K))
    # Y = softmax(Z)                                                    softmax.eq:13
    Y = softmax(Z)
    return Y


@runtime.compiled
def sparse_softmax_backward(
    X: Matrix, W: Matrix, W_pattern: Indices, Y: Matrix, DY: Matrix
) -> tuple[Matrix, Matrix, Matrix]:
    """Linear map followed by a row-wise softmax.

    X: N x D, W: 1 x W_entries, W_pattern: K x D, Y: N x K, DY: N x K -> DX: N x D, DW: 1 x W_entries, Db: 1 x K. From softmax.eq:1.
    """
    K = W_pattern.shape[0]
    N = X.shape[0]
    # DZ = hadamard(Y, DY - column_repeat(diag(DY * Y.T), K))           softmax.eq:16
    #   rewritten: diag(A * B.T) = rows_sum(hadamard(A, B))
    DZ = Y * (DY - np.broadcast_to(np.sum(DY * Y, axis=1, keepdims=True), (N, K)))
    # DW = DZ.T * X                                                     softmax.eq:17
    DW = sparse_products.sampled_product(DZ.T, X.T, W_pattern)
    # Db = columns_sum(DZ)                                              softmax.eq:18
    Db = runtime.columns_sum(DZ)
    # DX = DZ * W                                                       softmax.eq:19
    DX = sparse_products.sparse_transposed_product(W, W_pattern, DZ.T).T
    return DX, DW, Db


@runtime.compiled
def binary_cross_entropy_loss(Y: Matrix, T: Matrix) -> Matrix:
    """Sum of the binary cross-entropies of probabilities Y with respect to targets T.

    Y: N x K, T: N x K -> L: 1 x 1. From binary_cross_entropy.eq:1.
    """
    K = Y.shape[1]
    N = Y.shape[0]
    # U  = ones(N, K) - T                                               binary_cross_entropy.eq:9
    U = np.ones((N, K), dtype=Y.dtype) - T
    # V  = ones(N, K) - Y                                               binary_cross_entropy.eq:10
    V = np.ones((N, K), dtype=Y.dtype) - Y
    # L  = -elements_sum(xlogy(T, Y) + xlogy(U, V))                     binary_cross_entropy.eq:11
    L = -np.sum(xlogy(T, Y) + xlogy(U, V), keepdims=True)
    return L


@runtime.compiled
def binary_cross_entropy_loss_gradient(Y: Matrix, T: Matrix) -> Matrix:
    """Sum of the binary cross-entropies of probabilities Y with respect to targets T.

    Y: N x K, T: N x K -> DY: N x K. From binary_cross_entropy.eq:1.
    """
    K = Y.shape[1]
    N = Y.shape[0]
    # U  = ones(N, K) - T                                               binary_cross_entropy.eq:9
    U = np.ones((N, K), dtype=Y.dtype) - T
    # V  = ones(N, K) - Y                                               binary_cross_entropy.eq:10
    V = np.ones((N, K), dtype=Y.dtype) - Y
    # DY = xdivy(U, V) - xdivy(T, Y)                                    binary_cross_entropy.eq:12
    DY = xdivy(U, V) - xdivy(T, Y)
    return DY


@runtime.compiled
def cross_entropy_loss(Y: Matrix, T: Matrix) -> Matrix:
    """Cross-entropy of probabilities Y with respect to targets T.

    Y: N x K, T: N x K -> L: 1 x 1. From cross_entropy.eq:1.
    """
    # L  = -elements_sum(xlogy(T, Y))                                   cross_entropy.eq:9
    L = -np.sum(xlogy(T, Y), keepdims=True)
    return L


@runtime.compiled
def cross_entropy_loss_gradient(Y: Matrix, T: Matrix) -> Matrix:
    """Cross-entropy of probabilities Y with respect to targets T.

    Y: N x K, T: N x K -> DY: N x K. From cross_entropy.eq:1.
    """
    # DY = -xdivy(T, Y)                                                 cross_entropy.eq:10
    DY = -xdivy(T, Y)
    return DY


@runtime.compiled
def kl_divergence_loss(Y: Matrix, T: Matrix) -> Matrix:
    """Kullback-Leibler divergence of probabilities Y from targets T.

    Y: N x K, T: N x K -> L: 1 x 1. From kl_divergence.eq:1.
    """
    # L  = elements_sum(xlogy(T, T) - xlogy(T, Y))                      kl_divergence.eq:9
    L = np.sum(xlogy(T, T) - xlogy(T, Y), keepdims=True)
    return L


@runtime.compiled
def kl_divergence_loss_gradient(Y: Matrix, T: Matrix) -> Matrix:
    """Kullback-Leibler divergence of probabilities Y from targets T.

    Y: N x K, T: N x K -> DY: N x K. From kl_divergence.eq:1.
    """
    # DY = -xdivy(T, Y)                                                 kl_divergence.eq:10
    DY = -xdivy(T, Y)
    return DY


@runtime.compiled
def logistic_cross_entropy_loss(Y: Matrix, T: Matrix) -> Matrix:
    """Cross-entropy of the sigmoid of Y with respect to targets T, without a term for 1 - T.

    Y: N x K, T: N x K -> L: 1 x 1. From logistic_cross_entropy.eq:1.
    """
    # L  = -elements_sum(hadamard(T, log_sigmoid(Y)))                   logistic_cross_entropy.eq:8
    L = -np.sum(T * runtime.log_sigmoid(Y), keepdims=True)
    return L


@runtime.compiled
def logistic_cross_entropy_loss_gradient(Y: Matrix, T: Matrix) -> Matrix:
    """Cross-entropy of the sigmoid of Y with respect to targets T, without a term for 1 - T.

    Y: N x K, T: N x K -> DY: N x K. From logistic_cross_entropy.eq:1.
    """
    # DY = hadamard(T, sigmoid(Y)) - T                                  logistic_cross_entropy.eq:9
    DY = T * runtime.sigmoid(Y) - T
    return DY


@runtime.compiled
def mean_squared_error_loss(Y: Matrix, T: Matrix) -> Matrix:
    """Mean of the squared errors over all entries.

    Y: N x K, T: N x K -> L: 1 x 1. From mean_squared_error.eq:1.
    """
    K = Y.shape[1]
    N = Y.shape[0]
    # L  = elements_sum(hadamard(Y - T, Y - T)) / (K * N)               mean_squared_error.eq:8
    #   rewritten: hadamard(X, X) = square(X)
    L = np.sum(np.square(Y - T), keepdims=True) / (K * N)
    return L


@runtime.compiled
def mean_squared_error_loss_gradient(Y: Matrix, T: Matrix) -> Matrix:
    """Mean of the squared errors over all entries.

    Y: N x K, T: N x K -> DY: N x K. From mean_squared_error.eq:1.
    """
    K = Y.shape[1]
    N = Y.shape[0]
    # DY = 2 * (Y - T) / (K * N)                                        mean_squared_error.eq:9
    DY = 2 * (Y - T) / (K * N)
    return DY


@runtime.compiled
def negative_log_likelihood_loss(Y: Matrix, T: Matrix) -> Matrix:
    """Negative logarithm of the probability that Y gives to the target of every row.

    Y: N x K, T: N x K -> L: 1 x 1. From negative_log_likelihood.eq:1.
    """
    # L  = -elements_sum(log(rows_sum(hadamard(Y, T))))                 negative_log_likelihood.eq:9
    L = -np.sum(np.log(np.sum(Y * T, axis=1, keepdims=True)), keepdims=True)
    return L


@runtime.compiled
def negative_log_likelihood_loss_gradient(Y: Matrix, T: Matrix) -> Matrix:
    """Negative logarithm of the probability that Y gives to the target of every row.

    Y: N x K, T: N x K -> DY: N x K. From negative_log_likelihood.eq:1.
    """
    K = Y.shape[1]
    N = Y.shape[0]
    # DY = -hadamard(column_repeat(reciprocal(rows_sum(hadamard(Y, T))), K), T)  negative_log_likelihood.eq:10
    DY = -(np.broadcast_to(1 / np.sum(Y * T, axis=1, keepdims=True), (N, K)) * T)
    return DY


@runtime.compiled
def sigmoid_binary_cross_entropy_loss(Y: Matrix, T: Matrix) -> Matrix:
    """Sum of the binary cross-entropies of the sigmoid of Y with respect to targets T.

    Y: N x K, T: N x K -> L: 1 x 1. From sigmoid_binary_cross_entropy.eq:1.
    """
    K = Y.shape[1]
    N = Y.shape[0]
    # L  = -elements_sum(hadamard(T, log_sigmoid(Y)) + hadamard(ones(N, K) - T, log_sigmoid(-Y)))  sigmoid_binary_cross_entropy.eq:9
    L = -np.sum(
        T * runtime.log_sigmoid(Y) + (np.ones((N, K), dtype=Y.dtype) - T) * runtime.log_sigmoid(-Y), keepdims=True
    )
    return L


@runtime.compiled
def sigmoid_binary_cross_entropy_loss_gradient(Y: Matrix, T: Matrix) -> Matrix:
    """Sum of the binary cross-entropies of the sigmoid of Y with respect to targets T.

    Y: N x K, T: N x K -> DY: N x K. From sigmoid_binary_cross_entropy.eq:1.
    """
    # DY = sigmoid(Y) - T                                               sigmoid_binary_cross_entropy.eq:10
    DY = runtime.sigmoid(Y) - T
    return DY


@runtime.compiled
def softmax_cross_entropy_loss(Y: Matrix, T: Matrix) -> Matrix:
    """Cross-entropy of the softmax of Y with respect to targets T.

    Y: N x K, T: N x K -> L: 1 x 1. From softmax_cross_entropy.eq:1.
    """
    # L  = -elements_sum(hadamard(T, log_softmax(Y)))                   softmax_cross_entropy.eq:8
    L = -np.sum(T * log_softmax(Y), keepdims=True)
    return L


@runtime.compiled
def softmax_cross_entropy_loss_gradient(Y: Matrix, T: Matrix) -> Matrix:
    """Cross-entropy of the softmax of Y with respect to targets T.

    Y: N x K, T: N x K -> DY: N x K. From softmax_cross_entropy.eq:1.
    """
    K = Y.shape[1]
    N = Y.shape[0]
    # DY = hadamard(softmax(Y), column_repeat(rows_sum(T), K)) - T      softmax_cross_entropy.eq:9
    DY = softmax(Y) * np.broadcast_to(np.sum(T, axis=1, keepdims=True), (N, K)) - T
    return DY


@runtime.compiled
def softmax_cross_entropy_loss_gradient_one_hot(Y: Matrix, T: Matrix) -> Matrix:
    """Cross-entropy of the softmax of Y with respect to targets T.

    Y: N x K, T: N x K -> DY: N x K. From softmax_cross_entropy.eq:1.
    """
    # DY = softmax(Y) - T                                               softmax_cross_entropy.eq:11
    DY = softmax(Y) - T
    return DY


@runtime.compiled
def squared_error_loss(Y: Matrix, T: Matrix) -> Matrix:
    """Sum of the squared errors.

    Y: N x K, T: N x K -> L: 1 x 1. From squared_error.eq:1.
    """
    # L  = elements_sum(hadamard(Y - T, Y - T))                         squared_error.eq:8
    #   rewritten: hadamard(X, X) = square(X)
    L = np.sum(np.square(Y - T), keepdims=True)
    return L


@runtime.compiled
def squared_error_loss_gradient(Y: Matrix, T: Matrix) -> Matrix:
    """Sum of the squared errors.

    Y: N x K, T: N x K -> DY: N x K. From squared_error.eq:1.
    """
    # DY = 2 * (Y - T)                                                  squared_error.eq:9
    DY = 2 * (Y - T)
    return DY


@runtime.compiled
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
) -> tuple[Matrix, Matrix, Matrix]:
    """Adaptive moments: steps scaled by the means of the gradient and of its square.

    theta: M x N, Dtheta: M x N, m: M x N, v: M x N -> theta_new: M x N, m_new: M x N, v_new: M x N. From adam.eq:1.
    """
    # m'     = beta1 * m + (1 - beta1) * Dtheta                         adam.eq:7
    m_new = beta1 * m + c1 * Dtheta
    # v'     = beta2 * v + (1 - beta2) * Dtheta^2                       adam.eq:8
    v_new = beta2 * v + c2 * np.square(Dtheta)
    # m_hat  = m' / (1 - beta1^t)                                       adam.eq:9
    m_hat = m_new / c3
    # v_hat  = v' / (1 - beta2^t)                                       adam.eq:10
    v_hat = v_new / c4
    # theta' = theta - eta * m_hat / (sqrt(v_hat) + epsilon)            adam.eq:11
    theta_new = theta - eta * m_hat / (np.sqrt(v_hat) + epsilon)
    return theta_new, m_new, v_new


@runtime.compiled
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
) -> tuple[Matrix, Matrix, Matrix]:
    """Adam with a weight decay that does not pass through the moments.

    theta: M x N, Dtheta: M x N, m: M x N, v: M x N -> theta_new: M x N, m_new: M x N, v_new: M x N. From adamw.eq:1.
    """
    # m'     = beta1 * m + (1 - beta1) * Dtheta                         adamw.eq:7
    m_new = beta1 * m + c1 * Dtheta
    # v'     = beta2 * v + (1 - beta2) * Dtheta^2                       adamw.eq:8
    v_new = beta2 * v + c2 * np.square(Dtheta)
    # m_hat  = m' / (1 - beta1^t)                                       adamw.eq:9
    m_hat = m_new / c3
    # v_hat  = v' / (1 - beta2^t)                                       adamw.eq:10
    v_hat = v_new / c4
    # theta' = (1 - eta * decay) * theta - eta * m_hat / (sqrt(v_hat) + epsilon)  adamw.eq:11
    theta_new = c5 * theta - eta * m_hat / (np.sqrt(v_hat) + epsilon)
    return theta_new, m_new, v_new


@runtime.compiled
def clip_by_norm_step(Dtheta: Matrix, c: runtime.Scalar) -> Matrix:
    """Shortens a gradient whose Euclidean norm exceeds c to length c.

    Dtheta: M x N -> Dtheta_new: M x N. From clip_by_norm.eq:1.
    """
    # norm    = sqrt(elements_sum(Dtheta^2))                            clip_by_norm.eq:5
    norm = np.sqrt(np.sum(np.square(Dtheta), keepdims=True))
    # Dtheta' = c / max(norm, c) * Dtheta                               clip_by_norm.eq:6
    Dtheta_new = c / runtime.maximum(norm, c) * Dtheta
    return Dtheta_new


@runtime.compiled
def clip_by_value_step(Dtheta: Matrix, c: runtime.Scalar, c1: runtime.Scalar) -> Matrix:
    """Limits every entry of the gradient to [-c, c].

    Dtheta: M x N -> Dtheta_new: M x N. From clip_by_value.eq:1.
    """
    # Dtheta' = min(max(Dtheta, -c), c)                                 clip_by_value.eq:5
    Dtheta_new = runtime.minimum(runtime.maximum(Dtheta, c1), c)
    return Dtheta_new


@runtime.compiled
def gradient_descent_step(theta: Matrix, Dtheta: Matrix, eta: runtime.Scalar) -> Matrix:
    """A step against the gradient.

    theta: M x N, Dtheta: M x N -> theta_new: M x N. From gradient_descent.eq:1.
    """
    # theta' = theta - eta * Dtheta                                     gradient_descent.eq:5
    theta_new = theta - eta * Dtheta
    return theta_new


@runtime.compiled
def momentum_step(
    theta: Matrix, Dtheta: Matrix, delta: Matrix, mu: runtime.Scalar, eta: runtime.Scalar
) -> tuple[Matrix, Matrix]:
    """Gradient descent with momentum, in Keras' form.

    theta: M x N, Dtheta: M x N, delta: M x N -> theta_new: M x N, delta_new: M x N. From momentum.eq:1.
    """
    # delta' = mu * delta - eta * Dtheta                                momentum.eq:6
    delta_new = mu * delta - eta * Dtheta
    # theta' = theta + delta'                                           momentum.eq:7
    theta_new = theta + delta_new
    return theta_new, delta_new


@runtime.compiled
def nesterov_step(
    theta: Matrix, Dtheta: Matrix, delta: Matrix, mu: runtime.Scalar, eta: runtime.Scalar
) -> tuple[Matrix, Matrix]:
    """Nesterov momentum, in Keras' form.

    theta: M x N, Dtheta: M x N, delta: M x N -> theta_new: M x N, delta_new: M x N. From nesterov.eq:1.
    """
    # delta' = mu * delta - eta * Dtheta                                nesterov.eq:6
    delta_new = mu * delta - eta * Dtheta
    # theta' = theta + mu * delta' - eta * Dtheta                       nesterov.eq:7
    theta_new = theta + mu * delta_new - eta * Dtheta
    return theta_new, delta_new


@runtime.compiled
def rms_prop_step(
    theta: Matrix,
    Dtheta: Matrix,
    v: Matrix,
    rho: runtime.Scalar,
    epsilon: runtime.Scalar,
    eta: runtime.Scalar,
    c1: runtime.Scalar,
) -> tuple[Matrix, Matrix]:
    """Steps scaled by a running mean of the squared gradient.

    theta: M x N, Dtheta: M x N, v: M x N -> theta_new: M x N, v_new: M x N. From rmsprop.eq:1.
    """
    # v'     = rho * v + (1 - rho) * Dtheta^2                           rmsprop.eq:6
    v_new = rho * v + c1 * np.square(Dtheta)
    # theta' = theta - eta * Dtheta / (sqrt(v') + epsilon)              rmsprop.eq:7
    theta_new = theta - eta * Dtheta / (np.sqrt(v_new) + epsilon)
    return theta_new, v_new


@runtime.compiled
def weight_decay_step(theta: Matrix, Dtheta: Matrix, decay: runtime.Scalar) -> Matrix:
    """Adds the gradient of decay / 2 times the squared weights.

    theta: M x N, Dtheta: M x N -> Dtheta_new: M x N. From weight_decay.eq:1.
    """
    # Dtheta' = Dtheta + decay * theta                                  weight_decay.eq:5
    Dtheta_new = Dtheta + decay * theta
    return Dtheta_new
