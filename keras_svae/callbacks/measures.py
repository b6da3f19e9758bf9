"""Measures of held-out data while a model trains, as columns of the log."""

import inspect
from collections.abc import Iterable
from typing import Any

import keras

from keras_svae.evaluation.evaluate import (
    Plan,
    Report,
    evaluate,
    names_and_options,
    planned,
)
from keras_svae.evaluation.reading.part import at_random
from keras_svae.evaluation.reading.streams import Stream, batches, fields, has_labels
from keras_svae.game import checks
from keras_svae.telling import warn

__all__ = ["Measures"]


class Measures(keras.callbacks.Callback):
    """Takes measures of `ks.evaluation` at the ends of epochs.

    Each number becomes a column of the epoch's log, `measured_` and the measure's name,
    with "_" for "." and "[": `measured_frechet_distance`,
    `measured_precision_recall_recall`, `measured_frechet_distance_random_network`.
    So `EarlyStopping`, `ModelCheckpoint`, `CSVLogger`, `TensorBoard`, `History` and the
    callbacks of trackers see it, whatever the order of the callbacks. Tell them
    `mode="min"` or `mode="max"`: Keras cannot know which is better.

    It measures after the first epoch of `fit` and after every k-th. In between, the log
    repeats the last numbers, so `patience` counts epochs, as always. (A missing column
    would end a `ModelCheckpoint` that has it in its file name, and with a NaN at first
    `EarlyStopping` finds nothing better.) `reports` has what was measured, and when.

    It also measures once before training. So wrong data, a missing backbone and the
    like are errors before training starts. Later, a measure that fails is a warning,
    and the log repeats its last number: training goes on.

    Measuring does not change the training. All its random draws have seeds of their
    own, and are the same at each epoch. With `AveragedWeights`, the averages are
    measured, as in validation.

    Args:
        data: Held-out data, as `ks.evaluation.evaluate` takes them: an array x, a pair
            of arrays (x, labels), or a finite `tf.data.Dataset` or iterable of batches,
            x or (x, labels). n examples, drawn at random with the seed, are kept in
            memory. Do not give the object that `fit` trains on if it shuffles: reading
            it moves its order on.
        measures: Names, as in `ks.evaluation.MEASURES`. They all have to apply to the
            model. None takes all measures that apply, except the costly ones.
        every: Epochs between measures.
        n: How many examples are read, and samples drawn, at most. Many measures depend
            on it: compare numbers of one n alone.
        prefix: What the names of the columns start with.
        **given: `train`, `backbone`, `lpips`, `mixture`, `value_range`, `dequantise`,
            `options`, `seed`, `sampler`: see `ks.evaluation.evaluate`.

    Attributes:
        first: The `Report` of the model before training.
        reports: All other reports, by epoch, counted from 0 as Keras does. They also
            have deviations, and what a number depends on.

    Raises:
        TypeError: On an argument that is not known.
        ValueError: On unknown measures, and before training starts on data that have no
            end or do not go with the model, and on a measure that lacks what it needs.

    Example:
        found = ks.callbacks.Measures(
            test, ["inception_score", "mse"], every=5,
            backbone=ks.evaluation.classifier("mnist"))
        best = keras.callbacks.ModelCheckpoint(
            "best.keras", "measured_inception_score", mode="max", save_best_only=True)
        model.fit(train, epochs=100, callbacks=[found, best])
    """

    def __init__(
        self,
        data: Stream,
        measures: str | Iterable[str] | None = None,
        *,
        every: int = 1,
        n: int = 1000,
        prefix: str = "measured_",
        **given: Any,
    ):
        super().__init__()
        self.every = checks.integer("every", every, at_least=1)
        self.n = checks.integer("n", n, at_least=2)
        if not isinstance(prefix, str) or not prefix:
            raise ValueError(f"Expected prefix, a text; received: {prefix!r}")
        self.prefix, self.data = prefix, data
        if isinstance(measures, Iterable) and not isinstance(measures, str):
            measures = list(measures)
        whole = inspect.signature(evaluate)
        taken = [one for one in whole.parameters.values() if one.name != "verbose"]
        asked = whole.replace(parameters=taken)
        asked.bind(None, data, measures=measures, n=n, **given)
        names_and_options(measures, given.get("options"))
        self.measures, self._given = measures, given
        self._plan: Plan | None = None
        self._last: dict[str, float] = {}
        self.first = Report()
        self.reports: dict[int, Report] = {}

    def __deepcopy__(self, memo) -> "Measures":
        # KerasTuner copies callbacks for each trial. Data and networks are shared.
        return type(self)(
            self.data,
            self.measures,
            every=self.every,
            n=self.n,
            prefix=self.prefix,
            **self._given,
        )

    def adds_columns(self, model) -> list[str]:
        """The names of the columns; `fit` asks for them before training.

        Raises:
            ValueError: If the model or the data cannot be measured.
        """
        given = dict(self._given)
        seed = given.get("seed", 0)
        if given.get("train") is not None:
            given["train"] = _held(given["train"], self.n, seed, "training data")
        self._plan = planned(
            model,
            _held(self.data, self.n, seed, "data to measure on"),
            measures=self.measures,
            n=self.n,
            **given,
        )
        self.first, self.reports = self._plan.report(), {}
        self._last = self._columns(self.first)
        for name, error in self.first.failed.items():
            warn(f"The measure {name} failed: {error}")
        if not self.first:
            raise ValueError(
                "Expected measures that apply to the model; received: none"
                + "".join(
                    f"; {name}: {why}" for name, why in self.first.left_out.items()
                )
            )
        return list(self._last)

    def on_train_begin(self, logs=None):
        if self._plan is None:
            raise ValueError(
                "Expected Measures in the callbacks of fit of a keras_svae model; "
                f"received: {type(self.model).__name__}"
            )

    def on_epoch_end(self, epoch, logs=None):
        if not self.reports or (epoch + 1) % self.every == 0:
            self.reports[epoch] = report = self._measured(epoch)
            self._last |= self._columns(report)
        if logs is not None:
            logs.update(self._last)

    def _measured(self, epoch: int) -> Report:
        assert self._plan is not None  # see `on_train_begin`
        averages = self.model.averages
        if averages is not None and averages.shown:
            averages.lend()
        try:
            self._plan.material = self._plan.material.again()
            report = self._plan.report(careful=True)
        except Exception as error:  # e.g. no memory
            report = Report(failed={"all": f"{type(error).__name__}: {error}"})
        for name, why in report.failed.items():
            warn(
                f"The measure {name} failed after epoch {epoch + 1}, and training goes "
                f"on: {why.splitlines()[0]}"
            )
        return report

    def _columns(self, report: Report) -> dict[str, float]:
        return {
            f"{self.prefix}{_plain(name)}": float(value)
            for name, value in report.items()
        }


def _plain(name: str) -> str:
    """A measurement's name as one that may stand in a checkpoint's path.

    There Python would take `.` and `[` for parts of the value.
    """
    return name.replace(".", "_").replace("[", "_").replace("]", "")


def _held(data: Stream, n: int, seed: int, name: str):
    """n examples at random, as an array x or a pair of arrays (x, labels)."""
    if type(data) is tuple:  # as validation_data may be: (x,) or (x, y, weights)
        x, y = (*data, None)[:2]
        data = x if y is None else (x, y)
    stream = batches(data, name=name, labelled=has_labels(data))
    x, y = fields(at_random(stream, n, seed)[0])
    return x if y is None else (x, y)
