"""Resumes training within an epoch: the rest of that epoch comes first."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_svae.game.devices import workers
from keras_svae.game.feeding.known import batches_in
from keras_svae.game.keras_callbacks import rates, remembered

__all__ = ["Rates", "Restored", "at_end", "fit", "means_of"]


@dataclasses.dataclass(frozen=True)
class Rates:
    """Learning rates of an interrupted epoch, by optimizer.

    Attributes:
        before: Before the epoch began.
        begun: Once its callbacks had begun.
        saved: In the backup.
    """

    before: dict[str, float]
    begun: dict[str, float]
    saved: dict[str, float]


@dataclasses.dataclass
class Restored:
    """What a backup says beside the weights, until `fit` goes on from it.

    Attributes:
        step: The model's step.
        began: The model's step where the run began; not 0 for a model that was trained
            before.
        steps: The steps of an epoch; None if they are unknown.
        means: The sums of an interrupted epoch's log.
        rates: The learning rates of an interrupted epoch.
        memory: What callbacks remember, see `remembered.of`, and their arrays.
    """

    step: int
    began: int = 0
    steps: int | None = None
    means: list | None = None
    rates: Rates | None = None
    memory: tuple[list[dict], dict[str, np.ndarray]] = dataclasses.field(
        default_factory=lambda: ([], {})
    )


class _Begins(keras.callbacks.Callback):
    """The first of all callbacks. It sets rates back to those before an epoch.

    Callbacks that change a rate when an epoch begins have done so before the backup.
    They do it again before the rest of an interrupted epoch.
    """

    def __init__(self, restored: Restored | None):
        super().__init__()
        self.restored = restored

    def on_epoch_begin(self, epoch, logs=None):
        now = rates.current(self.model)
        if self.restored is not None and self.restored.rates is not None:
            found = self.restored.rates
            # A rate that the user has set since the restoring stays.
            _exchange(self.model, found.saved, found.before)
            now = rates.current(self.model)
        self.restored = None
        self.model._rates_before = now


def _exchange(model, now: dict[str, float], new: dict[str, float]) -> None:
    """Sets rates to new ones, as far as they are now what is said."""
    for name, rate in rates.current(model).items():
        if name in new and rate == now.get(name):
            model.optimizers[name].learning_rate = new[name]


class _Continued(keras.callbacks.Callback):
    """Goes on with the means of the interrupted epoch, so that its log is complete.

    It is the last of all callbacks: a changed setting makes the means anew, and a rate
    may have changed within the epoch, after its callbacks had begun.
    """

    def __init__(self, restored: Restored):
        super().__init__()
        self.restored: Restored | None = restored

    def on_epoch_begin(self, epoch, logs=None):
        restored, self.restored = self.restored, None
        if restored is None:
            return
        if restored.rates is not None:
            _exchange(self.model, restored.rates.begun, restored.rates.saved)
        if not restored.means:
            return
        variables = _parts(self.model)
        sizes = [one.shape.num_elements() for one in variables]
        kept = [np.size(one) for one in restored.means]
        if kept != sizes:
            raise ValueError(
                f"Expected the terms of the interrupted epoch, {sum(kept)} sums of its "
                f"log; received: {sum(sizes)}. A callback that changes a setting of "
                "the model must set it whenever an epoch begins"
            )
        for variable, value in zip(variables, restored.means, strict=True):
            variable.assign(np.reshape(value, variable.shape))


class _Remembering(keras.callbacks.Callback):
    """Gives callbacks back what they knew, once they have begun."""

    def __init__(self, callbacks: list, restored: Restored):
        super().__init__()
        self.callbacks, self.restored = callbacks, restored

    def on_train_begin(self, logs=None):
        remembered.give_back(self.callbacks, *self.restored.memory)


class _Across(keras.callbacks.Callback):
    """Shows one training to a callback, where there are two calls of Keras's `fit`.

    Args:
        callback: The callback.
        params: What it is told of the whole training.
        done: The steps of the interrupted epoch that were made before.
        others: Whether a second call follows.
    """

    def __init__(self, callback, params: dict, done: int, others: bool):
        super().__init__()
        self.callback, self._whole = callback, params
        self.done, self.others, self._begun = done, others, False
        for name in dir(keras.callbacks.Callback):
            if name.startswith("on_") and name not in vars(_Across):
                setattr(self, name, getattr(callback, name))
        for name in ("on_train_batch_begin", "on_train_batch_end"):
            method = getattr(callback, name)
            # Keras looks whether a method is the one that does nothing.
            setattr(self, name, method if not done else self._later(method))

    def _later(self, method):
        if getattr(method, "_is_default", False):
            return method

        def called(batch, logs=None):
            return method(batch + self.done, logs)

        return called

    def set_model(self, model):
        super().set_model(model)
        if not self._begun:
            self.callback.set_model(model)

    def set_params(self, params):
        super().set_params(params)
        self.callback.set_params({**(params or {}), **self._whole})

    def on_train_begin(self, logs=None):
        if not self._begun:
            self._begun = True
            self.callback.on_train_begin(logs)

    def on_train_end(self, logs=None):
        if not self.others or self.model.stop_training:
            self.callback.on_train_end(logs)

    def second(self) -> None:
        """Says that the second call begins."""
        self.others = False
        for name in ("on_train_batch_begin", "on_train_batch_end"):
            setattr(self, name, getattr(self.callback, name))


def _parts(model) -> list:
    """What the means of a log consist of, on each replica of this process."""
    found = (model._means.total.value, model._means.weight.value)
    return [part for one in found for part in getattr(one, "values", [one])]


def at_end(model) -> bool:
    """Whether the model's step is the last of an epoch; False if that is unknown."""
    steps = model._steps_per_epoch
    return bool(steps) and (model.step - model._began) % steps == 0


