"""The state of several optimizers in a tree of Keras, which knows of one."""

from collections.abc import Iterator, Mapping
from typing import Any

import keras

from keras_svae.telling import warn

__all__ = ["restored", "tell_of_missing", "with_all"]

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


def tell_of_missing(tree: Mapping[str, Any], model: keras.Model) -> None:
    """Warns where a tree lacks variables of a kind that it has, which Keras skips.

    Keras finds a variable by its path. Layers without names of their own have other
    paths in the second model of a process.
    """
    optimizers = model.optimizers
    held = {
        "trainable_variables": model.trainable_variables,
        "non_trainable_variables": model.non_trainable_variables,
        _KEY: [one for opt in optimizers.values() for one in opt.variables],
    }
    missing = []
    for kind, variables in held.items():
        given = tree.get(kind, {})
        if kind == _KEY and len(optimizers) > 1:
            known = {path for one in given.values() for path, _ in _flat(one)}
        else:
            known = {path for path, _ in _flat(given)}
        if kind in tree:
            missing += [one.path for one in variables if one.path not in known]
    if missing:
        warn(
            f"set_state_tree leaves {len(missing)} variables as they are, as the tree "
            f"does not have them under their paths: {', '.join(missing[:3])}, ... Give "
            "both models' layers the same names, or use save_weights and load_weights."
        )


def _flat(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Paths and values."""
    for name, one in tree.items():
        if isinstance(one, Mapping):
            yield from _flat(one, f"{above}{name}/")
        else:
            yield f"{above}{name}", one
