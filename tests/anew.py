"""Models that tests share: built and traced once, as new for each test.

A step of a small model takes milliseconds, and the tracing of its graph seconds. So a
model that a test is done with is given to the next test that wants such a one, with
all its variables, its plain attributes and all global seeds as they were. Two models
of one test are always two objects.
"""

import numbers
from collections.abc import Callable

import keras

__all__ = ["Stock"]


class Stock:
    """The models of a module's tests. `begin` is called before each test."""

    def __init__(self):
        self._kept: dict[tuple, list[_Kept]] = {}
        self._taken: dict[tuple, int] = {}

    def begin(self) -> None:
        """Takes back all models."""
        self._taken.clear()

    def clear(self) -> None:
        """Forgets all models."""
        self._kept.clear()
        self._taken.clear()

    def take(self, make: Callable, *args, **kwargs):
        """What `make(*args, **kwargs)` gives, in the state in which it gives it.

        Args:
            make: Builds a compiled model, from fixed seeds.
            *args, **kwargs: What it is told. Models that are told the same are of one
                kind.
        """
        kind = _key((make, args, kwargs))
        kept, number = self._kept.setdefault(kind, []), self._taken.get(kind, 0)
        while number < len(kept) and not kept[number].back():
            kept.pop(number)  # compiled again, or frozen: it is another model now
        if number == len(kept):
            kept.append(_Kept(make(*args, **kwargs), (make, args, kwargs)))
        self._taken[kind] = number + 1
        keras.utils.set_random_seed(0)
        return kept[number].model


class _Kept:
    """A model, and how it was."""

    def __init__(self, model, told):
        self.model, self.told = model, told  # the latter, as the key has ids of it
        self._made_of = self._identity()
        self._variables = [(v, v.numpy()) for v in _variables(model)]
        self._plain = _plain(model)

    def back(self) -> bool:
        """Makes the model what it was, if it is still made of the same."""
        if self._identity() != self._made_of:
            return False
        for variable, value in self._variables:
            variable.assign(value)
        for name in _plain(self.model):
            del self.model.__dict__[name]
        self.model.__dict__.pop("_run", None)  # where it stood in a run
        # What was None and is an object now is a traced step, which stays.
        self.model.__dict__.update(
            (name, value)
            for name, value in self._plain.items()
            if name not in self.model.__dict__
        )
        return True

    def _identity(self):
        model = self.model
        return (
            [id(one) for one in _variables(model)],
            [id(one) for one in model.optimizers.values()],
            [type(one._learning_rate) for one in model.optimizers.values()],
            [v.path for v in model.trainable_variables],
            model.run_eagerly,
            model.steps_per_execution,
        )


def _variables(model) -> list:
    found = [*model.variables, *model._means.variables]
    for optimizer in model.optimizers.values():
        found += optimizer.variables
    return list({id(one): one for one in found}.values())


def _plain(model) -> dict:
    """Attributes that are numbers, texts or None."""
    return {
        name: value
        for name, value in model.__dict__.items()
        if value is None or isinstance(value, numbers.Number | str)
    }


def _key(value):
    """Of arguments, something that can be looked up: objects are told by identity."""
    if isinstance(value, dict):
        return tuple((name, _key(one)) for name, one in sorted(value.items()))
    if isinstance(value, list | tuple):
        return tuple(_key(one) for one in value)
    return value if isinstance(value, numbers.Number | str) else id(value)
