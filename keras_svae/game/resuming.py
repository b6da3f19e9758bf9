"""Resumes training within an epoch: the rest of that epoch comes first."""

from collections.abc import Callable

import keras

__all__ = ["fit"]


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
    if not steps or restored != (step, steps) or step // steps != epoch:
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
    rest = given | {"epochs": epoch + 1, "steps_per_epoch": steps - done}
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
