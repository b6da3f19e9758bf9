"""AS-VAE-r with the encoder's own Gaussian as contrast, by hand."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from keras_svae import noise
from reproductions.as_vae import contrast as study_of
from reproductions.as_vae import mnist
from reproductions.as_vae.contrast import VARIANTS
from reproductions.as_vae.contrasted import ContrastASVAE, divergences
from reproductions.engine import Study, build
from tests.models import tiny

GIVEN = {"budget": "quick", "units": 8, "latent_dim": 2}


def softplus(x):
    return np.logaddexp(0, x)


def made():
    nets = tiny.build("as_vae_r", compiled=False)
    model = ContrastASVAE(
        nets.encoder,
        nets.decoder,
        nets.critic_x,
        posterior="gaussian",
        likelihood="gaussian",
    )
    rng = np.random.default_rng(7)
    for variable in model.trainable_variables:
        variable.assign(0.6 * rng.normal(size=variable.shape))
    return model


def by_hand(model, x, z):
    """log r(z|x) and normalised codes, from the encoder's raw output."""
    mean, raw = np.split(model.encoder(x).numpy().astype(float), 2, -1)
    scale = model.posterior_law(model.encoder(x)).stddev().numpy().astype(float)
    log_r = scipy.stats.norm.logpdf(z, mean, scale).sum(-1)
    assert raw.shape == scale.shape
    return log_r, (z - mean) / scale


def test_losses_are_those_of_the_formulas():
    model, x = made(), tiny.data(n=16)
    with noise.scope(noise.Noise(3)) as source:
        draw = model.draw(x, source, True)
        critic = float(model.critic_loss(draw)["x"])
        loss = model.autoencoder_loss(draw)
    z = draw.z_q.numpy().astype(float)
    log_r, codes = by_hand(model, x, z)
    f = model.critic_x([x, codes]).numpy()[:, 0]
    fake = model.critic_x([draw.x_p, draw.z_other]).numpy()[:, 0]
    assert critic == pytest.approx(softplus(-f).mean() + softplus(fake).mean(), 1e-5)
    over = log_r - scipy.stats.norm.logpdf(z).sum(-1)
    assert float(loss["kl_x"]) == pytest.approx((f + over).mean(), 1e-4)
    expected = -draw.log_p_x.numpy().mean()
    assert float(loss["reconstruction_x"]) == pytest.approx(expected, 1e-5)
    ratio = model.log_ratio_x(x, draw.z_q).numpy()
    np.testing.assert_allclose(ratio, f + over, rtol=1e-4, atol=1e-4)
    # The pair of the other law is independent: no code of the decoder's own.
    assert np.abs(draw.z_other - draw.z).min() > 1e-6


def test_the_contrast_has_no_gradient():
    """That of the loss goes through z alone: in f's codes, in log r and in log p."""
    model, x = made(), tiny.data(n=16)
    with noise.scope(noise.Noise(3)) as source, tf.GradientTape() as tape:
        draw = model.draw(x, source, True)
        value = tf.convert_to_tensor(model.autoencoder_loss(draw)["kl_x"].mean())
    q = model.posterior_law(model.encoder(x))
    mean, scale = q.mean(), q.stddev()  # constants
    eps = (draw.z_q - mean) / scale
    with tf.GradientTape() as other:
        q = model.posterior_law(model.encoder(x))
        z = q.mean() + q.stddev() * eps
        codes = (z - mean) / scale
        log_r = -0.5 * tf.reduce_sum(codes**2, -1)
        f = model.critic_x([tf.constant(x), codes])[:, 0]
        same = tf.reduce_mean(f + log_r + 0.5 * tf.reduce_sum(z**2, -1))
    weights = [v.value for v in model.encoder.trainable_variables]
    found, expected = tape.gradient(value, weights), other.gradient(same, weights)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    assert max(np.abs(one).max() for one in expected) > 1e-2


