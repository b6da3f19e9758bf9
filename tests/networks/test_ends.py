"""A law is said once, at a network's end, and what belongs to it is found there."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import keras_svae as ks
from keras_svae.game.checks import batch_norms
from keras_svae.networks.backwards import all_layers
from keras_svae.networks.ends import last_activation, law_of

LAW = ks.distributions.Laplace(0.5, activation="tanh", draw="mean")
layers = keras.layers


def network(*rest, inputs=2):
    x = h = keras.Input((inputs,))
    for layer in rest:
        h = layer(h)
    return keras.Model(x, h)


BUILDERS = {
    "toy": ((2,), {"units": 4}),
    "digits": ((8, 8, 1), {"units": 4}),
    "mnist_dense": ((28, 28, 1), {"units": 4}),
    "mnist": ((28, 28, 1), {"width": 0.05}),
    "cifar10": ((32, 32, 3), {}),
    "celeba": ((64, 64, 3), {}),
    "aim_mnist": ((28, 28, 1), {"width": 0.02}),
    "aim_images": ((64, 64, 3), {"width": 0.01}),
    "dcgan": ((64, 64, 3), {"width": 0.01}),
    "resnet_mnist": ((28, 28, 1), {"width": 0.05}),
}


@pytest.mark.parametrize("name", BUILDERS)
def test_networks_of_the_package_say_their_laws(name):
    shape, small = BUILDERS[name]
    nets = getattr(ks.networks, name)(
        latent_dim=2, posterior="laplace", likelihood=LAW, **small
    )
    assert law_of(nets.decoder) is LAW
    assert type(law_of(nets.encoder)) is ks.distributions.Laplace
    assert law_of(nets.critic) is None
    assert nets.decoder.output_shape[1:] == shape
    again = keras.Model.from_config(nets.decoder.get_config())
    assert law_of(again).get_config() == LAW.get_config()


def test_a_model_reads_what_the_networks_say():
    model = ks.SVAE(*ks.networks.toy(posterior="laplace"), lam=0.1)
    assert type(model.likelihood_law) is ks.distributions.Gaussian
    assert type(model.posterior_law) is ks.distributions.Laplace
    model.check_data(np.full((3, 2), 5.0, "float32"))  # points lie anywhere


def test_it_is_saved_with_the_network(tmp_path):
    nets = ks.networks.toy(units=4, likelihood=LAW, joint=False)
    ks.GAN(nets.decoder, nets.critic).save(tmp_path / "gan.keras")
    again = keras.saving.load_model(tmp_path / "gan.keras")
    assert again.likelihood_law.get_config() == LAW.get_config()


def test_two_that_differ_are_refused():
    nets = ks.networks.toy(units=4, likelihood=LAW)
    with pytest.raises(ValueError, match="the decoder already has.*Laplace.*Gaussian"):
        ks.SVAE(*nets, likelihood="gaussian")
    with pytest.raises(ValueError, match="the encoder already has"):
        ks.SVAE(*nets, posterior="laplace")
    same = ks.distributions.Laplace(0.5, activation="tanh", draw="mean")
    assert ks.SVAE(*nets, likelihood=same, posterior="gaussian").lam == 0


def test_networks_that_say_nothing_have_an_argument_or_the_class_s_law():
    nets = [network(layers.Dense(4)), network(layers.Dense(2))]
    critic = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    model = ks.VAE(*nets)
    assert type(model.likelihood_law) is ks.distributions.Bernoulli
    assert model.get_config()["likelihood"]["class_name"] == "Bernoulli"
    aae = ks.AdversarialAutoencoder(network(layers.Dense(2)), nets[1], critic)
    assert not aae.posterior_law.explicit
    given = ks.VAE(*nets, likelihood=LAW)
    assert given.likelihood_law is LAW


def test_a_method_s_own_law_wins():
    nets = ks.networks.digits(latent_dim=2, units=4, likelihood="gaussian")
    model = ks.TwoStageVAE(*nets[:2], *ks.networks.second_stage(2, units=4))
    assert type(model.likelihood_law).__name__ == "SharedScale"


def nested():
    inner = keras.Sequential([keras.Input((2,)), layers.Dense(4, "sigmoid")])
    return network(inner, layers.Reshape((2, 2)))


class Composite(layers.Layer):
    """A user's layer that ends in another one."""

    def __init__(self, activation, then=lambda x: x):
        super().__init__()
        self.activation = layers.ReLU()  # a hidden one
        self.parts = [layers.Dense(3), layers.Dense(4)]
        self.last, self.then = layers.Activation(activation), then

    def call(self, x, training=False):
        return self.then(self.last(self.parts[1](self.activation(self.parts[0](x)))))


