"""Resumes training within an epoch: the rest of that epoch comes first."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

__all__ = ["fit", "means_of"]


class _Continued(keras.callbacks.Callback):
    """Goes on with the means of the interrupted epoch, so that its log is complete."""

    def __init__(self, means):
        super().__init__()
        self.means = means

    def on_epoch_begin(self, epoch, logs=None):
        variables = _parts(self.model)
        for variable, value in zip(variables, self.means or (), strict=False):
            variable.assign(np.reshape(value, variable.shape))
        self.means = None


def _parts(model) -> list:
    """What the means of a log consist of, on each replica of this process."""
    found = (model._means.total.value, model._means.weight.value)
    return [part for one in found for part in getattr(one, "values", [one])]


def means_of(model) -> list[list[float]] | None:
    """The means of the running epoch, for a backup within it.

    None at an epoch's end, without `steps_per_epoch`, or over several processes.
    """
    steps = model._steps_per_epoch
    several = isinstance(
        model.distribute_strategy, tf.distribute.MultiWorkerMirroredStrategy
    )
    if not steps or several or model.step % steps == 0:
        return None
    return [np.asarray(one, float).tolist() for one in _parts(model)]


def fit(call: Callable, model, training, given: dict) -> keras.callbacks.History:
    """Calls Keras's `fit`, or calls it twice after a backup within an epoch.

    A backup says how many steps its epoch had. If `fit` gets the same number for the
    interrupted epoch, the rest of that epoch is a call of its own.

    Args:
        call: Keras's `fit`.
        model: The model, perhaps just restored.
        training: Its data, positioned at the model's step.
        given: The arguments of `fit`.

    Raises:
        ValueError: If the data cannot be split over two calls.
    """
    (data, first), *others = _calls(model, training, given)
    history = call(data, **first)
    for data, more in others:
        if not model.stop_training:
            history = _joined(history, call(data, **more))
    return history


def _calls(model, training, given: dict) -> list[tuple]:
    steps, restored = given.get("steps_per_epoch"), model._restored
    model._restored, model._steps_per_epoch = None, steps
    epoch, step = given.get("initial_epoch", 0), model.step
    if not steps or (restored or ())[:2] != (step, steps) or step // steps != epoch:
        return [(training, given)]
    done = step % steps
    if not done:
        return [(training, given)]
    if not hasattr(training, "skip"):
        raise ValueError(
            "Expected a tf.data.Dataset, to go on within an epoch; received: "
            f"{type(training).__name__}. Call fit with initial_epoch={epoch}, "
            f"epochs={epoch + 1}, steps_per_epoch={steps - done} first"
        )
    callbacks = [_Continued(restored[2]), *(given.get("callbacks") or ())]
    rest = given | {"epochs": epoch + 1, "steps_per_epoch": steps - done}
    rest["callbacks"] = callbacks
    if given.get("epochs", 1) <= epoch + 1:
        return [(training, rest)]
    others = given | {"initial_epoch": epoch + 1}
    return [(training, rest), (training.skip(steps - done), others)]


def _joined(
    one: keras.callbacks.History, last: keras.callbacks.History
) -> keras.callbacks.History:
    last.epoch = one.epoch + last.epoch
    for name, values in one.history.items():
        last.history[name] = values + last.history.get(name, [])
    return last
