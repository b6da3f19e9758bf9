"""How the classifiers that score samples are trained."""

import dataclasses
import datetime
import importlib.metadata
import json
import os
import pathlib
import shlex
import sys
import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from keras_svae import data
from keras_svae.digest import digest
from keras_svae.evaluation.backbones.classifier import (
    DEFAULT,
    RECIPES,
    Recipe,
    network,
    sidecar,
)
from keras_svae.paths import cache_folder, local

__all__ = ["train"]

PACKAGES = ("tensorflow", "keras", "numpy")


def train(
    name: str | os.PathLike,
    *,
    recipe: Recipe | None = None,
    out: str | os.PathLike | None = None,
    data_note: str | None = None,
    seed: int = 0,
    overwrite: bool = False,
    **place,
) -> pathlib.Path:
    """Trains a classifier and writes it and its description in two files.

    Args:
        name: Labelled images, as `data.load` knows them: a name, a folder of classes,
            or an .npz file.
        recipe: Network and training; by default that of the data set's name.
        out: A `.keras` file to write; by default in the cache, under the data's name.
        data_note: A name for the data beside every score; by default their name.
        seed: The seed of weights, order and augmentation.
        overwrite: Whether an existing classifier may be replaced.
        **place: `data_dir`, `manual_dir`, `download`, `size`, `crop` of `data.load`.

    Returns:
        The `.keras` file's path.

    Raises:
        ValueError: On data that are no labelled images, or of fewer than two classes.
        FileExistsError: If the file is there and may not be replaced.
    """
    title = pathlib.Path(name).stem
    recipe = recipe or RECIPES.get(title, DEFAULT)
    path = _place(title, out, overwrite)

    def load(split, **options):
        given = {"labels": True, "seed": seed, "batch_size": recipe.batch_size}
        return data.load(name, split, **(given | place | options))

    started = time.monotonic()
    test = load("test", drop_remainder=False)
    stream, shape, labels = _labelled_data(name, load, recipe.batch_size)
    classes = int(labels.max()) + 1
    # Small data are one batch.
    size = min(recipe.batch_size, len(labels))
    recipe = dataclasses.replace(recipe, batch_size=size)
    keras.utils.set_random_seed(seed)
    model = _trained(
        network(shape, classes, recipe),
        _augmented(stream, shape, recipe.flip, seed),
        len(labels) // recipe.batch_size,
        recipe,
    )
    accuracy, count = _accuracy(model, test)
    about = {
        "data": data_note or title,
        "test accuracy": accuracy,
        "test images": count,
        "training images": len(labels),
        "classes": classes,
        "shape": shape,
        "seed": seed,
        "recipe": dataclasses.asdict(recipe),
        "parameters": model.count_params(),
        "seconds": round(time.monotonic() - started),
        "command": _command(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": {one: importlib.metadata.version(one) for one in PACKAGES},
    }
    print(f"Test accuracy {accuracy:.4f} on {count} images.", flush=True)
    _write(model, about, path)
    return path


def _place(title: str, out: str | os.PathLike | None, overwrite: bool) -> pathlib.Path:
    """The `.keras` file to write; raises if it may not be written."""
    path = (
        local(out, "a .keras file (out)").expanduser()
        if out
        else cache_folder("classifiers") / f"{title}.keras"
    )
    if path.suffix != ".keras":
        raise ValueError(f"Expected out as a .keras file; received: {path}")
    if not overwrite and (path.exists() or sidecar(path).exists()):
        raise FileExistsError(
            f"Expected no {path} or {sidecar(path).name} yet, or overwrite; received: "
            "a file that is there already"
        )
    return path


def _labelled_data(
    name: str | os.PathLike, load: Callable[..., tf.data.Dataset], batch_size: int
) -> tuple[tf.data.Dataset, tuple[int, ...], np.ndarray]:
    """Endless batches of training images of known classes, their shape, the labels."""
    plain = load("train", shuffle=False, drop_remainder=False)
    shape = tuple(plain.element_spec[0].shape[1:])
    if len(shape) != 3:
        raise ValueError(
            f"Expected images (height, width, channels); received: {name!r}, whose "
            f"examples are of shape {shape}"
        )
    found = np.concatenate([y for _, y in plain])
    labels = found[found >= 0]
    if len(np.unique(labels)) < 2:
        raise ValueError(
            f"Expected images of two classes or more; received: {name!r} with "
            f"{len(np.unique(labels))} among {len(labels)} labelled images"
        )
    # A batch has labelled images only.
    size = min(batch_size, len(labels))
    stream = load("train", start=0, batch_size=size)
    if len(labels) < len(found):
        stream = stream.unbatch().filter(lambda x, y: y >= 0)
        stream = stream.batch(size, drop_remainder=True)
    return stream, shape, labels


def _accuracy(model: keras.Model, test: tf.data.Dataset) -> tuple[float, int]:
    """The share of test images whose class is found, and how many have a class."""
    logits, truth = model.predict(test, verbose=0), np.concatenate([y for _, y in test])
    logits, truth = logits[truth >= 0], truth[truth >= 0]
    return float((logits.argmax(1) == truth).mean()), len(truth)


def _trained(model, stream, steps: int, recipe: Recipe) -> keras.Model:
    total = steps * recipe.epochs
    optimizer = keras.optimizers.SGD(
        keras.optimizers.schedules.CosineDecay(
            0.0,
            decay_steps=total - total // 10,
            warmup_target=recipe.rate,
            warmup_steps=total // 10,
        ),
        momentum=0.9,
        nesterov=True,
        weight_decay=5e-4,
    )
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    model.compile(
        optimizer,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(
        stream,
        epochs=recipe.epochs,
        steps_per_epoch=steps,
        shuffle=False,  # the stream is
        verbose=0,
        callbacks=[_Lines(recipe.epochs)],
    )
    return model


class _Lines(keras.callbacks.Callback):
    """Prints a line per epoch. Stops when the loss is NaN."""

    def __init__(self, epochs: int):
        super().__init__()
        self._epochs = epochs

    def on_epoch_begin(self, epoch, logs=None):
        self._since = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        print(
            f"epoch {epoch + 1} of {self._epochs}: loss {logs['loss']:.4f}, training "
            f"accuracy {logs['accuracy']:.4f}, {time.monotonic() - self._since:.0f} s",
            flush=True,
        )
        if not np.isfinite(logs["loss"]):
            raise FloatingPointError(
                f"Expected a finite loss; received: {logs['loss']} in epoch {epoch + 1}"
            )


def _augmented(stream, shape, flip: bool, seed: int) -> tf.data.Dataset:
    """Images shifted by up to a tenth of their sides, edges continued."""
    height, width = shape[:2]

    def augment(step, batch):
        x, y = batch
        key = tf.stack([tf.constant(seed, tf.int64), step])
        count = tf.shape(x)[0]
        for axis, (side, mirrored) in enumerate(((height, False), (width, flip))):
            reach = max(1, side // 10)
            at = tf.range(side)[None] + tf.random.stateless_uniform(
                (count, 1), key + 2 * axis, -reach, reach + 1, tf.int32
            )
            at = tf.clip_by_value(at, 0, side - 1)
            if mirrored:
                toss = tf.random.stateless_uniform((count, 1), key + 2 * axis + 1)
                at = tf.where(toss < 0.5, at, side - 1 - at)
            x = tf.gather(x, at, axis=axis + 1, batch_dims=1)
        return x, y

    return stream.enumerate().map(augment, num_parallel_calls=2).prefetch(4)


def _command() -> str:
    """The command line, if this module is what was run."""
    main = getattr(sys.modules["__main__"], "__spec__", None)
    if main is None or main.name != "keras_svae.evaluation.train_classifier":
        return "keras_svae.evaluation.train_classifier.train(...)"
    return shlex.join(["python", "-m", main.name, *sys.argv[1:]])


def _write(model: keras.Model, about: dict, path: pathlib.Path) -> None:
    """Writes both files, each completely or not at all. A digest links them."""
    # The optimizer's state is left out, because scoring does not need it.
    bare = keras.Model.from_config(model.get_config())
    bare.set_weights(model.get_weights())
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_name(f".{path.stem}.writing-{os.getpid()}.keras")
    told = sidecar(written)
    try:
        bare.save(written)
        about = {"sha256": digest(written), **about}
        told.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        os.replace(written, path)
        os.replace(told, sidecar(path))
    finally:
        for rest in (written, told):
            rest.unlink(missing_ok=True)
    print(f"Written: {path}", flush=True)
