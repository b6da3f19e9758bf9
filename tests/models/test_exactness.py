"""Losses and gradients of every method against the same arithmetic in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from tests.models import tiny
from tests.models.tiny import run, slopes, softplus

# Their critics read x alone.
OF_X = (
    *("gan", "gan_minimax", "gan_sigmoid", "gan_logit", "wgan", "wgan_gp"),
    *("unrolled_gan", "aim", "aim_minus", "aim_f_gan"),
)


class Reference:
    """A method's losses in NumPy float64, from METHODS' formulas.

    The model's noise is read off its own draw: z ~ p(z), and eps of the encoder.
    """

    def __init__(self, model, x, method, likelihood="gaussian"):
        self.w, self.x, self.method = tiny.weights(model), x.astype(float), method
        self.lam = getattr(model, "lam", 0.0)
        self.two_sided = getattr(model, "two_sided", False)
        self.likelihood = likelihood
        noise = model._noise(1).fold(0).fold(0)
        draw = model.draw(tf.constant(x), noise, True)
        self.z = draw.z.numpy().astype(float)
        self.mix = draw.noise.uniform([len(x)], "mix").numpy()[:, None].astype(float)
        if "encoder" in self.w and not method.startswith(("aim", "veegan")):
            mean, scale = self.posterior(self.x)
            self.eps = (draw.z_q.numpy() - mean) / scale
            # The contrast of AVB is a constant to its gradient.
            self.moments = mean, scale
        if method.startswith("as_vae"):
            self.z_other = draw.z_other.numpy().astype(float)

    def posterior(self, x):
        mean, raw = np.split(run(self.w["encoder"], x), 2, -1)
        return mean, 1e-3 + softplus(raw + np.log(np.e - 1))

    def location(self, z):
        """The parameter of p(x|z): a location, or a probability."""
        raw = run(self.w["decoder"], z)
        if self.likelihood in ("gaussian", "laplace"):
            return raw
        return 1 / (1 + np.exp(-raw))

    def mean(self, z):
        """E p(x|z), which stands for x ~ p(x|z)."""
        m = self.location(z)
        if self.likelihood == "continuous_bernoulli":
            return m / (2 * m - 1) + 1 / (2 * np.arctanh(1 - 2 * m))
        return m

    @property
    def z_q(self):
        if self.method == "veegan":  # deterministic
            return run(self.w["encoder"], self.x)
        mean, scale = self.posterior(self.x)
        return mean + scale * self.eps

    def f(self, *inputs, name="critic"):
        return run(self.w[name], *inputs)

    def f1(self, *inputs):
        return self.f(*inputs, name="critic_x")

    def f2(self, *inputs):
        return self.f(*inputs, name="critic_z")

    def normalised(self, z):
        if self.method == "avb":
            return z
        mean, scale = self.moments
        return (z - mean) / scale

    def log_p_x(self):
        m = self.location(self.z_q)
        if self.likelihood == "gaussian":
            each = -0.5 * (self.x - m) ** 2 - 0.5 * np.log(2 * np.pi)
        elif self.likelihood == "laplace":
            each = -np.abs(self.x - m) - np.log(2)
        else:
            each = self.x * np.log(m) + (1 - self.x) * np.log(1 - m)
        if self.likelihood == "continuous_bernoulli":
            each = each + np.log(2 * np.arctanh(1 - 2 * m) / (1 - 2 * m))
        return each.sum(-1).mean()

    def log_q_z(self):
        mean, scale = self.posterior(self.mean(self.z))
        each = -0.5 * ((self.z - mean) / scale) ** 2 - np.log(
            scale * np.sqrt(2 * np.pi)
        )
        return each.sum(-1).mean()

    def kl(self):
        mean, scale = self.posterior(self.x)
        return (0.5 * (mean**2 + scale**2 - 1) - np.log(scale)).sum(-1).mean()

    def critic(self):
        if self.method in OF_X:
            fake = self.mean(self.z)
            f_q, f_p = self.f(self.x), self.f(fake)
            if self.method == "aim_f_gan":  # minus (6) of AIM
                return np.exp(f_p - 1).mean() - f_q.mean()
            if not self.method.startswith("wgan"):
                return (softplus(-f_q) + softplus(f_p)).mean()
            if self.method == "wgan":
                return f_p.mean() - f_q.mean()
            between = self.mix * self.x + (1 - self.mix) * fake
            norm = np.sqrt((slopes(self.w["critic"], between) ** 2).sum(-1))
            return f_p.mean() - f_q.mean() + 10 * ((norm - 1) ** 2).mean()
        if self.method.startswith("as_vae"):
            return sum(self.as_vae_critics())
        if self.method.startswith("avb"):
            f_q, f_p = self.f(self.x, self.normalised(self.z_q)), self.f(self.x, self.z)
            return softplus(-f_q).mean() + softplus(f_p).mean()
        f_q, f_p = self.f(self.x, self.z_q), self.f(self.mean(self.z), self.z)
        return softplus(f_q).mean() + softplus(-f_p).mean()

    def as_vae_critics(self):
        """Minus (5) and minus (6), what the method has of them."""
        x_p = self.mean(self.z)
        if self.method != "as_vae_g":
            yield softplus(-self.f1(self.x, self.z_q)).mean()
            yield softplus(self.f1(x_p, self.z_other)).mean()
        if self.method != "as_vae_r":
            # Example i with the code of example i - 1.
            other = self.z_q[[-1, *range(len(self.x) - 1)]]
            yield softplus(-self.f2(x_p, self.z)).mean()
            yield softplus(self.f2(self.x, other)).mean()

    def as_vae(self):
        """-(L_x + L_z), by (8) and (9)."""
        bound = 0.0
        if self.method != "as_vae_g":
            bound += self.log_p_x() - self.f1(self.x, self.z_q).mean()
        if self.method != "as_vae_r":
            bound += self.log_q_z() - self.f2(self.mean(self.z), self.z).mean()
        return -bound

    def avb(self):
        t = self.f(self.x, self.normalised(self.z_q)).mean()
        if self.method == "avb_contrast":
            mean, scale = self.moments
            log_r = -0.5 * ((self.z_q - mean) / scale) ** 2 - np.log(scale)
            t += (log_r + 0.5 * self.z_q**2).sum(-1).mean()
        return t - self.log_p_x()

    def aim(self):
        """(9): the game, and (8) at codes of the prior, through the features."""
        x_p = self.mean(self.z)
        f_p = self.f(x_p)
        raw = run(self.w["encoder"], self.features(x_p))
        mean, scale = raw, 1.0
        if self.method != "aim_minus":
            mean, raw = np.split(raw, 2, -1)
            scale = 1e-3 + softplus(raw + np.log(np.e - 1))
        each = ((self.z - mean) / scale) ** 2 + np.log(2 * np.pi * scale**2)
        code = 0.5 * each.sum(-1).mean()
        if self.method == "aim_f_gan":
            return -np.exp(f_p - 1).mean() + code
        return softplus(-f_p).mean() + code / tiny.CODE

    def features(self, x):
        return np.tanh(x @ self.w["critic"][0] + self.w["critic"][1])

    def generator(self):
        if self.method == "unrolled_gan":
            kept = [a.copy() for a in self.w["critic"]]
            # The critic one step of gradient descent ahead, at this generator.
            ahead = tiny.gradient(self.critic, self.w["critic"], step=1e-5)
            self.w["critic"] = [a - 0.5 * g for a, g in zip(kept, ahead, strict=True)]
            loss = -self.critic()
            self.w["critic"] = kept
            return loss
        f_p = self.f(self.mean(self.z))
        # s and log are written out: another way than the package's.
        s = 1 / (1 + np.exp(-f_p))
        return {
            "gan_minimax": np.log(1 - s),
            "gan_sigmoid": 1 - s,
            "gan_logit": -f_p,
            "wgan": -f_p,
            "wgan_gp": -f_p,
        }.get(self.method, -np.log(s)).mean()

    def autoencoder(self):
        if self.method == "vae":
            return -self.log_p_x() + self.kl()
        if self.method.startswith("as_vae"):
            return self.as_vae()
        if self.method.startswith("avb"):
            return self.avb()
        if self.method.startswith("aim"):
            return self.aim()
        if self.method == "veegan":
            x_p = self.mean(self.z)
            squares = (self.z - run(self.w["encoder"], x_p)) ** 2
            return self.f(x_p, self.z).mean() + self.lam * squares.sum(-1).mean()
        f_q, f_p = self.f(self.x, self.z_q), self.f(self.mean(self.z), self.z)
        if self.method.startswith("svae"):
            loss = -(f_q.mean() - f_p.mean())
        elif self.method == "alice_minimax":  # (18)
            s_q, s_p = 1 / (1 + np.exp(-f_q)), 1 / (1 + np.exp(-f_p))
            loss = np.log(1 - s_q).mean() + np.log(s_p).mean()
        elif self.method == "alice_sigmoid":  # E_p s(f) - E_q s(f), and 1
            s_q, s_p = 1 / (1 + np.exp(-f_q)), 1 / (1 + np.exp(-f_p))
            loss = 1 + s_p.mean() - s_q.mean()
        else:
            loss = softplus(-f_q).mean() + softplus(f_p).mean()
        of_x, of_z = {
            "svae_r_pair": (0.7, 0.3),
            "svae_r_mean": (0.7 / tiny.DATA, 0.3 / tiny.CODE),
        }.get(self.method, (self.lam, self.lam))
        if of_x:
            loss -= of_x * self.log_p_x()
            if self.two_sided:
                loss -= of_z * self.log_q_z()
        return loss


# The others take their step eagerly, which takes a fraction of the time.
GRAPHS = ("svae_r", "as_vae", "wgan_gp")
CASES = [(method, "gaussian") for method in [*tiny.METHODS, *tiny.VARIANTS]] + [
    ("as_vae", "bernoulli"),
    ("avb_contrast", "bernoulli"),
    ("vae", "bernoulli"),
    ("vae", "continuous_bernoulli"),
    ("svae_r", "bernoulli"),
    ("svae_r", "laplace"),
    ("alice", "continuous_bernoulli"),
]


@pytest.mark.parametrize(("method", "likelihood"), CASES)
def test_losses_and_gradients_match_numpy(method, likelihood):
    """One step of SGD(1): each weight moves by minus its player's gradient."""
    eager = method not in GRAPHS
    model = tiny.build(method, likelihood, play="alternating", eager=eager)
    x = tiny.data()
    reference = Reference(model, x, method, likelihood)
    logs = model.train_on_batch(x, return_dict=True)
    after = tiny.weights(model)
    # In playing order: the second player meets the first one's updated weights.
    for name, player in model.players.items():
        loss = getattr(reference, name)
        np.testing.assert_allclose(logs[f"{name}_loss"], loss(), rtol=2e-5)
        names = [n for n in player.networks.split() if n in reference.w]
        arrays = [a for n in names for a in reference.w[n]]
        expected = tiny.gradient(loss, arrays)
        moved = [a for n in names for a in after[n]]
        assert max(np.abs(g).max() for g in expected) > 0.01
        for array, g, new in zip(arrays, expected, moved, strict=True):
            np.testing.assert_allclose(array - new, g, rtol=2e-3, atol=3e-5)
            array -= g


