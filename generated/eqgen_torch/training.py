"""Stochastic gradient descent, as in Listing 2 of the paper, with measurements after every epoch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from . import runtime
from .checks import natural_number
from .data import DataLoader
from .losses import LossFunction, parse_loss_function
from .multilayer_perceptron import MultilayerPerceptron
from .progress import ProgressBar
from .runtime import Matrix
from .schedulers import LearningRateScheduler, parse_learning_rate

Batches: TypeAlias = Iterable[tuple[Matrix, Matrix]]


@dataclass(frozen=True)
class EpochRecord:
    """What was measured after an epoch.

    epoch            1, 2, ...
    loss             the loss of all training batches, divided by the number of examples
    train_accuracy   the share of examples whose largest output is at the largest target; None for a single output
    test_accuracy    the same for the test examples; None without them
    seconds          net time of training, without the measurements
    """

    epoch: int
    loss: float
    train_accuracy: float | None
    test_accuracy: float | None
    seconds: float


def stochastic_gradient_descent(
    M: MultilayerPerceptron,
    epochs: int,
    loss: LossFunction | str,
    learning_rate: LearningRateScheduler | float | str,
    train_loader: Batches,
    test_loader: Batches | None = None,
    callbacks: Sequence[Callable[[EpochRecord], object]] = (),
    progress: bool | None = None,
) -> list[EpochRecord]:
    """Train `M`, and return a record of every epoch.

    loss            a loss function or its name
    learning_rate   a function of the epoch 0, 1, ..., a number, or a string such as 'Exponential(0.01, 0.1)'
    callbacks       called with the record after each epoch
    progress        whether to show a progress bar; by default where standard error is a terminal
    """
    natural_number("stochastic_gradient_descent", "epochs", epochs)
    loss = parse_loss_function(loss) if isinstance(loss, str) else loss
    learning_rate = parse_learning_rate(learning_rate)
    one_hot = isinstance(train_loader, DataLoader) and train_loader.one_hot
    batches = len(train_loader) if isinstance(train_loader, DataLoader) else None
    records: list[EpochRecord] = []
    for epoch in range(epochs):
        start = time.perf_counter()
        M.train()
        eta = learning_rate(epoch)
        with ProgressBar(batches, f"epoch {epoch + 1}/{epochs}", progress) as bar:
            for X, T in train_loader:
                M.train_step(X, T, loss, eta, one_hot)
                bar.advance()
        M.wait()
        seconds = time.perf_counter() - start
        train_loss, train_accuracy = evaluate(M, loss, train_loader)
        test_accuracy = None if test_loader is None else evaluate(M, loss, test_loader)[1]
        records.append(EpochRecord(epoch + 1, train_loss, train_accuracy, test_accuracy, seconds))
        for callback in callbacks:
            callback(records[-1])
    return records


def evaluate(M: MultilayerPerceptron, loss: LossFunction, loader: Batches) -> tuple[float, float | None]:
    """Loss per example and accuracy (None for a single output) in evaluation mode; the mode of `M` is restored."""
    modes = [layer.training for layer in M.layers]
    M.eval()
    total, correct, examples, outputs = 0.0, 0, 0, 0
    try:
        for X, T in loader.in_order() if isinstance(loader, DataLoader) else loader:
            Y = M.feedforward(X)
            total += float(loss(Y, T))
            correct += int((runtime.to_host(Y).argmax(axis=1) == runtime.to_host(T).argmax(axis=1)).sum())
            examples += X.shape[0]
            outputs = Y.shape[1]
    finally:
        for layer, mode in zip(M.layers, modes, strict=True):
            layer.training = mode
    if examples == 0:
        raise ValueError("evaluate: the loader gave no examples")
    return total / examples, correct / examples if outputs > 1 else None
