"""lambda-IJAE: Theorem 1, losses against NumPy, limits in lam, and what it refuses."""

import keras
import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf

import keras_svae as ks
from keras_svae.callbacks import views
from keras_svae.evaluation.subject import Subject
from keras_svae.noise import Noise, scope
from tests.models import gaussians, tiny
from tests.models.tiny import CODE, DATA, dense, run, softplus
from tests.replicas import two_replicas

NAMES = ("encoder", "decoder", "critic", "critic_pair", "critic_code")
NEAR = ks.distributions.GaussianNoise(0.5, "linear")
WEIGHT, VARIANCE = 0.3, 0.04


def noisy_encoder():
    """An implicit one."""
    x = keras.Input((DATA,))
    hidden = ks.networks.layers.AppendNoise(2)(x)
    hidden = keras.layers.Dense(4, activation="tanh")(hidden)
    return keras.Model(x, keras.layers.Dense(CODE)(hidden), name="encoder")


def networks():
    return {
        "encoder": noisy_encoder(),
        "generator": dense([CODE], DATA, "generator"),
        "critic_x": dense([DATA], 1, "critic_x"),
        "critic_pair": dense([DATA, CODE, DATA], 1, "critic_pair"),
        "critic_code": dense([DATA, CODE], 1, "critic_code"),
    }


def fix(model):
    """Gives the weights values that depend on nothing but their shapes."""
    rng = np.random.default_rng(7)
    for variable in model.trainable_variables:
        variable.assign(0.6 * rng.normal(size=variable.shape))
    return model


def make(likelihood=NEAR, cls=ks.IJAE, **kwargs):
    settings = {"lam": WEIGHT, "fake_variance": VARIANCE, "seed": 3, **kwargs}
    return fix(cls(**networks(), likelihood=likelihood, **settings))


def build(likelihood=NEAR, optimizer=keras.optimizers.SGD, eager=False, **kwargs):
    """A compiled model: a step of SGD(1) moves a weight by minus its gradient."""
    model = make(likelihood, **kwargs)
    names = {player.optimizer for player in model.players.values()}
    model.compile(**{n: optimizer(1.0) for n in names}, run_eagerly=eager)
    return model


def a_draw(model, seed=0):
    """What `train_on_batch` will draw first."""
    noise = model._noise(1).fold(model.step).fold(0)
    return model.draw(tf.constant(tiny.data(seed)), noise, True)


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
        return self.f("critic_pair", x, self.z_q, made).mean()

    def generator(self):
        fake = self.f("critic", self.g(self.z)).mean()
        return -(1 - self.lam) * fake - self.lam * self.log_r()

    def encoder(self):
        return -self.lam * (
            self.log_r() + self.f("critic_code", self.x, self.z_q).mean()
        )


@pytest.mark.parametrize(
    ("likelihood", "play"),
    [
        (NEAR, "alternating"),
        (NEAR, "simultaneous"),
        ("gaussian", "alternating"),
        ("laplace", "alternating"),
    ],
)
def test_losses_and_gradients_match_numpy(likelihood, play):
    """Every weight moves by minus its own player's gradient, and by nothing else."""
    model = build(likelihood, play=play, eager=True)
    reference = Reference(model, likelihood)
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


