"""alpha-GAN's four losses and their gradients against NumPy; its critics' optima."""

import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from tests.models import baselines, tiny
from tests.models.tiny import run, softplus

NAMES = ("encoder", "generator", "critic", "critic_code")
LAM = 0.7


def make(**kwargs):
    settings = {"lam": LAM, "seed": 3, "likelihood": baselines.LAW, **kwargs}
    return baselines.fix(ks.AlphaGAN(**{**baselines.networks(*NAMES), **settings}))


class Reference:
    """Algorithm 1 in NumPy; `log s` and `log(1 - s)` apart, as it is printed."""

    def __init__(self, model):
        self.w = baselines.weights(model, "encoder", "decoder", "critic", "critic_code")
        self.x = tiny.data().astype(float)
        self.u = tiny.drawn(model).z.numpy().astype(float)

    @property
    def z(self):
        return run(self.w["encoder"], self.x)

    def generated(self, z):
        return run(self.w["decoder"], z)

    def log_d(self, x, name="critic"):
        """log D and log(1 - D)."""
        logit = run(self.w[name], x)
        return -softplus(-logit), -softplus(logit)

    def ratio(self, x, name="critic"):
        """-log D + log(1 - D)."""
        d, rest = self.log_d(x, name)
        return (-d + rest).mean()

    def reconstruction(self):
        return LAM * np.abs(self.x - self.generated(self.z)).sum(-1).mean()

    def encoder(self):
        return self.reconstruction() + self.ratio(self.z, "critic_code")

    def generator(self):
        made = self.generated(self.z), self.generated(self.u)
        return self.reconstruction() + sum(self.ratio(x) for x in made)

    def critic(self):
        real = -2 * self.log_d(self.x)[0]
        fake = [self.log_d(self.generated(z))[1] for z in (self.z, self.u)]
        code = self.log_d(self.u, "critic_code")[0]
        other = self.log_d(self.z, "critic_code")[1]
        return (real - fake[0] - fake[1] - code - other).mean()


def test_losses_and_gradients_match_numpy():
    model = make()
    reference = Reference(model)
    for player in model.players:
        tiny.check(model, player, getattr(reference, player), reference.w)


def test_players_follow_the_order_of_algorithm_1():
    """Each meets what those before it have learned in this step."""
    model = baselines.compiled(make())
    draw = model.draw(tf.constant(tiny.data()), model._noise(1).fold(0).fold(0), True)
    reference = Reference(model)
    reference.u = draw.z.numpy().astype(float)
    logs = model.train_on_batch(tiny.data(), return_dict=True)
    assert list(model.players) == ["encoder", "generator", "critic"]
    for name, player in model.players.items():
        loss = getattr(reference, name)
        np.testing.assert_allclose(logs[f"{name}_loss"], loss(), rtol=2e-5)
        arrays = [a for n in player.networks.split() for a in reference.w[n]]
        for array, g in zip(arrays, tiny.gradient(loss, arrays), strict=True):
            array -= g
    after = baselines.weights(model, *reference.w)
    for name, arrays in reference.w.items():
        for a, b in zip(arrays, after[name], strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-3, atol=1e-4)


def test_the_critics_are_undecided_at_zero_logits():
    """Two real terms stand against two of what is made: 0 is then their optimum."""
    model = make()
    for critic in (model.critic, model.critic_code):
        for variable in critic.variables:
            variable.assign(tf.zeros_like(variable))
    terms = model.critic_loss(tiny.drawn(model))
    np.testing.assert_allclose(terms["x"], 4 * np.log(2), rtol=1e-6)
    np.testing.assert_allclose(terms["code"], 2 * np.log(2), rtol=1e-6)
    draw = tiny.drawn(model)
    same = {"x_p": draw.x, "_reconstruction_raw": draw.x}
    _, gradients = tiny.played(model, "critic", tiny.drawn(model, **same))
    for gradient in gradients["critic"]:
        np.testing.assert_allclose(gradient, 0, atol=1e-6)


def test_it_is_saved_and_exported(tmp_path):
    model = baselines.comes_back(make(), tmp_path / "model.keras")
    assert model.lam == LAM
    z = np.random.default_rng(0).normal(size=(4, tiny.CODE)).astype("f")
    expected = run(baselines.weights(model, "critic_code")["critic_code"], z)[:, 0]
    np.testing.assert_allclose(model.log_ratio_code(z), expected, rtol=1e-4, atol=1e-5)
    more = "log_likelihood", "log_ratio", "log_ratio_code"
    baselines.exports(model, tmp_path / "saved", *more)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"lam": -1}, "lam to be finite and >= 0; received: lam=-1"),
        ({"critic": tiny.dense([tiny.CODE], 1, "c")}, r"critic to read \(3,\).*\(2,\)"),
        (
            {"critic_code": tiny.dense([tiny.DATA], 1, "c")},
            r"critic_code to read \(2,\), codes.*\(3,\)",
        ),
        ({"critic_code": tiny.dense([tiny.CODE], 2, "c")}, r"critic_code's output"),
    ],
)
def test_arguments(kwargs, message):
    with pytest.raises(ValueError, match="Expected.*" + message):
        make(**kwargs)
