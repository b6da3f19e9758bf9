"""ONNX and LiteRT files: a model's endpoints where not even TensorFlow is installed.

These formats have no random operators. So the random numbers of an endpoint are inputs,
in place of `seed`.
"""

import importlib
import json
import os
import re
import tempfile
from collections.abc import Callable

import keras
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

from keras_svae import files, philox
from keras_svae.game import checks
from keras_svae.game.export.endpoints import quiet
from keras_svae.networks.backwards import all_layers
from keras_svae.paths import AnyPath, any_path
from keras_svae.telling import warn

__all__ = ["fed_noise", "litert", "onnx"]

# What the converters call an operator that their format does not have.
_UNKNOWN = r"(?:No Op registered for |TF Select ops: |Custom ops: |error: 'tf\.)(\w+)"
OPSET = 18  # what ONNX Runtime 1.14 (2023) and later read


def fed_noise(function: Callable, specs: list[tf.TensorSpec]) -> tuple:
    """An endpoint whose random numbers are inputs, and its specs.

    Args:
        function: The endpoint, of tensors in the order of the specs.
        specs: Its inputs. `seed` goes, and `n` goes where the first draw's length says
            it. For each draw there is an input more, float32: `normal` from N(0, 1) or
            `uniform` from U[0, 1); `normal_2` is the second one.

    Returns:
        The function and its specs. Its draws have no leading axes of length 1.
    """
    kept = [one for one in specs if one.name != "seed"]
    shapes: list[tf.TensorSpec] = []

    def note(law, shape):
        value = tf.zeros(shape)
        sizes = value.shape.as_list()
        while len(sizes) > 1 and sizes[0] == 1:
            sizes = sizes[1:]
        count = sum(one.name.split("_")[0] == law for one in shapes)
        name = f"{law}_{count + 1}" if count else law
        shapes.append(tf.TensorSpec(sizes, tf.float32, name))
        return value

    def call(values: dict, source):
        given = [values.get(one.name, tf.constant(0)) for one in specs]
        with philox.drawn_by(source):
            return function(*given)

    def trace(*values):
        return call(dict(zip([one.name for one in kept], values, strict=True)), note)

    tf.function(trace, autograph=False).get_concrete_function(*kept)
    counted = bool(shapes) and not any(one.name == "x" for one in kept)
    inputs = [one for one in kept if not (counted and one.name == "n")] + shapes

    def fed(*values):
        given = dict(zip([one.name for one in inputs], values, strict=True))
        if counted:
            given["n"] = tf.shape(given[shapes[0].name])[0]
        draws = iter(given[one.name] for one in shapes)
        return call(given, lambda law, shape: tf.reshape(next(draws), shape))

    return fed, inputs


def onnx(
    model, filepath, names: list[str], opset_version: int | None = None
) -> list[str]:
    """Writes one ONNX file for each endpoint, or nothing.

    Args:
        model: A model with `endpoints()`.
        filepath: A new or empty folder for files NAME.onnx; or, for one endpoint, a
            file that ends in ".onnx".
        names: The endpoints.
        opset_version: The version of ONNX's operators; None for 18.

    Returns:
        The endpoints that were written. A warning names those that use an operator
        that ONNX does not have.

    Raises:
        ImportError: If `tf2onnx` is not installed.
        FileExistsError: If the folder holds something.
        ValueError: If no endpoint could be converted, or several are asked for in one
            file.
    """
    one = _fspath(filepath).endswith(".onnx")
    if one and len(names) != 1:
        raise ValueError(
            "Expected one endpoint for a file, such as "
            f"endpoints={names[0]!r}, as an ONNX file has one graph, or a new folder "
            f"for all endpoints; received: {filepath}"
        )
    path = _new_file(filepath) if one else checks.new_folder(filepath)
    names = [name for name in names if name != "about"]
    if not names:
        raise ValueError(
            "Expected an endpoint other than about, which is in the metadata of each "
            "ONNX file; received: endpoints='about'"
        )
    _check_types(model)
    opset = checks.integer("opset_version", opset_version or OPSET, at_least=1)
    tf2onnx = _needed("tf2onnx")
    library = _needed("onnx")
    about = json.dumps(model.about()) if hasattr(model, "about") else "{}"

    def convert(name):
        function, specs = fed_noise(*model.endpoints()[name])
        traced = tf.function(function, autograph=False).get_concrete_function(*specs)
        frozen = convert_variables_to_constants_v2(
            traced, lower_control_flow=False, aggressive_inlining=True
        )
        inputs = [one.name for one in frozen.inputs]
        outputs = [one.name for one in frozen.outputs]
        called = [one.name for one in specs] + sorted(traced.structured_outputs)
        with quiet("tf2onnx", "tensorflow"):
            # Not `from_function`: it takes constants of the graph for inputs.
            made, _ = tf2onnx.convert.from_graph_def(
                frozen.graph.as_graph_def(add_shapes=True),
                name=name,
                input_names=inputs,
                output_names=outputs,
                opset=opset,
                tensors_to_rename=dict(zip(inputs + outputs, called, strict=True)),
            )
        # tf2onnx keeps operators that it does not know.
        library.checker.check_model(made)
        library.helper.set_model_props(made, {"endpoint": name, "about": about})
        return made.SerializeToString()

    made, left_out = _each(convert, names)
    _tell("ONNX", made, left_out)
    if one:
        _write(path, made[names[0]])
        return names
    with files.new_folder(path) as folder:
        for name, content in made.items():
            files.write(os.path.join(folder, f"{name}.onnx"), content)
    return [*made]


