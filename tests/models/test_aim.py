"""AIM: its density, whose gradients go where, and what its special cases are."""

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

import keras_svae as ks
from tests.models import tiny


def gradients(model, loss, networks):
    """Of a term of `autoencoder_loss` (or its sum), by network."""
    draw = model.draw(tf.constant(tiny.data()), ks.noise.Noise(5), True)
    weights = {n: [v.value for v in getattr(model, n).variables] for n in networks}
    with tf.GradientTape() as tape, ks.noise.scope(draw.noise):
        terms = model.autoencoder_loss(draw)
        value = (sum(terms.values()) if loss is None else terms[loss]).mean()
    return tape.gradient(value, weights)


@pytest.mark.parametrize("variance", ["learned", "unit"])
def test_log_posterior_is_scipys_gaussian(variance):
    """(8), from the network's raw output to nats."""
    model = tiny.build("aim", variance=variance)
    x = tiny.data()
    z = np.random.default_rng(2).normal(size=(len(x), tiny.CODE)).astype("f")
    w = tiny.weights(model)
    features = np.tanh(x @ w["critic"][0] + w["critic"][1])
    raw = tiny.run(w["encoder"], features)
    mean, scale = raw[:, : tiny.CODE], np.ones_like(raw[:, : tiny.CODE])
    if variance == "learned":
        scale = 1e-3 + np.log1p(np.exp(raw[:, tiny.CODE :] + np.log(np.e - 1)))
        assert np.abs(scale - 1).max() > 0.1
    exact = scipy.stats.norm(mean, scale).logpdf(z).sum(-1)
    np.testing.assert_allclose(model.posterior(x).log_prob(z), exact, rtol=1e-5)
    np.testing.assert_allclose(model.encode(x), mean, rtol=1e-5, atol=1e-6)
    decoded = model.decode(mean.astype("f"))
    np.testing.assert_allclose(model.reconstruct(x), decoded, rtol=1e-5, atol=1e-6)


def test_no_step_of_the_code_moves_the_discriminator():
    """Its weights after a step are those of the discriminator's own turn alone."""
    with_code, without = (tiny.build("aim", lam=lam) for lam in (5.0, 0.0))
    for model in (with_code, without):
        model.train_on_batch(tiny.data())
    for a, b in zip(with_code.critic.variables, without.critic.variables, strict=True):
        np.testing.assert_array_equal(a, b)
    moved = with_code.decoder.weights[0].numpy() - without.decoder.weights[0].numpy()
    assert np.abs(moved).max() > 1e-3  # but the generator learns of the code


def test_the_codes_gradient_reaches_the_generator_through_the_features():
    model = tiny.build("aim")
    found = gradients(model, "reconstruction_z", ["decoder", "encoder"])
    for name in ("decoder", "encoder"):
        assert max(np.abs(g).max() for g in found[name]) > 1e-3, name
    # Through the features alone: with a discriminator that has flat ones, nothing.
    model.critic.layers[1].kernel.assign(tf.zeros([tiny.DATA, 4]))
    flat = gradients(model, "reconstruction_z", ["decoder"])
    assert all(g is None or not np.any(g) for g in flat["decoder"])


def test_players_update_disjoint_networks():
    model = tiny.build("aim")
    of = {n: {id(v) for v in model.variables_of(p)} for n, p in model.players.items()}
    assert not of["critic"] & of["autoencoder"]
    assert len(of["critic"] | of["autoencoder"]) == len(model.trainable_variables)
    assert of["critic"] == {id(v) for v in model.critic.trainable_variables}


FORMS = ("aim", "aim_minus", "aim_f_gan")


