"""Objects that record their constructors' arguments, and so have configurations."""

import dataclasses
import functools
import inspect
import types
from collections.abc import Callable
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf

__all__ = ["Recorded", "plain"]

# The key for arguments without names.
_UNNAMED = "*"


@dataclasses.dataclass
class _Record:
    """What was given to the constructors of one object."""

    arguments: dict[str, Any] = dataclasses.field(default_factory=dict)
    # Whether more arguments could still be given to the constructor that runs now.
    open: bool = True
    # What the object kept under the names of its arguments once it was made.
    kept: dict[str, Any] = dataclasses.field(default_factory=dict)


class Recorded:
    """Gives `get_config` and `from_config` to each subclass, with any arguments.

    It records the arguments of the constructor that the user called, under that
    constructor's names. It also records the defaults of all constructors that the user
    could have given an argument to: a saved object does not change when a default
    changes. A constructor may pass arguments to its base class (`ALI` passes a lam of
    0). The user did not give these, and they are not recorded.

    The object may keep an argument under its own name, `model.lam`. If this value has
    changed since the constructor ended, then it is saved, and not what was given.
    """

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            cls.__init__ = _recording(cls.__init__)
        elif (shadowing := _shadowing(cls)) is not None:
            cls.__init__ = _recording(_passing_on(cls, shadowing))

    def record(self, name: str, value) -> None:
        """Saves the value that the class chose for an argument without a value."""
        record = vars(self)["_record"]
        # What a subclass fixes, or does not take, cannot be given again.
        if name in record.arguments:
            record.arguments[name] = value
            record.kept.pop(name, None)

    def check_made(self) -> None:
        """Raises a ValueError on parts that do not go together, once all are set."""

    def as_given(self, value):
        """What the constructor is given in place of one of the user's arguments."""
        return value

    def get_config(self) -> dict[str, Any]:
        """The arguments as JSON has them: plain values, serialised Keras objects.

        Raises:
            ValueError: If an argument was changed to a value that cannot be saved.
        """
        record = vars(self)["_record"]
        found = {}
        for name, value in record.arguments.items():
            if name in record.kept:
                now = vars(self).get(name, record.kept[name])
                if not _same(now, record.kept[name]):
                    value = _savable(name, now)
            found[name] = keras.saving.serialize_keras_object(plain(value))
        return found

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The object of a configuration, see `get_config`."""
        given = {name: _deserialized(value) for name, value in config.items()}
        more, first = given.pop(_UNNAMED, ()), []
        for one in _parameters(cls.__init__):
            # Values without names come after all that can have one.
            ahead = more and one.kind is one.POSITIONAL_OR_KEYWORD
            if (ahead or one.kind is one.POSITIONAL_ONLY) and one.name in given:
                first.append(given.pop(one.name))
        return cls(*first, *more, **given)


def _parameters(init: Callable) -> list[inspect.Parameter]:
    """The parameters of a constructor, without `self`."""
    return list(inspect.signature(init).parameters.values())[1:]


def _shadowing(cls: type) -> Callable | None:
    """The constructor of a foreign base class that stands before the recorded ones."""
    owners = [one for one in cls.__mro__ if "__init__" in vars(one)]
    recorded = [issubclass(one, Recorded) for one in owners]
    if not any(recorded) or recorded[0]:
        return None
    return vars(owners[0])["__init__"]


def _passing_on(cls: type, init: Callable) -> Callable:
    """A constructor of the class with the signature of the one that it calls."""

    def __init__(self, *arguments, **named):  # noqa: N807
        super(cls, self).__init__(*arguments, **named)

    setattr(__init__, "__signature__", inspect.signature(init))  # noqa: B010
    return __init__


def _recording(init: Callable) -> Callable:
    """The constructor, changed so that it records its arguments."""
    signature = inspect.signature(init)
    takes_more = any(one.kind is one.VAR_KEYWORD for one in _parameters(init))

    @functools.wraps(init)
    def recorded(self, *arguments, **named):
        outermost = "_record" not in vars(self)
        if outermost:
            arguments = tuple(map(self.as_given, arguments))
            named = {name: self.as_given(value) for name, value in named.items()}
        try:
            bound = signature.bind(self, *arguments, **named).arguments
        except TypeError:
            return init(self, *arguments, **named)  # Python raises its own error
        if outermost:
            # This bypasses Keras, which would track the networks a second time.
            object.__setattr__(self, "_record", _Record())
        record = vars(self)["_record"]
        was_open = record.open
        if was_open:
            _note(record.arguments, _parameters(recorded), bound, outermost)
        record.open = was_open and takes_more
        try:
            made = init(self, *arguments, **named)
        finally:
            record.open = was_open
        if outermost:
            self.check_made()
            kept = {k: v for k, v in vars(self).items() if k in record.arguments}
            record.kept = {name: _state(value) for name, value in kept.items()}
        return made

    # Keras reads a constructor's signature and does not follow `__wrapped__`.
    setattr(recorded, "__signature__", signature)  # noqa: B010
    return recorded


def _note(found: dict, parameters: list, bound: dict, outermost: bool) -> None:
    """Adds to the arguments what a constructor was given, and its defaults."""
    for parameter in parameters:
        name = parameter.name
        if parameter.kind is parameter.VAR_KEYWORD:
            found.update(bound.get(name, {}) if outermost else {})
        elif parameter.kind is parameter.VAR_POSITIONAL:
            if outermost and bound.get(name):
                found[_UNNAMED] = bound[name]
        elif outermost and name in bound:
            found[name] = bound[name]
        elif parameter.default is not parameter.empty and name not in bound:
            found.setdefault(name, parameter.default)


# ---- Values ----------------------------------------------------------------------


def _deserialized(value):
    """The value with its Keras objects made again, at any depth."""
    if isinstance(value, (list, tuple)):
        return type(value)(map(_deserialized, value))
    if not isinstance(value, dict):
        return value
    if "class_name" in value:
        return keras.saving.deserialize_keras_object(value)
    return {name: _deserialized(one) for name, one in value.items()}


def plain(value):
    """The value with Python's own numbers and containers, as far as it has such."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return (tuple if isinstance(value, tuple) else list)(map(plain, value))
    if isinstance(value, np.generic):
        return value.item()
    # A variable is learned, and no setting. A graph's tensor has no value.
    eager = tf.is_tensor(value) and hasattr(value, "numpy")
    if eager and not isinstance(value, tf.Variable) or isinstance(value, np.ndarray):
        return np.asarray(value).item() if value.ndim == 0 else value
    return value