@pytest.mark.parametrize("method", [m for m in tiny.METHODS if m != "vae"])
def test_simultaneous_play_takes_all_gradients_at_the_same_weights(method):
    kwargs = {"turns": {"critic": 1}, "play": "simultaneous"}
    model = tiny.build(method, eager=True, **kwargs)
    x = tiny.data()
    reference = Reference(model, x, method)
    model.train_on_batch(x)
    after = tiny.weights(model)
    for name, player in model.players.items():
        names = [n for n in player.networks.split() if n in reference.w]
        arrays = [a for n in names for a in reference.w[n]]
        expected = tiny.gradient(getattr(reference, name), arrays)
        moved = [a for n in names for a in after[n]]
        for array, g, new in zip(arrays, expected, moved, strict=True):
            np.testing.assert_allclose(array - new, g, rtol=2e-3, atol=3e-5)


@pytest.mark.parametrize(
    ("method", "base"),
    [("alice", "ali"), ("alice_two_sided", "ali"), ("svae_r", "svae")],
)
def test_lam_zero_is_the_unregularised_method(method, base):
    regularised = tiny.build(method, lam=0.0, eager=True)
    plain = tiny.build(base, eager=True)
    different = tiny.build(method, eager=True)
    for model in (regularised, plain, different):
        model.train_on_batch(tiny.data())
    for a, b in zip(
        regularised.trainable_variables, plain.trainable_variables, strict=True
    ):
        np.testing.assert_array_equal(a, b)
    kernels = [m.encoder.weights[0].numpy() for m in (plain, different)]
    assert np.abs(kernels[0] - kernels[1]).max() > 1e-3


def test_svae_with_log_sigmoid_for_f_has_the_gradient_of_ali():
    """(19): `+-f` replaced by `log s(+-f)` in (14)."""

    class Replaced(ks.SVAE):
        def matching(self, f_p, f_q):
            log_s = tf.math.log_sigmoid
            # Minus [E_q log s(f) + E_p log s(-f)].
            return -(tf.reduce_mean(log_s(f_q)) + tf.reduce_mean(log_s(-f_p)))

    ali, svae = (tiny.build(name, eager=True) for name in ("ali", "svae"))
    nets = tiny.build("svae", compiled=False)
    replaced = Replaced(
        nets.encoder, nets.decoder, nets.critic, likelihood="gaussian", seed=3
    )
    replaced.compile(optimizer="sgd", critic_optimizer="sgd", run_eagerly=True)
    replaced.optimizer.learning_rate = replaced.critic_optimizer.learning_rate = 1.0
    for model in (ali, svae, replaced):
        model.train_on_batch(tiny.data())
    for a, b in zip(ali.trainable_variables, replaced.trainable_variables, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    kernels = [m.encoder.weights[0].numpy() for m in (ali, svae)]
    assert np.abs(kernels[0] - kernels[1]).max() > 1e-3
