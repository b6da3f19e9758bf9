"""A tiny backbone, and in NumPy what it computes."""

import keras
import numpy as np

from keras_svae.evaluation import Backbone

SHAPE, DIM, CLASSES = (4, 4, 1), 3, 5
_RNG = np.random.default_rng(1)
_FEATURES = _RNG.normal(size=(16, DIM)).astype("float32")
_LOGITS = 2 * _RNG.normal(size=(DIM, CLASSES)).astype("float32")


def images(n, seed=0, shape=SHAPE):
    """Images in [0, 1]."""
    return np.random.default_rng(seed).random((n, *shape), np.float32)


def features(x):
    """For x in [0, 1]: the network wants [-1, 1]."""
    return np.tanh((2 * x - 1).reshape(len(x), -1) @ _FEATURES)


def logits(x):
    return features(x) @ _LOGITS


def model():
    x = keras.Input(SHAPE)
    seen = keras.layers.Dense(DIM, use_bias=False, activation="tanh", name="seen")
    out = keras.layers.Dense(CLASSES, use_bias=False)
    net = keras.Model(x, out(seen(keras.layers.Flatten()(x))))
    net.set_weights([_FEATURES, _LOGITS])
    return net


def backbone(**options):
    options = {
        "features": "seen",
        "outputs": "logits",
        "value_range": (-1, 1),
        "accuracy": 0.75,
        **options,
    }
    return Backbone(model(), "tiny net", **options)
