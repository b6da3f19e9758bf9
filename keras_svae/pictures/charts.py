"""Charts as arrays, uint8 (height, width, 3): points, histograms, calibration."""

import math
from collections.abc import Mapping

import numpy as np

from keras_svae import arguments

__all__ = ["histogram", "reliability", "scatter"]


def scatter(
    panels: dict,
    *,
    labels: dict | None = None,
    limits: tuple[float, float, float, float] | None = None,
) -> np.ndarray:
    """Points in the plane, one panel per name, on the same axes.

    Args:
        panels: Points (n, 2) by name.
        labels: A dictionary: for the name of a panel, the labels (n,) of its points.
            They give the points their colours.
        limits: (left, right, bottom, top); None for all of the first panel and a
            margin. A panel's title counts its points beyond them.

    Returns:
        uint8 (height, width, 3). Points that are not finite count as beyond the
        limits.

    Raises:
        ValueError: For no panels, another shape, or labels of another number.
    """
    _check_named("panels", panels)
    if labels is not None:
        _check_named("labels", labels)
    panels = {name: np.asarray(points) for name, points in panels.items()}
    for name, points in panels.items():
        if points.ndim != 2 or points.shape[1] != 2 or not len(points):
            raise ValueError(
                f"Expected points (n, 2) in {name!r}; received: shape {points.shape}"
            )
        given = (labels or {}).get(name)
        if given is not None and np.shape(given) != (len(points),):
            raise ValueError(
                f"Expected {len(points)} labels, one for each point in {name!r}; "
                f"received: shape {np.shape(given)}"
            )
    if limits is None:
        first = next(iter(panels.values()))
        finite = first[np.isfinite(first).all(1)]
        first = finite if len(finite) else np.zeros((1, 2))
        low, high = first.min(0), first.max(0)
        margin = 0.15 * max(*(high - low), 1e-3)
        low, high = low - margin, high + margin
        limits = (low[0], high[0], low[1], high[1])
    left, right, bottom, top = limits
    columns = math.ceil(math.sqrt(len(panels)))
    rows = math.ceil(len(panels) / columns)
    figure = _figure(4.2 * columns, 4.4 * rows)
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

    Raises:
        ValueError: For no numbers by name, or bins below 1.
    """
    _check_named("values", values)
    arguments.integer("bins", bins, at_least=1)
    values = {name: np.asarray(one, np.float64) for name, one in values.items()}
    finite = {name: one[np.isfinite(one)] for name, one in values.items()}
    edges = np.histogram_bin_edges(np.concatenate([*finite.values()]), bins)
    figure = _figure(6.4, 4)
    ax = figure.subplots()
    for name, one in finite.items():
        odd = len(values[name]) - len(one)
        label = f"{name}: mean {np.mean(one) if len(one) else np.nan:.3g}"
        label += f" ({odd} not finite)" * (odd > 0)
        ax.hist(one, edges.tolist(), density=len(one) > 0, alpha=0.55, label=label)
    ax.set(xlabel=xlabel, ylabel="density")
    ax.legend(loc="upper right")  # "best" searches, for seconds with many points
    return _render(figure)


def reliability(confidence, frequency, counts) -> np.ndarray:
    """A reliability diagram, of `ks.evaluation.calibration(...).reliability`.

    Args:
        confidence: Mean probability that was given in each bin, (bins,).
        frequency: How often the event occurred in each bin, (bins,).
        counts: How many samples each bin has, (bins,); the marks' areas.

    Returns:
        uint8 (height, width, 3). A calibrated critic's marks are on the diagonal.
    """
    counts = np.asarray(counts)
    figure = _figure(4.4, 4.4)
    ax = figure.subplots()
    ax.plot([0, 1], [0, 1], color="gray", linewidth=1)
    full = counts > 0
    ends = np.asarray(confidence)[full], np.asarray(frequency)[full]
    ax.plot(*ends, color="tab:blue", linewidth=1)
    ax.scatter(*ends, s=10 + 300 * counts[full] / max(counts.sum(), 1), alpha=0.7)
    ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    ax.set(xlabel="probability given", ylabel="share that was the case")
    return _render(figure)


def _check_named(argument: str, given) -> None:
    if not isinstance(given, Mapping) or not given:
        received = repr(given) if isinstance(given, Mapping) else type(given).__name__
        raise ValueError(
            f"Expected {argument} as a dictionary of arrays by name; received: "
            f"{received}"
        )


def _colors(labels):
    """A colour per label; far apart while there are few."""
    import matplotlib

    if labels is None:
        return "tab:blue"
    kinds, index = np.unique(np.asarray(labels), return_inverse=True)
    if len(kinds) <= 10:
        return matplotlib.colormaps["tab10"](index)
    return matplotlib.colormaps["gist_rainbow"](index / (len(kinds) - 1))


def _figure(width: float, height: float):
    from matplotlib.figure import Figure  # slow, and needed here only

    return Figure(figsize=(width, height), dpi=100, layout="constrained")


def _render(figure) -> np.ndarray:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    # A canvas without pyplot needs no display and no global state, and is thread-safe.
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