class Optimal(ks.IJAE):
    """f_tau is the closed form for r(y|x) = N(y; x, SCALE^2 I)."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        # A critic knows G as it is now: its weights are constants.
        self.known = keras.models.clone_model(self.decoder)
        self.known.trainable = False

    def learn(self):
        self.known.set_weights(self.decoder.get_weights())
        return self

    def f_tau(self, x, z, y, training=True):
        def log_normal(y, mean, variance):
            squares = (y - mean) ** 2 / variance + np.log(2 * np.pi * variance)
            return -0.5 * tf.reduce_sum(squares, -1, keepdims=True)

        log_r = log_normal(y, x, SCALE**2)
        return log_r - log_normal(y, self.known(z), self.fake_variance)


def gradients(model, loss):
    """Of a loss for generator and encoder, one vector each; zeros where it has none."""
    draw, found = a_draw(model), []
    nets = model.decoder, model.encoder
    with tf.GradientTape(persistent=True) as tape, scope(draw.noise):
        value = loss(draw)
        total = sum(value.values()) if isinstance(value, dict) else value
    for net in nets:
        weights = [v.value for v in net.trainable_variables]
        parts = tape.gradient(total, weights, unconnected_gradients="zero")
        found.append(np.concatenate([np.ravel(g) for g in parts]))
    return found


def reconstruction(model):
    """Minus the mean of what stands for log r(x|G(z))."""
    return lambda draw: -tf.reduce_mean(model.log_r(draw))


@pytest.mark.parametrize("variance", [1e-8, 0.09])
def test_the_gradient_at_the_optimal_critic_is_that_of_the_log_likelihood(variance):
    """Theorem 1, for any r'. It holds for the encoder too."""
    optimal = make(cls=Optimal, fake_variance=variance).learn()
    exact = make(ks.distributions.Gaussian(SCALE, draw="mean"))
    ours = gradients(optimal, reconstruction(optimal))
    theirs = gradients(exact, reconstruction(exact))
    for a, b in zip(ours, theirs, strict=True):
        assert np.abs(b).max() > 0.1
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_the_straightforward_choice_has_no_gradient():
    """y = x in place of G(z), before Theorem 1: nothing reaches the generator."""
    model = make(cls=Optimal, fake_variance=0.09).learn()

    def at_x(draw):
        return -tf.reduce_mean(model.f_tau(*draw.q, draw.x))

    assert not gradients(model, at_x)[0].any()
    assert np.abs(gradients(model, reconstruction(model))[0]).max() > 0.1


# ---- The critics -------------------------------------------------------------------

# q(x) = N(.4, 1), q(z|x) = N(.6 x, .8^2), G(z) = .5 z - .3, r = N(., .7^2).
R, R_FAKE = 0.7, 0.6
(MEAN, SPREAD), (SLOPE, OFFSET) = gaussians.DATA, gaussians.SLOPES["decoder"]
Z_SLOPE, Z_SCALE = gaussians.SLOPES["encoder"][0], gaussians.Q_SCALE


def features(*inputs):
    """1, all inputs, and all products of two."""
    given = [np.ones_like(inputs[0]), *inputs]
    n = len(given)
    return np.concatenate(
        [given[i] * given[j] for i in range(n) for j in range(i, n)], -1
    )


def fitted(log_ratio, n):
    """The coefficients of a log ratio that is quadratic in n numbers."""
    points = np.random.default_rng(0).normal(size=(n, 50, 1))
    return np.linalg.lstsq(features(*points), log_ratio(*points), rcond=None)[0]


def quadratic(coefficients, n):
    """A critic of n numbers that is this quadratic function."""
    inputs = [keras.Input((1,)) for _ in range(n)]
    given = keras.layers.Concatenate()(inputs) if n > 1 else inputs[0]
    products = [
        keras.layers.Multiply()([given[:, i : i + 1], given[:, j : j + 1]])
        for i in range(n)
        for j in range(i, n)
    ]
    dense = keras.layers.Dense(1)
    model = keras.Model(
        inputs if n > 1 else inputs[0],
        dense(keras.layers.Concatenate()([given, *products])),
    )
    # Ones of `features`: constant and linear terms come first.
    dense.set_weights([coefficients[1:], coefficients[0]])
    return model


def log_normal(y, mean, scale):
    return -0.5 * ((y - mean) / scale) ** 2 - np.log(scale)


OPTIMA = {
    "critic_x": (
        lambda x: log_normal(x, MEAN, SPREAD) - log_normal(x, OFFSET, SLOPE),
        1,
    ),
    "critic_pair": (
        lambda x, z, y: log_normal(y, x, R) - log_normal(y, SLOPE * z + OFFSET, R_FAKE),
        3,
    ),
    "critic_code": (
        lambda x, z: log_normal(z, 0, 1) - log_normal(z, Z_SLOPE * x, Z_SCALE),
        2,
    ),
}


