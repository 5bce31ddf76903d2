"""Learning rate schedulers: pure functions of the step 0, 1, 2, ..., computed on the host in double precision."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .checks import Definition, natural_number, real_number
from .specification import construct, parse_number


class LearningRateScheduler(Definition):
    """Base class. `scheduler(i)` is the learning rate at step i."""

    def __call__(self, i: int) -> float:
        return float(self.rate(natural_number(type(self).__name__, "the step", i)))

    def rate(self, i: int) -> float:
        raise NotImplementedError


@dataclass(frozen=True)
class FixedRate(LearningRateScheduler):
    """A number in the place of a scheduler."""

    eta: float

    def rate(self, i: int) -> float:
        return self.eta


@dataclass(frozen=True)
class ConstantScheduler(LearningRateScheduler):
    """The learning rate stays eta0.

    Source: Wesselink et al., appendix G
    Defined in constant.eq:1
    """

    eta0: float

    def rate(self, i: int) -> float:
        eta0 = self.eta0
        # eta(i) = eta0                                                     constant.eq:5
        eta = eta0
        return float(eta)


@dataclass(frozen=True)
class ExponentialScheduler(LearningRateScheduler):
    """The learning rate decays exponentially.

    Source: Wesselink et al., appendix G
    Defined in exponential.eq:1
    """

    eta0: float
    d: float

    def rate(self, i: int) -> float:
        eta0 = self.eta0
        d = self.d
        # eta(i) = eta0 * exp(-d * i)                                       exponential.eq:5
        eta = eta0 * math.exp(-d * i)
        return float(eta)


@dataclass(frozen=True)
class MultiStepScheduler(LearningRateScheduler):
    """The learning rate is multiplied by gamma at every milestone.

    Source: Wesselink et al., appendix G
    Defined in multi_step.eq:1
    """

    eta0: float
    gamma: float
    milestones: tuple[float, ...]

    def rate(self, i: int) -> float:
        eta0 = self.eta0
        gamma = self.gamma
        milestones = np.array([self.milestones])
        # eta(i) = eta0 * gamma^elements_sum(apply(m -> where(m <= i, 1, 0), milestones))  multi_step.eq:7
        eta = eta0 * gamma ** float(np.sum(np.where(milestones <= i, 1, 0)))
        return float(eta)


@dataclass(frozen=True)
class StepBasedScheduler(LearningRateScheduler):
    """The learning rate is multiplied by d every r steps.

    Source: Wesselink et al., appendix G
    Defined in step_based.eq:1
    """

    eta0: float
    d: float
    r: float

    def rate(self, i: int) -> float:
        eta0 = self.eta0
        d = self.d
        r = self.r
        # eta(i) = eta0 * d^floor((1 + i) / r)                              step_based.eq:5
        eta = eta0 * d ** math.floor((1 + i) / r)
        return float(eta)


@dataclass(frozen=True)
class TimeBasedScheduler(LearningRateScheduler):
    """The learning rate is divided by 1 + d i after step i.

    Source: Wesselink et al., appendix G
    Defined in time_based.eq:1
    """

    eta0: float
    d: float

    def rate(self, step: int) -> float:
        eta0 = self.eta0
        d = self.d
        # eta(0)     = eta0                                                 time_based.eq:5
        eta = eta0
        for i in range(step):
            # eta(i + 1) = eta(i) / (1 + d * i)                                 time_based.eq:6
            eta = eta / (1 + d * i)
        return float(eta)


SCHEDULERS: dict[str, type[LearningRateScheduler]] = {
    "Constant": ConstantScheduler,
    "Exponential": ExponentialScheduler,
    "MultiStep": MultiStepScheduler,
    "StepBased": StepBasedScheduler,
    "TimeBased": TimeBasedScheduler,
}


def parse_learning_rate(rate: LearningRateScheduler | float | str) -> LearningRateScheduler:
    """A scheduler from a number, `0.01`, or from a string such as `Exponential(0.01, 0.1)`; a scheduler is itself."""
    if isinstance(rate, LearningRateScheduler):
        return rate
    number = parse_number(rate) if isinstance(rate, str) else real_number("learning rate", "the number", rate)
    return construct("learning rate scheduler", str(rate), SCHEDULERS) if number is None else FixedRate(number)
