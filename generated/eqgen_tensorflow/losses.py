"""Loss functions of outputs Y and targets T, both N x K: sums over the batch, unless the title says it is a mean."""

from __future__ import annotations

from dataclasses import dataclass

from . import functional
from .checks import Definition, float_matrix
from .runtime import Matrix, dtype_name, is_matrix
from .specification import Specification, construct


class LossFunction(Definition):
    """Base class. `loss(Y, T)` is a number (0-dimensional), `loss.gradient(Y, T)` is its gradient DY, N x K."""

    def __call__(self, Y: Matrix, T: Matrix) -> Matrix:
        value: Matrix = self.value(*self.checked(Y, T))[0, 0]
        return value

    def gradient(self, Y: Matrix, T: Matrix, one_hot: bool = False) -> Matrix:
        """DY. `one_hot` promises that every row of T has a single 1, which may simplify the gradient."""
        return self.gradient_matrix(*self.checked(Y, T), one_hot)

    def value(self, Y: Matrix, T: Matrix) -> Matrix:
        """The loss as a 1 x 1 matrix."""
        raise NotImplementedError

    def gradient_matrix(self, Y: Matrix, T: Matrix, one_hot: bool) -> Matrix:
        raise NotImplementedError

    def checked(self, Y: Matrix, T: Matrix) -> tuple[Matrix, Matrix]:
        """Y and T, when they are matrices of one shape and one dtype; TypeError or ValueError otherwise."""
        owner = type(self).__name__
        dtype = dtype_name(Y) if is_matrix(Y) and dtype_name(Y) in ("float32", "float64") else "float32"
        Y = float_matrix(owner, "Y", Y, dtype)
        return Y, float_matrix(owner, "T", T, dtype, rows=Y.shape[0], columns=Y.shape[1])


@dataclass(frozen=True)
class BinaryCrossEntropyLossFunction(LossFunction):
    """Sum of the binary cross-entropies of probabilities Y with respect to targets T.

    Source: Bishop (2006), eq. (4.90)
    Defined in binary_cross_entropy.eq:1
    """

    def value(self, Y: Matrix, T: Matrix) -> Matrix:
        return functional.binary_cross_entropy_loss(Y, T)

    def gradient_matrix(self, Y: Matrix, T: Matrix, one_hot: bool) -> Matrix:
        return functional.binary_cross_entropy_loss_gradient(Y, T)


@dataclass(frozen=True)
class CrossEntropyLossFunction(LossFunction):
    """Cross-entropy of probabilities Y with respect to targets T.

    Source: Wesselink et al., eq. (45)
    Defined in cross_entropy.eq:1
    """

    def value(self, Y: Matrix, T: Matrix) -> Matrix:
        return functional.cross_entropy_loss(Y, T)

    def gradient_matrix(self, Y: Matrix, T: Matrix, one_hot: bool) -> Matrix:
        return functional.cross_entropy_loss_gradient(Y, T)


@dataclass(frozen=True)
class KLDivergenceLossFunction(LossFunction):
    """Kullback-Leibler divergence of probabilities Y from targets T.

    Source: Kullback and Leibler (1951)
    Defined in kl_divergence.eq:1
    """

    def value(self, Y: Matrix, T: Matrix) -> Matrix:
        return functional.kl_divergence_loss(Y, T)

    def gradient_matrix(self, Y: Matrix, T: Matrix, one_hot: bool) -> Matrix:
        return functional.kl_divergence_loss_gradient(Y, T)


@dataclass(frozen=True)
class LogisticCrossEntropyLossFunction(LossFunction):
    """Cross-entropy of the sigmoid of Y with respect to targets T, without a term for 1 - T.

    Source: Wesselink et al., eq. (47)
    Defined in logistic_cross_entropy.eq:1
    """

    def value(self, Y: Matrix, T: Matrix) -> Matrix:
        return functional.logistic_cross_entropy_loss(Y, T)

    def gradient_matrix(self, Y: Matrix, T: Matrix, one_hot: bool) -> Matrix:
        return functional.logistic_cross_entropy_loss_gradient(Y, T)


