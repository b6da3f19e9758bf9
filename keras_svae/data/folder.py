"""Folders of pictures."""

import functools
import operator
import os
import pathlib
import warnings

import numpy as np
import tensorflow as tf

from keras_svae.data import picture_files
from keras_svae.data.examples import Examples, Source, held_out
from keras_svae.data.images import Framing, collect

_SPLITS = {
    "train": "train",
    "test": "test",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
}
# TinyImageNet's list of the classes of its validation pictures.
ANNOTATIONS = "val_annotations.txt"
# What warnings have said already: the folder, and what was left out of it.
_TOLD: set[tuple[str, ...]] = set()
# The ending of its lists of boxes within pictures.
BOXES = "_boxes.txt"


def _subfolders(folder: pathlib.Path) -> list[pathlib.Path]:
    found = (p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    return sorted(found)


def _pictures(folder: pathlib.Path, deep: bool, left_out: list[str]) -> list[str]:
    """The picture files of a folder, in the order of their names.

    Args:
        folder: The folder.
        deep: Whether to include pictures of its subfolders.
        left_out: A list to which the names of files that are no pictures are added.
    """
    found: list[str] = []
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(folders) if deep else []
        for name in sorted(files):
            path = os.path.join(where, name)
            if name.startswith("."):
                continue
            if picture_files.is_picture(path):
                found.append(path)
            elif name != ANNOTATIONS and not name.endswith(BOXES):
                left_out.append(path)
    return found


def annotated(text: str, files: list[str], where) -> list[str]:
    """The class of each file, from lines with a file's name, its class, and more.

    Raises:
        ValueError: If a file is not listed.
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


def _pool(
    folder: pathlib.Path, left_out: list[str]
) -> tuple[list[str], list[str] | None]:
    """The pictures of a split and their classes, which are names of subfolders.

    Classes take turns. So the first n pictures, which measures or callbacks may use,
    are of all classes.
    """
    classes = {sub.name: _pictures(sub, True, left_out) for sub in _subfolders(folder)}
    classes = {name: paths for name, paths in classes.items() if paths}
    if list(classes) == ["images"]:  # TinyImageNet's validation and test: no class
        annotations = folder / ANNOTATIONS
        if not annotations.is_file():
            return classes["images"], None
        text = annotations.read_text()
        return classes["images"], annotated(text, classes["images"], folder)
    loose = _pictures(folder, False, left_out)
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
            "Expected pictures (of any kind that Pillow reads) in a folder or in class "
            f"subfolders of it; received: {folder}, which has none"
        )
    return loose, None


def _first(paths, framing: Framing) -> tuple[np.ndarray, int]:
    """The first picture, and the number of channels of all pictures.

    That is 1 if all of up to 64 pictures, evenly spaced, are grey; else 3.
    """
    some = paths[:: max(1, len(paths) // 64)]
    try:
        channels = 1 if picture_files.are_grey(some) else 3
        first = picture_files.pixels(paths[0], channels)
    except picture_files.WRONG as error:
        raise _undecodable(picture_files.first_broken(some, 3)) from error
    framing.fits(*first.shape[:2])
    return first, channels


def _undecodable(what: str) -> ValueError:
    return ValueError(f"Expected pictures that can be decoded; received: {what}")


def _in_memory(paths, labels, framing: Framing) -> Examples:
    _, channels = _first(paths, framing)
    names = [os.fsencode(path) for path in paths]
    pictures = tf.data.Dataset.from_tensor_slices(names).map(
        lambda path: (picture_files.read(path, channels), 0),
        num_parallel_calls=tf.data.AUTOTUNE,
    )

    def name_of(row):
        return picture_files.printable(paths[row])

    try:
        values, _ = collect(pictures, len(paths), framing, name_of)
    except tf.errors.OpError as error:
        small = framing.first_outside(paths, channels)
        if small is not None:
            raise small from None
        raise _undecodable(picture_files.first_broken(paths, channels)) from error
    return Examples(values, labels, maximum=255)


class Files:
    """Pictures read from their files whenever a batch needs them."""

    def __init__(self, paths, labels, framing: Framing):
        first, channels = _first(paths, framing)
        self._read = functools.partial(picture_files.read, channels=channels)
        self._framing = framing
        self.shape = tuple(framing(tf.constant(first)).shape)
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


def source(path: pathlib.Path, framing: Framing, cache: bool) -> Source:
    """The pictures of a folder.

    Subfolders `train`, `test` and `validation` (or `val`, `valid`) are its splits, if
    there are any; else a tenth is held out for test, the same at every load. Within a
    split, subfolders are classes, numbered in the order of their names, and their
    pictures take turns. But if all pictures are in a subfolder `images`, then
    `val_annotations.txt` beside it gives their classes, as in TinyImageNet; without
    this file they have no class. Pictures are grey if all are, else in three colours.
    """
    found = {
        _SPLITS[sub.name.lower()]: sub
        for sub in _subfolders(path)
        if sub.name.lower() in _SPLITS
    }
    left_out: list[str] = []
    pools = {split: _pool(sub, left_out) for split, sub in found.items()}
    pools = pools or {"": _pool(path, left_out)}
    told = (str(path.resolve()), *left_out)
    if left_out and told not in _TOLD:
        _TOLD.add(told)  # not again for each split
        shown = ", ".join(os.path.basename(one) for one in left_out[:5])
        shown += f" and {len(left_out) - 5} more" if len(left_out) > 5 else ""
        said = picture_files.printable(shown)
        # The line that calls `load`.
        warnings.warn(f"Left out of {path}, as no pictures: {said}", stacklevel=4)
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
