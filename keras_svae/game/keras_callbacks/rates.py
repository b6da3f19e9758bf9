"""Keras's callbacks that change a learning rate, for models of several optimizers."""

import math
from collections.abc import Callable, Iterable

import keras
import tensorflow as tf

from keras_svae.game import checks
from keras_svae.game.keras_callbacks.remembered import StandsIn, unwrapped
from keras_svae.telling import warn

__all__ = [
    "ForPlayer",
    "check",
    "current",
    "follows_schedule",
    "for_all_players",
    "rate_columns",
    "set_rates",
    "tell_of_changes",
]

_COLUMN = "learning_rate"
_CALLBACKS = (
    keras.callbacks.LearningRateScheduler,
    keras.callbacks.ReduceLROnPlateau,
)


def follows_schedule(optimizer: keras.optimizers.Optimizer) -> bool:
    """Whether the rate is a schedule or a function, which no callback can set.

    A schedule need not have a configuration.
    """
    return not isinstance(optimizer.learning_rate, keras.Variable)


def current(model) -> dict[str, float]:
    """Learning rates that are numbers, by optimizer."""
    return {
        name: _number(one)
        for name, one in model.optimizers.items()
        if not follows_schedule(one)
    }


def _number(optimizer: keras.optimizers.Optimizer) -> float:
    # A rate of several replicas is no number for Python.
    return float(tf.convert_to_tensor(optimizer.learning_rate))


def check(rates: dict[str, float]) -> None:
    """Raises a ValueError for a rate that spoils weights, or climbs a loss.

    Args:
        rates: The rates, as of `current`: those that callbacks have set, too.
    """
    for name, rate in rates.items():
        if not 0 <= rate < math.inf:
            raise ValueError(
                f"Expected a finite learning rate >= 0 of {name!r} when an epoch "
                f"begins; received: {rate:g}"
            )


def tell_of_changes(before: dict[str, float], model, whence: str, way: str) -> None:
    """Warns of each rate that something else than the user has changed.

    Args:
        before: The rates before, as of `current`.
        model: The compiled model.
        whence: Where the new rates are from.
        way: How to keep the old ones; "{name}" and "{rate}" are replaced.
    """
    for name, rate in current(model).items():
        if rate != before.get(name, rate):
            kept = way.format(name=name, rate=f"{before[name]:g}")
            warn(
                f"The learning rate of {name!r} is {rate:g}, from {whence}, not "
                f"{before[name]:g}, as before. To go on with that: {kept}."
            )


def set_rates(callback) -> bool:
    """Whether it is one of Keras's callbacks that set a learning rate."""
    return isinstance(callback, _CALLBACKS)


def rate_columns(callbacks: Iterable) -> list[str]:
    """The columns in which callbacks log the rates that they set, each once."""
    found = [
        getattr(one, "rate_column", _COLUMN)
        for one in callbacks
        if set_rates(unwrapped(one))
    ]
    return list(dict.fromkeys(found))


class ForPlayer(StandsIn):
    """Shows another player's optimizer to a callback that looks at `model.optimizer`.

    Without it, `keras.callbacks.LearningRateScheduler` and `ReduceLROnPlateau` set the
    learning rate of `optimizer`. The rates of the other players change by the same
    factor.

    A rate that the callback logs has the player's name: "critic_learning_rate" is that
    of `critic_optimizer`.

    Args:
        callback: The callback.
        optimizer: The argument of `compile` that gave the optimizer.

    Raises:
        TypeError: For what is no callback.
        ValueError: Before training starts, if the model has no such optimizer, or if
            the callback would set its rate, which is a schedule.

    Example:
        halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
        model.fit(x, callbacks=[ks.callbacks.ForPlayer(halve, "critic_optimizer")])
    """

    def __init__(
        self, callback: keras.callbacks.Callback, optimizer: str = "critic_optimizer"
    ):
        if not isinstance(callback, keras.callbacks.Callback):
            raise TypeError(
                "Expected callback, an object of keras.callbacks.Callback; received: "
                f"{callback!r}"
            )
        logs_rate = set_rates(callback)
        super().__init__(callback, self._renaming if logs_rate else lambda _, one: one)
        self.optimizer = optimizer

    @property
    def rate_column(self) -> str:
        """The column of the log that has the rate which the callback sets."""
        return f"{self.optimizer.removesuffix('optimizer')}{_COLUMN}"

    def _renaming(self, name: str, method: Callable) -> Callable:
        """A method that logs the rate of this player, not as that of the main one."""
        if name != "on_epoch_end":
            return method

        def at_end(epoch, logs=None):
            logs = {} if logs is None else logs
            main = {_COLUMN: logs.pop(_COLUMN)} if _COLUMN in logs else {}
            method(epoch, logs)
            mine = {self.rate_column: logs.pop(_COLUMN)} if _COLUMN in logs else {}
            logs |= main | mine

        return at_end

    def set_model(self, model):
        checks.trains_here(self, model)
        super().set_model(model)
        self._optimizer_of(model)  # an error of it comes now
        # A callback may compile anew while the model trains.
        self.callback.set_model(_Seen(model, lambda: self._optimizer_of(model)))

    def _optimizer_of(self, model):
        if self.optimizer not in model.optimizers:
            raise ValueError(
                f"Expected an optimizer among {list(model.optimizers)}; received: "
                f"{self.optimizer!r}"
            )
        one = model.optimizers[self.optimizer]
        if set_rates(self.callback):
            _check_settable(self.callback, {self.optimizer: one})
        return one


