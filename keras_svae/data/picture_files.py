"""Files of pictures, read by Pillow: which files are pictures, and their pixels."""

import os
import warnings

import numpy as np
import PIL.Image
import PIL.ImageOps
import tensorflow as tf

__all__ = ["WRONG", "are_grey", "first_broken", "is_picture", "pixels", "read"]

# A file with such a suffix that is no picture is broken.
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
# The background behind transparent pixels.
BACKGROUND = "white"
_GREY = ("1", "L", "LA", "La", "I", "F")
WRONG = (OSError, ValueError, SyntaxError, PIL.Image.DecompressionBombError)


def is_picture(path: str) -> bool:
    """Whether a file is a picture by its content or by its name."""
    if path.lower().endswith(SUFFIXES):
        return True
    try:
        _open(path).close()
    except WRONG:
        return False
    return True


def pixels(path: str, channels: int) -> np.ndarray:
    """The first frame of a picture, (height, width, channels) uint8.

    It is turned as its EXIF tag says. Transparent parts get a white background. Of 16
    bits, the upper 8 are used.

    Args:
        path: The file.
        channels: 1 for grey, 3 for colours.

    Raises:
        OSError: If the file is no picture, or a part of one.
        ValueError: For numbers that are not pixels of a known range.
        PIL.Image.DecompressionBombError: For more pixels than twice
            `PIL.Image.MAX_IMAGE_PIXELS`, which can be raised.
    """
    with _open(path) as image:
        image = PIL.ImageOps.exif_transpose(image)
        if image.mode.startswith("I"):
            image = _of_16_bits(image)
        elif image.mode == "F":
            raise ValueError("numbers of floating point, whose range is not known")
        if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or (
            "transparency" in image.info
        ):
            image = image.convert("RGBA")
            under = PIL.Image.new("RGBA", image.size, BACKGROUND)
            image = PIL.Image.alpha_composite(under, image)
        image = image.convert("L" if channels == 1 else "RGB")
        return np.asarray(image, np.uint8).reshape(image.height, image.width, channels)


def are_grey(paths: list[str]) -> bool:
    """Whether pictures have no colours, by their kind or by their palette."""
    return all(map(_is_grey, paths))


def _is_grey(path: str) -> bool:
    with _open(path) as image:
        if image.mode == "P":
            values = np.asarray(image.convert("RGB"))
            return bool((values == values[..., :1]).all())
        return image.mode in _GREY or image.mode.startswith("I;16")


def first_broken(paths: list[str], channels: int) -> str:
    """Names of unreadable pictures, at most ten, each with the reason."""
    found = []
    for path in paths:
        try:
            pixels(path, channels)
        except WRONG as error:
            found.append(f"{printable(path)} ({error})")
    if not found:
        return "one that changed while it was read"
    more = f" and {len(found) - 10} more" if len(found) > 10 else ""
    return ", ".join(found[:10]) + more


def read(path: tf.Tensor, channels: int) -> tf.Tensor:
    """In a graph: the pixels of the file whose name is in a scalar of bytes."""
    made = tf.numpy_function(
        lambda name: pixels(os.fsdecode(name), channels), [path], tf.uint8
    )
    return tf.ensure_shape(made, (None, None, channels))


def printable(path: str) -> str:
    """The path, with marks in place of bytes that are no text."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _open(path: str) -> PIL.Image.Image:
    with warnings.catch_warnings():
        # At twice as many pixels, the limit raises an error.
        warnings.simplefilter("ignore", PIL.Image.DecompressionBombWarning)
        return PIL.Image.open(path)


def _of_16_bits(image: PIL.Image.Image) -> PIL.Image.Image:
    values = np.asarray(image)
    if values.min(initial=0) < 0 or values.max(initial=0) > 65535:
        raise ValueError("integers outside of [0, 65535]")
    return PIL.Image.fromarray((values / 257).round().astype(np.uint8))
