"""The functional core: every equation as a pure function of matrices (two dimensions, always) and numbers.

The comment above a statement is the equation that it computes, and where that stands.
"""

# Equations stand as they are written, however long they are and whatever their names look like.
# ruff: noqa: E501, RUF100, SIM300

# Arithmetic of arrays has no static type in most frameworks.
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from . import _kernels, runtime
from .sparse_products import Indices

if TYPE_CHECKING:
    from .activations import Activation

Matrix: TypeAlias = runtime.Matrix


def log_softmax(X: Matrix) -> Matrix:
    """Logarithm of the softmax.

    X: N x K -> result: N x K. From log_softmax.eq:1.
    """
    result = _kernels.log_softmax(runtime.contiguous(X))
    return result


def softmax(X: Matrix) -> Matrix:
    """Every row positive with sum 1.

    X: N x K -> result: N x K. From softmax.eq:1.
    """
    result = _kernels.softmax(runtime.contiguous(X))
    return result


def xdivy(X: Matrix, Y: Matrix) -> Matrix:
    """X / Y entry by entry, and 0 where X is 0, also for Y = 0.

    X: M x N, Y: M x N -> result: M x N. From xdivy.eq:1.
    """
    result = _kernels.xdivy(runtime.contiguous(X), runtime.contiguous(Y))
    return result


def xlogy(X: Matrix, Y: Matrix) -> Matrix:
    """X log(Y) entry by entry, and 0 where X is 0, also for Y = 0.

    X: M x N, Y: M x N -> result: M x N. From xlogy.eq:1.
    """
    result = _kernels.xlogy(runtime.contiguous(X), runtime.contiguous(Y))
    return result


def all_relu(x: Matrix, alpha: float) -> Matrix:
    """Alternated leaky ReLU: slope alpha below zero, its sign alternates from layer to layer.

    x: M x N -> y: M x N. From all_relu.eq:1.
    """
    y = _kernels.all_relu(runtime.contiguous(x), alpha)
    return y


def all_relu_gradient(x: Matrix, alpha: float) -> Matrix:
    """Alternated leaky ReLU: slope alpha below zero, its sign alternates from layer to layer.

    x: M x N -> dy: M x N. From all_relu.eq:1.
    """
    dy = _kernels.all_relu_gradient(runtime.contiguous(x), alpha)
    return dy


def elu(x: Matrix, alpha: float) -> Matrix:
    """Exponential linear unit.

    x: M x N -> y: M x N. From elu.eq:1.
    """
    y = _kernels.elu(runtime.contiguous(x), alpha)
    return y


def elu_gradient(x: Matrix, alpha: float) -> Matrix:
    """Exponential linear unit.

    x: M x N -> dy: M x N. From elu.eq:1.
    """
    dy = _kernels.elu_gradient(runtime.contiguous(x), alpha)
    return dy


def gelu(x: Matrix) -> Matrix:
    """Gaussian error linear unit, exact: x times the standard normal distribution function.

    x: M x N -> y: M x N. From gelu.eq:1.
    """
    y = _kernels.gelu(runtime.contiguous(x))
    return y


def gelu_gradient(x: Matrix) -> Matrix:
    """Gaussian error linear unit, exact: x times the standard normal distribution function.

    x: M x N -> dy: M x N. From gelu.eq:1.
    """
    dy = _kernels.gelu_gradient(runtime.contiguous(x))
    return dy


def leaky_relu(x: Matrix, alpha: float) -> Matrix:
    """ReLU with slope alpha below zero.

    x: M x N -> y: M x N. From leaky_relu.eq:1.
    """
    y = _kernels.leaky_relu(runtime.contiguous(x), alpha)
    return y


def leaky_relu_gradient(x: Matrix, alpha: float) -> Matrix:
    """ReLU with slope alpha below zero.

    x: M x N -> dy: M x N. From leaky_relu.eq:1.
    """
    dy = _kernels.leaky_relu_gradient(runtime.contiguous(x), alpha)
    return dy


def relu(x: Matrix) -> Matrix:
    """Rectified linear unit.

    x: M x N -> y: M x N. From relu.eq:1.
    """
    y = _kernels.relu(runtime.contiguous(x))
    return y


def relu_gradient(x: Matrix) -> Matrix:
    """Rectified linear unit.

    x: M x N -> dy: M x N. From relu.eq:1.
    """
    dy = _kernels.relu_gradient(runtime.contiguous(x))
    return dy


def s_relu(x: Matrix, al: float, tl: float, ar: float, tr: float) -> Matrix:
    """S-shaped ReLU: slope al up to tl, slope 1 between the thresholds, slope ar from tr on.

    x: M x N -> y: M x N. From srelu.eq:1.
    """
    y = _kernels.s_relu(runtime.contiguous(x), al, tl, ar, tr)
    return y


def s_relu_gradient(x: Matrix, al: float, tl: float, ar: float, tr: float) -> Matrix:
    """S-shaped ReLU: slope al up to tl, slope 1 between the thresholds, slope ar from tr on.

    x: M x N -> dy: M x N. From srelu.eq:1.
    """
    dy = _kernels.s_relu_gradient(runtime.contiguous(x), al, tl, ar, tr)
    return dy


