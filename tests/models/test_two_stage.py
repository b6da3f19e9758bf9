"""Two-stage VAE: bounds and gradients against NumPy, its generation, its stages."""

import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.noise import scope
from tests.models import baselines, tiny
from tests.models.tiny import CODE, DATA, dense, run, softplus

FIRST = ("encoder", "decoder", "gamma")
SECOND = ("second_encoder", "second_decoder", "second_gamma")


def make(**kwargs):
    nets = {
        "first_encoder": dense([DATA], 2 * CODE, "first_encoder"),
        "first_decoder": dense([CODE], DATA, "first_decoder"),
        "second_encoder": dense([CODE], 2 * 3, "second_encoder"),
        "second_decoder": dense([3], CODE, "second_decoder"),
    }
    return baselines.fix(ks.TwoStageVAE(**{**nets, "seed": 3, **kwargs}))


def posterior(w, x):
    mean, raw = np.split(run(w, x), 2, -1)
    return mean, 1e-3 + softplus(raw + np.log(np.e - 1))


def bound(x, raw, log_gamma, mean, scale, activation):
    """Minus a stage's bound: -log N(x; mu, gamma^2) + KL(q || N(0, I))."""
    gamma = np.exp(log_gamma)
    each = ((x - activation(raw)) / gamma) ** 2 / 2 + np.log(gamma)
    log_p = -(each + 0.5 * np.log(2 * np.pi)).sum(-1)
    kl = (0.5 * (mean**2 + scale**2 - 1) - np.log(scale)).sum(-1)
    return (kl - log_p).mean()


@pytest.mark.fixed_seed
def test_losses_and_gradients_match_numpy():
    model = make()
    w, x = baselines.weights(model, *FIRST, *SECOND), tiny.data().astype(float)
    draw = tiny.drawn(model)
    with scope(draw.noise):
        z, u = draw.z_q.numpy().astype(float), draw.second.z_q.numpy().astype(float)
    mean, scale = posterior(w["encoder"], x)
    eps = (z - mean) / scale
    mean, scale = posterior(w["second_encoder"], z)
    eps_of_u = (u - mean) / scale

    def first():
        mean, scale = posterior(w["encoder"], x)
        raw = run(w["decoder"], mean + scale * eps)
        sigmoid = lambda t: 1 / (1 + np.exp(-t))  # noqa: E731
        return bound(x, raw, w["gamma"][0], mean, scale, sigmoid)

    def second():
        """z is data to it."""
        mean, scale = posterior(w["second_encoder"], z)
        raw = run(w["second_decoder"], mean + scale * eps_of_u)
        return bound(z, raw, w["second_gamma"][0], mean, scale, lambda t: t)

    draw = tiny.check(model, "first", first, w)
    np.testing.assert_allclose(draw.log["gamma_x"], np.exp(w["gamma"][0]), rtol=1e-6)
    draw = tiny.check(model, "second", second, w)
    gamma = np.exp(w["second_gamma"][0])
    np.testing.assert_allclose(draw.log["gamma_z"], gamma, rtol=1e-6)


def test_the_second_stage_does_not_move_the_first():
    model = make()
    draw = tiny.drawn(model)
    with tf.GradientTape() as tape, scope(draw.noise):
        loss = sum(model.second_loss(draw).values()).mean()
    first = [v.value for name in FIRST for v in getattr(model, name).weights]
    assert tape.gradient(loss, first) == [None] * len(first)


def test_samples_come_through_both_stages():
    model = make()
    for variable in model.second_decoder.weights:
        variable.assign(tf.zeros_like(variable))
    model.second_decoder.weights[-1].assign([2.0, -1.0])
    model.second_gamma.log_gamma.assign(np.log(0.3))
    x, z = model.generate_pairs(4000, seed=1)
    np.testing.assert_allclose(np.mean(z, 0), [2, -1], atol=0.025)  # 5 errors
    np.testing.assert_allclose(np.std(z, 0), 0.3, atol=0.02)
    np.testing.assert_allclose(x, model.decode(z), rtol=1e-5, atol=1e-6)
    # u has a say, too.
    model.second_decoder.weights[-2].assign(np.ones((4, 2)))
    model.second_decoder.weights[0].assign(np.ones((3, 4)))
    _, z = model.generate_pairs(4000, seed=1)
    assert (np.std(z, 0) > 1).all()


