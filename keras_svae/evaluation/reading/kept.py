"""What `Material` makes once and keeps, and what it makes again at each reading."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

__all__ = ["Repeatable", "kept"]


class Repeatable:
    """A stream of batches that can be read more than once."""

    def __init__(self, make: Callable[[], Iterator]):
        self._make = make

    def __iter__(self) -> Iterator:
        return iter(self._make())


def kept(*reads: str) -> Callable[[Callable], property]:
    """A property that is computed once, of the data that are named."""

    def declare(compute: Callable) -> property:
        name = compute.__name__

        @functools.wraps(compute)
        def get(self):
            self._asked.update(reads)
            if name not in self._made:
                self._made[name] = _read_only(compute(self))
            return self._made[name]

        return property(get)

    return declare


def _read_only(made: Any) -> Any:
    """The same arrays, for all measures: one that changed them would change others."""
    if isinstance(made, np.ndarray):
        made = made.view()  # the array itself may be the user's
        made.flags.writeable = False
    elif type(made) is tuple:
        made = tuple(map(_read_only, made))
    return made
