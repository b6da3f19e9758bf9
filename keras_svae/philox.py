"""Draws by the Philox algorithm, whatever the device and the compiler.

`tf.random.stateless_*` choose an algorithm by device and compiler, so that XLA draws
other numbers. With `alg="philox"` the random bits are the same, but XLA makes other
floats of them. So only the bits are TensorFlow's here. The numbers made from them are
those of TensorFlow on a CPU without XLA; the normal ones up to rounding.

`alg="philox"` would also take some forty graph nodes to make Philox's key and counter
of a seed. Here it is five.
"""

import contextlib
import contextvars
import math
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

__all__ = [
    "bits",
    "drawn_by",
    "integers",
    "is_given",
    "is_part",
    "normal",
    "rows",
    "split",
    "uniform",
    "without_xla",
]

ALGORITHM = tf.random.Algorithm.PHILOX.value
# From TensorFlow's core/kernels/stateless_random_ops.cc, as are the steps of `_start`.
SCRAMBLE = np.array([0x02461E293EC8F720], np.uint64)
SECOND = np.array([0, 2**64 - 1], np.uint64)


# One value per thread: each replica of MirroredStrategy is traced in its own thread.
_without_xla: contextvars.ContextVar[bool] = contextvars.ContextVar(
    "without_xla", default=False
)


@contextlib.contextmanager
def without_xla(known: bool = True) -> Iterator[None]:
    """Within it, normal and uniform numbers are drawn by TensorFlow's own kernels.

    They are the same up to rounding, with a few nodes where these functions need
    dozens. XLA must not compile what is traced in it: it would draw other numbers.

    Args:
        known: Whether it is known that XLA does not compile it.
    """
    token = _without_xla.set(known)
    try:
        yield
    finally:
        _without_xla.reset(token)


# Which rows of a larger draw are drawn: the first one, and how many.
_rows: contextvars.ContextVar[tuple[int, int] | None] = contextvars.ContextVar(
    "rows", default=None
)
# What draws in place of this module, if anything does, and in which graph.
_source: contextvars.ContextVar[tuple | None] = contextvars.ContextVar(
    "source", default=None
)


@contextlib.contextmanager
def rows(start: int, count: int) -> Iterator[None]:
    """Within it, normal and uniform draws are a part of larger draws.

    A draw for `count` rows gives what a draw for all rows, of the same seed, has from
    the row `start` on. So what is calculated in parts has the noise of the whole. Each
    row has an equal part of a draw, in the order of rows.

    Args:
        start: The first row.
        count: The number of rows.
    """
    token = _rows.set((start, count))
    try:
        yield
    finally:
        _rows.reset(token)


def is_part() -> bool:
    """Whether it is called within `rows`."""
    return _rows.get() is not None


@contextlib.contextmanager
def drawn_by(source: Callable[[str, tf.Tensor], tf.Tensor]) -> Iterator[None]:
    """Within it, `source(law, shape)` gives the normal and uniform numbers.

    For formats without random operators: there, the numbers are inputs. Graphs within
    the graph draw as usual: TFP traces some to learn shapes, and throws them away.

    Args:
        source: Gives float32 draws of this shape, from N(0, 1) for the law "normal",
            from U[0, 1) for "uniform".
    """
    token = _source.set((source, _graph()))
    try:
        yield
    finally:
        _source.reset(token)


def is_given() -> bool:
    """Whether something else draws, see `drawn_by`."""
    return _source_here() is not None


def _source_here() -> Callable[[str, tf.Tensor], tf.Tensor] | None:
    found = _source.get()
    return found[0] if found is not None and found[1] is _graph() else None


def _graph() -> tf.Graph | None:
    return None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()


def _given(law: str, shape, dtype) -> tf.Tensor | None:
    source = _source_here()
    return None if source is None else tf.cast(source(law, _shape(shape)), dtype)


