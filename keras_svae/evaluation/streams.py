"""Arrays, or data sets of any length, read batch by batch."""

from collections.abc import Iterable, Iterator

import numpy as np
import tensorflow as tf

__all__ = ["Stream", "batches", "gather", "pairs"]

# What every measure takes: an array, a data set of x or (x, y), or an iterable of
# batches.
Stream = np.ndarray | tf.Tensor | tf.data.Dataset | Iterable[np.ndarray]


def batches(data: Stream, batch_size: int = 256, name: str = "data") -> Iterator:
    """The batches of a stream, float arrays of one shape but for the first axis.

    Args:
        data: An array (n, ...), which is cut into batches; a finite `tf.data.Dataset`
            of x or (x, y), whose batches are taken as they are and its y left out; or
            an iterable of arrays (batch, ...). An iterator can be read only once.
        batch_size: Of an array's batches.
        name: What an error calls the data.

    Raises:
        ValueError: On no data at all, an endless data set, values that are not
            numbers or not finite, or shapes that change.
    """
    shape = None
    for part in _parts(data, batch_size, name):
        part = np.asarray(part)
        if part.ndim == 0 or not np.issubdtype(part.dtype, np.number):
            raise ValueError(
                f"Expected {name} as batches of numbers (batch, ...); received: "
                f"{part.dtype} of shape {part.shape}"
            )
        if shape is not None and part.shape[1:] != shape:
            raise ValueError(
                f"Expected all {name} of shape {shape}; received: {part.shape[1:]}"
            )
        shape = part.shape[1:]
        bad = ~np.isfinite(part)
        if bad.any():
            rows = int(bad.reshape(len(part), -1).any(1).sum())
            raise ValueError(
                f"Expected finite {name}; received: NaN or infinity in {rows} of "
                f"{len(part)} examples"
            )
        if len(part):
            yield part
    if shape is None:
        raise ValueError(f"Expected {name}; received: none at all")


def _parts(data: Stream, batch_size: int, name: str) -> Iterator:
    if isinstance(data, tf.data.Dataset):
        if data.cardinality() == tf.data.INFINITE_CARDINALITY:
            raise ValueError(
                f"Expected a finite data set of {name}; received: an endless one. "
                ".take(n) ends it"
            )
        for element in data:
            yield element[0] if isinstance(element, tuple) else element
    elif hasattr(data, "shape") or isinstance(data, (list, tuple)):
        array = np.asarray(data)
        if array.ndim == 0:
            raise ValueError(f"Expected an array of {name}; received: {data!r}")
        for start in range(0, len(array), batch_size):
            yield array[start : start + batch_size]
    elif isinstance(data, Iterable):
        yield from data
    else:
        raise ValueError(
            f"Expected {name} as an array, a tf.data.Dataset or an iterable of "
            f"batches; received: {type(data).__name__}"
        )


def gather(data: Stream, name: str = "data") -> np.ndarray:
    """All of a stream as one array, checked as `batches` does."""
    return np.concatenate(list(batches(data, name=name)))


def pairs(
    one: Stream,
    other: Stream,
    batch_size: int = 256,
    names: tuple[str, str] = ("data", "reconstructions"),
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Two streams side by side, in batches of the same examples.

    Raises:
        ValueError: As `batches`, and if the streams' shapes or lengths differ.
    """
    streams = [
        batches(data, batch_size, name)
        for data, name in zip((one, other), names, strict=True)
    ]
    held: list[np.ndarray | None] = [None, None]
    while True:
        for i in (0, 1):
            if held[i] is None or not len(held[i]):
                held[i] = next(streams[i], None)
        if held[0] is None or held[1] is None:
            break
        if held[0].shape[1:] != held[1].shape[1:]:
            raise ValueError(
                f"Expected {names[0]} and {names[1]} of the same shape; received: "
                f"{held[0].shape[1:]} and {held[1].shape[1:]}"
            )
        n = min(len(held[0]), len(held[1]))
        yield held[0][:n], held[1][:n]
        held = [part[n:] for part in held]
    if not (held[0] is None and held[1] is None):
        longer = names[0] if held[1] is None else names[1]
        raise ValueError(
            f"Expected as many {names[0]} as {names[1]}; received: more {longer}"
        )
