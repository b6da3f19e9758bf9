"""One call for every data set."""

import functools
import os

import tensorflow as tf

from keras_svae.arguments import value_range
from keras_svae.data import arguments, parts
from keras_svae.data.examples import Source, Stored, binarized, shared
from keras_svae.data.images import Framing
from keras_svae.data.pipeline import batches
from keras_svae.data.sources import open_source

# Examples in a batch, if a user does not say it.
BATCH = 64


def load(
    name: str | os.PathLike,
    split: str = "train",
    batch_size: int | None = None,
    *,
    labels: bool | None = False,
    labelled: float | int | None = None,
    labelled_batch: int | None = None,
    scale: tuple[float, float] = (0.0, 1.0),
    seed: int = 0,
    start: int | None = None,
    shuffle: bool | None = None,
    drop_remainder: bool | None = None,
    binarize: str | None = None,
    examples: float | int | None = None,
    validation: float | int | None = None,
    size: int | tuple[int, int] | None = None,
    crop: int | str | tuple[int, int, int, int] | None = None,
    n: int | None = None,
    cache: bool = True,
    links: bool = False,
    data_dir: str | os.PathLike | None = None,
    manual_dir: str | os.PathLike | None = None,
    download: bool = True,
) -> tf.data.Dataset:
    """Loads a data set as batches of floats.

        train = ks.data.load("mnist", batch_size=64, seed=1)
        model.fit(train, epochs=20)

    Splits. A data set's own splits are kept as published. If data have no splits (a
    folder without `train` and `test`, an .npz without `x_train`, `x_test`), a tenth is
    held out for `test`. If there is no validation split, `validation` takes one out of
    train: give it to both loads. Neither division depends on `seed`.

    Partly labelled data. `labelled=600` or `labelled=0.01` keeps that many labels,
    equally many of each class, and gives y = -1 for all other examples. Every batch is
    mixed: `labelled_batch` of its examples are labelled. They are spread evenly over
    it, so that each replica's part has its share. Labelled examples have y >= 0. An
    epoch is a pass over the unlabelled examples. The labelled ones repeat, or not all
    occur. Each pass over them has a new order.

    Resuming. `start=s` gives an endless stream of batches that starts at step s. Its
    order depends only on (seed, epoch). It is exactly what `load(..., start=0).skip(s)`
    would give, without the wait. Pass `steps_per_epoch` to `fit` with it: the
    cardinality of the same load without `start`.

    Args:
        name: A mixture (`toy5`, `grid25`, `ring8`), `digits`, `tiny_imagenet`, the name
            of an image data set of TensorFlow Datasets (`mnist`, `cifar10`,
            `lsun/bedroom`, ...), a folder of images, or an .npz file. Names come before
            folders; `./digits` is always the folder. Classes are subfolders; arrays are
            called `images` and `labels`, or `x` and `y`.
        split: `train`, `validation`, `test`, or another split that the data set has.
        batch_size: Examples per batch; of all replicas together. The default is 64, or
            the number of examples if there are fewer than 64.
        labels: Whether to give pairs (x, y), with y the class, (batch,), int64. None
            gives pairs if the data have classes.
        labelled: The number or the share of the examples of `train` that keep their
            class; the others have -1. Each class has at least one, and their numbers
            differ by at most one. Implies `labels`. `seed` chooses the examples; with
            the same seed, a smaller number is always part of a larger one.
        labelled_batch: How many examples of each batch are labelled, with `labelled`.
            The default is half. (The code of Kingma et al. 2014 has them in proportion,
            batch_size * labelled / examples.)
        scale: The range that images are brought to, (0, 1) or (-1, 1). Points are
            never scaled. An .npz file's array (n, d) is points; for 8-bit integers of
            this shape, a warning says so.
        seed: Decides the order, the bits of `binarize`, which points are drawn from a
            mixture, and which examples `examples` and `labelled` choose. For finite
            data, a seed set for all of TensorFlow (`keras.utils.set_random_seed`)
            changes the order, too.
        start: None for a finite data set of known length, which is reshuffled at each
            pass; a step for the endless stream that starts there.
        shuffle: Whether to shuffle the examples; by default only those of `train`.
        drop_remainder: Whether an incomplete last batch is left out. By default in
            `train`, and always with `start`.
        binarize: None; "fixed" for 0 or 1 (the ends of `scale`) with the pixel's
            intensity as the probability of 1, drawn once by seed; "epoch" for bits
            drawn anew in each epoch, a function of (seed, epoch).
        examples: The share, if below 1, or the number of examples that is used of the
            split (after `validation` has taken its part). With labels, each class gets
            equally many, as far as it has them. `seed` chooses the examples; with the
            same seed, a smaller number is always part of a larger one. None for all.
        validation: The share of train, if below 1, or the number of examples that is
            split off for validation, for data without such a split.
        size: Side, or (height, width), that images are resized to.
        crop: What is cut out before, in pixels: the side of a centred square, or a box
            (left, top, right, bottom). "square" is the largest centred square of each
            image: resized, it keeps its proportions.
        n: Number of points in this split, for mixtures. By default 2,048 for train and
            1,024 for the others (`toy5`); 100,000 and 10,000 (`grid25`, `ring8`).
        cache: Whether images are kept in memory, 8 bits per value. False reads them
            from a folder whenever they are needed.
        links: Whether a folder may hold links to files outside of it.
        data_dir: The folder where TensorFlow Datasets keeps prepared data; by default
            its usual folder (`~/tensorflow_datasets`, or `TFDS_DATA_DIR`).
        manual_dir: A folder with a TFDS data set's original files under their published
            names. They are then not downloaded.
        download: Whether missing files of a TFDS data set may be downloaded. If not,
            the data set has to be prepared already, or its original files have to be in
            `manual_dir`.

    Returns:
        A `tf.data.Dataset` of float32 images (batch, height, width, channels), or
        points (batch, 2), or of pairs with labels.

    Raises:
        ValueError: On an unknown name or split, arguments out of range, more examples
            than there are (for `labelled`: than there are of a class), data that are
            empty, not finite, out of range or of differing sizes, or an original file
            with a wrong checksum.
        FileNotFoundError: If data are not there and cannot be downloaded.
    """
    shrinks = batch_size is None and not labelled
    batch_size = arguments.integer(
        "batch_size", BATCH if batch_size is None else batch_size, 1
    )
    seed = arguments.seed(seed)
    start = None if start is None else arguments.integer("start", start, 0)
    n = None if n is None else arguments.integer("n", n, 1)
    scale = value_range("scale", scale)
    arguments.check_part("examples", examples)
    arguments.check_part("validation", validation)
    labelled_batch = arguments.labelled_batch(
        labelled_batch, labelled, split, batch_size
    )
    if binarize not in (None, "fixed", "epoch"):
        raise ValueError(
            f"Expected binarize to be None, 'fixed' or 'epoch'; received: {binarize!r}"
        )
    if start is not None and drop_remainder is False:
        raise ValueError(
            "Expected drop_remainder=True with start, as all steps have full batches; "
            "received: drop_remainder=False"
        )
    source = open_source(
        name,
        framing=Framing.of(crop, size),
        seed=seed,
        n=n,
        cache=bool(cache),
        links=bool(links),
        data_dir=data_dir,
        manual_dir=manual_dir,
        download=bool(download),
    )
    data, rows = parts.select(source, split, validation)
    rows = parts.reduce(data, rows, examples, seed)
    if labels is None:
        labels = data.labels is not None
    if (labels or labelled) and data.labels is None:
        asked = f"labelled={labelled!r}" if labelled else "labels=True"
        raise ValueError(
            f"Expected data with a class for each example, as {asked} asks; "
            f"received: {source.name!r}, which has none{source.hint}"
        )
    if binarize and data.maximum is None:
        raise ValueError(
            f"Expected images to binarize; received: {source.name!r}, which are points"
        )
    if labelled and data.labels is not None:
        part = parts.partly_labelled(data.labels, rows, labelled, seed)
    else:
        part = parts.Rows(rows, data.labels if labels else None)
    if binarize == "fixed":
        data = _with_fixed_bits(data, source, split, seed, validation)
    training = split == "train"
    if drop_remainder is None:
        drop_remainder = training or start is not None
    if shrinks:
        batch_size = min(batch_size, len(part.rows))
    if drop_remainder and batch_size - labelled_batch > len(part.rows):
        raise ValueError(
            f"Expected batch_size <= {len(part.rows) + labelled_batch}, the number of "
            f"{'unlabelled ' if labelled else ''}examples in split {split!r} of "
            f"{source.name!r}{' plus labelled_batch' if labelled else ''}; received: "
            f"batch_size={batch_size}"
        )
    stream = functools.partial(
        batches,
        data,
        part,
        batch_size,
        labelled_batch=labelled_batch,
        scale=scale,
        seed=seed,
        shuffle=training if shuffle is None else bool(shuffle),
        fresh_bits=binarize == "epoch",
        drop_remainder=drop_remainder,
    )
    found = stream(start=start)
    # For `keras_svae.fit`, which goes on at any step.
    found.starting_at = lambda step: stream(start=step)
    return found


def _with_fixed_bits(examples, source: Source, split: str, seed: int, validation):
    if not isinstance(examples, Stored):
        raise ValueError(
            "Expected cache=True for binarize='fixed', as the bits are kept; received: "
            "cache=False"
        )
    # A validation split taken out of train keeps the bits that it has there.
    if validation is not None and split == "validation":
        split = "train"
    key = (source.key, split, "bits", seed)
    return shared(key, lambda: binarized(examples, seed, split))
