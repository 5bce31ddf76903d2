"""Layers: objects around the functional core that hold parameters, their gradients, and what backpropagation needs."""

# Equations stand as they are written, however long they are.
# ruff: noqa: E501, RUF100

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from . import distributions, functional
from .activations import ACTIVATIONS, Activation, checked_activation, parse_activation
from .checks import float_matrix, index_matrix, natural_number, real_number
from .layer import Layer
from .runtime import Device, HostMatrix, Matrix, Variable, assign, from_host, value
from .sparse_layer import SparseLayer
from .sparse_matrix import SparseMatrix
from .specification import Specification, construct, parse_specification, unknown


class ActivationLayer(Layer):
    """Linear map followed by an activation function.

    Source: Wesselink et al., appendix A
    Defined in activation.eq:1:

        forward
            Z = X * W.T + row_repeat(b, N)
            Y = act(Z)
        backward
            DZ = hadamard(DY, act'(Z))
            DW = DZ.T * X
            Db = columns_sum(DZ)
            DX = DZ * W
    """

    SIZES = ("D", "K")
    INPUT_SIZE = "D"
    PARAMETERS = ("W", "b")
    WEIGHTS = ("W",)
    STATES = ()
    VALUES = ("W", "b", "act")

    W: Variable
    DW: Variable
    b: Variable
    Db: Variable
    Z: Matrix

    def __init__(self, D: int, K: int, act: Activation, *, dtype: str = "float32", device: Device = None) -> None:
        super().__init__(dtype, device)
        self.D = natural_number("ActivationLayer", "D", D, least=1)
        self.K = natural_number("ActivationLayer", "K", K, least=1)
        self.act = checked_activation("ActivationLayer", "act", act)
        self._set_parameter("W", K, D, 0.0)
        self._set_parameter("b", 1, K, 0.0)

    def checked_input(self, X: Matrix) -> Matrix:
        owner = "ActivationLayer.feedforward"
        return float_matrix(owner, "X", X, self.dtype, None, self.D)

    def feedforward(self, X: Matrix) -> Matrix:
        self.X = X = self.checked_input(X)
        Y, self.Z = functional.activation_forward(X, value(self.W), value(self.b), self.act)
        self._output_shape = tuple(Y.shape)
        return Y

    def backpropagate(self, Y: Matrix, DY: Matrix) -> None:
        Y, DY = self._checked_output(Y, DY)
        DX, DW, Db = functional.activation_backward(self.X, value(self.W), self.Z, DY, self.act)
        assign(self.DW, DW)
        assign(self.Db, Db)
        self.DX = DX


class ActivationDropoutLayer(Layer):
    """Linear map with dropped weights (DropConnect), followed by an activation function.

    Source: Wesselink et al., appendix A; Wan et al. (2013)
    Defined in activation_dropout.eq:1:

        forward
            Z = X * hadamard(W, R).T + row_repeat(b, N)
            Y = act(Z)
        backward
            DZ = hadamard(DY, act'(Z))
            DW = hadamard(DZ.T * X, R)
            Db = columns_sum(DZ)
            DX = DZ * hadamard(W, R)
        evaluate
            Z = X * W.T + row_repeat(b, N)
            Y = act(Z)
    """

    SIZES = ("D", "K")
    INPUT_SIZE = "D"
    PARAMETERS = ("W", "b")
    WEIGHTS = ("W",)
    STATES = ()
    VALUES = ("W", "b", "R", "act", "p")

    W: Variable
    DW: Variable
    b: Variable
    Db: Variable
    R: Matrix
    Z: Matrix

    def __init__(
        self, D: int, K: int, act: Activation, p: float, *, dtype: str = "float32", device: Device = None
    ) -> None:
        super().__init__(dtype, device)
        self.D = natural_number("ActivationDropoutLayer", "D", D, least=1)
        self.K = natural_number("ActivationDropoutLayer", "K", K, least=1)
        self.act = checked_activation("ActivationDropoutLayer", "act", act)
        self.p = real_number("ActivationDropoutLayer", "p", p)
        self._set_parameter("W", K, D, 0.0)
        self._set_parameter("b", 1, K, 0.0)

    def checked_input(self, X: Matrix) -> Matrix:
        owner = "ActivationDropoutLayer.feedforward"
        return float_matrix(owner, "X", X, self.dtype, None, self.D)

    def feedforward(self, X: Matrix) -> Matrix:
        self.X = X = self.checked_input(X)
        if not self.training:
            self._output_shape = None
            Y = functional.activation_dropout_evaluate(X, value(self.W), value(self.b), self.act)
            return Y
        self.draw(X)
        Y, self.Z = functional.activation_dropout_forward(X, value(self.W), value(self.b), self.R, self.act)
        self._output_shape = tuple(Y.shape)
        return Y

    def draw(self, X: Matrix) -> None:
        R = self._draw_R(self.generator, X.shape[0], self.D, self.K, self.p)
        self.R = from_host(R, self.dtype, self.device)

    @staticmethod
    def _draw_R(generator: np.random.Generator, N: int, D: int, K: int, p: float) -> HostMatrix:
        return distributions.dropout(generator, (K, D), p)

    def backpropagate(self, Y: Matrix, DY: Matrix) -> None:
        Y, DY = self._checked_output(Y, DY)
        DX, DW, Db = functional.activation_dropout_backward(self.X, value(self.W), self.R, self.Z, DY, self.act)
        assign(self.DW, DW)
        assign(self.Db, Db)
        self.DX = DX


