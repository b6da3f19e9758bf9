"""Crops and resizes pictures, and gathers them into one array."""

import dataclasses

import numpy as np
import tensorflow as tf

from keras_svae.arguments import whole

SQUARE = "square"


@dataclasses.dataclass(frozen=True)
class Framing:
    """The part that is cut out of each picture, and the size to which it is resized.

    Attributes:
        crop: (left, top, right, bottom) in pixels, as in Pillow; the side of a centred
            square; "square" for the largest one; or None for all of it.
        size: (height, width), or None to leave it. Shrinking averages (bilinear,
            antialiased).
    """

    crop: tuple[int, int, int, int] | int | str | None = None
    size: tuple[int, int] | None = None

    @classmethod
    def of(cls, crop, size) -> "Framing":
        """Checks what the user gave. One number stands for a square size."""
        if size is not None:
            pair = (size, size) if whole(size) else size
            if not _all_whole(pair, 2) or min(pair) < 1:
                raise ValueError(
                    "Expected size as a positive integer or (height, width); received: "
                    f"{size!r}"
                )
            size = tuple(map(int, pair))
        if crop is not None and not (isinstance(crop, str) and crop == SQUARE):
            square = whole(crop) and crop >= 1
            box = _all_whole(crop, 4) and (
                0 <= crop[0] < crop[2] and 0 <= crop[1] < crop[3]
            )
            if not square and not box:
                raise ValueError(
                    "Expected crop as a box (left, top, right, bottom) or the side of "
                    f"a centred square, in pixels, or {SQUARE!r} for the largest one; "
                    f"received: {crop!r}"
                )
            crop = int(crop) if square else tuple(map(int, crop))
        return cls(crop, size)

    def fits(self, height: int | None, width: int | None) -> None:
        """Raises if the crop reaches outside a picture of these sides."""
        crop = self.crop
        if crop is None or isinstance(crop, str) or height is None or width is None:
            return
        right, bottom = crop[2:] if isinstance(crop, tuple) else (crop, crop)
        if right > width or bottom > height:
            raise ValueError(
                f"Expected a crop inside pictures {width} wide and {height} high; "
                f"received: crop={self.crop}"
            )

    def sides(self, height: int, width: int) -> tuple[int, int]:
        """The sides of a framed picture, from its own."""
        if isinstance(self.crop, tuple):
            left, top, right, bottom = self.crop
            height, width = bottom - top, right - left
        elif isinstance(self.crop, int):
            height = width = self.crop
        elif self.crop == SQUARE:
            height = width = min(height, width)
        return self.size or (height, width)

    def __call__(self, image: tf.Tensor) -> tf.Tensor:
        """Frames pictures (..., height, width, channels), 8-bit or floats in [0, 1]."""
        image = self._cropped(image)
        if self.size is not None:
            dtype = image.dtype
            image = tf.image.resize(image, self.size, antialias=True)
            # Interpolation may round to just above the largest value.
            if dtype == tf.uint8:
                image = tf.clip_by_value(tf.round(image), 0, 255)
            else:
                image = tf.clip_by_value(image, 0, 1)
            image = tf.cast(image, dtype)
        return image

    def _cropped(self, image: tf.Tensor) -> tf.Tensor:
        if self.crop is None:
            return image
        outer, channels, sides = image.shape[:-3], image.shape[-1], image.shape[-3:-1]
        shape = tf.shape(image)
        if isinstance(self.crop, tuple):
            left, top, right, bottom = self.crop
            height, width = bottom - top, right - left
            image = tf.image.crop_to_bounding_box(image, top, left, height, width)
            return tf.ensure_shape(image, (*outer, height, width, channels))
        known = self.crop if isinstance(self.crop, int) else None
        if known is None and sides.is_fully_defined():
            known = min(sides)
        side = tf.reduce_min(shape[-3:-1]) if known is None else known
        top, left = (shape[-3] - side) // 2, (shape[-2] - side) // 2
        image = tf.image.crop_to_bounding_box(image, top, left, side, side)
        return tf.ensure_shape(image, (*outer, known, known, channels))


def decode(contents: tf.Tensor, channels: int) -> tf.Tensor:
    """The pixels of one JPEG, PNG, GIF or BMP file.

    TensorFlow's default is a fast approximation of a JPEG's cosine transform. It
    darkens red and blue by one level of 255 on average. This is the transform that
    others use.
    """
    image = tf.cond(
        tf.io.is_jpeg(contents),
        lambda: tf.io.decode_jpeg(contents, channels, dct_method="INTEGER_ACCURATE"),
        lambda: tf.io.decode_image(contents, channels, expand_animations=False),
    )
    return tf.ensure_shape(image, (None, None, channels))


def _all_whole(values, count: int) -> bool:
    return (
        isinstance(values, (tuple, list))
        and len(values) == count
        and all(map(whole, values))
    )


def collect(pictures: tf.data.Dataset, count: int, framing: Framing, name_of):
    """Frames pictures and puts them into one array, allocated once.

    Args:
        pictures: A data set of single pictures (height, width, channels), each with a
            number.
        count: How many there are.
        framing: How to frame each picture.
        name_of: Names the picture of a row, for the error message.

    Returns:
        The pictures (n, height, width, channels) and the numbers (n,).

    Raises:
        ValueError: If the framed pictures differ in size.
        tensorflow.errors.OpError: If one cannot be read.
    """

    def framed(image, number):
        return framing(image), number

    workers = tf.data.AUTOTUNE
    if pictures.element_spec[0].shape.is_fully_defined():
        blocks = pictures.batch(256).map(framed, num_parallel_calls=workers)
        return _gather(blocks, count)
    single = pictures.map(framed, num_parallel_calls=workers)
    first = next((image.shape for image, _ in single.take(1)), None)
    if first is None:
        return _gather(single.batch(1), count)
    blocks = single.map(lambda x, y: (tf.ensure_shape(x, first), y)).batch(256)
    try:
        return _gather(blocks, count)
    except tf.errors.InvalidArgumentError:
        for row, (image, _) in enumerate(single):
            if image.shape != first:
                raise of_two_sizes(
                    name_of(0), first, name_of(row), image.shape
                ) from None
        raise


def _gather(blocks: tf.data.Dataset, count: int):
    values, numbers, done = np.empty((0, 0, 0, 0)), np.empty(count, np.int64), 0
    for block, block_numbers in blocks.prefetch(2).as_numpy_iterator():
        if done == 0:
            values = np.empty((count, *block.shape[1:]), block.dtype)
        values[done : done + len(block)] = block
        numbers[done : done + len(block)] = block_numbers
        done += len(block)
    return values[:done], numbers[:done]


def of_two_sizes(first: str, shape, other: str, other_shape) -> ValueError:
    """The error for two pictures whose sizes differ."""
    return ValueError(
        "Expected pictures of one size, or size=(height, width) to resize them (and "
        f"crop={SQUARE!r} to keep their proportions); received: "
        f"{first} of {_sides(shape)} and {other} of {_sides(other_shape)}"
    )


def _sides(shape) -> str:
    return f"{shape[0]} x {shape[1]} (height x width)"


def frame_array(values: np.ndarray, framing: Framing) -> np.ndarray:
    """Frames pictures (n, height, width, channels) that are in memory already."""
    if framing == Framing():
        return values
    framing.fits(*values.shape[1:3])
    blocks = (values[i : i + 256] for i in range(0, len(values), 256))
    return np.concatenate([framing(tf.constant(block)).numpy() for block in blocks])
