"""Which folders are splits and which are classes, where the names can tell it."""

import functools
import operator
import os
import re
from collections.abc import Mapping, Sequence

from keras_svae.data.picture_files import printable
from keras_svae.paths import AnyPath

__all__ = ["check_alike", "check_nested", "is_wrapper", "splits"]

SPLITS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
}
# Names that a class may have, too: training, beside running.
_UNSURE = ("training", "testing")
# Such a word within a name: train_images, Test-set, seg_train.
_WORD = re.compile(rf"(?<![a-z])({'|'.join(SPLITS)})(?![a-z])")


def splits(names: Sequence[str]) -> dict[str, str]:
    """The splits that folders beside each other are, by the names of the folders.

    A word that can be a class is a split only if there is another one beside it.
    """
    found = {name: SPLITS[name.lower()] for name in names if name.lower() in SPLITS}
    if len(set(found.values())) > 1:
        return found
    return {name: one for name, one in found.items() if name.lower() not in _UNSURE}


def check_alike(names: Sequence[str], where: AnyPath) -> None:
    """Raises a ValueError for folders that are splits under other names.

    Two names that differ in the split's word alone, `train_images` and `test_images`,
    are no classes. `train_station` and `test_tube` may be.
    """
    known: dict[str, dict[str, str]] = {}
    for name in names:
        if found := _WORD.search(name.lower()):
            rest = _WORD.sub("*", name.lower())
            known.setdefault(rest, {}).setdefault(SPLITS[found[1]], name)
    for of_split in known.values():
        if "train" in of_split and len(of_split) > 1:
            shown = " and ".join(f"{printable(one)}/" for one in of_split.values())
            raise ValueError(
                "Expected the folders of splits to be called train, validation and "
                f"test; received: {shown} in {printable(where)}. Rename them, or load "
                f"one of them: {printable(where / of_split['train'])!r}"
            )


def check_nested(folder: AnyPath, classes: Mapping[str, Sequence[str]]) -> None:
    """Raises a ValueError if there are splits within a class.

    Within several classes, one folder of such a name among others may be anything:
    `vehicle/train` beside `vehicle/bus`.

    Args:
        folder: The folder of classes.
        classes: The pictures of each class.
    """
    for name in classes:
        beside: dict[tuple[str, ...], set[str]] = {}
        for place in _places(folder / name, classes[name]):
            for depth, part in enumerate(place):
                beside.setdefault(place[:depth], set()).add(part)
        for way, parts in sorted(beside.items()):
            of_split = splits(sorted(parts))
            alone = len(classes) == 1
            if of_split and (alone or len(of_split) == len(parts) > 1):
                above = functools.reduce(operator.truediv, way, folder / name)
                raise ValueError(
                    "Expected folders of splits, as train/ and test/, in the "
                    "folder that is loaded, and classes within them; received: "
                    f"{printable(min(of_split))}/ in {printable(above)}. Give this "
                    f"folder, {printable(above)!r}"
                )


def is_wrapper(folder: AnyPath, classes: Mapping[str, Sequence[str]]) -> bool:
    """Whether all pictures are in one folder, in several folders within it.

    These are then the classes, or there are no classes.
    """
    if len(classes) != 1:
        return False
    ((name, paths),) = classes.items()
    places = _places(folder / name, paths)
    return () not in places and len(places) > 1


def _places(folder: AnyPath, paths: Sequence[str]) -> set[tuple[str, ...]]:
    """The folders of pictures, as the names on the way from a folder above them."""
    root = os.fspath(folder).rstrip("/" + os.sep)
    found = {os.path.dirname(path)[len(root) :] for path in paths}
    return {tuple(one.replace(os.sep, "/").split("/")[1:]) for one in found}
