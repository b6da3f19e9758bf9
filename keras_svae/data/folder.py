"""Folders of pictures."""

import operator
import os
from typing import NamedTuple

import numpy as np

from keras_svae.data import levels
from keras_svae.data.examples import Source, held_out, shared
from keras_svae.data.images import Framing
from keras_svae.data.listing import Listing
from keras_svae.data.picture_files import printable
from keras_svae.data.stored_pictures import Colours, Files, in_memory
from keras_svae.paths import AnyPath, is_local
from keras_svae.telling import warn

# TinyImageNet's list of the classes of its validation pictures.
ANNOTATIONS = "val_annotations.txt"
# The ending of its lists of boxes within pictures.
BOXES = "_boxes.txt"


def annotated(text: str, files: list[str], where) -> list[str]:
    """The class of each file, from lines with a file's name, its class, and more.

    Raises:
        ValueError: If a file is not listed.
    """
    fields = (line.split() for line in text.splitlines())
    of_name = {words[0]: words[1] for words in fields if len(words) > 1}
    names = [os.path.basename(file) for file in files]
    if missing := sorted(set(names) - set(of_name)):
        raise ValueError(
            f"Expected a class for each picture in {ANNOTATIONS}; received: none for "
            f"{missing[0]} ({len(missing)} of {len(names)}) in {where}"
        )
    return [of_name[name] for name in names]


class _Pool(NamedTuple):
    """The pictures of a split, and the class of each; None if they have no classes."""

    paths: list[str]
    owners: list[str] | None
    # Whether the only class is a folder of folders.
    wrapped: bool = False


def _pool(folder: AnyPath, listing: Listing) -> _Pool:
    """The pictures of a split and their classes, which are names of subfolders.

    Classes take turns. So the first n pictures, which measures or callbacks may use,
    are of all classes.
    """
    beside = (ANNOTATIONS, BOXES)
    classes = {}
    for sub in listing.folders(folder):
        classes[sub.name] = listing.pictures(sub, True, beside)
        if not classes[sub.name]:
            listing.leave_out("folders without pictures", sub)
    classes = {name: paths for name, paths in classes.items() if paths}
    levels.check_alike(list(classes), folder)
    levels.check_nested(folder, classes)
    loose = listing.pictures(folder, False, beside)
    if list(classes) == ["images"] and not loose:
        # TinyImageNet's validation and test: no class
        annotations = folder / ANNOTATIONS
        if not annotations.is_file():
            return _Pool(classes["images"], None)
        text = annotations.read_text(encoding="utf-8", errors="backslashreplace")
        return _Pool(classes["images"], annotated(text, classes["images"], folder))
    if loose and classes:
        raise ValueError(
            "Expected pictures in a folder or in class subfolders of it; received: "
            f"both, {printable(os.path.basename(loose[0]))} and "
            f"{printable(next(iter(classes)))}/, in {printable(folder)}. Move the "
            "pictures that are in no subfolder into a subfolder: without labels=True, "
            "the names of subfolders are not used"
        )
    if classes:
        owned = [
            (turn, name, path)
            for name, paths in classes.items()
            for turn, path in enumerate(paths)
        ]
        owned.sort(key=operator.itemgetter(0))
        wrapped = levels.is_wrapper(folder, classes)
        paths = [path for *_, path in owned]
        return _Pool(paths, [name for _, name, _ in owned], wrapped)
    if not loose:
        said = f". Left out, {listing}" if str(listing) else ""
        raise ValueError(
            "Expected pictures (of any kind that Pillow reads) in a folder or in class "
            f"subfolders of it; received: {printable(folder)}, which has none{said}"
        )
    return _Pool(loose, None)


