"""Replicas on the logical CPUs of conftest.py, and one device that does the same."""

import contextlib

import numpy as np
import tensorflow as tf

from keras_svae.game import logged
from keras_svae.models import as_vae
from keras_svae.noise import Noise
from tests.models import tiny


def some_replicas(count: int) -> tf.distribute.Strategy:
    """A strategy over so many; any number of strategies can live in one process.

    TensorFlow numbers the collective reductions of each strategy anew, so that with
    the default, those of a second strategy would meet the first one's.
    """
    return tf.distribute.MirroredStrategy(
        [f"CPU:{i}" for i in range(count)],
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )


def two_replicas() -> tf.distribute.Strategy:
    """A strategy over two of them."""
    return some_replicas(2)


class AllReplicas(Noise):
    """The noise of replicas side by side: what one device would need to draw."""

    def __init__(self, sources):
        self.sources = sources

    def fold(self, number):
        return AllReplicas([source.fold(number) for source in self.sources])

    def seed(self, name=None):
        return tf.stack([source.seed(name) for source in self.sources])


class Shares:
    """A law whose samples are drawn in equal shares, each with its own seed."""

    def __init__(self, law, count, parts=()):
        self.law, self.count, self.parts = law, count, parts

    def __call__(self, raw):
        parts = [self.law(one) for one in tf.split(raw, self.count)]
        return Shares(self.law(raw), self.count, parts)

    def __getattr__(self, name):
        return getattr(self.law, name)

    def sample(self, *args, seed=None):
        if seed is None:  # a law of the model: raw outputs and a seed
            raw, seed = args
            parts = zip(tf.split(raw, self.count), tf.unstack(seed), strict=True)
            return tf.concat([self.law.sample(r, s) for r, s in parts], 0)
        if self.parts:
            draws = zip(self.parts, tf.unstack(seed), strict=True)
            return tf.concat([part.sample(seed=s) for part, s in draws], 0)
        size = args[0] // self.count
        return tf.concat([self.law.sample(size, seed=s) for s in tf.unstack(seed)], 0)


@contextlib.contextmanager
def one_device(method, count, patch):
    """`tiny.build(method)`, not compiled, as one device with the draws of replicas.

    Compile and train it within this context.

    Args:
        method: Its name.
        count: How many replicas.
        patch: pytest's monkeypatch.
    """

    class OneDevice:
        def _noise(self, purpose):
            base = Noise(self.seed).fold(purpose)
            return AllReplicas([base.fold(i) for i in range(count)])

        @property
        def prior(self):
            return Shares(super().prior, count)

    def partners(codes):
        return tf.concat([tf.roll(one, 1, 0) for one in tf.split(codes, count)], 0)

    cls, settings = tiny.METHODS[method]
    with patch.context() as patch:
        made = type("One" + cls.__name__, (OneDevice, cls), {})
        patch.setitem(tiny.METHODS, method, (made, settings))
        single = tiny.build(method, compiled=False)
        if hasattr(single, "posterior_law"):
            # This bypasses the model, which refuses another law.
            vars(single)["posterior_law"] = Shares(single.posterior_law, count)
        # The dry run of compile has one noise, like any single device.
        patch.setattr(logged, "Noise", lambda seed: AllReplicas([Noise(seed)] * count))
        patch.setattr(as_vae, "partners", partners)
        yield single


def losses_of(logged: list[dict]) -> dict[str, np.ndarray]:
    """The losses of each step of an epoch, from the running means that Keras logs."""
    counted = np.arange(1, len(logged) + 1)
    found = {}
    for name in logged[0]:
        sums = counted * np.array([np.ravel(one[name])[0] for one in logged], float)
        found[name] = np.diff(sums, prepend=0.0)
    return found
