"""Pictures as arrays: pure functions, NumPy in, uint8 (height, width, channels) out.

picture = ks.pictures.plots.grid(model.generate(64))
ks.pictures.plots.save("samples.png", picture)
"""

import math
import os
import pathlib

import matplotlib
import numpy as np
import PIL.Image
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

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

# A tile is enlarged, by a whole factor, to at least so many pixels.
READABLE = 64
GAP_COLOR = 128


def to_uint8(images, value_range: tuple[float, float] = (0.0, 1.0)) -> np.ndarray:
    """Floats to bytes: the ends of the range to 0 and 255, clipped beyond them.

    Args:
        images: (batch, height, width, channels), 1 or 3 channels.
        value_range: Which values are black and white.

    Raises:
        ValueError: For another shape, NaN, or an empty range.
    """
    images = np.asarray(images, np.float32)
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or 0 in images.shape:
        raise ValueError(
            "Expected images (batch, height, width, 1 or 3); received: shape "
            f"{images.shape}"
        )
    low, high = value_range
    if not high > low:
        raise ValueError(
            f"Expected value_range to be (low, high); received: {value_range}"
        )
    if np.isnan(images).any():
        raise ValueError("Expected images without NaN; received: NaN")
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
        smooth: Enlarge with bicubic interpolation, not pixel by pixel: people read
            digits of 8 x 8 pixels much better so.
        gap: Grey pixels between and around the images.

    Returns:
        uint8 (rows * (zoom * height + gap) + gap, ..., channels).
    """
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
        reconstructions: As many of the same shape.
        columns: Pairs in a row; None for twice the root of their number, so that 64
            pairs are 16 images wide and 8 high.
        value_range: See `grid`.
        zoom: See `grid`.
        smooth: See `grid`.
        gap: Grey pixels within a pair; between pairs there are four times as many.

    Returns:
        uint8 (height, width, channels).
    """
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
    return PIL.Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture)


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
    """Codes on the way from one code to another, ends included.

    Under a normal prior the way is an arc (White, 2016, "Sampling generative
    networks"): in many dimensions a straight line leaves the shell where the codes
    are. Under a uniform one it is straight.

    Args:
        start: Codes (batch, latent_dim).
        end: Codes of the same shape.
        steps: How many codes on each way, at least 2.
        prior: "normal" or "uniform".

    Returns:
        float32 (batch, steps, latent_dim).
    """
    if steps < 2:
        raise ValueError(f"Expected steps >= 2; received: steps={steps}")
    start, end = (np.asarray(z, np.float64)[:, None] for z in (start, end))
    t = np.linspace(0, 1, steps)[None, :, None]
    way = (1 - t) * start + t * end
    if prior == "normal":
        norms = np.linalg.norm(start, axis=-1) * np.linalg.norm(end, axis=-1)
        cosine = np.sum(start * end, -1) / np.where(norms > 0, norms, 1)
        angle = np.arccos(np.clip(cosine, -1, 1))[..., None]
        sine = np.sin(angle)
        # Parallel codes, opposite ones and zero are on no one arc.
        arc = (sine > 1e-4) & (norms > 0)[..., None]
        sine = np.where(arc, sine, 1)
        turned = (np.sin((1 - t) * angle) * start + np.sin(t * angle) * end) / sine
        way = np.where(arc, turned, way)
    return way.astype(np.float32)


