"""lambda-IJAE's losses against NumPy, Theorem 1, and the limits in lam."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.game.critic import Critic, OfModel
from keras_svae.noise import Noise, scope
from tests.models import tiny
from tests.models.ijae import (
    NAMES,
    NEAR,
    VARIANCE,
    a_draw,
    build,
    gradients,
    make,
    networks,
    reconstruction,
)
from tests.models.tiny import DATA, run, softplus


class Reference:
    """The losses in NumPy float64, by METHODS' formulas."""

    def __init__(self, model, likelihood):
        found = {n: getattr(model, n) for n in NAMES if getattr(model, n) is not None}
        self.w = {n: [np.float64(v) for v in w.weights] for n, w in found.items()}
        self.lam, self.likelihood = model.lam, likelihood
        draw = a_draw(model)
        self.x, self.z = np.float64(draw.x), np.float64(draw.z)
        with scope(draw.noise):
            fed = ks.networks.layers.AppendNoise(2)(draw.x)[:, -2:]
        self.fed = np.float64(fed)
        near = Noise(draw.noise.seed("y_real")).normal([len(self.x), DATA], "noise")
        self.y_real = self.x + 0.5 * np.float64(near)
        self.eps = np.float64(draw.noise.normal([len(self.x), DATA], "y_fake"))
        self.stopped = None

    def f(self, name, *inputs):
        return run(self.w[name], *inputs)

    @property
    def z_q(self):
        return run(self.w["encoder"], self.x, self.fed)

    def g(self, z):
        return run(self.w["decoder"], z)

    def critic(self):
        x, z = self.x, self.z_q
        loss = softplus(-self.f("critic", x)) + softplus(
            self.f("critic", self.g(self.z))
        )
        if self.likelihood is NEAR:
            y_fake = self.g(z) + np.sqrt(VARIANCE) * self.eps
            loss = loss + softplus(-self.f("critic_pair", x, z, self.y_real))
            loss = loss + softplus(self.f("critic_pair", x, z, y_fake))
        loss = (
            loss
            + softplus(-self.f("critic_code", x, self.z))
            + softplus(self.f("critic_code", x, z))
        )
        return loss.mean()

    def log_r(self):
        x, made = self.x, self.g(self.z_q)
        if self.likelihood == "gaussian":
            return (-0.5 * (x - made) ** 2 - 0.5 * np.log(2 * np.pi)).sum(-1).mean()
        if self.likelihood == "laplace":
            return (-np.abs(x - made) - np.log(2)).sum(-1).mean()
        z = self.z_q if self.stopped is None else self.stopped
        return self.f("critic_pair", x, z, made).mean()

    def generator(self):
        fake = self.f("critic", self.g(self.z)).mean()
        return -(1 - self.lam) * fake - self.lam * self.log_r()

    def encoder(self):
        return -self.lam * (
            self.log_r() + self.f("critic_code", self.x, self.z_q).mean()
        )


@pytest.mark.parametrize(
    ("likelihood", "play", "stop_code"),
    [
        (NEAR, "alternating", True),
        (NEAR, "alternating", False),
        (NEAR, "simultaneous", True),
        ("gaussian", "alternating", True),
        ("laplace", "alternating", True),
    ],
)
def test_losses_and_gradients_match_numpy(likelihood, play, stop_code):
    """Every weight moves by minus its own player's gradient, and by nothing else."""
    model = build(likelihood, play=play, eager=True, stop_code=stop_code)
    reference = Reference(model, likelihood)
    if stop_code:  # the encoder's weights have not moved when its turn comes
        reference.stopped = reference.z_q
    logs = model.train_on_batch(tiny.data(), return_dict=True)
    for name, player in model.players.items():
        loss = getattr(reference, name)
        np.testing.assert_allclose(logs[f"{name}_loss"], loss(), rtol=2e-5, atol=1e-6)
        for network in player.networks.split():
            arrays = reference.w.get(network, [])
            expected = tiny.gradient(loss, arrays)
            after = getattr(model, network).weights if arrays else []
            for array, g, new in zip(arrays, expected, after, strict=True):
                assert np.abs(g).max() > 1e-3
                np.testing.assert_allclose(array - new, g, rtol=2e-3, atol=3e-5)
                if play == "alternating":  # the next player sees it
                    array -= g
    terms = {"critic_x", "critic_code", "generator_game", "encoder_kl"}
    assert terms | {"symmetric_kl", "kl"} <= set(logs)
    assert ("critic_pair" in logs) == (likelihood is NEAR)


