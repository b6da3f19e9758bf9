"""What a model can show: log ratios, samples along dimensions, neighbours."""

import keras
import numpy as np
import pytest
from tensorflow_probability import distributions as tfd

import keras_svae as ks
from keras_svae.pictures import plots, views
from tests.callbacks import small


def own_estimate(model, x, seed):
    """The symmetric KL that a model's own losses log on the draw of this seed."""
    draw = model.draw(x, ks.noise.Noise(seed).fold(0), training=False)
    for player in model.players:
        getattr(model, f"{player}_loss")(draw)
    return draw, float(draw.log["symmetric_kl"])


def test_log_ratios_are_the_critics_on_pairs_of_both_laws():
    model = small.svae()
    x, _ = small.digits(200)
    ratios = views.log_ratios(model, x, seed=5)
    draw, kl = own_estimate(model, x, seed=5)
    np.testing.assert_allclose(ratios["q"], model.log_ratio(x, draw.z_q), atol=1e-5)
    np.testing.assert_allclose(
        ratios["p"], model.log_ratio(draw.x_p, draw.z), atol=1e-5
    )
    np.testing.assert_allclose(ratios["symmetric_kl"], kl, atol=1e-5)
    assert abs(kl) > 1e-3


def test_log_ratios_of_gans_are_of_data_and_samples():
    x, _ = small.digits()
    model = small.gan()
    ratios = views.log_ratios(model, x, seed=5)
    draw, kl = own_estimate(model, x, seed=5)
    np.testing.assert_allclose(ratios["q"], model.log_ratio(x), atol=1e-5)
    np.testing.assert_allclose(ratios["p"], model.log_ratio(draw.x_p), atol=1e-5)
    np.testing.assert_allclose(ratios["symmetric_kl"], kl, atol=1e-5)
    assert abs(kl) > 1e-3
    # WGAN-GP's score is no log ratio, and a VAE has no critic.
    assert set(views.log_ratios(small.gan(ks.WGANGP), x)) == {"q", "p"}
    assert views.log_ratios(small.vae(), x) == {}


def test_more_examples_than_pass_at_once_draw_noise_of_their_own():
    x, _ = small.digits(500)
    ratios = views.log_ratios(small.svae(), x)
    assert ratios["p"].shape == (500,)
    assert not np.allclose(ratios["p"][:250], ratios["p"][250:], atol=1e-3)


def test_without_a_range_black_and_white_are_the_data_s():
    model = small.svae(likelihood="gaussian")
    assert views.value_range(model, np.array([-3.0, 5.0])) == (-3, 5)
    assert views.value_range(model, np.array([2.0, 2.0])) == (2, 3)


def test_manifold_runs_over_the_priors_quantiles():
    """The first dimension to the right, the second upwards, +-2 at the ends."""
    seen = []

    class Watched(ks.SVAE):
        def decode(self, z, y=None, seed=0):
            seen.append(np.asarray(z))
            return super().decode(z, y, seed)

    nets = ks.networks.digits(latent_dim=2, **small.SMALL)
    model = Watched(*nets)
    picture = views.manifold(model, 3)
    z = np.concatenate(seen).reshape(3, 3, 2)
    ends = pytest.approx([-2, 0, 2], abs=1e-2)
    assert list(z[1, :, 0]) == ends and list(z[::-1, 1, 1]) == ends
    np.testing.assert_allclose(z[:, 0, 0], -2, atol=1e-2)
    assert picture.shape == (3 * 64, 3 * 64, 1)
    uniform = Watched(*nets, prior="uniform")
    seen.clear()
    views.manifold(uniform, 3)
    np.testing.assert_allclose(seen[0][0], [-0.9545, 0.9545], atol=1e-3)
    with pytest.raises(ValueError, match="Expected codes in the plane.*latent_dim=3"):
        views.manifold(small.vae())


def test_traversals_move_one_dimension_of_a_code():
    seen = []

    class Watched(ks.VAE):
        def decode(self, z, y=None, seed=0):
            seen.append(np.asarray(z))
            return super().decode(z, y, seed)

    nets = ks.networks.digits(latent_dim=3, **small.SMALL)
    model = Watched(nets.encoder, nets.decoder)
    x, _ = small.digits(4)
    picture = views.traversals(model, x, dimensions=[2, 0], n=5)
    z = np.concatenate(seen).reshape(2, 5, 3)
    own = model.encode(x[:1]).numpy()[0]
    np.testing.assert_allclose(z[0, :, :2], np.tile(own[:2], (5, 1)), rtol=1e-5)
    np.testing.assert_allclose(z[1, :, 1:], np.tile(own[1:], (5, 1)), rtol=1e-5)
    np.testing.assert_allclose(z[0, [0, 2, 4], 2], [-2, 0, 2], atol=1e-2)
    assert picture.shape == (2 * 66 + 2, 5 * 66 + 2, 1)