def test_the_critics_losses_are_stationary_at_their_optima_and_nowhere_near():
    x = tf.constant(gaussians.data(200_000))

    def slopes(sign):
        """The largest gradient of each critic's weights."""
        nets, laws = gaussians.networks()
        critics = {
            name: quadratic(sign * fitted(*optimum), optimum[1])
            for name, optimum in OPTIMA.items()
        }
        laws["likelihood"] = ks.distributions.GaussianNoise(R, "linear")
        model = ks.IJAE(*nets, **critics, fake_variance=R_FAKE**2, **laws)
        with tf.GradientTape() as tape:
            loss = sum(model.critic_loss(model.draw(x, Noise(5), True)).values())
        found = tape.gradient(loss, [c.trainable_weights for c in critics.values()])
        return [max(np.abs(g).max() for g in one) for one in found]

    assert max(slopes(1)) < 0.015
    assert min(slopes(-1)) > 0.1


# ---- Limits ------------------------------------------------------------------------


def test_lam_one_with_a_density_is_adversarial_variational_bayes():
    """Its T is -f_zeta."""
    model = make("gaussian", lam=1.0)
    nets = networks()
    avb = ks.AdversarialVariationalBayes(
        model.encoder,
        model.decoder,
        nets["critic_code"],
        likelihood="gaussian",
        seed=3,
    )
    kernels = model.critic_code.get_weights()
    avb.critic.set_weights([*kernels[:2], *[-w for w in kernels[2:]]])

    def both(draw):
        return sum(model.generator_loss(draw).values()) + model.encoder_loss(draw)["kl"]

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


@pytest.mark.parametrize("likelihood", [NEAR, "gaussian"])
def test_lam_zero_is_the_reverse_kl_of_a_gan(likelihood):
    """The generator minimises minus its critic's logits, as WGAN-GP's minimises."""
    model = make(likelihood, lam=0.0)
    gan = ks.WGANGP(model.decoder, model.critic, likelihood="gaussian", seed=3)
    ours, _ = gradients(model, model.generator_loss)
    theirs = a_draw(gan)
    with tf.GradientTape() as tape:
        loss = gan.generator_loss(theirs)
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


def best_slope(lam):
    """The slope a of G(z) = a z + b at the objective's minimum, for r = N(., R^2).

    q(x) has variance 1 and the encoder can be the exact posterior, so that the ELBO is
    log p(x): (1 - lam) KL(N(b, a^2) || q) + lam KL(q || N(b, a^2 + R^2)).
    """

    def objective(a):
        wide = a**2 + R**2
        reverse = 0.5 * (a**2 - 1 - np.log(a**2))
        return (1 - lam) * reverse + lam * 0.5 * (np.log(wide) + 1 / wide)

    return scipy.optimize.minimize_scalar(objective, bounds=(0.2, 2)).x


@pytest.mark.slow
@pytest.mark.parametrize("lam", [0.0, 0.5, 1.0])
def test_training_ends_at_the_objectives_minimum(lam):
    """All five networks at once, from critics that know nothing: the dial in lam."""
    x, dense = keras.Input((1,)), keras.layers.Dense(1)
    encoder = keras.Model(x, dense(ks.networks.layers.AppendNoise(1)(x)))
    dense.set_weights([np.array([[0.3], [0.5]]), np.zeros(1)])
    generator = gaussians.linear(0.5, -0.3)
    critics = [quadratic(0 * fitted(*OPTIMA[n]), OPTIMA[n][1]) for n in OPTIMA]
    law = ks.distributions.GaussianNoise(R, "linear")
    model = ks.IJAE(
        encoder,
        generator,
        *critics,
        lam=lam,
        likelihood=law,
        fake_variance=0.16,
        turns={"critic": 2},
    )

    def adam(rate, steps, alpha=0.0):
        rate = keras.optimizers.schedules.CosineDecay(rate, steps, alpha=alpha)
        return keras.optimizers.Adam(rate, beta_1=0.5)

    model.compile(
        optimizer=adam(3e-3, 1500),
        encoder_optimizer=adam(3e-3, 1500),
        critic_optimizer=adam(2e-2, 3000, alpha=0.1),
        steps_per_execution=50,
    )
    data = gaussians.data(102_400)
    stream = tf.data.Dataset.from_tensor_slices(data).batch(512).repeat()
    model.fit(stream, steps_per_epoch=1500, verbose=0)
    slope, offset = (float(np.squeeze(w)) for w in generator.get_weights())
    print(f"lam {lam}: slope {slope:.3f}, exact {best_slope(lam):.3f}")
    assert slope == pytest.approx(best_slope(lam), abs=0.03)
    assert offset == pytest.approx(MEAN, abs=0.03)
    if lam:  # the exact posterior of this generator
        kernel, _ = encoder.get_weights()
        total = slope**2 + R**2
        assert kernel[0, 0] == pytest.approx(slope / total, abs=0.03)
        assert abs(kernel[1, 0]) == pytest.approx(R / np.sqrt(total), abs=0.03)


