"""The benchmark's Keras side: `fit` of this package's sVAE-r, as a user calls it."""

import sys

import keras
import numpy as np
import tensorflow as tf

import keras_svae as ks
from reproductions.benchmarks.training import CONFIGURATIONS
from reproductions.benchmarks.worker import serve


def build(case: str, lam: float, learning_rate: float, **compiling) -> ks.SVAE:
    """A compiled sVAE-r.

    Args:
        case: "mnist" (table 3's nets) or "toy".
        lam: Weight of the log likelihoods.
        learning_rate: Of both Adams.
        **compiling: See `ks.SVAE.compile`.
    """
    networks = {"mnist": ks.networks.mnist, "toy": ks.networks.toy}[case]()
    likelihood = {"mnist": "bernoulli", "toy": "gaussian"}[case]
    model = ks.SVAE(*networks, lam=lam, likelihood=likelihood)
    model.compile(
        optimizer=ks.optimizers.Adam(learning_rate),
        critic_optimizer=ks.optimizers.Adam(learning_rate),
        **compiling,
    )
    return model


def block(model: ks.SVAE, batches: np.ndarray):
    """A function that fits a number of steps on batches (number, batch, ...)."""
    data = tf.data.Dataset.from_tensor_slices(batches).repeat().prefetch(2)

    def run(steps: int) -> None:
        model.fit(data, steps_per_epoch=steps, epochs=1, verbose=0)

    return run


def parameters(model: ks.SVAE) -> list[int]:
    """How many numbers encoder, decoder and critic learn."""
    return [
        sum(int(np.prod(v.shape)) for v in net.trainable_variables)
        for net in (model.encoder, model.decoder, model.critic)
    ]


def main(data: str, lam: str, learning_rate: str, threads: str) -> None:
    """Serves a block "case/configuration" for each case and configuration."""
    tf.config.threading.set_intra_op_parallelism_threads(int(threads))
    tf.config.threading.set_inter_op_parallelism_threads(int(threads))
    versions = {"keras": keras.__version__, "tensorflow": tf.__version__}
    about = {"versions": versions, "parameters": {}}
    blocks = {}
    for case, batches in np.load(data).items():
        for name, compiling in CONFIGURATIONS.items():
            model = build(case, float(lam), float(learning_rate), **compiling)
            blocks[f"{case}/{name}"] = block(model, batches)
        about["parameters"][case] = parameters(model)
    serve(about, blocks)


if __name__ == "__main__":
    main(*sys.argv[1:])
