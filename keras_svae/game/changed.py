"""Settings that changed after the constructor: would it take them, and do they act?"""

import contextlib
import functools
import gc
import random
import warnings
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_svae import recorded_values as values
from keras_svae.game import settings
from keras_svae.networks.backwards import all_layers
from keras_svae.recording import Recorded
from keras_svae.telling import warn

__all__ = ["check"]

_OTHER = values.OTHER


def check(model) -> None:
    """Raises on a changed setting that the constructor refuses, or that cannot act.

    The turns of players that the user has left out are set.

    The constructor is called with the settings as they are now, and the model's own
    networks. Thus each check of each method holds, those of the user's own, too. What
    it makes is dropped. A value of the same meaning (a tensor for a number) becomes the
    one that the constructor keeps. Once a value is found to be right, it is not looked
    at again: a constructor may be slow.

    Raises:
        ValueError: For a value of which the constructor made something else than it
            keeps under the argument's name. Its other attributes would not follow.
        Exception: What the constructor raises.
    """
    settings.complete(model)
    now = model.changed_arguments()
    if not now or values.same(now, vars(model).get("_found_right")):
        return
    with _unchanged(model):
        _check(model, {name: _number(value) for name, value in now.items()})
    gc.collect()  # a Keras model is a cycle, and may be large
    # Past Keras, which would track what is in it.
    vars(model)["_found_right"] = values.state(model.changed_arguments())


def _check(model, now: dict[str, Any]) -> None:
    try:
        made = _made(model, now)
    except Exception as error:
        try:
            _made(model, {})
        except Exception:
            return  # it cannot be called twice, whatever the settings are
        error.add_note(f"Changed after the model was made: {', '.join(now)}.")
        raise
    for name, value in now.items():
        mine, kept = _value(value), _value(vars(made).get(name))
        if mine is not _OTHER and not _same(mine, kept):
            raise ValueError(
                f"Expected a new model for another {name}, which the constructor turns "
                f"into something else than model.{name}; received: {name}={value!r} "
                f"for a finished model. {_WAY}"
            )
    old = _made(model, {})
    derived = [name for name in _differing(made, old) if name not in now]
    here = {name: _value(vars(model).get(name)) for name in derived}
    derived = [n for n in derived if not _same(here[n], _value(vars(made)[n]))]
    if derived:  # but a time, or a number drawn, differs in any two objects
        anyhow = _differing(_made(model, {}), old)
        derived = [name for name in derived if name not in anyhow]
    tables = [name for name in derived if np.ndim(_value(vars(made)[name])) > 0]
    if tables:
        warn(
            f"Expected {' and '.join(tables)}, which the constructor makes of "
            f"{' and '.join(now)}, to be what {' and '.join(now)} changes along; "
            f"received: another {' and '.join(now)} for a finished model. The array "
            "stays as it is: if losses read it, make a new model."
        )
    if derived := [name for name in derived if name not in tables]:
        given = ", ".join(f"{name}={value!r}" for name, value in now.items())
        raise ValueError(
            f"Expected a new model for another {' and '.join(now)}, from which the "
            f"constructor makes {', '.join(derived)}; received: {given} for a finished "
            f"model. {_WAY}"
        )
    for name in now:  # a number for a tensor, as the constructor keeps it
        mine, kept = vars(model)[name], vars(made).get(name)
        if type(mine) is not type(kept) and _value(mine) is not _OTHER:
            setattr(model, name, kept)


_WAY = "load_weights_from takes over the weights of the networks"


def _made(model, changes: dict[str, Any]):
    """An object of the same arguments but for the changes."""
    given = {**vars(model)["_record"].arguments, **changes}
    if given.get("name", "") is None:
        given["name"] = model.name  # Keras counts those that it makes
    inside = tf.distribute.has_strategy()
    scope = contextlib.nullcontext() if inside else model.distribute_strategy.scope()
    with scope, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they were told when the model was made
        return type(model).from_arguments(given)


@contextlib.contextmanager
def _unchanged(model) -> Iterator[None]:
    """Within it, a constructor may load, freeze or draw what it likes."""
    drawn, of_numpy = random.getstate(), np.random.get_state()
    weights = [(one, one.numpy()) for one in model.variables]
    networks = [*model._networks().values()]
    layers = [one for network in networks for one in all_layers(network)]
    trainable = [(one, one.trainable) for one in [*networks, *layers]]
    try:
        yield
    finally:
        random.setstate(drawn)
        np.random.set_state(of_numpy)
        for one, flag in trainable:
            if one.trainable != flag:
                one.trainable = flag
        for one, value in weights:
            if not np.array_equal(one.numpy(), value):
                one.assign(value)


def _number(value):
    """The value as a constructor takes it: of a variable, its number."""
    if isinstance(value, (tf.Variable, keras.Variable)):
        value = tf.convert_to_tensor(value)
    return values.plain(value)


def _differing(one, other) -> list[str]:
    """The names of the attributes whose values differ, without those of Keras.

    Of a user's class only numbers and arrays: a text or a dictionary of settings may be
    there to be read by people.
    """
    ours = vars(one)["_record"].ours - _of_keras()
    found = {name: _value(value) for name, value in vars(one).items()}
    theirs = {name: _value(value) for name, value in vars(other).items()}
    return [
        name
        for name, value in found.items()
        if not _same(value, theirs.get(name, _OTHER))
        and (name in ours or _is_number(value))
        and name not in _of_keras()
    ]


def _is_number(value) -> bool:
    number = isinstance(value, (int, float, np.ndarray))
    return number and not isinstance(value, bool)


@functools.cache
def _of_keras() -> frozenset[str]:
    """The attributes that each Keras model has."""
    return frozenset(vars(keras.Model(name="any")))


def _value(value):
    """Numbers, texts, arrays, laws, or containers of such; else `_OTHER`."""
    return values.parts(value, _leaf)


def _leaf(value):
    if isinstance(value, keras.layers.Layer):
        return _OTHER
    if isinstance(value, Recorded):
        arguments = {**vars(value)["_record"].arguments, **value.changed_arguments()}
        return [type(value).__name__, _value(arguments)]
    if isinstance(value, tf.Tensor) and hasattr(value, "numpy"):
        return value.numpy()
    known = value is None or isinstance(value, (bool, int, float, str, np.ndarray))
    return value if known else _OTHER


def _same(one, other) -> bool:
    """Whether two values of `_value` are the same, as 1 and 1.0 are."""
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        one, other = np.asarray(one), np.asarray(other)
        nan = one.dtype.kind in "fc" and other.dtype.kind in "fc"
        return np.array_equal(one, other, equal_nan=nan)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    return one is other or bool(one == other) or bool(one != one and other != other)