def silu(x: Matrix) -> Matrix:
    """Sigmoid-weighted linear unit, also called swish.

    x: M x N -> y: M x N. From silu.eq:1.
    """
    y = _kernels.silu(runtime.contiguous(x))
    return y


def silu_gradient(x: Matrix) -> Matrix:
    """Sigmoid-weighted linear unit, also called swish.

    x: M x N -> dy: M x N. From silu.eq:1.
    """
    dy = _kernels.silu_gradient(runtime.contiguous(x))
    return dy


def sigmoid(x: Matrix) -> Matrix:
    """Logistic function.

    x: M x N -> y: M x N. From sigmoid.eq:1.
    """
    y = _kernels.sigmoid(runtime.contiguous(x))
    return y


def sigmoid_gradient(x: Matrix) -> Matrix:
    """Logistic function.

    x: M x N -> dy: M x N. From sigmoid.eq:1.
    """
    dy = _kernels.sigmoid_gradient(runtime.contiguous(x))
    return dy


def softplus(x: Matrix) -> Matrix:
    """Smooth ReLU, log(1 + e^x).

    x: M x N -> y: M x N. From softplus.eq:1.
    """
    y = _kernels.softplus(runtime.contiguous(x))
    return y


def softplus_gradient(x: Matrix) -> Matrix:
    """Smooth ReLU, log(1 + e^x).

    x: M x N -> dy: M x N. From softplus.eq:1.
    """
    dy = _kernels.softplus_gradient(runtime.contiguous(x))
    return dy


def t_relu(x: Matrix, epsilon: float) -> Matrix:
    """Trimmed ReLU: values below epsilon are cut off.

    x: M x N -> y: M x N. From trelu.eq:1.
    """
    y = _kernels.t_relu(runtime.contiguous(x), epsilon)
    return y


def t_relu_gradient(x: Matrix, epsilon: float) -> Matrix:
    """Trimmed ReLU: values below epsilon are cut off.

    x: M x N -> dy: M x N. From trelu.eq:1.
    """
    dy = _kernels.t_relu_gradient(runtime.contiguous(x), epsilon)
    return dy


def tanh(x: Matrix) -> Matrix:
    """Hyperbolic tangent.

    x: M x N -> y: M x N. From tanh.eq:1.
    """
    y = _kernels.tanh(runtime.contiguous(x))
    return y


def tanh_gradient(x: Matrix) -> Matrix:
    """Hyperbolic tangent.

    x: M x N -> dy: M x N. From tanh.eq:1.
    """
    dy = _kernels.tanh_gradient(runtime.contiguous(x))
    return dy


def activation_forward(X: Matrix, W: Matrix, b: Matrix, act: Activation) -> tuple[Matrix, Matrix]:
    """Linear map followed by an activation function.

    X: N x D, W: K x D, b: 1 x K -> Y: N x K, Z: N x K. From activation.eq:1.
    """
    Y, Z = _kernels.activation_forward(
        runtime.contiguous(X), runtime.contiguous(W), runtime.contiguous(b), runtime.activation(act)
    )
    return Y, Z


def activation_backward(X: Matrix, W: Matrix, Z: Matrix, DY: Matrix, act: Activation) -> tuple[Matrix, Matrix, Matrix]:
    """Linear map followed by an activation function.

    X: N x D, W: K x D, Z: N x K, DY: N x K -> DX: N x D, DW: K x D, Db: 1 x K. From activation.eq:1.
    """
    DX, DW, Db = _kernels.activation_backward(
        runtime.contiguous(X),
        runtime.contiguous(W),
        runtime.contiguous(Z),
        runtime.contiguous(DY),
        runtime.activation(act),
    )
    return DX, DW, Db


def activation_dropout_forward(X: Matrix, W: Matrix, b: Matrix, R: Matrix, act: Activation) -> tuple[Matrix, Matrix]:
    """Linear map with dropped weights (DropConnect), followed by an activation function.

    X: N x D, W: K x D, b: 1 x K, R: K x D -> Y: N x K, Z: N x K. From activation_dropout.eq:1.
    """
    Y, Z = _kernels.activation_dropout_forward(
        runtime.contiguous(X),
        runtime.contiguous(W),
        runtime.contiguous(b),
        runtime.contiguous(R),
        runtime.activation(act),
    )
    return Y, Z


def activation_dropout_evaluate(X: Matrix, W: Matrix, b: Matrix, act: Activation) -> Matrix:
    """Linear map with dropped weights (DropConnect), followed by an activation function.

    X: N x D, W: K x D, b: 1 x K -> Y: N x K. From activation_dropout.eq:1.
    """
    Y = _kernels.activation_dropout_evaluate(
        runtime.contiguous(X), runtime.contiguous(W), runtime.contiguous(b), runtime.activation(act)
    )
    return Y