def litert(model, filepath, names: list[str], **settings) -> list[str]:
    """Writes one LiteRT file whose signatures are the endpoints, or nothing.

    Args:
        model: A model with `endpoints()`.
        filepath: A file that ends in ".tflite".
        names: The endpoints.
        **settings: Attributes of `tf.lite.TFLiteConverter`, as Keras takes them:
            `optimizations=[tf.lite.Optimize.DEFAULT]`.

    Returns:
        The endpoints that were written. A warning names those that use an operator
        that LiteRT does not have.

    Raises:
        ValueError: For another ending, an attribute that is not there, or if no
            endpoint could be converted.
    """
    if not _fspath(filepath).endswith(".tflite"):
        raise ValueError(f"Expected a file that ends in .tflite; received: {filepath}")
    path = _new_file(filepath)
    _check_types(model)
    archive = keras.export.ExportArchive()
    archive.track(model)
    for name in names:
        function, specs = fed_noise(*model.endpoints()[name])
        archive.add_endpoint(name, function, input_signature=specs)
    with tempfile.TemporaryDirectory() as folder, quiet("tensorflow", "absl"):
        archive.write_out(folder, verbose=False)

        def convert(*chosen):
            converter = tf.lite.TFLiteConverter.from_saved_model(
                folder, signature_keys=[*chosen]
            )
            unknown = [key for key in settings if not hasattr(converter, key)]
            if unknown:
                raise TypeError(
                    "Expected attributes of tf.lite.TFLiteConverter; received: "
                    f"{', '.join(unknown)}"
                )
            for key, value in settings.items():
                setattr(converter, key, value)
            return converter.convert()

        left_out: dict[str, str] = {}
        try:
            made = dict.fromkeys(names, convert(*names))
        except TypeError:
            raise
        except Exception:  # one of them; the converter does not say which
            made, left_out = _each(convert, names)
            if made and left_out:
                made = dict.fromkeys(made, convert(*made))
    _tell("LiteRT", made, left_out)
    _write(path, next(iter(made.values())))
    return [*made]


def _each(convert: Callable, names: list[str]) -> tuple[dict, dict[str, str]]:
    """What each name became, and why others could not be converted."""
    made, left_out = {}, {}
    for name in names:
        try:
            made[name] = convert(name)
        # The converters raise almost anything.
        except Exception as error:
            unknown = re.search(_UNKNOWN, str(error))
            why = unknown[1] if unknown else str(error).strip().partition("\n")[0]
            left_out[name] = why[:200]
    return made, left_out


def _check_types(model) -> None:
    """Raises if a layer does not compute in float32.

    tf2onnx writes files of such layers that ONNX Runtime does not load.
    """
    other = {one.compute_dtype for one in all_layers(model)} - {"float32"}
    if other:
        raise ValueError(
            "Expected networks that compute in float32, as ONNX Runtime and LiteRT do; "
            f"received: {', '.join(sorted(map(str, other)))}. Make the networks "
            "again without the policy, and load the weights of this model"
        )


def _fspath(path) -> str:
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"Expected a path; received: {path!r}")
    return str(path)


def _new_file(path) -> AnyPath:
    path = any_path(path)
    checks.new_folder(path.parent / f".{path.name}")
    if path.exists():
        raise FileExistsError(f"Expected a new file; received: {path}, which is there")
    return path


def _write(path: AnyPath, content: bytes) -> None:
    files.make_folder(path.parent)
    files.write(path, content)


def _tell(format_: str, made: dict, left_out: dict[str, str]) -> None:
    """Says which endpoints the format cannot hold; raises if there is no other."""
    why = "; ".join(f"{name} ({reason})" for name, reason in left_out.items())
    if not made:
        raise ValueError(f"Expected endpoints that {format_} can hold; received: {why}")
    if left_out:
        warn(
            f"{format_} has no operators for some endpoints, which are left out: {why}"
        )


def _needed(module: str):
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ImportError(
            f"Expected the package {module} for ONNX files, which is not installed: "
            "pip install tf2onnx onnxruntime"
        ) from None
