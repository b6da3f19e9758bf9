"""Arrays, or data sets of any length, read batch by batch."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

import keras
import numpy as np
import tensorflow as tf

from keras_svae.evaluation.reading.elements import (
    Examples,
    elements,
    fields,
    has_labels,
    paired,
    unpacked,
)
from keras_svae.evaluation.reading.known import labels_of
from keras_svae.game.checks.values import ROUNDING, within

__all__ = [
    "Examples",
    "Stream",
    "batches",
    "check_within",
    "exact",
    "gather",
    "has_labels",
    "is_within",
    "made_beside",
    "fields",
    "paired",
    "pairs",
]

# The input of every measure: an array, a data set of x or (x, y), or an iterable of
# batches.
Stream: TypeAlias = np.ndarray | tf.Tensor | tf.data.Dataset | Iterable[np.ndarray]


def batches(
    data: Stream,
    batch_size: int = 256,
    name: str = "data",
    labelled: bool = False,
    cut: bool = False,
) -> Iterator:
    """The batches of a stream, arrays whose shapes differ only in the first axis.

    Args:
        data: An array (n, ...), which is cut into batches; a finite `tf.data.Dataset`
            of x or (x, y), whose batches are taken as they are; a
            `keras.utils.PyDataset` or another iterable of batches: arrays (batch, ...),
            tuples (x, y) or lists [x, y] as a `torch.utils.data.DataLoader` gives them,
            or `Examples`; or `Examples`. An iterator can be read only once.
        batch_size: How many examples a batch of an array has.
        name: What an error calls the data.
        labelled: Whether the labels of a pair (x, y), or of a data set of such, are
            read too; else the data set's are left out.
        cut: Whether a data set's own batches are cut, where they are larger.

    Yields:
        Arrays, or `Examples` of arrays where labels are read.

    Raises:
        ValueError: On no data at all, an endless data set, values that are not
            numbers or not finite, shapes that change, or labels of another number.
    """
    shape = None
    for element in _batches(data, batch_size, name, labelled):
        x, y = fields(element)
        x = _checked(x, shape, name)
        shape = x.shape[1:]
        if y is not None:
            y = labels_of(y)
            if y.shape[:1] != x.shape[:1]:
                raise ValueError(
                    f"Expected {len(x)} labels, one for each of the {name}; received: "
                    f"shape {y.shape}"
                )
        size = batch_size if cut else max(1, len(x))
        for start in range(0, len(x), size):
            rows = slice(start, start + size)
            yield x[rows] if y is None else Examples(x[rows], y[rows])
    if shape is None:
        raise ValueError(f"Expected {name}; received: none at all")


def made_beside(
    field: str, made: Callable[[Iterable], Iterable], inputs: Iterable
) -> tuple[np.ndarray, np.ndarray]:
    """What is made of batches, and their "x" or "y", as arrays: in one reading.

    A data set that shuffles has another order at each reading.
    """
    beside = []

    def noted():
        for part in inputs:
            beside.append(fields(part)["xy".index(field)])
            yield part

    return gather(made(noted()), "codes"), np.concatenate(beside)


def _batches(data, batch_size: int, name: str, labelled: bool) -> Iterator:
    if isinstance(data, Examples) or (labelled and isinstance(data, tuple)):
        x, y = map(np.asarray, data[:2])
        if len(x) != len(y):
            raise ValueError(
                f"Expected {len(x)} labels, one for each of the {name}; received: "
                f"{len(y)}"
            )
        for start in range(0, len(x), batch_size):
            rows = slice(start, start + batch_size)
            yield Examples(x[rows], y[rows])
    elif hasattr(data, "shape") or isinstance(data, (list, tuple)):
        array = _as_array(data, name)
        for start in range(0, len(array), batch_size):
            yield array[start : start + batch_size]
    else:
        endless = isinstance(data, keras.utils.PyDataset) and data.num_batches is None
        if isinstance(data, tf.data.Dataset):
            endless = data.cardinality() == tf.data.INFINITE_CARDINALITY
        if endless:
            raise ValueError(
                f"Expected a finite data set of {name}; received: an endless data "
                "set. data.take(n) makes it finite"
            )
        yield from elements(data, name, labelled)


def _as_array(data, name: str) -> np.ndarray:
    """An array of what may be lists of numbers, or a list of examples."""
    if isinstance(data, tuple):
        data, _ = unpacked(data)
    try:
        array = np.asarray(data)
    except ValueError:
        raise ValueError(
            f"Expected {name} as one array; received: a {type(data).__name__} of "
            f"{len(data)} of several shapes. A pair (x, labels) is a tuple"
        ) from None
    if array.ndim == 0:
        raise ValueError(f"Expected an array of {name}; received: {data!r}")
    return array


def _checked(x, shape: tuple[int, ...] | None, name: str) -> np.ndarray:
    """A batch as an array; raises unless it is of finite numbers and this shape."""
    x = exact(np.asarray(x))
    if x.ndim == 0 or x.dtype.kind not in "iuf":
        raise ValueError(
            f"Expected {name} as batches of numbers (batch, ...); received: "
            f"{x.dtype} of shape {x.shape}"
        )
    if shape is not None and x.shape[1:] != shape:
        raise ValueError(
            f"Expected all {name} of shape {shape}; received: {x.shape[1:]}"
        )
    bad = ~np.isfinite(x)
    if bad.any():
        rows = int(bad.reshape(len(x), -1).any(1).sum())
        raise ValueError(
            f"Expected finite {name}; received: NaN or infinity in {rows} of "
            f"{len(x)} examples"
        )
    return x


def exact(x: np.ndarray) -> np.ndarray:
    """Numbers of 8 and 16 bits with a point as float32: NumPy sums them inexactly.

    NumPy does not even know that most of these types (such as bfloat16) are numbers.
    """
    short = "float" in x.dtype.name and x.dtype.itemsize < 4
    return x.astype(np.float32) if short else x


def gather(data: Stream, name: str = "data") -> np.ndarray:
    """All of a stream as one array, checked as `batches` does."""
    return np.concatenate(list(batches(data, name=name)))


def pairs(
    one: Stream,
    other: Stream,
    batch_size: int = 256,
    names: tuple[str, str] = ("data", "reconstructions"),
    cut: bool = False,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Two streams side by side, in batches of the same examples; see `batches`.

    Raises:
        ValueError: As `batches`, and if the streams' shapes or lengths differ.
    """
    streams = [
        batches(data, batch_size, name, cut=cut)
        for data, name in zip((one, other), names, strict=True)
    ]
    held: list[np.ndarray | None] = [None, None]
    while True:
        for i, part in enumerate(held):
            if part is None or not len(part):
                held[i] = next(streams[i], None)
        a, b = held
        if a is None or b is None:
            break
        if a.shape[1:] != b.shape[1:]:
            raise ValueError(
                f"Expected {names[0]} and {names[1]} of the same shape; received: "
                f"{a.shape[1:]} and {b.shape[1:]}"
            )
        n = min(len(a), len(b))
        yield a[:n], b[:n]
        held = [a[n:], b[n:]]
    if not (a is None and b is None):
        longer = names[0] if b is None else names[1]
        raise ValueError(
            f"Expected as many {names[0]} as {names[1]}; received: more {longer}"
        )


def is_within(least: float, most: float, value_range: tuple[float, float]) -> bool:
    """Whether values from least to most lie in the range, except for rounding."""
    return within(least, most, value_range, ROUNDING)


def check_within(x: np.ndarray, value_range: tuple[float, float], name: str) -> None:
    """Raises unless all values lie in the range, except for rounding."""
    least, most = x.min(), x.max()
    if not is_within(least, most, value_range):
        low, high = value_range
        raise ValueError(
            f"Expected {name} in [{low:g}, {high:g}], the value_range; received: "
            f"values from {least:g} to {most:g}"
        )
