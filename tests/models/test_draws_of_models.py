"""What models draw: laws, noise and seeds."""

import typing

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.models.draw import Draw
from keras_svae.noise import Noise
from tests.models import tiny


def test_a_model_has_what_a_draw_asks_of_it():
    asked = typing.get_type_hints(Draw.__init__)["model"]
    names = {name for name in (*vars(asked), *asked.__annotations__) if name[0] != "_"}
    assert {"prior", "likelihood_raw", "posterior_law"} <= names
    model = tiny.build("svae", compiled=False)
    assert not [name for name in names if not hasattr(model, name)]


@pytest.mark.parametrize("implicit", ["posterior", "likelihood"])
def test_implicit_laws_train_and_have_no_density(implicit):
    kwargs = {"likelihood": "gaussian", "posterior": "gaussian", implicit: "implicit"}
    model = tiny.build("svae", **kwargs, eager=True)
    model.fit(tiny.data(n=20), batch_size=5, verbose=0)
    with pytest.raises(ValueError, match="Expected an explicit law"):
        if implicit == "posterior":
            model.posterior(tiny.data())
        else:
            model.likelihood(np.zeros((2, tiny.CODE), "f"))


def test_noise_layers_make_an_encoder_implicit():
    x = keras.Input((tiny.DATA,))
    noisy = ks.networks.layers.AppendNoise(2)(x)
    noisy = ks.networks.layers.Dropout(0.3)(noisy)
    encoder = keras.Model(x, keras.layers.Dense(tiny.CODE)(noisy))
    nets = tiny.build("svae", compiled=False)
    model = ks.SVAE(
        encoder, nets.decoder, nets.critic, likelihood="gaussian", posterior="implicit"
    )
    model.compile(optimizer="sgd", critic_optimizer="sgd", run_eagerly=True)
    codes = [model.encode(tiny.data(), seed=s).numpy() for s in (1, 1, 2)]
    np.testing.assert_array_equal(codes[0], codes[1])
    assert np.abs(codes[0] - codes[2]).max() > 1e-3
    model.fit(tiny.data(n=20), batch_size=5, verbose=0)


def test_encoder_and_decoder_of_one_seed_are_fed_different_noise():
    seen = []

    @keras.saving.register_keras_serializable(package="tests")
    class Seen(ks.networks.layers.AppendNoise):
        def call(self, inputs):
            out = super().call(inputs)
            seen.append(out[:, -1:])
            return out

    def noisy(inputs, outputs):
        x = keras.Input((inputs,))
        return keras.Model(x, keras.layers.Dense(outputs)(Seen(1)(x)))

    model = ks.VAE(
        noisy(tiny.DATA, 2 * tiny.CODE),
        noisy(tiny.CODE, tiny.DATA),
        likelihood="gaussian",
    )
    seen.clear()
    model.reconstruct(tiny.data(), seed=3)
    encoders, decoders = seen
    assert np.abs(encoders - decoders).min() > 1e-4


def test_public_methods_agree():
    model = tiny.build("svae_r")
    x = tiny.data()
    z = model.encode(x)
    np.testing.assert_allclose(model.posterior(x).mean(), z, rtol=1e-6)
    np.testing.assert_allclose(model.decode(z), model.reconstruct(x), rtol=1e-6)
    np.testing.assert_allclose(model(x), model.reconstruct(x), rtol=1e-6)
    np.testing.assert_allclose(model.likelihood(z).mean(), model.decode(z), rtol=1e-6)
    assert model.log_ratio(x, z).shape == (len(x),)
    assert model.generate(7, seed=1).shape == (7, tiny.DATA)
    assert np.abs(model.generate(7, seed=1) - model.generate(7, seed=2)).max() > 1e-3


def test_prior_laws():
    for name, spread in (("normal", 1.0), ("uniform", 1 / np.sqrt(3))):
        model = tiny.build("svae", prior=name)
        z = model.prior.sample(20_000, seed=ks.noise.Noise([0, 1]).key).numpy()
        assert z.shape == (20_000, tiny.CODE)
        np.testing.assert_allclose(z.std(0), spread, rtol=0.03)
        np.testing.assert_allclose(z.mean(0), 0, atol=0.04)


def test_a_seed_gives_encode_and_generate_noise_of_their_own():
    """Else codes of generated data, encoded again, would seem to come back."""
    model = tiny.build("vae", compiled=False)
    for variable in model.encoder.variables:
        variable.assign(tf.zeros_like(variable))  # q(z|x) = N(0, I), whatever x is
    x, z = model.generate_pairs(2000, seed=1)
    again = model.encode(x, seed=1)
    assert abs(np.corrcoef(np.ravel(z), np.ravel(again))[0, 1]) < 0.1


def test_no_loss_gets_the_numbers_of_a_draw_by_its_name():
    """The same name twice, `draw.noise.normal(shape, "z")`, was the code itself."""
    model = tiny.build("as_vae", compiled=False)
    draw = model.draw(tiny.data(), Noise(3), True)
    law = model.posterior_law(draw._posterior_raw)
    taken = {
        "z": draw.z,
        "z_other": draw.z_other,
        "z_q": (draw.z_q - law.mean()) / law.stddev(),
    }
    for name, numbers in taken.items():
        found = draw.noise.normal(tf.shape(draw.z), name)
        assert np.abs(found - numbers).min() > 1e-4, name
        other = draw.noise.normal(tf.shape(draw.z), "mine")
        np.testing.assert_array_equal(other, Noise(3).normal(tf.shape(draw.z), "mine"))
    u = draw.noise.uniform([4], "z")
    assert not np.array_equal(u, Noise(3).uniform([4], "z"))
    np.testing.assert_array_equal(u, draw.noise.uniform([4], "z"))
    # The numbers of the draws are those that they were.
    np.testing.assert_array_equal(draw.z, Noise(3).normal(tf.shape(draw.z), "z"))
