"""Endpoints of a trained model: of itself, a file, a SavedModel or a run's folder."""

import functools
import json
import os
import pathlib
from collections.abc import Callable

import keras
import tensorflow as tf

from keras_svae.game.saving.keras_file import first_line, load_keras
from keras_svae.paths import AnyPath, any_path
from keras_svae.untrusted import plain_name, regular

__all__ = ["endpoints_of"]

# What `about` tells of every model.
_TOLD = {"method", "latent_dim", "data_shape", "range", "prior"}


def endpoints_of(
    source: keras.Model | str | os.PathLike,
) -> tuple[dict[str, Callable], dict, object]:
    """A model's endpoints by name, what `about` tells, and what holds its variables.

    Raises:
        FileNotFoundError: If there is no such file or folder.
        ValueError: If what is there is no model of this package.
    """
    if isinstance(source, (str, os.PathLike)):
        path = any_path(source)
        if not path.exists():
            raise FileNotFoundError(
                "Expected a .keras file, a SavedModel or a run's folder; received: "
                f"{path}, which is not there"
            )
        if path.is_dir():
            return _saved_model(path)
        if path.suffix != ".keras":
            raise ValueError(
                "Expected a .keras file, a SavedModel or a run's folder; received: "
                f"{path}"
            )
        source = load_keras(path)
    if not hasattr(source, "endpoints") or not hasattr(source, "about"):
        raise ValueError(
            "Expected a model of keras_svae with a latent code; received: "
            f"{type(source).__name__}"
        )
    # As partials: TensorFlow counts traces by a function's code, which models share,
    # and would warn of retracing from the fifth model on.
    functions = {
        name: tf.function(functools.partial(function), input_signature=signature)
        for name, (function, signature) in source.endpoints().items()
    }
    # As a SavedModel would tell it.
    return functions, json.loads(json.dumps(source.about())), source


def _saved_model(path: AnyPath) -> tuple[dict[str, Callable], dict, object]:
    places = (path, path / "savedmodel")
    found = [p for p in places if (p / "saved_model.pb").is_file()]
    if not found:
        raise ValueError(
            "Expected a SavedModel, or a run's folder with one in savedmodel/; "
            f"received: {path}, which holds neither (an unfinished run?)"
        )
    path = found[0]
    expected = "a whole SavedModel that keras_svae exported"
    plain_name(path, "a SavedModel")
    for file in path.rglob("*") if isinstance(path, pathlib.Path) else ():
        if not file.is_dir():
            regular(file, f"{expected}, of ordinary files")
    try:
        loaded = tf.saved_model.load(os.fspath(path))
    # TensorFlow raises errors of many kinds for a damaged one.
    except Exception as error:
        raise ValueError(
            f"Expected {expected}; received: {path}, which is damaged or something "
            f"else ({first_line(error)})"
        ) from None
    if "about" not in loaded.signatures:
        raise ValueError(
            "Expected a SavedModel that this version of keras_svae exported, with "
            f"the endpoint 'about'; received: {path} with {sorted(loaded.signatures)}"
        )
    names = set(loaded.signatures) - {"serving_default"}
    try:
        about = json.loads(loaded.signatures["about"]()["about"].numpy())
        missing = _TOLD - set(about)
        endpoints = {name: getattr(loaded, name) for name in names}
    except Exception as error:
        missing = {first_line(error)}
    if missing:
        raise ValueError(
            f"Expected {expected}, whose endpoint 'about' tells {sorted(_TOLD)}; "
            f"received: {path} without {', '.join(sorted(missing))}"
        )
    return endpoints, about, loaded