class Shape(layers.Layer):
    """A user's layer that changes the shape alone."""

    def call(self, x):
        return keras.ops.reshape(x, (-1, 2, 2))


class Moments(layers.Layer):
    """A user's layer with two outputs."""

    def __init__(self):
        super().__init__()
        self.mean, self.variance = layers.Dense(2), layers.Dense(2, "softplus")

    def call(self, x):
        return self.mean(x), self.variance(x)


class Optional(layers.Layer):
    """A user's layer whose end depends on an argument; it counts its calls."""

    def __init__(self):
        super().__init__()
        self.noise = keras.random.SeedGenerator(0)
        self.calls = self.add_weight(shape=(), trainable=False, initializer="zeros")

    def call(self, x, activate=True):
        self.calls.assign_add(1.0)
        x = x + keras.random.normal((2,), seed=self.noise)
        return keras.ops.sigmoid(x) if activate else x


def with_moments(nested):
    """A network whose output is one of two that a part of it has."""
    x = keras.Input((3,))
    part = Moments()
    if nested:
        h = keras.Input((4,))
        part = keras.Model(h, part(h))
    mean, _ = part(layers.Dense(4, "relu")(x))
    return keras.Model(x, mean)


def with_argument(activate):
    x = keras.Input((2,))
    return keras.Model(x, Optional()(x, activate=activate))


class InTensorFlow(layers.Layer):
    def call(self, x):
        return tf.sigmoid(x)


class Subclass(keras.Model):
    """A user's network, whose last attribute is not what it ends in."""

    def __init__(self, activation):
        super().__init__()
        self.last, self.first = Composite(activation), layers.Dense(3, "relu")

    def call(self, x):
        return self.last(self.first(x))


def operations(*rest):
    return network(layers.Dense(4), *rest)


def after_sigmoid(*rest, shape=(4, 4, 1)):
    return network(layers.Dense(16, "sigmoid"), layers.Reshape(shape), *rest)


def two(one, other, merge):
    """A network that ends in two heads put together."""
    x = keras.Input((2,))
    return keras.Model(x, merge([layers.Dense(4, end)(x) for end in (one, other)]))


def recurrent(layer):
    return keras.Sequential([keras.Input((4, 2)), layer])


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


