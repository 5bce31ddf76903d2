"""What JAX and Keras offer themselves: `jit(value_and_grad)` with donated parameters, and `train_on_batch`."""

from __future__ import annotations

from typing import Any

from benchmarks.contestants.problem import Problem
from benchmarks.contestants.training import Training, Weights


def jax_autodiff(problem: Problem) -> Training:
    """One compiled function for the whole step, which may write into its parameters."""
    from functools import partial

    import jax
    import jax.numpy as jnp
    import numpy as np

    eta, mu = problem.eta, problem.momentum

    def mean_loss(parameters: Any, X: Any, T: Any) -> Any:
        Y = X
        for k, (W, b) in enumerate(parameters):
            Y = (jax.nn.relu(Y) if k else Y) @ W.T + b
        return -jnp.mean(jnp.sum(T * jax.nn.log_softmax(Y), axis=1))

    @partial(jax.jit, donate_argnums=(0, 1))
    def update(parameters: Any, velocities: Any, X: Any, T: Any) -> Any:
        value, gradients = jax.value_and_grad(mean_loss)(parameters, X, T)
        if not mu:
            return jax.tree.map(lambda p, g: p - eta * g, parameters, gradients), velocities, value
        velocities = jax.tree.map(lambda v, g: mu * v - eta * g, velocities, gradients)
        parameters = jax.tree.map(lambda p, v, g: p + mu * v - eta * g, parameters, velocities, gradients)
        return parameters, velocities, value

    parameters = [(jnp.array(W), jnp.array(b)) for W, b in problem.weights]
    state: list[Any] = [parameters, jax.tree.map(jnp.zeros_like, parameters) if mu else None]

    def step(X: Any, T: Any) -> None:
        state[:] = update(*state[:2], X, T)[:2]

    def weights() -> Weights:
        return [(np.array(W), np.array(b)) for W, b in state[0]]

    return Training(
        step,
        lambda: [array.block_until_ready() for pair in state[0] for array in pair],
        weights,
        [(jnp.array(X), jnp.array(problem.one_hot(T))) for X, T in problem.data],
        {"framework": "jax", "version": jax.__version__, "step": "one compiled function"},
    )


def keras_model(problem: Problem) -> Training:
    """`compile` and `train_on_batch`, with tensors that are prepared."""
    import keras
    import tensorflow as tf

    *hidden, classes = problem.sizes[1:]
    model = keras.Sequential(
        [
            keras.layers.Input((problem.sizes[0],)),
            *(keras.layers.Dense(K, activation="relu") for K in hidden),
            keras.layers.Dense(classes),
        ]
    )
    model.set_weights([array for W, b in problem.weights for array in (W.T, b.reshape(-1))])
    optimizer = keras.optimizers.SGD(problem.eta, momentum=problem.momentum, nesterov=problem.momentum > 0)
    model.compile(optimizer, keras.losses.CategoricalCrossentropy(from_logits=True))

    def weights() -> Weights:
        arrays = model.get_weights()
        return [(W.T, b) for W, b in zip(arrays[::2], arrays[1::2], strict=True)]

    version = f"{keras.__version__}, tensorflow {tf.__version__}"
    return Training(
        model.train_on_batch,
        lambda: None,  # train_on_batch returns the loss as a number
        weights,
        [(tf.constant(X), tf.constant(problem.one_hot(T))) for X, T in problem.data],
        {
            "framework": "keras",
            "version": version,
            "step": "train_on_batch",
        },
    )
