"""`repr` and `summary` say what a model is and what each player trains."""

import keras
import pytest

import keras_svae as ks
from keras_svae.game.game import Game
from tests.models import tiny


def lines(model, **given):
    found = []
    model.summary(print_fn=lambda text, **_: found.append(text), **given)
    return "\n".join(found)


def count(network):
    return f"{sum(one.numpy().size for one in network.trainable_variables):,}"


def test_repr_has_laws_shapes_players_and_state():
    nets = ks.networks.digits(latent_dim=3, units=8)
    model = ks.SVAE(*nets, name="mine")
    assert repr(model) == (
        "<SVAE mine: x (8, 8, 1), z (3,); p(x|z) Bernoulli, q(z|x) Gaussian, p(z) "
        "normal; players critic (critic), autoencoder (encoder decoder); not compiled>"
    )
    model.compile(optimizer="adam", critic_optimizer="adam")
    assert repr(model).endswith("compiled, step 0>")
    nets = ks.networks.digits(latent_dim=3, units=8, joint=False)
    gan = ks.WGANGP(nets.decoder, nets.critic)
    assert "critic (critic) 5 turns" in repr(gan) and "q(z|x)" not in repr(gan)


def test_summary_counts_what_each_player_trains():
    units = keras.layers.Dense(8)
    nets = ks.networks.digits(latent_dim=3, units=8)
    decoder = keras.Sequential(
        [
            keras.Input((3,)),
            units,
            keras.layers.Dense(64),
            keras.layers.Reshape((8, 8, 1)),
        ],
        name="my_decoder",
    )
    model = ks.SVAE(nets.encoder, decoder, nets.critic)
    before = lines(model)
    for network, called in (
        (nets.encoder, "encoder"),
        (decoder, "decoder [my_decoder]"),
        (nets.critic, "critic"),
    ):
        assert f"{called} {count(network)}" in before
    assert "Player critic trains" in before and "not compiled" in before
    model.compile(optimizer="adam", critic_optimizer=keras.optimizers.SGD(0.1))
    units.trainable = False
    after = lines(model)
    assert "Player critic (SGD) trains" in after
    assert f"decoder [my_decoder] {count(decoder)}" in after


def test_keras_s_arguments_are_honoured():
    nets = ks.networks.digits(latent_dim=3, units=8)
    model = ks.SVAE(*nets)
    layer = nets.encoder.layers[1].name
    assert layer not in lines(model)
    assert layer in lines(model, expand_nested=True)
    for length in (60, 120):
        width = max(map(len, lines(model, line_length=length).splitlines()))
        assert width <= length
    assert "Trainable" in lines(model, show_trainable=True, line_length=120)


def test_a_summary_is_printed(capsys):
    ks.SVAE(*ks.networks.digits(latent_dim=3, units=8)).summary()
    printed = capsys.readouterr().out
    assert printed.startswith("SVAE ") and "Player autoencoder trains" in printed


def test_a_model_that_is_not_built_has_a_repr():
    assert repr(Game.__new__(Game)) == "<Game, not built>"


@pytest.mark.parametrize("method", sorted({**tiny.METHODS, **tiny.UNIFYING}))
def test_every_method_has_both(method):
    model = tiny.build(method, compiled=False)
    text = lines(model)
    for name, player in model.players.items():
        assert f"{name} (" in repr(model)
        assert f"Player {name} trains" in text
        for role in player.networks.split():
            assert getattr(model, role) is None or role in text


def test_models_of_two_stages_and_of_two_domains():
    nets = ks.networks.digits(latent_dim=2, units=8, likelihood="gaussian")
    second = ks.networks.second_stage(latent_dim=2)
    model = ks.TwoStageVAE(nets.encoder, nets.decoder, *second)
    assert "second_encoder" in lines(model) and "players first" in repr(model)
    extractor = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    classifier = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    critic = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model = ks.AdversarialDomainAdaptation(extractor, classifier, critic)
    assert "extractor [sequential" in lines(model)
    assert repr(model).startswith("<AdversarialDomainAdaptation ")
