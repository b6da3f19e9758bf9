"""The benchmark's Keras side: `fit` of this package's models, as a user calls it."""

import sys
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

import keras_svae as ks
from reproductions.benchmarks import plain_keras
from reproductions.benchmarks.cases import (
    ALONE,
    CASES,
    CONFIGURATIONS,
    FLOOR,
    NETWORKS,
    PLAIN,
    UPDATE,
    network,
    one_thread,
)
from reproductions.benchmarks.step_worker import product, repeated, stepping, update
from reproductions.benchmarks.worker import serve


def of_pythae(case: str) -> ks.Game:
    """The model for which pythae has a trainer, on 784-512-16 and back."""
    like = {"shape": (28, 28, 1), "units": 512, "depth": 1}
    if case == "vae":
        nets = ks.networks.dense(16, likelihood="bernoulli", **like)
        return ks.VAE(nets.encoder, nets.decoder)
    # pythae's decoder ends in a sigmoid, and its error is squared.
    law = ks.distributions.Gaussian(activation="sigmoid")
    if case == "wae":
        nets = ks.networks.dense(16, "implicit", law, noise=False, **like)
        return ks.WAEMMD(nets.encoder, nets.decoder)
    nets = ks.networks.dense(16, likelihood=law, **like)
    critic = keras.Sequential(
        [
            keras.Input((16,)),
            keras.layers.Dense(256, activation="relu"),
            keras.layers.Dense(1),
        ]
    )
    return ks.AdversarialAutoencoder(nets.encoder, nets.decoder, critic)


def made(case: str, lam: float) -> ks.Game:
    """The case's model: sVAE-r, AIM, or what pythae has, too."""
    name = network(case)
    if name == "aim_mnist":
        nets = ks.networks.aim_mnist()
        return ks.AIM(nets.decoder, nets.critic, nets.encoder)
    if name == "ijae_cifar10":
        return ks.IJAE(*ks.networks.ijae_cifar10(), lam=lam)
    if name not in ("mnist", "cifar10", "toy"):
        return of_pythae(name)
    networks = getattr(ks.networks, name)()
    likelihood = "gaussian" if name == "toy" else "bernoulli"
    return ks.SVAE(*networks, lam=lam, likelihood=likelihood)


def build(case: str, lam: float, learning_rate: float, **compiling) -> ks.Game:
    """A compiled model.

    Args:
        case: One of `training.CASES`.
        lam: Weight of sVAE-r's log likelihoods.
        learning_rate: Of all Adams.
        **compiling: See `ks.Game.compile`.
    """
    before, dtype = keras.config.dtype_policy(), CASES[case].dtype
    if dtype != "float32":  # else the policy is the caller's
        keras.config.set_dtype_policy(f"mixed_{dtype}")
    try:
        model = made(case, lam)
    finally:
        keras.config.set_dtype_policy(before)
    optimizers = {
        player.optimizer: ks.optimizers.Adam(learning_rate)
        for player in model.players.values()
    }
    model.compile(**optimizers, **compiling)
    return model


def block(model: keras.Model, batches: np.ndarray) -> Callable[[int], None]:
    """A function that fits a number of steps on batches (number, batch, ...)."""
    # Keras's own loop would wait for the autotuner at the end of each block.
    options = tf.data.Options()
    options.autotune.enabled = False
    data = tf.data.Dataset.from_tensor_slices(batches).repeat().prefetch(2)
    data = data.with_options(options)

    def run(steps: int) -> None:
        model.fit(data, steps_per_epoch=steps, epochs=1, verbose=0)

    return run


def parameters(model: ks.Game) -> list[int]:
    """How many numbers each network learns."""
    networks = [getattr(model, one, None) for one in NETWORKS]
    return [
        sum(int(np.prod(v.shape)) for v in net.trainable_variables)
        for net in networks
        if net is not None
    ]


def main(
    data: str, lam: str, learning_rate: str, threads: str, of_operation: str = ""
) -> None:
    """Serves a block "case/kind" for each case and kind.

    Args:
        data: Path of the batches, a `.npz`.
        lam: See `build`.
        learning_rate: See `build`.
        threads: How many operations may run side by side, and for each how many.
        of_operation: "1": one thread for each; only what is timed so has a block.
    """
    tf.config.threading.set_intra_op_parallelism_threads(int(of_operation or threads))
    tf.config.threading.set_inter_op_parallelism_threads(int(threads))
    versions = {"keras": keras.__version__, "tensorflow": tf.__version__}
    about = {"versions": versions, "parameters": {}}
    blocks = {}
    for name, batches in np.load(data).items():
        case = CASES[name]
        for kind in case.on_one_thread if of_operation else case.ours:
            model = build(
                name, float(lam), float(learning_rate), **CONFIGURATIONS[kind]
            )
            named = one_thread(kind) if of_operation else kind
            blocks[f"{name}/{named}"] = block(model, batches)
        about["parameters"][name] = parameters(model)
        if of_operation:
            continue
        if PLAIN in case.references:
            plain = plain_keras.build(name, float(lam), float(learning_rate))
            blocks[f"{name}/{PLAIN[1]}"] = block(plain, batches)
            model = build(name, float(lam), float(learning_rate))
            blocks[f"{name}/{ALONE}"] = repeated(stepping(model, batches))
        if case.gflop:
            blocks[f"{name}/{FLOOR}"] = repeated(product("float32"))
            blocks[f"{name}/{UPDATE}"] = repeated(update(sum(parameters(model))))
    serve(about, blocks)


if __name__ == "__main__":
    main(*sys.argv[1:])
