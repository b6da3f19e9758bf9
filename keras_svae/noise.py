"""Randomness without state: every draw is a pure function of a key.

A model folds its seed, its saved `step`, the replica's index and the turn into one
key. Everything random in that turn (samples of the laws, noise fed to implicit
networks, dropout masks) is drawn from it. So a resumed run continues with the same
numbers that the killed run would have drawn, and two replicas never share noise. A
`keras.random.SeedGenerator` gives neither: its state is not saved, and all replicas
have the same state.

XLA draws the same numbers, up to rounding: see `keras_svae.philox`.
"""

import contextlib
import contextvars
import numbers
import zlib
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from keras_svae import philox

__all__ = ["Noise", "check_seed", "draw", "rows", "scope"]


def check_seed(value, name: str = "seed") -> int:
    """The seed as an int; raises unless it is an integer, 0 <= seed < 2**63.

    Args:
        value: An integer of Python or NumPy, or one in a tensor that has a value.
        name: What the error calls it.

    Raises:
        ValueError: For anything else, such as True, 1.0 or -1.
    """
    number = value
    if tf.is_tensor(value) or isinstance(value, np.ndarray):
        number = np.asarray(value)[()]
    # Python takes True for 1.
    whole = isinstance(number, numbers.Integral) and not isinstance(number, bool)
    if not whole or not 0 <= number < 2**63:
        raise ValueError(
            f"Expected an integer 0 <= {name} < 2**63; received: {name}={value!r}"
        )
    return int(number)


class Noise:
    """A key from which named draws are made.

    The same key and name always give the same numbers; different names give
    independent ones.

    Args:
        seed: An integer, 0 <= seed < 2**63, of Python, NumPy or a scalar tensor; or
            int32 of shape (2,): a key for `tf.random.stateless_*`. A scalar in a graph
            is not checked: there a negative int32 is a further seed, which no integer
            gives.

    Raises:
        ValueError: For a seed that is not an integer of this range.
    """

    def __init__(self, seed: "int | np.integer | tf.Tensor"):
        self.key = _key(seed)
        self._unnamed = 0
        self._half: tuple[object, tf.Tensor] | None = None

    def fold(self, number: "int | tf.Tensor") -> "Noise":
        """Another independent source, which an integer identifies."""
        # What `tf.random.fold_in` gives.
        return Noise(tf.stack([self._first_half(), tf.cast(number, tf.int32)]))

    def _first_half(self) -> tf.Tensor:
        """The half that all keys folded from this one share, drawn once in a graph."""
        graph = None
        if not tf.executing_eagerly():
            graph = tf.compat.v1.get_default_graph()
        if self._half is None or self._half[0] is not graph:
            known = tf.get_static_value(self.key)
            if known is None:
                half = philox.bits([], self.key)
            else:
                # This runs while a graph is traced, not at its every call.
                with tf.init_scope():
                    half = philox.bits([], known)
            self._half = graph, half
        return self._half[1]

    def seed(self, name: str | None = None) -> tf.Tensor:
        """The int32 (2,) seed of the draw called `name`.

        Without a name each call gives a new seed, in the order of the calls.

        Raises:
            ValueError: For a name that is no text.
        """
        if name is None:
            self._unnamed += 1
            return self.fold(self._unnamed).key
        if not isinstance(name, str):
            raise ValueError(f"Expected a text as name of a draw; received: {name!r}")
        return self.fold(zlib.crc32(name.encode()) & 0x7FFFFFFF).key

    def normal(self, shape, name: str | None = None) -> tf.Tensor:
        """Standard normal float32 values of this shape."""
        return philox.normal(shape, self.seed(name))

    def uniform(
        self, shape, name: str | None = None, minval=0.0, maxval=1.0
    ) -> tf.Tensor:
        """Uniform float32 values in [minval, maxval) of this shape."""
        return philox.uniform(shape, self.seed(name), minval, maxval)


def _key(seed) -> tf.Tensor:
    """The int32 (2,) key of a seed, or a key itself."""
    if isinstance(seed, (list, tuple)) or getattr(seed, "shape", ()) != ():
        key = tf.cast(seed, tf.int32)
        key.shape.assert_is_compatible_with([2])
        return key
    if not tf.is_tensor(seed) or hasattr(seed, "numpy"):
        number = check_seed(seed)
        # The second half is in two's complement, so that each seed has a key of its
        # own.
        halves = np.array([number & 0x7FFFFFFF, number >> 31], np.uint32)
        return tf.constant(halves.view(np.int32))
    if not seed.dtype.is_integer:
        raise ValueError(
            f"Expected an integer 0 <= seed < 2**63; received: {seed.dtype.name}"
        )
    if seed.dtype == tf.int32:
        return tf.stack([seed, 0])
    seed = tf.cast(seed, tf.int64)
    halves = tf.stack(
        [tf.bitwise.bitwise_and(seed, 0x7FFFFFFF), tf.bitwise.right_shift(seed, 31)]
    )
    return tf.cast(halves, tf.int32)


# One value per thread: each replica of MirroredStrategy is traced in its own thread.
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


@contextlib.contextmanager
def rows(start: int, count: int) -> Iterator[None]:
    """Within it, `count` rows get the noise that they would get among all rows.

    See `keras_svae.philox.rows`. Draws without a name begin with the same one in each
    part.

    Args:
        start: The first row of this part.
        count: How many rows it has.
    """
    now = _current.get()
    with contextlib.ExitStack() as stack:
        if now is not None:
            copied = Noise(now.key)
            copied._unnamed = now._unnamed
            stack.enter_context(scope(copied))
        stack.enter_context(philox.rows(start, count))
        yield


def draw(shape, law: str = "normal") -> tf.Tensor:
    """Noise for a layer: from the current scope, else from TensorFlow's own generator.

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