def means_of(model) -> list[list[float]] | None:
    """The means of the running epoch, for a backup within it.

    None at an epoch's end, without `steps_per_epoch`, or over several processes.
    """
    several = workers.are_several(model.distribute_strategy)
    if several or not model._steps_per_epoch or at_end(model):
        return None
    return [np.asarray(one, float).tolist() for one in _parts(model)]


def fit(call: Callable, model, training, given: dict) -> keras.callbacks.History:
    """Calls Keras's `fit`, or calls it twice after a backup within an epoch.

    A backup says how many steps its epoch had. If `fit` gets the same number for the
    interrupted epoch, the rest of that epoch is a call of its own. Callbacks see one
    training.

    Args:
        call: Keras's `fit`.
        model: The model, perhaps just restored.
        training: Its data, positioned at the model's step.
        given: The arguments of `fit`.

    Raises:
        ValueError: If the data cannot be split over two calls.
    """
    calls, across = _calls(model, training, given)
    (data, first), *others = calls
    history = call(data, **first)
    for data, more in others:
        if not model.stop_training:
            for one in across:
                one.second()
            history = _joined(history, call(data, **more))
    return history


def _calls(model, training, given: dict) -> tuple[list[tuple], list[_Across]]:
    """The calls of Keras's `fit`, and the callbacks that see one training in them."""
    steps: Any = given.get("steps_per_epoch")
    epoch: int = given.get("initial_epoch", 0)
    restored, model._restored = model._restored, None
    model._steps_per_epoch = steps
    if restored is not None and restored.step != model.step:
        restored = None
    # Of a run that begins here. `Backup` knows better of one that goes on.
    count = steps or max(0, batches_in(training))
    model._began = max(model.step - epoch * count, 0) if count or not epoch else 0
    callbacks: list = given["callbacks"]
    if restored is None:
        given = given | {"callbacks": [_Begins(None), *callbacks]}
        return [(training, given)], []
    since = model.step - restored.began
    # The caller may make the rest of the epoch in a call of its own, as an error below
    # advises for other data than those of tf.data.
    rest = -since % restored.steps if restored.steps else 0
    if steps and restored.steps and steps not in (restored.steps, rest):
        raise ValueError(
            f"Expected epochs of {restored.steps} steps, as in the backup that was "
            f"restored; received: steps_per_epoch={steps}. Go on with the same batch "
            "size and data."
        )
    model._began = restored.began
    same = bool(steps) and restored.steps == steps and since // steps == epoch
    begins = _Begins(restored if same else None)
    last: list = [_Remembering(callbacks, restored)]
    whole_epochs = bool(count) and since == epoch * count
    if (same or whole_epochs) and remembered.ended(callbacks, restored.memory[0]):
        # An early stopping has ended the run. Keras then trains nothing.
        given = given | {"epochs": epoch}
    done = since % steps if same else 0
    if not done or given.get("epochs", 1) <= epoch:
        given = given | {"callbacks": [begins, *callbacks, *last]}
        return [(training, given)], []
    if not hasattr(training, "skip"):
        raise ValueError(
            "Expected a tf.data.Dataset, to go on within an epoch; received: "
            f"{type(training).__name__}. Call fit with initial_epoch={epoch}, "
            f"epochs={epoch + 1}, steps_per_epoch={steps - done} first"
        )
    last.append(_Continued(restored))
    epochs = given.get("epochs", 1)
    whole = {"epochs": epochs, "steps": steps}
    more = epochs > epoch + 1
    shown = [begins, *callbacks, *last]
    across = [
        # Keras looks for its own bar among the callbacks.
        one
        if isinstance(one, keras.callbacks.ProgbarLogger)
        else _Across(one, whole, done, more)
        for one in shown
    ]
    first = {"epochs": epoch + 1, "steps_per_epoch": steps - done, "callbacks": across}
    found = [(training, given | first)]
    if more:
        others = given | {"initial_epoch": epoch + 1, "callbacks": across}
        found.append((training.skip(steps - done), others))
    return found, [one for one in across if isinstance(one, _Across)]


def _joined(
    one: keras.callbacks.History, last: keras.callbacks.History
) -> keras.callbacks.History:
    last.epoch = one.epoch + last.epoch
    for name, values in one.history.items():
        last.history[name] = values + last.history.get(name, [])
    return last
