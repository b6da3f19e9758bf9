"""Randomness without state: every draw is a pure function of a key.

A model folds its seed, its saved `step`, the replica's index and the turn into one
key, and everything random in that turn (samples of the laws, noise fed to implicit
networks, dropout masks) is drawn from it. So a resumed run continues with the very
numbers the killed one would have drawn, and two replicas never share noise. A
`keras.random.SeedGenerator` gives neither: its state is not saved, and each replica
holds the same one.
"""

import contextlib
import contextvars
import zlib
from collections.abc import Iterator

import tensorflow as tf

__all__ = ["Noise", "draw", "scope"]


class Noise:
    """A key from which named draws are made.

    The same key and name always give the same numbers; different names give
    independent ones.

    Args:
        seed: An int, or an int32 tensor of shape (2,): a key as
            `tf.random.stateless_*` takes it.
    """

    def __init__(self, seed: "int | tf.Tensor"):
        if isinstance(seed, int):
            seed = [seed & 0x7FFFFFFF, seed >> 31]
        key = tf.cast(seed, tf.int32)
        self.key = tf.stack([key, 0]) if key.shape.rank == 0 else key
        self._unnamed = 0

    def fold(self, number: "int | tf.Tensor") -> "Noise":
        """Another independent source, told apart by an integer."""
        number = tf.cast(number, tf.int32)
        return Noise(tf.random.experimental.stateless_fold_in(self.key, number))

    def seed(self, name: str | None = None) -> tf.Tensor:
        """The int32 (2,) seed of the draw called `name`.

        Without a name each call gives a new seed, in the order of the calls.
        """
        if name is None:
            self._unnamed += 1
            return self.fold(self._unnamed).key
        return self.fold(zlib.crc32(name.encode()) & 0x7FFFFFFF).key

    def normal(self, shape, name: str | None = None) -> tf.Tensor:
        """Standard normal float32 values of this shape."""
        return tf.random.stateless_normal(shape, self.seed(name))

    def uniform(
        self, shape, name: str | None = None, minval=0.0, maxval=1.0
    ) -> tf.Tensor:
        """Uniform float32 values in [minval, maxval) of this shape."""
        return tf.random.stateless_uniform(shape, self.seed(name), minval, maxval)


# Per thread, which is what a replica of MirroredStrategy is traced in.
_current: contextvars.ContextVar[Noise | None] = contextvars.ContextVar(
    "noise", default=None
)


@contextlib.contextmanager
def scope(noise: "Noise | int | tf.Tensor") -> Iterator[Noise]:
    """Within it, the layers that need noise draw it from `noise`.

    Example:
        with ks.noise.scope(3):
            z = encoder(x)      # the same noise at every run
    """
    noise = noise if isinstance(noise, Noise) else Noise(noise)
    token = _current.set(noise)
    try:
        yield noise
    finally:
        _current.reset(token)


def draw(shape, law: str = "normal") -> tf.Tensor:
    """Noise for a layer: of the current scope, else of TensorFlow's own generator.

    Args:
        shape: The shape, its batch dimension may be a tensor.
        law: "normal" for N(0, 1), "uniform" for U(0, 1), "symmetric" for U(-1, 1).
    """
    noise = _current.get()
    if law == "normal":
        return tf.random.normal(shape) if noise is None else noise.normal(shape)
    low = -1.0 if law == "symmetric" else 0.0
    if noise is None:
        return tf.random.uniform(shape, low, 1.0)
    return noise.uniform(shape, minval=low)
