"""AS-VAE: both critics' optima, the bounds, independence, and bad input."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.models import as_vae
from keras_svae.noise import Noise
from tests.models import gaussians, tiny
from tests.replicas import two_replicas

Q, P = gaussians.joints()
N = 200_000
# (7), in x, z, x^2, z^2, x z, 1.
F1 = Q.coefficients() - P.marginals.coefficients()
F2 = P.coefficients() - Q.marginals.coefficients()


def linear_model(f1=None, f2=None, part="both", rate=0.0):
    """Linear-Gaussian laws that stay as they are, and quadratic critics."""
    nets, laws = gaussians.networks()
    critics = gaussians.quadratic(f1), gaussians.quadratic(f2)
    model = ks.ASVAE(*nets, *critics, part=part, seed=1, **laws)
    critic = keras.optimizers.Adam(rate) if rate else keras.optimizers.SGD(1.0)
    model.compile(optimizer=keras.optimizers.SGD(0.0), critic_optimizer=critic)
    return model


def weights(critic):
    return np.concatenate([np.ravel(w) for w in critic.get_weights()])


def test_the_bounds_have_their_closed_forms_at_the_critics_optima():
    model = linear_model(F1, F2)
    logs = model.evaluate(gaussians.data(N), batch_size=N, verbose=0, return_dict=True)
    l_x, l_z = gaussians.bounds(Q, P)
    assert abs(l_x - l_z) > 0.1
    assert logs["bound_x"] == pytest.approx(l_x, abs=0.02)
    assert logs["bound_z"] == pytest.approx(l_z, abs=0.02)
    assert logs["autoencoder_loss"] == pytest.approx(-(l_x + l_z), abs=0.03)
    kl = gaussians.kl
    assert logs["autoencoder_kl_x"] == pytest.approx(kl(Q, P.marginals), abs=0.02)
    assert logs["autoencoder_kl_z"] == pytest.approx(kl(P, Q.marginals), abs=0.02)


def moved(model):
    """How one step of SGD(1) moves each critic: minus its gradient."""
    before = [weights(model.critic_x), weights(model.critic_z)]
    model.train_on_batch(gaussians.data(N))
    after = [weights(model.critic_x), weights(model.critic_z)]
    return [np.abs(a - b).max() for a, b in zip(before, after, strict=True)]


def test_the_critics_losses_are_stationary_at_their_optima_and_nowhere_near():
    assert max(moved(linear_model(F1, F2))) < 0.015
    # Each other's optimum, and the reversed ratio.
    for f1, f2 in ((F2, F1), (-F1, -F2)):
        assert min(moved(linear_model(f1, f2))) > 0.08


def test_pairs_that_are_kept_together_move_the_optimum(monkeypatch):
    """What the test above would see if x and z of one pair stayed together."""
    monkeypatch.setattr(as_vae, "partners", lambda codes: codes)
    by_x, by_z = moved(linear_model(F1, F2))
    assert by_x < 0.015 and by_z > 0.08

    monkeypatch.undo()
    together = property(lambda self: self.z)
    monkeypatch.setattr(as_vae.MarginalsDraw, "z_other", together)
    by_x, by_z = moved(linear_model(F1, F2))
    assert by_x > 0.08 and by_z < 0.015


def test_training_finds_both_optima():
    model = linear_model(rate=0.05)
    x = tf.data.Dataset.from_tensor_slices(gaussians.data(4096)).repeat().batch(1024)
    for rate in (0.05, 0.01, 0.002):
        model.critic_optimizer.learning_rate = rate
        model.fit(x, steps_per_epoch=200, verbose=0)
    pairs = np.concatenate([Q.draw(1000, 1), P.draw(1000, 2)])
    x, z = pairs[:, :1].astype("f"), pairs[:, 1:].astype("f")
    f1 = Q.log(pairs) - P.marginals.log(pairs)
    f2 = P.log(pairs) - Q.marginals.log(pairs)
    assert np.abs(f1 - f2).mean() > 0.3
    assert np.abs(model.log_ratio_x(x, z) - f1).mean() < 0.08
    assert np.abs(model.log_ratio_z(x, z) - f2).mean() < 0.08


def test_pairs_of_the_products_are_independent():
    draw = linear_model().draw(gaussians.data(N), Noise(4), False)

    def correlation(x, z):
        return np.corrcoef(np.ravel(x), np.ravel(z))[0, 1]

    assert correlation(*draw.q) > 0.5 and correlation(*draw.p) > 0.4
    assert abs(correlation(*draw.q_marginals)) < 0.01
    assert abs(correlation(*draw.p_marginals)) < 0.01
    # Each code is still there once: the marginal is q(z)'s.
    np.testing.assert_array_equal(np.sort(draw.z_q, 0), np.sort(draw.z_q_other, 0))
    assert not np.any(draw.z_q == draw.z_q_other)
    assert not np.any(draw.z == draw.z_other)


def test_as_vae_r_has_the_gradient_of_the_vae_at_the_critics_optimum():
    """L_x is the variational bound up to a constant, where f1 is f1*."""
    nets, laws = gaussians.networks()
    x = tf.constant(gaussians.data(N))

    def gradients(model):
        variables = [*model.encoder.variables, *model.decoder.variables]
        with tf.GradientTape() as tape:
            draw = model.draw(x, Noise(2), True)
            loss = sum(model.autoencoder_loss(draw).values()).mean()
        return np.array([np.sum(g) for g in tape.gradient(loss, variables)])

    ours = gradients(
        ks.ASVAE(*nets, gaussians.quadratic(F1), part="reconstruction", **laws)
    )
    theirs = gradients(ks.VAE(*nets, **laws))
    assert np.abs(theirs).min() > 0.05
    np.testing.assert_allclose(ours, theirs, atol=0.01)


@pytest.mark.slow
def test_the_joint_laws_come_together():
    """The symmetric KL of the joints, in closed form, while training goes on."""
    scales = {"q": 0.6, "p": 0.6, "data": (0.0, 1.0)}  # met at slopes of .8
    encoder, decoder = gaussians.linear(-0.3, 0.5), gaussians.linear(0.3, -0.7)
    model = ks.ASVAE(
        encoder,
        decoder,
        gaussians.quadratic(),
        gaussians.quadratic(),
        posterior=ks.distributions.Gaussian(0.6),
        likelihood=ks.distributions.Gaussian(0.6),
        turns={"critic": 3},
    )
    model.compile(
        optimizer=keras.optimizers.Adam(3e-3, beta_1=0.5),
        critic_optimizer=keras.optimizers.Adam(2e-2, beta_1=0.5),
    )

    def symmetric_kl():
        slopes = [[np.sum(w) for w in n.get_weights()] for n in (encoder, decoder)]
        q, p = gaussians.joints(*slopes, **scales)
        return gaussians.kl(q, p) + gaussians.kl(p, q)

    x = np.random.default_rng(0).normal(0, 1, (51_200, 1)).astype("f")
    stream = tf.data.Dataset.from_tensor_slices(x).batch(512).repeat()
    found = [symmetric_kl()]
    for _ in range(6):
        model.fit(stream, steps_per_epoch=250, verbose=0)
        found.append(symmetric_kl())
    print("symmetric KL, nats:", [round(v, 4) for v in found])
    assert found[0] > 2 and found[-1] < 0.05 * found[0]


# ---- What it refuses ---------------------------------------------------------------


def nets():
    model = tiny.build("as_vae", compiled=False)
    names = ("encoder", "decoder", "critic_x", "critic_z")
    return {name: getattr(model, name) for name in names}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"critic_z": None}, "critic_z to be a built keras.Model.*received: None"),
        ({"critic_x": tiny.dense([3], 1, "c")}, r"critic_x of pairs.*joint=True"),
        ({"critic_z": tiny.dense([3, 5], 1, "c")}, r"critic_z's z \(2,\).*\(5,\)"),
        ({"critic_x": tiny.dense([2, 2], 1, "c")}, r"critic_x's x \(3,\).*\(2,\)"),
        ({"critic_z": tiny.dense([3, 2], 2, "c")}, r"critic_z's output \(1,\)"),
        ({"part": "half"}, "part to be one of.*received: 'half'"),
        ({"likelihood": "implicit"}, "an explicit law"),
        (
            {"posterior": "implicit", "encoder": tiny.dense([3], 2, "e")},
            "an explicit law",
        ),
    ],
)
def test_arguments(change, message):
    with pytest.raises(ValueError, match="Expected.*" + message):
        ks.ASVAE(**{**nets(), "likelihood": "gaussian", **change})


def test_critics_have_weights_of_their_own():
    same = nets()
    same["critic_z"] = same["critic_x"]
    with pytest.raises(ValueError, match="two critics.*clone_model.*same one twice"):
        ks.ASVAE(**same, likelihood="gaussian")
    with pytest.raises(ValueError, match="critic_x.*received: None"):
        ks.ASVAE(same["encoder"], same["decoder"], part="reconstruction")


def test_a_part_needs_only_its_own_laws_and_critic():
    given = nets()
    del given["critic_x"]
    model = ks.ASVAE(**given, part="generation", likelihood="implicit")
    assert model.critic_x is None
    with pytest.raises(ValueError, match="part has the critic.*part='generation'"):
        model.log_ratio_x(tiny.data(), np.zeros((5, 2), "f"))
    given["encoder"] = tiny.dense([3], 2, "e")
    given["critic_x"] = given.pop("critic_z")
    ks.ASVAE(
        **given, part="reconstruction", posterior="implicit", likelihood="gaussian"
    )


def test_a_part_changes_and_logs_only_what_it_keeps():
    for method, other in (("as_vae_r", "z"), ("as_vae_g", "x")):
        model = tiny.build(method)
        logs = model.train_on_batch(tiny.data(), return_dict=True)
        assert not [name for name in logs if name.endswith("_" + other)]
        assert getattr(model, "critic_" + other) is None


@pytest.mark.parametrize("as_dataset", [False, True])
def test_a_batch_of_one_has_no_independent_partner(as_dataset):
    x = tiny.data(n=1)
    x = tf.data.Dataset.from_tensor_slices(x).batch(4) if as_dataset else x
    message = r"at least 2 examples per replica.*received: a batch of 1 on 1"
    with pytest.raises(ValueError, match=message):
        tiny.build("as_vae").fit(x, verbose=0)
    tiny.build("as_vae_r").fit(x, verbose=0)  # draws its partners from the prior


def test_no_batch_of_one_comes_later_either():
    model = tiny.build("as_vae_g")
    with pytest.raises(ValueError, match="at least 2 examples per replica"):
        model.fit(tiny.data(n=9), batch_size=4, verbose=0)
    x = tf.data.Dataset.from_tensor_slices(tiny.data(n=9)).batch(4)
    with pytest.warns(UserWarning, match="batch of 1 .*an independent partner"):
        model.fit(x, verbose=0)
    assert model.step == 2


def test_each_replica_needs_partners():
    with two_replicas().scope():
        model = tiny.build("as_vae")
    with pytest.raises(ValueError, match="received: a batch of 3 on 2 replica"):
        model.fit(tiny.data(n=9), batch_size=3, verbose=0)
