"""Throughput of annealed importance sampling on decoders of this package.

A transition moves one chain of one example by one temperature. It takes `leapfrog`
passes of the decoder, forward and backward. The decoder is that of MNIST (table 3 of
sVAE) with fresh weights, which cost the same as trained ones. One of batch, chains and
temperatures is changed at a time. A bare gradient of as many codes shows how much of
the time is outside the decoder. XLA is timed at the base setting, and on the small
decoder of the toy.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

# Each setting is multiplied by these; the others stay at their base.
FACTORS = (1 / 16, 1 / 4, 1, 4)
LATENT = 32


def decoder(name: str) -> tuple[Callable, np.ndarray, int]:
    """log p(x|z) of a decoder with fresh weights, data for it, its code's dimension."""
    import keras_svae as ks

    rng = np.random.default_rng(0)
    if name == "toy":
        network = ks.networks.toy(latent_dim=2, likelihood="gaussian").decoder
        law, x = ks.distributions.Gaussian(0.2), rng.normal(size=(1024, 2))
    else:
        network = ks.networks.mnist(latent_dim=LATENT).decoder
        law, x = ks.distributions.Bernoulli(), rng.random((1024, 28, 28, 1)) < 0.2

    def log_likelihood(x, z):
        return law(network(z, training=False)).log_prob(x)

    return log_likelihood, x.astype("float32"), network.input_shape[-1]


class Timed:
    """Seconds of passes through the temperatures, and what the first call costs.

    Args:
        name: Of the decoder, "mnist" or "toy".
        leapfrog: Steps of a transition.
        jit_compile: Whether XLA compiles.
    """

    def __init__(self, name: str, leapfrog: int, jit_compile: bool = False):
        self.name, self.leapfrog, self.jit_compile = name, leapfrog, jit_compile
        self.log_likelihood, self.x, self.latent_dim = decoder(name)
        self.first: dict[str, float] = {}

    def __call__(self, batch: int, chains: int, temperatures: int, rounds: int) -> dict:
        """One setting: `temperatures` are transitions, without the two ends."""
        import keras_svae as ks
        from keras_svae.evaluation.likelihood import annealing

        prior = ks.distributions.prior("normal", self.latent_dim)
        engine = annealing.Annealing(
            self.log_likelihood, prior, chains, self.leapfrog, 0.65, self.jit_compile
        )
        inverse = annealing.schedule(temperatures + 2)
        steps = np.full((temperatures, batch), np.log(0.1), np.float32)
        seconds = []
        for number in range(rounds + 1):
            started = time.perf_counter()
            engine.run(self.x[:batch], inverse, steps, [0, number])
            seconds.append(time.perf_counter() - started)
        first, *seconds = seconds
        median = statistics.median(seconds)
        passes = 1 + temperatures * self.leapfrog
        return {
            "batch": batch,
            "chains": chains,
            "temperatures": temperatures,
            "transitions per second": round(batch * chains * temperatures / median, 1),
            "milliseconds per pass": round(1e3 * median / passes, 4),
            "first call, seconds more": round(first - median, 3),
            "median seconds": round(median, 4),
            "seconds": [round(one, 4) for one in seconds],
        }

    def gradient(self, codes: int, rounds: int) -> float:
        """Milliseconds of one bare gradient of log p(x|z) in as many codes."""
        import tensorflow as tf

        x = tf.constant(np.resize(self.x, (codes, *self.x.shape[1:])))

        @tf.function(autograph=False, jit_compile=self.jit_compile)
        def run(z):
            return tf.gradients(self.log_likelihood(x, z), z)

        z = tf.random.stateless_normal([codes, self.latent_dim], [0, 1])
        seconds = []
        for _ in range(5 * rounds + 1):
            started = time.perf_counter()
            run(z)[0].numpy()
            seconds.append(time.perf_counter() - started)
        return round(1e3 * statistics.median(seconds[1:]), 4)


def ais(given: argparse.Namespace) -> dict:
    """Annealed importance sampling: chains x temperatures a second, and its growth."""
    base = {
        "batch": given.batch,
        "chains": given.chains,
        "temperatures": given.temperatures,
    }
    timed = Timed("mnist", given.leapfrog)
    growth = {}
    for name, value in base.items():
        sizes = sorted({max(1, round(factor * value)) for factor in FACTORS})
        rows = []
        for size in sizes:
            rows.append(timed(**base | {name: size}, rounds=given.rounds))
            print(_line(f"by {name}", rows[-1]), flush=True)
        growth[name] = rows
    bare = timed.gradient(given.batch * given.chains, given.rounds)
    print(f"A bare gradient of as many codes as at the base: {bare} ms", flush=True)
    compared = {}
    for decoder_name in ("mnist", "toy"):
        compared[decoder_name] = {}
        for way, jit_compile in (("graph", False), ("XLA", True)):
            one = Timed(decoder_name, given.leapfrog, jit_compile)
            compared[decoder_name][way] = row = one(**base, rounds=given.rounds)
            print(_line(f"{decoder_name}, {way}", row), flush=True)
    return {
        "decoder": f"ks.networks.mnist(latent_dim={LATENT}), Bernoulli",
        "leapfrog": given.leapfrog,
        "rounds": given.rounds,
        "base": base,
        "bare gradient, milliseconds": bare,
        "by one of": growth,
        "graph and XLA": compared,
    }


def _line(name: str, row: dict) -> str:
    return (
        f"{name:16} batch {row['batch']:4} chains {row['chains']:4} "
        f"temperatures {row['temperatures']:4}: "
        f"{row['transitions per second']:10.1f} transitions/s, "
        f"{row['milliseconds per pass']:9.3f} ms a pass"
    )


OPTIONS = {"batch": 16, "chains": 16, "temperatures": 16, "leapfrog": 10, "rounds": 3}