def normal(shape, seed, dtype=tf.float32) -> tf.Tensor:
    """Draws from N(0, 1), of this shape; an int32 (2,) seed."""
    given = _given("normal", shape, dtype)
    if given is not None:
        return given
    part = _rows.get()
    if _without_xla.get() and dtype == tf.float32 and part is None:
        return tf.random.stateless_normal(shape, seed)
    shape = _shape(shape)
    count = tf.reduce_prod(shape)
    if part is not None:
        before = _before(count, part)
        # Numbers are made in pairs.
        extra = before % 2
        pairs = _normal_pairs(before // 2, (count + extra + 1) // 2, seed)
        return tf.cast(tf.reshape(pairs[extra : extra + count], shape), dtype)
    pairs = _normal_pairs(0, (count + 1) // 2, seed)
    return tf.cast(tf.reshape(pairs[:count], shape), dtype)


def _normal_pairs(first, count, seed) -> tf.Tensor:
    """Pairs of normal numbers, one after the other, from the first one on."""
    words = bits([count, 2], seed, first=2 * first)
    x, y = tf.unstack(_fractions(words), axis=1)
    # The method of Box and Muller. The angle is rounded once, as in TensorFlow.
    angle = tf.cast(tf.cast(y, tf.float64) * (2 * math.pi), tf.float32)
    size = tf.sqrt(-2.0 * tf.math.log(tf.maximum(x, 1e-7)))
    return tf.reshape(tf.stack([size * tf.sin(angle), size * tf.cos(angle)], 1), [-1])


def uniform(shape, seed, minval=0.0, maxval=1.0, dtype=tf.float32) -> tf.Tensor:
    """Draws from U[minval, maxval), of this shape; an int32 (2,) seed.

    In float32 they are whole multiples of 2^-23 (maxval - minval), in float64 of 2^-52.
    """
    given, part = _given("uniform", shape, dtype), _rows.get()
    plain = given is None and dtype == tf.float32 and part is None
    if plain and _without_xla.get():
        return tf.random.stateless_uniform(shape, seed, minval, maxval)
    drawn = given if given is not None else _fractions_of(shape, seed, dtype, part)
    kind = drawn.dtype.as_numpy_dtype
    low, high = (
        value if tf.is_tensor(value) else kind(value) for value in (minval, maxval)
    )
    if isinstance(low, kind) and isinstance(high, kind) and (low, high) == (0, 1):
        return drawn
    return drawn * (high - low) + low


def _fractions_of(shape, seed, dtype, part: tuple[int, int] | None) -> tf.Tensor:
    """Draws from U[0, 1), of these rows of a larger draw."""
    first = 0 if part is None else _before(tf.reduce_prod(_shape(shape)), part)
    if dtype == tf.float64:
        return _long_fractions(bits(shape, seed, tf.uint64, first))
    return tf.cast(_fractions(bits(shape, seed, first=first)), dtype)


def integers(shape, seed, below: int) -> tf.Tensor:
    """Draws int32 from 0 .. below - 1, of this shape; an int32 (2,) seed."""
    return tf.raw_ops.StatelessRandomUniformIntV2(
        shape=_shape(shape), **_start(seed), minval=0, maxval=below
    )


def bits(shape, seed, dtype=tf.int32, first: int | tf.Tensor = 0) -> tf.Tensor:
    """Draws any integer of the type, of this shape; an int32 (2,) seed.

    Args:
        shape: The shape.
        seed: The seed.
        dtype: An integer type of 32 or 64 bits.
        first: The place at which the draw begins, in a longer draw of the same seed.
    """
    shape, start = _shape(shape), _start(seed)
    if isinstance(first, int) and first == 0:
        return tf.raw_ops.StatelessRandomUniformFullIntV2(
            shape=shape, **start, dtype=dtype
        )
    # Philox counts blocks of 128 bits.
    each = 16 // dtype.size
    first = tf.cast(first, tf.int64)
    blocks = tf.stack([tf.cast(first // each, tf.uint64), 0])
    extra, count = first % each, tf.cast(tf.reduce_prod(shape), tf.int64)
    drawn = tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=[extra + count],
        key=start["key"],
        counter=start["counter"] + blocks,
        alg=start["alg"],
        dtype=dtype,
    )
    return tf.reshape(drawn[extra:], shape)


def _before(count, part: tuple[int, int]) -> tf.Tensor:
    """How many of the larger draw's numbers come before those of these rows."""
    start, size = part
    return start * (count // size)


def split(seed) -> list[tf.Tensor]:
    """Two seeds made from one, as `tfp.random.split_seed` makes them."""
    return tf.unstack(bits([2, 2], seed))


def _fractions(words) -> tf.Tensor:
    """Multiples of 2^-23 in [0, 1) by the low bits of int32 words, float32."""
    words = tf.bitwise.bitwise_and(words, 2**23 - 1)
    return tf.cast(words, tf.float32) * np.float32(2**-23)


def _long_fractions(words) -> tf.Tensor:
    """Multiples of 2^-52 in [0, 1) of uint64 words, float64."""
    # The low half's last 20 bits come before the high half.
    high = tf.bitwise.bitwise_and(words, 2**20 - 1)
    low = tf.bitwise.right_shift(words, 32)
    return tf.cast(high, tf.float64) * 2.0**-20 + tf.cast(low, tf.float64) * 2.0**-52


def _start(seed) -> dict:
    """Key and counter that the draws of a seed start from, and the algorithm."""
    algorithm = tf.constant(ALGORITHM)
    mixed = tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=[2],
        key=SCRAMBLE,
        counter=tf.cast(seed, tf.uint64),
        alg=algorithm,
        dtype=tf.uint64,
    )
    key, _ = tf.split(mixed, 2)
    counter = tf.bitwise.bitwise_and(mixed, SECOND)
    return {"key": key, "counter": counter, "alg": algorithm}


def _shape(shape) -> tf.Tensor:
    # An empty list would be float32.
    return tf.convert_to_tensor(shape, dtype_hint=tf.int32)
