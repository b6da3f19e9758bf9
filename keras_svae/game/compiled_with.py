"""A `compile` of the user's own: its arguments are recorded, as constructors' are.

Keras's habit is `compile(self, optimizer, beta=1.0, **kwargs)`. A file, a copy and
`load_weights_from` compile a model again, with these arguments.
"""

import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import Any

import keras

from keras_svae import recorded_values as values
from keras_svae.game import settings
from keras_svae.recording import UNNAMED
from keras_svae.telling import warn

__all__ = ["CompiledWith", "Passed", "recording"]


@dataclasses.dataclass
class Passed:
    """What a user's own `compile` passes on to the base class.

    Attributes:
        arguments: The base class's arguments by name, as they were given.
        attributes: The names of the attributes that the base class set.
    """

    arguments: dict[str, Any] = dataclasses.field(default_factory=dict)
    attributes: set[str] = dataclasses.field(default_factory=set)


@dataclasses.dataclass
class CompiledWith:
    """What a user's own `compile` was given.

    Attributes:
        given: Its arguments by name, with their defaults.
        served: The base class's argument that an argument was passed on as, by name.
        kept: What the model kept under the names of the arguments.
    """

    given: dict[str, Any] = dataclasses.field(default_factory=dict)
    served: dict[str, str] = dataclasses.field(default_factory=dict)
    kept: dict[str, Any] = dataclasses.field(default_factory=dict)

    def now(self, model, of_base: dict[str, Any]) -> dict[str, Any]:
        """The arguments as they are now.

        Args:
            model: The model.
            of_base: The base class's arguments as they are now.
        """
        found = {}
        for name, value in self.given.items():
            if self.served.get(name) in of_base:
                value = of_base[self.served[name]]
            elif name in self.kept:
                now = vars(model).get(name, self.kept[name])
                value = value if values.same(now, self.kept[name]) else now
            elif name == UNNAMED:
                value = [
                    of_base.get(self.served.get(f"{UNNAMED}{i}", ""), one)
                    for i, one in enumerate(value)
                ]
            found[name] = value
        return found


def recording(compile_: Callable) -> Callable:
    """A user's `compile`, changed so that it records its arguments."""
    signature = inspect.signature(compile_)

    @functools.wraps(compile_)
    def recorded(self, *arguments, **named):
        if self._compiling is not None:  # a further class's own calls this one
            return compile_(self, *arguments, **named)
        try:
            bound = signature.bind(self, *arguments, **named)
        except TypeError:
            return compile_(self, *arguments, **named)  # Python raises its own error
        bound.apply_defaults()
        given = _by_name(signature, bound.arguments)
        before, state = {*vars(self)}, vars(self)
        # This bypasses Keras, which would track what is in it.
        passed = state["_compiling"] = Passed()
        try:
            made = compile_(self, *arguments, **named)
        except BaseException as error:
            self.compiled = False  # what comes after the base class's may be missing
            if isinstance(error, AttributeError) and error.obj is self:
                error.add_note(
                    "compile() of the base class calls the losses: set what they read "
                    "before super().compile(...), or in the constructor"
                )
            raise
        finally:
            state["_compiling"] = None
            settings.add_own(self, {*state} - before - passed.attributes)
        kept = {k: values.state(state[k]) for k in given if k in state}
        last = self._compiled_with or CompiledWith()
        state["_compiled_with"] = CompiledWith(given, _served(given, passed), kept)
        _tell_unsaved(self, given, last)
        return made

    setattr(recorded, "__signature__", signature)  # noqa: B010
    return recorded


def _by_name(signature: inspect.Signature, bound: dict[str, Any]) -> dict[str, Any]:
    """Arguments as a dictionary; copies of what may be changed in place."""
    found: dict[str, Any] = {}
    for parameter in [*signature.parameters.values()][1:]:  # without self
        value = values.state(bound[parameter.name])
        if parameter.kind is parameter.VAR_KEYWORD:
            found |= value
        elif parameter.kind is not parameter.VAR_POSITIONAL:
            found[parameter.name] = value
        elif value:
            found[UNNAMED] = value
    return found


def _served(given: dict[str, Any], passed: Passed) -> dict[str, str]:
    """Which of the base class's arguments each argument became, as far as it did."""
    flat = {name: one for name, one in given.items() if name != UNNAMED}
    flat |= {f"{UNNAMED}{i}": one for i, one in enumerate(given.get(UNNAMED, ()))}
    found = {}
    for name, value in flat.items():
        others = [k for k, one in passed.arguments.items() if _is(value, one)]
        optimizer = isinstance(value, (str, keras.optimizers.Optimizer))
        if name in others:
            found[name] = name
        elif optimizer and len(others) == 1:  # under another name
            found[name] = others[0]
    return found


def _is(value, other) -> bool:
    plain = isinstance(value, (bool, int, float, str)) and type(value) is type(other)
    return value is other or (plain and value == other)


def _tell_unsaved(model, given: dict[str, Any], last: CompiledWith) -> None:
    """Warns of arguments that no file can hold: not everyone saves."""
    for name, value in given.items():
        told = name in last.given and values.same(value, last.given[name])
        if not told and (wrong := values.unsavable(f"{name} of compile()", value)):
            kind = type(model).__name__
            warn(
                f"{wrong}. A {kind} from a file, or a copy, will have to be compiled "
                "again."
            )
