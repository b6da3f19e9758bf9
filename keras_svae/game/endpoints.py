"""SavedModels: what a trained model offers where this package is not installed."""

import inspect
import os
import shutil
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from keras_svae import files
from keras_svae.game import checks
from keras_svae.untrusted import plain_name

__all__ = ["endpoint", "export"]


def endpoint(
    gives: str,
    *,
    name: str | None = None,
    when: Callable[[Any], bool] | None = None,
    **kinds: str,
):
    """Declares that a method is an endpoint of the SavedModel.

    The names of the method's parameters say what the endpoint reads, and
    `Game.input_specs` has the shapes: x data, z codes, n a count, seed a seed, y
    classes. Only a model with classes reads y. A method that overrides another one
    needs no declaration of its own.

    Args:
        gives: Names of what the method returns, separated by spaces.
        name: The endpoint's name; None for the method's name.
        when: Says whether a model has the endpoint; None for always.
        **kinds: For a parameter whose name does not say which input it is: the input.

    Example:
        @endpoint("log_ratio")
        def log_ratio(self, x, z): ...
    """

    def declare(method):
        method.endpoint = (name or method.__name__, gives.split(), when, kinds)
        return method

    return declare


def of_model(model) -> dict[str, tuple[Callable, list[tf.TensorSpec]]]:
    """For each endpoint by name: its function of named tensors, and their specs."""
    found: dict[str, tuple[Callable, list[tf.TensorSpec]]] = {}
    specs = model.input_specs()
    # Base classes come first: the first endpoint is `serving_default`.
    for cls in reversed(type(model).__mro__):
        for attribute, declared in vars(cls).items():
            if not hasattr(declared, "endpoint"):
                continue
            name, gives, when, kinds = declared.endpoint
            if when is None or when(model):
                method = getattr(model, attribute)
                found[name] = made(method, gives, kinds, specs)
    return found


def made(method, gives: list[str], kinds: dict[str, str], specs: dict) -> tuple:
    """A function that returns a dictionary, and the inputs that a method reads."""
    reads = {one: kinds.get(one, one) for one in inspect.signature(method).parameters}
    reads = {name: kind for name, kind in reads.items() if kind in specs}

    def call(*values):
        values = method(**dict(zip(reads, values, strict=True)))
        values = values if isinstance(values, tuple) else (values,)
        return dict(zip(gives, values, strict=True))

    # A caller of the SavedModel's signature uses these names.
    positional = inspect.Parameter.POSITIONAL_OR_KEYWORD
    named = inspect.Signature([inspect.Parameter(name, positional) for name in reads])
    setattr(call, "__signature__", named)  # noqa: B010
    signature = [
        tf.TensorSpec(specs[kind].shape, specs[kind].dtype, name=name)
        for name, kind in reads.items()
    ]
    return call, signature


def export(model, filepath: str | os.PathLike) -> None:
    """Writes a SavedModel with the endpoints that a model has, or nothing.

    A `seed` of an endpoint is int32. A model's own methods refuse negative seeds. An
    endpoint accepts them: each is a further seed with draws of its own, which no seed
    >= 0 has.

    Args:
        model: A model with `endpoints()`, see `of_model`.
        filepath: A new or empty folder.

    Raises:
        FileExistsError: If the folder holds something.
        ValueError: If the path has one of * ? [ and a backslash, which TensorFlow reads
            as a pattern: it could not load the SavedModel.
    """
    path = checks.new_folder(filepath)
    plain_name(filepath, "a SavedModel")
    files.remove_leftovers(path.parent, path.name)
    archive = keras.export.ExportArchive()
    archive.track(model)
    for name, (function, signature) in model.endpoints().items():
        archive.add_endpoint(name, function, input_signature=signature)
    temporary = files.beside(path)
    try:
        archive.write_out(temporary, verbose=False)
        files.put_folder(temporary, path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
