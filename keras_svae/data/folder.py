"""Folders of pictures."""

import functools
import operator
import os
import pathlib

import numpy as np
import tensorflow as tf

from keras_svae.data.examples import Examples, Source, held_out
from keras_svae.data.images import Framing, collect, decode

_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
_SPLITS = {
    "train": "train",
    "test": "test",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
}
# TinyImageNet's list of the classes of its validation pictures.
ANNOTATIONS = "val_annotations.txt"


def _subfolders(folder: pathlib.Path) -> list[pathlib.Path]:
    found = (p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    return sorted(found)


def _pictures(folder: pathlib.Path, deep: bool) -> list[str]:
    """The picture files of a folder, in the order of their names."""
    found = []
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(folders) if deep else []
        found += [
            os.path.join(where, name)
            for name in sorted(files)
            if name.lower().endswith(_SUFFIXES) and not name.startswith(".")
        ]
    return found


def annotated(text: str, files: list[str], where) -> list[str]:
    """The class of each file, from lines of a file's name, its class, and more.

    Raises:
        ValueError: If one is not listed.
    """
    fields = (line.split() for line in text.splitlines() if line.strip())
    of_name = {name: owner for name, owner, *_ in fields}
    names = [os.path.basename(file) for file in files]
    if missing := sorted(set(names) - set(of_name)):
        raise ValueError(
            f"Expected a class for each picture in {ANNOTATIONS}; received: none for "
            f"{missing[0]} ({len(missing)} of {len(names)}) in {where}"
        )
    return [of_name[name] for name in names]


def _pool(folder: pathlib.Path) -> tuple[list[str], list[str] | None]:
    """The pictures of a split and their classes, which are names of subfolders.

    Classes take turns, so that the first n pictures, which a measure may look at or a
    callback draw, are of all of them.
    """
    classes = {sub.name: _pictures(sub, deep=True) for sub in _subfolders(folder)}
    classes = {name: paths for name, paths in classes.items() if paths}
    if list(classes) == ["images"]:  # TinyImageNet's validation and test: no class
        annotations = folder / ANNOTATIONS
        if not annotations.is_file():
            return classes["images"], None
        text = annotations.read_text()
        return classes["images"], annotated(text, classes["images"], folder)
    loose = _pictures(folder, deep=False)
    if loose and classes:
        raise ValueError(
            "Expected pictures in a folder or in class subfolders of it; received: "
            f"both, {os.path.basename(loose[0])} and {next(iter(classes))}/, in "
            f"{folder}"
        )
    if classes:
        owned = [
            (turn, name, path)
            for name, paths in classes.items()
            for turn, path in enumerate(paths)
        ]
        owned.sort(key=operator.itemgetter(0))
        return [path for *_, path in owned], [name for _, name, _ in owned]
    if not loose:
        raise ValueError(
            f"Expected pictures ({', '.join(_SUFFIXES)}) in a folder or in class "
            f"subfolders of it; received: {folder}, which has none"
        )
    return loose, None


def _read(path, channels: int) -> tf.Tensor:
    return decode(tf.io.read_file(path), channels)


def _first_undecodable(paths, channels: int) -> str:
    """The first picture that does not decode."""
    for path in paths:
        try:
            _read(path, channels)
        except tf.errors.OpError as error:
            return f"{path} ({error.message})"
    return "one that changed while it was read"


def _channels(paths) -> int:
    """1 if all of up to 64 pictures, evenly spaced, are grey; else 3."""
    for path in paths[:: max(1, len(paths) // 64)]:
        try:
            image = tf.io.decode_image(tf.io.read_file(path), expand_animations=False)
        except tf.errors.OpError as error:
            raise _undecodable(f"{path} ({error.message})") from error
        if image.shape[-1] >= 3:
            return 3
    return 1


def _undecodable(what: str) -> ValueError:
    return ValueError(f"Expected pictures that can be decoded; received: {what}")


def _in_memory(paths, labels, framing: Framing) -> Examples:
    channels = _channels(paths)
    framing.fits(*_read(paths[0], channels).shape[:2])
    pictures = tf.data.Dataset.from_tensor_slices(paths).map(
        lambda path: (_read(path, channels), 0),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    try:
        values, _ = collect(pictures, len(paths), framing, lambda row: paths[row])
    except tf.errors.OpError as error:
        raise _undecodable(_first_undecodable(paths, channels)) from error
    return Examples(values, labels, maximum=255)


class Files:
    """Pictures read from their files whenever a batch needs them."""

    def __init__(self, paths, labels, framing: Framing):
        self._read = functools.partial(_read, channels=_channels(paths))
        self._framing = framing
        first = self._read(paths[0])
        framing.fits(*first.shape[:2])
        self.shape = tuple(framing(first).shape)
        self.labels = None if labels is None else np.asarray(labels, np.int64)
        self.maximum = 255
        with tf.device("CPU:0"):
            self._paths = tf.constant(paths)

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


def source(path: pathlib.Path, framing: Framing, cache: bool) -> Source:
    """The pictures of a folder.

    Subfolders `train`, `test` and `validation` (or `val`, `valid`) are its splits, if
    there are any; else a tenth is held out for test, the same at every load. Within a
    split, subfolders are classes, numbered in the order of their names, whose pictures
    take turns; but pictures in a subfolder `images` alone are of the classes that
    `val_annotations.txt` beside it gives them, as in TinyImageNet, or of none. Pictures
    are grey if all are, else in three colours.
    """
    found = {
        _SPLITS[sub.name.lower()]: sub
        for sub in _subfolders(path)
        if sub.name.lower() in _SPLITS
    }
    pools = {split: _pool(sub) for split, sub in found.items()} or {"": _pool(path)}
    names = sorted({name for _, owners in pools.values() for name in owners or ()})
    number = {name: i for i, name in enumerate(names)}

    def read(split: str):
        paths, owners = pools[split if found else ""]
        labels = None if owners is None else np.array([number[o] for o in owners])
        if not found:
            rows = held_out(len(paths))[split]
            paths = [paths[row] for row in rows]
            labels = None if labels is None else labels[rows]
        if not paths:
            raise ValueError(
                f"Expected at least 2 pictures to hold one out for test; received: "
                f"{len(pools[''][0])} in {path}"
            )
        return (_in_memory if cache else Files)(paths, labels, framing)

    splits = tuple(s for s in ("train", "validation", "test") if s in found)
    listing = hash(tuple(p for paths, _ in pools.values() for p in paths))
    key = ("folder", str(path.resolve()), listing, framing, cache)
    return Source(str(path), splits or ("train", "test"), read, key)
