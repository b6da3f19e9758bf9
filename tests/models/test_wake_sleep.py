"""Wake-sleep, (14), against the same sums in NumPy, and at a known optimum."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from tests.models import baselines, tiny
from tests.models.tiny import run, softplus


def log_normal(z, raw):
    scale = 1e-3 + softplus(raw[:, 2:] + np.log(np.e - 1))
    squares = -0.5 * ((z - raw[:, :2]) / scale) ** 2
    return (squares - np.log(scale) - 0.5 * np.log(2 * np.pi)).sum(-1)


def test_both_phases_match_numpy():
    model = tiny.build("wake_sleep", compiled=False)
    draw = tiny.drawn(model)
    w, x, z = tiny.weights(model), tiny.data(), draw.z.numpy().astype(float)
    codes, samples = (one.numpy().astype(float) for one in (draw.z_q, draw.x_p))

    def wake():
        squares = 0.5 * (x - run(w["decoder"], codes)) ** 2 + 0.5 * np.log(2 * np.pi)
        return squares.sum(-1).mean()

    def sleep():
        return -log_normal(z, run(w["encoder"], samples)).mean()

    tiny.check(model, "decoder", wake, w)
    tiny.check(model, "encoder", sleep, w)
    assert list(model.players) == ["decoder", "encoder"]


def linear():
    """z ~ N(0, 1), x = 2 z + 1 + N(0, 1), and its true posterior."""
    law = ks.distributions.Gaussian()
    z = keras.Input((1,))
    decoder = keras.Model(z, keras.layers.Dense(1)(z))
    decoder.layers[-1].set_weights([np.array([[2.0]]), np.array([1.0])])
    x = keras.Input((1,))
    encoder = keras.Model(x, keras.layers.Dense(2)(x))
    # z|x is N(2 (x - 1) / 5, 1 / 5).
    raw = np.log(np.expm1(5**-0.5 - 1e-3)) - np.log(np.e - 1)
    kernel, bias = np.array([[0.4, 0.0]]), np.array([-0.4, raw])
    encoder.layers[-1].set_weights([kernel, bias])
    return ks.WakeSleep(encoder, decoder, likelihood=law, posterior="gaussian")


def test_the_true_laws_are_a_fixed_point():
    """Both gradients are zero there, and not where one of the laws is wrong."""
    model = linear()
    rng = np.random.default_rng(0)
    n = 40_000
    z = rng.normal(size=(n, 1))
    x = tf.constant((2 * z + 1 + rng.normal(size=(n, 1))).astype("float32"))

    def gradients():
        draw = model.draw(x, ks.noise.Noise(1), training=True)
        found = {}
        for player in ("decoder", "encoder"):
            weights = getattr(model, player).trainable_weights
            with tf.GradientTape() as tape:
                (term,) = getattr(model, f"{player}_loss")(
                    model.draw(x, draw.noise, True)
                ).values()
                loss = term.mean()
            parts = tape.gradient(loss, [one.value for one in weights])
            found[player] = np.concatenate([p.numpy().ravel() for p in parts])
        return found

    for player, found in gradients().items():
        # Each entry's deviation is at most about 10, so its standard error .05.
        assert np.abs(found).max() < 0.2, (player, found)
    right = model.get_weights()
    model.encoder.layers[-1].set_weights(
        [np.array([[0.8, 0.0]]), np.array([-0.8, 0.0])]
    )
    wrong = gradients()
    assert np.abs(wrong["decoder"]).max() > 0.5 and np.abs(wrong["encoder"]).max() > 1
    model.set_weights(right)
    model.decoder.layers[-1].set_weights([np.array([[1.0]]), np.array([1.0])])
    wrong = gradients()
    assert np.abs(wrong["decoder"]).max() > 0.5 and np.abs(wrong["encoder"]).max() > 0.5


def test_samples_of_the_sleep_phase_are_drawn():
    """A Bernoulli's are bits with the right frequencies, though its `draw` is mean."""
    model = tiny.build("wake_sleep", "bernoulli", compiled=False)
    z = tf.repeat(tiny.drawn(model).z[:1], 4000, 0)
    draw = tiny.drawn(model, z=z)
    x = draw.x_p.numpy()
    assert x.shape == (4000, tiny.DATA) and set(x.ravel()) == {0.0, 1.0}
    p = model.decode(z[:1]).numpy()
    error = np.sqrt(p * (1 - p) / 4000)
    assert (np.abs(x.mean(0) - p) < 4 * error).all()
    tiny.played(model, "encoder", tiny.drawn(model))


def test_it_learns_saves_and_is_exported(tmp_path):
    nets = ks.networks.digits(latent_dim=2, units=16, depth=1, joint=False)
    model = ks.WakeSleep(nets.encoder, nets.decoder, seed=1)
    adams = {n: ks.optimizers.Adam(1e-2) for n in ("optimizer", "encoder_optimizer")}
    model.compile(**adams)
    data = ks.data.load("digits", batch_size=64, seed=0)
    history = model.fit(data, epochs=6, verbose=0).history
    assert history["decoder_loss"][-1] < 0.8 * history["decoder_loss"][0]
    assert history["encoder_loss"][-1] < history["encoder_loss"][0]
    assert {"decoder_reconstruction_x", "encoder_reconstruction_z"} <= set(history)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    x = next(iter(data))
    np.testing.assert_allclose(again.encode(x), model.encode(x), rtol=1e-5, atol=1e-6)
    more = "log_likelihood", "log_posterior", "posterior"
    baselines.exports(tiny.build("wake_sleep"), tmp_path / "saved", *more)


@pytest.mark.parametrize("law", ["posterior", "likelihood"])
def test_both_laws_need_a_density(law):
    nets = ks.networks.digits(latent_dim=2, **{law: "implicit"})
    with pytest.raises(ValueError, match="Expected.*density"):
        ks.WakeSleep(nets.encoder, nets.decoder)
