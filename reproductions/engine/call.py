"""A function and what it is called with: what a study makes once, and finds again."""

import collections.abc
import dataclasses
import math
import types
import typing
from collections.abc import Callable
from typing import Any

from reproductions.engine.experiment import Experiment
from reproductions.engine.files import plain
from reproductions.engine.options import bare

__all__ = ["Call"]

SEVERAL = (list, tuple, collections.abc.Sequence, collections.abc.Iterable)


@dataclasses.dataclass(frozen=True)
class Call:
    """A function and what it is called with, for a `Study`.

    Attributes:
        function: An `Experiment`, or any function that returns a dict of numbers. It is
            known by its name. A worker process must be able to import it: so it is
            defined at the top of a module then.
        settings: Its keyword arguments, in JSON's types: see `plain`. Zero has no sign.

    Raises:
        ValueError: For a function that its name does not tell from others: a lambda, a
            function with variables of the function around it, a method of an object.
            For numbers that are not finite.
        TypeError: For settings of other types.
    """

    function: Callable
    settings: dict[str, Any]

    def __post_init__(self):
        _known_by_name(self.function)
        # Converted to JSON types: NumPy's 2 and Python's 2 are one setting.
        object.__setattr__(self, "settings", plain(self.settings, _number))

    @property
    def name(self) -> str:
        """Where the function is, as `paper/name`."""
        if isinstance(self.function, Experiment):
            return f"{self.function.paper}/{self.function.name}"
        return f"{self.function.__module__}.{self.function.__qualname__}"

    @property
    def title(self) -> str:
        """A short name that can be a file's name."""
        if isinstance(self.function, Experiment):
            return self.function.title(self.settings)
        parts = (f"-{name}-{value}" for name, value in self.settings.items())
        text = self.function.__name__ + "".join(parts)
        return "".join(c if c.isalnum() or c in "-_." else "_" for c in text)[:100]

    @property
    def normal(self) -> "Call":
        """The same call, each setting in the one form that all equal ones have.

        A number is a float where the option, or the annotation, is one. Elsewhere a
        float without a fraction is an integer: 2 and 2.0 are one setting.
        """
        kinds = _kinds(self.function)
        mine = self.settings.items()
        settings = {name: _normal(value, kinds.get(name)) for name, value in mine}
        return Call(self.function, settings)


def _number(number: float) -> float:
    if not math.isfinite(number):  # a record, which is JSON, has no such numbers
        raise ValueError(
            f"Expected settings that are finite numbers; received: {number}. Give a "
            "word in its place, or None"
        )
    return float(number) + 0.0


def _known_by_name(function: Callable) -> None:
    name = getattr(function, "__qualname__", "<lambda>")
    of = getattr(function, "__self__", None)
    of_an_object = isinstance(function, types.MethodType) and not isinstance(of, type)
    # Without variables of the outer one, a function inside a function is always the
    # same. So is a decorated one at the top of a module.
    around = "<locals>" in name and getattr(function, "__closure__", None)
    if name.endswith("<lambda>") or around or of_an_object:
        raise ValueError(
            "Expected a function with a name of its own, by which its runs are found "
            "again: define it with def at the top of a module, and give what it needs "
            f"as settings; received: {function!r}"
        )


def _kinds(function: Callable) -> dict[str, Any]:
    """Annotations of arguments by name, as far as they can be read."""
    if isinstance(function, Experiment):
        return {name: option.type for name, option in function.options.items()}
    try:
        return typing.get_type_hints(function)
    except Exception:  # a name that only a type checker knows
        return {}


def _normal(value: Any, kind: Any) -> Any:
    kind = bare(kind)
    if isinstance(value, dict):
        return {name: _normal(one, None) for name, one in value.items()}
    if isinstance(value, list):
        within = typing.get_args(kind) if typing.get_origin(kind) in SEVERAL else ()
        return [_normal(one, next(iter(within), None)) for one in value]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    if kind is float:
        return float(value)
    whole = isinstance(value, float) and value.is_integer()
    return int(value) if whole else value
