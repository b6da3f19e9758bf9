"""Unrolled GAN: its gradient looks through the critic's steps ahead."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from tests.models import tiny


def generator_gradient(model):
    noise = model._noise(1).fold(0).fold(0)
    draw = model.draw(tf.constant(tiny.data()), noise, True)
    weights = [v.value for v in model.decoder.trainable_variables]
    with tf.GradientTape() as tape:
        draw = model.draw(tf.constant(tiny.data()), noise, True)
        loss = model.generator_loss(draw).mean()
    return float(loss), tape.gradient(loss, weights)


def test_no_step_ahead_is_gan():
    how = {"unrolled": 0, "loss": "non_saturating"}
    unrolled, gan = tiny.build("unrolled_gan", **how), tiny.build("gan")
    for model in (unrolled, gan):
        model.fit(tiny.data(n=20), batch_size=5, shuffle=False, verbose=0)
    for a, b in zip(unrolled.variables, gan.variables, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize(
    "inner, kind",
    [
        ("descent", "minimax"),
        ("adam", "minimax"),
        ("descent", "non_saturating"),
    ],
)
def test_gradient_is_that_of_finite_differences_through_the_steps(steps, inner, kind):
    """The loss, with all steps ahead, again in NumPy; by central differences."""
    adam = keras.optimizers.Adam(0.3, beta_1=0.6, beta_2=0.9, epsilon=1e-3)
    rate = 0.5 if inner == "descent" else None
    how = {"unrolled": steps, "inner_rate": rate, "loss": kind}
    model = tiny.build("unrolled_gan", **how, compiled=False)
    model.compile(optimizer="sgd", critic_optimizer=adam)
    if inner == "adam":  # so that it has moments
        model.fit(tiny.data(1, n=10), batch_size=5, verbose=0)
    w, x = tiny.weights(model), tiny.data().astype(float)
    noise = model._noise(1).fold(0).fold(0)
    z = model.draw(tf.constant(tiny.data()), noise, True).z.numpy().astype(float)
    start = [a.copy() for a in w["critic"]]
    moments, squares = (
        [v.numpy().astype(float) for v in one]
        for one in ks.optimizers.adam_moments(adam, model.critic.trainable_variables)
    )
    done = int(adam.iterations)
    assert done == (2 if inner == "adam" else 0)

    def slopes(fake):
        """Of the critic's loss, by the chain rule; as `w["critic"]` is."""
        a, b, c, d = w["critic"]
        total = [np.zeros_like(v) for v in (a, b, c, d)]
        for points, sign in ((x, -1), (fake, 1)):
            hidden = np.tanh(points @ a + b)
            f = hidden @ c + d
            delta = sign / (1 + np.exp(-sign * f)) / len(points)
            back = delta @ c.T * (1 - hidden**2)
            each = (points.T @ back, back.sum(0), hidden.T @ delta, delta.sum(0))
            total = [t + e for t, e in zip(total, each, strict=True)]
        return total

    def of_generator(critic, fake):
        f_p, f_q = tiny.run(critic, fake), tiny.run(critic, x)
        if kind == "minimax":
            return -np.logaddexp(0, -f_q).mean() - np.logaddexp(0, f_p).mean()
        return np.logaddexp(0, -f_p).mean()

    def loss():
        fake = tiny.run(w["decoder"], z)
        m, v = [a.copy() for a in moments], [a.copy() for a in squares]
        for i in range(steps):
            g = slopes(fake)
            for j in range(4):
                if inner == "descent":
                    step = 0.5 * g[j]
                else:
                    t = done + i + 1
                    m[j] = 0.6 * m[j] + 0.4 * g[j]
                    v[j] = 0.9 * v[j] + 0.1 * g[j] ** 2
                    scale = 0.3 * np.sqrt(1 - 0.9**t) / (1 - 0.6**t)
                    step = scale * m[j] / (np.sqrt(v[j]) + 1e-3)
                w["critic"][j] = w["critic"][j] - step
        found = of_generator(w["critic"], fake)
        w["critic"][:] = [a.copy() for a in start]
        return found

    value, found = generator_gradient(model)
    assert value == pytest.approx(loss(), rel=1e-4)
    expected = tiny.gradient(loss, w["decoder"])
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=5e-3, atol=2e-5)
    # Without the second order it would be another.
    steps_now = slopes(tiny.run(w["decoder"], z))
    ahead = [a - 0.5 * g for a, g in zip(start, steps_now, strict=True)]

    def first_order():
        return of_generator(ahead, tiny.run(w["decoder"], z))

    if inner == "descent" and steps == 1:
        other = tiny.gradient(first_order, w["decoder"])
        gap = max(np.abs(a - b).max() for a, b in zip(other, expected, strict=True))
        assert gap > 20 * 2e-5