class BatchNormalizationLayer(Layer):
    """Every feature gets mean 0 and variance 1 over the batch, then a learned scale and shift.

    Source: Wesselink et al., eqs. (6), (7), (40); Ioffe and Szegedy (2015)
    Defined in batch_normalization.eq:1:

        forward
            R = X - row_repeat(columns_mean(X), N)
            Sigma = diag(R.T * R).T / N
            inv_sqrt_Sigma = inv_sqrt(Sigma + epsilon * ones(1, D))
            Z = hadamard(row_repeat(inv_sqrt_Sigma, N), R)
            Y = hadamard(row_repeat(gamma, N), Z) + row_repeat(beta, N)
        backward
            DZ     = hadamard(row_repeat(gamma, N), DY)
            Dbeta  = columns_sum(DY)
            Dgamma = columns_sum(hadamard(DY, Z))
            DX     = hadamard(row_repeat(inv_sqrt_Sigma / N, N), (N * identity(N) - ones(N, N)) * DZ - hadamard(Z, row_repeat(diag(Z.T * DZ).T, N)))
        evaluate
            R = X - row_repeat(mean, N)
            Z = hadamard(row_repeat(inv_sqrt(variance + epsilon * ones(1, D)), N), R)
            Y = hadamard(row_repeat(gamma, N), Z) + row_repeat(beta, N)
        update
            mean'     = momentum * mean + (1 - momentum) * columns_mean(X)
            variance' = momentum * variance + (1 - momentum) * Sigma
    """

    SIZES = ("D",)
    INPUT_SIZE = "D"
    PARAMETERS = ("gamma", "beta")
    WEIGHTS = ()
    STATES = ("mean", "variance")
    VALUES = ("gamma", "beta", "mean", "variance", "epsilon", "momentum")

    gamma: Variable
    Dgamma: Variable
    beta: Variable
    Dbeta: Variable
    mean: Variable
    variance: Variable
    Sigma: Matrix
    inv_sqrt_Sigma: Matrix
    Z: Matrix

    def __init__(
        self, D: int, epsilon: float = 1e-05, momentum: float = 0.9, *, dtype: str = "float32", device: Device = None
    ) -> None:
        super().__init__(dtype, device)
        self.D = natural_number("BatchNormalizationLayer", "D", D, least=1)
        self.epsilon = real_number("BatchNormalizationLayer", "epsilon", epsilon)
        self.momentum = real_number("BatchNormalizationLayer", "momentum", momentum)
        self._set_parameter("gamma", 1, D, 1.0)
        self._set_parameter("beta", 1, D, 0.0)
        self._set_state("mean", 1, D, 0.0)
        self._set_state("variance", 1, D, 1.0)

    def checked_input(self, X: Matrix) -> Matrix:
        owner = "BatchNormalizationLayer.feedforward"
        return float_matrix(owner, "X", X, self.dtype, None, self.D)

    def feedforward(self, X: Matrix) -> Matrix:
        self.X = X = self.checked_input(X)
        if not self.training:
            self._output_shape = None
            Y = functional.batch_normalization_evaluate(
                X, value(self.gamma), value(self.beta), value(self.mean), value(self.variance), self.epsilon
            )
            return Y
        Y, self.Sigma, self.inv_sqrt_Sigma, self.Z = functional.batch_normalization_forward(
            X, value(self.gamma), value(self.beta), self.epsilon
        )
        if X.shape[0] > 0:
            mean, variance = functional.batch_normalization_update(
                self.X, value(self.mean), value(self.variance), self.Sigma, self.momentum
            )
            assign(self.mean, mean)
            assign(self.variance, variance)
        self._output_shape = tuple(Y.shape)
        return Y

    def backpropagate(self, Y: Matrix, DY: Matrix) -> None:
        Y, DY = self._checked_output(Y, DY)
        DX, Dgamma, Dbeta = functional.batch_normalization_backward(value(self.gamma), self.inv_sqrt_Sigma, self.Z, DY)
        assign(self.Dgamma, Dgamma)
        assign(self.Dbeta, Dbeta)
        self.DX = DX


