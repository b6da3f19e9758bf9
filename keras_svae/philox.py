"""Draws by the Philox algorithm, whatever the device and the compiler.

`tf.random.stateless_*` choose an algorithm by device and compiler, so that XLA draws
other numbers, unless `alg="philox"` is given. With it they draw what is drawn here, but
take some forty graph nodes to make Philox's key and counter of a seed. Here it is five.
"""

import numpy as np
import tensorflow as tf

__all__ = ["bits", "integers", "normal", "split", "uniform"]

ALGORITHM = tf.random.Algorithm.PHILOX.value
# Of TensorFlow's core/kernels/stateless_random_ops.cc, as are the steps of `_start`.
SCRAMBLE = np.array([0x02461E293EC8F720], np.uint64)
SECOND = np.array([0, 2**64 - 1], np.uint64)


def normal(shape, seed, dtype=tf.float32) -> tf.Tensor:
    """Draws from N(0, 1), of this shape; an int32 (2,) seed."""
    return tf.raw_ops.StatelessRandomNormalV2(
        shape=_shape(shape), **_start(seed), dtype=dtype
    )


def uniform(shape, seed, minval=0.0, maxval=1.0, dtype=tf.float32) -> tf.Tensor:
    """Draws from U[minval, maxval), of this shape; an int32 (2,) seed."""
    drawn = tf.raw_ops.StatelessRandomUniformV2(
        shape=_shape(shape), **_start(seed), dtype=dtype
    )
    kind = drawn.dtype.as_numpy_dtype
    low, high = (
        value if tf.is_tensor(value) else kind(value) for value in (minval, maxval)
    )
    if isinstance(low, kind) and isinstance(high, kind) and (low, high) == (0, 1):
        return drawn
    return drawn * (high - low) + low


def integers(shape, seed, below: int) -> tf.Tensor:
    """Draws int32 from 0 .. below - 1, of this shape; an int32 (2,) seed."""
    return tf.raw_ops.StatelessRandomUniformIntV2(
        shape=_shape(shape), **_start(seed), minval=0, maxval=below
    )


def bits(shape, seed) -> tf.Tensor:
    """Draws any int32, of this shape; an int32 (2,) seed."""
    return tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=_shape(shape), **_start(seed), dtype=tf.int32
    )


def split(seed) -> list[tf.Tensor]:
    """Two seeds of one, as `tfp.random.split_seed` makes them."""
    return tf.unstack(bits([2, 2], seed))


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