def test_moments_of_a_law_that_does_not_know_them_are_those_of_draws():
    run = mnist(method="as_vae_r_contrast", **GIVEN)
    x = np.random.default_rng(0).uniform(size=(6, 28, 28, 1)).astype("float32")
    posterior = run.model.posterior_law(run.model.posterior_raw(x, False))
    with pytest.raises(NotImplementedError):
        posterior.mean()
    r = run.model.contrast(tf.constant(x), noise.Noise(1), False)
    z = posterior.sample(4000, seed=noise.Noise(5).seed("z")).numpy()
    # Ten draws an example: their mean and deviation, within 6 standard errors.
    error = z.std(0) / 10**0.5
    apart = np.abs(r.mean.numpy() - z.mean(0))
    assert (apart < 6 * error).all() and apart.max() > 0
    ratio = r.scale.numpy() / z.std(0)
    assert 0.2 < ratio.min() and ratio.max() < 3


def test_what_a_contrast_cannot_have_is_refused():
    nets = tiny.build("as_vae_r", compiled=False)
    with pytest.raises(ValueError, match='prior="normal".*received: prior=.uniform'):
        ContrastASVAE(
            nets.encoder,
            nets.decoder,
            nets.critic_x,
            posterior="gaussian",
            likelihood="gaussian",
            prior="uniform",
        )


class Held:
    def __init__(self, x):
        self.x = x

    def validation_examples(self):
        return self.x


@pytest.mark.parametrize("variant", list(VARIANTS))
def test_each_variant_takes_a_step_and_has_both_divergences(variant):
    run = mnist(**(VARIANTS[variant] | GIVEN))
    build.compile_model(run.model, run.training, 2)
    x = np.random.default_rng(0).uniform(size=(8, 28, 28, 1)).astype("float32")
    logs = run.model.train_on_batch(x, return_dict=True)
    assert all(np.isfinite(value) for value in logs.values())
    found = divergences(run.model, Held(x))["divergences"]
    assert set(found) == {"kl"} | ({"kl_of_critic"} if variant != "vae" else set())
    assert all(np.isfinite(value) for value in found.values())


def test_the_divergence_is_that_of_gaussians():
    run = mnist(**(VARIANTS["vae"] | GIVEN))
    x = np.random.default_rng(0).uniform(size=(4000, 28, 28, 1)).astype("float32")
    found = divergences(run.model, Held(x))["divergences"]["kl"]
    q = run.model.posterior_law(run.model.posterior_raw(x[:2000], False))
    mean, scale = q.mean().numpy(), q.stddev().numpy()
    each = 0.5 * (mean**2 + scale**2 - 1) - np.log(scale)
    # The estimate draws one code for each example.
    z = q.sample(seed=1)
    values = (q.log_prob(z) - run.model.prior.log_prob(z)).numpy()
    error = float(values.std() / 2000**0.5)
    assert found == pytest.approx(each.sum(-1).mean(), abs=4 * error)
    assert error < 0.1


def test_the_study_gathers_what_each_variant_has(tmp_path):
    class Known(Study):
        def __call__(self, calls):
            return [
                {
                    "settings": call.settings,
                    "steps": 10,
                    "metrics": {"variational_bound": -100.0 - call.settings["seed"]},
                    "divergences": {"kl": 20.0, "kl_of_critic": 5.0},
                }
                for call in calls
            ]

    made = []
    with Known(tmp_path) as study:
        study.write = lambda *given: made.extend(given)
        study_of(study=study, seeds=2)
    content, text = made
    assert [one["variant"] for one in content["cells"]] == list(VARIANTS)
    cell = content["cells"][0]
    assert cell["variational_bound"]["values"] == [-100, -101]
    assert cell["kl_of_critic"]["mean"] == 5 and cell["steps"]["mean"] == 10
    assert "KL by critic, nats" in text and "as_vae_r_contrast" in text