class EmbeddingLayer(Layer):
    """Row x_i of a table for every index x_i.

    Source: Bengio et al. (2003), the matrix C of section 2
    Defined in embedding.eq:1:

        forward
            Y = row_gather(E, X)
        backward
            DE = row_scatter_add(X, DY, V)
    """

    SIZES = ("V", "D")
    INPUT_SIZE = "V"
    PARAMETERS = ("E",)
    WEIGHTS = ("E",)
    STATES = ()
    VALUES = ("E",)

    E: Variable
    DE: Variable

    def __init__(self, V: int, D: int, *, dtype: str = "float32", device: Device = None) -> None:
        super().__init__(dtype, device)
        self.V = natural_number("EmbeddingLayer", "V", V, least=1)
        self.D = natural_number("EmbeddingLayer", "D", D, least=1)
        self._set_parameter("E", V, D, 0.0)

    def checked_input(self, X: Matrix) -> Matrix:
        owner = "EmbeddingLayer.feedforward"
        return index_matrix(owner, "X", X, self.V, None, 1)

    def feedforward(self, X: Matrix) -> Matrix:
        self.X = X = self.checked_input(X)
        Y = functional.embedding_forward(X, value(self.E))
        self._output_shape = tuple(Y.shape)
        return Y

    def backpropagate(self, Y: Matrix, DY: Matrix) -> None:
        Y, DY = self._checked_output(Y, DY)
        DE = functional.embedding_backward(self.X, value(self.E), DY)
        assign(self.DE, DE)


class LayerNormalizationLayer(Layer):
    """Every row gets mean 0 and variance 1 over its features, then a learned scale and shift.

    Source: Ba et al. (2016); the gradients are those of Wesselink et al., eq. (40), for rows
    Defined in layer_normalization.eq:1:

        forward
            R = X - column_repeat(rows_mean(X), D)
            Sigma = diag(R * R.T) / D
            inv_sqrt_Sigma = inv_sqrt(Sigma + epsilon * ones(N, 1))
            Z = hadamard(column_repeat(inv_sqrt_Sigma, D), R)
            Y = hadamard(row_repeat(gamma, N), Z) + row_repeat(beta, N)
        backward
            DZ     = hadamard(row_repeat(gamma, N), DY)
            Dbeta  = columns_sum(DY)
            Dgamma = columns_sum(hadamard(DY, Z))
            DX     = hadamard(column_repeat(inv_sqrt_Sigma / D, D), DZ * (D * identity(D) - ones(D, D)) - hadamard(Z, column_repeat(diag(Z * DZ.T), D)))
    """

    SIZES = ("D",)
    INPUT_SIZE = "D"
    PARAMETERS = ("gamma", "beta")
    WEIGHTS = ()
    STATES = ()
    VALUES = ("gamma", "beta", "epsilon")

    gamma: Variable
    Dgamma: Variable
    beta: Variable
    Dbeta: Variable
    inv_sqrt_Sigma: Matrix
    Z: Matrix

    def __init__(self, D: int, epsilon: float = 1e-05, *, dtype: str = "float32", device: Device = None) -> None:
        super().__init__(dtype, device)
        self.D = natural_number("LayerNormalizationLayer", "D", D, least=1)
        self.epsilon = real_number("LayerNormalizationLayer", "epsilon", epsilon)
        self._set_parameter("gamma", 1, D, 1.0)
        self._set_parameter("beta", 1, D, 0.0)

    def checked_input(self, X: Matrix) -> Matrix:
        owner = "LayerNormalizationLayer.feedforward"
        return float_matrix(owner, "X", X, self.dtype, None, self.D)

    def feedforward(self, X: Matrix) -> Matrix:
        self.X = X = self.checked_input(X)
        Y, self.inv_sqrt_Sigma, self.Z = functional.layer_normalization_forward(
            X, value(self.gamma), value(self.beta), self.epsilon
        )
        self._output_shape = tuple(Y.shape)
        return Y

    def backpropagate(self, Y: Matrix, DY: Matrix) -> None:
        Y, DY = self._checked_output(Y, DY)
        DX, Dgamma, Dbeta = functional.layer_normalization_backward(value(self.gamma), self.inv_sqrt_Sigma, self.Z, DY)
        assign(self.Dgamma, Dgamma)
        assign(self.Dbeta, Dbeta)
        self.DX = DX


class LinearLayer(Layer):
    """Linear map with a bias.

    Source: Wesselink et al., eq. (5), appendix A
    Defined in linear.eq:1:

        forward
            Y = X * W.T + row_repeat(b, N)
        backward
            DW = DY.T * X
            Db = columns_sum(DY)
            DX = DY * W
    """

    SIZES = ("D", "K")
    INPUT_SIZE = "D"
    PARAMETERS = ("W", "b")
    WEIGHTS = ("W",)
    STATES = ()
    VALUES = ("W", "b")

    W: Variable
    DW: Variable
    b: Variable
    Db: Variable

    def __init__(self, D: int, K: int, *, dtype: str = "float32", device: Device = None) -> None:
        super().__init__(dtype, device)
        self.D = natural_number("LinearLayer", "D", D, least=1)
        self.K = natural_number("LinearLayer", "K", K, least=1)
        self._set_parameter("W", K, D, 0.0)
        self._set_parameter("b", 1, K, 0.0)

    def checked_input(self, X: Matrix) -> Matrix:
        owner = "LinearLayer.feedforward"
        return float_matrix(owner, "X", X, self.dtype, None, self.D)

    def feedforward(self, X: Matrix) -> Matrix:
        self.X = X = self.checked_input(X)
        Y = functional.linear_forward(X, value(self.W), value(self.b))
        self._output_shape = tuple(Y.shape)
        return Y

    def backpropagate(self, Y: Matrix, DY: Matrix) -> None:
        Y, DY = self._checked_output(Y, DY)
        DX, DW, Db = functional.linear_backward(self.X, value(self.W), DY)
        assign(self.DW, DW)
        assign(self.Db, Db)
        self.DX = DX


