"""A network in one line, to hold beside a paper's table; and of layers in a row."""

import keras
import pytest

import keras_svae as ks

L = keras.layers
LAW = ks.distributions.Laplace(0.5, activation="tanh", draw="mean")


@pytest.fixture
def outline():
    """Layers in order, as "conv5 16 /2 | relu | bn | flatten | dense 10"."""

    def line(model):
        return " | ".join(filter(None, map(describe, model.layers)))

    return line


def describe(layer):
    if isinstance(layer, L.Conv2DTranspose):  # before Conv2D, its parent
        return f"deconv{layer.kernel_size[0]} {layer.filters} /{layer.strides[0]}"
    if isinstance(layer, L.Conv2D):
        return f"conv{layer.kernel_size[0]} {layer.filters} /{layer.strides[0]}"
    if isinstance(layer, L.Dense):
        assert layer.activation is keras.activations.linear
        return f"dense {layer.units}"
    if isinstance(layer, L.Activation):
        return layer.activation.__name__
    if isinstance(layer, L.BatchNormalization):
        return "bn"
    if isinstance(layer, (L.InputLayer, ks.networks.RawOutput)):
        return ""
    return {
        "AppendNoise": "noise",
        "Concatenate": "concat",
        "Dropout": "dropout",
        "Flatten": "flatten",
        "GlobalAveragePooling2D": "mean",
        "Reshape": "reshape",
    }[type(layer).__name__]


def network(*rest, inputs=2):
    """These layers, one after another."""
    x = h = keras.Input((inputs,))
    for layer in rest:
        h = layer(h)
    return keras.Model(x, h)
