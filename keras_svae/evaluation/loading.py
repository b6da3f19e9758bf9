"""Endpoints of a trained model: of itself, a file, a SavedModel or a run's folder."""

import json
import os
import pathlib
from collections.abc import Callable

import keras
import tensorflow as tf

__all__ = ["opened"]


def opened(
    source: keras.Model | str | os.PathLike,
) -> tuple[dict[str, Callable], dict, object]:
    """A model's endpoints by name, what `about` tells, and what holds its variables.

    Raises:
        FileNotFoundError: If there is no such file or folder.
        ValueError: If what is there is no model of this package.
    """
    if isinstance(source, (str, os.PathLike)):
        path = pathlib.Path(source)
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
        source = keras.saving.load_model(path)
    if not hasattr(source, "endpoints") or not hasattr(source, "about"):
        raise ValueError(
            "Expected a model of keras_svae with a latent code; received: "
            f"{type(source).__name__}"
        )
    functions = {
        name: tf.function(function, input_signature=signature)
        for name, (function, signature) in source.endpoints().items()
    }
    # As a SavedModel would tell it.
    return functions, json.loads(json.dumps(source.about())), source


def _saved_model(path: pathlib.Path) -> tuple[dict[str, Callable], dict, object]:
    places = (path, path / "savedmodel")
    found = [p for p in places if (p / "saved_model.pb").is_file()]
    if not found:
        raise ValueError(
            "Expected a SavedModel, or a run's folder with one in savedmodel/; "
            f"received: {path}, which holds neither (an unfinished run?)"
        )
    loaded = tf.saved_model.load(found[0])
    if "about" not in loaded.signatures:
        raise ValueError(
            "Expected a SavedModel that this version of keras_svae exported, with "
            f"the endpoint 'about'; received: {found[0]} with "
            f"{sorted(loaded.signatures)}"
        )
    names = set(loaded.signatures) - {"serving_default"}
    about = json.loads(loaded.about()["about"].numpy())
    return {name: getattr(loaded, name) for name in names}, about, loaded
