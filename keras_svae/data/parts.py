"""Which examples of a split are read, and which of them have their class."""

import dataclasses
import zlib

import numpy as np

from keras_svae.data import arguments
from keras_svae.data.examples import Source, Stored, divide, shared


@dataclasses.dataclass(frozen=True)
class Rows:
    """Examples from which batches are made.

    Attributes:
        rows: Row numbers; an epoch is a pass over them.
        labels: The class of every example of the data, -1 if it is hidden; None if
            batches have no labels.
        labelled: Row numbers of examples that have their class; these are not in
            `rows`. None if all examples have their class, or none does.
    """

    rows: np.ndarray
    labels: np.ndarray | None
    labelled: np.ndarray | None = None


def select(source: Source, split: str, validation) -> tuple[Stored, np.ndarray]:
    """The examples that a split is read from, and the split's rows of them."""
    _check_split(source, split, validation)
    carved = validation is not None and split in ("train", "validation")
    read_from = "train" if carved else split
    examples = shared(
        (source.key, read_from), lambda: _not_empty(source.read(read_from), source)
    )
    count = len(examples)
    if not carved:
        return examples, np.arange(count)
    part = arguments.part("validation", validation, count, most=count - 1)
    rest, held = divide(count, part)
    return examples, rest if split == "train" else held


def reduce(examples: Stored, rows: np.ndarray, wanted, seed: int) -> np.ndarray:
    """The rows, or a share or number of them, chosen by seed, balanced over classes."""
    if wanted is None:
        return rows
    count = arguments.part("examples", wanted, len(rows), most=len(rows))
    return _balanced(rows, examples.labels, count, seed, "examples")


def partly_labelled(labels: np.ndarray, rows: np.ndarray, wanted, seed: int) -> Rows:
    """Keeps the class of some rows, equally many per class, by seed; hides the others.

    Args:
        labels: The class of every example; below 0 if it has none.
        rows: The rows to choose from.
        wanted: How many rows, or which share of them, keep their class.
        seed: Decides which.
    """
    count = arguments.part("labelled", wanted, len(rows), most=len(rows) - 1)
    classes = np.unique(labels[labels >= 0])
    if count < len(classes):
        raise ValueError(
            f"Expected labelled >= {len(classes)}, one of each class; received: "
            f"labelled={wanted!r}, {count} of {len(rows)} examples"
        )
    known = rows[labels[rows] >= 0]
    chosen = _balanced(known, labels, count, seed, "labelled")
    each = [np.count_nonzero(labels[chosen] == c) for c in classes]
    if len(chosen) < count or max(each) - min(each) > 1:
        there = [np.count_nonzero(labels[known] == c) for c in classes]
        fewest = int(np.argmin(there))
        raise ValueError(
            "Expected the same number of labelled examples for each of "
            f"{len(classes)} classes; received: labelled={wanted!r}, {count} in all, "
            f"but class {classes[fewest]} has {there[fewest]}"
        )
    told = np.full_like(labels, -1)
    told[chosen] = labels[chosen]
    return Rows(np.setdiff1d(rows, chosen), told, chosen)


def _balanced(rows, labels, count: int, seed: int, purpose: str) -> np.ndarray:
    """Equally many rows of each class, as far as it has them, in ascending order.

    With the same seed, a smaller choice from the same rows is part of a larger one.
    """
    rng = np.random.default_rng([seed, zlib.crc32(purpose.encode())])
    order = rng.permutation(rows)
    if labels is None:
        return np.sort(order[:count])
    _, kind, sizes = np.unique(labels[order], return_inverse=True, return_counts=True)
    # The first of each class, then the second of each, ...
    grouped = np.argsort(kind, kind="stable")
    place = np.empty(len(order), np.int64)
    place[grouped] = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    turn = rng.permutation(len(sizes))
    return np.sort(order[np.lexsort((turn[kind], place))[:count]])


def _check_split(source: Source, split: str, validation) -> None:
    own = "validation" in source.splits
    if validation is not None and (own or "train" not in source.splits):
        raise ValueError(
            f"Expected validation=None for {source.name!r}, whose splits are "
            f"{list(source.splits)}; received: validation={validation!r}"
        )
    if split in source.splits or (split == "validation" and validation is not None):
        return
    if split == "validation" and "train" in source.splits:
        raise ValueError(
            "Expected validation=<share or number of examples>, both for split='train' "
            f"and for split='validation', as {source.name!r} has only the splits "
            f"{list(source.splits)}; received: validation=None"
        )
    raise ValueError(
        f"Expected split to be one of {list(source.splits)}"
        f"{'' if own else ', or validation with validation=<share>'}; received: "
        f"{split!r}"
    )


def _not_empty(examples: Stored, source: Source) -> Stored:
    if len(examples) == 0:
        raise ValueError(f"Expected data; received: no examples in {source.name!r}")
    return examples
