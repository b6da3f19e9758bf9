"""One call for every data set."""

import math
import numbers
import os

import numpy as np
import tensorflow as tf

from keras_svae.data.examples import Examples, Source, binarized, divide, shared
from keras_svae.data.images import Framing
from keras_svae.data.pipeline import batches
from keras_svae.data.sources import open_source


def load(
    name: str | os.PathLike,
    split: str = "train",
    batch_size: int = 64,
    *,
    labels: bool | None = False,
    scale: tuple[float, float] = (0.0, 1.0),
    seed: int = 0,
    start: int | None = None,
    shuffle: bool | None = None,
    drop_remainder: bool | None = None,
    binarize: str | None = None,
    validation: float | int | None = None,
    size: int | tuple[int, int] | None = None,
    crop: int | tuple[int, int, int, int] | None = None,
    n: int | None = None,
    cache: bool = True,
    data_dir: str | os.PathLike | None = None,
    manual_dir: str | os.PathLike | None = None,
    download: bool = True,
) -> tf.data.Dataset:
    """Loads a data set as batches of floats.

        train = ks.data.load("mnist", batch_size=64, seed=1)
        model.fit(train, epochs=20)

    Splits. A data set's own splits are kept as published. One that came in one piece
    (a folder without `train` and `test`, an .npz without `x_train`, `x_test`) has a
    tenth held out for `test`. Where there is no validation split, `validation` takes
    one out of train: give it to both loads. Neither division depends on `seed`.

    Resuming. `start=s` gives an endless stream of batches whose order depends on
    (seed, epoch) alone, standing at step s: exactly what `load(..., start=0).skip(s)`
    would give, without the wait. Pass `steps_per_epoch` to `fit` with it; the
    cardinality of the same load without `start` is that number.

    Args:
        name: A mixture (`toy5`, `grid25`, `ring8`), `digits`, the name of an image data
            set of TensorFlow Datasets (`mnist`, `cifar10`, `lsun/bedroom`, ...), a
            folder of images, or an .npz file. Names come before folders; `./digits`
            is always the folder. Classes are subfolders; arrays are called `images`
            and `labels`, or `x` and `y`.
        split: `train`, `validation`, `test`, or another split that the data set has.
        batch_size: Examples per batch; of all replicas together.
        labels: Whether to give pairs (x, y), with y the class, (batch,), int64. None
            gives them where there are any.
        scale: The range that images are brought to, (0, 1) or (-1, 1). Points are
            never scaled.
        seed: Decides the order, the bits of `binarize`, and which points are drawn
            from a mixture.
        start: None for a finite data set of known length, reshuffled at each pass; a
            step for the endless stream from there on.
        shuffle: By default in `train` only.
        drop_remainder: Whether an incomplete last batch is left out. By default in
            `train`, and always with `start`.
        binarize: None; "fixed" for 0 or 1 (the ends of `scale`) with the pixel's
            intensity as the probability of 1, drawn once by seed; "epoch" for bits
            drawn anew in each epoch, a function of (seed, epoch).
        validation: The share of train, if below 1, or the number of examples that is
            split off for validation, for data without such a split.
        size: Side, or (height, width), that images are resized to.
        crop: What is cut out before, in pixels: the side of a centred square, or a box
            (left, top, right, bottom).
        n: Number of points in this split, for mixtures. By default 2,048 for train and
            1,024 for the others (`toy5`); 100,000 and 10,000 (`grid25`, `ring8`).
        cache: Whether images are kept in memory, 8 bits per value. False reads them
            from a folder whenever they are needed.
        data_dir: Where TensorFlow Datasets keeps prepared data; by default where it
            always does (`~/tensorflow_datasets`, or `TFDS_DATA_DIR`).
        manual_dir: A folder with a TFDS data set's original files under their
            published names, to be taken from there rather than from the network.
        download: Whether missing files of a TFDS data set may be downloaded.

    Returns:
        A `tf.data.Dataset` of float32 images (batch, height, width, channels), or
        points (batch, 2), or of pairs with labels.

    Raises:
        ValueError: On an unknown name or split, arguments out of range, data that are
            empty, not finite, out of range or of differing sizes, or an original file
            with a wrong checksum.
        FileNotFoundError: If data are not there and cannot be downloaded.
    """
    batch_size = _integer("batch_size", batch_size, 1)
    seed = _integer("seed", seed, None)
    start = None if start is None else _integer("start", start, 0)
    n = None if n is None else _integer("n", n, 1)
    scale = _scale(scale)
    if binarize not in (None, "fixed", "epoch"):
        raise ValueError(
            f"Expected binarize to be None, 'fixed' or 'epoch'; received: {binarize!r}"
        )
    if start is not None and drop_remainder is False:
        raise ValueError(
            "Expected drop_remainder=True with start, as all steps are alike; "
            "received: drop_remainder=False"
        )
    source = open_source(
        name,
        framing=Framing.of(crop, size),
        seed=seed,
        n=n,
        cache=bool(cache),
        data_dir=data_dir,
        manual_dir=manual_dir,
        download=bool(download),
    )
    examples, rows = _select(source, split, validation)
    if labels is None:
        labels = examples.labels is not None
    if labels and examples.labels is None:
        raise ValueError(
            f"Expected data with a class for each example, as labels=True asks; "
            f"received: {source.name!r}, which has none"
        )
    if binarize and examples.maximum is None:
        raise ValueError(
            f"Expected images to binarize; received: {source.name!r}, which are points"
        )
    if binarize == "fixed":
        examples = _with_fixed_bits(examples, source, split, seed, validation)
    training = split == "train"
    if drop_remainder is None:
        drop_remainder = training or start is not None
    if drop_remainder and batch_size > len(rows):
        raise ValueError(
            f"Expected batch_size <= {len(rows)}, the examples in split {split!r} of "
            f"{source.name!r}; received: batch_size={batch_size}"
        )
    return batches(
        examples,
        rows,
        batch_size,
        labels=labels,
        scale=scale,
        seed=seed,
        shuffle=training if shuffle is None else bool(shuffle),
        fresh_bits=binarize == "epoch",
        drop_remainder=drop_remainder,
        start=start,
    )