def scatter(
    panels: dict,
    *,
    labels: dict | None = None,
    limits: tuple[float, float, float, float] | None = None,
) -> np.ndarray:
    """Points in the plane, one panel per name, on the same axes.

    Args:
        panels: Points (n, 2) by name.
        labels: By the name of a panel, a label (n,) for each of its points, which
            gives its colour.
        limits: (left, right, bottom, top); None for all of the first panel and a
            margin. A panel's title counts its points beyond them.

    Returns:
        uint8 (height, width, 3).
    """
    panels = {name: np.asarray(points) for name, points in panels.items()}
    for name, points in panels.items():
        if points.ndim != 2 or points.shape[1] != 2 or not len(points):
            raise ValueError(
                f"Expected points (n, 2) in {name!r}; received: shape {points.shape}"
            )
    if limits is None:
        first = next(iter(panels.values()))
        low, high = first.min(0), first.max(0)
        margin = 0.15 * max(*(high - low), 1e-3)
        low, high = low - margin, high + margin
        limits = (low[0], high[0], low[1], high[1])
    left, right, bottom, top = limits
    columns = math.ceil(math.sqrt(len(panels)))
    rows = math.ceil(len(panels) / columns)
    size = (4.2 * columns, 4.4 * rows)
    figure = Figure(figsize=size, dpi=100, layout="constrained")
    for i, (name, points) in enumerate(panels.items()):
        ax = figure.add_subplot(rows, columns, i + 1)
        colors = _colors((labels or {}).get(name))
        x, y = points.T
        ax.scatter(x, y, s=6, c=colors, linewidths=0, alpha=0.8)
        ax.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")
        inside = (x >= left) & (x <= right) & (y >= bottom) & (y <= top)
        outside = len(points) - int(inside.sum())
        ax.set_title(name + (f" ({outside} of {len(points)} outside)" * (outside > 0)))
        ax.grid(alpha=0.25)
    return _render(figure)


def histogram(values: dict, *, xlabel: str = "", bins: int = 60) -> np.ndarray:
    """Histograms of several sets of numbers over each other.

    Args:
        values: Numbers (n,) by name; the legend counts those that are not finite.
        xlabel: What the numbers are.
        bins: How many bins there are, the same for all.

    Returns:
        uint8 (height, width, 3).
    """
    values = {name: np.asarray(one, np.float64) for name, one in values.items()}
    finite = {name: one[np.isfinite(one)] for name, one in values.items()}
    edges = np.histogram_bin_edges(np.concatenate([*finite.values()]), bins)
    figure = Figure(figsize=(6.4, 4), dpi=100, layout="constrained")
    ax = figure.subplots()
    for name, one in finite.items():
        odd = len(values[name]) - len(one)
        label = f"{name}: mean {np.mean(one) if len(one) else np.nan:.3g}"
        label += f" ({odd} not finite)" * (odd > 0)
        ax.hist(one, edges.tolist(), density=len(one) > 0, alpha=0.55, label=label)
    ax.set(xlabel=xlabel, ylabel="density")
    ax.legend()
    return _render(figure)


def reliability(confidence, frequency, counts) -> np.ndarray:
    """A reliability diagram, of `ks.evaluation.calibration(...).reliability`.

    Args:
        confidence: Mean probability that was given in each bin, (bins,).
        frequency: How often it was the case, (bins,).
        counts: How many samples each bin has, (bins,); the marks' areas.

    Returns:
        uint8 (height, width, 3). A calibrated critic's marks are on the diagonal.
    """
    counts = np.asarray(counts)
    figure = Figure(figsize=(4.4, 4.4), dpi=100, layout="constrained")
    ax = figure.subplots()
    ax.plot([0, 1], [0, 1], color="gray", linewidth=1)
    full = counts > 0
    ends = np.asarray(confidence)[full], np.asarray(frequency)[full]
    ax.plot(*ends, color="tab:blue", linewidth=1)
    ax.scatter(*ends, s=10 + 300 * counts[full] / max(counts.sum(), 1), alpha=0.7)
    ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    ax.set(xlabel="probability given", ylabel="share that was the case")
    return _render(figure)


def save(path: str | os.PathLike, picture: np.ndarray) -> None:
    """Writes a uint8 picture as PNG, whole or not at all."""
    path = pathlib.Path(path)
    temporary = path.with_name(f".{path.name}.writing")
    _image(picture).save(temporary, format="PNG")
    os.replace(temporary, path)


def _colors(labels):
    """A colour per label; far apart while there are few."""
    if labels is None:
        return "tab:blue"
    kinds, index = np.unique(np.asarray(labels), return_inverse=True)
    if len(kinds) <= 10:
        return matplotlib.colormaps["tab10"](index)
    return matplotlib.colormaps["gist_rainbow"](index / (len(kinds) - 1))


def _render(figure: Figure) -> np.ndarray:
    # A canvas of its own, no pyplot: nothing global, no display, safe in any thread.
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