def activation_dropout_backward(
    X: Matrix, W: Matrix, R: Matrix, Z: Matrix, DY: Matrix, act: Activation
) -> tuple[Matrix, Matrix, Matrix]:
    """Linear map with dropped weights (DropConnect), followed by an activation function.

    X: N x D, W: K x D, R: K x D, Z: N x K, DY: N x K -> DX: N x D, DW: K x D, Db: 1 x K. From activation_dropout.eq:1.
    """
    DX, DW, Db = _kernels.activation_dropout_backward(
        runtime.contiguous(X),
        runtime.contiguous(W),
        runtime.contiguous(R),
        runtime.contiguous(Z),
        runtime.contiguous(DY),
        runtime.activation(act),
    )
    return DX, DW, Db


def batch_normalization_forward(
    X: Matrix, gamma: Matrix, beta: Matrix, epsilon: float
) -> tuple[Matrix, Matrix, Matrix, Matrix]:
    """Every feature gets mean 0 and variance 1 over the batch, then a learned scale and shift.

    X: N x D, gamma: 1 x D, beta: 1 x D -> Y: N x D, Sigma: 1 x D, inv_sqrt_Sigma: 1 x D, Z: N x D. From batch_normalization.eq:1.
    """
    Y, Sigma, inv_sqrt_Sigma, Z = _kernels.batch_normalization_forward(
        runtime.contiguous(X), runtime.contiguous(gamma), runtime.contiguous(beta), epsilon
    )
    return Y, Sigma, inv_sqrt_Sigma, Z


def batch_normalization_evaluate(
    X: Matrix, gamma: Matrix, beta: Matrix, mean: Matrix, variance: Matrix, epsilon: float
) -> Matrix:
    """Every feature gets mean 0 and variance 1 over the batch, then a learned scale and shift.

    X: N x D, gamma: 1 x D, beta: 1 x D, mean: 1 x D, variance: 1 x D -> Y: N x D. From batch_normalization.eq:1.
    """
    Y = _kernels.batch_normalization_evaluate(
        runtime.contiguous(X),
        runtime.contiguous(gamma),
        runtime.contiguous(beta),
        runtime.contiguous(mean),
        runtime.contiguous(variance),
        epsilon,
    )
    return Y


def batch_normalization_backward(
    gamma: Matrix, inv_sqrt_Sigma: Matrix, Z: Matrix, DY: Matrix
) -> tuple[Matrix, Matrix, Matrix]:
    """Every feature gets mean 0 and variance 1 over the batch, then a learned scale and shift.

    gamma: 1 x D, inv_sqrt_Sigma: 1 x D, Z: N x D, DY: N x D -> DX: N x D, Dgamma: 1 x D, Dbeta: 1 x D. From batch_normalization.eq:1.
    """
    DX, Dgamma, Dbeta = _kernels.batch_normalization_backward(
        runtime.contiguous(gamma), runtime.contiguous(inv_sqrt_Sigma), runtime.contiguous(Z), runtime.contiguous(DY)
    )
    return DX, Dgamma, Dbeta


def batch_normalization_update(
    X: Matrix, mean: Matrix, variance: Matrix, Sigma: Matrix, momentum: float
) -> tuple[Matrix, Matrix]:
    """Every feature gets mean 0 and variance 1 over the batch, then a learned scale and shift.

    X: N x D, mean: 1 x D, variance: 1 x D, Sigma: 1 x D -> mean_new: 1 x D, variance_new: 1 x D. From batch_normalization.eq:1.
    """
    mean_new, variance_new = _kernels.batch_normalization_update(
        runtime.contiguous(X),
        runtime.contiguous(mean),
        runtime.contiguous(variance),
        runtime.contiguous(Sigma),
        momentum,
    )
    return mean_new, variance_new


def embedding_forward(X: Matrix, E: Matrix) -> Matrix:
    """Row x_i of a table for every index x_i.

    X: N x 1, E: V x D -> Y: N x D. From embedding.eq:1.
    """
    Y = _kernels.embedding_forward(runtime.contiguous_indices(X), runtime.contiguous(E))
    return Y


def embedding_backward(X: Matrix, E: Matrix, DY: Matrix) -> Matrix:
    """Row x_i of a table for every index x_i.

    X: N x 1, E: V x D, DY: N x D -> DE: V x D. From embedding.eq:1.
    """
    DE = _kernels.embedding_backward(runtime.contiguous_indices(X), runtime.contiguous(E), runtime.contiguous(DY))
    return DE


def layer_normalization_forward(
    X: Matrix, gamma: Matrix, beta: Matrix, epsilon: float
) -> tuple[Matrix, Matrix, Matrix]:
    """Every row gets mean 0 and variance 1 over its features, then a learned scale and shift.

    X: N x D, gamma: 1 x D, beta: 1 x D -> Y: N x D, inv_sqrt_Sigma: N x 1, Z: N x D. From layer_normalization.eq:1.
    """
    Y, inv_sqrt_Sigma, Z = _kernels.layer_normalization_forward(
        runtime.contiguous(X), runtime.contiguous(gamma), runtime.contiguous(beta), epsilon
    )
    return Y, inv_sqrt_Sigma, Z


