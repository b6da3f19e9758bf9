"""Laws, networks and variables that a model holds beside its players' networks."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from tests.game.test_checked_networks import Pairs, Subclassed
from tests.models import tiny


class Perceptual(ks.VAE):
    """A third network that no player updates."""

    def __init__(self, encoder, decoder, perceptual, **kwargs):
        super().__init__(encoder, decoder, **kwargs)
        self.perceptual = perceptual


@pytest.mark.parametrize("whole", [True, False])
def test_a_network_outside_the_players_shares_no_layer_with_theirs(whole):
    """Each argument is saved by itself: the file could not be loaded."""
    encoder = tiny.dense([tiny.DATA], 2 * tiny.CODE, "encoder")
    decoder = tiny.dense([tiny.CODE], tiny.DATA, "decoder")
    features = keras.Model(encoder.inputs, encoder.layers[1].output)
    with pytest.raises(ValueError, match="received: encoder and perceptual, which"):
        Perceptual(
            encoder, decoder, encoder if whole else features, likelihood="gaussian"
        )
    other = tiny.dense([tiny.DATA], 2, "other")
    assert Perceptual(encoder, decoder, other, likelihood="gaussian").built


class Scaled(ks.distributions.Gaussian):
    """With a scale of its own."""

    def __init__(self, held):
        super().__init__()
        self.held = held


@pytest.mark.parametrize(
    "held",
    [
        lambda: keras.Variable(0.0),
        lambda: tf.Variable(0.0),
        lambda: {"scales": [keras.Variable(0.0)]},
        lambda: keras.layers.PReLU(),
        lambda: Scaled(keras.Variable(0.0)),
    ],
)
@pytest.mark.parametrize("role", ["likelihood", "posterior"])
def test_a_law_with_variables_is_refused(role, held):
    held = held()
    if isinstance(held, keras.layers.Layer):
        held.build((None, 3))
    message = (
        f"Expected a {role} without variables.*received: Scaled with held.*learned"
    )
    with pytest.raises(ValueError, match=message):
        tiny.build("vae", **{role: Scaled(held)})


def test_a_law_of_constants_is_taken():
    for held in (0.5, tf.constant(0.5), [np.ones(3)], Scaled(1.0), None):
        assert tiny.build("vae", likelihood=Scaled(held)).likelihood_law.held is held


def test_networks_within_an_argument_share_no_layer_with_the_players():
    class Several(ks.VAE):
        def __init__(self, encoder, decoder, perceptual=(), **kwargs):
            super().__init__(encoder, decoder, **kwargs)
            self.perceptual = list(perceptual)

    encoder = tiny.dense([tiny.DATA], 2 * tiny.CODE, "encoder")
    decoder = tiny.dense([tiny.CODE], tiny.DATA, "decoder")
    features = keras.Model(encoder.inputs, encoder.layers[1].output)
    with pytest.raises(ValueError, match=r"encoder and perceptual\[0\], which"):
        Several(encoder, decoder, [features], likelihood="gaussian")


@pytest.mark.parametrize("found", [np.array([0.0, 1.0]), (None, 1.0), (1.0,), (1, 0)])
def test_a_law_s_range_is_two_numbers(found):
    class Mine(ks.distributions.Gaussian):
        range = found

    with pytest.raises(ValueError, match=r"Expected the range of a likelihood as two"):
        tiny.build("vae", likelihood=Mine())


def test_a_law_with_a_layer_that_is_not_built_is_refused():
    law = Scaled(keras.layers.Dense(4))
    with pytest.raises(ValueError, match="Expected a likelihood without variables"):
        tiny.build("vae", likelihood=law)


def test_a_variable_is_made_in_the_constructor():
    model = tiny.build("vae")
    with pytest.raises(
        AttributeError, match="Expected the variable beta to be made in"
    ):
        model.beta = keras.Variable(2.0)


@keras.saving.register_keras_serializable(package="tests")
class Teacher(keras.Model):
    """A network with a method of its own."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first, self.last = keras.layers.Dense(3), keras.layers.Dense(2)

    def embed(self, x):
        return self.first(x)

    def call(self, x):
        return self.last(self.embed(x))


@keras.saving.register_keras_serializable(package="tests")
class Distilled(ks.VAE):
    def __init__(self, net, decoder, teacher, **kwargs):
        super().__init__(net, decoder, **kwargs)
        self.teacher = teacher

    def autoencoder_loss(self, draw):
        off = self.teacher.embed(draw.x) - self.teacher.embed(draw.reconstruction)
        return {**super().autoencoder_loss(draw), "off": tf.reduce_sum(off**2, -1)}


def test_a_network_of_no_player_keeps_its_methods(tmp_path):
    teacher, decoder = Teacher(), Subclassed()
    x = tiny.data()
    teacher(x)
    decoder(np.zeros((1, tiny.CODE), "float32"))
    teacher.trainable = False
    encoder = tiny.dense([tiny.DATA], 2 * tiny.CODE, "encoder")
    model = Distilled(encoder, decoder, teacher, likelihood="gaussian", seed=1)
    assert model.teacher is teacher
    model.compile("sgd", run_eagerly=True)
    before = teacher.get_weights()
    model.train_on_batch(x)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    for a, b in zip(before, again.teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(model.generate(3), again.generate(3))
    given = {"verbose": 0, "return_dict": True}
    assert again.evaluate(x, **given) == pytest.approx(model.evaluate(x, **given))


def test_an_own_constructor_may_name_a_subclassed_network_as_it_likes():
    net, decoder = Teacher(), Subclassed()
    net.last = keras.layers.Dense(2 * tiny.CODE)
    net(tiny.data())
    decoder(np.zeros((1, tiny.CODE), "float32"))
    teacher = tiny.dense([tiny.DATA], 2, "teacher")
    model = Distilled(net, decoder, teacher, likelihood="gaussian")
    assert model.encoder.layers[-1] is net


class OwnCritic(ks.VAE):
    """The player's attribute has another name than the argument."""

    players = {**ks.VAE.players, "critic": ks.Player("critic", "critic_optimizer")}
    f = ks.game.Critic("critic", "x z")

    def __init__(self, encoder, decoder, judge, **kwargs):
        super().__init__(encoder, decoder, **kwargs)
        self.f.use(judge)

    def critic_loss(self, draw):
        return self.f.as_above(*draw.q)


def test_an_own_constructor_may_name_a_subclassed_critic_as_it_likes():
    critic = Pairs()
    critic([tiny.data(), np.zeros((len(tiny.data()), tiny.CODE), "float32")])
    nets = [
        tiny.dense([tiny.DATA], 2 * tiny.CODE, "encoder"),
        tiny.dense([tiny.CODE], tiny.DATA, "decoder"),
    ]
    model = OwnCritic(*nets, critic, likelihood="gaussian")
    assert model.critic.layers[-1] is critic
