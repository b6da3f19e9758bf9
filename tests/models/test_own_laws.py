"""Laws and priors of the user's own are tried when a model is made."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import keras_svae as ks
from keras_svae.networks.layers import AppendNoise
from keras_svae.noise import Noise
from tests.models import tiny

tfd, tfb = tfp.distributions, tfp.bijectors
Law = ks.distributions.Law


def law(make=None, base=Law, call=None, **attributes):
    """A class of laws."""
    if make is not None:
        attributes["distribution"] = lambda self, raw: make(raw)
    if call is not None:
        attributes["__call__"] = lambda self, raw: call(raw)
    return type("Mine", (base,), attributes)


class Forgotten(Law):
    def __init__(self):
        self.kept = 1


class Ranged(Law):
    def __init__(self):
        super().__init__()
        self.range = (-2.0, 3.0)

    def distribution(self, raw):
        return tfd.Normal(raw, 1.0)


def log_normal(raw):
    return tfd.TransformedDistribution(tfd.Normal(raw, 1.0), tfb.Exp())


def mixture(raw, **more):
    raw = tf.reshape(raw, [*raw.shape[:-1], raw.shape[-1] // 4, 4])
    shares, places = tfd.Categorical(logits=raw[..., :2]), tfd.Normal(raw[..., 2:], 1.0)
    return tfd.MixtureSameFamily(shares, places, **more)


WRONG = [
    (law(lambda raw: tfd.Normal(raw[..., :1], 1.0)), r"event_shape \(1,\)$"),
    (law(call=lambda raw: tfd.Normal(raw, 1.0)), r"batch_shape \(2, .*Independent"),
    (
        law(call=lambda raw: tfd.MultivariateNormalDiag(tf.reduce_mean(raw, 0))),
        r"batch_shape \(\) and event_shape",
    ),
    (law(call=lambda raw: raw), "received: a tensor float32"),
    (law(lambda raw: None), "to return a TFP distribution; received: None"),
    (law(), "Mine has no distribution"),
    (
        law(call=lambda raw: tfd.MultivariateNormalDiag(tf.cast(raw, tf.float64))),
        "of float32; received: float64",
    ),
    (law(log_normal), r"a mean, from its mean\(raw\); received: NotImplemented"),
    (
        law(log_normal, mean=lambda self, raw: tf.exp(raw[:1])),
        r"a mean of shape \(2, .*received: a tensor float32 of shape \(1, ",
    ),
    (law(lambda raw: tfd.Normal(tf.split(raw, 5, -1)[0], 1.0)), "received: .*split"),
]


@pytest.mark.parametrize("role", ["likelihood", "posterior"])
@pytest.mark.parametrize(("wrong", "message"), WRONG)
def test_a_law_of_another_shape_is_refused(wrong, message, role):
    dims = {"encoder": tiny.CODE, "decoder": tiny.DATA}
    nets = {
        name: tiny.dense([n], dims[name], name)
        for name, n in {"encoder": tiny.DATA, "decoder": tiny.CODE}.items()
    }
    posterior = law(lambda raw: tfd.Normal(raw, 1.0))()
    laws = {"posterior": posterior, "likelihood": "gaussian"}
    assert ks.VAE(**nets, **laws).built
    with pytest.raises(
        ValueError, match=f"(?s)Expected {role} Mine to give.*{message}"
    ):
        ks.VAE(**nets, **laws | {role: wrong()})


@pytest.mark.parametrize("count", ["2", 0, 1.5, True, -1])
def test_parameters_of_a_law_are_a_count(count):
    with pytest.raises(ValueError, match="`parameters` of Mine as an integer >= 1"):
        law(parameters=count)()


def test_a_constructor_that_forgets_its_base_class_is_told():
    with pytest.raises(ValueError, match=r"Forgotten to call super\(\).__init__"):
        Forgotten()


def test_a_law_may_set_its_range_in_the_constructor():
    model = tiny.build("vae", likelihood=Ranged(), compiled=False)
    assert model.likelihood_law.range == (-2.0, 3.0)
    assert ks.distributions.Gaussian(activation="tanh").range == (-1.0, 1.0)
    with pytest.raises(ValueError, match=r"data in .-2, 3"):
        model.encode(np.full((1, tiny.DATA), 3.5, "float32"))


@pytest.mark.parametrize(
    "made",
    [
        law(lambda raw: tfd.Normal(raw, 1.0)),
        law(log_normal, mean=lambda self, raw: tf.exp(raw + 0.5), moments=False),
        law(lambda raw: tfd.Poisson(log_rate=raw)),
        law(lambda raw: tfd.Bernoulli(logits=raw)),
        law(call=lambda raw: tfd.Dirichlet(tf.exp(raw))),
        # They refuse zeros.
        law(lambda raw: tfd.Gamma(raw, 1.0, validate_args=True)),
        law(call=lambda raw: tfd.Dirichlet(raw, validate_args=True)),
        law(mixture, parameters=4),
        # They have no mean at zeros.
        law(call=tfd.Dirichlet),
        law(lambda raw: tfd.StudentT(2.0 * raw, 0.0, 1.0)),
        # Its mean is the user's own.
        law(lambda raw: tfd.Cauchy(raw, 1.0), mean=lambda self, raw: raw),
    ],
)
def test_laws_that_fit_are_taken(made):
    decoder = tiny.dense([2], 3 * (made.parameters or 1), "decoder")
    model = ks.VAE(tiny.dense([3], 4, "encoder"), decoder, likelihood=made())
    assert model.data_shape == (3,)


def test_a_law_without_a_mean_is_refused():
    cauchy = law(lambda raw: tfd.Cauchy(raw, 1.0))()
    nets = tiny.dense([3], 4, "encoder"), tiny.dense([2], 3, "decoder")
    with pytest.raises(ValueError, match=r"to have a mean; .*nan.*Cauchy.*mean\(raw\)"):
        ks.VAE(*nets, likelihood=cauchy)


def test_a_law_of_ones_own_may_have_no_density():
    made = law(explicit=False, mean=lambda self, raw: tf.tanh(raw))
    decoder, critic = tiny.dense([2], 3, "decoder"), tiny.dense([3], 1, "critic")
    assert ks.GAN(decoder, critic, likelihood=made()).built
    with pytest.raises(ValueError, match="an explicit law.*received: Mine"):
        ks.VAE(tiny.dense([3], 4, "encoder"), decoder, likelihood=made())


def test_a_trial_changes_no_random_state_and_no_weight():
    class Own(ks.VAE):
        @property
        def prior(self):
            raw = self.posterior_raw(tf.zeros([1, *self.data_shape]))
            return tfd.MultivariateNormalDiag(raw[0, : self.latent_dim])

    drawn = law(lambda raw: tfd.Normal(raw + ks.noise.draw(tf.shape(raw)), 1.0))
    encoder = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5, seed=1),
            AppendNoise(2),
            keras.layers.Dense(4),
        ]
    )
    before = [np.array(one) for one in encoder.variables]
    found = []
    for own in (False, True):
        keras.utils.set_random_seed(3)
        decoder = tiny.dense([2], 3, "decoder")
        kind, likelihood = (Own, drawn()) if own else (ks.VAE, "gaussian")
        kind(encoder, decoder, likelihood=likelihood)
        found.append([tf.random.normal([3]).numpy(), np.random.normal(size=3)])
    np.testing.assert_array_equal(*found)
    for now, then in zip(encoder.variables, before, strict=True):
        np.testing.assert_array_equal(now, then)


# ---- Priors ----------------------------------------------------------------------


def with_prior(make, base=ks.VAE):
    return type("Own", (base,), {"prior": property(make)})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda self: tfd.Normal(tf.zeros(self.latent_dim), 1.0),
            r"batch_shape \(2,\)",
        ),
        (lambda self: tfd.Normal(0.0, 1.0), r"event_shape \(\)$"),
        (lambda self: tfd.MultivariateNormalDiag(tf.zeros(3)), r"event_shape \(3,\)$"),
        (lambda self: tfd.MultivariateNormalDiag(np.zeros(2)), "received: float64"),
        (lambda self: "mixture", "received: 'mixture'"),
    ],
)
def test_a_prior_of_another_shape_is_refused(make, message):
    nets = tiny.dense([3], 4, "encoder"), tiny.dense([2], 3, "decoder")
    with pytest.raises(ValueError, match=f"Expected the prior of Own to be.*{message}"):
        with_prior(make)(*nets, likelihood="gaussian")


def test_a_prior_that_reads_what_is_set_later_is_not_tried():
    def prior(self):
        return tfd.MultivariateNormalDiag(self.location)

    nets = tiny.dense([3], 4, "encoder"), tiny.dense([2], 3, "decoder")
    model = with_prior(prior)(*nets, likelihood="gaussian")
    model.location = tf.zeros([2])
    assert model.generate(2).shape == (2, 3)


# ---- Draws without a gradient ----------------------------------------------------

Bits = law(lambda raw: tfd.Bernoulli(logits=raw, dtype=tf.float32))


@pytest.mark.parametrize(
    "made",
    [Bits, law(mixture, parameters=4)],
)
def test_a_posterior_whose_draws_have_no_gradient_is_refused(made):
    encoder = tiny.dense([3], 2 * (made.parameters or 1), "encoder")
    nets = encoder, tiny.dense([2], 3, "decoder")
    with pytest.raises(ValueError, match='posterior Mine.*with a gradient.*"mean"'):
        ks.VAE(*nets, posterior=made(), likelihood="gaussian")
    model = ks.VAE(*nets, posterior=made(draw="mean"), likelihood="gaussian")
    assert model.posterior_law.draw == "mean"


def test_a_mixture_that_is_reparameterised_is_taken():
    made = law(lambda raw: mixture(raw, reparameterize=True), parameters=4)
    nets = tiny.dense([3], 8, "encoder"), tiny.dense([2], 3, "decoder")
    assert ks.VAE(*nets, posterior=made(), likelihood="gaussian").built


def test_a_decoder_that_learns_through_its_draws_needs_their_gradient():
    critic = tiny.dense([3], 1, "critic")
    decoder = tiny.dense([2], 3, "decoder")
    with pytest.raises(ValueError, match="likelihood Mine.*the decoder learns"):
        ks.GAN(decoder, critic, likelihood=Bits())
    assert ks.GAN(decoder, critic, likelihood=Bits(draw="mean")).built
    # Its samples are constants, so that nothing learns through them.
    nets = tiny.dense([3], 4, "encoder"), decoder
    assert ks.VAE(*nets, likelihood=Bits()).built
    assert ks.AAVAE(*nets, critic, likelihood=Bits()).built
    assert ks.WakeSleep(
        tiny.dense([3], 2, "encoder"), decoder, posterior=Bits(), likelihood=Bits()
    ).built


class Scored(ks.VAE):
    """It learns without a gradient through the draws."""

    through_z_q = False

    def autoencoder_loss(self, draw):
        z = tf.stop_gradient(draw.z_q)
        log_q = self.posterior_law(draw._posterior_raw).log_prob(z)
        reward = tf.stop_gradient(draw.log_p_x)
        return {"reconstruction_x": -draw.log_p_x, "score": -reward * log_q}


def test_a_method_of_ones_own_may_learn_without_it():
    nets = tiny.dense([3], 2, "encoder"), tiny.dense([2], 3, "decoder")
    model = Scored(*nets, posterior=Bits(), likelihood="gaussian")
    model.compile(keras.optimizers.SGD(0.01))
    model.fit(tiny.data(n=8)[:, :3], batch_size=8, verbose=0)


class Blind(Scored):
    def autoencoder_loss(self, draw):
        return {"reconstruction_x": -draw.log_p_x}


def test_the_error_of_a_missing_gradient_names_the_law():
    nets = tiny.dense([3], 2, "encoder"), tiny.dense([2], 3, "decoder")
    model = Blind(*nets, posterior=Bits(), likelihood="gaussian")
    model.compile(keras.optimizers.SGD(0.01))
    message = 'Expected a gradient.*draws of the posterior Mine have none.*draw="mean"'
    with pytest.raises(ValueError, match=message):
        model.fit(tiny.data(n=8)[:, :3], batch_size=8, verbose=0)


def test_a_law_s_own_draw_is_what_a_model_learns_through():
    """Straight through: bits, with the gradient of their probabilities."""

    def sample(self, raw, seed):
        p = tf.sigmoid(raw)
        bits = tf.cast(Noise(seed).uniform(tf.shape(p)) < p, tf.float32)
        return p + tf.stop_gradient(bits - p)

    made = law(base=Bits, sample=sample)
    nets = tiny.dense([3], 2, "encoder"), tiny.dense([2], 3, "decoder")
    model = ks.VAE(*nets, posterior=made(), likelihood="gaussian")
    with tf.GradientTape() as tape:
        draw = model.draw(tiny.data(n=8)[:, :3], Noise(0), True)
        loss = tf.reduce_sum(draw.log_p_x)
    assert set(np.unique(np.round(draw.z_q, 6))) <= {0.0, 1.0}
    weights = [one.value for one in model.encoder.trainable_variables]
    assert all(one is not None for one in tape.gradient(loss, weights))
