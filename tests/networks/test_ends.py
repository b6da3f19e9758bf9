"""A law is said once, at a network's end, and models read it there."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import keras_svae as ks
from keras_svae.networks.ends import law_of
from tests.networks.conftest import LAW, network

layers = keras.layers
BUILDERS = {
    "toy": ((2,), {"units": 4}),
    "digits": ((8, 8, 1), {"units": 4}),
    "mnist_dense": ((28, 28, 1), {"units": 4}),
    "mnist": ((28, 28, 1), {"width": 0.05}),
    "cifar10": ((32, 32, 3), {}),
    "celeba": ((64, 64, 3), {}),
    "aim_mnist": ((28, 28, 1), {"width": 0.02}),
    "aim_images": ((64, 64, 3), {"width": 0.01}),
    "dcgan": ((64, 64, 3), {"width": 0.01}),
    "resnet_mnist": ((28, 28, 1), {"width": 0.05}),
}


@pytest.mark.parametrize("name", BUILDERS)
def test_networks_of_the_package_say_their_laws(name):
    shape, small = BUILDERS[name]
    nets = getattr(ks.networks, name)(
        latent_dim=2, posterior="laplace", likelihood=LAW, **small
    )
    assert law_of(nets.decoder) is LAW
    assert type(law_of(nets.encoder)) is ks.distributions.Laplace
    assert law_of(nets.critic) is None
    assert nets.decoder.output_shape[1:] == shape
    again = keras.Model.from_config(nets.decoder.get_config())
    assert law_of(again).get_config() == LAW.get_config()


def test_a_model_reads_what_the_networks_say():
    model = ks.SVAE(*ks.networks.toy(posterior="laplace"), lam=0.1)
    assert type(model.likelihood_law) is ks.distributions.Gaussian
    assert type(model.posterior_law) is ks.distributions.Laplace
    model.check_data(np.full((3, 2), 5.0, "float32"))  # points lie anywhere


def test_it_is_saved_with_the_network(tmp_path):
    nets = ks.networks.toy(units=4, likelihood=LAW, joint=False)
    ks.GAN(nets.decoder, nets.critic).save(tmp_path / "gan.keras")
    again = keras.saving.load_model(tmp_path / "gan.keras")
    assert again.likelihood_law.get_config() == LAW.get_config()


def test_two_that_differ_are_refused():
    nets = ks.networks.toy(units=4, likelihood=LAW)
    with pytest.raises(ValueError, match="the decoder already has.*Laplace.*Gaussian"):
        ks.SVAE(*nets, likelihood="gaussian")
    with pytest.raises(ValueError, match="the encoder already has"):
        ks.SVAE(*nets, posterior="laplace")
    same = ks.distributions.Laplace(0.5, activation="tanh", draw="mean")
    assert ks.SVAE(*nets, likelihood=same, posterior="gaussian").lam == 0


def test_networks_that_say_nothing_have_an_argument_or_the_class_s_law():
    nets = [network(layers.Dense(4)), network(layers.Dense(2))]
    critic = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    model = ks.VAE(*nets)
    assert type(model.likelihood_law) is ks.distributions.Bernoulli
    assert model.get_config()["likelihood"]["class_name"] == "Bernoulli"
    aae = ks.AdversarialAutoencoder(network(layers.Dense(2)), nets[1], critic)
    assert not aae.posterior_law.explicit
    given = ks.VAE(*nets, likelihood=LAW)
    assert given.likelihood_law is LAW


def test_a_method_s_own_law_wins():
    nets = ks.networks.digits(latent_dim=2, units=4, likelihood="gaussian")
    model = ks.TwoStageVAE(*nets[:2], *ks.networks.second_stage(2, units=4))
    assert type(model.likelihood_law).__name__ == "SharedScale"


def test_a_bound_that_is_infinite_is_refused():
    nets = ks.networks.digits(latent_dim=2, units=4)
    with pytest.raises(ValueError, match='prior="normal".*minus infinity'):
        ks.VAE(*nets[:2], prior="uniform")
    inside = ks.distributions.Gaussian(1.0, activation="tanh", draw="mean")
    nets = ks.networks.digits(latent_dim=2, units=4, posterior=inside)
    bound = ks.VAE(*nets[:2], prior="uniform").bound(np.full((3, 8, 8, 1), 0.5, "f"))
    assert np.isfinite(bound).all()


@pytest.mark.parametrize("method", [ks.SVAE, ks.ALI])
def test_no_bound_of_minus_infinity_is_measured(method):
    """Their games need no density of codes; a bound does."""
    nets = ks.networks.toy(latent_dim=2, units=4, posterior="gaussian")
    report = ks.evaluation.evaluate(
        method(*nets, prior="uniform"), np.zeros((6, 2), "f"), verbose=False
    )
    assert "variational_bound" not in report and "mse" in report
    assert "minus infinity" in report.left_out["variational_bound"]


def test_codes_outside_of_ones_own_prior_are_refused():
    class Boxed(ks.VAE):
        @property
        def prior(self):
            low, high = self.box
            law = tfp.distributions.Uniform([low] * 2, [high] * 2)
            return tfp.distributions.Independent(law, 1)

    nets = ks.networks.digits(latent_dim=2, units=4)[:2]
    with pytest.raises(ValueError, match="Expected the prior of Boxed.*minus infinity"):
        type("Boxed", (Boxed,), {"box": (0.0, 1.0)})(*nets)
    assert type("Wide", (Boxed,), {"box": (-50.0, 50.0)})(*nets).built

    class Other(Boxed):  # whose bound reads no density of codes
        box = (0.0, 1.0)

        def bound_terms(self, draw):
            return {"reconstruction_x": -draw.log_p_x}

    assert Other(*nets).built


class Beta(ks.distributions.Law):
    """A law whose draws lie in (0, 1)."""

    parameters = 2
    support: tuple = (0, 1)

    def distribution(self, raw):
        a, b = tf.split(tf.nn.softplus(raw) + 0.1, 2, -1)
        return tfp.distributions.Beta(a, b)


def test_a_law_says_where_its_draws_lie():
    keras.utils.set_random_seed(0)  # a draw of some weights' laws rounds to 1
    nets = network(layers.Dense(4), inputs=3), network(layers.Dense(3))
    law = {"likelihood": "gaussian", "prior": "uniform"}
    model = ks.VAE(*nets, posterior=Beta(), **law)
    assert np.isfinite(model.bound(np.ones((4, 3), "f"))).all()
    for wide in ((0, 2), (-np.inf, 0), None):
        law["posterior"] = type("Wide", (Beta,), {"support": wide})()
        with pytest.raises(ValueError, match='prior="normal".*support ='):
            ks.VAE(*nets, **law)
    law["posterior"] = type("Wrong", (Beta,), {"support": (1, 0)})()
    with pytest.raises(ValueError, match="support of a posterior as two numbers"):
        ks.VAE(*nets, **law)


def test_what_is_no_law_is_refused():
    with pytest.raises(ValueError, match="Expected law to be.*received: 'gaussian'"):
        ks.networks.RawOutput("gaussian")