@pytest.mark.parametrize(
    ("stage", "trained", "kept"), [("first", FIRST, SECOND), ("second", SECOND, FIRST)]
)
def test_a_stage_is_trained_by_itself(stage, trained, kept):
    model = baselines.compiled(make(), 0.01)
    model.stage = stage
    assert list(model.players) == [stage] and len(ks.TwoStageVAE.players) == 2
    with pytest.raises(ValueError, match="Expected a compiled model"):
        model.fit(tiny.data(), verbose=0)
    baselines.compiled(model, 0.01)
    before = baselines.weights(model, *FIRST, *SECOND)
    logs = model.train_on_batch(tiny.data(), return_dict=True)
    assert f"{stage}_loss" in logs and not {"first_loss", "second_loss"} <= set(logs)
    after = baselines.weights(model, *FIRST, *SECOND)
    for name in trained:
        pairs = zip(before[name], after[name], strict=True)
        assert max(np.abs(a - b).max() for a, b in pairs) > 0
    for name in kept:
        for a, b in zip(before[name], after[name], strict=True):
            np.testing.assert_array_equal(a, b)


def test_the_first_is_ready_while_the_second_is_trained():
    model = make()
    assert (model.draw(tiny.data(), ks.noise.Noise(0), True)).training
    model.stage = "second"
    draw = model.draw(tiny.data(), ks.noise.Noise(0), True)
    assert not draw.training and draw.second.training


def test_it_is_saved(tmp_path):
    model = make(activation="tanh")
    again = baselines.comes_back(model, tmp_path / "model.keras")
    assert again.stage == "both" and again.likelihood_law.range == (-1, 1)
    again.export(tmp_path / "saved")
    saved = tf.saved_model.load(tmp_path / "saved")
    x = saved.generate(tf.constant(3), tf.constant(5))["x"]
    np.testing.assert_allclose(x, again.generate(3, seed=5), rtol=1e-4, atol=1e-5)
    z = again.encode(tiny.data())
    log_p = saved.log_likelihood(tiny.data(), z, tf.constant(0))["log_likelihood"]
    expected = again.likelihood(z).log_prob(tiny.data())
    np.testing.assert_allclose(log_p, expected, rtol=1e-4)


def test_the_stage_is_saved_as_it_is_now():
    model = make(stage="first")
    assert type(model).from_config(model.get_config()).stage == "first"
    model.stage = "second"
    assert type(model).from_config(model.get_config()).stage == "second"
    with pytest.raises(ValueError, match="Expected stage"):
        model.stage = "third"
    assert model.get_config()["stage"] == model.stage == "second"


def test_networks_of_the_second_stage():
    encoder, decoder = ks.networks.second_stage(5, units=7, depth=2)
    assert encoder.output_shape == (None, 10) and decoder.output_shape == (None, 5)
    # A last layer reads 7 units and the input's 5.
    assert decoder.count_params() == 6 * 7 + 8 * 7 + 13 * 5
    for wrong in ({"units": 0}, {"depth": 0}, {"latent_dim": 0}):
        with pytest.raises(ValueError, match="Expected.*" + next(iter(wrong))):
            ks.networks.second_stage(**{"latent_dim": 5, **wrong})


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"stage": "third"}, r"stage to be one of \['both', 'first', 'second'\]"),
        (
            {"second_encoder": dense([CODE + 1], 6, "e")},
            r"second_encoder's input_shape \(2,\), codes of the first.*\(3,\)",
        ),
        (
            {"second_decoder": dense([3], CODE + 1, "d")},
            r"second_decoder's output_shape \(2,\), codes of the first.*\(3,\)",
        ),
        ({"second_decoder": "mlp"}, "second_decoder to be a built keras.Model"),
    ],
)
def test_arguments(kwargs, message):
    with pytest.raises(ValueError, match="Expected.*" + message):
        make(**kwargs)


def test_a_likelihood_beside_its_own_is_refused():
    nets = ks.networks.digits(latent_dim=2, units=4, depth=1, likelihood="gaussian")
    both = nets.encoder, nets.decoder, *ks.networks.second_stage(latent_dim=2)
    with pytest.raises(ValueError, match="Expected no likelihood of TwoStageVAE"):
        ks.TwoStageVAE(*both, likelihood="laplace")