@pytest.mark.parametrize("method", FORMS)
def test_a_step_is_algorithm_1s_by_hand(method):
    """Both gradients at the weights before the step, on one draw, in NumPy."""
    model, x = tiny.build(method, eager=True), tiny.data()
    z = model.draw(tf.constant(x), model._noise(1).fold(0).fold(0), True).z.numpy()
    w = tiny.weights(model)
    before = {name: [a.copy() for a in arrays] for name, arrays in w.items()}

    def critic(x):
        features = np.tanh(x @ w["critic"][0] + w["critic"][1])
        return features, features @ w["critic"][2] + w["critic"][3]

    def discriminators():
        f_q, f_p = critic(x)[1], critic(tiny.run(w["decoder"], z))[1]
        if method == "aim_f_gan":
            return np.exp(f_p - 1).mean() - f_q.mean()
        return (tiny.softplus(-f_q) + tiny.softplus(f_p)).mean()

    def generators():
        features, f_p = critic(tiny.run(w["decoder"], z))
        raw, scale = tiny.run(w["encoder"], features), 1.0
        mean = raw[:, : tiny.CODE]
        if method != "aim_minus":
            scale = 1e-3 + tiny.softplus(raw[:, tiny.CODE :] + np.log(np.e - 1))
        code = -scipy.stats.norm(mean, scale).logpdf(z).sum(-1).mean()
        if method == "aim_f_gan":
            return -np.exp(f_p - 1).mean() + code
        return tiny.softplus(-f_p).mean() + code / tiny.CODE

    losses = discriminators(), generators()
    steps = {"critic": tiny.gradient(discriminators, w["critic"])}
    for name in ("decoder", "encoder"):
        steps[name] = tiny.gradient(generators, w[name])
    logs = model.train_on_batch(x, return_dict=True)
    found = logs["critic_loss"], logs["autoencoder_loss"]
    np.testing.assert_allclose(found, losses, rtol=2e-5)
    after = tiny.weights(model)
    for name, gradients in steps.items():
        for a, g, b in zip(before[name], gradients, after[name], strict=True):
            np.testing.assert_allclose(a - b, g, rtol=2e-3, atol=3e-5)
    # After the discriminator's step the generator's loss would have been another.
    w["critic"] = after["critic"]
    assert abs(generators() - losses[1]) > 1e-2


@pytest.mark.parametrize("method", FORMS)
def test_what_is_said_of_turns_and_play_goes_before_algorithm_1(method):
    def play(**given):
        return tiny.build(method, compiled=False, **given).play

    assert play() == play(turns={"critic": 1}) == "simultaneous"
    assert play(turns={"critic": 2}) == "alternating"
    assert play(turns={"autoencoder": 2}) == "alternating"
    assert play(play="alternating") == "alternating"
    message = "Expected one turn per player in simultaneous play; received: turns="
    with pytest.raises(ValueError, match=message):
        play(play="simultaneous", turns={"critic": 2})


@pytest.mark.parametrize("given", [{}, {"play": "alternating"}])
def test_a_file_keeps_its_play(given, tmp_path):
    model = tiny.build("aim", **given)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.play == again.get_config()["play"] == model.get_config()["play"]
    assert again.play == given.get("play", "simultaneous")


@pytest.mark.parametrize("dimensions", [2, 5])
def test_lam_is_one_over_the_codes_dimension(dimensions):
    nets = ks.networks.toy(dimensions, joint=False, shared=True, units=4)
    parts = (nets.decoder, nets.critic, nets.encoder)
    assert ks.AIM(*parts, likelihood="gaussian").lam == pytest.approx(1 / dimensions)
    assert ks.AIM(*parts, likelihood="gaussian", game="f-gan").lam == 1
    assert ks.AIM(*parts, likelihood="gaussian", lam=0.3).lam == 0.3


def test_aim_minus_is_aim_with_its_scale_frozen_to_one():
    """The same steps, once the scale's half of the last layer is kept where it is 1."""
    minus, frozen = (tiny.build(one, eager=True) for one in ("aim_minus", "aim"))
    for name in ("decoder", "critic"):
        for a, b in zip(
            getattr(minus, name).variables, getattr(frozen, name).variables, strict=True
        ):
            b.assign(a)
    hidden, bias, kernel, shift = (v.numpy() for v in minus.encoder.variables)
    raw = np.log(np.expm1(1 - 1e-3)) - np.log(np.expm1(1))

    def freeze(kernel, shift):
        zeros = np.zeros_like(kernel)
        values = [np.c_[kernel, zeros], np.r_[shift, np.full_like(shift, raw)]]
        for variable, value in zip(frozen.encoder.variables[2:], values, strict=True):
            variable.assign(value)

    frozen.encoder.variables[0].assign(hidden)
    frozen.encoder.variables[1].assign(bias)
    freeze(kernel, shift)
    for step in range(3):
        logs = [
            m.train_on_batch(tiny.data(step), return_dict=True) for m in (minus, frozen)
        ]
        assert logs[0]["autoencoder_loss"] == pytest.approx(
            logs[1]["autoencoder_loss"], rel=1e-5
        )
        freeze(*(v.numpy()[..., : tiny.CODE] for v in frozen.encoder.variables[2:]))
    for a, b in zip(
        minus.encoder.variables[:2], frozen.encoder.variables, strict=False
    ):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    for name in ("decoder", "critic"):
        for a, b in zip(
            getattr(minus, name).variables, getattr(frozen, name).variables, strict=True
        ):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("play", ["alternating", "simultaneous"])