ENDS = {
    "two heads": (lambda: two("sigmoid", "sigmoid", layers.Concatenate()), "sigmoid"),
    "their mean": (lambda: two("tanh", "tanh", layers.Average()), "tanh"),
    "two that differ": (
        lambda: two("sigmoid", "tanh", keras.ops.concatenate),
        "sigmoid and tanh",
    ),
    "one of two heads": (lambda: two("sigmoid", None, layers.Concatenate()), None),
    "their sum": (lambda: two("sigmoid", "sigmoid", layers.Add()), None),
    "for each time": (
        lambda: recurrent(layers.TimeDistributed(layers.Dense(3, "sigmoid"))),
        "sigmoid",
    ),
    "for each time, linear": (
        lambda: recurrent(layers.TimeDistributed(layers.Dense(3))),
        None,
    ),
    "for each time, a network": (
        lambda: recurrent(layers.TimeDistributed(nested())),
        "sigmoid",
    ),
    "a shape for each time": (
        lambda: keras.Sequential(
            [
                keras.Input((4, 2)),
                layers.Dense(4, "tanh"),
                layers.TimeDistributed(layers.Reshape((2, 2))),
            ]
        ),
        "tanh",
    ),
    "spectral norm": (
        lambda: network(layers.SpectralNormalization(layers.Dense(3, "sigmoid"))),
        "sigmoid",
    ),
    "LSTM": (lambda: recurrent(layers.LSTM(3)), "tanh"),
    "Bidirectional": (lambda: recurrent(layers.Bidirectional(layers.LSTM(3))), "tanh"),
    "Bidirectional, linear": (
        lambda: recurrent(layers.Bidirectional(layers.LSTM(3, activation=None))),
        None,
    ),
    "Bidirectional, a sum": (
        lambda: recurrent(layers.Bidirectional(layers.GRU(3), merge_mode="sum")),
        None,
    ),
    "RNN": (lambda: recurrent(layers.RNN(layers.LSTMCell(3))), "tanh"),
    "RNN of several cells": (
        lambda: recurrent(layers.RNN([layers.GRUCell(3), layers.SimpleRNNCell(2)])),
        "tanh",
    ),
    "not below a number": (
        lambda: operations(lambda x: keras.ops.maximum(x, 0.0)),
        "maximum",
    ),
    "the larger of two": (lambda: two("relu", None, layers.Maximum()), None),
    # It may have any value that the user wants: a logit in [-30, 30].
    "bounded by the user": (
        lambda: operations(lambda x: 30 * keras.ops.tanh(x / 30)),
        None,
    ),
    "learned after it": (
        lambda: network(layers.Dense(4, "sigmoid"), layers.BatchNormalization()),
        None,
    ),
    "keras.ops.clip": (
        lambda: operations(lambda x: keras.ops.clip(x, 0.0, 1.0)),
        "clip",
    ),
    "keras.activations": (lambda: operations(keras.activations.sigmoid), "sigmoid"),
    "keras.ops": (lambda: operations(keras.ops.sigmoid), "sigmoid"),
    "relu of both": (
        lambda: operations(keras.activations.relu, keras.ops.relu),
        "relu",
    ),
    "an exponential": (lambda: operations(keras.ops.exp), "exponential"),
    "a name of two words": (
        lambda: operations(keras.activations.hard_sigmoid),
        "hard_sigmoid",
    ),
    "operation then shape": (
        lambda: operations(keras.ops.tanh, layers.Reshape((2, 2))),
        "tanh",
    ),
    "operation then operation": (
        lambda: operations(keras.ops.softmax, keras.ops.squeeze, layers.Flatten()),
        "softmax",
    ),
    "operation in a network": (
        lambda: network(operations(keras.ops.sigmoid), layers.Reshape((2, 2))),
        "sigmoid",
    ),
    "operation before a network": (
        lambda: operations(
            keras.ops.sigmoid, network(layers.Reshape((2, 2)), inputs=4)
        ),
        "sigmoid",
    ),
    "operation in a lambda": (
        lambda: operations(layers.Lambda(lambda x: keras.ops.sigmoid(x))),
        "sigmoid",
    ),
    "an operation that is linear": (
        lambda: operations(lambda x: 2 * keras.ops.sigmoid(x) - 1),
        None,
    ),
    "composite": (lambda: network(Composite("sigmoid")), "sigmoid"),
    "composite, linear": (lambda: network(Composite("linear")), None),
    "composite with an operation": (
        lambda: network(Composite("linear", keras.ops.tanh), layers.Reshape((2, 2))),
        "tanh",
    ),
    "composite of a shape": (
        lambda: operations(keras.ops.tanh, Shape()),
        "tanh",
    ),
    "composite in a sequence": (
        lambda: keras.Sequential([keras.Input((2,)), Composite("tanh")]),
        "tanh",
    ),
    "subclass": (lambda: network(Subclass("sigmoid")), "sigmoid"),
    "subclass, linear": (lambda: network(Subclass("linear")), None),
    "linear": (lambda: network(layers.Dense(4)), None),
    "activation of a layer": (lambda: network(layers.Dense(4, "sigmoid")), "sigmoid"),
    "activation then shape": (
        lambda: network(layers.Dense(4, "tanh"), layers.Reshape((2, 2))),
        "tanh",
    ),
    "a layer of its own": (
        lambda: network(layers.Dense(4), layers.Activation("sigmoid")),
        "sigmoid",
    ),
    "softmax": (lambda: network(layers.Dense(4), layers.Softmax()), "Softmax"),
    "nested": (nested, "sigmoid"),
    "sequential": (
        lambda: keras.Sequential([keras.Input((2,)), layers.Dense(1, "relu")]),
        "relu",
    ),
    "behind the law": (
        lambda: network(layers.Dense(4, "tanh"), ks.networks.RawOutput(LAW)),
        "tanh",
    ),
    "one of two outputs": (lambda: with_moments(nested=False), None),
    "one of a network's two": (lambda: with_moments(nested=True), None),
    "by default": (lambda: network(Optional()), "sigmoid"),
    # How it is called decides, which is not followed.
    "not by argument": (lambda: with_argument(False), None),
    "a hidden one": (lambda: network(layers.Dense(4, "tanh"), layers.Dense(2)), None),
}


