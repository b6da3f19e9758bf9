"""The data of a configuration, as streams that can be entered at any step."""

import numpy as np
import tensorflow as tf

import keras_svae as ks
import keras_svae.data
from reproductions.config import Config
from reproductions.methods import METHODS


class Inputs:
    """The splits of a configuration's data, scaled as its likelihood wants them.

    Args:
        config: The configuration.
        scale: (0, 1) or (-1, 1), the likelihood's range.
        **places: `data_dir` and `manual_dir`, where given.
    """

    def __init__(self, config: Config, scale=(0.0, 1.0), **places):
        self.config = config
        self._options = {
            "batch_size": config.batch_size,
            "scale": scale,
            "seed": config.seed,
            **{name: value for name, value in places.items() if value is not None},
        }
        self.scale = scale
        for name in ("crop", "size", "validation", "binarize"):
            if getattr(config, name) is not None:
                self._options[name] = getattr(config, name)
        self.labels = METHODS[config.method].labels
        passes = int(self.load("train").cardinality())
        self.steps_per_epoch = config.steps_per_epoch or passes

    def load(self, split: str, **more) -> tf.data.Dataset:
        """A finite pass over a split, or with `start` a stream."""
        options = self._options | {"labels": self.labels != "none"} | more
        if split == "train":
            options = self._of_train() | options
        split = self.config.test_split if split == "test" else split
        return ks.data.load(self.config.data, split=split, **options)

    def _of_train(self) -> dict:
        """How many examples, and how many of them with a label."""
        names = ("examples", "labelled", "labelled_batch")
        found = {name: getattr(self.config, name) for name in names}
        # The command line reads numbers as floats.
        return {
            name: int(value) if value >= 1 else value
            for name, value in found.items()
            if value is not None
        }

    def stream(self, start: int) -> tf.data.Dataset:
        """Training batches without end, from step `start` on."""
        data = self.load("train", start=start)
        if not self.config.dequantise:
            return data
        low, high = self.scale

        def noisy(step, x):
            key = tf.stack([tf.constant(self.config.seed, tf.int64), step])
            levels = (x - low) / (high - low) * 255
            noise = tf.random.stateless_uniform(tf.shape(x), key)
            return low + (high - low) * (levels + noise) / 256

        # A function of the step alone, so that a resumed run has the same.
        return data.enumerate(start).map(noisy)

    def watched(self) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """What validation looks at: where it chooses weights, never test data.

        With labels only where the method reads classes.
        """
        found = self.pictured()
        labelled = isinstance(found, tuple)
        return found[0] if labelled and self.labels == "none" else found

    def pictured(self) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """The examples of `watched`, with labels wherever the data have them."""
        stops = self.config.patience is not None
        split = "validation" if stops else "test"
        found = self.arrays(split, 5000 if stops else 1000, labels=None)
        if not self.config.dequantise:
            return found
        x, *labels = found if isinstance(found, tuple) else (found,)
        x = ks.evaluation.dequantise(x, self.config.seed, self.scale)
        return (x, *labels) if labels else x

    def count(self, split: str) -> int:
        """How many examples a split has."""
        options = {"batch_size": 1, "shuffle": False, "labels": False}
        if split == "train":
            options |= {"labelled": None, "labelled_batch": None}
        return int(self.load(split, **options).cardinality())

    def arrays(self, split: str, limit: int | None = None, labels: bool | None = False):
        """A split's first examples as an array, or with labels as two.

        Args:
            split: As `keras_svae.data.load` knows it.
            limit: How many; None for all.
            labels: None for labels where the data have them.
        """
        size = min(limit or 1000, 1000)
        whole = self.load(
            split, labels=labels, shuffle=False, batch_size=size, drop_remainder=False
        )
        if limit is not None:
            whole = whole.take(-(-limit // size))
        labelled = isinstance(whole.element_spec, tuple)
        parts = [part if labelled else (part,) for part in whole.as_numpy_iterator()]
        arrays = [np.concatenate(part)[:limit] for part in zip(*parts, strict=True)]
        return tuple(arrays) if labelled else arrays[0]
