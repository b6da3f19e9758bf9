"""Checks before training that the log will have the columns that callbacks read."""

import string
from collections.abc import Iterable

import keras

from keras_svae.game import checks
from keras_svae.game.keras_callbacks.csv_logs import Columns
from keras_svae.game.keras_callbacks.rates import set_rates
from keras_svae.game.keras_callbacks.remembered import unwrapped

__all__ = ["checked"]


def checked(callbacks, model, validated: bool):
    """The callbacks of `fit`, after a check that the log has what they monitor.

    A callback may add columns to the log at an epoch's end, as `Measures` does. It has
    a method `adds_columns(model)`, which gives their names before training. Such
    callbacks come first, so that all others see the columns, and loggers last.

    Args:
        callbacks: The callbacks that the caller gave.
        model: The compiled model.
        validated: Whether there are validation data.

    Raises:
        TypeError: For what is no callback.
        ValueError: For a callback that asks for a column that the log will not have, or
            adds one that the log has; for a mode that Keras cannot guess; for a path of
            a checkpoint that Keras could not read, or that names no column.
    """
    if callbacks is None or isinstance(callbacks, keras.callbacks.CallbackList):
        return callbacks
    # Keras takes lists of lists, too.
    several = keras.tree.flatten(
        list(callbacks) if isinstance(callbacks, Iterable) else [callbacks]
    )
    for one in several:
        if isinstance(one, type) or not hasattr(one, "on_epoch_end"):
            raise TypeError(
                "Expected callbacks as objects of keras.callbacks.Callback; received: "
                f"{one!r}"
            )
    several.sort(key=lambda one: not hasattr(one, "adds_columns"))
    columns = model.columns(validated)
    added: list[str] = []
    for one in several:
        if hasattr(one, "adds_columns"):
            added += _new(one, one.adds_columns(model), [*columns, *added])
    serve = [name for name in columns if name.startswith("val_")] + added or columns
    columns += added
    if any(set_rates(unwrapped(one)) for one in several):
        columns.append("learning_rate")
    for one in several:
        wanted = _wanted(unwrapped(one))
        # A callback of the user may add it; a loss under this name it does not add.
        others_add = _others_add([other for other in several if other is not one])
        named = wanted is not None and (validated or not wanted.startswith("val_"))
        others_add |= named and checks.adds_columns(type(model))
        may_come = others_add and wanted not in ("loss", "val_loss")
        if wanted is not None and wanted not in columns and not may_come:
            raise ValueError(
                f"Expected {type(one).__name__} to monitor a column of the log, among "
                f"{', '.join(serve)}; received: {wanted!r}{_why(wanted, validated)}"
            )
        if wanted is not None and getattr(unwrapped(one), "mode", "") == "auto":
            _check_guessed(unwrapped(one), wanted)
        if isinstance(one, keras.callbacks.ModelCheckpoint):
            others_add = _others_add(several) or checks.adds_columns(type(model))
            _check_path(one, None if others_add else columns)
            _check_saves(one, model)
            _begin_comparing(one)
        if isinstance(unwrapped(one), keras.callbacks.SwapEMAWeights):
            raise ValueError(
                "Expected keras_svae.callbacks.AveragedWeights, and compile(ema=...), "
                "which averages the weights of all players; received: SwapEMAWeights, "
                "which swaps those of an optimizer with use_ema=True"
            )
    csv = [one for one in several if isinstance(one, keras.callbacks.CSVLogger)]
    others = [one for one in several if one not in csv]
    for one in csv:
        others += [Columns(one, sorted(columns)), one]
    return others


def _check_guessed(callback, wanted: str) -> None:
    """Raises where Keras would, at the end of the first epoch."""
    if wanted.removeprefix("val_") != "loss":
        raise ValueError(
            f"Expected {type(callback).__name__} to say whether a small {wanted!r} is "
            "good, mode='min', or a large one, mode='max', as Keras cannot guess it; "
            "received: mode='auto'"
        )


def _others_add(callbacks: list) -> bool:
    """Whether a callback of the user may put columns into the log without a word."""
    return any(
        not type(one).__module__.startswith(("keras.", "keras_svae."))
        or isinstance(one, keras.callbacks.LambdaCallback)
        for one in map(unwrapped, callbacks)
        if not hasattr(one, "adds_columns")
    )


