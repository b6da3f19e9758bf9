"""What players may be, and what they update."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import keras_svae as ks
from tests.models import tiny

LAW = {"likelihood": "gaussian"}


def networks():
    return (
        tiny.dense([tiny.DATA], 2 * tiny.CODE, "encoder"),
        tiny.dense([tiny.CODE], tiny.DATA, "decoder"),
    )


@keras.saving.register_keras_serializable(package="tests")
class OwnPrior(ks.VAE):
    """A VAE whose prior has a location that is learned: a single weight."""

    players = {"autoencoder": ks.Player("encoder decoder loc")}

    def __init__(self, encoder, decoder, **kwargs):
        super().__init__(encoder, decoder, **kwargs)
        self.loc = self.add_weight(
            shape=(self.latent_dim,),
            initializer="ones",
            name="loc",
            regularizer=keras.regularizers.L2(0.5),
        )

    @property
    def prior(self):
        law = tfp.distributions.MultivariateNormalDiag
        return law(self.loc.value, tf.ones([self.latent_dim]))


class Forgotten(OwnPrior):
    players = ks.VAE.players


class OwnLayer(ks.VAE):
    """A layer beside the networks; `build` says whether it has its weights."""

    players = {"autoencoder": ks.Player("encoder decoder own")}

    def __init__(self, encoder, decoder, build, **kwargs):
        super().__init__(encoder, decoder, **kwargs)
        self.own = keras.layers.Dense(1)
        if build:
            self.own.build((None, self.latent_dim))

    def autoencoder_loss(self, draw):
        return {"bound": -draw.log_p_x + draw.kl, "own": self.own(draw.z_q)[:, 0] ** 2}


@pytest.mark.parametrize("eager", [True, False])
def test_a_player_updates_a_single_weight(eager, tmp_path):
    model = OwnPrior(*networks(), **LAW)
    model.compile(optimizer=keras.optimizers.SGD(0.1), run_eagerly=eager)
    logs = model.train_on_batch(tiny.data(), return_dict=True)
    assert logs["autoencoder_regularization"] == pytest.approx(0.5 * tiny.CODE)
    assert np.abs(model.loc.numpy() - 1).min() > 1e-3
    model.summary(print_fn=(lines := []).append)
    assert any(f"loc {tiny.CODE}" in line for line in lines)
    model.save(tmp_path / "own.keras")
    again = keras.saving.load_model(tmp_path / "own.keras")
    np.testing.assert_array_equal(again.loc.numpy(), model.loc.numpy())
    report = OwnPrior(*networks(), **LAW).load_weights_from(model)
    assert set(report) == {"encoder", "decoder"} and "loc" in report.left_out


def test_a_weight_of_no_player_is_told():
    model = Forgotten(*networks(), **LAW)
    with pytest.warns(UserWarning, match="a player for each trainable.*none for .*loc"):
        model.compile(optimizer="sgd", run_eagerly=True)
    model.loc.trainable = False
    model.compile(optimizer="sgd", run_eagerly=True)  # here a warning is an error


def test_a_layer_has_its_weights_before_it_is_called():
    OwnLayer(*networks(), True, **LAW).compile(optimizer="sgd", run_eagerly=True)
    with pytest.raises(ValueError, match="weights before compile.*which a loss made"):
        OwnLayer(*networks(), False, **LAW).compile(optimizer="sgd", run_eagerly=True)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"networks": ["encoder"]}, "names of attributes"),
        ({"networks": "encoder, decoder"}, "names of attributes"),
        ({"networks": ""}, "names of attributes"),
        ({"networks": "encoder decoder encoder"}, "each of a player's networks once"),
        ({"networks": "encoder", "optimizer": None}, "argument of compile"),
        ({"networks": "encoder", "turns": 0}, "turns to be an integer >= 1"),
    ],
)
def test_a_player_that_names_nothing_is_refused(given, message):
    with pytest.raises(ValueError, match=f"Expected .*{message}.*received"):
        ks.Player(**given)


@pytest.mark.parametrize(
    ("players", "message"),
    [
        ([ks.Player("encoder")], "as a dictionary.*received"),
        ({"val": ks.Player("encoder")}, "another name.*val_loss is the loss of val"),
        ({"add": ks.Player("encoder")}, "another name.*add_loss is a method of Keras"),
        ({}, "a player in players of Wrong; received: none"),
        ({"autoencoder": "encoder"}, "keras_svae.Player.*received: 'autoencoder'"),
        ({"autoencoder": ks.Player("disc")}, "the attribute 'disc'.*received: none"),
        (
            {"autoencoder": ks.Player("latent_dim")},
            "to be a network, a la.*received: 2",
        ),
        ({"other": ks.Player("encoder")}, r"method other_loss\(draw\).*received: none"),
    ],
)
def test_a_model_has_what_its_players_name(players, message):
    wrong = type("Wrong", (ks.VAE,), {"players": players})
    with pytest.raises(ValueError, match=f"Expected .*{message}"):
        wrong(*networks(), **LAW)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        *[
            (name, "an argument of compile")
            for name in ("run_eagerly", "ema", "loss", "metrics", "optimizers", "self")
        ],
        *[(name, "an attribute of Wrong") for name in ("fit", "step", "losses")],
        *[
            (name, "an attribute of the model")
            for name in ("turns", "play", "seed", "name", "encoder", "latent_dim")
        ],
    ],
)
def test_an_optimizer_takes_the_place_of_nothing(name, why):
    """It becomes an attribute of the model."""
    players = {"autoencoder": ks.Player("encoder decoder", optimizer=name)}
    wrong = type("Wrong", (ks.VAE,), {"players": players})
    message = f"Expected another name .*autoencoder_optimizer; received: '{name}', .*"
    with pytest.raises(ValueError, match=f"{message}{why} already"):
        wrong(*networks(), **LAW)


class Named(ks.VAE):
    """Its own `compile` names the optimizer, and there is one before it."""

    players = {"autoencoder": ks.Player("encoder decoder", optimizer="main")}
    main = None

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.main = keras.optimizers.SGD(0.1)

    def compile(self, main=None, **kwargs):
        super().compile(main=main or self.main, **kwargs)


def test_a_method_s_own_compile_may_name_the_optimizer():
    model = Named(*networks(), **LAW)
    model.compile(run_eagerly=True)
    assert model.optimizers == {"main": model.main}


@pytest.mark.parametrize(
    ("reads", "message"), [("h", "'h'"), (["x"], r"reads=\['x'\]")]
)
def test_a_critic_reads_what_the_model_has(reads, message):
    with pytest.raises(ValueError, match=f"Expected .*received: {message}"):
        f = ks.models.Critic("critic", reads, above="p", below="q")
        cls = type("Wrong", (ks.VAE,), {"f": f})
        cls(*networks(), **LAW).f.use(tiny.dense([tiny.DATA], 1, "critic"))