def _splits(folders: list[AnyPath], where: AnyPath) -> tuple[dict, list]:
    """The folders of splits, by split, and the other folders.

    One split alone is a class if it holds pictures as folders beside it do: `train`,
    beside `bus` and `car`.
    """
    found: dict[str, AnyPath] = {}
    others = []
    splits = levels.splits([sub.name for sub in folders])
    beside = [sub for sub in folders if sub.name not in splits]
    if len(set(splits.values())) == 1 and beside:
        listing = Listing(where, links=True)  # nothing is read
        own = [sub for sub in folders if sub.name in splits]
        if any(listing.pictures(sub, False) for sub in own) and any(
            listing.pictures(sub, True) for sub in beside
        ):
            others_too = ", ".join(f"{sub.name}/" for sub in beside[:3])
            warn(
                f"Expected {own[0].name}/ to be a class, as {others_too} beside it "
                "hold pictures, too. If it is the data of a split, give this folder: "
                f"{printable(own[0])!r}."
            )
            return {}, folders
    for sub in folders:
        split = splits.get(sub.name)
        if split is None:
            others.append(sub)
        elif split in found:
            raise ValueError(
                f"Expected one folder for the split {split!r}; received: "
                f"{found[split].name}/ and {sub.name}/ in {printable(where)}"
            )
        else:
            found[split] = sub
    return found, others


def _state(path: str) -> tuple[int, int]:
    """What differs once a file was written anew: its size and time; (0, 0) if unknown.

    The content itself is not read: a data set is looked up at each load. Nor are files
    elsewhere asked: a request for each of them takes longer than to read them.
    """
    if not is_local(path):
        return 0, 0
    try:
        found = os.stat(path)
        return found.st_size, found.st_mtime_ns
    except OSError:  # whoever reads the file will say it
        return 0, 0


def source(path: AnyPath, framing: Framing, cache: bool, links: bool) -> Source:
    """The pictures of a folder.

    Subfolders `train`, `test` and `validation` (`levels.splits` has further names) are
    its splits, if there are any (but see `_splits`); else a tenth is held out for test,
    the same at every load. Within a split, subfolders are classes, numbered in the
    order of their names, and their pictures take turns. But if all pictures are in a
    subfolder `images`, then `val_annotations.txt` beside it gives their classes, as in
    TinyImageNet; without this file they have no class. They also have none if all are
    in folders of one subfolder. Pictures are grey if all are, in all splits, else in
    three colours.
    """
    listing = Listing(path, links)
    found, others = _splits(listing.folders(path), path)
    if found:
        pools = {split: _pool(sub, listing) for split, sub in found.items()}
        # Lists and notes may lie there, as TinyImageNet's do.
        loose = Listing(path, links).pictures(path, False)
        for one in [*others, *loose]:
            listing.leave_out(f"not in {' or '.join(sorted(found))}", one)
    else:
        listing = Listing(path, links)
        pools = {"": _pool(path, listing)}
    listing.warn()
    hint = ""
    if all(pool.wrapped for pool in pools.values()):
        only = next(name for one in pools.values() for name in one.owners or ())
        place = printable(path / only)
        hint = (
            f": all pictures are in one subfolder, {only}/. If the folders in it are "
            f"classes, {'move them up' if found else f'give {place!r}'}"
        )
        pools = {split: _Pool(pool.paths, None) for split, pool in pools.items()}
    names = sorted({name for pool in pools.values() for name in pool.owners or ()})
    number = {name: i for i, name in enumerate(names)}

    listed = hash(
        tuple(
            (
                split,
                tuple(pool.paths),
                tuple(pool.owners or ()),
                *map(_state, pool.paths),
            )
            for split, pool in pools.items()
        )
    )
    here = ("folder", str(path.resolve()), listed)
    every = [one for pool in pools.values() for one in pool.paths]

    def read(split: str):
        paths, owners, _ = pools[split if found else ""]
        labels = None if owners is None else np.array([number[o] for o in owners])
        if not found:
            rows = held_out(len(paths))[split]
            paths = [paths[row] for row in rows]
            labels = None if labels is None else labels[rows]
        if not paths:
            raise ValueError(
                f"Expected at least 2 pictures to hold one out for test; received: "
                f"{len(pools[''].paths)} in {path}"
            )
        colours = shared((*here, "colours"), lambda: Colours(every))
        return (in_memory if cache else Files)(paths, labels, framing, colours)

    splits = tuple(s for s in ("train", "validation", "test") if s in found)
    key = (*here, framing, cache)
    return Source(str(path), splits or ("train", "test"), read, key, hint)
