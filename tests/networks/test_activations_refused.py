"""Activations before layers that keep their range, and where models refuse them."""

import keras
import pytest

import keras_svae as ks
from keras_svae.networks.ends import last_activation
from tests.networks.conftest import network

layers = keras.layers


def after_sigmoid(*rest, shape=(4, 4, 1)):
    return network(layers.Dense(16, "sigmoid"), layers.Reshape(shape), *rest)


# What values pass, or are chosen, copied, padded or averaged by, when a model is used.
AFTER = {
    "Cropping2D": lambda: layers.Cropping2D(1),
    "ZeroPadding2D": lambda: layers.ZeroPadding2D(),
    "UpSampling2D": lambda: layers.UpSampling2D(),
    "the package's UpSampling2D": lambda: ks.networks.layers.UpSampling2D(),
    "Resizing": lambda: layers.Resizing(2, 2),
    "CenterCrop": lambda: layers.CenterCrop(2, 2),
    "AveragePooling2D": lambda: layers.AveragePooling2D(2),
    "GlobalMaxPooling2D": lambda: layers.GlobalMaxPooling2D(),
    "Dropout": lambda: layers.Dropout(0.1),
    "the package's Dropout": lambda: ks.networks.layers.Dropout(0.1),
    "SpatialDropout2D": lambda: layers.SpatialDropout2D(0.1),
    "GaussianNoise": lambda: layers.GaussianNoise(0.1),
    "ActivityRegularization": lambda: layers.ActivityRegularization(0.1),
    "Masking": lambda: layers.Masking(),
    "linear Activation": lambda: layers.Activation("linear"),
    "RepeatVector": lambda: keras.Sequential(
        [layers.Flatten(), layers.RepeatVector(2)]
    ),
    "a part": lambda: lambda x: x[:, :2],
    "keras.ops.pad": lambda: lambda x: keras.ops.pad(x, [[0, 0]] + 3 * [[1, 1]]),
    "keras.ops.split": lambda: lambda x: keras.ops.split(x, 2, axis=1)[1],
    "keras.ops.mean": lambda: lambda x: keras.ops.mean(x, axis=1),
    "keras.ops.stack": lambda: lambda x: keras.ops.stack([x, x], axis=1),
    "several": lambda: keras.Sequential([layers.Dropout(0.1), layers.Cropping2D(1)]),
}


@pytest.mark.parametrize("name", AFTER)
def test_what_keeps_the_range_of_an_activation_hides_none(name):
    assert last_activation(after_sigmoid(AFTER[name]())) == "sigmoid"
    linear = network(layers.Dense(16), layers.Reshape((4, 4, 1)), AFTER[name]())
    assert last_activation(linear) is None


@pytest.mark.parametrize(
    "layer",
    [
        lambda: layers.UpSampling2D(2, interpolation="bicubic"),
        lambda: layers.Resizing(8, 8, interpolation="lanczos3"),
        lambda: lambda x: keras.ops.image.resize(x, (8, 8), interpolation="bicubic"),
    ],
)
def test_ways_to_resize_that_overshoot_end_in_no_activation(layer):
    found = after_sigmoid(layer())
    assert last_activation(found) is None


def test_they_are_refused_where_something_else_applies_them():
    nets = ks.networks.digits(latent_dim=2, units=4, joint=False)
    squashed = network(layers.Dense(64, "sigmoid"), layers.Reshape((8, 8, 1)))
    with pytest.raises(ValueError, match="decoder to end in a linear.*'sigmoid'"):
        ks.GAN(squashed, nets.critic)
    squashed = network(layers.Dense(64), keras.ops.sigmoid, layers.Reshape((8, 8, 1)))
    with pytest.raises(ValueError, match="decoder to end in a linear.*'sigmoid'"):
        ks.GAN(squashed, nets.critic)
    x = keras.Input((8, 8, 1))
    probability = layers.Dense(1, "sigmoid")(layers.Flatten()(x))
    with pytest.raises(ValueError, match="critic to end in a linear.*a logit"):
        ks.GAN(nets.decoder, keras.Model(x, probability))


def test_they_are_refused_behind_a_layer_that_keeps_their_range():
    encoder = keras.Sequential([keras.Input((2, 2, 1)), layers.Flatten()])
    encoder.add(layers.Dense(4))
    with pytest.raises(ValueError, match="decoder to end in a linear.*'sigmoid'"):
        ks.VAE(encoder, after_sigmoid(layers.Cropping2D(1)))
    encoder = network(layers.Dense(4, "relu"), layers.Dropout(0.1), inputs=3)
    with pytest.raises(ValueError, match="encoder to end in a linear.*'relu'"):
        ks.VAE(encoder, network(layers.Dense(3)), likelihood="gaussian")


D = ks.distributions
LEARN_MORE = {
    "decoder": {
        "scale": (D.Gaussian("learned"), 6),
        "Laplace": (D.Laplace("learned"), 6),
        "flow": (D.PlanarLikelihood(1), 15),
    },
    "encoder": {
        "default": (None, 4),
        "flow": (D.PlanarFlow(1), 9),
        "category": (D.PartialCode(2, 0, 2), 2),
        "inferred": (D.PartialCode(2, 1), 2),
    },
}


@pytest.mark.parametrize("end", ["sigmoid", "relu", "softmax"])
@pytest.mark.parametrize(
    ("role", "case"), [(role, case) for role in LEARN_MORE for case in LEARN_MORE[role]]
)
def test_they_are_refused_where_a_law_reads_more_than_a_location(role, case, end):
    """A scale after a sigmoid could not be below 1."""
    law, outputs = LEARN_MORE[role][case]
    nets = {
        "encoder": network(layers.Dense(4), inputs=3),
        "decoder": network(layers.Dense(3)),
        role: network(
            layers.Dense(outputs, end), inputs={"encoder": 3, "decoder": 2}[role]
        ),
    }
    laws = {"likelihood": "gaussian"}
    laws["likelihood" if role == "decoder" else "posterior"] = law
    with pytest.raises(ValueError, match=f"Expected the {role} to end.*'{end}'"):
        ks.VAE(**nets, **laws)


def test_a_location_of_a_fixed_scale_may_end_in_one():
    encoder, decoder = (
        network(layers.Dense(2, "tanh"), inputs=3),
        network(layers.Dense(3, "sigmoid")),
    )
    fixed = D.Gaussian(0.5)
    assert ks.VAE(encoder, decoder, likelihood=fixed, posterior=fixed).built
