"""Tiny networks and models of lambda-IJAE, and their gradients."""

import keras
import numpy as np
import tensorflow as tf

import keras_svae as ks
from keras_svae.game.terms import Term
from keras_svae.noise import scope
from tests.models import tiny
from tests.models.tiny import CODE, DATA, dense

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


def gradients(model, loss):
    """Of a loss for generator and encoder, one vector each; zeros where it has none."""
    draw, found = a_draw(model), []
    nets = model.decoder, model.encoder
    with tf.GradientTape(persistent=True) as tape, scope(draw.noise):
        value = loss(draw)
        total = Term.of(sum(value.values()) if isinstance(value, dict) else value)
        total = total.mean()
    for net in nets:
        weights = [v.value for v in net.trainable_variables]
        parts = tape.gradient(total, weights, unconnected_gradients="zero")
        found.append(np.concatenate([np.ravel(g) for g in parts]))
    return found


def reconstruction(model):
    """Minus the mean of what stands for log r(x|G(z))."""
    return lambda draw: -tf.reduce_mean(model.log_r(draw))
