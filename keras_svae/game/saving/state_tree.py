"""The state of several optimizers in a tree of Keras, which knows of one."""

from collections.abc import Iterator, Mapping
from typing import Any

import keras

__all__ = ["restored", "with_all"]

_KEY = "optimizer_variables"
_Optimizers = Mapping[str, keras.optimizers.Optimizer]


def with_all(
    tree: dict[str, Any], optimizers: _Optimizers, value_format: str
) -> dict[str, Any]:
    """The tree of `get_state_tree`, with the variables of all optimizers by name.

    Those of a single optimizer stay as Keras has them.
    """
    if len(optimizers) < 2:
        return tree
    found: dict[str, Any] = {}
    for name, one in optimizers.items():
        for variable in one.variables:
            inner = found.setdefault(name, {})
            *above, last = variable.path.split("/")
            for part in above:
                inner = inner.setdefault(part, {})
            as_array = value_format == "numpy_array"
            inner[last] = variable.numpy() if as_array else variable.value
    return {**tree, _KEY: found}


def restored(tree: Mapping[str, Any], optimizers: _Optimizers) -> dict[str, Any]:
    """Assigns the optimizers' variables; gives what is left for `set_state_tree`."""
    given = tree.get(_KEY, {})
    if len(optimizers) < 2 or not given.keys() <= optimizers.keys():
        return dict(tree)
    for name, one in given.items():
        values = dict(_flat(one))
        for variable in optimizers[name].variables:
            if variable.path in values:
                variable.assign(values[variable.path])
    return {name: one for name, one in tree.items() if name != _KEY}


def _flat(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Paths and values."""
    for name, one in tree.items():
        if isinstance(one, Mapping):
            yield from _flat(one, f"{above}{name}/")
        else:
            yield f"{above}{name}", one
