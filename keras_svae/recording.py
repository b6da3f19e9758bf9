"""Objects that record their constructors' arguments, and so have configurations."""

import dataclasses
import functools
import inspect
import itertools
from collections.abc import Callable
from typing import Any, Self

from keras_svae import recorded_values as values
from keras_svae.owners import package_of
from keras_svae.telling import warn

__all__ = ["UNNAMED", "Recorded", "parameters", "split"]

# The key for arguments without names.
UNNAMED = "*"


@dataclasses.dataclass
class _Record:
    """What was given to the constructors of one object."""

    arguments: dict[str, Any] = dataclasses.field(default_factory=dict)
    # Whether more arguments could still be given to the constructor that runs now.
    open: bool = True
    # What the object kept under the names of its arguments once it was made.
    kept: dict[str, Any] = dataclasses.field(default_factory=dict)
    # The names of the attributes that this package's constructors, and Keras's, set.
    ours: set[str] = dataclasses.field(default_factory=set)


class Recorded:
    """Gives `get_config` and `from_config` to each subclass, with any arguments.

    It records the arguments of the constructor that the user called, under that
    constructor's names. It also records the defaults of all constructors that the user
    could have given an argument to: a saved object does not change when a default
    changes. A constructor may pass arguments to its base class (`ALI` passes a lam of
    0). The user did not give these, and they are not recorded. A list, a dictionary or
    an array is recorded as it was when the constructor began.

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
            record.arguments[name] = values.state(value)
            record.kept.pop(name, None)

    # Names in a configuration that no constructor takes.
    notes: tuple[str, ...] = ()

    def check_made(self) -> None:
        """Raises a ValueError on parts that do not go together, once all are set."""

    def as_given(self, value, name: str | None = None):
        """What a constructor is given in place of one of the user's arguments.

        Args:
            value: The argument.
            name: Its name in a constructor of the user's own; None in ours.
        """
        return value

    def get_config(self) -> dict[str, Any]:
        """The arguments as JSON has them: plain values, serialised Keras objects.

        Raises:
            ValueError: If an argument is a value that cannot be saved.
        """
        arguments = {**vars(self)["_record"].arguments, **self.changed_arguments()}
        for name, value in arguments.items():
            if wrong := values.unsavable(name, value):
                raise ValueError(wrong)
        return {name: values.written(value) for name, value in arguments.items()}

    def changed_arguments(self) -> dict[str, Any]:
        """What the object keeps under arguments' names, if it is something else now."""
        kept = vars(self)["_record"].kept
        now = {name: vars(self).get(name, value) for name, value in kept.items()}
        return {k: value for k, value in now.items() if not values.same(value, kept[k])}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The object of a configuration, see `get_config`."""
        return cls.from_arguments({k: values.read(v) for k, v in config.items()})

    @classmethod
    def from_arguments(cls, arguments: dict[str, Any]) -> Self:
        """The object of arguments by name, as they are recorded."""
        unnamed, named = split(parameters(cls.__init__), arguments)
        return cls(*unnamed, **named)


def split(
    expected: list[inspect.Parameter], given: dict[str, Any]
) -> tuple[list, dict[str, Any]]:
    """Recorded arguments as a call gives them: those without names, and the others."""
    named = dict(given)
    more, first = named.pop(UNNAMED, ()), []
    for one in expected:
        # Values without names come after all that can have one.
        ahead = more and one.kind is one.POSITIONAL_OR_KEYWORD
        if (ahead or one.kind is one.POSITIONAL_ONLY) and one.name in named:
            first.append(named.pop(one.name))
    return [*first, *more], named


def parameters(init: Callable) -> list[inspect.Parameter]:
    """The parameters of a constructor or a method, without `self`."""
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
    ours = package_of(init) == "keras_svae"
    takes_more = any(one.kind is one.VAR_KEYWORD for one in parameters(init))

    @functools.wraps(init)
    def recorded(self, *arguments, **named):
        outermost = "_record" not in vars(self)
        if outermost or ours:
            expected = [None if ours else one.name for one in parameters(recorded)]
            arguments = tuple(
                self.as_given(value, name)
                for value, name in itertools.zip_longest(
                    arguments, expected[: len(arguments)]
                )
            )
            named = {
                name: self.as_given(value, None if ours else name)
                for name, value in named.items()
                if name not in self.notes
            }
        try:
            bound = signature.bind(self, *arguments, **named).arguments
        except TypeError:
            return init(self, *arguments, **named)  # Python raises its own error
        if outermost:
            # This bypasses Keras, which would track the networks a second time.
            # What is there already Keras made before any constructor.
            object.__setattr__(self, "_record", _Record(ours={*vars(self)}))
        record = vars(self)["_record"]
        was_open = record.open
        if was_open:
            # Copies, as the constructor or the caller may change a list in place.
            given = {k: values.state(v) for k, v in bound.items() if v is not self}
            _note(record.arguments, parameters(recorded), given, outermost)
        record.open = was_open and takes_more
        before = {*vars(self)}
        try:
            made = init(self, *arguments, **named)
        finally:
            record.open = was_open
            if ours:
                record.ours |= {*vars(self)} - before
        if outermost:
            self.check_made()
            _tell_unsaved(self, record.arguments)
            kept = {k: v for k, v in vars(self).items() if k in record.arguments}
            record.kept = {name: values.state(value) for name, value in kept.items()}
        return made

    # Keras reads a constructor's signature and does not follow `__wrapped__`.
    setattr(recorded, "__signature__", signature)  # noqa: B010
    return recorded


def _note(found: dict, named: list, bound: dict, outermost: bool) -> None:
    """Adds to the arguments what a constructor was given, and its defaults."""
    for parameter in named:
        name = parameter.name
        if parameter.kind is parameter.VAR_KEYWORD:
            found.update(bound.get(name, {}) if outermost else {})
        elif parameter.kind is parameter.VAR_POSITIONAL:
            if outermost and bound.get(name):
                found[UNNAMED] = bound[name]
        elif outermost and name in bound:
            found[name] = bound[name]
        elif parameter.default is not parameter.empty and name not in bound:
            found.setdefault(name, values.state(parameter.default))


def _tell_unsaved(made, arguments: dict) -> None:
    """Warns of arguments that no file can hold: not everyone saves."""
    kind = type(made).__name__
    for name, value in arguments.items():
        if wrong := values.unsavable(f"{name} of {kind}", value):
            warn(f"{wrong}. The {kind} works, but it cannot be saved or copied.")
