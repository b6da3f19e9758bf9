"""How a model leaves this package: what it exports, and in which format."""

import os

import tensorflow as tf

from keras_svae.game import checks
from keras_svae.game.devices import workers
from keras_svae.game.export import endpoints as saved_model
from keras_svae.game.export import formats
from keras_svae.game.saving.taking import Taking

__all__ = ["Leaving"]


class Leaving(Taking):
    """A model that is exported with its endpoints."""

    def input_specs(self) -> dict[str, tf.TensorSpec]:
        """What endpoints and critics read, by name."""
        return {"seed": tf.TensorSpec([], tf.int32)}

    def endpoints(self) -> dict[str, tuple]:
        """For each endpoint of the SavedModel: its function and input signature."""
        return saved_model.of_model(self)

    def export(
        self,
        filepath: str | os.PathLike,
        format: str = "tf_saved_model",
        verbose: bool | None = None,
        input_signature: None = None,
        endpoints: "list[str] | str | None" = None,
        **kwargs,
    ) -> None:
        """Writes what runs without this package, see the page on deployment.

        Of several workers that train the model, the first one writes.

        Args:
            filepath: For "tf_saved_model" a folder that is new or empty. For "onnx"
                such a folder, for a file NAME.onnx of each endpoint, or a new file that
                ends in ".onnx", for one endpoint. For "litert" a new file that ends in
                ".tflite", whose signatures are the endpoints.
            format: "tf_saved_model", "onnx" or "litert". The last two have no random
                operators: instead of `seed`, endpoints read the random numbers.
            verbose: Whether to print the path and the endpoints.
            input_signature: None. Each endpoint has its own.
            endpoints: Names of endpoints, or one name; None for all. ONNX and LiteRT
                leave out those that they have no operators for, with a warning.
            **kwargs: For "onnx" `opset_version`, for "litert" attributes of
                `tf.lite.TFLiteConverter`, as in Keras.

        Raises:
            ValueError: For another format than the path's ending says, an input
                signature, an endpoint that the model does not have, a file with another
                ending, or a SavedModel's path with `*`, `?`, `[` or a backslash, from
                which TensorFlow could not load.
            TypeError: For further arguments, or a `filepath` that is no path.
            FileExistsError: If something is there already.
            ImportError: If `tf2onnx` is not installed, for "onnx".
        """
        writers = {
            "tf_saved_model": saved_model.export,
            "onnx": formats.onnx,
            "litert": formats.litert,
        }
        checks.choice("format", format, tuple(writers))
        endings = {".onnx": "onnx", ".tflite": "litert"}
        meant = endings.get(os.path.splitext(str(filepath))[1], format)
        if format == "tf_saved_model" and meant != format:
            raise ValueError(
                "Expected a folder for format='tf_saved_model'; received: the file "
                f"{str(filepath)!r}. Give format={meant!r}"
            )
        if input_signature is not None:
            raise ValueError(
                "Expected input_signature=None, as each endpoint has its own; "
                f"received: {input_signature!r}"
            )
        known = {"tf_saved_model": (), "onnx": ("opset_version",)}
        if set(kwargs) - set(known.get(format, kwargs)):
            raise TypeError(
                "Expected only the arguments filepath, format, verbose and endpoints "
                f"of export; received: {', '.join(kwargs)}"
            )
        names = saved_model.chosen(self, endpoints)
        if not workers.is_first(self.distribute_strategy):
            return
        done = writers[format](self, filepath, names, **kwargs)
        if verbose:
            print(f"Saved in {filepath}: {', '.join(done)}")
