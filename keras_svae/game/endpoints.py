"""SavedModels: what a trained model offers where this package is not installed."""

import inspect
import os
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from keras_svae.game import checks

__all__ = ["endpoint", "export"]


def endpoint(
    gives: str,
    *,
    name: str | None = None,
    when: Callable[[Any], bool] | None = None,
    **kinds: str,
):
    """Declares a method an endpoint of the SavedModel.

    It reads what the method's parameters are called, and `Game.input_specs` says what
    that is: x data, z codes, n a count, seed a seed, y classes, which only a model with
    classes reads. An override needs no declaration of its own.

    Args:
        gives: Names of what the method returns, separated by spaces.
        name: The endpoint's; None for the method's.
        when: Whether a model has it; None for always.
        **kinds: By parameter which input it is, where its name does not say so.

    Example:
        @endpoint("log_ratio")
        def log_ratio(self, x, z): ...
    """

    def declare(method):
        method.endpoint = (name or method.__name__, gives.split(), when, kinds)
        return method

    return declare


def of_model(model) -> dict[str, tuple[Callable, list[tf.TensorSpec]]]:
    """By name each endpoint's function, of named tensors, and what these are."""
    found: dict[str, tuple[Callable, list[tf.TensorSpec]]] = {}
    specs = model.input_specs()
    # Bases first: the first endpoint is `serving_default`.
    for cls in reversed(type(model).__mro__):
        for attribute, declared in vars(cls).items():
            if not hasattr(declared, "endpoint"):
                continue
            name, gives, when, kinds = declared.endpoint
            if when is None or when(model):
                method = getattr(model, attribute)
                found[name] = _function(method, gives, kinds, specs)
    return found


def _function(method, gives: list[str], kinds: dict[str, str], specs: dict) -> tuple:
    """What a method reads of these, and the function that gives a dictionary."""
    reads = {one: kinds.get(one, one) for one in inspect.signature(method).parameters}
    reads = {name: kind for name, kind in reads.items() if kind in specs}

    def call(*values):
        made = method(**dict(zip(reads, values, strict=True)))
        made = made if isinstance(made, tuple) else (made,)
        return dict(zip(gives, made, strict=True))

    # By these names a SavedModel's signature is called.
    positional = inspect.Parameter.POSITIONAL_OR_KEYWORD
    named = inspect.Signature([inspect.Parameter(name, positional) for name in reads])
    setattr(call, "__signature__", named)  # noqa: B010
    signature = [
        tf.TensorSpec(specs[kind].shape, specs[kind].dtype, name=name)
        for name, kind in reads.items()
    ]
    return call, signature


def export(model, filepath: str | os.PathLike) -> None:
    """Writes a SavedModel with the endpoints that a model has.

    Where an endpoint takes a `seed`, it is int32. A negative one, which a model's own
    methods refuse, is one more seed there: its draws are those of no seed >= 0.

    Args:
        model: A model with `endpoints()`, see `of_model`.
        filepath: A new or empty folder.

    Raises:
        FileExistsError: If the folder holds something.
    """
    path = checks.new_folder(filepath)
    archive = keras.export.ExportArchive()
    archive.track(model)
    for name, (function, signature) in model.endpoints().items():
        archive.add_endpoint(name, function, input_signature=signature)
    archive.write_out(str(path), verbose=False)