# ---- Theorem 1 ---------------------------------------------------------------------

SCALE = 0.7


class ClosedForm(Critic):
    """f_tau for r(y|x) = N(y; x, SCALE^2 I)."""

    def __get__(self, model, owner=None):
        return self if model is None else Known(self, model)


class Known(OfModel):
    def __call__(self, x, z, y, training=True):
        def log_normal(y, mean, variance):
            squares = (y - mean) ** 2 / variance + np.log(2 * np.pi * variance)
            return -0.5 * tf.reduce_sum(squares, -1, keepdims=True)

        log_r = log_normal(y, x, SCALE**2)
        made = self.model.known(z)
        return log_r - log_normal(y, made, self.model.fake_variance)


class Optimal(ks.IJAE):
    """Its f_tau is the closed form."""

    f_tau = ClosedForm("critic_pair", "x z y", y="x")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        # A critic knows G as it is now: its weights are constants.
        self.known = keras.models.clone_model(self.decoder)
        self.known.trainable = False

    def learn(self):
        self.known.set_weights(self.decoder.get_weights())
        return self


@pytest.mark.parametrize("stop_code", [True, False])
@pytest.mark.parametrize("variance", [1e-8, 0.09])
def test_the_gradient_at_the_optimal_critic_is_that_of_the_log_likelihood(
    variance, stop_code
):
    """Theorem 1, for any r'. For the encoder too: nothing comes through z itself."""
    given = {"fake_variance": variance, "stop_code": stop_code}
    optimal = make(cls=Optimal, **given).learn()
    exact = make(ks.distributions.Gaussian(SCALE, draw="mean"))
    ours = gradients(optimal, reconstruction(optimal))
    theirs = gradients(exact, reconstruction(exact))
    for a, b in zip(ours, theirs, strict=True):
        assert np.abs(b).max() > 0.1
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_the_default_is_the_papers_gradient():
    """(7): through z of a critic that still learns, too."""
    printed, stopped = make(), make(stop_code=True)
    ours, other = (gradients(m, reconstruction(m))[1] for m in (printed, stopped))
    same = make(stop_code=False)
    np.testing.assert_array_equal(ours, gradients(same, reconstruction(same))[1])
    assert np.abs(ours - other).max() > 0.01


def test_the_straightforward_choice_has_no_gradient():
    """y = x in place of G(z), before Theorem 1: nothing reaches the generator."""
    model = make(cls=Optimal, fake_variance=0.09).learn()

    def at_x(draw):
        return -tf.reduce_mean(model.f_tau(*draw.q, draw.x))

    assert not gradients(model, at_x)[0].any()
    assert np.abs(gradients(model, reconstruction(model))[0]).max() > 0.1


# ---- Limits ------------------------------------------------------------------------


@pytest.mark.parametrize("contrast", [False, True])
def test_lam_one_with_a_density_is_adversarial_variational_bayes(contrast):
    """Its T is -f_zeta."""
    given = {"adaptive_contrast": contrast, "contrast_draws": 3}
    model = make("gaussian", lam=1.0, **given)
    nets = networks()
    avb = ks.AdversarialVariationalBayes(
        model.encoder,
        model.decoder,
        nets["critic_code"],
        likelihood="gaussian",
        seed=3,
        **given,
    )
    kernels = model.critic_code.get_weights()
    avb.critic.set_weights([*kernels[:2], *[-w for w in kernels[2:]]])

    def both(draw):
        of_codes = model.encoder_loss(draw)
        del of_codes["reconstruction_x"]
        return sum([*model.generator_loss(draw).values(), *of_codes.values()])

    for a, b in zip(
        gradients(model, both), gradients(avb, avb.autoencoder_loss), strict=True
    ):
        assert np.abs(b).max() > 0.1
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    draw = a_draw(model)
    with scope(draw.noise):
        code = model.critic_loss(draw)["code"]
    draw = a_draw(avb)
    with scope(draw.noise):
        np.testing.assert_allclose(code, avb.critic_loss(draw), rtol=1e-6)
    x, z = np.array(draw.x), np.array(draw.z)
    ratio = model.log_ratio_code(x, z)
    np.testing.assert_allclose(ratio, -avb.log_ratio(x, z), rtol=1e-4, atol=1e-5)


