"""Pictures as arrays: pure functions, NumPy in, uint8 (height, width, channels) out.

picture = ks.pictures.plots.grid(model.generate(64))
ks.pictures.plots.save("samples.png", picture)
"""

import io
import math
import os

import numpy as np
import PIL.Image

from keras_svae import arguments, codes, files
from keras_svae.game import checks
from keras_svae.pictures.charts import histogram, reliability, scatter
from keras_svae.telling import warn

__all__ = [
    "grid",
    "histogram",
    "interpolate",
    "pairs",
    "reliability",
    "save",
    "scatter",
    "to_uint8",
]

# A tile is enlarged, by a whole factor, to at least this many pixels.
READABLE = 64
GAP_COLOR = 128


def to_uint8(images, value_range: tuple[float, float] = (0.0, 1.0)) -> np.ndarray:
    """Floats to bytes: the ends of the range to 0 and 255, clipped beyond them.

    If most values lie beyond the range, it warns.

    Args:
        images: (batch, height, width, channels), 1 or 3 channels. Integers have to lie
            in the range: of 8-bit images give `value_range=(0, 255)`.
        value_range: Which values are black and white.

    Raises:
        ValueError: For another shape, NaN, integers beyond the range, or an empty
            range.
    """
    images = np.asarray(images)
    whole = images.dtype.kind in "iu"
    kind = images.dtype.name
    images = images.astype(np.float32)
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or 0 in images.shape:
        raise ValueError(
            "Expected images (batch, height, width, 1 or 3); received: shape "
            f"{images.shape}"
        )
    low, high = arguments.value_range("value_range", value_range)
    if np.isnan(images).any():
        raise ValueError("Expected images without NaN; received: NaN")
    beyond = float(((images < low) | (images > high)).mean())
    if whole and beyond:
        raise ValueError(
            f"Expected images as floats in [{low:g}, {high:g}], the value_range; "
            f"received: {kind} from {images.min():g} to {images.max():g}. Divide 8-bit "
            "images by 255, or give value_range=(0, 255)"
        )
    if beyond > 0.5:
        warn(
            f"Expected images in [{low:g}, {high:g}], the value_range; received: "
            f"values from {images.min():g} to {images.max():g}, most of them beyond it"
        )
    share = (np.clip(images, low, high) - low) / (high - low)
    return np.round(255 * share).astype(np.uint8)


def grid(
    images,
    columns: int | None = None,
    *,
    value_range: tuple[float, float] = (0.0, 1.0),
    zoom: int | None = None,
    smooth: bool = False,
    gap: int = 2,
) -> np.ndarray:
    """Images side by side, row after row.

    Args:
        images: (batch, height, width, channels) in `value_range`.
        columns: Images in a row; None for as many as rows.
        value_range: Which values are black and white.
        zoom: Whole factor by which each image is enlarged; None for the smallest that
            makes it 64 pixels wide and high.
        smooth: Enlarge with bicubic interpolation, not pixel by pixel. This makes
            digits of 8 x 8 pixels much easier to read.
        gap: Grey pixels between and around the images.

    Returns:
        uint8 (rows * (zoom * height + gap) + gap, ..., channels).

    Raises:
        ValueError: As `to_uint8`, and for a count that is none.
    """
    _check(columns, zoom, smooth, gap)
    tiles = _zoomed(images, value_range, zoom, smooth)
    return _arranged(tiles, columns or math.ceil(math.sqrt(len(tiles))), gap)