class LinearDropoutLayer(Layer):
    """Linear map of which every weight is dropped with probability p (DropConnect).

    Source: Wesselink et al., eq. (8), appendix A; Wan et al. (2013)
    Defined in linear_dropout.eq:1:

        forward
            Y = X * hadamard(W, R).T + row_repeat(b, N)
        backward
            DW = hadamard(DY.T * X, R)
            Db = columns_sum(DY)
            DX = DY * hadamard(W, R)
        evaluate
            Y = X * W.T + row_repeat(b, N)
    """

    SIZES = ("D", "K")
    INPUT_SIZE = "D"
    PARAMETERS = ("W", "b")
    WEIGHTS = ("W",)
    STATES = ()
    VALUES = ("W", "b", "R", "p")

    W: Variable
    DW: Variable
    b: Variable
    Db: Variable
    R: Matrix

    def __init__(self, D: int, K: int, p: float, *, dtype: str = "float32", device: Device = None) -> None:
        super().__init__(dtype, device)
        self.D = natural_number("LinearDropoutLayer", "D", D, least=1)
        self.K = natural_number("LinearDropoutLayer", "K", K, least=1)
        self.p = real_number("LinearDropoutLayer", "p", p)
        self._set_parameter("W", K, D, 0.0)
        self._set_parameter("b", 1, K, 0.0)

    def checked_input(self, X: Matrix) -> Matrix:
        owner = "LinearDropoutLayer.feedforward"
        return float_matrix(owner, "X", X, self.dtype, None, self.D)

    def feedforward(self, X: Matrix) -> Matrix:
        self.X = X = self.checked_input(X)
        if not self.training:
            self._output_shape = None
            Y = functional.linear_dropout_evaluate(X, value(self.W), value(self.b))
            return Y
        self.draw(X)
        Y = functional.linear_dropout_forward(X, value(self.W), value(self.b), self.R)
        self._output_shape = tuple(Y.shape)
        return Y

    def draw(self, X: Matrix) -> None:
        R = self._draw_R(self.generator, X.shape[0], self.D, self.K, self.p)
        self.R = from_host(R, self.dtype, self.device)

    @staticmethod
    def _draw_R(generator: np.random.Generator, N: int, D: int, K: int, p: float) -> HostMatrix:
        return distributions.dropout(generator, (K, D), p)

    def backpropagate(self, Y: Matrix, DY: Matrix) -> None:
        Y, DY = self._checked_output(Y, DY)
        DX, DW, Db = functional.linear_dropout_backward(self.X, value(self.W), self.R, DY)
        assign(self.DW, DW)
        assign(self.Db, Db)
        self.DX = DX


class LogSoftmaxLayer(Layer):
    """Linear map followed by the logarithm of a row-wise softmax.

    Source: Wesselink et al., eq. (32), appendix A
    Defined in log_softmax.eq:1:

        forward
            Z = X * W.T + row_repeat(b, N)
            Y = log_softmax(Z)
        backward
            DZ = DY - hadamard(softmax(Z), column_repeat(rows_sum(DY), K))
            DW = DZ.T * X
            Db = columns_sum(DZ)
            DX = DZ * W
    """

    SIZES = ("D", "K")
    INPUT_SIZE = "D"
    PARAMETERS = ("W", "b")
    WEIGHTS = ("W",)
    STATES = ()
    VALUES = ("W", "b")

    W: Variable
    DW: Variable
    b: Variable
    Db: Variable
    Z: Matrix

    def __init__(self, D: int, K: int, *, dtype: str = "float32", device: Device = None) -> None:
        super().__init__(dtype, device)
        self.D = natural_number("LogSoftmaxLayer", "D", D, least=1)
        self.K = natural_number("LogSoftmaxLayer", "K", K, least=1)
        self._set_parameter("W", K, D, 0.0)
        self._set_parameter("b", 1, K, 0.0)

    def checked_input(self, X: Matrix) -> Matrix:
        owner = "LogSoftmaxLayer.feedforward"
        return float_matrix(owner, "X", X, self.dtype, None, self.D)

    def feedforward(self, X: Matrix) -> Matrix:
        self.X = X = self.checked_input(X)
        Y, self.Z = functional.log_softmax_forward(X, value(self.W), value(self.b))
        self._output_shape = tuple(Y.shape)
        return Y

    def backpropagate(self, Y: Matrix, DY: Matrix) -> None:
        Y, DY = self._checked_output(Y, DY)
        DX, DW, Db = functional.log_softmax_backward(self.X, value(self.W), self.Z, DY)
        assign(self.DW, DW)
        assign(self.Db, Db)
        self.DX = DX