def _select(source: Source, split: str, validation) -> tuple[Examples, np.ndarray]:
    """A split's examples, and which of them belong to it."""
    _check_split(source, split, validation)
    carved = validation is not None and split in ("train", "validation")
    read_from = "train" if carved else split
    examples = shared(
        (source.key, read_from), lambda: _not_empty(source.read(read_from), source)
    )
    if not carved:
        return examples, np.arange(len(examples))
    rest, held = divide(len(examples), _held(validation, len(examples)))
    return examples, rest if split == "train" else held


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
            f"Expected validation=<share or number of examples>, in the loads of train "
            f"and of validation, as {source.name!r} has only the splits "
            f"{list(source.splits)}; received: validation=None"
        )
    raise ValueError(
        f"Expected split to be one of {list(source.splits)}"
        f"{'' if own else ', or validation with validation=<share>'}; received: "
        f"{split!r}"
    )


def _held(validation, count: int) -> int:
    """How many examples of train are for validation."""
    held = validation
    if isinstance(validation, numbers.Real) and 0 < validation < 1:
        held = max(1, round(float(validation) * count))
    if (
        isinstance(held, bool)
        or not isinstance(held, numbers.Integral)
        or not 1 <= held < count
    ):
        raise ValueError(
            f"Expected validation as a share in (0, 1) or a number below {count}, the "
            f"examples in train; received: validation={validation!r}"
        )
    return int(held)


def _with_fixed_bits(examples, source: Source, split: str, seed: int, validation):
    if not isinstance(examples, Examples):
        raise ValueError(
            "Expected cache=True for binarize='fixed', as the bits are kept; received: "
            "cache=False"
        )
    # A validation split taken out of train keeps the bits it would have there.
    if validation is not None and split == "validation":
        split = "train"
    key = (source.key, split, "bits", seed)
    return shared(key, lambda: binarized(examples, seed, split))


def _not_empty(examples: Examples, source: Source) -> Examples:
    if len(examples) == 0:
        raise ValueError(f"Expected data; received: no examples in {source.name!r}")
    return examples


def _integer(name: str, value, at_least: int | None) -> int:
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    low = -(2**63) if at_least is None else at_least
    if not whole or not low <= value < 2**63:
        bound = "" if at_least is None else f" >= {at_least}"
        raise ValueError(
            f"Expected {name} to be an integer{bound}; received: {name}={value!r}"
        )
    return int(value)


def _scale(scale) -> tuple[float, float]:
    try:
        low, high = (float(end) for end in scale)
    except (TypeError, ValueError):
        low = high = math.nan
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(
            "Expected scale as two numbers (low, high) with low < high, such as (0, 1) "
            f"or (-1, 1); received: {scale!r}"
        )
    return low, high
