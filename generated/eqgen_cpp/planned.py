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

from typing import TYPE_CHECKING

from . import _kernels, runtime
from .buffers import Buffers
from .runtime import Matrix
from .sparse_products import Indices

if TYPE_CHECKING:
    from .activations import Activation


def activation_forward(X: Matrix, W: Matrix, b: Matrix, act: Activation, out: Buffers) -> tuple[Matrix, Matrix]:
    """Linear map followed by an activation function.

    X: N x D, W: K x D, b: 1 x K -> Y: N x K, Z: N x K. From activation.eq:1.
    """
    K = W.shape[0]
    N = X.shape[0]
    Y, Z = _kernels.activation_forward(
        runtime.contiguous(X),
        runtime.contiguous(W),
        runtime.contiguous(b),
        runtime.activation(act),
        out=(out.matrix("Y", N, K, X), out.matrix("Z", N, K, X)),
    )
    return Y, Z


def activation_gradients(Z: Matrix, DY: Matrix, act: Activation, out: Buffers) -> tuple[Matrix, Matrix]:
    """Linear map followed by an activation function.

    Z: N x K, DY: N x K -> Db: 1 x K, DZ: N x K. From activation.eq:1.
    """
    K = Z.shape[1]
    N = Z.shape[0]
    Db, DZ = _kernels.activation_gradients(
        runtime.contiguous(Z),
        runtime.contiguous(DY),
        runtime.activation(act),
        out=(out.matrix("Db", 1, K, Z), out.matrix("DZ", N, K, Z)),
    )
    return Db, DZ


def activation_input_gradient(W: Matrix, DZ: Matrix, out: Buffers) -> Matrix:
    """Linear map followed by an activation function.

    W: K x D, DZ: N x K -> DX: N x D. From activation.eq:1.
    """
    D = W.shape[1]
    N = DZ.shape[0]
    DX = _kernels.activation_input_gradient(
        runtime.contiguous(W), runtime.contiguous(DZ), out=(out.matrix("DX", N, D, W),)
    )
    return DX


def activation_dropout_forward(
    X: Matrix, W: Matrix, b: Matrix, R: Matrix, act: Activation, out: Buffers
) -> tuple[Matrix, Matrix]:
    """Linear map with dropped weights (DropConnect), followed by an activation function.

    X: N x D, W: K x D, b: 1 x K, R: K x D -> Y: N x K, Z: N x K. From activation_dropout.eq:1.
    """
    K = W.shape[0]
    N = X.shape[0]
    Y, Z = _kernels.activation_dropout_forward(
        runtime.contiguous(X),
        runtime.contiguous(W),
        runtime.contiguous(b),
        runtime.contiguous(R),
        runtime.activation(act),
        out=(out.matrix("Y", N, K, X), out.matrix("Z", N, K, X)),
    )
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
    DW, Db, DZ = _kernels.activation_dropout_gradients(
        runtime.contiguous(X),
        runtime.contiguous(R),
        runtime.contiguous(Z),
        runtime.contiguous(DY),
        runtime.activation(act),
        out=(out.matrix("DW", K, D, X), out.matrix("Db", 1, K, X), out.matrix("DZ", N, K, X)),
    )
    return DW, Db, DZ


def activation_dropout_input_gradient(W: Matrix, R: Matrix, DZ: Matrix, out: Buffers) -> Matrix:
    """Linear map with dropped weights (DropConnect), followed by an activation function.

    W: K x D, R: K x D, DZ: N x K -> DX: N x D. From activation_dropout.eq:1.
    """
    D = W.shape[1]
    N = DZ.shape[0]
    DX = _kernels.activation_dropout_input_gradient(
        runtime.contiguous(W), runtime.contiguous(R), runtime.contiguous(DZ), out=(out.matrix("DX", N, D, W),)
    )
    return DX


def batch_normalization_forward(
    X: Matrix, gamma: Matrix, beta: Matrix, epsilon: float, out: Buffers
) -> tuple[Matrix, Matrix, Matrix, Matrix]:
    """Every feature gets mean 0 and variance 1 over the batch, then a learned scale and shift.

    X: N x D, gamma: 1 x D, beta: 1 x D -> Y: N x D, Sigma: 1 x D, inv_sqrt_Sigma: 1 x D, Z: N x D. From batch_normalization.eq:1.
    """
    D = X.shape[1]
    N = X.shape[0]
    Y, Sigma, inv_sqrt_Sigma, Z = _kernels.batch_normalization_forward(
        runtime.contiguous(X),
        runtime.contiguous(gamma),
        runtime.contiguous(beta),
        epsilon,
        out=(
            out.matrix("Y", N, D, X),
            out.matrix("Sigma", 1, D, X),
            out.matrix("inv_sqrt_Sigma", 1, D, X),
            out.matrix("Z", N, D, X),
        ),
    )
    return Y, Sigma, inv_sqrt_Sigma, Z


