"""Reference 2, "Back propagation for Deep Feedforward Neural Networks": names, character by character.

    python examples/character_model.py --data names.txt [--backend all] [--epochs 20]

Bengio et al. (2003) with characters in place of words: the last characters, the context, are looked up in an embedding
matrix that is trained with the network; a tanh layer and a linear one give the distribution of the next character. The
negative log-likelihoods are compared with those of a bigram model on the same split. `--data` is a text file with one
name in each line.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import common
import numpy as np

CONTEXT, FEATURES, HIDDEN, BATCH = 4, 10, 128, 100
MOMENTUM, DECAY = 0.9, 0.0005
VALIDATION_SHARE = 0.1
END = "."
"""Stands before the first character of a name and behind the last one."""


# --- data ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Names:
    """Names, split at random; class number k stands for `characters[k]`, 0 for END."""

    train: list[str]
    validation: list[str]
    characters: str

    def examples(self, names: Sequence[str], context: int = CONTEXT) -> tuple[Any, Any]:
        """The contexts, N x `context` class numbers, and what follows them, N class numbers."""
        number = {character: k for k, character in enumerate(self.characters)}
        X, T = [], []
        for name in names:
            window = [0] * context
            for character in name + END:
                X.append(window)
                T.append(number[character])
                window = [*window[1:], T[-1]]
        return np.array(X), np.array(T)


def read(path: Path, seed: int) -> Names:
    """One name in each line; case does not matter, and a name counts once. ValueError when there are too few."""
    lines = path.read_text(encoding="utf-8").lower().split("\n")
    names = sorted({line.strip() for line in lines} - {""})
    if len(names) < 20:
        raise ValueError(f"{path} has {len(names)} names, expected at least 20, one in each line")
    if any(END in name for name in names):
        raise ValueError(f"{path}: `{END}` occurs in a name, but it stands for the end of names")
    np.random.default_rng(seed).shuffle(names)
    count = max(round(VALIDATION_SHARE * len(names)), 1)
    return Names(names[count:], names[:count], END + "".join(sorted(set("".join(names)))))


def bigram_losses(names: Names) -> tuple[float, float]:
    """The negative log-likelihood per character of a bigram model, in training and validation.

    P(c' | c) = (count(c, c') + 1) / (count(c) + V). With its one character of memory it is what a network has to beat.
    """
    V = len(names.characters)
    sets = [names.examples(part, context=1) for part in (names.train, names.validation)]
    counts = np.ones((V, V))
    np.add.at(counts, (sets[0][0][:, 0], sets[0][1]), 1)
    log_probabilities = np.log(counts / counts.sum(axis=1, keepdims=True))
    train, validation = (float(-log_probabilities[X[:, 0], T].mean()) for X, T in sets)
    return train, validation


# --- the network ---------------------------------------------------------------------------------------------


def context_embedding(package: Any, characters: int, features: int) -> Any:
    """An embedding of N x C class numbers as N x (C features): the library's layer, one row for every character.

    Its backward equation adds up the gradients of a character over all its places in all contexts.
    """

    class ContextEmbedding(package.EmbeddingLayer):  # type: ignore[misc]
        def feedforward(self, X: Any) -> Any:
            N, C = X.shape
            return reshaped(super().feedforward(reshaped(X, N * C, 1)), N, C * self.D)

        def backpropagate(self, Y: Any, DY: Any) -> None:
            rows = Y.shape[0] * Y.shape[1] // self.D
            super().backpropagate(reshaped(Y, rows, self.D), reshaped(DY, rows, self.D))

    return ContextEmbedding(characters, features)


def reshaped(X: Any, rows: int, columns: int) -> Any:
    """The entries of a matrix, row by row, in another shape."""
    if hasattr(X, "reshape"):
        return X.reshape(rows, columns)
    import tensorflow as tf  # its matrices have no such method

    return tf.reshape(X, (rows, columns))


def model(package: Any, characters: int, seed: int, hidden: int = HIDDEN) -> Any:
    """Embedding, tanh layer and logits; see character_model.eq."""
    M = package.MultilayerPerceptron(
        [
            context_embedding(package, characters, FEATURES),
            package.TanhNeuronsLayer(CONTEXT * FEATURES, hidden),
            package.LinearLayer(hidden, characters),
        ]
    )
    M.seed(seed)
    for layer, weights in zip(M.layers, ("Normal(0, 1)", "Xavier", "Xavier"), strict=True):
        layer.set_weights(weights)
        layer.set_optimizer(f"WeightDecay({DECAY}) | Nesterov({MOMENTUM})")
    return M


def sample(package: Any, M: Any, characters: str, seed: int, count: int = 10) -> list[str]:
    """New names, all of them drawn at once, character by character, until each has ended."""
    generator = np.random.default_rng(seed)
    windows, names, ended = np.zeros((count, CONTEXT), dtype=int), [""] * count, np.zeros(count, dtype=bool)
    for _ in range(20):
        Y = package.to_host(M.feedforward(package.from_host(windows))).astype(float)
        P = np.exp(Y - Y.max(axis=1, keepdims=True))
        P /= P.sum(axis=1, keepdims=True)
        drawn = np.array([generator.choice(len(characters), p=p) for p in P])
        ended |= drawn == 0
        names = [name if end else name + characters[k] for name, k, end in zip(names, drawn, ended, strict=True)]
        windows = np.column_stack([windows[:, 1:], drawn])
        if ended.all():
            break
    return names


# --- the example ---------------------------------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> None:
    parser = common.parser("Learns names character by character, and invents new ones.", 20, data="EQGEN_NAMES")
    parser.add_argument("--hidden", type=int, default=HIDDEN, help=f"neurons of the tanh layer; default: {HIDDEN}")
    options = common.parsed(parser, arguments)
    if options.data is None:
        print("character_model: skipped, there are no names; give a text file, one name in each line, with --data")
        return
    names = read(options.data, options.seed)
    V = len(names.characters)
    train_set, validation_set = names.examples(names.train), names.examples(names.validation)
    print(
        f"{len(names.train)} names to learn from, {len(train_set[1])} characters; {len(names.validation)} to validate"
    )
    bigram = bigram_losses(names)
    rows = [["bigram model", *(f"{loss:.4f}" for loss in bigram), ""]]

    for backend in options.backends:
        package = common.package(backend)
        M = model(package, V, options.seed, options.hidden)
        loss = package.parse_loss_function("NextCharacter")
        batches = package.DataLoader(*train_set, BATCH, seed=options.seed, one_hot=V)
        validation = package.DataLoader(*validation_set, 1000, one_hot=V)
        rate = package.parse_learning_rate(f"MultiStep(0.1, 0.3, [{options.epochs // 2}, {3 * options.epochs // 4}])")

        def after(p: Any = package, M: Any = M, loss: Any = loss, sets: Any = (batches, validation)) -> list[float]:
            return [p.evaluate(M, loss, each)[0] for each in sets]

        course = common.train(M, options.epochs, loss, rate, batches, backend, after)
        losses = course.epochs[-1] if course.epochs else after()
        rows.append([backend, *(f"{value:.4f}" for value in losses), f"{course.seconds:.1f}"])
    title = f"Negative log-likelihood per character, in nats, {options.epochs} epochs"
    common.show(title, ["", "train", "validation", "seconds"], rows)
    invented = sample(package, M, names.characters, options.seed)
    known = set(names.train)
    print("new names:", ", ".join(f"{name}*" if name in known else name for name in invented), "(* is a known one)")

    with common.picture(options.out, "character_model.png", width=8) as figure:
        left, right = figure.subplots(1, 2)
        epochs = range(1, len(course.epochs) + 1)
        for k, (name, color) in enumerate((("train", common.ACCENT), ("validation", common.SECOND))):
            left.plot(epochs, [epoch[k] for epoch in course.epochs], color=color, label=name)
            left.axhline(bigram[k], color=color, linestyle=":", label=f"{name}, bigram")
        left.set(title="Negative log-likelihood", xlabel="epoch")
        common.whole_numbers(left.xaxis)
        left.legend()
        draw_embedding(right, package.to_host(M.layers[0].E), names.characters)


def draw_embedding(axes: Any, E: Any, characters: str) -> None:
    """Each character at its place in the plane of the two largest principal components of all features."""
    centred = E.astype(float) - E.mean(axis=0)
    places = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
    axes.scatter(*places.T, s=0)
    for character, (x, y) in zip(characters, places, strict=True):
        color = common.SECOND if character in "aeiouy" else common.INK if character == END else common.ACCENT
        axes.text(x, y, "end" if character == END else character, color=color, ha="center", va="center", fontsize=12)
    axes.set(title="Embedding of the characters, vowels in red")
    axes.set_xticks([])
    axes.set_yticks([])


if __name__ == "__main__":
    main(sys.argv[1:])