class SReLULayer(Layer):
    """Linear map followed by an S-shaped ReLU whose slopes and thresholds are learned.

    Source: Jin et al. (2016)
    Defined in srelu.eq:1:

        forward
            Z = X * W.T + row_repeat(b, N)
            Y = apply(SReLU(al, tl, ar, tr), Z)
        backward
            DZ  = hadamard(DY, apply(SReLU'(al, tl, ar, tr), Z))
            Dal = elements_sum(hadamard(DY, apply(z -> where(z <= tl, z - tl, 0), Z)))
            Dtl = elements_sum(hadamard(DY, apply(z -> where(z <= tl, 1 - al, 0), Z)))
            Dar = elements_sum(hadamard(DY, apply(z -> where(z <= tl, 0, where(z < tr, 0, z - tr)), Z)))
            Dtr = elements_sum(hadamard(DY, apply(z -> where(z <= tl, 0, where(z < tr, 0, 1 - ar)), Z)))
            DW = DZ.T * X
            Db = columns_sum(DZ)
            DX = DZ * W
    """

    SIZES = ("D", "K")
    INPUT_SIZE = "D"
    PARAMETERS = ("W", "b", "al", "tl", "ar", "tr")
    WEIGHTS = ("W",)
    STATES = ()
    VALUES = ("W", "b", "al", "tl", "ar", "tr")

    W: Variable
    DW: Variable
    b: Variable
    Db: Variable
    al: Variable
    Dal: Variable
    tl: Variable
    Dtl: Variable
    ar: Variable
    Dar: Variable
    tr: Variable
    Dtr: Variable
    Z: Matrix

    def __init__(self, D: int, K: int, *, dtype: str = "float32", device: Device = None) -> None:
        super().__init__(dtype, device)
        self.D = natural_number("SReLULayer", "D", D, least=1)
        self.K = natural_number("SReLULayer", "K", K, least=1)
        self._set_parameter("W", K, D, 0.0)
        self._set_parameter("b", 1, K, 0.0)
        self._set_parameter("al", 1, 1, 0.0)
        self._set_parameter("tl", 1, 1, 0.0)
        self._set_parameter("ar", 1, 1, 0.0)
        self._set_parameter("tr", 1, 1, 1.0)

    def checked_input(self, X: Matrix) -> Matrix:
        owner = "SReLULayer.feedforward"
        return float_matrix(owner, "X", X, self.dtype, None, self.D)

    def feedforward(self, X: Matrix) -> Matrix:
        self.X = X = self.checked_input(X)
        Y, self.Z = functional.s_relu_forward(
            X, value(self.W), value(self.b), value(self.al), value(self.tl), value(self.ar), value(self.tr)
        )
        self._output_shape = tuple(Y.shape)
        return Y

    def backpropagate(self, Y: Matrix, DY: Matrix) -> None:
        Y, DY = self._checked_output(Y, DY)
        DX, DW, Db, Dal, Dtl, Dar, Dtr = functional.s_relu_backward(
            self.X, value(self.W), value(self.al), value(self.tl), value(self.ar), value(self.tr), self.Z, DY
        )
        assign(self.DW, DW)
        assign(self.Db, Db)
        assign(self.Dal, Dal)
        assign(self.Dtl, Dtl)
        assign(self.Dar, Dar)
        assign(self.Dtr, Dtr)
        self.DX = DX


class SoftmaxLayer(Layer):
    """Linear map followed by a row-wise softmax.

    Source: Wesselink et al., eqs. (9)-(15)
    Defined in softmax.eq:1:

        forward
            Z = X * W.T + row_repeat(b, N)
            Y = softmax(Z)
        backward
            DZ = hadamard(Y, DY - column_repeat(diag(DY * Y.T), K))
            DW = DZ.T * X
            Db = columns_sum(DZ)
            DX = DZ * W
    """

    SIZES = ("D", "K")
    INPUT_SIZE = "D"
    PARAMETERS = ("W", "b")
    WEIGHTS = ("W",)
    STATES = ()
    VALUES = ("W", "b")

    W: Variable
    DW: Variable
    b: Variable
    Db: Variable

    def __init__(self, D: int, K: int, *, dtype: str = "float32", device: Device = None) -> None:
        super().__init__(dtype, device)
        self.D = natural_number("SoftmaxLayer", "D", D, least=1)
        self.K = natural_number("SoftmaxLayer", "K", K, least=1)
        self._set_parameter("W", K, D, 0.0)
        self._set_parameter("b", 1, K, 0.0)

    def checked_input(self, X: Matrix) -> Matrix:
        owner = "SoftmaxLayer.feedforward"
        return float_matrix(owner, "X", X, self.dtype, None, self.D)

    def feedforward(self, X: Matrix) -> Matrix:
        self.X = X = self.checked_input(X)
        Y = functional.softmax_forward(X, value(self.W), value(self.b))
        self._output_shape = tuple(Y.shape)
        return Y

    def backpropagate(self, Y: Matrix, DY: Matrix) -> None:
        Y, DY = self._checked_output(Y, DY)
        DX, DW, Db = functional.softmax_backward(self.X, value(self.W), Y, DY)
        assign(self.DW, DW)
        assign(self.Db, Db)
        self.DX = DX


