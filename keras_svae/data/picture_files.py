"""Files of pictures, read by Pillow: which files are pictures, and their pixels."""

import dataclasses
import io
import os
from collections.abc import Mapping

import numpy as np
import PIL.Image
import PIL.ImageOps
import PIL.TiffImagePlugin
import tensorflow as tf

from keras_svae.paths import Remote, is_local

__all__ = ["WRONG", "Header", "broken", "header", "is_picture", "pixels", "read"]

# A file with such a suffix that is no picture is broken.
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
# The background behind transparent pixels.
BACKGROUND = "white"
_GREY = ("1", "L", "LA", "La", "I", "F")
_TOO_LARGE = PIL.Image.DecompressionBombError
# Pillow warns of half as many pixels; a user may have made the warning an error.
WRONG = (OSError, ValueError, SyntaxError, _TOO_LARGE, RuntimeWarning)
# For EPS, Pillow runs Ghostscript on the file, a program. It knows the others, but
# cannot decode them.
_NEVER = ("EPS", "WMF", "BUFR", "GRIB", "HDF5", "MPEG")
_ORIENTATION = 0x0112


@dataclasses.dataclass(frozen=True)
class Header:
    """What a picture's file says before its pixels: sides, and whether it is grey."""

    height: int
    width: int
    grey: bool


def is_picture(path: str) -> bool:
    """Whether a file is a picture by its content or by its name."""
    if path.lower().endswith(SUFFIXES):
        return True
    try:
        _open(path).close()
    except _TOO_LARGE:
        return True
    except WRONG:
        return False
    return True


def pixels(path: str, channels: int) -> np.ndarray:
    """The first frame of a picture, (height, width, channels) uint8.

    It is turned as its EXIF tag says. Transparent parts get a white background. If a
    picture has 16 bits, the upper 8 are used. Colour profiles and gamma are not
    applied.

    Args:
        path: The file.
        channels: 1 for grey, 3 for colours.

    Raises:
        OSError: If the file is no picture, or a part of one.
        ValueError: For numbers that are not pixels of a known range: floating point, or
            integers of 32 bits.
        PIL.Image.DecompressionBombError: For more pixels than twice
            `PIL.Image.MAX_IMAGE_PIXELS`, which can be raised.
    """
    with _open(path) as image:
        _check_range(image)
        image = PIL.ImageOps.exif_transpose(image)
        if image.mode.startswith("I"):
            image = _of_16_bits(image)
        if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or (
            "transparency" in image.info
        ):
            image = image.convert("RGBA")
            under = PIL.Image.new("RGBA", image.size, BACKGROUND)
            image = PIL.Image.alpha_composite(under, image)
        image = image.convert("L" if channels == 1 else "RGB")
        return np.asarray(image, np.uint8).reshape(image.height, image.width, channels)


def header(path: str) -> Header:
    """The sides that a picture has when it is shown, and whether it is grey.

    This takes some 0.1 ms, as pixels are read only for colours of a palette.

    Raises:
        OSError: If the file is no picture.
        ValueError: See `pixels`.
        PIL.Image.DecompressionBombError: See `pixels`.
    """
    with _open(path) as image:
        _check_range(image)
        width, height = image.size
        # Some versions of Pillow have turned the sides already.
        if isinstance(image, PIL.TiffImagePlugin.TiffImageFile):
            width, height = image.tag_v2[256], image.tag_v2[257]
        # For a PNG file without this block, Pillow would decode all of it.
        if image.format != "PNG" or "exif" in image.info:
            if image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8):
                width, height = height, width
        return Header(height, width, _is_grey(image))


def _check_range(image: PIL.Image.Image) -> None:
    """Raises for an opened file whose numbers may have any range."""
    if image.mode == "I" and image.format not in ("PNG", "PPM"):
        raise ValueError("integers of 32 bits, whose range is not known")
    if image.mode == "F":
        raise ValueError("numbers of floating point, whose range is not known")


def _is_grey(image: PIL.Image.Image) -> bool:
    """Whether a picture has no colours, by its kind or by its palette."""
    if image.mode in ("P", "PA"):
        # RGBA, as Pillow warns of palettes with transparency otherwise.
        values = np.asarray(image.convert("RGBA"))[..., :3]
        return bool((values == values[..., :1]).all())
    return image.mode in _GREY or image.mode.startswith("I;16")


def broken(errors: Mapping[str, Exception]) -> ValueError:
    """The error that names unreadable pictures, at most ten, each with the reason."""
    found = [f"{printable(path)} ({_said(one)})" for path, one in errors.items()]
    more = f" and {len(found) - 10} more" if len(found) > 10 else ""
    large = any(isinstance(one, _TOO_LARGE) for one in errors.values())
    hint = ". If you trust it, raise PIL.Image.MAX_IMAGE_PIXELS" if large else ""
    what = ", ".join(found[:10]) or "one that changed while it was read"
    return ValueError(
        f"Expected pictures that can be decoded; received: {what}{more}{hint}"
    )


def all_broken(paths: list[str], channels: int) -> dict[str, Exception]:
    """The error of each unreadable picture."""
    found: dict[str, Exception] = {}
    for path in paths:
        try:
            pixels(path, channels)
        except WRONG as error:
            found[path] = error
    return found


def _said(error: Exception) -> str:
    """Why, without the file's name, which is said before."""
    if isinstance(error, PIL.UnidentifiedImageError):
        return "no picture of a kind that is read"
    return (isinstance(error, OSError) and error.strerror) or str(error)


def read(path: tf.Tensor, channels: int) -> tf.Tensor:
    """In a graph: the pixels of the file whose name is in a scalar of bytes."""

    def named(name):
        name = os.fsdecode(name)
        try:
            return pixels(name, channels)
        except WRONG as error:
            raise broken({name: error}) from None

    made = tf.numpy_function(named, [path], tf.uint8)
    return tf.ensure_shape(made, (None, None, channels))


def printable(path: str | os.PathLike) -> str:
    """The path, with marks in place of bytes that are no text, or control a screen."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def _open(path: str) -> PIL.Image.Image:
    PIL.Image.init()
    kinds = [one for one in PIL.Image.ID if one not in _NEVER]
    if is_local(path):
        return PIL.Image.open(path, formats=kinds)
    # Pillow reads a part of a local file for its header; here it gets all of it.
    return PIL.Image.open(io.BytesIO(Remote(path).read_bytes()), formats=kinds)


def _of_16_bits(image: PIL.Image.Image) -> PIL.Image.Image:
    values = np.asarray(image).astype(np.int64)
    clear = image.info.get("transparency")
    if clear is not None:
        values = np.where(values == clear, 65535, values)
    return PIL.Image.fromarray((values / 257).round().astype(np.uint8))