def test_looking_ahead_changes_neither_the_critic_nor_its_optimizer():
    model = tiny.build("unrolled_gan", unrolled=3, inner_rate=None, compiled=False)
    adam = ks.optimizers.Adam(0.1)
    model.compile(optimizer="sgd", critic_optimizer=adam)
    before = [v.numpy() for v in [*model.critic.variables, *adam.variables]]
    generator_gradient(model)
    for a, b in zip(before, [*model.critic.variables, *adam.variables], strict=True):
        np.testing.assert_array_equal(a, b)


def test_bad_input():
    with pytest.raises(
        ValueError, match="unrolled to be an integer >= 0; received: unrolled=-1"
    ):
        tiny.build("unrolled_gan", unrolled=-1)
    with pytest.raises(ValueError, match="inner_rate .*received: inner_rate=-0.5"):
        tiny.build("unrolled_gan", inner_rate=-0.5)
    with pytest.raises(ValueError, match="loss to be one of .*received: .*wgan"):
        tiny.build("unrolled_gan", loss="wgan")
    model = tiny.build("unrolled_gan", inner_rate=None, compiled=False)
    clipped = [one.Adam(clipnorm=1.0) for one in (keras.optimizers, ks.optimizers)]
    summed = keras.optimizers.Adam(gradient_accumulation_steps=2)
    for optimizer in (keras.optimizers.SGD(0.1), *clipped, summed):
        with pytest.raises(ValueError, match=r"Expected critic_optimizer=.*Adam"):
            model.compile(optimizer="sgd", critic_optimizer=optimizer)
    x = keras.Input((tiny.DATA,))
    hidden = keras.layers.BatchNormalization()(keras.layers.Dense(4)(x))
    critic = keras.Model(x, keras.layers.Dense(1)(hidden))
    with pytest.raises(ValueError, match="without batch normalisation"):
        type(model)(tiny.dense([2], 3, "g"), critic, likelihood="gaussian")
    last = keras.layers.SpectralNormalization(keras.layers.Dense(1), name="lipschitz")
    critic = keras.Model(x, last(keras.layers.Dense(4)(x)))
    with pytest.raises(ValueError, match="spectral normalisation.*'lipschitz'"):
        type(model)(tiny.dense([2], 3, "g"), critic, likelihood="gaussian")


@pytest.mark.parametrize(
    "option",
    [
        {"kernel_regularizer": keras.regularizers.L2(1.0)},
        {"bias_constraint": keras.constraints.MaxNorm(0.1)},
        {"activity_regularizer": keras.regularizers.L1(1.0), "name": "watched"},
    ],
    ids=lambda option: next(iter(option)),
)
def test_steps_ahead_know_no_penalties_and_constraints(option):
    """The critic's own steps would go elsewhere."""
    x = keras.Input((tiny.DATA,))
    critic = keras.Model(x, keras.layers.Dense(1)(keras.layers.Dense(4, **option)(x)))
    generator = tiny.dense([2], 3, "g")
    given = {"likelihood": "gaussian", "inner_rate": 0.1}
    named = "watched" if "name" in option else "dense.*/(kernel|bias)"
    with pytest.raises(ValueError, match=f"penalties .*constraints.*{named}"):
        ks.UnrolledGAN(generator, critic, **given)
    assert ks.UnrolledGAN(generator, critic, unrolled=0, **given).unrolled == 0


@pytest.mark.parametrize("inner_rate", [None, 0.1])
def test_a_critic_may_have_dropout_and_frozen_layers(inner_rate):
    layers = keras.layers
    x = keras.Input((tiny.DATA,))
    frozen = layers.Dense(8, activation="tanh", trainable=False)
    critic = keras.Model(x, layers.Dense(1)(layers.Dropout(0.3, seed=1)(frozen(x))))
    model = ks.UnrolledGAN(
        tiny.dense([2], tiny.DATA, "g"),
        critic,
        unrolled=2,
        inner_rate=inner_rate,
        likelihood="gaussian",
    )
    before = [v.numpy() for v in (*frozen.variables, *critic.trainable_variables)]
    model.compile("sgd", critic_optimizer=ks.optimizers.Adam(0.1))
    model.fit(tiny.data(n=8), batch_size=4, verbose=0)
    after = [v.numpy() for v in (*frozen.variables, *critic.trainable_variables)]
    same = [np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
    assert same == [True, True, False, False]
    assert np.isfinite(tiny.flat(model)).all()
