"""Methods of On Unifying Deep Generative Models against the same sums in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from tests.models import tiny
from tests.models.tiny import run, softplus


def one_hot(y):
    return np.eye(tiny.CLASSES)[np.asarray(y)]


# ---- Importance weighted GANs ------------------------------------------------------


@pytest.mark.fixed_seed
@pytest.mark.parametrize("method", ["iwgan", "iwcgan"])
def test_iwgan_has_the_gradient_of_43(method):
    """The sum of normalised weights D / (1 - D), constants, times each gradient."""
    # Samples are means, so that the decoder's weights are all there is.
    model = tiny.build(method, ks.distributions.Gaussian(draw="mean"), compiled=False)
    draw = tiny.drawn(model)
    model.critic.weights[2].assign(8 * model.critic.weights[2])
    f = model.f(draw.x_p, draw.y)
    model.critic.weights[3].assign(model.critic.weights[3] - tf.reduce_mean(f, 0))
    w, z = tiny.weights(model), draw.z.numpy()
    y = [] if draw.labels is None else [one_hot(draw.labels)]

    def f():
        return run(w["critic"], run(w["decoder"], z, *y), *y)[:, 0]

    d = 1 / (1 + np.exp(-f()))
    weights = d / (1 - d) / (d / (1 - d)).sum()
    assert weights.max() > 1.5 / len(weights)

    def loss(weights=weights):
        return -(weights * np.log(1 / (1 + np.exp(-f())))).sum()

    tiny.check(model, "generator", loss, w)
    # Not the gradient with the weights differentiated.
    other = tiny.gradient(lambda: loss(np.exp(f()) / np.exp(f()).sum()), w["decoder"])
    wanted = tiny.gradient(loss, w["decoder"])
    assert np.abs(other[0] - wanted[0]).max() > 0.01


@pytest.mark.parametrize("case", ["one sample", "equal f"])
def test_iwgan_without_a_choice_is_gan(case):
    found = []
    for method in ("gan", "iwgan"):
        law = ks.distributions.Gaussian(draw="mean")
        model = tiny.build(method, law, compiled=False)
        draw = tiny.drawn(model)
        z = draw.z[:1] if case == "one sample" else tf.repeat(draw.z[:1], 4, 0)
        found.append(tiny.played(model, "generator", tiny.drawn(model, z=z)))
    (gan, of_gan), (iwgan, of_iwgan) = found
    np.testing.assert_allclose(gan[""], iwgan[""], rtol=1e-6)
    for one, other in zip(of_gan["decoder"], of_iwgan["decoder"], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


# ---- VAEs, with classes and with an adversary ---------------------------------------


class Reference:
    """Bounds in NumPy float64, of data and of samples, the draw's noise kept.

    Attributes:
        w: Weights by network, which the losses read.
    """

    def __init__(self, model, draw):
        self.model, self.w = model, tiny.weights(model)
        self.temperature = getattr(model, "temperature", None)
        self.parts = [self.part(draw)]
        self.logits, self.weights = [], [1.0]
        if self.temperature:
            self.parts.append(self.part(draw.fakes))
            # Weights are constants.
            self.logits = [self.f(x, y)[:, 0] for x, y, _, _ in self.parts]
            self.weights = [
                1 / (1 + np.exp(-f / self.temperature)) for f in self.logits
            ]
            if model.constant is not None:
                self.weights = [1.0, model.constant]

    def part(self, draw):
        x = draw.x.numpy().astype(float)
        y = None if draw.labels is None else np.asarray(draw.labels)
        eps = []
        if self.model.unlabelled:
            z = draw.of_each_class.z_q.numpy().reshape(len(x), tiny.CLASSES, -1)
            for c in range(tiny.CLASSES):
                mean, scale = self.posterior(x, np.full(len(x), c))
                eps.append((z[:, c] - mean) / scale)
        else:
            mean, scale = self.posterior(x, y)
            eps = (draw.z_q.numpy() - mean) / scale
        return x, y, eps, draw.x_p.numpy().astype(float)

    def inputs(self, x, y):
        return (x,) if y is None else (x, one_hot(y))

    def posterior(self, x, y):
        mean, raw = np.split(run(self.w["encoder"], *self.inputs(x, y)), 2, -1)
        return mean, 1e-3 + softplus(raw + np.log(np.e - 1))

    def f(self, x, y):
        y = None if self.model.unlabelled else y
        return run(self.w["critic"], *self.inputs(x, y))

    def minus_bound(self, x, y, eps):
        """-E log p(x|z, y) + KL(q(z|x, y) || p(z)), (batch,)."""
        mean, scale = self.posterior(x, y)
        location = run(self.w["decoder"], *self.inputs(mean + scale * eps, y))
        log_p = -0.5 * (x - location) ** 2 - 0.5 * np.log(2 * np.pi)
        kl = 0.5 * (mean**2 + scale**2 - 1) - np.log(scale)
        return kl.sum(-1) - log_p.sum(-1)

    def probabilities(self, x):
        logits = np.exp(run(self.w["classifier"], x))
        return logits / logits.sum(-1, keepdims=True)

    def m2(self, x, y, eps):
        """Minus (6) or minus (7) of Kingma et al., class by class, (batch,)."""
        q = self.probabilities(x)
        prior = np.log(1 / tiny.CLASSES)
        each = np.stack(
            [
                self.minus_bound(x, np.full(len(x), c), eps[c]) - prior
                for c in range(tiny.CLASSES)
            ],
            -1,
        )
        found = []
        for i, label in enumerate(y):
            if label >= 0:
                found.append(each[i, label])
            else:
                entropy = -sum(p * np.log(p) for p in q[i])
                found.append(sum(q[i] * each[i]) - entropy)
        return np.array(found)

    def autoencoder(self):
        terms = self.m2 if self.model.unlabelled else self.minus_bound
        loss = 0
        for (x, y, eps, _), weights in zip(self.parts, self.weights, strict=True):
            loss += (weights * terms(x, y, eps)).mean()
        if self.model.unlabelled:
            x, y = self.parts[0][:2]
            log_q = np.log(self.probabilities(x))
            chosen = [log_q[i, label] for i, label in enumerate(y) if label >= 0]
            loss -= self.model.alpha * np.mean(chosen)
        return loss

    def critic(self):
        x, y, _, x_p = self.parts[0]
        return softplus(-self.f(x, y)).mean() + softplus(self.f(x_p, y)).mean()


@pytest.mark.parametrize(
    "method",
    ["cvae", "aavae", "aacvae", "semi_supervised_vae", "aa_semi_supervised_vae"],
)
def test_losses_and_gradients_of_vaes_match_numpy(method):
    model = tiny.build(method, compiled=False)
    reference = Reference(model, tiny.drawn(model))
    for player in model.players:
        draw = tiny.check(model, player, getattr(reference, player), reference.w)
    if reference.temperature:
        for name, f in zip(("real", "fake"), reference.logits, strict=True):
            mean = np.mean(1 / (1 + np.exp(-f / reference.temperature)))
            np.testing.assert_allclose(draw.log[f"weight_{name}"], mean, rtol=1e-5)


@pytest.mark.parametrize("method", ["aavae", "aacvae", "aa_semi_supervised_vae"])
def test_a_perfect_discriminator_leaves_the_vae(method):
    """D = 1 on data and 0 on samples: (17) is (12), its loss and its gradient."""
    activated = tiny.build(method, compiled=False)
    plain = tiny.build(
        {"aavae": "vae", "aacvae": "cvae"}.get(method, "semi_supervised_vae"),
        compiled=False,
    )
    for name in activated.players["autoencoder"].networks.split():
        getattr(plain, name).set_weights(getattr(activated, name).get_weights())
    # Samples lie far off the data, and the critic knows on which side.
    for model in (activated, plain):
        model.decoder.weights[-1].assign(tf.fill([tiny.DATA], 20.0))
    reads = activated.critic.weights[0].shape[0]
    kernel = np.zeros((reads, 4), "f")
    kernel[: tiny.DATA, 0] = -5
    activated.critic.set_weights(
        [kernel, np.full(4, 100, "f"), np.array([[300.0], [0], [0], [0]]), np.zeros(1)]
    )
    draw = tiny.drawn(activated)
    terms, gradients = tiny.played(activated, "autoencoder", draw)
    seen = [float(draw.log[f"weight_{name}"]) for name in ("real", "fake")]
    assert seen == [1, 0]
    expected, wanted = tiny.played(plain, "autoencoder", tiny.drawn(plain))
    assert terms.keys() == expected.keys()
    for name in terms:
        np.testing.assert_allclose(terms[name], expected[name], rtol=1e-6)
    for name in wanted:
        for one, other in zip(gradients[name], wanted[name], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def test_temperature_smooths_the_weights_and_leaves_the_critic():
    weights, losses = [], []
    for temperature in (1.0, 5.0):
        model = tiny.build("aavae", temperature=temperature, compiled=False)
        draw = tiny.drawn(model)
        losses.append(float(model.critic_loss(draw)))
        weights.append(model.discriminator(draw).numpy())
    assert losses[0] == losses[1]
    logits = np.log(weights) - np.log1p(-np.array(weights))
    np.testing.assert_allclose(logits[0], 5 * logits[1], rtol=1e-4)
    assert np.abs(logits[0]).min() > 0.01


@pytest.mark.parametrize("constant", [0.0, 0.5])
@pytest.mark.parametrize("method", ["aavae", "aa_semi_supervised_vae"])
def test_constant_weights_leave_the_adversary_out(method, constant):
    model = tiny.build(method, constant=constant, compiled=False)
    reference = Reference(model, tiny.drawn(model))
    for player in model.players:  # the critic learns as ever
        draw = tiny.check(model, player, getattr(reference, player), reference.w)
    seen = [float(draw.log[f"weight_{name}"]) for name in ("real", "fake")]
    assert seen == [1, constant]


@pytest.mark.parametrize("value", [-0.5, float("nan"), "1", True])
def test_a_constant_weight_is_not_negative(value):
    with pytest.raises(ValueError, match="constant to be finite and >= 0; received"):
        tiny.build("aavae", constant=value, compiled=False)


@pytest.mark.parametrize("value", [0.0, -1.0, float("inf"), None, "2", True])
def test_a_temperature_is_positive(value):
    with pytest.raises(ValueError, match="temperature to be finite and > 0; received"):
        tiny.build("aavae", temperature=value, compiled=False)


# ---- M2 ----------------------------------------------------------------------------


def test_bounds_of_m2_are_those_of_each_class():
    """-L(x, y) from the decoder's and encoder's laws, and -U(x) from them."""
    model = tiny.build("semi_supervised_vae", compiled=False)
    x, _ = tiny.batch(model)
    # One example of each bound shares its noise with no other, so that it is the mean.
    many = np.repeat(x[:1], 4000, 0)
    labelled = [model.bound(many, c).numpy() for c in range(tiny.CLASSES)]
    for c, found in enumerate(labelled):
        q = model.posterior(x[:1], c)
        z = q.sample(4000, seed=ks.noise.Noise([1, c]).key)[:, 0]
        log_p = model.likelihood(z, c).log_prob(x[:1])
        kl = model.prior.log_prob(z) - q.log_prob(z)
        expected = (log_p + kl).numpy() - np.log(tiny.CLASSES)
        error = np.hypot(expected.std(), found.std()) / np.sqrt(4000)
        assert abs(found.mean() - expected.mean()) < 5 * error
    p = model.classify(x[:1])[0].numpy()
    means = np.array([found.mean() for found in labelled])
    assert np.ptp(means) > 0.1
    unlabelled = model.bound(many).numpy()
    np.testing.assert_allclose(unlabelled, model.bound(many, -1))
    # log p(y) is in `labelled`, so this is sum q (-L) + H(q).
    expected = (p * means).sum() - (p * np.log(p)).sum()
    error = unlabelled.std() / np.sqrt(4000) + 0.01
    assert abs(unlabelled.mean() - expected) < 5 * error


def test_m2_infers_the_class_that_is_not_given():
    model = tiny.build("semi_supervised_vae", compiled=False)
    x = 5 * tiny.data(n=20) - 2
    p = model.classify(x).numpy()
    np.testing.assert_allclose(p.sum(-1), 1, rtol=1e-5)
    y = p.argmax(-1)
    assert len(set(y)) > 1
    np.testing.assert_array_equal(model.encode(x), model.encode(x, y))
    np.testing.assert_array_equal(model.reconstruct(x), model.reconstruct(x, y))
    other = np.where(np.arange(20) < 10, -1, (y + 1) % 3)
    mixed = model.encode(x, other).numpy()
    np.testing.assert_array_equal(mixed[:10], model.encode(x, y)[:10])
    assert np.abs(mixed[10:] - model.encode(x, y)[10:]).max() > 0.01
    np.testing.assert_allclose(model((x, other))[:10], model.reconstruct(x)[:10], 1e-5)


def test_m2_evaluates_its_classifier_on_labelled_examples():
    model = tiny.build("semi_supervised_vae")
    x = tiny.data(n=8)
    right = model.classify(x).numpy().argmax(-1)
    y = np.array([*right[:2], *(right[2:4] + 1) % 3, -1, -1, -1, -1])
    found = model.evaluate(x, y, batch_size=8, verbose=0, return_dict=True)
    assert found["accuracy"] == 0.5