class SparseActivationLayer(SparseLayer):
    """Linear map followed by an activation function.

    Source: Wesselink et al., appendix A
    Defined in activation.eq:1:

        forward
            Z = X * W.T + row_repeat(b, N)
            Y = act(Z)
        backward
            DZ = hadamard(DY, act'(Z))
            DW = DZ.T * X
            Db = columns_sum(DZ)
            DX = DZ * W
    """

    SIZES = ("D", "K")
    INPUT_SIZE = "D"
    PARAMETERS = ("W", "b")
    WEIGHTS = ("W",)
    STATES = ()
    VALUES = ("W", "b", "act")
    SPARSE = ("W",)
    DENSE = ActivationLayer
    HEADER = ("act",)

    W: SparseMatrix
    DW: SparseMatrix
    b: Variable
    Db: Variable
    Z: Matrix

    def __init__(
        self, D: int, K: int, act: Activation, density: float = 1.0, *, dtype: str = "float32", device: Device = None
    ) -> None:
        super().__init__(dtype, device)
        self.D = natural_number("SparseActivationLayer", "D", D, least=1)
        self.K = natural_number("SparseActivationLayer", "K", K, least=1)
        self.act = checked_activation("SparseActivationLayer", "act", act)
        self._set_sparse_parameter("W", K, D, 0.0, density)
        self._set_parameter("b", 1, K, 0.0)

    def checked_input(self, X: Matrix) -> Matrix:
        owner = "SparseActivationLayer.feedforward"
        return float_matrix(owner, "X", X, self.dtype, None, self.D)

    def feedforward(self, X: Matrix) -> Matrix:
        self.X = X = self.checked_input(X)
        Y, self.Z = functional.sparse_activation_forward(
            X, value(self.W.values), self.W.indices, value(self.b), self.act
        )
        self._output_shape = tuple(Y.shape)
        return Y

    def backpropagate(self, Y: Matrix, DY: Matrix) -> None:
        Y, DY = self._checked_output(Y, DY)
        DX, DW, Db = functional.sparse_activation_backward(
            self.X, value(self.W.values), self.W.indices, self.Z, DY, self.act
        )
        assign(self.DW.values, DW)
        assign(self.Db, Db)
        self.DX = DX


class SparseLinearLayer(SparseLayer):
    """Linear map with a bias.

    Source: Wesselink et al., eq. (5), appendix A
    Defined in linear.eq:1:

        forward
            Y = X * W.T + row_repeat(b, N)
        backward
            DW = DY.T * X
            Db = columns_sum(DY)
            DX = DY * W
    """

    SIZES = ("D", "K")
    INPUT_SIZE = "D"
    PARAMETERS = ("W", "b")
    WEIGHTS = ("W",)
    STATES = ()
    VALUES = ("W", "b")
    SPARSE = ("W",)
    DENSE = LinearLayer
    HEADER = ()

    W: SparseMatrix
    DW: SparseMatrix
    b: Variable
    Db: Variable

    def __init__(self, D: int, K: int, density: float = 1.0, *, dtype: str = "float32", device: Device = None) -> None:
        super().__init__(dtype, device)
        self.D = natural_number("SparseLinearLayer", "D", D, least=1)
        self.K = natural_number("SparseLinearLayer", "K", K, least=1)
        self._set_sparse_parameter("W", K, D, 0.0, density)
        self._set_parameter("b", 1, K, 0.0)

    def checked_input(self, X: Matrix) -> Matrix:
        owner = "SparseLinearLayer.feedforward"
        return float_matrix(owner, "X", X, self.dtype, None, self.D)

    def feedforward(self, X: Matrix) -> Matrix:
        self.X = X = self.checked_input(X)
        Y = functional.sparse_linear_forward(X, value(self.W.values), self.W.indices, value(self.b))
        self._output_shape = tuple(Y.shape)
        return Y

    def backpropagate(self, Y: Matrix, DY: Matrix) -> None:
        Y, DY = self._checked_output(Y, DY)
        DX, DW, Db = functional.sparse_linear_backward(self.X, value(self.W.values), self.W.indices, DY)
        assign(self.DW.values, DW)
        assign(self.Db, Db)
        self.DX = DX