@dataclass(frozen=True)
class MeanSquaredErrorLossFunction(LossFunction):
    """Mean of the squared errors over all entries.

    Source: Wesselink et al., appendix D
    Defined in mean_squared_error.eq:1
    """

    def value(self, Y: Matrix, T: Matrix) -> Matrix:
        return functional.mean_squared_error_loss(Y, T)

    def gradient_matrix(self, Y: Matrix, T: Matrix, one_hot: bool) -> Matrix:
        return functional.mean_squared_error_loss_gradient(Y, T)


@dataclass(frozen=True)
class NegativeLogLikelihoodLossFunction(LossFunction):
    """Negative logarithm of the probability that Y gives to the target of every row.

    Source: Wesselink et al., eq. (48)
    Defined in negative_log_likelihood.eq:1
    """

    def value(self, Y: Matrix, T: Matrix) -> Matrix:
        return functional.negative_log_likelihood_loss(Y, T)

    def gradient_matrix(self, Y: Matrix, T: Matrix, one_hot: bool) -> Matrix:
        return functional.negative_log_likelihood_loss_gradient(Y, T)


@dataclass(frozen=True)
class SigmoidBinaryCrossEntropyLossFunction(LossFunction):
    """Sum of the binary cross-entropies of the sigmoid of Y with respect to targets T.

    Source: Bishop (2006), eqs. (4.90), (4.91)
    Defined in sigmoid_binary_cross_entropy.eq:1
    """

    def value(self, Y: Matrix, T: Matrix) -> Matrix:
        return functional.sigmoid_binary_cross_entropy_loss(Y, T)

    def gradient_matrix(self, Y: Matrix, T: Matrix, one_hot: bool) -> Matrix:
        return functional.sigmoid_binary_cross_entropy_loss_gradient(Y, T)


@dataclass(frozen=True)
class SoftmaxCrossEntropyLossFunction(LossFunction):
    """Cross-entropy of the softmax of Y with respect to targets T.

    Source: Wesselink et al., eqs. (46), (50)
    Defined in softmax_cross_entropy.eq:1
    """

    def value(self, Y: Matrix, T: Matrix) -> Matrix:
        return functional.softmax_cross_entropy_loss(Y, T)

    def gradient_matrix(self, Y: Matrix, T: Matrix, one_hot: bool) -> Matrix:
        if one_hot:
            return functional.softmax_cross_entropy_loss_gradient_one_hot(Y, T)
        return functional.softmax_cross_entropy_loss_gradient(Y, T)


@dataclass(frozen=True)
class SquaredErrorLossFunction(LossFunction):
    """Sum of the squared errors.

    Source: Wesselink et al., eq. (44)
    Defined in squared_error.eq:1
    """

    def value(self, Y: Matrix, T: Matrix) -> Matrix:
        return functional.squared_error_loss(Y, T)

    def gradient_matrix(self, Y: Matrix, T: Matrix, one_hot: bool) -> Matrix:
        return functional.squared_error_loss_gradient(Y, T)


LOSSES: dict[str, type[LossFunction]] = {
    "BinaryCrossEntropy": BinaryCrossEntropyLossFunction,
    "CrossEntropy": CrossEntropyLossFunction,
    "KLDivergence": KLDivergenceLossFunction,
    "LogisticCrossEntropy": LogisticCrossEntropyLossFunction,
    "MeanSquaredError": MeanSquaredErrorLossFunction,
    "NegativeLogLikelihood": NegativeLogLikelihoodLossFunction,
    "SigmoidBinaryCrossEntropy": SigmoidBinaryCrossEntropyLossFunction,
    "SoftmaxCrossEntropy": SoftmaxCrossEntropyLossFunction,
    "SquaredError": SquaredErrorLossFunction,
}


def parse_loss_function(text: str | Specification) -> LossFunction:
    """The loss function that a string such as `SquaredError` names. ValueError for an unknown name."""
    return construct("loss function", text, LOSSES)