def test_without_the_code_it_is_gan(play):
    aim = tiny.build("aim", lam=0.0, play=play, eager=True)
    gan = tiny.build("gan", play=play, eager=True)
    for name in ("decoder", "critic"):
        for a, b in zip(
            getattr(aim, name).variables, getattr(gan, name).variables, strict=True
        ):
            a.assign(b)
    for model in (aim, gan):
        model.train_on_batch(tiny.data())
    for name in ("decoder", "critic"):
        for a, b in zip(
            getattr(aim, name).variables, getattr(gan, name).variables, strict=True
        ):
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)


def test_f_gan_form_reaches_kl_on_two_gaussians():
    """The optimum of (6) is KL(q || p), and its f is log q - log p."""
    keras.utils.set_random_seed(0)
    # q: N(.5, 1).  p: x = 1.3 z - .2, N(-.2, 1.69).
    x = keras.Input((1,))
    hidden = keras.layers.Dense(32, activation="softplus")(x)
    hidden = keras.layers.Dense(32, activation="softplus", name="features")(hidden)
    critic = keras.Model(x, keras.layers.Dense(1)(hidden))
    generator = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    generator.set_weights([np.array([[1.3]]), np.array([-0.2])])
    encoder = keras.Sequential([keras.Input((32,)), keras.layers.Dense(2)])
    law = ks.distributions.Gaussian(1.0, draw="mean")
    model = ks.AIM(generator, critic, encoder, game="f-gan", likelihood=law, seed=1)
    model.compile(
        optimizer=keras.optimizers.SGD(0.0),  # p stays where it is
        critic_optimizer=keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(1e-2, 1000)
        ),
        steps_per_execution=50,
    )
    data = np.random.default_rng(0).normal(0.5, 1, (250_000, 1)).astype("float32")
    stream = tf.data.Dataset.from_tensor_slices(data).batch(500).repeat()
    model.fit(stream, steps_per_epoch=1000, verbose=0)
    logs = model.evaluate(data[:100_000], batch_size=2000, verbose=0, return_dict=True)
    exact = np.log(1.3) + (1 + 0.7**2) / (2 * 1.69) - 0.5
    assert exact > 0.2
    print(f"(6) reached {-logs['critic_loss']:.4f} nats, KL(q||p) {exact:.4f}")
    assert -logs["critic_loss"] == pytest.approx(exact, rel=0.07)
    points = np.linspace(-1.5, 2.5, 41)[:, None].astype("float32")
    q, p = scipy.stats.norm(0.5, 1), scipy.stats.norm(-0.2, 1.3)
    error = model.log_ratio(points) - (q.logpdf(points) - p.logpdf(points))[:, 0]
    assert np.abs(error).max() < 0.15


def test_neighbours_are_decoded_draws_of_the_posterior():
    model = tiny.build("aim")
    kernel = model.encoder.weights[2]
    kernel.assign(3 * kernel)
    x = np.array([[3, -2, 1], [-3, 2, -1]], "f")
    means = model.encode(x)
    assert np.abs(means[0] - means[1]).max() > 1  # to be told from each other
    near = model.neighbours(x, 6, seed=4)
    drawn = model.encode(np.repeat(x, 6, 0), seed=4)
    expected = np.reshape(model.decode(drawn), (2, 6, tiny.DATA))
    np.testing.assert_array_equal(near, expected)
    # As far from the means as the posterior is wide.
    z = model.encode(np.repeat(x, 4000, 0), seed=4).numpy().reshape(2, 4000, -1)
    np.testing.assert_allclose(z.std(1), model.posterior(x).stddev(), rtol=0.06)