class Gaussians:
    """NumPy's r(z|x) of a draw, from the encoder's codes for each of its draws."""

    def __init__(self, model, draw, count):
        x = tf.repeat(draw.x, count, axis=0)
        # As `Contrasted` draws: the encoder reads the noise of a stream of its own.
        with scope(draw.noise.fold(0)):
            z = np.float64(model.encoder(x)).reshape(len(draw.x), count, -1)
        self.mean, self.scale = z.mean(1), z.std(1, ddof=1)

    def codes(self, z):
        return (z - self.mean) / self.scale

    def over(self, z):
        """log r(z|x) - log N(z; 0, I)."""
        log_r = -0.5 * self.codes(z) ** 2 - np.log(self.scale)
        return (log_r + 0.5 * z**2).sum(-1)


def test_a_contrast_replaces_the_prior_in_the_codes_critic_by_hand():
    """(5) and (7) in normalised codes; the likelihood is still a sampler."""
    model = make(lam=0.6, adaptive_contrast=True, contrast_draws=4)
    draw = a_draw(model)
    with scope(draw.noise):
        code = float(model.critic_loss(draw)["code"].mean())
        losses = {n: float(t.mean()) for n, t in model.encoder_loss(draw).items()}
    r = Gaussians(model, draw, 4)
    x, z = np.array(draw.x), np.float64(draw.z_q)
    f = np.float64(model.critic_code([x, r.codes(z)]))[:, 0]
    real = np.float64(model.critic_code([x, draw.z.numpy()]))[:, 0]
    assert code == pytest.approx((softplus(-real) + softplus(f)).mean(), rel=1e-5)
    assert losses["kl"] == pytest.approx(-0.6 * f.mean(), rel=1e-4)
    assert losses["contrast"] == pytest.approx(0.6 * r.over(z).mean(), rel=1e-4)
    log = {name: float(term.mean()) for name, term in draw.log.items()}
    assert log["kl"] == pytest.approx((r.over(z) - f).mean(), rel=1e-4)
    # The prior's part is not small: without it the codes would know no prior.
    assert abs(losses["contrast"]) > 0.1


@pytest.mark.parametrize("likelihood", [NEAR, "gaussian"])
def test_lam_zero_is_the_reverse_kl_of_a_gan(likelihood):
    """The generator minimises minus its critic's logits, as WGAN-GP's minimises."""
    model = make(likelihood, lam=0.0)
    gan = ks.WGANGP(model.decoder, model.critic, likelihood="gaussian", seed=3)
    ours, _ = gradients(model, model.generator_loss)
    theirs = a_draw(gan)
    with tf.GradientTape() as tape:
        loss = gan.generator_loss(theirs).mean()
    expected = tape.gradient(loss, [v.value for v in gan.decoder.trainable_variables])
    expected = np.concatenate([np.ravel(g) for g in expected])
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-7)
    assert not np.any(gradients(model, model.encoder_loss)[1])


def test_lam_one_has_nothing_of_the_gan():
    model = make(lam=1.0)
    before = gradients(model, model.generator_loss)
    for weight in model.critic.weights:
        weight.assign(5 * weight)
    for a, b in zip(before, gradients(model, model.generator_loss), strict=True):
        np.testing.assert_array_equal(a, b)
    model.lam = 0.9
    assert np.any(gradients(model, model.generator_loss)[0] != before[0])