class SparseLogSoftmaxLayer(SparseLayer):
    """Linear map followed by the logarithm of a row-wise softmax.

    Source: Wesselink et al., eq. (32), appendix A
    Defined in log_softmax.eq:1:

        forward
            Z = X * W.T + row_repeat(b, N)
            Y = log_softmax(Z)
        backward
            DZ = DY - hadamard(softmax(Z), column_repeat(rows_sum(DY), K))
            DW = DZ.T * X
            Db = columns_sum(DZ)
            DX = DZ * W
    """

    SIZES = ("D", "K")
    INPUT_SIZE = "D"
    PARAMETERS = ("W", "b")
    WEIGHTS = ("W",)
    STATES = ()
    VALUES = ("W", "b")
    SPARSE = ("W",)
    DENSE = LogSoftmaxLayer
    HEADER = ()

    W: SparseMatrix
    DW: SparseMatrix
    b: Variable
    Db: Variable
    Z: Matrix

    def __init__(self, D: int, K: int, density: float = 1.0, *, dtype: str = "float32", device: Device = None) -> None:
        super().__init__(dtype, device)
        self.D = natural_number("SparseLogSoftmaxLayer", "D", D, least=1)
        self.K = natural_number("SparseLogSoftmaxLayer", "K", K, least=1)
        self._set_sparse_parameter("W", K, D, 0.0, density)
        self._set_parameter("b", 1, K, 0.0)

    def checked_input(self, X: Matrix) -> Matrix:
        owner = "SparseLogSoftmaxLayer.feedforward"
        return float_matrix(owner, "X", X, self.dtype, None, self.D)

    def feedforward(self, X: Matrix) -> Matrix:
        self.X = X = self.checked_input(X)
        Y, self.Z = functional.sparse_log_softmax_forward(X, value(self.W.values), self.W.indices, value(self.b))
        self._output_shape = tuple(Y.shape)
        return Y

    def backpropagate(self, Y: Matrix, DY: Matrix) -> None:
        Y, DY = self._checked_output(Y, DY)
        DX, DW, Db = functional.sparse_log_softmax_backward(self.X, value(self.W.values), self.W.indices, self.Z, DY)
        assign(self.DW.values, DW)
        assign(self.Db, Db)
        self.DX = DX


class SparseSReLULayer(SparseLayer):
    """Linear map followed by an S-shaped ReLU whose slopes and thresholds are learned.

    Source: Jin et al. (2016)
    Defined in srelu.eq:1:

        forward
            Z = X * W.T + row_repeat(b, N)
            Y = apply(SReLU(al, tl, ar, tr), Z)
        backward
            DZ  = hadamard(DY, apply(SReLU'(al, tl, ar, tr), Z))
            Dal = elements_sum(hadamard(DY, apply(z -> where(z <= tl, z - tl, 0), Z)))
            Dtl = elements_sum(hadamard(DY, apply(z -> where(z <= tl, 1 - al, 0), Z)))
            Dar = elements_sum(hadamard(DY, apply(z -> where(z <= tl, 0, where(z < tr, 0, z - tr)), Z)))
            Dtr = elements_sum(hadamard(DY, apply(z -> where(z <= tl, 0, where(z < tr, 0, 1 - ar)), Z)))
            DW = DZ.T * X
            Db = columns_sum(DZ)
            DX = DZ * W
    """

    SIZES = ("D", "K")
    INPUT_SIZE = "D"
    PARAMETERS = ("W", "b", "al", "tl", "ar", "tr")
    WEIGHTS = ("W",)
    STATES = ()
    VALUES = ("W", "b", "al", "tl", "ar", "tr")
    SPARSE = ("W",)
    DENSE = SReLULayer
    HEADER = ()

    W: SparseMatrix
    DW: SparseMatrix
    b: Variable
    Db: Variable
    al: Variable
    Dal: Variable
    tl: Variable
    Dtl: Variable
    ar: Variable
    Dar: Variable
    tr: Variable
    Dtr: Variable
    Z: Matrix

    def __init__(self, D: int, K: int, density: float = 1.0, *, dtype: str = "float32", device: Device = None) -> None:
        super().__init__(dtype, device)
        self.D = natural_number("SparseSReLULayer", "D", D, least=1)
        self.K = natural_number("SparseSReLULayer", "K", K, least=1)
        self._set_sparse_parameter("W", K, D, 0.0, density)
        self._set_parameter("b", 1, K, 0.0)
        self._set_parameter("al", 1, 1, 0.0)
        self._set_parameter("tl", 1, 1, 0.0)
        self._set_parameter("ar", 1, 1, 0.0)
        self._set_parameter("tr", 1, 1, 1.0)

    def checked_input(self, X: Matrix) -> Matrix:
        owner = "SparseSReLULayer.feedforward"
        return float_matrix(owner, "X", X, self.dtype, None, self.D)

    def feedforward(self, X: Matrix) -> Matrix:
        self.X = X = self.checked_input(X)
        Y, self.Z = functional.sparse_s_relu_forward(
            X,
            value(self.W.values),
            self.W.indices,
            value(self.b),
            value(self.al),
            value(self.tl),
            value(self.ar),
            value(self.tr),
        )
        self._output_shape = tuple(Y.shape)
        return Y

    def backpropagate(self, Y: Matrix, DY: Matrix) -> None:
        Y, DY = self._checked_output(Y, DY)
        DX, DW, Db, Dal, Dtl, Dar, Dtr = functional.sparse_s_relu_backward(
            self.X,
            value(self.W.values),
            self.W.indices,
            value(self.al),
            value(self.tl),
            value(self.ar),
            value(self.tr),
            self.Z,
            DY,
        )
        assign(self.DW.values, DW)
        assign(self.Db, Db)
        assign(self.Dal, Dal)
        assign(self.Dtl, Dtl)
        assign(self.Dar, Dar)
        assign(self.Dtr, Dtr)
        self.DX = DX


