"""What Keras's callbacks remember from epoch to epoch, for a backup.

`EarlyStopping` and the like count epochs without a better number. A run that goes on
would count anew: it would end elsewhere, and a worse checkpoint would replace the best.
"""

from collections.abc import Callable

import keras
import numpy as np

from keras_svae.telling import warn

__all__ = ["StandsIn", "ended", "give_back", "of", "unwrapped"]

# For each class, the attributes that it changes at the end of an epoch.
_PLAIN = {
    keras.callbacks.EarlyStopping: ("best", "wait", "stopped_epoch", "best_epoch"),
    keras.callbacks.ReduceLROnPlateau: ("best", "wait", "cooldown_counter"),
    keras.callbacks.ModelCheckpoint: ("best",),
}


def unwrapped(callback):
    """The callback of the user in those that stand in for it."""
    while isinstance(getattr(callback, "callback", None), keras.callbacks.Callback):
        callback = callback.callback
    return callback


class StandsIn(keras.callbacks.Callback):
    """Stands in for another callback during all of training.

    Args:
        callback: The other one.
        wrap: Gives what is called in place of one of its methods, of the method's name
            and the method.
    """

    def __init__(
        self,
        callback: keras.callbacks.Callback,
        wrap: Callable[[str, Callable], Callable] = lambda name, method: method,
    ):
        super().__init__()
        self.callback = callback
        for name in dir(keras.callbacks.Callback):
            if name.startswith("on_") or name == "set_params":
                setattr(self, name, wrap(name, getattr(callback, name)))


def _deciding(callbacks) -> list[tuple[dict, tuple, keras.callbacks.Callback]]:
    """Those that decide: what tells one from the others, its attributes, itself."""
    found = []
    seen: dict[tuple[str, str], int] = {}
    for one in map(unwrapped, callbacks):
        for kind, names in _PLAIN.items():
            if isinstance(one, kind):
                key = kind.__name__, one.monitor
                seen[key] = number = seen.get(key, -1) + 1
                about = {"class": key[0], "monitor": key[1], "number": number}
                found.append((about, names, one))
    return found


def of(callbacks) -> tuple[list[dict], dict[str, np.ndarray]]:
    """What the callbacks remember: plain values, and arrays of bytes.

    Args:
        callbacks: The callbacks of `fit`.

    Returns:
        For each callback that decides by a column a dictionary of plain values. And by
        "number/weight", the best weights that `EarlyStopping` keeps, as bytes.
    """
    plain, arrays = [], {}
    for i, (about, names, one) in enumerate(_deciding(callbacks)):
        values = {name: _number(getattr(one, name, None)) for name in names}
        plain.append({**about, **values})
        for j, weight in enumerate(getattr(one, "best_weights", None) or ()):
            # As bytes: NumPy's files do not know bfloat16.
            arrays[f"{i}/{j}"] = np.frombuffer(weight.tobytes(), np.uint8)
    return plain, arrays


def _number(value) -> int | float | None:
    if value is None or isinstance(value, int):
        return value
    return float(value)


def _found(callbacks, plain: list[dict]):
    """Each callback with what was kept of it, and its number there."""
    for about, names, one in _deciding(callbacks):
        for i, kept in enumerate(plain):
            if all(kept.get(key) == value for key, value in about.items()):
                yield one, names, kept, i


def give_back(callbacks, plain: list[dict], arrays: dict[str, np.ndarray]) -> None:
    """Sets what callbacks of the same class and column remembered; see `of`."""
    for one, names, kept, i in _found(callbacks, plain):
        for name in names:
            if name in kept:
                setattr(one, name, kept[name])
        if not isinstance(one, keras.callbacks.EarlyStopping):
            continue
        if kept["wait"] < one.patience:  # the user has raised it, to go on
            one.stopped_epoch = 0
        best = [arrays[f"{i}/{j}"] for j in range(_count(arrays, i))]
        now = one.model.get_weights()
        if best and one.restore_best_weights:
            if [len(raw) for raw in best] == [value.nbytes for value in now]:
                one.best_weights = [
                    np.frombuffer(raw.tobytes(), value.dtype).reshape(value.shape)
                    for raw, value in zip(best, now, strict=True)
                ]
            else:
                warn(
                    "The backup's best weights are not of this model's shapes: "
                    "EarlyStopping looks for the best epoch from here on."
                )
                one.best = one.best_weights = None


def _count(arrays, i: int) -> int:
    return sum(name.startswith(f"{i}/") for name in arrays)


def ended(callbacks, plain: list[dict]) -> bool:
    """Whether an early stopping among the callbacks has ended the run."""
    return any(
        isinstance(one, keras.callbacks.EarlyStopping)
        and kept["stopped_epoch"] > 0
        and kept["wait"] >= one.patience
        for one, _, kept, _ in _found(callbacks, plain)
    )
