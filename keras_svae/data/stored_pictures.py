"""Pictures of a folder, kept in memory or read from their files when needed."""

import functools
import math
import os
from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from keras_svae.data import picture_files
from keras_svae.data.examples import Stored
from keras_svae.data.images import Framing, collect, of_two_sizes
from keras_svae.data.picture_files import printable
from keras_svae.untrusted import check_memory

__all__ = ["Colours", "Files", "in_memory"]


class Colours:
    """Whether a picture of a folder has colours, so that all splits are of one kind.

    The answer is kept: after one split, the next need not open the files again. To
    ask again costs 0.1 ms a file, or a request for a file elsewhere.

    Args:
        paths: All pictures of the folder, of all splits.
    """

    def __init__(self, paths: Iterable[str]):
        self._paths: Iterable[str] = paths
        self._found: bool | None = None

    def found(self, headers: dict[str, picture_files.Header]) -> bool:
        """Looks at these headers, and at other files until one has colours."""
        if self._found is None:
            own = any(not one.grey for one in headers.values())
            others = (path for path in self._paths if path not in headers)
            self._found = own or any(map(_has_colours, others))
            self._paths = ()
        return self._found


def _has_colours(path: str) -> bool:
    try:
        return not picture_files.header(path).grey
    except picture_files.WRONG:  # whoever reads its split will say it
        return False


def _checked(
    paths: list[str], framing: Framing, colours: Colours
) -> tuple[tuple[int, int, int], int]:
    """Reads the headers of all pictures.

    Returns:
        The shape of the framed pictures, and its number of channels: 1 if all pictures
        of the folder are grey, else 3.

    Raises:
        ValueError: If some are broken, or outside of the crop, or differ in size.
    """
    headers, errors = {}, {}
    for path in paths:
        try:
            headers[path] = picture_files.header(path)
        except picture_files.WRONG as error:
            errors[path] = error
    if errors:
        raise picture_files.broken(errors)
    sides = {}
    for path, one in headers.items():
        try:
            framing.fits(one.height, one.width)
        except ValueError as error:
            raise ValueError(f"{error}, in {printable(path)}") from None
        sides[path] = pair = framing.sides(one.height, one.width)
        # Of the framed pictures: the largest squares of two may differ.
        if pair != sides[paths[0]]:
            raise of_two_sizes(
                printable(paths[0]), sides[paths[0]], printable(path), pair
            )
    channels = 3 if colours.found(headers) else 1
    return (*sides[paths[0]], channels), channels


def in_memory(paths, labels, framing: Framing, colours: Colours) -> Stored:
    """Reads all pictures."""
    shape, channels = _checked(paths, framing, colours)
    check_memory(len(paths) * math.prod(shape), "pictures", "cache=False")
    names = [os.fsencode(path) for path in paths]
    pictures = tf.data.Dataset.from_tensor_slices(names).map(
        lambda path: (picture_files.read(path, channels), 0),
        num_parallel_calls=tf.data.AUTOTUNE,
    )

    def name_of(row):
        return printable(paths[row])

    try:
        values, _ = collect(pictures, len(paths), framing, name_of)
    except tf.errors.OpError:
        errors = picture_files.all_broken(paths, channels)
        raise picture_files.broken(errors) from None
    return Stored(values, labels, maximum=255, beside=colours)


class Files:
    """Pictures read from their files whenever a batch needs them."""

    def __init__(self, paths, labels, framing: Framing, colours: Colours):
        self.shape, channels = _checked(paths, framing, colours)
        self.beside = colours
        self._read = functools.partial(picture_files.read, channels=channels)
        self._framing = framing
        self.labels = None if labels is None else np.asarray(labels, np.int64)
        self.maximum = 255
        with tf.device("CPU:0"):
            self._paths = tf.constant([os.fsencode(path) for path in paths])

    def __len__(self) -> int:
        return self._paths.shape[0]

    def fetch(self, rows: tf.Tensor) -> tf.Tensor:
        """Reads and decodes a batch; batches are read in parallel."""

        def one(path):
            image = self._framing(self._read(path))
            alike = tf.debugging.Assert(
                tf.reduce_all(tf.shape(image) == self.shape),
                ["Expected pictures of", self.shape, "received:", path],
            )
            with tf.control_dependencies([alike]):
                return tf.ensure_shape(tf.identity(image), self.shape)

        kind = tf.TensorSpec(self.shape, tf.uint8)
        return tf.map_fn(one, tf.gather(self._paths, rows), fn_output_signature=kind)