# ---- What else a model does --------------------------------------------------------


@keras.saving.register_keras_serializable(package="tests")
def nearby(x, noise):
    return x + 0.3 * noise.normal(tf.shape(x), "mine")


def test_a_saved_model_goes_on_as_the_one_that_was_saved(tmp_path):
    """With a sampler of the user's own."""
    own = ks.distributions.Sampled(nearby, "linear")
    model = build(own, optimizer=keras.optimizers.Adam, eager=True)
    for name in ("optimizer", "encoder_optimizer", "critic_optimizer"):
        getattr(model, name).learning_rate = 0.01
    model.fit(tiny.data(n=10), batch_size=5, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.lam == WEIGHT and again.fake_variance == VARIANCE
    for one in (model, again):
        one.fit(tiny.data(1, n=10), batch_size=5, shuffle=False, verbose=0)
    for a, b in zip(model.variables, again.variables, strict=True):
        np.testing.assert_array_equal(a, b)
    assert again.step == 4 and int(again.critic_optimizer.iterations) == 4
    ratios = views.log_ratios(model, tiny.data(n=20))
    assert ratios["symmetric_kl"] == pytest.approx(
        ratios["q"].mean() - ratios["p"].mean()
    )


def test_endpoints_give_the_log_ratios_of_all_critics():
    x, y, z = tiny.data(), tiny.data(1), np.ones((5, CODE), "f")
    model = make()
    subject = Subject.of(model)
    for name, given in (("", [x]), ("_pair", [x, z, y]), ("_code", [x, z])):
        found = subject("log_ratio" + name, *given)["log_ratio"]
        exact = getattr(model, "log_ratio" + name)(*given)
        np.testing.assert_allclose(found, exact, rtol=1e-5)
        assert np.std(exact) > 1e-3
    assert subject.about["log_ratio"] == {"above": "q", "below": "p", "reads": ["x"]}
    explicit = make("gaussian")
    assert not Subject.of(explicit).offers("log_ratio_pair")
    with pytest.raises(ValueError, match="critic_pair; received: Gaussian"):
        explicit.log_ratio_pair(x, z, y)


@pytest.mark.slow
def test_two_replicas_train():
    with two_replicas().scope():
        model = build()
    model.fit(tf.data.Dataset.from_tensor_slices(tiny.data(n=16)).batch(8), verbose=0)
    assert model.step == 2


@pytest.mark.slow
def test_a_savedmodel_has_them_too(tmp_path):
    make().export(tmp_path / "saved")
    saved = tf.saved_model.load(tmp_path / "saved")
    found = saved.log_ratio_pair(tiny.data(), np.ones((5, CODE), "f"), tiny.data(1))
    exact = make().log_ratio_pair(tiny.data(), np.ones((5, CODE), "f"), tiny.data(1))
    np.testing.assert_allclose(found["log_ratio"], exact, rtol=1e-5)


def image_networks():
    """For images of 6 x 6."""
    x, y, z = keras.Input((6, 6, 1)), keras.Input((6, 6, 1)), keras.Input((CODE,))
    flat = keras.layers.Flatten()

    def critic(inputs):
        given = [flat(one) if len(one.shape) == 4 else one for one in inputs]
        given = keras.layers.Concatenate()(given) if len(given) > 1 else given[0]
        inputs = inputs if len(inputs) > 1 else inputs[0]
        return keras.Model(inputs, keras.layers.Dense(1)(given))

    noisy = ks.networks.layers.AppendNoise(2)(flat(x))
    made = keras.layers.Reshape((6, 6, 1))(keras.layers.Dense(36)(z))
    return {
        "encoder": keras.Model(x, keras.layers.Dense(CODE)(noisy)),
        "generator": keras.Model(z, made),
        "critic_x": critic([x]),
        "critic_pair": critic([x, z, y]),
        "critic_code": critic([x, z]),
    }


def test_replicas_shift_images_each_by_its_own_noise():
    images = np.random.default_rng(0).uniform(-1, 1, (8, 6, 6, 1)).astype("f")
    strategy = two_replicas()
    with strategy.scope():
        model = ks.IJAE(**image_networks())
        assert model.get_config()["likelihood"]["class_name"] == "ShiftLikelihood"

    def shifted():
        return strategy.run(lambda: model.draw(images, model._noise(1), True).y_real)

    one, two = strategy.experimental_local_results(tf.function(shifted)())
    assert np.abs(one - two).max() > 0.1
    for x, y in zip(images, one.numpy(), strict=True):
        np.testing.assert_array_equal(np.sort(x, None), np.sort(y, None))


# ---- What it refuses ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lam": 1.2}, r"lam in \[0, 1\]; received: lam=1.2"),
        ({"lam": -0.1}, r"lam in \[0, 1\]; received: lam=-0.1"),
        ({"lam": float("nan")}, r"lam in \[0, 1\]; received: lam=nan"),
        ({"fake_variance": -1.0}, "fake_variance to be finite and >= 0"),
        ({"critic_x": None}, "critic_x to be a built keras.Model.*received: None"),
        ({"critic_x": dense([3, 2], 1, "c")}, "critic_x to read x alone"),
        ({"critic_x": dense([4], 1, "c")}, r"critic_x to read \(3,\).*\(4,\)"),
        ({"critic_pair": None}, "critic_pair to be a built keras.Model"),
        (
            {"critic_pair": dense([3, 2], 1, "c")},
            r"critic_pair of triples \[x, z, y\]",
        ),
        ({"critic_pair": dense([3, 3, 2], 1, "c")}, r"critic_pair's z \(2,\).*\(3,\)"),
        ({"critic_pair": dense([3, 2, 5], 1, "c")}, r"critic_pair's y \(3,\).*\(5,\)"),
        ({"critic_pair": dense([3, 2, 3], 2, "c")}, r"critic_pair's output \(1,\)"),
        ({"critic_code": None}, "critic_code to be a built keras.Model"),
        ({"critic_code": dense([3], 1, "c")}, r"critic_code of pairs \[x, z\]"),
        ({"critic_code": dense([2, 3], 1, "c")}, r"critic_code's x \(3,\).*\(2,\)"),
        ({"likelihood": "implicit"}, "SymmetricLikelihood.*received: Implicit"),
        ({"likelihood": ks.distributions.ShiftLikelihood}, "likelihood to be one of"),
        ({"likelihood": None}, r"\(height, width, channels\) for ShiftLikelihood"),
        ({"likelihood": lambda x, noise: x + 0.5}, "a symmetric likelihood.*direction"),
    ],
)
def test_arguments(change, message):
    given = {**networks(), "likelihood": NEAR, **change}
    with pytest.raises(ValueError, match="Expected.*" + message):
        ks.IJAE(**given)


def test_each_player_wants_an_optimizer():
    model = make()
    with pytest.raises(ValueError, match="player 'encoder'.*encoder_optimizer"):
        model.compile(optimizer="adam", critic_optimizer="adam")
