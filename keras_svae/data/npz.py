"""Arrays from an .npz file."""

import pathlib
import warnings

import numpy as np

from keras_svae.data.examples import Examples, Source, held_out
from keras_svae.data.images import Framing, frame_array
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


def _whole(stems, keys) -> str | None:
    return next((k for k in stems if k in keys), None)


def _layout(path: pathlib.Path) -> dict[str, tuple[str, str | None]]:
    """Each split's keys of values and labels; the split "" means all in one piece."""
    keys = list(Arrays(path))
    found = {}
    for split, words in _SPLITS.items():
        if values := _key(_VALUES, words, keys):
            found[split] = values, _key(_LABELS, words, keys)
    if not found and (values := _whole(_VALUES, keys)):
        found[""] = values, _whole(_LABELS, keys)
    if not found:
        raise ValueError(
            "Expected arrays named images and labels, or x and y, or by split x_train, "
            f"y_train, x_test, ...; received: {keys or 'no arrays'} in {path}"
        )
    return found


def _standard(values: np.ndarray, where: str) -> tuple[np.ndarray, float | None]:
    """Values in the stored form, and the value of full intensity (None: points)."""
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
            warnings.warn(
                f"8-bit integers {values.shape} in {where} are taken for points, which "
                "are never scaled. Are they images? Store them as (n, height, width, "
                "channels): values.reshape(...)",
                stacklevel=2,
            )
        return values.astype(np.float32), None
    if values.ndim == 3:
        values = values[..., None]
    if values.shape[-1] > 4:
        raise ValueError(
            "Expected images with channels last, (n, height, width, channels); "
            f"received: shape {values.shape} in {where}"
        )
    low, high = values.min(), values.max()
    if values.dtype.kind == "f":
        if low < 0 or high > 1:
            raise ValueError(
                "Expected images as floats in [0, 1] or integers in [0, 255]; "
                f"received: floats from {low:g} to {high:g} in {where}"
            )
        return values.astype(np.float32), 1
    if low < 0 or high > 255:
        raise ValueError(
            "Expected images as floats in [0, 1] or integers in [0, 255]; received: "
            f"integers from {low} to {high} in {where}"
        )
    # Zeros and ones mean binary images, not nearly black ones.
    return values.astype(np.uint8), 255 if high > 1 else 1


def source(path: pathlib.Path, framing: Framing) -> Source:
    """The arrays of a file: `images` and `labels`, or `x` and `y`, maybe by split.

    Splits are keys such as `x_train`, `y_train`, `x_test` (or `train_images`, ...). If
    the file has no such keys, a tenth of the examples is held out for test. It is the
    same tenth at every load.
    """
    layout = _layout(path)

    def read(split: str) -> Examples:
        key, label_key = layout[split if "" not in layout else ""]
        arrays = Arrays(path)
        values, maximum = _standard(arrays[key], f"{key!r} of {path}")
        labels = None if label_key is None else arrays[label_key]
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
        return Examples(values, labels, maximum)

    splits = tuple(layout) if "" not in layout else ("train", "test")
    key = ("npz", str(path.resolve()), path.stat().st_mtime_ns, framing)
    return Source(str(path), splits, read, key)
