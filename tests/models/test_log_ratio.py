"""A critic trained between two known Gaussians recovers their log ratio, (11)."""

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

import keras_svae as ks

# q: x ~ N(.4, 1), z|x ~ N(.6 x, .8^2).  p: z ~ N(0, 1), x|z ~ N(.5 z - .3, .9^2).
Q = scipy.stats.multivariate_normal(
    [0.4, 0.24], [[1, 0.6], [0.6, 0.36 + 0.64]]
)  # of (x, z)
P = scipy.stats.multivariate_normal([-0.3, 0], [[0.25 + 0.81, 0.5], [0.5, 1]])


def kl(a, b):
    """KL(a || b) of two Gaussians in closed form."""
    inverse = np.linalg.inv(b.cov)
    shift = b.mean - a.mean
    return 0.5 * (
        np.trace(inverse @ a.cov)
        + shift @ inverse @ shift
        - len(shift)
        + np.log(np.linalg.det(b.cov) / np.linalg.det(a.cov))
    )


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    x, z = keras.Input((1,)), keras.Input((1,))
    hidden = keras.layers.Concatenate()([x, z])
    for _ in range(2):
        hidden = keras.layers.Dense(64, activation="softplus")(hidden)
    critic = keras.Model([x, z], keras.layers.Dense(1)(hidden))
    encoder = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2)])
    raw = np.log(np.expm1(0.8 - 1e-3)) - np.log(np.expm1(1.0))
    encoder.set_weights([np.array([[0.6, 0]]), np.array([0, raw])])
    decoder = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    decoder.set_weights([np.array([[0.5]]), np.array([-0.3])])
    law = ks.distributions.Gaussian(0.9, draw="sample")
    model = ks.SVAE(encoder, decoder, critic, likelihood=law, seed=1)
    # A learning rate of zero keeps both laws where they are.
    model.compile(
        optimizer=keras.optimizers.SGD(0.0),
        critic_optimizer=keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(3e-3, 2500)
        ),
        steps_per_execution=50,
    )
    data = np.random.default_rng(0).normal(0.4, 1, (400_000, 1)).astype("float32")
    data = tf.data.Dataset.from_tensor_slices(data).batch(1000).repeat()
    model.fit(data, steps_per_epoch=2500, verbose=0)
    return model


def test_critic_recovers_the_log_ratio(model, record_property):
    pairs = np.concatenate(
        [
            Q.rvs(5000, random_state=np.random.default_rng(1)),
            P.rvs(5000, random_state=np.random.default_rng(2)),
        ]
    )
    exact = P.logpdf(pairs) - Q.logpdf(pairs)
    estimate = model.log_ratio(pairs[:, :1].astype("f"), pairs[:, 1:].astype("f"))
    error = np.abs(estimate - exact).mean()
    # A float: a process of pytest-xdist can send no NumPy scalar to the other.
    record_property("mean_absolute_error_nats", float(error))
    print(f"mean absolute error {error:.4f} nats; log ratio's spread {exact.std():.3f}")
    assert np.corrcoef(estimate, exact)[0, 1] > 0.98
    assert error < 0.1


def test_symmetric_kl_is_near_its_closed_form(model):
    x = np.random.default_rng(5).normal(0.4, 1, (100_000, 1)).astype("float32")
    logs = model.evaluate(x, batch_size=1000, verbose=0, return_dict=True)
    exact = kl(Q, P) + kl(P, Q)
    assert exact > 0.3
    assert logs["symmetric_kl"] == pytest.approx(exact, rel=0.1)
