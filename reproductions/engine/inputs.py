"""The data of a run, as streams that can start at any step."""

import sys
from typing import Any

import numpy as np
import tensorflow as tf

import keras_svae as ks
from keras_svae.evaluation.reading.part import at_random
from keras_svae.evaluation.reading.streams import Examples, batches, has_labels
from reproductions.engine.places import Places
from reproductions.engine.settings import Data, Training


class Inputs:
    """The splits of a run's data, scaled to the range of its model's likelihood.

    Args:
        model: The model: its likelihood's range, and whether it reads classes.
        data: Which data.
        training: Batch and seed.
        places: Where the data are, if not where they usually are.

    Attributes:
        steps_per_epoch: The training's value, or a pass over the data.
        labels: Whether the model is given classes.
        scale: The range of images; points are never scaled.
        backbone: The network that gives images' features, if there is one.
        perceptual: LPIPS, if there is one.
    """

    def __init__(
        self,
        model: ks.Game,
        data: Data,
        training: Training,
        places: Places | None = None,
    ):
        self.data, self.training = data, training
        self.backbone: ks.evaluation.Backbone | str | None = None
        self.perceptual: ks.evaluation.LPIPS | None = None
        self.labels = getattr(model, "conditional", False)
        self.scale = model.likelihood_law.range or (0.0, 1.0)
        self.dequantise = getattr(data, "dequantise", False)
        if self.dequantise and self.labels:
            raise ValueError(
                "Expected dequantise=False with a method that reads classes; received: "
                f"True with {type(model).__name__}"
            )
        self._options = {
            "batch_size": training.batch_size,
            "scale": self.scale,
            "seed": training.seed,
            **_set(places or Places(), "data_dir", "manual_dir"),
            **_set(data, "crop", "size", "validation", "binarize"),
        }
        passes = int(self.load("train").cardinality())
        self.steps_per_epoch = training.steps_per_epoch or passes

    def load(self, split: str, **more: Any) -> tf.data.Dataset:
        """A finite pass over a split, or with `start` a stream."""
        options = self._options | {"labels": self.labels} | more
        if split == "train":  # how many examples, and how many of them with a label
            counts = _set(self.data, "examples", "labelled", "labelled_batch")
            # The command line reads numbers as floats.
            whole = {n: int(count) for n, count in counts.items() if count >= 1}
            options = counts | whole | options
        split = self.data.test_split if split == "test" else split
        return ks.data.load(self.data.data, split=split, **options)

    def stream(self, start: int) -> tf.data.Dataset:
        """Training batches without end, from step `start`."""
        data = self.load("train", start=start)
        if not self.dequantise:
            return data
        low, high = self.scale

        def noisy(step, x):
            key = tf.stack([tf.constant(self.training.seed, tf.int64), step])
            levels = (x - low) / (high - low) * 255
            noise = tf.random.stateless_uniform(tf.shape(x), key)
            return low + (high - low) * (levels + noise) / 256

        # It depends only on the step, so a resumed run has the same.
        return data.enumerate(start).map(noisy)

    def validation_examples(self) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """The examples of validation during training.

        Early stopping chooses weights by them: then they are no test data. They have
        labels only if the method reads classes.
        """
        found = self.picture_examples()
        return found[0] if isinstance(found, tuple) and not self.labels else found

    def picture_examples(self) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """The same examples, with labels if the data have them."""
        stops = self.training.patience is not None
        split = "validation" if stops else "test"
        found = self.arrays(split, 5000 if stops else 1000, labels=None)
        if not self.dequantise:
            return found
        x, *labels = found if isinstance(found, tuple) else (found,)
        x = ks.evaluation.dequantise(x, self.training.seed, self.scale)
        return (x, *labels) if labels else x

    def count(self, split: str) -> int:
        """How many examples a split has."""
        options = {"batch_size": 1, "shuffle": False, "labels": False}
        if split == "train":
            options |= {"labelled": None, "labelled_batch": None}
        return int(self.load(split, **options).cardinality())

    def arrays(
        self,
        split: str,
        limit: int | None = None,
        labels: bool | None = False,
        seed: int = 0,
    ):
        """A split's examples as an array, or with labels as two.

        Args:
            split: As `keras_svae.data.load` knows it.
            limit: How many, drawn at random if there are more; None for all.
            labels: None for labels where the data have them.
            seed: The seed of the choice.
        """
        whole = self.load(
            split, labels=labels, shuffle=False, batch_size=1000, drop_remainder=False
        )
        read = batches(whole, labelled=has_labels(whole))
        found, _ = at_random(read, limit or sys.maxsize, seed)
        return tuple(found) if isinstance(found, Examples) else found


def _set(settings: Any, *names: str) -> dict[str, Any]:
    """Those of these settings that there are, and that are set."""
    found = {name: getattr(settings, name, None) for name in names}
    return {name: value for name, value in found.items() if value is not None}
