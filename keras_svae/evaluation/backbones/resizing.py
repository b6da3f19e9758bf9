"""Ways to resize images, those of published scores by name."""

from collections.abc import Callable, Mapping

import tensorflow as tf

__all__ = ["PUBLISHED", "RESIZE", "check_published", "resized"]

# The methods of `tf.image.resize`.
METHODS = (
    "area",
    "bicubic",
    "bilinear",
    "gaussian",
    "lanczos3",
    "lanczos5",
    "mitchellcubic",
    "nearest",
)


def _tf1_bilinear(x, size):
    """TensorFlow 1's: corners of pixels stand for centres, and nothing is averaged."""
    return tf.raw_ops.ResizeBilinear(images=x, size=size)


def _pytorch_bilinear(x, size):
    """PyTorch's `interpolate`: centres of pixels, and nothing is averaged."""
    return tf.image.resize(x, size, "bilinear", antialias=False)


def _clean(x, size):
    """Pillow's bicubic filter on floats: as wide as needed to average what is left out.

    TensorFlow's has the same kernel, Keys's with a = -1/2.
    """
    return tf.image.resize(x, size, "bicubic", antialias=True)


PUBLISHED: Mapping[str, Callable] = {
    "tf1_bilinear": _tf1_bilinear,
    "pytorch_bilinear": _pytorch_bilinear,
    "clean": _clean,
}
RESIZE = (*METHODS, *PUBLISHED)


def check_published(resize: str) -> None:
    """Raises a ValueError unless it is a way in which published scores resize."""
    if resize not in PUBLISHED:
        raise ValueError(
            f"Expected resize to be one of {list(PUBLISHED)}; received: {resize!r}"
        )


def resized(x: tf.Tensor, size: tuple[int, int], method: str, antialias: bool):
    """Images (batch, height, width, channels) of another height and width.

    Args:
        x: Images.
        size: (height, width).
        method: One of `RESIZE`.
        antialias: Whether a method of `tf.image.resize` averages over what is left out;
            the published ones say it themselves.
    """
    if method in PUBLISHED:
        return PUBLISHED[method](x, size)
    return tf.image.resize(x, size, method, antialias=antialias)
