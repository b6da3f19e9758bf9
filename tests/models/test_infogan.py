"""InfoGAN, (9), and the adversarial autoencoder, (31), which swaps data and codes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from tests.models import baselines, tiny
from tests.models.tiny import run, softplus

# Of a code [c, rest, k]: one entry of each of the first two, a category of three.
PARTS = {"inferred": 1, "categories": 3}


def partial(compiled=False, **kwargs):
    """An InfoGAN that infers a part of its code."""
    model = ks.InfoGAN(
        tiny.dense([5], tiny.DATA, "generator"),
        tiny.dense([tiny.DATA], 1, "critic"),
        tiny.dense([tiny.DATA], 2 + 3, "encoder"),
        likelihood=ks.distributions.Gaussian(draw="mean"),
        **{**PARTS, "lam": 0.7, "seed": 3, **kwargs},
    )
    rng = np.random.default_rng(7)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    if compiled:
        model.compile(optimizer="sgd", critic_optimizer="sgd")
    return model


def log_normal(z, mean, raw):
    scale = 1e-3 + softplus(raw + np.log(np.e - 1))
    return -0.5 * ((z - mean) / scale) ** 2 - np.log(scale) - 0.5 * np.log(2 * np.pi)


@pytest.mark.parametrize("part", [False, True])
def test_infogan_matches_numpy(part):
    if part:
        model = partial()
    else:
        law = ks.distributions.Gaussian(draw="mean")
        model = tiny.build("info_gan", law, compiled=False)
    z = tiny.drawn(model).z.numpy().astype(float)
    w, x = tiny.weights(model), tiny.data()
    if part:
        assert set(z[:, 2:].ravel()) == {0, 1} and (z[:, 2:].sum(-1) == 1).all()
        assert len(set(z[:, 2:].argmax(-1))) > 1

    def critic():
        f_q, f_p = run(w["critic"], x), run(w["critic"], run(w["decoder"], z))
        return softplus(-f_q).mean() + softplus(f_p).mean()

    def log_q():
        raw = run(w["encoder"], run(w["decoder"], z))
        if not part:
            return log_normal(z, raw[:, :2], raw[:, 2:]).sum(-1)
        k = (z[:, 2:] * raw[:, 2:]).sum(-1) - np.log(np.exp(raw[:, 2:]).sum(-1))
        rest = -0.5 * z[:, 1] ** 2 - 0.5 * np.log(2 * np.pi)
        return log_normal(z[:, 0], raw[:, 0], raw[:, 1]) + rest + k

    def autoencoder():
        f_p = run(w["critic"], run(w["decoder"], z))
        return softplus(-f_p).mean() - 0.7 * log_q().mean()

    tiny.check(model, "critic", critic, w)
    draw = tiny.check(model, "autoencoder", autoencoder, w)
    log_p = -0.5 * (z[:, :2] ** 2 + np.log(2 * np.pi)).sum(-1) - part * np.log(3)
    information = (log_q() - log_p).mean()
    np.testing.assert_allclose(draw.log["information"], information, rtol=1e-4)


def test_an_encoder_that_knows_nothing_has_no_information():
    model = partial()
    for variable in model.encoder.variables:
        variable.assign(tf.zeros_like(variable))
    draw = tiny.drawn(model)
    model.autoencoder_loss(draw)
    # Its scale is 1 to about 1e-3.
    np.testing.assert_allclose(draw.log["information"], 0, atol=2e-3)


def test_codes_of_data_have_all_parts():
    model, x = partial(), tiny.data(n=40)
    raw = run([v.numpy() for v in model.encoder.weights], x)
    z = model.encode(x).numpy()
    np.testing.assert_allclose(z[:, 0], raw[:, 0], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(z[:, 1], 0)
    np.testing.assert_array_equal(z[:, 2:], np.eye(3)[raw[:, 2:].argmax(-1)])
    drawn = model.encode(x, seed=1).numpy()
    assert np.abs(drawn[:, 1]).min() > 0 and (drawn[:, 2:].sum(-1) == 1).all()
    near = model.neighbours(x, 4)
    assert (
        near.shape == (40, 4, tiny.DATA) and np.abs(near[:, 0] - near[:, 1]).max() > 0
    )


def test_infogan_is_saved(tmp_path):
    model = partial(posterior="laplace", prior="uniform")
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    x = tiny.data(n=10)
    np.testing.assert_array_equal(model.encode(x, seed=2), again.encode(x, seed=2))
    np.testing.assert_array_equal(model.generate(5), again.generate(5))
    assert again.lam == 0.7 and again.about() == model.about()


@pytest.mark.slow
def test_infogan_is_exported(tmp_path):
    model, x = partial(), tiny.data(n=10)
    model.export(tmp_path / "saved")
    saved = tf.saved_model.load(tmp_path / "saved")
    found = saved.encode(x, tf.constant(2))["z"]
    np.testing.assert_allclose(found, model.encode(x, seed=2), rtol=1e-5, atol=1e-5)
    z = model.encode(x)
    log_q = saved.log_posterior(x, z, tf.constant(0))["log_posterior"]
    np.testing.assert_allclose(log_q, model.posterior(x).log_prob(z), rtol=1e-4)
    assert not {"log_likelihood", "posterior"} & set(saved.signatures)
    subject = ks.evaluation.Subject.of(tmp_path / "saved")
    drawn = subject.prior.sample(4, seed=ks.noise.Noise([0, 1]).key)
    assert (
        drawn.shape == (4, 5) and (tf.reduce_sum(drawn[:, 2:], -1) == 1).numpy().all()
    )


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        (
            {"inferred": 3},
            "together at most the 5 dimensions.*inferred=3, categories=3",
        ),
        ({"inferred": -1}, "inferred to be an integer >= 0; received: inferred=-1"),
        ({"inferred": 2}, r"encoder's raw output \(7,\), what PartialCode.*\(5,\)"),
        ({"posterior": "implicit"}, "explicit law"),
        ({"lam": -1}, "lam to be finite and >= 0"),
    ],
)
def test_arguments(kwargs, message):
    with pytest.raises(ValueError, match="Expected.*" + message):
        partial(**kwargs)


def test_aae_matches_numpy():
    model = tiny.build("aae", compiled=False)
    z = tiny.drawn(model).z.numpy().astype(float)
    w, x = tiny.weights(model), tiny.data()

    def f(z):
        return run(w["critic"], z)

    def critic():
        return softplus(-f(z)).mean() + softplus(f(run(w["encoder"], x))).mean()

    def autoencoder():
        code = run(w["encoder"], x)
        squares = 0.5 * (x - run(w["decoder"], code)) ** 2 + 0.5 * np.log(2 * np.pi)
        return squares.sum(-1).mean() + 0.7 * softplus(-f(code)).mean()

    tiny.check(model, "critic", critic, w)
    tiny.check(model, "autoencoder", autoencoder, w)


def test_aae_tells_the_log_ratio_of_codes(tmp_path):
    model = tiny.build("aae")
    model.save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")
    z = np.random.default_rng(0).normal(size=(4, tiny.CODE)).astype("f")
    expected = run([v.numpy() for v in model.critic.weights], z)[:, 0]
    np.testing.assert_allclose(model.log_ratio_code(z), expected, rtol=1e-4, atol=1e-5)
    more = "log_likelihood", "log_ratio_code"
    baselines.exports(model, tmp_path / "saved", *more)
    with pytest.raises(ValueError, match=r"critic to read \(2,\), codes.*\(3,\)"):
        critic = tiny.dense([3], 1, "critic")
        ks.AdversarialAutoencoder(
            model.encoder, model.decoder, critic, likelihood="gaussian"
        )
