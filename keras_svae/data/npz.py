"""Arrays from an .npz file."""

import pathlib
from collections.abc import Iterable

import numpy as np

from keras_svae.data.examples import Source, Stored, held_out
from keras_svae.data.images import Framing, frame_array
from keras_svae.game.checks.values import ROUNDING, within
from keras_svae.telling import warn
from keras_svae.untrusted import Arrays

_VALUES, _LABELS = ("images", "x"), ("labels", "y")
_SPLITS = {
    "train": ("train",),
    "validation": ("validation", "valid", "val"),
    "test": ("test",),
}


def _key(stems, words, keys) -> str | None:
    """The first of stem_word and word_stem among the keys."""
    wanted = (k for s in stems for w in words for k in (f"{s}_{w}", f"{w}_{s}"))
    return next((k for k in wanted if k in keys), None)


def _key_of_all(stems, keys) -> str | None:
    return next((k for k in stems if k in keys), None)


def _layout(path: pathlib.Path) -> dict[str, tuple[str, str | None]]:
    """Each split's keys of values and labels; the split "" means all in one piece."""
    keys = list(Arrays(path))
    found = {}
    for split, words in _SPLITS.items():
        if values := _key(_VALUES, words, keys):
            found[split] = values, _key(_LABELS, words, keys)
    if not found and (values := _key_of_all(_VALUES, keys)):
        found[""] = values, _key_of_all(_LABELS, keys)
    if not found:
        raise ValueError(
            "Expected arrays named images and labels, or x and y, or by split x_train, "
            f"y_train, x_test, ...; received: {keys or 'no arrays'} in {path}"
        )
    return found


def _standard(
    values: np.ndarray, where: str, others: Iterable[np.ndarray] = ()
) -> tuple[np.ndarray, float | None]:
    """Values in the stored form, and the value of full intensity (None: points).

    Args:
        values: The array of a split.
        where: Its name in messages.
        others: The arrays of the other splits, of which no more are read than needed.
    """
    if values.dtype.kind not in "buif":
        raise ValueError(f"Expected numbers; received: {values.dtype} in {where}")
    if values.ndim not in (2, 3, 4):
        raise ValueError(
            "Expected images (n, height, width, channels) or (n, height, width), or "
            f"points (n, d); received: shape {values.shape} in {where}"
        )
    if values.size == 0:
        raise ValueError(f"Expected data; received: an empty array in {where}")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        bad = ~np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
        raise ValueError(
            f"Expected finite data; received: NaN or infinity in {int(bad.sum())} of "
            f"{len(values)} examples in {where}"
        )
    if values.ndim == 2:
        if values.dtype == np.uint8 and values.max() > 1:
            warn(
                f"8-bit integers {values.shape} in {where} are taken for points, which "
                "are never scaled. Are they images? Store them as (n, height, width, "
                "channels): values.reshape(...)"
            )
        return values.astype(np.float32), None
    if values.ndim == 3:
        values = values[..., None]
    if values.shape[1] <= 4 < values.shape[-1]:
        raise ValueError(
            "Expected images with channels last, (n, height, width, channels); "
            f"received: shape {values.shape} in {where}"
        )
    low, high = values.min(), values.max()
    if values.dtype.kind == "f":
        if not within(float(low), float(high), (0.0, 1.0), ROUNDING):
            raise ValueError(
                "Expected images as floats in [0, 1] or integers in [0, 255]; "
                f"received: floats from {low:g} to {high:g} in {where}"
            )
        return np.clip(values.astype(np.float32), 0, 1), 1
    if low < 0 or high > 255:
        raise ValueError(
            "Expected images as floats in [0, 1] or integers in [0, 255]; received: "
            f"integers from {low} to {high} in {where}"
        )
    # Zeros and ones mean binary images, not nearly black ones, unless another split of
    # integers has more: all splits have one scale.
    grey = high > 1 or (
        values.dtype.kind != "b"
        and any(one.dtype.kind in "iu" and one.max() > 1 for one in others)
    )
    return values.astype(np.uint8), 255 if grey else 1


def _check_alike(path: pathlib.Path, keys: list[str], framing: Framing) -> None:
    """Raises a ValueError if the examples of two splits differ in shape.

    Images may differ in their sides if they are resized or cropped.
    """
    arrays, first = Arrays(path), None
    for key in keys:
        whole = arrays.shape(key)
        shape = (*whole[1:], 1) if len(whole) == 3 else whole[1:]
        seen = shape if framing == Framing() else (len(shape), shape[-1:])
        first = first or (key, whole, seen)
        if seen != first[2]:
            raise ValueError(
                "Expected examples of one shape in all splits; received: "
                f"{first[0]!r} of shape {first[1]} and {key!r} of shape {whole} in "
                f"{path}"
            )


def source(path: pathlib.Path, framing: Framing) -> Source:
    """The arrays of a file: `images` and `labels`, or `x` and `y`, maybe by split.

    Splits are keys such as `x_train`, `y_train`, `x_test` (or `train_images`, ...). If
    the file has no such keys, a tenth of the examples is held out for test. It is the
    same tenth at every load.
    """
    layout = _layout(path)

    def read(split: str) -> Stored:
        key, label_key = layout[split if "" not in layout else ""]
        arrays, keys = Arrays(path), [values for values, _ in layout.values()]
        _check_alike(path, keys, framing)
        others = (arrays[one] for one in keys if one != key and arrays.shape(one)[0])
        values, maximum = _standard(arrays[key], f"{key!r} of {path}", others)
        labels = None if label_key is None else arrays[label_key]
        if labels is not None and labels.shape == (len(values), 1):
            labels = labels[:, 0]  # those of keras.datasets.cifar10
        if labels is not None and (
            labels.shape != (len(values),) or labels.dtype.kind not in "bui"
        ):
            raise ValueError(
                f"Expected one integer label for each of {len(values)} examples; "
                f"received: {label_key!r} of shape {labels.shape} and type "
                f"{labels.dtype} in {path}"
            )
        if "" in layout:
            rows = held_out(len(values))[split]
            values = values[rows]
            labels = None if labels is None else labels[rows]
        if maximum is None and framing != Framing():
            raise ValueError(
                f"Expected images to crop or resize; received: points in {path}"
            )
        if maximum is not None:
            values = frame_array(values, framing)
        return Stored(values, labels, maximum)

    splits = tuple(layout) if "" not in layout else ("train", "test")
    key = ("npz", str(path.resolve()), path.stat().st_mtime_ns, framing)
    return Source(str(path), splits, read, key)
