"""Checks before training that the log will have the columns that callbacks read."""

import os
import string
from collections.abc import Iterable

import keras

from keras_svae import files
from keras_svae.game import checks
from keras_svae.game.devices import workers
from keras_svae.game.keras_callbacks.csv_logs import Columns
from keras_svae.game.keras_callbacks.rates import rate_columns
from keras_svae.game.keras_callbacks.remembered import unwrapped
from keras_svae.owners import package_of

__all__ = ["checked"]


def checked(callbacks, model, validated: bool, each_epoch: bool) -> list:
    """The callbacks of `fit`, after a check that the log has what they monitor.

    A callback may add columns to the log at an epoch's end, as `Measures` does. It has
    a method `adds_columns(model)`, which gives their names before training. Such
    callbacks come first, so that all others see the columns, and loggers last.

    Args:
        callbacks: What the caller of `fit` gave: one, or a list of such; or None.
        model: The compiled model.
        validated: Whether there are validation data.
        each_epoch: Whether they are used in each epoch. Keras needs the columns in a
            checkpoint's path in each.

    Raises:
        OSError: For a checkpoint that cannot be written where it belongs.
        TypeError: For what is no callback, and for a `keras.callbacks.CallbackList`,
            whose callbacks are not visible.
        ValueError: For a callback that asks for a column that the log will not have, or
            adds one that the log has; for a mode that Keras cannot guess; for a path of
            a checkpoint that Keras could not read, or that names no column.
    """
    several = _in_order(callbacks)
    columns = model.columns(validated)
    added: list[str] = []
    for one in several:
        if hasattr(one, "adds_columns"):
            added += _new(one, one.adds_columns(model), [*columns, *added])
    serve = [name for name in columns if name.startswith("val_")] + added or columns
    columns += added
    columns += rate_columns(several)
    for one in several:
        others_add = _others_add([other for other in several if other is not one])
        _check_one(one, columns, serve, others_add, validated, model)
        if isinstance(one, keras.callbacks.ModelCheckpoint):
            others_add = _others_add(several) or checks.adds_columns(type(model))
            named = [c for c in columns if each_epoch or not c.startswith("val_")]
            _check_path(one, None if others_add else named)
            _check_saves(one, model)
            if workers.is_first(model.distribute_strategy):
                _check_place(one)
            _check_compares(one, added)
            _begin_comparing(one)
    return _with_columns(several, columns)


def _in_order(callbacks) -> list:
    """The callbacks as a list, those first that add columns; raises for others."""
    if isinstance(callbacks, keras.callbacks.CallbackList):
        raise TypeError(
            "Expected callbacks as a list of keras.callbacks.Callback; received: "
            f"{type(callbacks).__name__}"
        )
    if callbacks is None:
        return []
    # Keras takes one alone, and lists of lists.
    several = keras.tree.flatten(
        list(callbacks) if isinstance(callbacks, Iterable) else [callbacks]
    )
    for one in several:
        if isinstance(one, type) or not hasattr(one, "on_epoch_end"):
            raise TypeError(
                "Expected callbacks as objects of keras.callbacks.Callback; received: "
                f"{one!r}"
            )
    return sorted(several, key=lambda one: not hasattr(one, "adds_columns"))


def _check_one(
    one, columns: list[str], serve: list[str], others_add: bool, validated: bool, model
) -> None:
    """Raises if a callback decides by what the log will not have, or Keras cannot.

    Args:
        one: The callback.
        columns: The columns of the log.
        serve: Those that the message names.
        others_add: Whether another callback may add columns.
        validated: Whether there are validation data.
        model: The model; a step of the user's own may add columns, too.
    """
    inner = unwrapped(one)
    if isinstance(inner, keras.callbacks.SwapEMAWeights):
        raise ValueError(
            "Expected keras_svae.callbacks.AveragedWeights, and compile(ema=...), "
            "which averages the weights of all players; received: SwapEMAWeights, "
            "which swaps those of an optimizer with use_ema=True"
        )
    wanted = _wanted(inner)
    if wanted is None:
        return
    # A callback or a step of the user may add it; a loss under this name they do not.
    if validated or not wanted.startswith("val_"):
        others_add |= checks.adds_columns(type(model))
    may_come = others_add and wanted not in ("loss", "val_loss")
    if wanted not in columns and not may_come:
        raise ValueError(
            f"Expected {type(one).__name__} to monitor a column of the log, among "
            f"{', '.join(serve)}; received: {wanted!r}{_why(wanted, validated)}"
        )
    if getattr(inner, "mode", "") == "auto":
        _check_guessed(inner, wanted)


def _with_columns(callbacks: list, columns: list[str]) -> list:
    """The callbacks, then those that write CSV files, which get these columns."""
    csv = [one for one in callbacks if isinstance(one, keras.callbacks.CSVLogger)]
    others = [one for one in callbacks if one not in csv]
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
        package_of(type(one)) not in ("keras", "keras_svae")
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


def _check_place(callback) -> None:
    """Raises if a checkpoint cannot be written where it belongs: Keras looks late."""
    path = callback.filepath
    if not files.is_local(path):
        return
    if os.path.isdir(path):
        raise ValueError(
            f"Expected a file as ModelCheckpoint's path; received: the folder {path}"
        )
    # The folder may have names of columns, too, and is made if it is not there.
    known, brace, _ = path.partition("{")
    known = known if brace else os.path.realpath(path)  # a link's file is replaced
    place = os.path.abspath(os.path.dirname(known))
    while not os.path.lexists(place):
        place = os.path.dirname(place)
    if not (os.path.isdir(place) and os.access(place, os.W_OK | os.X_OK)):
        raise OSError(
            f"Expected a place to write to, for ModelCheckpoint; received: {path}, as "
            f"{place} is {'not writable' if os.path.isdir(place) else 'no folder'}"
        )


def _check_compares(callback, added: list[str]) -> None:
    """Raises if a checkpoint of every few steps would never see its column.

    Keras would warn at each of them, and save none.
    """
    late = callback.monitor.startswith("val_") or callback.monitor in added
    if callback.save_best_only and callback.save_freq != "epoch" and late:
        raise ValueError(
            "Expected ModelCheckpoint with save_freq='epoch' for a column that comes "
            f"at an epoch's end; received: save_freq={callback.save_freq} for "
            f"{callback.monitor!r}"
        )


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
