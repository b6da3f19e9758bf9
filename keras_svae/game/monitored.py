"""Checks before training that the log will have the columns that callbacks read."""

from collections.abc import Iterable

import keras

__all__ = ["checked"]


class _Columns(keras.callbacks.Callback):
    """Gives `CSVLogger` all columns: the first epoch may have no validation.

    Keras uses the columns of the first epoch. It assumes that validation has the same
    columns as training, but a game has others there.
    """

    def __init__(self, logger: keras.callbacks.CSVLogger, columns: list[str]):
        super().__init__()
        self.logger, self.columns = logger, columns

    def on_train_begin(self, logs=None):
        self.logger.keys = self.columns
        file = self.logger.csv_file
        # Keras asks this at the end, also of TensorFlow's files, which do not know it.
        if file is not None and not hasattr(file, "closed"):
            file.closed = False


def checked(callbacks, model, validated: bool):
    """The callbacks of `fit`, after a check that the log has what they monitor.

    A callback may add columns to the log at an epoch's end, as `Measures` does. It has
    a method `adds_columns(model)`, which gives their names before training. Such
    callbacks come first, so that all others see the columns.

    Args:
        callbacks: The callbacks that the caller gave.
        model: The compiled model.
        validated: Whether there are validation data.

    Raises:
        TypeError: For what is no callback.
        ValueError: For a callback that asks for a column that the log will not have, or
            adds one that the log has.
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
    for one in several:
        wanted = _wanted(getattr(one, "callback", one))
        if wanted is not None and wanted not in columns:
            raise ValueError(
                f"Expected {type(one).__name__} to monitor a column of the log, among "
                f"{', '.join(serve)}; received: {wanted!r}{_why(wanted, validated)}"
            )
    csv = [one for one in several if isinstance(one, keras.callbacks.CSVLogger)]
    return several + [_Columns(one, sorted(columns)) for one in csv]


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
            own = type(callback).on_epoch_end is not kind.on_epoch_end
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
