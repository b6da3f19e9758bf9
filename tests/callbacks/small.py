"""Small models with real data, and what is read back from event files."""

import functools

import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import keras_svae as ks

SMALL = {"units": 8, "depth": 1}
# The models of the tests that run now, if they share any.
STOCK = None


def digits(n=40):
    """Images (n, 8, 8, 1) in [0, 1] and their labels."""
    found = load_digits()
    return (found.images[:n, ..., None] / 16).astype("float32"), found.target[:n]


def points(n=40):
    """Points (n, 2) about five centres, and whose centre's."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, n)
    centres = np.array([[0, 0], [2, 2], [-2, 2], [2, -2], [-2, -2]])
    return (centres[labels] + 0.2 * rng.normal(size=(n, 2))).astype("float32"), labels


def dataset(arrays, batch_size=10):
    return tf.data.Dataset.from_tensor_slices(arrays).batch(batch_size)


def compiled(model, **kwargs):
    keras.utils.set_random_seed(0)
    names = [player.optimizer for player in model.players.values()]
    model.compile(**{name: ks.optimizers.Adam(0.01) for name in names}, **kwargs)
    return model


def shared(make):
    """Its models are shared by the tests that take the same, and are as new in each.

    They are where `tests.callbacks.conftest` is: other tests get models of their own.
    """

    @functools.wraps(make)
    def taken(*args, **kwargs):
        if STOCK is None:
            return make(*args, **kwargs)
        return STOCK.take(make, *args, **kwargs)

    return taken


@shared
def svae(nets=ks.networks.digits, compile=None, latent_dim=3, likelihood=None):
    keras.utils.set_random_seed(0)
    law = {} if likelihood is None else {"likelihood": likelihood}
    model = ks.SVAE(*nets(latent_dim=latent_dim, **law, **SMALL), lam=0.1)
    return compiled(model, **compile or {})


@shared
def vae(compile=None, **kwargs):
    keras.utils.set_random_seed(0)
    nets = ks.networks.digits(latent_dim=3, **SMALL)
    return compiled(ks.VAE(nets.encoder, nets.decoder, **kwargs), **compile or {})


@shared
def gan(method=ks.GAN, nets=ks.networks.digits, **kwargs):
    keras.utils.set_random_seed(0)
    nets = nets(latent_dim=3, joint=False, **SMALL)
    return compiled(method(nets.decoder, nets.critic, **kwargs))


def events(folder) -> EventAccumulator:
    found = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    return found.Reload()


def scalars(folder, tag) -> dict[int, float]:
    """Values by step."""
    return {
        event.step: float(tf.make_ndarray(event.tensor_proto))
        for event in events(folder).Tensors(tag)
    }


def fit(model, *callbacks, epochs=3, **kwargs):
    x, _ = digits()
    options = {"validation_data": dataset(x), "verbose": 0, **kwargs}
    data = dataset(x)
    return model.fit(data, epochs=epochs, callbacks=list(callbacks), **options)


def weights(model):
    return [v.numpy() for v in model.trainable_variables]


def equal(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