class SparseSoftmaxLayer(SparseLayer):
    """Linear map followed by a row-wise softmax.

    Source: Wesselink et al., eqs. (9)-(15)
    Defined in softmax.eq:1:

        forward
            Z = X * W.T + row_repeat(b, N)
            Y = softmax(Z)
        backward
            DZ = hadamard(Y, DY - column_repeat(diag(DY * Y.T), K))
            DW = DZ.T * X
            Db = columns_sum(DZ)
            DX = DZ * W
    """

    SIZES = ("D", "K")
    INPUT_SIZE = "D"
    PARAMETERS = ("W", "b")
    WEIGHTS = ("W",)
    STATES = ()
    VALUES = ("W", "b")
    SPARSE = ("W",)
    DENSE = SoftmaxLayer
    HEADER = ()

    W: SparseMatrix
    DW: SparseMatrix
    b: Variable
    Db: Variable

    def __init__(self, D: int, K: int, density: float = 1.0, *, dtype: str = "float32", device: Device = None) -> None:
        super().__init__(dtype, device)
        self.D = natural_number("SparseSoftmaxLayer", "D", D, least=1)
        self.K = natural_number("SparseSoftmaxLayer", "K", K, least=1)
        self._set_sparse_parameter("W", K, D, 0.0, density)
        self._set_parameter("b", 1, K, 0.0)

    def checked_input(self, X: Matrix) -> Matrix:
        owner = "SparseSoftmaxLayer.feedforward"
        return float_matrix(owner, "X", X, self.dtype, None, self.D)

    def feedforward(self, X: Matrix) -> Matrix:
        self.X = X = self.checked_input(X)
        Y = functional.sparse_softmax_forward(X, value(self.W.values), self.W.indices, value(self.b))
        self._output_shape = tuple(Y.shape)
        return Y

    def backpropagate(self, Y: Matrix, DY: Matrix) -> None:
        Y, DY = self._checked_output(Y, DY)
        DX, DW, Db = functional.sparse_softmax_backward(self.X, value(self.W.values), self.W.indices, Y, DY)
        assign(self.DW.values, DW)
        assign(self.Db, Db)
        self.DX = DX


LAYERS: dict[str, type[Layer]] = {
    "Activation": ActivationLayer,
    "ActivationDropout": ActivationDropoutLayer,
    "BatchNormalization": BatchNormalizationLayer,
    "Embedding": EmbeddingLayer,
    "LayerNormalization": LayerNormalizationLayer,
    "Linear": LinearLayer,
    "LinearDropout": LinearDropoutLayer,
    "LogSoftmax": LogSoftmaxLayer,
    "SReLU": SReLULayer,
    "Softmax": SoftmaxLayer,
    "SparseActivation": SparseActivationLayer,
    "SparseLinear": SparseLinearLayer,
    "SparseLogSoftmax": SparseLogSoftmaxLayer,
    "SparseSReLU": SparseSReLULayer,
    "SparseSoftmax": SparseSoftmaxLayer,
}

ACTIVATION_LAYER: type[Layer] | None = ActivationLayer
"""The layer that an activation's name stands for in a string: `ReLU` is `ActivationLayer(D, K, ReLUActivation())`."""


def layer_class(text: str | Specification) -> tuple[type[Layer], Specification]:
    """The class that a string such as `Linear`, `ReLU` or `LinearDropout(0.5)` names, and its arguments after the sizes.

    The name is that of a layer, or else that of an activation.
    """
    specification = text if isinstance(text, Specification) else parse_specification(text)
    if specification.name in LAYERS:
        return LAYERS[specification.name], specification
    if ACTIVATION_LAYER is None:
        raise unknown("layer", specification.name, LAYERS)
    if specification.name not in ACTIVATIONS:
        raise unknown("layer", specification.name, [*LAYERS, *ACTIVATIONS])
    name = next(name for name, cls in LAYERS.items() if cls is ACTIVATION_LAYER)
    return ACTIVATION_LAYER, Specification(name, (specification,))


def parse_layer(
    text: str | Specification, sizes: Sequence[int], *, dtype: str = "float32", device: Device = None
) -> Layer:
    """A layer with these sizes from a string such as `Linear`, `ReLU` or `ActivationDropout(LeakyReLU(0.1), p=0.5)`."""
    cls, specification = layer_class(text)
    if len(sizes) != len(cls.SIZES):
        raise ValueError(f"{cls.__name__} takes {len(cls.SIZES)} sizes, {', '.join(cls.SIZES)}; found {list(sizes)}")
    return construct("layer", specification, LAYERS, sizes, parse_activation, dtype=dtype, device=device)
