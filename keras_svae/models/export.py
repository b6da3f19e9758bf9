"""SavedModels: what a trained model offers where this package is not installed."""

import inspect

import keras
import tensorflow as tf

from keras_svae.models import checks

SEED = tf.TensorSpec([], tf.int32, name="seed")


def export(model, filepath) -> None:
    """Writes a SavedModel with the endpoints the model names.

    Args:
        model: A model whose `endpoints()` gives, by name, a function of named tensors
            that returns a dictionary of tensors, and the names' `tf.TensorSpec`.
        filepath: A new or empty folder.

    Where an endpoint takes a `seed`, it is int32. A negative one, which a model's own
    methods refuse, is one more seed there: its draws are those of no seed >= 0.

    Raises:
        FileExistsError: If the folder holds something.
    """
    path = checks.new_folder(filepath)
    archive = keras.export.ExportArchive()
    archive.track(model)
    for name, (function, signature) in model.endpoints().items():
        expected = list(inspect.signature(function).parameters)
        assert expected == [spec.name for spec in signature], name
        archive.add_endpoint(name, function, input_signature=list(signature))
    archive.write_out(str(path), verbose=False)