def test_traversals_take_the_dimensions_that_vary_most():
    nets = ks.networks.digits(latent_dim=10, **small.SMALL)
    keras.utils.set_random_seed(0)
    model = ks.VAE(nets.encoder, nets.decoder)
    kernel = nets.encoder.get_layer("code").kernel
    sizes = np.array([3, 0, 9, 1, 7, 0, 4, 8, 2, 5], "f")
    kernel.assign(np.r_[sizes, np.ones(10)] * np.sign(kernel))
    x, _ = small.digits(20)
    order = np.argsort(-np.var(model.encode(x), 0))[:8]
    assert list(order) != sorted(order)
    found = views.traversals(model, x, n=3)
    expected = views.traversals(model, x[:1], dimensions=order, n=3)
    np.testing.assert_array_equal(found, expected)
    others = views.traversals(model, x, dimensions=range(8), n=3)
    assert others.shape == found.shape and np.any(others != found)


def test_a_category_at_the_end_of_a_code_is_not_varied():
    seen = []

    class Watched(ks.InfoGAN):
        def decode(self, z, y=None, seed=0):
            seen.append(np.asarray(z))
            return super().decode(z, y, seed)

    nets = ks.networks.digits(latent_dim=5, joint=False, **small.SMALL)
    layers = keras.layers.Flatten(), keras.layers.Dense(2 * 2 + 3)
    encoder = keras.Sequential([keras.Input((8, 8, 1)), *layers])
    model = Watched(nets.decoder, nets.critic, encoder, categories=3)
    x, _ = small.digits(20)
    own = model.encode(x).numpy()
    picture = views.traversals(model, x, n=3)
    z = np.concatenate(seen).reshape(2, 3, 5)
    np.testing.assert_allclose(z[..., 2:], np.tile(own[0, 2:], (2, 3, 1)))
    for row, dimension in zip(z, np.argsort(-own[:, :2].var(0)), strict=True):
        np.testing.assert_allclose(row[:, dimension], [-2, 0, 2], atol=1e-2)
    assert picture.shape == (2 * 66 + 2, 3 * 66 + 2, 1)
    with pytest.raises(ValueError, match=r"dimensions, integers in 0\.\.1; rec.*\[2\]"):
        views.traversals(model, x, dimensions=[2])
    with pytest.raises(ValueError, match="without a category; .*of which 2 are"):
        views.manifold(model)


def test_a_prior_of_a_subclass_is_varied_if_its_entries_are_independent():
    """The base law of `MultivariateNormalDiag` is another one, of other quantiles."""
    seen = []

    class Own(ks.VAE):
        own = tfd.Independent(tfd.Normal([1.0, 1.0], 2.0), 1)

        @property
        def prior(self):
            return self.own

        def decode(self, z, y=None, seed=0):
            seen.append(np.asarray(z))
            return super().decode(z, y, seed)

    nets = ks.networks.digits(latent_dim=2, **small.SMALL)
    model, (x, _) = Own(nets.encoder, nets.decoder), small.digits(4)
    views.traversals(model, x, dimensions=[1], n=3)
    np.testing.assert_allclose(seen[0][:, 1], [-3, 1, 5], atol=1e-2)
    assert "manifold" in views.pictures(model, x)
    Own.own = tfd.MultivariateNormalDiag([1.0, 1.0], [2.0, 2.0])
    with pytest.raises(ValueError, match="independent entries.*: .*MultivariateNormal"):
        views.traversals(model, x)
    assert "manifold" not in views.pictures(model, x)


def test_views_refuse_what_a_model_does_not_have():
    model, (x, _) = small.vae(), small.digits(3)
    gan = small.gan()
    for make, message in [
        (lambda: views.traversals(model, x, dimensions=[-1]), "dimensions, integers"),
        (lambda: views.traversals(model, x, dimensions=[99]), "dimensions, integers"),
        (lambda: views.traversals(model, x, dimensions=3), "dimensions, integers"),
        (lambda: views.traversals(model, x, n=2.5), "n to be an integer >= 1"),
        (lambda: views.neighbours(model, x, n=0), "n to be an integer >= 1"),
        (lambda: views.traversals(gan, x), "a model with an encoder; received: GAN"),
        (lambda: views.neighbours(gan, x), "a model with an encoder; received: GAN"),
        (lambda: views.pictures(model, x[:1]), "at least 2 examples; received: 1"),
        (lambda: views.pictures(model, x, n=0), "n to be an integer >= 1"),
    ]:
        with pytest.raises(ValueError, match="Expected " + message):
            make()


def test_neighbours_stand_beside_their_data():
    model, (x, _) = small.vae(), small.digits(3)
    picture = views.neighbours(model, x, n=4, seed=2)
    assert picture.shape == (3 * 66 + 2, 5 * 66 + 2, 1)
    left = plots.grid(x, 1, smooth=True)
    np.testing.assert_array_equal(picture[:, : left.shape[1]], left)
    near = np.reshape(model.neighbours(x, 4, seed=2), (12, 8, 8, 1))
    right = plots.grid(near, 4, smooth=True)
    np.testing.assert_array_equal(picture[:, -right.shape[1] :], right)
    assert np.any(picture != views.neighbours(model, x, n=4, seed=3))
