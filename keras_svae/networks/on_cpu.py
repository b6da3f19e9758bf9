"""Products and convolutions in the forms that a CPU computes fast.

The numbers are those of TensorFlow's own operations up to rounding. Each function here
has its own gradient, whose parts have a gradient again. On other devices TensorFlow's
forms are used.
"""

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

__all__ = ["convolved", "few_maps", "product", "transposed", "worthwhile"]

# A matrix with as many numbers does not stay in a core's cache.
LARGE = 2**20
# A CPU's kernels compute this many maps at a time, so fewer are not faster.
MAPS = 16


def worthwhile(x: tf.Tensor, shape: Sequence[int]) -> bool:
    """Whether `product` by weights of this shape may be faster than TensorFlow's."""
    large = math.prod(shape) >= LARGE
    return large and x.shape.rank == 2 and x.dtype == tf.float32 and _alone()


@tf.custom_gradient
def product(x: tf.Tensor, weights: tf.Tensor):
    """x W, (batch, units), of a large W.

    TensorFlow's gradient multiplies by the transposed W, which reads W against the
    order of its numbers. Here the few rows are transposed instead.
    """

    def gradient(upstream):
        of_x = tf.transpose(tf.matmul(weights, upstream, transpose_b=True))
        return of_x, tf.matmul(x, upstream, transpose_a=True)

    return tf.matmul(x, weights), gradient


def few_maps(maps: int, stride: int, padding: str, size: Sequence) -> bool:
    """Whether `transposed` to this many maps of a size may be faster than TensorFlow.

    A size that is not known yet has None.
    """
    few = stride > 1 and maps * stride**2 <= MAPS
    return few and padding == "same" and None not in size and _alone()


def _alone() -> bool:
    """Whether no device is there beside CPUs."""
    return not tf.config.list_logical_devices("GPU")


def _phases(kernel: int, stride: int, before: int) -> tuple[np.ndarray, list[int]]:
    """The taps of each phase of one axis, and the zeros that they need at both ends.

    Output j = stride q + r is the sum over i of input i times tap j - stride i +
    before. In the order of inputs, row by row, these are the taps of the phases r; the
    number `kernel` stands where there is none.
    """
    phases = range(stride)
    most = max((kernel - 1 - r - before) // stride for r in phases)
    least = min(math.ceil((-r - before) / stride) for r in phases)
    taps = np.array(
        [
            [stride * back + r + before for r in phases]
            for back in range(most, least - 1, -1)
        ]
    )
    taps[(taps < 0) | (taps >= kernel)] = kernel
    return taps, [most, -least]


def _padding(size: int, kernel: int, stride: int) -> int:
    """Zeros before the first of `size` inputs of a convolution with padding "same"."""
    count = -(-size // stride)
    return max((count - 1) * stride + kernel - size, 0) // 2


def transposed(
    x: tf.Tensor, kernel: tf.Tensor, size: tuple[int, int], stride: int
) -> tf.Tensor:
    """A transposed convolution with padding "same" to few maps.

    For one map, a CPU's kernel takes as long as for sixteen. So the pixels of a square
    of `stride` by `stride` are made as maps of one convolution, and then put in place.

    Args:
        x: (batch, height, width, inputs).
        kernel: (rows, columns, maps, inputs).
        size: Height and width of the output.
        stride: Of both axes.

    Returns:
        (batch, *size, maps).
    """

    @tf.custom_gradient
    def made(x, kernel):
        def gradient(upstream):
            of_kernel = _of_kernel(upstream, kernel, x, stride)
            return convolved(upstream, kernel, stride), of_kernel

        taps, zeros = _taps(kernel, size, stride)
        phases = tf.nn.conv2d(x, taps, 1, zeros)
        found = tf.nn.depth_to_space(phases, stride)
        return found[:, : size[0], : size[1]], gradient

    return made(x, kernel)


def convolved(x: tf.Tensor, kernel: tf.Tensor, stride: int) -> tf.Tensor:
    """A convolution with padding "same" of few maps, whose gradient is `transposed`.

    Args:
        x: (batch, height, width, maps), height and width known.
        kernel: (rows, columns, maps, filters).
        stride: Of both axes.
    """
    size = x.shape[1], x.shape[2]

    @tf.custom_gradient
    def made(x, kernel):
        def gradient(upstream):
            of_kernel = _of_kernel(x, kernel, upstream, stride)
            return transposed(upstream, kernel, size, stride), of_kernel

        return tf.nn.conv2d(x, kernel, stride, "SAME"), gradient

    return made(x, kernel)


def _taps(kernel: tf.Tensor, size, stride: int) -> tuple[tf.Tensor, list]:
    """The kernel of the convolution that makes all phases, and its zeros around x."""
    rows, columns, maps, inputs = kernel.shape
    of_rows, above = _phases(rows, stride, _padding(size[0], rows, stride))
    of_columns, left = _phases(columns, stride, _padding(size[1], columns, stride))
    taps = tf.pad(kernel, [[0, 1], [0, 1], [0, 0], [0, 0]])
    taps = tf.gather(taps, of_rows.ravel(), axis=0)
    taps = tf.gather(taps, of_columns.ravel(), axis=1)
    high, wide = len(of_rows), len(of_columns)
    taps = tf.reshape(taps, [high, stride, wide, stride, maps, inputs])
    taps = tf.transpose(taps, [0, 2, 5, 1, 3, 4])
    taps = tf.reshape(taps, [high, wide, inputs, stride**2 * maps])
    return taps, [[0, 0], above, left, [0, 0]]


def _of_kernel(x, kernel, upstream, stride: int) -> tf.Tensor:
    """The gradient of a convolution of x in its kernel."""
    return tf.raw_ops.Conv2DBackpropFilter(
        input=x,
        filter_sizes=kernel.shape,
        out_backprop=upstream,
        strides=[1, stride, stride, 1],
        padding="SAME",
    )
