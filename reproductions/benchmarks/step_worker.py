"""A worker of `step`: sVAE-r's step on MNIST's networks, and a product.

A step is a call of Keras's train function, this package's check of the losses with it,
on the iterator of a `tf.data.Dataset` in memory, without autotuning: what `fit` does in
its loop, without callbacks.
"""

import os
import sys
import time
from collections.abc import Callable

import numpy as np

from reproductions.benchmarks.worker import serve

SIDE = 2048


def repeated(work: Callable) -> Callable[[int], list[float]]:
    """A function that works a number of times and returns the seconds of each."""

    def run(times: int) -> list[float]:
        seconds = []
        for _ in range(times):
            start = time.perf_counter()
            work()
            seconds.append(time.perf_counter() - start)
        return seconds

    return run


def step(batches: np.ndarray, lam: float, learning_rate: float) -> Callable:
    """A function that trains sVAE-r for one step, with the package's own Adam if any.

    Args:
        batches: (number, batch, 28, 28, 1).
        lam: Weight of the log likelihoods.
        learning_rate: Of both Adams.
    """
    import keras

    import keras_svae as ks

    keras.utils.set_random_seed(0)
    model = ks.SVAE(*ks.networks.mnist(latent_dim=32), lam=lam)
    adam = getattr(ks, "optimizers", keras.optimizers).Adam
    model.compile(optimizer=adam(learning_rate), critic_optimizer=adam(learning_rate))
    return stepping(model, batches)


def stepping(model, batches: np.ndarray) -> Callable:
    """A function that trains a compiled model for one step."""
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    data = tf.data.Dataset.from_tensor_slices(batches).repeat().with_options(options)
    iterator = iter(data)
    model.make_train_function()

    def work():
        for value in model.train_function(iterator).values():
            value.numpy()  # waits for it

    return work


def product(dtype: str) -> Callable:
    """A function that multiplies two square matrices of `SIDE` rows."""
    import tensorflow as tf

    values = np.random.default_rng(0).normal(size=(2, SIDE, SIDE))
    left, right = (tf.constant(one, dtype) for one in values)
    graph = tf.function(tf.matmul, autograph=False)

    def work():
        graph(left, right).numpy()

    return work


def update(weights: int) -> Callable:
    """A function that updates one vector of so many weights: Adam's kernel alone."""
    import keras
    import tensorflow as tf

    import keras_svae as ks

    variable = keras.Variable(np.zeros(weights, "float32"))
    optimizer, gradient = ks.optimizers.Adam(1e-4), tf.ones([weights])
    optimizer.build([variable])
    graph = tf.function(
        lambda: optimizer.apply([gradient], [variable]), autograph=False
    )

    def work():
        graph()

    return work


def main(
    data: str, lam: str, learning_rate: str, threads: str, checkout: str, policy: str
) -> None:
    """Serves the blocks "step" and "product".

    Args:
        data: Path of the batches, an `.npz` with "mnist".
        lam: See `step`.
        learning_rate: See `step`.
        threads: How many each operation may use.
        checkout: The folder that `keras_svae` is imported from.
        policy: Keras's dtype policy; the product's dtype is what it computes in.
    """
    sys.path.insert(0, checkout)
    import keras
    import tensorflow as tf

    import keras_svae as ks

    found = os.path.dirname(os.path.dirname(os.path.realpath(ks.__file__)))
    if found != os.path.realpath(checkout):
        raise ImportError(f"Expected keras_svae in {checkout}; received: {found}")
    tf.config.threading.set_intra_op_parallelism_threads(int(threads))
    tf.config.threading.set_inter_op_parallelism_threads(int(threads))
    keras.config.set_dtype_policy(policy)
    dtype = keras.config.dtype_policy().compute_dtype
    batches = np.load(data)["mnist"]
    blocks = {
        "step": repeated(step(batches, float(lam), float(learning_rate))),
        "product": repeated(product(dtype)),
    }
    serve({"checkout": checkout, "policy": policy, "dtype": dtype}, blocks)


if __name__ == "__main__":
    main(*sys.argv[1:])