@pytest.mark.parametrize("play", ["alternating", "simultaneous"])
def test_the_discriminators_averages_see_samples_twice_and_data_once(play):
    """The generator's turn runs it in training, on samples, once more."""
    x = keras.Input((tiny.DATA,))
    normal = keras.layers.BatchNormalization(momentum=0.9, name="features")
    critic = keras.Model(x, keras.layers.Dense(1)(normal(x)))
    decoder = tiny.dense([2], tiny.DATA, "decoder")
    encoder = tiny.dense([tiny.DATA], 4, "encoder")
    model = ks.AIM(decoder, critic, encoder, likelihood="gaussian", seed=3, play=play)
    still = [keras.optimizers.SGD(0.0) for _ in range(2)]
    model.compile(still[0], critic_optimizer=still[1], run_eagerly=True)
    data = 5 + tiny.data()
    draw = model.draw(data, model._noise(1).fold(0).fold(0), True)
    fake = np.mean(draw.x_p, 0)
    model.train_on_batch(data)
    expected = 0.1 * (0.9**2 * data.mean(0) + 0.9 * fake + fake)
    np.testing.assert_allclose(normal.moving_mean, expected, rtol=1e-5)


def parts(latent_dim=2, features=4, codes=None, name="features"):
    x = keras.Input((tiny.DATA,))
    hidden = keras.layers.Dense(4, name=name)(x)
    critic = keras.Model(x, keras.layers.Dense(1)(hidden))
    decoder = tiny.dense([latent_dim], tiny.DATA, "decoder")
    codes = 2 * latent_dim if codes is None else codes
    return decoder, critic, tiny.dense([features], codes, "encoder")


BAD = {
    "features": (
        parts(features=tiny.DATA),
        {},
        r"to read \(4,\), as the discriminator'",
    ),
    "no features": (parts(name="other"), {}, r"layer named 'features'.*'other'"),
    "codes": (parts(codes=6), {}, r"\(4,\).*received: \(6,\)"),
    "lam": (parts(), {"lam": -0.1}, r"lam to be finite and >= 0; received: lam=-0.1"),
    "lam nan": (parts(), {"lam": float("nan")}, "lam to be finite"),
    "variance": (parts(), {"variance": "fixed"}, r"variance.*received: 'fixed'"),
    "game": (parts(), {"game": "wgan"}, r"game to be one of.*received: 'wgan'"),
    "unit": (parts(), {"variance": "unit"}, r"\(2,\).*received: \(4,\)"),
    "not a network": ((parts()[0], "critic", parts()[2]), {}, "discriminator to be"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input(kind):
    networks, arguments, message = BAD[kind]
    with pytest.raises(ValueError, match="(?s)Expected.*" + message):
        ks.AIM(*networks, likelihood="gaussian", **arguments)


@pytest.mark.parametrize(
    ("variance", "law"),
    [
        ("learned", "laplace"),
        ("learned", ks.distributions.Gaussian(0.5)),
        ("unit", "gaussian"),
        ("unit", ks.distributions.Laplace(1.0)),
    ],
)
def test_a_posterior_that_is_not_its_own_is_refused(variance, law):
    """Before, it trained as its Gaussian without a word."""
    message = f"Expected the posterior of variance='{variance}', a Gaussian of scale"
    with pytest.raises(ValueError, match=message):
        tiny.build("aim", variance=variance, posterior=law)
    nets = ks.networks.aim_table3(latent_dim=2, width=0.05, posterior=law)
    with pytest.raises(ValueError, match=message):
        ks.AIM(nets.decoder, nets.critic, nets.encoder, variance=variance)


def test_a_posterior_that_is_its_own_may_be_named():
    nets = ks.networks.aim_table3(latent_dim=2, width=0.05)
    model = ks.AIM(nets.decoder, nets.critic, nets.encoder, posterior="gaussian")
    assert model.posterior_law.scale == "learned"
    unit = ks.distributions.Gaussian(1.0, draw="mean")
    nets = ks.networks.aim_table3(latent_dim=2, width=0.05, posterior=unit)
    model = ks.AIM(nets.decoder, nets.critic, nets.encoder, variance="unit")
    assert model.posterior_law.scale == 1.0