def _state(value):
    """The value as it is now: what changes in place is copied, objects are not."""
    value = plain(value)
    if isinstance(value, dict):
        return {name: _state(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(_state, value))
    return value.copy() if isinstance(value, np.ndarray) else value


def _same(now, then) -> bool:
    """Whether a value is still what `_state` was told of."""
    now = plain(now)
    if now is then:
        return True
    if type(now) is not type(then):
        return False
    if isinstance(now, dict):
        return [*now] == [*then] and all(_same(now[k], then[k]) for k in now)
    if isinstance(now, (list, tuple)):
        return len(now) == len(then) and all(map(_same, now, then))
    if isinstance(now, np.ndarray):
        return now.dtype == then.dtype and np.array_equal(now, then)
    return isinstance(now, (bool, int, float, str, bytes)) and now == then


def _savable(name: str, value):
    """A changed value; raises a ValueError if it cannot be saved."""
    if not _saves(value):
        raise ValueError(
            f"Expected {name} as a value that can be saved, such as a number, a text, "
            f"an array or a Keras object; received: {value!r}"
        )
    return value


def _saves(value) -> bool:
    """Whether Keras can save a value."""
    value = plain(value)
    if isinstance(value, dict):
        return all(map(_saves, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(_saves, value))
    if value is None or isinstance(value, (bool, int, float, str, bytes, np.ndarray)):
        return True
    kinds = (tf.Tensor, types.FunctionType)
    return isinstance(value, kinds) or hasattr(value, "get_config")