@pytest.mark.parametrize("name", ENDS)
def test_activations_at_the_end_are_found(name):
    make, expected = ENDS[name]
    assert last_activation(make()) == expected


def test_looking_at_an_end_changes_nothing():
    made = network(layers.Dense(3), Composite("sigmoid"))
    made.compile("adam", lambda y, x: x)
    parts = [one.name for one in (*made.operations, *all_layers(made), *made.weights)]
    before, x = layers.Dense(1).name, np.ones((3, 2), "f")
    assert before.startswith("dense_")
    y = made(x)
    assert last_activation(made) == last_activation(made) == "sigmoid"
    after = [one.name for one in (*made.operations, *all_layers(made), *made.weights)]
    assert after == parts
    np.testing.assert_array_equal(made(x), y)
    # Keras names the next layer as if nothing had been looked at.
    assert layers.Dense(1).name == f"dense_{int(before[6:]) + 1}"


def test_looking_does_not_advance_what_a_layer_counts_or_draws():
    layer = Optional()
    made = network(layer)
    calls, state = float(layer.calls.value), layer.noise.state.value.numpy()
    assert last_activation(made) == "sigmoid"
    assert float(layer.calls.value) == calls
    np.testing.assert_array_equal(layer.noise.state.value, state)


class Head(layers.Layer):
    """It has an activation for what is within, and a linear end."""

    def __init__(self, end=None):
        super().__init__()
        self.activation = keras.activations.get("relu")
        self.hidden, self.out = layers.Dense(8), layers.Dense(4, end)

    def call(self, x):
        several = isinstance(x, (list, tuple))
        first = tf.sin(x[0] if several else x)
        h = self.activation(self.hidden(first))
        return self.out(tf.concat([h, x[1]], -1) if several else h)


class Named(layers.Dense):
    """Keras's call, in a class of one's own."""


def test_an_activation_within_an_own_layer_is_not_its_end():
    x = keras.Input((4,))
    ends = [Head()(x), Head()([layers.Dense(8)(x), x])]
    assert [last_activation(keras.Model(x, one)) for one in ends] == [None, None]
    ks.VAE(keras.Model(x, Head()(x)), network(layers.Dense(4)), likelihood="gaussian")
    assert last_activation(keras.Model(x, Named(4, "tanh")(x))) == "tanh"


def test_what_keras_cannot_follow_is_not_known():
    assert last_activation(operations(InTensorFlow())) is None
    assert last_activation(operations(layers.Lambda(lambda x: tf.tanh(x)))) is None


def test_a_law_is_found_before_an_operation_that_changes_the_shape():
    made = operations(ks.networks.RawOutput(LAW), Shape().call)
    assert law_of(made) is LAW
    again = keras.Model.from_config(made.get_config())
    assert law_of(again).get_config() == LAW.get_config()


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