def _check_settable(callback, optimizers: dict) -> None:
    """Raises if a callback would set a rate that is a schedule."""
    scheduled = [name for name, one in optimizers.items() if follows_schedule(one)]
    if not scheduled:
        return
    other = ""
    if settable := [name for name in optimizers if name not in scheduled]:
        name = settable[0]
        other = f". For one player: ks.callbacks.ForPlayer(callback, {name!r})."
    raise ValueError(
        f"Expected learning rates that {type(callback).__name__} can set; "
        f"received: schedules in {scheduled}{other}"
    )


class _ForAll(ForPlayer):
    """For all players: see `ForPlayer`."""

    def __init__(self, callback: keras.callbacks.Callback):
        super().__init__(callback, "optimizer")
        self._found = _Optimizers([], [])

    def _optimizer_of(self, model):
        # The main player's optimizer comes first.
        main = [name for name, o in model.optimizers.items() if o is model.optimizer]
        names = [*main, *(name for name in model.optimizers if name not in main)]
        several = [model.optimizers[name] for name in names]
        if not self._found.are(several):
            compiled = [model._compiled_rates.get(name, 1.0) for name in names]
            self._found = _Optimizers(several, compiled)
        return self._found


class _Optimizers:
    """All optimizers as one object, which callbacks take for one optimizer.

    Args:
        optimizers: The optimizers; callbacks see the rate of the first one.
        compiled: Their rates when the model was compiled.
    """

    def __init__(self, optimizers: list, compiled: list[float]):
        self._all = optimizers
        # A run may go on from a backup in which all rates are 0.
        first = compiled[0] if compiled else 0.0
        self._shares = [one / first if first else 1.0 for one in compiled]

    def are(self, optimizers: list) -> bool:
        """Whether it stands for these."""
        return [*map(id, self._all)] == [*map(id, optimizers)]

    @property
    def learning_rate(self):
        return self._all[0].learning_rate

    @learning_rate.setter
    def learning_rate(self, rate):
        before, rate = _number(self._all[0]), float(rate)
        if before:  # with a rate of 0, there is no ratio to keep
            self._shares = [_number(one) / before for one in self._all]
        for one, share in zip(self._all, self._shares, strict=True):
            one.learning_rate = rate if one is self._all[0] else rate * share

    def __getattr__(self, name):
        return getattr(self._all[0], name)


class _Seen:
    """The model with only one optimizer, for a callback.

    Args:
        model: The model.
        found: Gives the optimizer.
    """

    def __init__(self, model, found: Callable):
        self.__dict__.update(_model=model, _found=found)

    @property
    def optimizer(self):
        return self._found()

    def __getattr__(self, name):
        return getattr(self._model, name)

    def __setattr__(self, name, value):
        setattr(self._model, name, value)


def for_all_players(callbacks: list, model) -> list:
    """The callbacks of `fit`. Those that set a learning rate set it for all players.

    Where no player's optimizer is called `optimizer`, Keras's callbacks that look there
    find those that the players have.

    Raises:
        ValueError: For a callback that would set a rate that is a schedule.
    """
    for one in callbacks:
        if set_rates(one):
            _check_settable(one, model.optimizers)
    look: tuple[type, ...]
    if model.optimizer is None:
        look = (*_CALLBACKS, keras.callbacks.TensorBoard)
    else:
        look = _CALLBACKS if len(model.optimizers) > 1 else ()
    return [_ForAll(one) if isinstance(one, look) else one for one in callbacks]