def batch_normalization_gradients(Z: Matrix, DY: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Every feature gets mean 0 and variance 1 over the batch, then a learned scale and shift.

    Z: N x D, DY: N x D -> Dgamma: 1 x D, Dbeta: 1 x D. From batch_normalization.eq:1.
    """
    D = Z.shape[1]
    Dgamma, Dbeta = _kernels.batch_normalization_gradients(
        runtime.contiguous(Z), runtime.contiguous(DY), out=(out.matrix("Dgamma", 1, D, Z), out.matrix("Dbeta", 1, D, Z))
    )
    return Dgamma, Dbeta


def batch_normalization_input_gradient(
    gamma: Matrix, inv_sqrt_Sigma: Matrix, Z: Matrix, DY: Matrix, out: Buffers
) -> Matrix:
    """Every feature gets mean 0 and variance 1 over the batch, then a learned scale and shift.

    gamma: 1 x D, inv_sqrt_Sigma: 1 x D, Z: N x D, DY: N x D -> DX: N x D. From batch_normalization.eq:1.
    """
    D = gamma.shape[1]
    N = Z.shape[0]
    DX = _kernels.batch_normalization_input_gradient(
        runtime.contiguous(gamma),
        runtime.contiguous(inv_sqrt_Sigma),
        runtime.contiguous(Z),
        runtime.contiguous(DY),
        out=(out.matrix("DX", N, D, gamma),),
    )
    return DX


def batch_normalization_update(
    X: Matrix, mean: Matrix, variance: Matrix, Sigma: Matrix, momentum: float, out: Buffers
) -> tuple[Matrix, Matrix]:
    """Every feature gets mean 0 and variance 1 over the batch, then a learned scale and shift.

    X: N x D, mean: 1 x D, variance: 1 x D, Sigma: 1 x D -> mean_new: 1 x D, variance_new: 1 x D. From batch_normalization.eq:1.
    """
    mean, variance = _kernels.batch_normalization_update(
        runtime.contiguous(X),
        runtime.contiguous(mean),
        runtime.contiguous(variance),
        runtime.contiguous(Sigma),
        momentum,
        out=(mean, variance),
    )
    return mean, variance


def embedding_forward(X: Matrix, E: Matrix, out: Buffers) -> Matrix:
    """Row x_i of a table for every index x_i.

    X: N x 1, E: V x D -> Y: N x D. From embedding.eq:1.
    """
    D = E.shape[1]
    N = X.shape[0]
    Y = _kernels.embedding_forward(
        runtime.contiguous_indices(X), runtime.contiguous(E), out=(out.matrix("Y", N, D, E),)
    )
    return Y


def embedding_gradients(X: Matrix, E: Matrix, DY: Matrix, out: Buffers) -> Matrix:
    """Row x_i of a table for every index x_i.

    X: N x 1, E: V x D, DY: N x D -> DE: V x D. From embedding.eq:1.
    """
    D = E.shape[1]
    V = E.shape[0]
    DE = _kernels.embedding_gradients(
        runtime.contiguous_indices(X), runtime.contiguous(E), runtime.contiguous(DY), out=(out.matrix("DE", V, D, E),)
    )
    return DE


def layer_normalization_forward(
    X: Matrix, gamma: Matrix, beta: Matrix, epsilon: float, out: Buffers
) -> tuple[Matrix, Matrix, Matrix]:
    """Every row gets mean 0 and variance 1 over its features, then a learned scale and shift.

    X: N x D, gamma: 1 x D, beta: 1 x D -> Y: N x D, inv_sqrt_Sigma: N x 1, Z: N x D. From layer_normalization.eq:1.
    """
    D = X.shape[1]
    N = X.shape[0]
    Y, inv_sqrt_Sigma, Z = _kernels.layer_normalization_forward(
        runtime.contiguous(X),
        runtime.contiguous(gamma),
        runtime.contiguous(beta),
        epsilon,
        out=(out.matrix("Y", N, D, X), out.matrix("inv_sqrt_Sigma", N, 1, X), out.matrix("Z", N, D, X)),
    )
    return Y, inv_sqrt_Sigma, Z


def layer_normalization_gradients(Z: Matrix, DY: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Every row gets mean 0 and variance 1 over its features, then a learned scale and shift.

    Z: N x D, DY: N x D -> Dgamma: 1 x D, Dbeta: 1 x D. From layer_normalization.eq:1.
    """
    D = Z.shape[1]
    Dgamma, Dbeta = _kernels.layer_normalization_gradients(
        runtime.contiguous(Z), runtime.contiguous(DY), out=(out.matrix("Dgamma", 1, D, Z), out.matrix("Dbeta", 1, D, Z))
    )
    return Dgamma, Dbeta


def layer_normalization_input_gradient(
    gamma: Matrix, inv_sqrt_Sigma: Matrix, Z: Matrix, DY: Matrix, out: Buffers
) -> Matrix:
    """Every row gets mean 0 and variance 1 over its features, then a learned scale and shift.

    gamma: 1 x D, inv_sqrt_Sigma: N x 1, Z: N x D, DY: N x D -> DX: N x D. From layer_normalization.eq:1.
    """
    D = gamma.shape[1]
    N = inv_sqrt_Sigma.shape[0]
    DX = _kernels.layer_normalization_input_gradient(
        runtime.contiguous(gamma),
        runtime.contiguous(inv_sqrt_Sigma),
        runtime.contiguous(Z),
        runtime.contiguous(DY),
        out=(out.matrix("DX", N, D, gamma),),
    )
    return DX


def linear_forward(X: Matrix, W: Matrix, b: Matrix, out: Buffers) -> Matrix:
    """Linear map with a bias.

    X: N x D, W: K x D, b: 1 x K -> Y: N x K. From linear.eq:1.
    """
    K = W.shape[0]
    N = X.shape[0]
    Y = _kernels.linear_forward(
        runtime.contiguous(X), runtime.contiguous(W), runtime.contiguous(b), out=(out.matrix("Y", N, K, X),)
    )
    return Y


def linear_gradients(DY: Matrix, out: Buffers) -> Matrix:
    """Linear map with a bias.

    DY: N x K -> Db: 1 x K. From linear.eq:1.
    """
    K = DY.shape[1]
    Db = _kernels.linear_gradients(runtime.contiguous(DY), out=(out.matrix("Db", 1, K, DY),))
    return Db


def linear_input_gradient(W: Matrix, DY: Matrix, out: Buffers) -> Matrix:
    """Linear map with a bias.

    W: K x D, DY: N x K -> DX: N x D. From linear.eq:1.
    """
    D = W.shape[1]
    N = DY.shape[0]
    DX = _kernels.linear_input_gradient(runtime.contiguous(W), runtime.contiguous(DY), out=(out.matrix("DX", N, D, W),))
    return DX


def linear_dropout_forward(X: Matrix, W: Matrix, b: Matrix, R: Matrix, out: Buffers) -> Matrix:
    """Linear map of which every weight is dropped with probability p (DropConnect).

    X: N x D, W: K x D, b: 1 x K, R: K x D -> Y: N x K. From linear_dropout.eq:1.
    """
    K = W.shape[0]
    N = X.shape[0]
    Y = _kernels.linear_dropout_forward(
        runtime.contiguous(X),
        runtime.contiguous(W),
        runtime.contiguous(b),
        runtime.contiguous(R),
        out=(out.matrix("Y", N, K, X),),
    )
    return Y


def linear_dropout_gradients(X: Matrix, R: Matrix, DY: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Linear map of which every weight is dropped with probability p (DropConnect).

    X: N x D, R: K x D, DY: N x K -> DW: K x D, Db: 1 x K. From linear_dropout.eq:1.
    """
    D = X.shape[1]
    K = R.shape[0]
    DW, Db = _kernels.linear_dropout_gradients(
        runtime.contiguous(X),
        runtime.contiguous(R),
        runtime.contiguous(DY),
        out=(out.matrix("DW", K, D, X), out.matrix("Db", 1, K, X)),
    )
    return DW, Db


def linear_dropout_input_gradient(W: Matrix, R: Matrix, DY: Matrix, out: Buffers) -> Matrix:
    """Linear map of which every weight is dropped with probability p (DropConnect).

    W: K x D, R: K x D, DY: N x K -> DX: N x D. From linear_dropout.eq:1.
    """
    D = W.shape[1]
    N = DY.shape[0]
    DX = _kernels.linear_dropout_input_gradient(
        runtime.contiguous(W), runtime.contiguous(R), runtime.contiguous(DY), out=(out.matrix("DX", N, D, W),)
    )
    return DX


def log_softmax_forward(X: Matrix, W: Matrix, b: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Linear map followed by the logarithm of a row-wise softmax.

    X: N x D, W: K x D, b: 1 x K -> Y: N x K, Z: N x K. From log_softmax.eq:1.
    """
    K = W.shape[0]
    N = X.shape[0]
    Y, Z = _kernels.log_softmax_forward(
        runtime.contiguous(X),
        runtime.contiguous(W),
        runtime.contiguous(b),
        out=(out.matrix("Y", N, K, X), out.matrix("Z", N, K, X)),
    )
    return Y, Z


def log_softmax_gradients(Z: Matrix, DY: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Linear map followed by the logarithm of a row-wise softmax.

    Z: N x K, DY: N x K -> Db: 1 x K, DZ: N x K. From log_softmax.eq:1.
    """
    K = Z.shape[1]
    N = Z.shape[0]
    Db, DZ = _kernels.log_softmax_gradients(
        runtime.contiguous(Z), runtime.contiguous(DY), out=(out.matrix("Db", 1, K, Z), out.matrix("DZ", N, K, Z))
    )
    return Db, DZ


def log_softmax_input_gradient(W: Matrix, DZ: Matrix, out: Buffers) -> Matrix:
    """Linear map followed by the logarithm of a row-wise softmax.

    W: K x D, DZ: N x K -> DX: N x D. From log_softmax.eq:1.
    """
    D = W.shape[1]
    N = DZ.shape[0]
    DX = _kernels.log_softmax_input_gradient(
        runtime.contiguous(W), runtime.contiguous(DZ), out=(out.matrix("DX", N, D, W),)
    )
    return DX


def s_relu_forward(
    X: Matrix, W: Matrix, b: Matrix, al: Matrix, tl: Matrix, ar: Matrix, tr: Matrix, out: Buffers
) -> tuple[Matrix, Matrix]:
    """Linear map followed by an S-shaped ReLU whose slopes and thresholds are learned.

    X: N x D, W: K x D, b: 1 x K, al: 1 x 1, tl: 1 x 1, ar: 1 x 1, tr: 1 x 1 -> Y: N x K, Z: N x K. From srelu.eq:1.
    """
    K = W.shape[0]
    N = X.shape[0]
    Y, Z = _kernels.s_relu_forward(
        runtime.contiguous(X),
        runtime.contiguous(W),
        runtime.contiguous(b),
        runtime.contiguous(al),
        runtime.contiguous(tl),
        runtime.contiguous(ar),
        runtime.contiguous(tr),
        out=(out.matrix("Y", N, K, X), out.matrix("Z", N, K, X)),
    )
    return Y, Z


def s_relu_gradients(
    al: Matrix, tl: Matrix, ar: Matrix, tr: Matrix, Z: Matrix, DY: Matrix, out: Buffers
) -> tuple[Matrix, Matrix, Matrix, Matrix, Matrix, Matrix]:
    """Linear map followed by an S-shaped ReLU whose slopes and thresholds are learned.

    al: 1 x 1, tl: 1 x 1, ar: 1 x 1, tr: 1 x 1, Z: N x K, DY: N x K -> Db: 1 x K, Dal: 1 x 1, Dtl: 1 x 1, Dar: 1 x 1, Dtr: 1 x 1, DZ: N x K. From srelu.eq:1.
    """
    K = Z.shape[1]
    N = Z.shape[0]
    Db, Dal, Dtl, Dar, Dtr, DZ = _kernels.s_relu_gradients(
        runtime.contiguous(al),
        runtime.contiguous(tl),
        runtime.contiguous(ar),
        runtime.contiguous(tr),
        runtime.contiguous(Z),
        runtime.contiguous(DY),
        out=(
            out.matrix("Db", 1, K, al),
            out.matrix("Dal", 1, 1, al),
            out.matrix("Dtl", 1, 1, al),
            out.matrix("Dar", 1, 1, al),
            out.matrix("Dtr", 1, 1, al),
            out.matrix("DZ", N, K, al),
        ),
    )
    return Db, Dal, Dtl, Dar, Dtr, DZ


def s_relu_input_gradient(W: Matrix, DZ: Matrix, out: Buffers) -> Matrix:
    """Linear map followed by an S-shaped ReLU whose slopes and thresholds are learned.

    W: K x D, DZ: N x K -> DX: N x D. From srelu.eq:1.
    """
    D = W.shape[1]
    N = DZ.shape[0]
    DX = _kernels.s_relu_input_gradient(runtime.contiguous(W), runtime.contiguous(DZ), out=(out.matrix("DX", N, D, W),))
    return DX


def softmax_forward(X: Matrix, W: Matrix, b: Matrix, out: Buffers) -> Matrix:
    """Linear map followed by a row-wise softmax.

    X: N x D, W: K x D, b: 1 x K -> Y: N x K. From softmax.eq:1.
    """
    K = W.shape[0]
    N = X.shape[0]
    Y = _kernels.softmax_forward(
        runtime.contiguous(X), runtime.contiguous(W), runtime.contiguous(b), out=(out.matrix("Y", N, K, X),)
    )
    return Y


def softmax_gradients(Y: Matrix, DY: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Linear map followed by a row-wise softmax.

    Y: N x K, DY: N x K -> Db: 1 x K, DZ: N x K. From softmax.eq:1.
    """
    K = Y.shape[1]
    N = Y.shape[0]
    Db, DZ = _kernels.softmax_gradients(
        runtime.contiguous(Y), runtime.contiguous(DY), out=(out.matrix("Db", 1, K, Y), out.matrix("DZ", N, K, Y))
    )
    return Db, DZ


def softmax_input_gradient(W: Matrix, DZ: Matrix, out: Buffers) -> Matrix:
    """Linear map followed by a row-wise softmax.

    W: K x D, DZ: N x K -> DX: N x D. From softmax.eq:1.
    """
    D = W.shape[1]
    N = DZ.shape[0]
    DX = _kernels.softmax_input_gradient(
        runtime.contiguous(W), runtime.contiguous(DZ), out=(out.matrix("DX", N, D, W),)
    )
    return DX


def sparse_activation_forward_columns(
    X: Matrix, W: Matrix, W_pattern: Indices, b: Matrix, act: Activation, out: Buffers
) -> tuple[Matrix, Matrix]:
    """Linear map followed by an activation function; examples are columns.

    X: D x N, W: 1 x W_entries, W_pattern: K x D, b: 1 x K -> Y: K x N, Z: K x N. From activation.eq:1.
    """
    K = W_pattern.shape[0]
    N = X.shape[1]
    Y, Z = _kernels.sparse_activation_forward_columns(
        runtime.contiguous(X),
        runtime.contiguous(W),
        W_pattern,
        runtime.contiguous(b),
        runtime.activation(act),
        out=(out.matrix("Y", K, N, X), out.matrix("Z", K, N, X)),
    )
    return Y, Z


def sparse_activation_gradients_columns(Z: Matrix, DY: Matrix, act: Activation, out: Buffers) -> tuple[Matrix, Matrix]:
    """Linear map followed by an activation function; examples are columns.

    Z: K x N, DY: K x N -> Db: 1 x K, DZ: K x N. From activation.eq:1.
    """
    K = Z.shape[0]
    N = Z.shape[1]
    Db, DZ = _kernels.sparse_activation_gradients_columns(
        runtime.contiguous(Z),
        runtime.contiguous(DY),
        runtime.activation(act),
        out=(out.matrix("Db", 1, K, Z), out.matrix("DZ", K, N, Z)),
    )
    return Db, DZ


def sparse_activation_input_gradient_columns(W: Matrix, W_pattern: Indices, DZ: Matrix, out: Buffers) -> Matrix:
    """Linear map followed by an activation function; examples are columns.

    W: 1 x W_entries, W_pattern: K x D, DZ: K x N -> DX: D x N. From activation.eq:1.
    """
    D = W_pattern.shape[1]
    N = DZ.shape[1]
    DX = _kernels.sparse_activation_input_gradient_columns(
        runtime.contiguous(W), W_pattern, runtime.contiguous(DZ), out=(out.matrix("DX", D, N, W),)
    )
    return DX


def sparse_linear_forward_columns(X: Matrix, W: Matrix, W_pattern: Indices, b: Matrix, out: Buffers) -> Matrix:
    """Linear map with a bias; examples are columns.

    X: D x N, W: 1 x W_entries, W_pattern: K x D, b: 1 x K -> Y: K x N. From linear.eq:1.
    """
    K = W_pattern.shape[0]
    N = X.shape[1]
    Y = _kernels.sparse_linear_forward_columns(
        runtime.contiguous(X), runtime.contiguous(W), W_pattern, runtime.contiguous(b), out=(out.matrix("Y", K, N, X),)
    )
    return Y


def sparse_linear_gradients_columns(DY: Matrix, out: Buffers) -> Matrix:
    """Linear map with a bias; examples are columns.

    DY: K x N -> Db: 1 x K. From linear.eq:1.
    """
    K = DY.shape[0]
    Db = _kernels.sparse_linear_gradients_columns(runtime.contiguous(DY), out=(out.matrix("Db", 1, K, DY),))
    return Db


def sparse_linear_input_gradient_columns(W: Matrix, W_pattern: Indices, DY: Matrix, out: Buffers) -> Matrix:
    """Linear map with a bias; examples are columns.

    W: 1 x W_entries, W_pattern: K x D, DY: K x N -> DX: D x N. From linear.eq:1.
    """
    D = W_pattern.shape[1]
    N = DY.shape[1]
    DX = _kernels.sparse_linear_input_gradient_columns(
        runtime.contiguous(W), W_pattern, runtime.contiguous(DY), out=(out.matrix("DX", D, N, W),)
    )
    return DX


def sparse_log_softmax_forward_columns(
    X: Matrix, W: Matrix, W_pattern: Indices, b: Matrix, out: Buffers
) -> tuple[Matrix, Matrix]:
    """Linear map followed by the logarithm of a row-wise softmax; examples are columns.

    X: D x N, W: 1 x W_entries, W_pattern: K x D, b: 1 x K -> Y: K x N, Z: K x N. From log_softmax.eq:1.
    """
    K = W_pattern.shape[0]
    N = X.shape[1]
    Y, Z = _kernels.sparse_log_softmax_forward_columns(
        runtime.contiguous(X),
        runtime.contiguous(W),
        W_pattern,
        runtime.contiguous(b),
        out=(out.matrix("Y", K, N, X), out.matrix("Z", K, N, X)),
    )
    return Y, Z


def sparse_log_softmax_gradients_columns(Z: Matrix, DY: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Linear map followed by the logarithm of a row-wise softmax; examples are columns.

    Z: K x N, DY: K x N -> Db: 1 x K, DZ: K x N. From log_softmax.eq:1.
    """
    K = Z.shape[0]
    N = Z.shape[1]
    Db, DZ = _kernels.sparse_log_softmax_gradients_columns(
        runtime.contiguous(Z), runtime.contiguous(DY), out=(out.matrix("Db", 1, K, Z), out.matrix("DZ", K, N, Z))
    )
    return Db, DZ


def sparse_log_softmax_input_gradient_columns(W: Matrix, W_pattern: Indices, DZ: Matrix, out: Buffers) -> Matrix:
    """Linear map followed by the logarithm of a row-wise softmax; examples are columns.

    W: 1 x W_entries, W_pattern: K x D, DZ: K x N -> DX: D x N. From log_softmax.eq:1.
    """
    D = W_pattern.shape[1]
    N = DZ.shape[1]
    DX = _kernels.sparse_log_softmax_input_gradient_columns(
        runtime.contiguous(W), W_pattern, runtime.contiguous(DZ), out=(out.matrix("DX", D, N, W),)
    )
    return DX


def sparse_s_relu_forward_columns(
    X: Matrix, W: Matrix, W_pattern: Indices, b: Matrix, al: Matrix, tl: Matrix, ar: Matrix, tr: Matrix, out: Buffers
) -> tuple[Matrix, Matrix]:
    """Linear map followed by an S-shaped ReLU whose slopes and thresholds are learned; examples are columns.

    X: D x N, W: 1 x W_entries, W_pattern: K x D, b: 1 x K, al: 1 x 1, tl: 1 x 1, ar: 1 x 1, tr: 1 x 1 -> Y: K x N, Z: K x N. From srelu.eq:1.
    """
    K = W_pattern.shape[0]
    N = X.shape[1]
    Y, Z = _kernels.sparse_s_relu_forward_columns(
        runtime.contiguous(X),
        runtime.contiguous(W),
        W_pattern,
        runtime.contiguous(b),
        runtime.contiguous(al),
        runtime.contiguous(tl),
        runtime.contiguous(ar),
        runtime.contiguous(tr),
        out=(out.matrix("Y", K, N, X), out.matrix("Z", K, N, X)),
    )
    return Y, Z


def sparse_s_relu_gradients_columns(
    al: Matrix, tl: Matrix, ar: Matrix, tr: Matrix, Z: Matrix, DY: Matrix, out: Buffers
) -> tuple[Matrix, Matrix, Matrix, Matrix, Matrix, Matrix]:
    """Linear map followed by an S-shaped ReLU whose slopes and thresholds are learned; examples are columns.

    al: 1 x 1, tl: 1 x 1, ar: 1 x 1, tr: 1 x 1, Z: K x N, DY: K x N -> Db: 1 x K, Dal: 1 x 1, Dtl: 1 x 1, Dar: 1 x 1, Dtr: 1 x 1, DZ: K x N. From srelu.eq:1.
    """
    K = Z.shape[0]
    N = Z.shape[1]
    Db, Dal, Dtl, Dar, Dtr, DZ = _kernels.sparse_s_relu_gradients_columns(
        runtime.contiguous(al),
        runtime.contiguous(tl),
        runtime.contiguous(ar),
        runtime.contiguous(tr),
        runtime.contiguous(Z),
        runtime.contiguous(DY),
        out=(
            out.matrix("Db", 1, K, al),
            out.matrix("Dal", 1, 1, al),
            out.matrix("Dtl", 1, 1, al),
            out.matrix("Dar", 1, 1, al),
            out.matrix("Dtr", 1, 1, al),
            out.matrix("DZ", K, N, al),
        ),
    )
    return Db, Dal, Dtl, Dar, Dtr, DZ


def sparse_s_relu_input_gradient_columns(W: Matrix, W_pattern: Indices, DZ: Matrix, out: Buffers) -> Matrix:
    """Linear map followed by an S-shaped ReLU whose slopes and thresholds are learned; examples are columns.

    W: 1 x W_entries, W_pattern: K x D, DZ: K x N -> DX: D x N. From srelu.eq:1.
    """
    D = W_pattern.shape[1]
    N = DZ.shape[1]
    DX = _kernels.sparse_s_relu_input_gradient_columns(
        runtime.contiguous(W), W_pattern, runtime.contiguous(DZ), out=(out.matrix("DX", D, N, W),)
    )
    return DX


def sparse_softmax_forward_columns(X: Matrix, W: Matrix, W_pattern: Indices, b: Matrix, out: Buffers) -> Matrix:
    """Linear map followed by a row-wise softmax; examples are columns.

    X: D x N, W: 1 x W_entries, W_pattern: K x D, b: 1 x K -> Y: K x N. From softmax.eq:1.
    """
    K = W_pattern.shape[0]
    N = X.shape[1]
    Y = _kernels.sparse_softmax_forward_columns(
        runtime.contiguous(X), runtime.contiguous(W), W_pattern, runtime.contiguous(b), out=(out.matrix("Y", K, N, X),)
    )
    return Y


def sparse_softmax_gradients_columns(Y: Matrix, DY: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Linear map followed by a row-wise softmax; examples are columns.

    Y: K x N, DY: K x N -> Db: 1 x K, DZ: K x N. From softmax.eq:1.
    """
    K = Y.shape[0]
    N = Y.shape[1]
    Db, DZ = _kernels.sparse_softmax_gradients_columns(
        runtime.contiguous(Y), runtime.contiguous(DY), out=(out.matrix("Db", 1, K, Y), out.matrix("DZ", K, N, Y))
    )
    return Db, DZ


def sparse_softmax_input_gradient_columns(W: Matrix, W_pattern: Indices, DZ: Matrix, out: Buffers) -> Matrix:
    """Linear map followed by a row-wise softmax; examples are columns.

    W: 1 x W_entries, W_pattern: K x D, DZ: K x N -> DX: D x N. From softmax.eq:1.
    """
    D = W_pattern.shape[1]
    N = DZ.shape[1]
    DX = _kernels.sparse_softmax_input_gradient_columns(
        runtime.contiguous(W), W_pattern, runtime.contiguous(DZ), out=(out.matrix("DX", D, N, W),)
    )
    return DX


def binary_cross_entropy_loss_gradient_and_value(Y: Matrix, T: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Sum of the binary cross-entropies of probabilities Y with respect to targets T.

    Y: N x K, T: N x K -> L: 1 x 1, DY: N x K. From binary_cross_entropy.eq:1.
    """
    K = Y.shape[1]
    N = Y.shape[0]
    L, DY = _kernels.binary_cross_entropy_loss_gradient_and_value(
        runtime.contiguous(Y), runtime.contiguous(T), out=(out.matrix("L", 1, 1, Y), out.matrix("DY", N, K, Y))
    )
    return L, DY


def cross_entropy_loss_gradient_and_value(Y: Matrix, T: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Cross-entropy of probabilities Y with respect to targets T.

    Y: N x K, T: N x K -> L: 1 x 1, DY: N x K. From cross_entropy.eq:1.
    """
    K = Y.shape[1]
    N = Y.shape[0]
    L, DY = _kernels.cross_entropy_loss_gradient_and_value(
        runtime.contiguous(Y), runtime.contiguous(T), out=(out.matrix("L", 1, 1, Y), out.matrix("DY", N, K, Y))
    )
    return L, DY


def kl_divergence_loss_gradient_and_value(Y: Matrix, T: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Kullback-Leibler divergence of probabilities Y from targets T.

    Y: N x K, T: N x K -> L: 1 x 1, DY: N x K. From kl_divergence.eq:1.
    """
    K = Y.shape[1]
    N = Y.shape[0]
    L, DY = _kernels.kl_divergence_loss_gradient_and_value(
        runtime.contiguous(Y), runtime.contiguous(T), out=(out.matrix("L", 1, 1, Y), out.matrix("DY", N, K, Y))
    )
    return L, DY


def logistic_cross_entropy_loss_gradient_and_value(Y: Matrix, T: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Cross-entropy of the sigmoid of Y with respect to targets T, without a term for 1 - T.

    Y: N x K, T: N x K -> L: 1 x 1, DY: N x K. From logistic_cross_entropy.eq:1.
    """
    K = Y.shape[1]
    N = Y.shape[0]
    L, DY = _kernels.logistic_cross_entropy_loss_gradient_and_value(
        runtime.contiguous(Y), runtime.contiguous(T), out=(out.matrix("L", 1, 1, Y), out.matrix("DY", N, K, Y))
    )
    return L, DY


def mean_squared_error_loss_gradient_and_value(Y: Matrix, T: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Mean of the squared errors over all entries.

    Y: N x K, T: N x K -> L: 1 x 1, DY: N x K. From mean_squared_error.eq:1.
    """
    K = Y.shape[1]
    N = Y.shape[0]
    L, DY = _kernels.mean_squared_error_loss_gradient_and_value(
        runtime.contiguous(Y), runtime.contiguous(T), out=(out.matrix("L", 1, 1, Y), out.matrix("DY", N, K, Y))
    )
    return L, DY


def negative_log_likelihood_loss_gradient_and_value(Y: Matrix, T: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Negative logarithm of the probability that Y gives to the target of every row.

    Y: N x K, T: N x K -> L: 1 x 1, DY: N x K. From negative_log_likelihood.eq:1.
    """
    K = Y.shape[1]
    N = Y.shape[0]
    L, DY = _kernels.negative_log_likelihood_loss_gradient_and_value(
        runtime.contiguous(Y), runtime.contiguous(T), out=(out.matrix("L", 1, 1, Y), out.matrix("DY", N, K, Y))
    )
    return L, DY


def sigmoid_binary_cross_entropy_loss_gradient_and_value(Y: Matrix, T: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Sum of the binary cross-entropies of the sigmoid of Y with respect to targets T.

    Y: N x K, T: N x K -> L: 1 x 1, DY: N x K. From sigmoid_binary_cross_entropy.eq:1.
    """
    K = Y.shape[1]
    N = Y.shape[0]
    L, DY = _kernels.sigmoid_binary_cross_entropy_loss_gradient_and_value(
        runtime.contiguous(Y), runtime.contiguous(T), out=(out.matrix("L", 1, 1, Y), out.matrix("DY", N, K, Y))
    )
    return L, DY


def softmax_cross_entropy_loss_gradient_and_value(Y: Matrix, T: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Cross-entropy of the softmax of Y with respect to targets T.

    Y: N x K, T: N x K -> L: 1 x 1, DY: N x K. From softmax_cross_entropy.eq:1.
    """
    K = Y.shape[1]
    N = Y.shape[0]
    L, DY = _kernels.softmax_cross_entropy_loss_gradient_and_value(
        runtime.contiguous(Y), runtime.contiguous(T), out=(out.matrix("L", 1, 1, Y), out.matrix("DY", N, K, Y))
    )
    return L, DY


def softmax_cross_entropy_loss_gradient_one_hot_and_value(Y: Matrix, T: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Cross-entropy of the softmax of Y with respect to targets T.

    Y: N x K, T: N x K -> L: 1 x 1, DY: N x K. From softmax_cross_entropy.eq:1.
    """
    K = Y.shape[1]
    N = Y.shape[0]
    L, DY = _kernels.softmax_cross_entropy_loss_gradient_one_hot_and_value(
        runtime.contiguous(Y), runtime.contiguous(T), out=(out.matrix("L", 1, 1, Y), out.matrix("DY", N, K, Y))
    )
    return L, DY


def squared_error_loss_gradient_and_value(Y: Matrix, T: Matrix, out: Buffers) -> tuple[Matrix, Matrix]:
    """Sum of the squared errors.

    Y: N x K, T: N x K -> L: 1 x 1, DY: N x K. From squared_error.eq:1.
    """
    K = Y.shape[1]
    N = Y.shape[0]
    L, DY = _kernels.squared_error_loss_gradient_and_value(
        runtime.contiguous(Y), runtime.contiguous(T), out=(out.matrix("L", 1, 1, Y), out.matrix("DY", N, K, Y))
    )
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
    theta, m, v = _kernels.adam_step(
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
        out=(theta, m, v),
    )
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
    theta, m, v = _kernels.adam_product_step(
        runtime.contiguous(theta),
        runtime.contiguous(A),
        runtime.contiguous(B),
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
        out=(theta, m, v),
    )
    return theta, m, v


def adam_sampled_step(
    theta: Matrix,
    A: Matrix,
    B: Matrix,
    theta_pattern: Indices,
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
    """Adaptive moments: steps scaled by the means of the gradient and of its square; of stored entries, the gradient is A * B.T and is not stored.

    theta: 1 x theta_entries, A: M x P, B: N x P, theta_pattern: M x N, m: 1 x theta_entries, v: 1 x theta_entries -> theta_new: 1 x theta_entries, m_new: 1 x theta_entries, v_new: 1 x theta_entries. From adam.eq:1.
    """
    theta, m, v = _kernels.adam_sampled_step(
        runtime.contiguous(theta),
        runtime.contiguous(A),
        runtime.contiguous(B),
        theta_pattern,
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
        out=(theta, m, v),
    )
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
    theta, m, v = _kernels.adamw_step(
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
        out=(theta, m, v),
    )
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
    theta, m, v = _kernels.adamw_product_step(
        runtime.contiguous(theta),
        runtime.contiguous(A),
        runtime.contiguous(B),
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
        out=(theta, m, v),
    )
    return theta, m, v


def adamw_sampled_step(
    theta: Matrix,
    A: Matrix,
    B: Matrix,
    theta_pattern: Indices,
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
    """Adam with a weight decay that does not pass through the moments; of stored entries, the gradient is A * B.T and is not stored.

    theta: 1 x theta_entries, A: M x P, B: N x P, theta_pattern: M x N, m: 1 x theta_entries, v: 1 x theta_entries -> theta_new: 1 x theta_entries, m_new: 1 x theta_entries, v_new: 1 x theta_entries. From adamw.eq:1.
    """
    theta, m, v = _kernels.adamw_sampled_step(
        runtime.contiguous(theta),
        runtime.contiguous(A),
        runtime.contiguous(B),
        theta_pattern,
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
        out=(theta, m, v),
    )
    return theta, m, v


def clip_by_norm_step(Dtheta: Matrix, c: runtime.Scalar, out: Buffers) -> Matrix:
    """Shortens a gradient whose Euclidean norm exceeds c to length c.

    Dtheta: M x N -> Dtheta_new: M x N. From clip_by_norm.eq:1.
    """
    Dtheta = _kernels.clip_by_norm_step(runtime.contiguous(Dtheta), c, out=(Dtheta,))
    return Dtheta


def clip_by_value_step(Dtheta: Matrix, c: runtime.Scalar, c1: runtime.Scalar, out: Buffers) -> Matrix:
    """Limits every entry of the gradient to [-c, c].

    Dtheta: M x N -> Dtheta_new: M x N. From clip_by_value.eq:1.
    """
    Dtheta = _kernels.clip_by_value_step(runtime.contiguous(Dtheta), c, c1, out=(Dtheta,))
    return Dtheta


def gradient_descent_step(theta: Matrix, Dtheta: Matrix, eta: runtime.Scalar, out: Buffers) -> Matrix:
    """A step against the gradient.

    theta: M x N, Dtheta: M x N -> theta_new: M x N. From gradient_descent.eq:1.
    """
    theta = _kernels.gradient_descent_step(runtime.contiguous(theta), runtime.contiguous(Dtheta), eta, out=(theta,))
    return theta


def gradient_descent_product_step(theta: Matrix, A: Matrix, B: Matrix, eta: runtime.Scalar, out: Buffers) -> Matrix:
    """A step against the gradient; the gradient is A.T * B and is not stored.

    theta: M x N, A: P x M, B: P x N -> theta_new: M x N. From gradient_descent.eq:1.
    """
    theta = _kernels.gradient_descent_product_step(
        runtime.contiguous(theta), runtime.contiguous(A), runtime.contiguous(B), eta, out=(theta,)
    )
    return theta


def gradient_descent_sampled_step(
    theta: Matrix, A: Matrix, B: Matrix, theta_pattern: Indices, eta: runtime.Scalar, out: Buffers
) -> Matrix:
    """A step against the gradient; of stored entries, the gradient is A * B.T and is not stored.

    theta: 1 x theta_entries, A: M x P, B: N x P, theta_pattern: M x N -> theta_new: 1 x theta_entries. From gradient_descent.eq:1.
    """
    theta = _kernels.gradient_descent_sampled_step(
        runtime.contiguous(theta), runtime.contiguous(A), runtime.contiguous(B), theta_pattern, eta, out=(theta,)
    )
    return theta


def momentum_step(
    theta: Matrix, Dtheta: Matrix, delta: Matrix, mu: runtime.Scalar, eta: runtime.Scalar, out: Buffers
) -> tuple[Matrix, Matrix]:
    """Gradient descent with momentum, in Keras' form.

    theta: M x N, Dtheta: M x N, delta: M x N -> theta_new: M x N, delta_new: M x N. From momentum.eq:1.
    """
    theta, delta = _kernels.momentum_step(
        runtime.contiguous(theta), runtime.contiguous(Dtheta), runtime.contiguous(delta), mu, eta, out=(theta, delta)
    )
    return theta, delta


def momentum_product_step(
    theta: Matrix, A: Matrix, B: Matrix, delta: Matrix, mu: runtime.Scalar, eta: runtime.Scalar, out: Buffers
) -> tuple[Matrix, Matrix]:
    """Gradient descent with momentum, in Keras' form; the gradient is A.T * B and is not stored.

    theta: M x N, A: P x M, B: P x N, delta: M x N -> theta_new: M x N, delta_new: M x N. From momentum.eq:1.
    """
    theta, delta = _kernels.momentum_product_step(
        runtime.contiguous(theta),
        runtime.contiguous(A),
        runtime.contiguous(B),
        runtime.contiguous(delta),
        mu,
        eta,
        out=(theta, delta),
    )
    return theta, delta


def momentum_sampled_step(
    theta: Matrix,
    A: Matrix,
    B: Matrix,
    theta_pattern: Indices,
    delta: Matrix,
    mu: runtime.Scalar,
    eta: runtime.Scalar,
    out: Buffers,
) -> tuple[Matrix, Matrix]:
    """Gradient descent with momentum, in Keras' form; of stored entries, the gradient is A * B.T and is not stored.

    theta: 1 x theta_entries, A: M x P, B: N x P, theta_pattern: M x N, delta: 1 x theta_entries -> theta_new: 1 x theta_entries, delta_new: 1 x theta_entries. From momentum.eq:1.
    """
    theta, delta = _kernels.momentum_sampled_step(
        runtime.contiguous(theta),
        runtime.contiguous(A),
        runtime.contiguous(B),
        theta_pattern,
        runtime.contiguous(delta),
        mu,
        eta,
        out=(theta, delta),
    )
    return theta, delta


def nesterov_step(
    theta: Matrix, Dtheta: Matrix, delta: Matrix, mu: runtime.Scalar, eta: runtime.Scalar, out: Buffers
) -> tuple[Matrix, Matrix]:
    """Nesterov momentum, in Keras' form.

    theta: M x N, Dtheta: M x N, delta: M x N -> theta_new: M x N, delta_new: M x N. From nesterov.eq:1.
    """
    theta, delta = _kernels.nesterov_step(
        runtime.contiguous(theta), runtime.contiguous(Dtheta), runtime.contiguous(delta), mu, eta, out=(theta, delta)
    )
    return theta, delta


def nesterov_product_step(
    theta: Matrix, A: Matrix, B: Matrix, delta: Matrix, mu: runtime.Scalar, eta: runtime.Scalar, out: Buffers
) -> tuple[Matrix, Matrix]:
    """Nesterov momentum, in Keras' form; the gradient is A.T * B and is not stored.

    theta: M x N, A: P x M, B: P x N, delta: M x N -> theta_new: M x N, delta_new: M x N. From nesterov.eq:1.
    """
    theta, delta = _kernels.nesterov_product_step(
        runtime.contiguous(theta),
        runtime.contiguous(A),
        runtime.contiguous(B),
        runtime.contiguous(delta),
        mu,
        eta,
        out=(theta, delta),
    )
    return theta, delta


def nesterov_sampled_step(
    theta: Matrix,
    A: Matrix,
    B: Matrix,
    theta_pattern: Indices,
    delta: Matrix,
    mu: runtime.Scalar,
    eta: runtime.Scalar,
    out: Buffers,
) -> tuple[Matrix, Matrix]:
    """Nesterov momentum, in Keras' form; of stored entries, the gradient is A * B.T and is not stored.

    theta: 1 x theta_entries, A: M x P, B: N x P, theta_pattern: M x N, delta: 1 x theta_entries -> theta_new: 1 x theta_entries, delta_new: 1 x theta_entries. From nesterov.eq:1.
    """
    theta, delta = _kernels.nesterov_sampled_step(
        runtime.contiguous(theta),
        runtime.contiguous(A),
        runtime.contiguous(B),
        theta_pattern,
        runtime.contiguous(delta),
        mu,
        eta,
        out=(theta, delta),
    )
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
    theta, v = _kernels.rms_prop_step(
        runtime.contiguous(theta),
        runtime.contiguous(Dtheta),
        runtime.contiguous(v),
        rho,
        epsilon,
        eta,
        c1,
        out=(theta, v),
    )
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
    theta, v = _kernels.rms_prop_product_step(
        runtime.contiguous(theta),
        runtime.contiguous(A),
        runtime.contiguous(B),
        runtime.contiguous(v),
        rho,
        epsilon,
        eta,
        c1,
        out=(theta, v),
    )
    return theta, v


def rms_prop_sampled_step(
    theta: Matrix,
    A: Matrix,
    B: Matrix,
    theta_pattern: Indices,
    v: Matrix,
    rho: runtime.Scalar,
    epsilon: runtime.Scalar,
    eta: runtime.Scalar,
    c1: runtime.Scalar,
    out: Buffers,
) -> tuple[Matrix, Matrix]:
    """Steps scaled by a running mean of the squared gradient; of stored entries, the gradient is A * B.T and is not stored.

    theta: 1 x theta_entries, A: M x P, B: N x P, theta_pattern: M x N, v: 1 x theta_entries -> theta_new: 1 x theta_entries, v_new: 1 x theta_entries. From rmsprop.eq:1.
    """
    theta, v = _kernels.rms_prop_sampled_step(
        runtime.contiguous(theta),
        runtime.contiguous(A),
        runtime.contiguous(B),
        theta_pattern,
        runtime.contiguous(v),
        rho,
        epsilon,
        eta,
        c1,
        out=(theta, v),
    )
    return theta, v


def weight_decay_step(theta: Matrix, Dtheta: Matrix, decay: runtime.Scalar, out: Buffers) -> Matrix:
    """Adds the gradient of decay / 2 times the squared weights.

    theta: M x N, Dtheta: M x N -> Dtheta_new: M x N. From weight_decay.eq:1.
    """
    Dtheta = _kernels.weight_decay_step(runtime.contiguous(theta), runtime.contiguous(Dtheta), decay, out=(Dtheta,))
    return Dtheta


def transposed_product(A: Matrix, B: Matrix, out: Buffers) -> Matrix:
    """A gradient that is a product, from its factors.

    A: P x M, B: P x N -> C: M x N.
    """
    M = A.shape[1]
    N = B.shape[1]
    C = _kernels.transposed_product(runtime.contiguous(A), runtime.contiguous(B), out=(out.matrix("C", M, N, A),))
    return C


def sampled_product(A: Matrix, B: Matrix, S: Matrix, S_pattern: Indices, out: Buffers) -> Matrix:
    """A gradient on a pattern, from its factors.

    A: M x P, B: N x P, S: 1 x S_entries, S_pattern: M x N -> C: 1 x S_entries.
    """
    S_entries = S.shape[1]
    C = _kernels.sampled_product(
        runtime.contiguous(A),
        runtime.contiguous(B),
        runtime.contiguous(S),
        S_pattern,
        out=(out.matrix("C", 1, S_entries, A),),
    )
    return C