def pairs(
    x,
    reconstructions,
    columns: int | None = None,
    *,
    value_range: tuple[float, float] = (0.0, 1.0),
    zoom: int | None = None,
    smooth: bool = False,
    gap: int = 2,
) -> np.ndarray:
    """A grid of inputs, each with its reconstruction right below it.

    Args:
        x: Inputs (batch, height, width, channels).
        reconstructions: The same number of images, of the same shape.
        columns: Pairs in a row; None for twice the root of their number, so that 64
            pairs are 16 images wide and 8 high.
        value_range: See `grid`.
        zoom: See `grid`.
        smooth: See `grid`.
        gap: Grey pixels within a pair; between pairs there are four times as many.

    Returns:
        uint8 (height, width, channels).
    """
    _check(columns, zoom, smooth, gap)
    above, below = (
        _zoomed(images, value_range, zoom, smooth) for images in (x, reconstructions)
    )
    if above.shape != below.shape:
        raise ValueError(
            f"Expected reconstructions of the inputs' shape {np.shape(x)}; received: "
            f"shape {np.shape(reconstructions)}"
        )
    n, _, width, channels = above.shape
    between = np.full((n, gap, width, channels), GAP_COLOR, np.uint8)
    both = np.concatenate([above, between, below], axis=1)
    return _arranged(both, columns or 2 * math.ceil(math.sqrt(n)), 4 * gap)


def _check(columns, zoom, smooth, gap) -> None:
    checks.counts(1, columns=columns, zoom=zoom)
    checks.counts(0, gap=gap)
    checks.flag("smooth", smooth)


def _zoomed(images, value_range, zoom, smooth) -> np.ndarray:
    tiles = to_uint8(images, value_range)
    n, height, width, channels = tiles.shape
    zoom = zoom or math.ceil(READABLE / min(height, width))
    if not smooth:
        return tiles.repeat(zoom, axis=1).repeat(zoom, axis=2)
    size = zoom * width, zoom * height
    return np.stack(
        [
            np.asarray(_image(tile).resize(size, PIL.Image.Resampling.BICUBIC))
            for tile in tiles
        ]
    ).reshape(n, *size[::-1], channels)


def _image(picture: np.ndarray) -> PIL.Image.Image:
    grey = picture.ndim == 3 and picture.shape[-1] == 1
    return PIL.Image.fromarray(picture[..., 0] if grey else picture)


def _arranged(tiles: np.ndarray, columns: int, gap: int) -> np.ndarray:
    n, height, width, channels = tiles.shape
    columns = min(columns, n)
    rows = math.ceil(n / columns)
    down, right = height + gap, width + gap
    shape = (rows * down + gap, columns * right + gap, channels)
    picture = np.full(shape, GAP_COLOR, np.uint8)
    for i, tile in enumerate(tiles):
        top, left = gap + i // columns * down, gap + i % columns * right
        picture[top : top + height, left : left + width] = tile
    return picture


def interpolate(start, end, steps: int, *, prior: str = "normal") -> np.ndarray:
    """`ks.codes.interpolate`: an arc under a normal prior, else a straight line.

    Args:
        start: Codes (batch, latent_dim).
        end: Codes of the same shape.
        steps: How many codes on each way, at least 2.
        prior: "normal" or "uniform".

    Returns:
        float32 (batch, steps, latent_dim).
    """
    checks.choice("prior", prior, ("normal", "uniform"))
    way = "spherical" if prior == "normal" else "linear"
    return codes.interpolate(start, end, steps, way=way)


def save(path: str | os.PathLike, picture: np.ndarray) -> None:
    """Writes a picture as PNG, completely or not at all.

    Args:
        path: A file; if its name ends as that of a picture, in `.png`.
        picture: uint8 (height, width, channels), 1, 3 or 4 channels, or (height,
            width).

    Raises:
        ValueError: For another name, or what is no picture.
    """
    ending = os.path.splitext(str(path))[1].lower()
    if ending != ".png" and ending in PIL.Image.registered_extensions():
        raise ValueError(f"Expected a path that ends in .png; received: {path}")
    picture = np.asarray(picture)
    one = picture.ndim == 2 or (picture.ndim == 3 and picture.shape[-1] in (1, 3, 4))
    if picture.dtype != np.uint8 or not one or not picture.size:
        raise ValueError(
            "Expected a picture, uint8 (height, width, 1, 3 or 4) or (height, width); "
            f"received: {picture.dtype} of shape {picture.shape}. plots.grid makes one "
            "of images"
        )
    memory = io.BytesIO()
    _image(picture).save(memory, format="PNG")
    files.write(path, memory.getvalue())
