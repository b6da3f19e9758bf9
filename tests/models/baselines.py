"""Tiny models of the autoencoding baselines, and what each of them must do."""

import keras
import numpy as np
import tensorflow as tf

import keras_svae as ks
from tests.models import endpoints
from tests.models.tiny import CODE, DATA, data, dense

# A generator whose sample is its mean.
LAW = ks.distributions.Gaussian(draw="mean")


def networks(*names, code=CODE):
    """Networks by argument name."""
    made = {
        "encoder": lambda name: dense([DATA], code, name),
        "decoder": lambda name: dense([code], DATA, name),
        "generator": lambda name: dense([code], DATA, name),
        "critic": lambda name: dense([DATA], 1, name),
        "critic_code": lambda name: dense([code], 1, name),
    }
    return {name: made[name](name) for name in names}


def fix(model, scale=0.6):
    """Gives the weights values that depend on nothing but their shapes."""
    rng = np.random.default_rng(7)
    for variable in model.trainable_variables:
        variable.assign(scale * rng.normal(size=variable.shape))
    return model


def compiled(model, rate=1.0):
    """With SGD(1) a step moves a weight by minus its gradient."""
    names = {player.optimizer for player in model.players.values()}
    rates = {name: keras.optimizers.SGD(rate) for name in names}
    model.compile(**rates, run_eagerly=True)  # tracing takes longer than a step
    return model


def weights(model, *names):
    """Of these networks, float64."""
    return {
        name: [np.array(v, dtype=float) for v in getattr(model, name).weights]
        for name in names
    }


def comes_back(model, path):
    """Saved and loaded, trained a step: the same weights; returns the loaded model."""
    x = data()
    compiled(model, 0.01).train_on_batch(x)
    model.save(path)
    again = keras.saving.load_model(path)
    np.testing.assert_array_equal(model.generate(4), again.generate(4))
    np.testing.assert_array_equal(model.encode(x), again.encode(x))
    for one in (model, again):
        one.train_on_batch(x)
    for a, b in zip(model.trainable_variables, again.trainable_variables, strict=True):
        np.testing.assert_array_equal(a, b)
    return again


# Of an autoencoder without densities.
ENDPOINTS = {"about", "generate", "decode", "encode", "reconstruct", "neighbours"}


def exports(model, path, *more):
    """Its SavedModel has these endpoints besides, and their values are the model's."""
    model.export(path)
    saved = tf.saved_model.load(path).signatures
    assert set(saved) - {"serving_default"} == ENDPOINTS.union(more)
    given = endpoints.arguments(model)
    found = {
        name: saved[name](**{key: tf.constant(one) for key, one in of_name.items()})
        for name, of_name in given.items()
    }
    endpoints.agree(found, model)
