"""A planar flow as the law of data of any shape."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

import keras_svae as ks
from tests.distributions.test_planar import by_hand
from tests.models import tiny

LENGTH, BATCH = 3, 2
LAW = ks.distributions.PlanarLikelihood(LENGTH)


def raw_of(shape, seed=0):
    *size, channels = shape
    shape = (BATCH, *size, channels * LAW.parameters)
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def parts_of(raw, i, shape):
    """Example i: location, scale, u, w, b; as the docstring says it."""
    channels = shape[-1]
    each = [
        raw[i, ..., k * channels : (k + 1) * channels].astype(float).ravel()
        for k in range(LAW.parameters)
    ]
    scale = 1e-3 + np.logaddexp(0, each[1] + np.log(np.e - 1))
    u, w, b = (each[2 + j * LENGTH : 2 + (j + 1) * LENGTH] for j in range(3))
    root = np.sqrt(len(each[0]))
    return each[0], scale, np.array(u) / root, np.array(w) / root, np.mean(b, 1)


@pytest.mark.parametrize("shape", [(5,), (2, 3, 2)])
def test_density_by_hand(shape):
    raw = raw_of(shape)
    z = np.random.default_rng(1).normal(size=(BATCH, int(np.prod(shape))))
    x, wanted = [], []
    for i in range(BATCH):
        location, scale, u, w, b = parts_of(raw, i, shape)
        made, log_det = by_hand(location + scale * z[i], u, w, b)
        x.append(made.reshape(shape))
        base = scipy.stats.norm.logpdf(z[i]).sum() - np.log(scale).sum()
        wanted.append(base - log_det)
    found = LAW(raw)
    assert found.batch_shape == (BATCH,) and found.event_shape == shape
    np.testing.assert_allclose(
        found.log_prob(np.array(x, "float32")), wanted, rtol=1e-4, atol=1e-4
    )


def test_draws_have_the_gradient_and_the_shape():
    raw = tf.Variable(raw_of((2, 3, 2)))
    with tf.GradientTape() as tape:
        x = LAW.sample(raw, tf.constant([1, 2]))
        loss = tf.reduce_sum(LAW(raw).log_prob(tf.stop_gradient(x)) + x[:, 0, 0, 0])
    assert x.shape == (BATCH, 2, 3, 2)
    gradient = tape.gradient(loss, raw).numpy()
    assert np.isfinite(gradient).all() and np.abs(gradient).max() > 1e-3
    assert LAW.mean(raw).shape == x.shape


# AS-VAE asks for the densities of data and of draws, the others for the former.
@pytest.mark.parametrize(
    "method",
    ["vae", *(pytest.param(n, marks=pytest.mark.slow) for n in ("svae_r", "as_vae"))],
)
def test_methods_train_with_it(method):
    model = tiny.build(method, likelihood="planar")
    logs = model.train_on_batch(tiny.data(), return_dict=True)
    assert all(np.isfinite(value) for value in logs.values())
    assert model.decode(np.zeros((2, tiny.CODE), "float32")).shape == (2, tiny.DATA)


def test_it_is_found_by_name_and_saved():
    nets = ks.networks.digits(latent_dim=2, units=4, likelihood=LAW)
    assert nets.decoder.output_shape == (None, 8, 8, LAW.parameters)
    again = type(LAW).from_config(LAW.get_config())
    assert again.length == LENGTH and again.parameters == LAW.parameters
    with pytest.raises(ValueError, match="of the flows: PlanarLikelihood.*PlanarFlow"):
        ks.distributions.get(ks.distributions.PlanarFlow(2), "likelihood")
    with pytest.raises(ValueError, match="length to be an integer >= 1"):
        ks.distributions.PlanarLikelihood(0)
