"""SavedModels: what a trained model offers where this package is not installed."""

import contextlib
import inspect
import logging
import os
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from keras_svae import files
from keras_svae.game import checks
from keras_svae.untrusted import plain_name

__all__ = ["endpoint", "export", "quiet"]


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
    classes. Only a model with classes reads y. A parameter that is none of these must
    have a default, which is what the endpoint always uses. A method that overrides
    another one needs no declaration of its own.

    Args:
        gives: Names of what the method returns, separated by spaces.
        name: The endpoint's name; None for the method's name.
        when: Says whether a model has the endpoint; None for always.
        **kinds: For a parameter whose name does not say which input it is: the input.

    Raises:
        ValueError: If `kinds` names no parameter of the method. In export, if a
            parameter without a default is no input of the model, if the method
            returns another number of values than `gives` names, or no tensors.

    Example:
        @endpoint("log_ratio")
        def log_ratio(self, x, z): ...
    """

    def declare(method):
        unknown = kinds.keys() - inspect.signature(method).parameters.keys()
        if unknown:
            raise ValueError(
                f"Expected parameters of {method.__qualname__} in endpoint(); "
                f"received: {', '.join(sorted(unknown))}"
            )
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
    parameters = inspect.signature(method).parameters
    reads = {one: kinds.get(one, one) for one in parameters}
    reads = {name: kind for name, kind in reads.items() if kind in specs}
    called = getattr(method, "__qualname__", repr(method))  # a partial has no name
    without = [
        name
        for name, one in parameters.items()
        if name not in reads and _is_required(one)
    ]

    def call(*values):
        if without:
            raise ValueError(
                f"Expected the endpoint {called} to read inputs of the model, "
                f"{', '.join(specs)}, and other parameters to have defaults; received: "
                f"{', '.join(without)} without a default. endpoint(..., {without[0]}="
                f'"x") says that it is data'
            )
        values = method(**dict(zip(reads, values, strict=True)))
        values = values if isinstance(values, tuple) else (values,)
        values = [_as_tensor(one, called, gives) for one in values]
        if len(values) != len(gives):
            raise ValueError(
                f"Expected the endpoint {called} to return one value for each name, "
                f"{', '.join(gives)}; received: {len(values)}"
            )
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


def _as_tensor(value, called: str, gives: list[str]) -> tf.Tensor:
    """What TensorFlow can give out: no list, dictionary, None or object."""
    try:
        if isinstance(value, (list, dict)):
            raise TypeError
        return tf.convert_to_tensor(value)
    except (TypeError, ValueError):
        received = "None" if value is None else f"a {type(value).__name__}"
        raise ValueError(
            f"Expected the endpoint {called} to return a tensor, or a tuple of tensors,"
            f" one for each name, {', '.join(gives)}; received: {received}"
        ) from None


def _is_required(parameter: inspect.Parameter) -> bool:
    several = parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD
    return parameter.default is parameter.empty and parameter.kind not in several


def chosen(model, names: "list[str] | str | None") -> list[str]:
    """The names of the endpoints that are asked for, in the model's order.

    Args:
        model: A model with `endpoints()`.
        names: One or several; None for all.

    Raises:
        ValueError: If the model has no such endpoint.
    """
    found = [*model.endpoints()]
    if names is None:
        return found
    asked = [names] if isinstance(names, str) else names
    known = isinstance(asked, (list, tuple)) and all(one in found for one in asked)
    if not asked or not known:
        raise ValueError(
            f"Expected endpoints out of {', '.join(found)}; received: {names!r}"
        )
    return [name for name in found if name in asked]


def export(model, filepath: str | os.PathLike, names: list[str]) -> list[str]:
    """Writes a SavedModel with these endpoints, or nothing.

    A `seed` of an endpoint is int32. A model's own methods refuse negative seeds. An
    endpoint accepts them: each is a further seed with draws of its own, which no seed
    >= 0 has.

    Args:
        model: A model with `endpoints()`, see `of_model`.
        filepath: A new or empty folder.
        names: The endpoints. The first one is `serving_default`.

    Returns:
        The endpoints.

    Raises:
        FileExistsError: If the folder holds something.
        ValueError: If the path has one of * ? [ and a backslash, which TensorFlow reads
            as a pattern: it could not load the SavedModel.
    """
    path = checks.new_folder(filepath)
    plain_name(filepath, "a SavedModel")
    archive = keras.export.ExportArchive()
    archive.track(model)
    for name in names:
        function, signature = model.endpoints()[name]
        archive.add_endpoint(name, function, input_signature=signature)
    # In a notebook TensorFlow would say where it writes: in a folder for the moment.
    with files.new_folder(path) as folder, quiet("tensorflow", level=logging.WARNING):
        archive.write_out(folder, verbose=False)
    return names


@contextlib.contextmanager
def quiet(*names: str, level: int = logging.CRITICAL) -> Iterator[None]:
    """Keeps loggers still below a level.

    By default all is still: what went wrong is in the exception that follows.
    """
    loggers = [logging.getLogger(name) for name in names]
    before = [one.level for one in loggers]
    for one in loggers:
        one.setLevel(level)
    try:
        yield
    finally:
        for one, old in zip(loggers, before, strict=True):
            one.setLevel(old)