def test_a_bound_that_is_infinite_is_refused():
    nets = ks.networks.digits(latent_dim=2, units=4)
    with pytest.raises(ValueError, match='prior="normal".*minus infinity'):
        ks.VAE(*nets[:2], prior="uniform")
    inside = ks.distributions.Gaussian(1.0, activation="tanh", draw="mean")
    nets = ks.networks.digits(latent_dim=2, units=4, posterior=inside)
    bound = ks.VAE(*nets[:2], prior="uniform").bound(np.full((3, 8, 8, 1), 0.5, "f"))
    assert np.isfinite(bound).all()


def test_an_infinite_divergence_of_joint_laws_is_refused():
    nets = ks.networks.toy(latent_dim=2, units=4, posterior="gaussian")
    of_z = keras.models.clone_model(nets.critic)
    for model in (ks.SVAE, lambda *nets, **laws: ks.ASVAE(*nets, of_z, **laws)):
        with pytest.raises(ValueError, match='prior="normal".*minus infinity'):
            model(*nets, prior="uniform")
    # ALI's divergence is finite, but no bound is.
    model = ks.ALI(*nets, prior="uniform")
    x = np.zeros((6, 2), "f")
    report = ks.evaluation.evaluate(model, x, verbose=False)
    assert "variational_bound" not in report
    assert "minus infinity" in report.left_out["variational_bound"]
    assert "mse" in report


def test_codes_outside_of_ones_own_prior_are_refused():
    class Boxed(ks.VAE):
        @property
        def prior(self):
            low, high = self.box
            law = tfp.distributions.Uniform([low] * 2, [high] * 2)
            return tfp.distributions.Independent(law, 1)

    nets = ks.networks.digits(latent_dim=2, units=4)[:2]
    with pytest.raises(ValueError, match="Expected the prior of Boxed.*minus infinity"):
        type("Boxed", (Boxed,), {"box": (0.0, 1.0)})(*nets)
    assert type("Wide", (Boxed,), {"box": (-50.0, 50.0)})(*nets).built


class Beta(D.Law):
    """A law whose draws lie in (0, 1)."""

    parameters = 2
    support: tuple = (0, 1)

    def distribution(self, raw):
        a, b = tf.split(tf.nn.softplus(raw) + 0.1, 2, -1)
        return tfp.distributions.Beta(a, b)


def test_a_law_says_where_its_draws_lie():
    nets = network(layers.Dense(4), inputs=3), network(layers.Dense(3))
    law = {"likelihood": "gaussian", "prior": "uniform"}
    model = ks.VAE(*nets, posterior=Beta(), **law)
    assert np.isfinite(model.bound(np.ones((4, 3), "f"))).all()
    for wide in ((0, 2), (-np.inf, 0), None):
        law["posterior"] = type("Wide", (Beta,), {"support": wide})()
        with pytest.raises(ValueError, match='prior="normal".*support ='):
            ks.VAE(*nets, **law)
    law["posterior"] = type("Wrong", (Beta,), {"support": (1, 0)})()
    with pytest.raises(ValueError, match="support of a posterior as two numbers"):
        ks.VAE(*nets, **law)


def test_what_is_no_law_is_refused():
    with pytest.raises(ValueError, match="Expected law to be.*received: 'gaussian'"):
        ks.networks.RawOutput("gaussian")


class Block(layers.Layer):
    """A user's layer that is made of others."""

    def __init__(self):
        super().__init__()
        self.first = layers.Dense(2)
        self.others = [layers.BatchNormalization(), {"end": [layers.ReLU()]}]
        self.again = self.first

    def build(self, shape):
        for layer in (self.first, self.others[0]):
            layer.build(shape)

    def call(self, x, training=False):
        return self.others[1]["end"][0](
            self.others[0](self.first(x), training=training)
        )


def test_layers_are_found_wherever_they_stand():
    block, last = Block(), layers.Dense(1)
    inner = keras.Sequential([block, last])
    found = [*all_layers(network(inner))]
    kinds = sorted(type(one).__name__ for one in found)
    assert kinds == sorted(
        "InputLayer Sequential Block Dense BatchNormalization ReLU Dense".split()
    )
    norms = batch_norms({"critic": network(inner)})
    assert norms == [block.others[0]]
