"""Says at import, in one sentence, that Keras does not run on TensorFlow."""

import keras

__all__: list[str] = []

if keras.config.backend() != "tensorflow":
    raise ImportError(
        "Expected Keras to run on TensorFlow (KERAS_BACKEND=tensorflow, set before "
        f"keras is imported); received: the backend {keras.config.backend()!r}"
    )