def _check_path(callback, columns: list[str] | None) -> None:
    """Raises on a checkpoint's path that cannot be loaded from, or not be made.

    Args:
        callback: A `ModelCheckpoint`.
        columns: The columns of the log; None if others may come.
    """
    path = callback.filepath
    if not callback.save_weights_only and not path.endswith(".keras"):
        raise ValueError(
            "Expected a path for ModelCheckpoint that ends in .keras, or "
            "save_weights_only=True and .weights.h5; received: "
            f"{path!r}"
        )
    try:
        parts = list(string.Formatter().parse(path))
    except ValueError as error:
        raise _unreadable(path, error) from None
    named = [one.split(".")[0].split("[")[0] for _, one, _, _ in parts if one]
    if callback.save_freq != "epoch":  # a step has no validation
        named = [one for one in named if one != "batch"]
        columns = columns and [one for one in columns if not one.startswith("val_")]
    for one in named:
        if columns is not None and one not in ("epoch", *columns):
            raise ValueError(
                f"Expected ModelCheckpoint's path to name columns of the log, among "
                f"{', '.join(columns)}; received: {one!r} in {path!r}"
            )
    if columns is None:
        return
    given: dict[str, float] = dict.fromkeys(columns, 0.0)
    given |= {} if callback.save_freq == "epoch" else {"batch": 1}
    try:
        path.format(**(given | {"epoch": 1}))
    except (KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: str, error: Exception) -> ValueError:
    """The error for a path that Python cannot fill in."""
    return ValueError(
        "Expected ModelCheckpoint's path with {epoch} and names of columns, each with "
        f"a format of numbers or none; received: {path!r} ({type(error).__name__}: "
        f"{error})"
    )


def _check_saves(callback, model) -> None:
    """Raises if a checkpoint of the whole model could not be written."""
    if callback.save_weights_only:
        return
    try:
        model.to_json()
    # A schedule, a law or an optimizer may be the user's own.
    except Exception as error:
        said = " ".join(str(error).split()).rstrip(".")
        raise ValueError(
            "Expected a model that can be saved as a whole, for ModelCheckpoint; "
            f"received: {type(error).__name__}: {said}. "
            "With save_weights_only=True, and a path that ends in .weights.h5, the "
            "weights are saved"
        ) from None


def _begin_comparing(callback) -> None:
    """Lets a checkpoint of every few steps compare them in the first epoch, too.

    Keras finds out what is better at the first epoch's end, and compares before.
    """
    if callback.save_best_only and callback.save_freq != "epoch":
        large = callback.mode == "max"  # of the columns, it guesses "loss" alone
        callback.monitor_op = keras.ops.greater if large else keras.ops.less


def _new(callback, names: list[str], columns: list[str]) -> list[str]:
    """The names of added columns, which have to be new."""
    for name in names:
        if name in columns:
            raise ValueError(
                f"Expected {type(callback).__name__} to add columns that the log does "
                f"not have; received: {name!r}. Another prefix= gives other names"
            )
    return names


def _wanted(callback) -> str | None:
    """The column on which a callback of Keras or KerasTuner bases its decision."""
    if isinstance(callback, keras.callbacks.ModelCheckpoint):
        return callback.monitor if callback.save_best_only else None
    for kind in (keras.callbacks.EarlyStopping, keras.callbacks.ReduceLROnPlateau):
        if isinstance(callback, kind):
            # A class of the caller's own may supply the value itself.
            own = any(
                getattr(type(callback), name, None) is not getattr(kind, name, None)
                for name in ("on_epoch_end", "get_monitor_value")
            )
            return None if own else callback.monitor
    # KerasTuner has a callback that keeps the best epoch. It is not imported here.
    objective = getattr(callback, "objective", None)
    return getattr(objective, "name", None)


def _why(wanted: str, validated: bool) -> str:
    if wanted.startswith("val_") and not validated:
        return ", and no validation data"
    if wanted in ("loss", "val_loss"):
        return ". Players have losses of their own, and no sum of them is minimised"
    return ""
