"""Pictures of ways through codes, image by image."""

import numpy as np
import pytest

import keras_svae as ks
from keras_svae.pictures import plots, views, ways
from tests.models import tiny


@pytest.fixture(scope="module")
def model():
    nets = ks.networks.digits(latent_dim=3, units=8)
    return ks.VAE(nets.encoder, nets.decoder, seed=0)


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).uniform(size=(6, 8, 8, 1)).astype("float32")


def grid(rows):
    """The picture of these rows of images, (rows, steps, 8, 8, 1)."""
    rows = np.asarray(rows)
    flat = rows.reshape(-1, 8, 8, 1)
    return plots.grid(flat, rows.shape[1], smooth=True)


def test_rows_are_decoded_codes(model):
    z = np.random.default_rng(1).normal(size=(2, 3, 3)).astype("float32")
    expected = [model.decode(one) for one in z]
    np.testing.assert_array_equal(ways.rows(model, z), grid(expected))


@pytest.mark.parametrize("way", ["linear", None])
def test_interpolations_have_the_data_at_their_ends(model, x, way):
    found = ways.interpolations(model, x[:2], x[2:4], 4, way=way)
    start, end = model.encode(x[:2]), model.encode(x[2:4])
    z = ks.codes.interpolate(start, end, 4, way=way or "spherical")
    made = [model.decode(one) for one in z]
    expected = [[a, *row, b] for a, row, b in zip(x[:2], made, x[2:4], strict=True)]
    # Neighbouring bytes, as parts of another size may round otherwise.
    assert np.abs(found.astype(int) - grid(expected)).max() <= 1
    assert found.shape == (2 * 66 + 2, 6 * 66 + 2, 1)


def test_attributes_are_added_to_codes(model, x):
    direction = np.array([1.0, -2.0, 0.5], "float32")
    found = ways.attribute(model, x[:2], direction, [-1, 2])
    z = model.encode(x[:2])
    less, more = model.decode(z - direction), model.decode(z + 2 * direction)
    expected = [[x[i], less[i], more[i]] for i in range(2)]
    assert np.abs(found.astype(int) - grid(expected)).max() <= 1


def test_a_conditional_model_keeps_the_class_of_the_first_end():
    nets = ks.networks.mnist_dense(latent_dim=2, classes=10)
    model = ks.CVAE(nets.encoder, nets.decoder)
    x = np.random.default_rng(0).uniform(size=(4, 28, 28, 1)).astype("float32")
    y = np.array([3, 7])
    found = ways.interpolations(model, x[:2], x[2:], 2, y=y)
    ends = model.decode(model.encode(x[2:], y), y)
    expected = plots.grid(ends[:1])[2:-2]
    size = expected.shape[1] - 2
    last = found[2 : 2 + len(expected), 2 * size : 3 * size + 2]
    assert np.abs(last.astype(int) - expected).max() <= 1


def test_samples_of_a_sampler(model, x):
    sampler = ks.samplers.GaussianMixture(1).fit(model, x)
    found = views.samples(model, 4, seed=2, sampler=sampler)
    made = model.generate(4, seed=2, sampler=sampler)
    np.testing.assert_array_equal(found, plots.grid(made, smooth=True))


def test_wrong_codes_and_models(model, x):
    with pytest.raises(ValueError, match=r"Expected codes \(rows, steps, latent_dim"):
        ways.rows(model, np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"Expected end of start's shape \(2, 8, 8"):
        ways.interpolations(model, x[:2], x[:3])
    points = tiny.build("vae", compiled=False)
    with pytest.raises(ValueError, match=r"Expected a model of images.*\(3,\)"):
        ways.rows(points, np.zeros((1, 2, 2)))
    with pytest.raises(ValueError, match="Expected a model with an encoder.*GAN"):
        gan = tiny.build("gan", compiled=False)
        ways.attribute(gan, tiny.data(), [1, 1])