def layer_normalization_backward(
    gamma: Matrix, inv_sqrt_Sigma: Matrix, Z: Matrix, DY: Matrix
) -> tuple[Matrix, Matrix, Matrix]:
    """Every row gets mean 0 and variance 1 over its features, then a learned scale and shift.

    gamma: 1 x D, inv_sqrt_Sigma: N x 1, Z: N x D, DY: N x D -> DX: N x D, Dgamma: 1 x D, Dbeta: 1 x D. From layer_normalization.eq:1.
    """
    DX, Dgamma, Dbeta = _kernels.layer_normalization_backward(
        runtime.contiguous(gamma), runtime.contiguous(inv_sqrt_Sigma), runtime.contiguous(Z), runtime.contiguous(DY)
    )
    return DX, Dgamma, Dbeta


def linear_forward(X: Matrix, W: Matrix, b: Matrix) -> Matrix:
    """Linear map with a bias.

    X: N x D, W: K x D, b: 1 x K -> Y: N x K. From linear.eq:1.
    """
    Y = _kernels.linear_forward(runtime.contiguous(X), runtime.contiguous(W), runtime.contiguous(b))
    return Y


def linear_backward(X: Matrix, W: Matrix, DY: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Linear map with a bias.

    X: N x D, W: K x D, DY: N x K -> DX: N x D, DW: K x D, Db: 1 x K. From linear.eq:1.
    """
    DX, DW, Db = _kernels.linear_backward(runtime.contiguous(X), runtime.contiguous(W), runtime.contiguous(DY))
    return DX, DW, Db


def linear_dropout_forward(X: Matrix, W: Matrix, b: Matrix, R: Matrix) -> Matrix:
    """Linear map of which every weight is dropped with probability p (DropConnect).

    X: N x D, W: K x D, b: 1 x K, R: K x D -> Y: N x K. From linear_dropout.eq:1.
    """
    Y = _kernels.linear_dropout_forward(
        runtime.contiguous(X), runtime.contiguous(W), runtime.contiguous(b), runtime.contiguous(R)
    )
    return Y


def linear_dropout_evaluate(X: Matrix, W: Matrix, b: Matrix) -> Matrix:
    """Linear map of which every weight is dropped with probability p (DropConnect).

    X: N x D, W: K x D, b: 1 x K -> Y: N x K. From linear_dropout.eq:1.
    """
    Y = _kernels.linear_dropout_evaluate(runtime.contiguous(X), runtime.contiguous(W), runtime.contiguous(b))
    return Y


def linear_dropout_backward(X: Matrix, W: Matrix, R: Matrix, DY: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Linear map of which every weight is dropped with probability p (DropConnect).

    X: N x D, W: K x D, R: K x D, DY: N x K -> DX: N x D, DW: K x D, Db: 1 x K. From linear_dropout.eq:1.
    """
    DX, DW, Db = _kernels.linear_dropout_backward(
        runtime.contiguous(X), runtime.contiguous(W), runtime.contiguous(R), runtime.contiguous(DY)
    )
    return DX, DW, Db


def log_softmax_forward(X: Matrix, W: Matrix, b: Matrix) -> tuple[Matrix, Matrix]:
    """Linear map followed by the logarithm of a row-wise softmax.

    X: N x D, W: K x D, b: 1 x K -> Y: N x K, Z: N x K. From log_softmax.eq:1.
    """
    Y, Z = _kernels.log_softmax_forward(runtime.contiguous(X), runtime.contiguous(W), runtime.contiguous(b))
    return Y, Z


def log_softmax_backward(X: Matrix, W: Matrix, Z: Matrix, DY: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Linear map followed by the logarithm of a row-wise softmax.

    X: N x D, W: K x D, Z: N x K, DY: N x K -> DX: N x D, DW: K x D, Db: 1 x K. From log_softmax.eq:1.
    """
    DX, DW, Db = _kernels.log_softmax_backward(
        runtime.contiguous(X), runtime.contiguous(W), runtime.contiguous(Z), runtime.contiguous(DY)
    )
    return DX, DW, Db


def s_relu_forward(
    X: Matrix, W: Matrix, b: Matrix, al: Matrix, tl: Matrix, ar: Matrix, tr: Matrix
) -> tuple[Matrix, Matrix]:
    """Linear map followed by an S-shaped ReLU whose slopes and thresholds are learned.

    X: N x D, W: K x D, b: 1 x K, al: 1 x 1, tl: 1 x 1, ar: 1 x 1, tr: 1 x 1 -> Y: N x K, Z: N x K. From srelu.eq:1.
    """
    Y, Z = _kernels.s_relu_forward(
        runtime.contiguous(X),
        runtime.contiguous(W),
        runtime.contiguous(b),
        runtime.contiguous(al),
        runtime.contiguous(tl),
        runtime.contiguous(ar),
        runtime.contiguous(tr),
    )
    return Y, Z


def s_relu_backward(
    X: Matrix, W: Matrix, al: Matrix, tl: Matrix, ar: Matrix, tr: Matrix, Z: Matrix, DY: Matrix
) -> tuple[Matrix, Matrix, Matrix, Matrix, Matrix, Matrix, Matrix]:
    """Linear map followed by an S-shaped ReLU whose slopes and thresholds are learned.

    X: N x D, W: K x D, al: 1 x 1, tl: 1 x 1, ar: 1 x 1, tr: 1 x 1, Z: N x K, DY: N x K -> DX: N x D, DW: K x D, Db: 1 x K, Dal: 1 x 1, Dtl: 1 x 1, Dar: 1 x 1, Dtr: 1 x 1. From srelu.eq:1.
    """
    DX, DW, Db, Dal, Dtl, Dar, Dtr = _kernels.s_relu_backward(
        runtime.contiguous(X),
        runtime.contiguous(W),
        runtime.contiguous(al),
        runtime.contiguous(tl),
        runtime.contiguous(ar),
        runtime.contiguous(tr),
        runtime.contiguous(Z),
        runtime.contiguous(DY),
    )
    return DX, DW, Db, Dal, Dtl, Dar, Dtr


def softmax_forward(X: Matrix, W: Matrix, b: Matrix) -> Matrix:
    """Linear map followed by a row-wise softmax.

    X: N x D, W: K x D, b: 1 x K -> Y: N x K. From softmax.eq:1.
    """
    Y = _kernels.softmax_forward(runtime.contiguous(X), runtime.contiguous(W), runtime.contiguous(b))
    return Y


def softmax_backward(X: Matrix, W: Matrix, Y: Matrix, DY: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Linear map followed by a row-wise softmax.

    X: N x D, W: K x D, Y: N x K, DY: N x K -> DX: N x D, DW: K x D, Db: 1 x K. From softmax.eq:1.
    """
    DX, DW, Db = _kernels.softmax_backward(
        runtime.contiguous(X), runtime.contiguous(W), runtime.contiguous(Y), runtime.contiguous(DY)
    )
    return DX, DW, Db


def sparse_activation_forward(
    X: Matrix, W: Matrix, W_pattern: Indices, b: Matrix, act: Activation
) -> tuple[Matrix, Matrix]:
    """Linear map followed by an activation function.

    X: N x D, W: 1 x W_entries, W_pattern: K x D, b: 1 x K -> Y: N x K, Z: N x K. From activation.eq:1.
    """
    Y, Z = _kernels.sparse_activation_forward(
        runtime.contiguous(X), runtime.contiguous(W), W_pattern, runtime.contiguous(b), runtime.activation(act)
    )
    return Y, Z


def sparse_activation_backward(
    X: Matrix, W: Matrix, W_pattern: Indices, Z: Matrix, DY: Matrix, act: Activation
) -> tuple[Matrix, Matrix, Matrix]:
    """Linear map followed by an activation function.

    X: N x D, W: 1 x W_entries, W_pattern: K x D, Z: N x K, DY: N x K -> DX: N x D, DW: 1 x W_entries, Db: 1 x K. From activation.eq:1.
    """
    DX, DW, Db = _kernels.sparse_activation_backward(
        runtime.contiguous(X),
        runtime.contiguous(W),
        W_pattern,
        runtime.contiguous(Z),
        runtime.contiguous(DY),
        runtime.activation(act),
    )
    return DX, DW, Db


def sparse_linear_forward(X: Matrix, W: Matrix, W_pattern: Indices, b: Matrix) -> Matrix:
    """Linear map with a bias.

    X: N x D, W: 1 x W_entries, W_pattern: K x D, b: 1 x K -> Y: N x K. From linear.eq:1.
    """
    Y = _kernels.sparse_linear_forward(runtime.contiguous(X), runtime.contiguous(W), W_pattern, runtime.contiguous(b))
    return Y


def sparse_linear_backward(X: Matrix, W: Matrix, W_pattern: Indices, DY: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Linear map with a bias.

    X: N x D, W: 1 x W_entries, W_pattern: K x D, DY: N x K -> DX: N x D, DW: 1 x W_entries, Db: 1 x K. From linear.eq:1.
    """
    DX, DW, Db = _kernels.sparse_linear_backward(
        runtime.contiguous(X), runtime.contiguous(W), W_pattern, runtime.contiguous(DY)
    )
    return DX, DW, Db


def sparse_log_softmax_forward(X: Matrix, W: Matrix, W_pattern: Indices, b: Matrix) -> tuple[Matrix, Matrix]:
    """Linear map followed by the logarithm of a row-wise softmax.

    X: N x D, W: 1 x W_entries, W_pattern: K x D, b: 1 x K -> Y: N x K, Z: N x K. From log_softmax.eq:1.
    """
    Y, Z = _kernels.sparse_log_softmax_forward(
        runtime.contiguous(X), runtime.contiguous(W), W_pattern, runtime.contiguous(b)
    )
    return Y, Z


def sparse_log_softmax_backward(
    X: Matrix, W: Matrix, W_pattern: Indices, Z: Matrix, DY: Matrix
) -> tuple[Matrix, Matrix, Matrix]:
    """Linear map followed by the logarithm of a row-wise softmax.

    X: N x D, W: 1 x W_entries, W_pattern: K x D, Z: N x K, DY: N x K -> DX: N x D, DW: 1 x W_entries, Db: 1 x K. From log_softmax.eq:1.
    """
    DX, DW, Db = _kernels.sparse_log_softmax_backward(
        runtime.contiguous(X), runtime.contiguous(W), W_pattern, runtime.contiguous(Z), runtime.contiguous(DY)
    )
    return DX, DW, Db


def sparse_s_relu_forward(
    X: Matrix, W: Matrix, W_pattern: Indices, b: Matrix, al: Matrix, tl: Matrix, ar: Matrix, tr: Matrix
) -> tuple[Matrix, Matrix]:
    """Linear map followed by an S-shaped ReLU whose slopes and thresholds are learned.

    X: N x D, W: 1 x W_entries, W_pattern: K x D, b: 1 x K, al: 1 x 1, tl: 1 x 1, ar: 1 x 1, tr: 1 x 1 -> Y: N x K, Z: N x K. From srelu.eq:1.
    """
    Y, Z = _kernels.sparse_s_relu_forward(
        runtime.contiguous(X),
        runtime.contiguous(W),
        W_pattern,
        runtime.contiguous(b),
        runtime.contiguous(al),
        runtime.contiguous(tl),
        runtime.contiguous(ar),
        runtime.contiguous(tr),
    )
    return Y, Z


def sparse_s_relu_backward(
    X: Matrix, W: Matrix, W_pattern: Indices, al: Matrix, tl: Matrix, ar: Matrix, tr: Matrix, Z: Matrix, DY: Matrix
) -> tuple[Matrix, Matrix, Matrix, Matrix, Matrix, Matrix, Matrix]:
    """Linear map followed by an S-shaped ReLU whose slopes and thresholds are learned.

    X: N x D, W: 1 x W_entries, W_pattern: K x D, al: 1 x 1, tl: 1 x 1, ar: 1 x 1, tr: 1 x 1, Z: N x K, DY: N x K -> DX: N x D, DW: 1 x W_entries, Db: 1 x K, Dal: 1 x 1, Dtl: 1 x 1, Dar: 1 x 1, Dtr: 1 x 1. From srelu.eq:1.
    """
    DX, DW, Db, Dal, Dtl, Dar, Dtr = _kernels.sparse_s_relu_backward(
        runtime.contiguous(X),
        runtime.contiguous(W),
        W_pattern,
        runtime.contiguous(al),
        runtime.contiguous(tl),
        runtime.contiguous(ar),
        runtime.contiguous(tr),
        runtime.contiguous(Z),
        runtime.contiguous(DY),
    )
    return DX, DW, Db, Dal, Dtl, Dar, Dtr


def sparse_softmax_forward(X: Matrix, W: Matrix, W_pattern: Indices, b: Matrix) -> Matrix:
    """Linear map followed by a row-wise softmax.

    X: N x D, W: 1 x W_entries, W_pattern: K x D, b: 1 x K -> Y: N x K. From softmax.eq:1.
    """
    Y = _kernels.sparse_softmax_forward(runtime.contiguous(X), runtime.contiguous(W), W_pattern, runtime.contiguous(b))
    return Y


def sparse_softmax_backward(
    X: Matrix, W: Matrix, W_pattern: Indices, Y: Matrix, DY: Matrix
) -> tuple[Matrix, Matrix, Matrix]:
    """Linear map followed by a row-wise softmax.

    X: N x D, W: 1 x W_entries, W_pattern: K x D, Y: N x K, DY: N x K -> DX: N x D, DW: 1 x W_entries, Db: 1 x K. From softmax.eq:1.
    """
    DX, DW, Db = _kernels.sparse_softmax_backward(
        runtime.contiguous(X), runtime.contiguous(W), W_pattern, runtime.contiguous(Y), runtime.contiguous(DY)
    )
    return DX, DW, Db


def binary_cross_entropy_loss(Y: Matrix, T: Matrix) -> Matrix:
    """Sum of the binary cross-entropies of probabilities Y with respect to targets T.

    Y: N x K, T: N x K -> L: 1 x 1. From binary_cross_entropy.eq:1.
    """
    L = _kernels.binary_cross_entropy_loss(runtime.contiguous(Y), runtime.contiguous(T))
    return L


def binary_cross_entropy_loss_gradient(Y: Matrix, T: Matrix) -> Matrix:
    """Sum of the binary cross-entropies of probabilities Y with respect to targets T.

    Y: N x K, T: N x K -> DY: N x K. From binary_cross_entropy.eq:1.
    """
    DY = _kernels.binary_cross_entropy_loss_gradient(runtime.contiguous(Y), runtime.contiguous(T))
    return DY


def cross_entropy_loss(Y: Matrix, T: Matrix) -> Matrix:
    """Cross-entropy of probabilities Y with respect to targets T.

    Y: N x K, T: N x K -> L: 1 x 1. From cross_entropy.eq:1.
    """
    L = _kernels.cross_entropy_loss(runtime.contiguous(Y), runtime.contiguous(T))
    return L


def cross_entropy_loss_gradient(Y: Matrix, T: Matrix) -> Matrix:
    """Cross-entropy of probabilities Y with respect to targets T.

    Y: N x K, T: N x K -> DY: N x K. From cross_entropy.eq:1.
    """
    DY = _kernels.cross_entropy_loss_gradient(runtime.contiguous(Y), runtime.contiguous(T))
    return DY


def kl_divergence_loss(Y: Matrix, T: Matrix) -> Matrix:
    """Kullback-Leibler divergence of probabilities Y from targets T.

    Y: N x K, T: N x K -> L: 1 x 1. From kl_divergence.eq:1.
    """
    L = _kernels.kl_divergence_loss(runtime.contiguous(Y), runtime.contiguous(T))
    return L


def kl_divergence_loss_gradient(Y: Matrix, T: Matrix) -> Matrix:
    """Kullback-Leibler divergence of probabilities Y from targets T.

    Y: N x K, T: N x K -> DY: N x K. From kl_divergence.eq:1.
    """
    DY = _kernels.kl_divergence_loss_gradient(runtime.contiguous(Y), runtime.contiguous(T))
    return DY


def logistic_cross_entropy_loss(Y: Matrix, T: Matrix) -> Matrix:
    """Cross-entropy of the sigmoid of Y with respect to targets T, without a term for 1 - T.

    Y: N x K, T: N x K -> L: 1 x 1. From logistic_cross_entropy.eq:1.
    """
    L = _kernels.logistic_cross_entropy_loss(runtime.contiguous(Y), runtime.contiguous(T))
    return L


def logistic_cross_entropy_loss_gradient(Y: Matrix, T: Matrix) -> Matrix:
    """Cross-entropy of the sigmoid of Y with respect to targets T, without a term for 1 - T.

    Y: N x K, T: N x K -> DY: N x K. From logistic_cross_entropy.eq:1.
    """
    DY = _kernels.logistic_cross_entropy_loss_gradient(runtime.contiguous(Y), runtime.contiguous(T))
    return DY


def mean_squared_error_loss(Y: Matrix, T: Matrix) -> Matrix:
    """Mean of the squared errors over all entries.

    Y: N x K, T: N x K -> L: 1 x 1. From mean_squared_error.eq:1.
    """
    L = _kernels.mean_squared_error_loss(runtime.contiguous(Y), runtime.contiguous(T))
    return L


def mean_squared_error_loss_gradient(Y: Matrix, T: Matrix) -> Matrix:
    """Mean of the squared errors over all entries.

    Y: N x K, T: N x K -> DY: N x K. From mean_squared_error.eq:1.
    """
    DY = _kernels.mean_squared_error_loss_gradient(runtime.contiguous(Y), runtime.contiguous(T))
    return DY


def negative_log_likelihood_loss(Y: Matrix, T: Matrix) -> Matrix:
    """Negative logarithm of the probability that Y gives to the target of every row.

    Y: N x K, T: N x K -> L: 1 x 1. From negative_log_likelihood.eq:1.
    """
    L = _kernels.negative_log_likelihood_loss(runtime.contiguous(Y), runtime.contiguous(T))
    return L


def negative_log_likelihood_loss_gradient(Y: Matrix, T: Matrix) -> Matrix:
    """Negative logarithm of the probability that Y gives to the target of every row.

    Y: N x K, T: N x K -> DY: N x K. From negative_log_likelihood.eq:1.
    """
    DY = _kernels.negative_log_likelihood_loss_gradient(runtime.contiguous(Y), runtime.contiguous(T))
    return DY


def sigmoid_binary_cross_entropy_loss(Y: Matrix, T: Matrix) -> Matrix:
    """Sum of the binary cross-entropies of the sigmoid of Y with respect to targets T.

    Y: N x K, T: N x K -> L: 1 x 1. From sigmoid_binary_cross_entropy.eq:1.
    """
    L = _kernels.sigmoid_binary_cross_entropy_loss(runtime.contiguous(Y), runtime.contiguous(T))
    return L


def sigmoid_binary_cross_entropy_loss_gradient(Y: Matrix, T: Matrix) -> Matrix:
    """Sum of the binary cross-entropies of the sigmoid of Y with respect to targets T.

    Y: N x K, T: N x K -> DY: N x K. From sigmoid_binary_cross_entropy.eq:1.
    """
    DY = _kernels.sigmoid_binary_cross_entropy_loss_gradient(runtime.contiguous(Y), runtime.contiguous(T))
    return DY


def softmax_cross_entropy_loss(Y: Matrix, T: Matrix) -> Matrix:
    """Cross-entropy of the softmax of Y with respect to targets T.

    Y: N x K, T: N x K -> L: 1 x 1. From softmax_cross_entropy.eq:1.
    """
    L = _kernels.softmax_cross_entropy_loss(runtime.contiguous(Y), runtime.contiguous(T))
    return L


def softmax_cross_entropy_loss_gradient(Y: Matrix, T: Matrix) -> Matrix:
    """Cross-entropy of the softmax of Y with respect to targets T.

    Y: N x K, T: N x K -> DY: N x K. From softmax_cross_entropy.eq:1.
    """
    DY = _kernels.softmax_cross_entropy_loss_gradient(runtime.contiguous(Y), runtime.contiguous(T))
    return DY


def softmax_cross_entropy_loss_gradient_one_hot(Y: Matrix, T: Matrix) -> Matrix:
    """Cross-entropy of the softmax of Y with respect to targets T.

    Y: N x K, T: N x K -> DY: N x K. From softmax_cross_entropy.eq:1.
    """
    DY = _kernels.softmax_cross_entropy_loss_gradient_one_hot(runtime.contiguous(Y), runtime.contiguous(T))
    return DY


def squared_error_loss(Y: Matrix, T: Matrix) -> Matrix:
    """Sum of the squared errors.

    Y: N x K, T: N x K -> L: 1 x 1. From squared_error.eq:1.
    """
    L = _kernels.squared_error_loss(runtime.contiguous(Y), runtime.contiguous(T))
    return L


def squared_error_loss_gradient(Y: Matrix, T: Matrix) -> Matrix:
    """Sum of the squared errors.

    Y: N x K, T: N x K -> DY: N x K. From squared_error.eq:1.
    """
    DY = _kernels.squared_error_loss_gradient(runtime.contiguous(Y), runtime.contiguous(T))
    return DY


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
    theta_new, m_new, v_new = _kernels.adam_step(
        runtime.contiguous(theta),
        runtime.contiguous(Dtheta),
        runtime.contiguous(m),
        runtime.contiguous(v),
        beta1,
        beta2,
        epsilon,
        eta,
        c1,
        c2,
        c3,
        c4,
    )
    return theta_new, m_new, v_new


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
    theta_new, m_new, v_new = _kernels.adamw_step(
        runtime.contiguous(theta),
        runtime.contiguous(Dtheta),
        runtime.contiguous(m),
        runtime.contiguous(v),
        beta1,
        beta2,
        epsilon,
        eta,
        c1,
        c2,
        c3,
        c4,
        c5,
    )
    return theta_new, m_new, v_new


def clip_by_norm_step(Dtheta: Matrix, c: runtime.Scalar) -> Matrix:
    """Shortens a gradient whose Euclidean norm exceeds c to length c.

    Dtheta: M x N -> Dtheta_new: M x N. From clip_by_norm.eq:1.
    """
    Dtheta_new = _kernels.clip_by_norm_step(runtime.contiguous(Dtheta), c)
    return Dtheta_new


def clip_by_value_step(Dtheta: Matrix, c: runtime.Scalar, c1: runtime.Scalar) -> Matrix:
    """Limits every entry of the gradient to [-c, c].

    Dtheta: M x N -> Dtheta_new: M x N. From clip_by_value.eq:1.
    """
    Dtheta_new = _kernels.clip_by_value_step(runtime.contiguous(Dtheta), c, c1)
    return Dtheta_new


def gradient_descent_step(theta: Matrix, Dtheta: Matrix, eta: runtime.Scalar) -> Matrix:
    """A step against the gradient.

    theta: M x N, Dtheta: M x N -> theta_new: M x N. From gradient_descent.eq:1.
    """
    theta_new = _kernels.gradient_descent_step(runtime.contiguous(theta), runtime.contiguous(Dtheta), eta)
    return theta_new


def momentum_step(
    theta: Matrix, Dtheta: Matrix, delta: Matrix, mu: runtime.Scalar, eta: runtime.Scalar
) -> tuple[Matrix, Matrix]:
    """Gradient descent with momentum, in Keras' form.

    theta: M x N, Dtheta: M x N, delta: M x N -> theta_new: M x N, delta_new: M x N. From momentum.eq:1.
    """
    theta_new, delta_new = _kernels.momentum_step(
        runtime.contiguous(theta), runtime.contiguous(Dtheta), runtime.contiguous(delta), mu, eta
    )
    return theta_new, delta_new


def nesterov_step(
    theta: Matrix, Dtheta: Matrix, delta: Matrix, mu: runtime.Scalar, eta: runtime.Scalar
) -> tuple[Matrix, Matrix]:
    """Nesterov momentum, in Keras' form.

    theta: M x N, Dtheta: M x N, delta: M x N -> theta_new: M x N, delta_new: M x N. From nesterov.eq:1.
    """
    theta_new, delta_new = _kernels.nesterov_step(
        runtime.contiguous(theta), runtime.contiguous(Dtheta), runtime.contiguous(delta), mu, eta
    )
    return theta_new, delta_new


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
    theta_new, v_new = _kernels.rms_prop_step(
        runtime.contiguous(theta), runtime.contiguous(Dtheta), runtime.contiguous(v), rho, epsilon, eta, c1
    )
    return theta_new, v_new


def weight_decay_step(theta: Matrix, Dtheta: Matrix, decay: runtime.Scalar) -> Matrix:
    """Adds the gradient of decay / 2 times the squared weights.

    theta: M x N, Dtheta: M x N -> Dtheta_new: M x N. From weight_decay.eq:1.
    """
    Dtheta_new = _kernels.weight_decay_step(runtime.contiguous(theta), runtime.contiguous(Dtheta), decay)
    return Dtheta_new
