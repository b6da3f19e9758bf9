"""WAE-MMD and WAE-GAN: losses and gradients against NumPy, and the penalty itself."""

import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.kernels import mmd
from tests.models import baselines, tiny
from tests.models.tiny import run, softplus

SCALES = (0.5, 3.0)


def make(cls=ks.WAEMMD, **kwargs):
    given = {"scales": SCALES} if cls is ks.WAEMMD else {}
    nets = baselines.networks("encoder", "decoder")
    if cls is ks.WAEGAN:
        nets["critic"] = tiny.dense([tiny.CODE], 1, "critic")
    law = ks.distributions.Implicit()
    settings = {"lam": 0.7, "seed": 3, "likelihood": law, **given}
    return baselines.fix(cls(**nets, **{**settings, **kwargs}))


def mmd_of_pairs(z, u, width):
    """Algorithm 2's penalty, a pair at a time."""
    n, total = len(z), 0.0
    for scale in SCALES:
        for i in range(n):
            for j in range(n):
                k = [
                    width * scale / (width * scale + ((a - b) ** 2).sum())
                    for a, b in ((z[i], z[j]), (u[i], u[j]), (z[i], u[j]))
                ]
                total += (i != j) * (k[0] + k[1]) / (n * (n - 1)) - 2 * k[2] / n**2
    return total


@pytest.mark.parametrize(("prior", "width"), [("normal", 4.0), ("uniform", 4 / 3)])
def test_wae_mmd_matches_numpy(prior, width):
    model = make(prior=prior)
    w = baselines.weights(model, "encoder", "decoder")
    x, u = tiny.data().astype(float), tiny.drawn(model).z.numpy().astype(float)

    def autoencoder():
        z = run(w["encoder"], x)
        cost = ((x - run(w["decoder"], z)) ** 2).sum(-1).mean()
        return cost + 0.7 * mmd_of_pairs(z, u, width)

    tiny.check(model, "autoencoder", autoencoder, w)


def test_wae_gan_matches_numpy():
    model = make(ks.WAEGAN)
    w = baselines.weights(model, "encoder", "decoder", "critic")
    x, u = tiny.data().astype(float), tiny.drawn(model).z.numpy().astype(float)

    def critic():
        f_p, f_q = run(w["critic"], u), run(w["critic"], run(w["encoder"], x))
        return (softplus(-f_p) + softplus(f_q)).mean()

    def autoencoder():
        z = run(w["encoder"], x)
        cost = ((x - run(w["decoder"], z)) ** 2).sum(-1)
        return (cost + 0.7 * softplus(-run(w["critic"], z))[:, 0]).mean()

    tiny.check(model, "critic", critic, w)
    tiny.check(model, "autoencoder", autoencoder, w)


def test_the_loss_is_what_evaluation_measures():
    rng = np.random.default_rng(0)
    z, u = rng.normal(size=(40, 3)) + 0.5, rng.normal(size=(40, 3))
    measured = ks.evaluation.mmd(z, u, kernel="imq", scale=2.5)
    found = mmd(tf.constant(z), tf.constant(u), [2.5])
    np.testing.assert_allclose(found, float(measured), rtol=1e-9)
    assert found > 0.02


@pytest.mark.parametrize(("mean", "scale"), [(2.0, 1.0), (0.0, 0.3), (0.0, 3.0)])
def test_the_penalty_brings_codes_to_the_prior(mean, scale):
    """Down its gradient the mean goes to 0, and the deviation to 1."""
    rng = np.random.default_rng(0)
    noise, u = (tf.constant(rng.normal(size=(300, 2))) for _ in range(2))
    moments = [tf.constant(mean, tf.float64), tf.constant(scale, tf.float64)]
    with tf.GradientTape() as tape:
        tape.watch(moments)
        widths = [4 * s for s in ks.models.wae.SCALES]
        loss = mmd(moments[0] + moments[1] * noise, u, widths)
    by_mean, by_scale = tape.gradient(loss, moments)
    assert loss > 0.05
    assert by_mean > 0.1 if mean else by_scale * (scale - 1) > 0.1


def test_the_penalty_has_no_bias():
    """Zero on average between equal laws; with equal points it would be below."""
    rng = np.random.default_rng(0)
    found = [
        float(mmd(*tf.constant(rng.normal(size=(2, 5, 2))), SCALES)) for _ in range(300)
    ]
    error = np.std(found) / np.sqrt(len(found))
    assert abs(np.mean(found)) < 5 * error < 0.1


@pytest.mark.parametrize(
    ("cls", "more"), [(ks.WAEMMD, ()), (ks.WAEGAN, ("log_ratio_code",))]
)
def test_it_is_saved_and_exported(cls, more, tmp_path):
    again = baselines.comes_back(make(cls), tmp_path / "model.keras")
    assert again.lam == 0.7
    assert cls is ks.WAEGAN or again.scales == SCALES
    baselines.exports(again, tmp_path / "saved", *more)


def test_fit_wants_two_codes_in_a_batch():
    model = baselines.compiled(make())
    with pytest.raises(ValueError, match="Expected at least 2 examples"):
        model.fit(tiny.data(n=3), batch_size=2)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"lam": -1}, "lam to be finite and >= 0; received: lam=-1"),
        ({"scales": (1.0, -2.0)}, "scales to be finite and > 0"),
        ({"scales": ()}, "one or more scales"),
    ],
)
def test_arguments(kwargs, message):
    with pytest.raises(ValueError, match="Expected.*" + message):
        make(**kwargs)
