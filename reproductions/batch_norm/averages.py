"""Averages of batch normalisation: which law they follow, and how they are made."""

import contextlib
from collections.abc import Iterable, Iterator

import keras
import numpy as np
import tensorflow as tf

import keras_svae as ks
from keras_svae.networks.backwards import all_layers
from keras_svae.noise import Noise, scope

# For this number of steps at the end of training, averages of one law are kept beside
# the layers' own. With momentum .9, earlier steps then count for less than 1/500.
LAST = 60
# Batches that an average is taken over after training.
BATCHES = 100
SEED = 7
# For each network, the laws of the inputs that give its averages.
LAWS = {"decoder": ("p", "q"), "encoder": ("data", "samples")}

# A network's averages: (mean, variance) of each layer of batch normalisation.
Averages = list[tuple[np.ndarray, np.ndarray]]


def norms(network: keras.Model) -> list[keras.layers.BatchNormalization]:
    """A network's layers of batch normalisation, in order."""
    kind = keras.layers.BatchNormalization
    return [one for one in all_layers(network) if isinstance(one, kind)]


def averages(network: keras.Model) -> Averages:
    """Copies of the averages that a network uses in test mode."""
    return [
        (one.moving_mean.numpy().copy(), one.moving_variance.numpy().copy())
        for one in norms(network)
    ]


def assign(network: keras.Model, values: Averages) -> None:
    """Gives a network's layers other averages."""
    for one, (mean, variance) in zip(norms(network), values, strict=True):
        one.moving_mean.assign(mean)
        one.moving_variance.assign(variance)


@contextlib.contextmanager
def kept(*networks: keras.Model) -> Iterator[None]:
    """On exit, the networks have the same averages as before."""
    before = [averages(one) for one in networks]
    try:
        yield
    finally:
        for one, values in zip(networks, before, strict=True):
            assign(one, values)


class Calls:
    """A trained model's networks in training mode, on batches of one law.

    Args:
        model: An autoencoder of this package without classes.
    """

    def __init__(self, model: ks.models.Autoencoder):
        self.model = model
        self.both = model.encoder, model.decoder
        self._run = tf.function(self._called, reduce_retracing=True)

    def network(self, law: str) -> keras.Model:
        """The network whose averages follow the law."""
        return self.model.decoder if law in LAWS["decoder"] else self.model.encoder

    def __call__(self, law: str, x: np.ndarray, number: int) -> None:
        """One call; the network's averages move.

        Args:
            law: "p" or "q" of the decoder's codes, "data" or "samples" of what the
                encoder reads.
            x: A batch of data. For "p" and "samples" only its length counts.
            number: The number of the call, which decides its noise.
        """
        self._run(law, tf.constant(x), tf.constant(number))

    def _called(self, law, x, number):
        model, noise = self.model, Noise(SEED).fold(number)
        with scope(noise):
            if law in ("p", "samples"):
                z = model.prior.sample(tf.shape(x)[0], seed=noise.seed("z"))
            if law == "samples":
                raw = model.likelihood_raw(z, True)
                x = model.likelihood_law.sample(raw, noise.seed("x"))
            if law in ("samples", "data", "q"):
                raw = model.posterior_raw(x, True)
            if law == "q":
                z = model.posterior_law.sample(raw, noise.seed("z_q"))
            if law in ("p", "q"):
                model.likelihood_raw(z, True)


def renewed(calls: Calls, laws: str, batches: Iterable[np.ndarray]) -> Averages:
    """Plain means of the batches' statistics, in training mode; the model keeps them.

    Args:
        calls: Of the model.
        laws: A law's name, or several of one network's with spaces between: each
            batch then is of the next one in turn.
        batches: Batches of data.
    """
    laws = laws.split()
    network = calls.network(laws[0])
    sums = [np.zeros((2, one.moving_mean.shape[0])) for one in norms(network)]
    zeros = [tuple(np.zeros_like(one)) for one in sums]
    count = 0
    with kept(*calls.both):
        for count, x in enumerate(batches, start=1):
            # The layers' own rule is new = m old + (1 - m) batch. So a layer's
            # statistics of this batch are its averages after one step from zero,
            # divided by 1 - m.
            assign(network, zeros)
            calls(laws[(count - 1) % len(laws)], x, count)
            for one, sum_ in zip(norms(network), sums, strict=True):
                moved = np.stack([one.moving_mean.numpy(), one.moving_variance.numpy()])
                sum_ += moved / (1 - one.momentum)
    return [tuple((sum_ / count).astype("float32")) for sum_ in sums]


class Shadows(keras.callbacks.Callback):
    """Keeps averages over the last steps, each of which follows one law.

    They are the averages that training would leave if they followed only this law: the
    momentum is the same, and the weights change meanwhile.

    Attributes:
        values: The averages, by law.
    """

    def __init__(self, calls: Calls, batches: Iterator[np.ndarray], start: int):
        super().__init__()
        self._calls, self._batches, self._start = calls, batches, start
        self._step = 0
        self.values: dict[str, Averages] = {}

    def on_train_batch_end(self, batch, logs=None):
        self._step += 1
        if self._step <= self._start:
            return
        for law in ("p", "q", "data"):
            network = self._calls.network(law)
            with kept(*self._calls.both):
                if law in self.values:
                    assign(network, self.values[law])
                self._calls(law, next(self._batches), self._step)
                self.values[law] = averages(network)


def known(
    calls: Calls, shadows: Shadows, batches: Iterator[np.ndarray]
) -> dict[str, dict[str, Averages]]:
    """A trained model's averages by network and name."""
    fresh = [x for _, x in zip(range(BATCHES), batches, strict=False)]
    found = {name: {"mix": averages(getattr(calls.model, name))} for name in LAWS}
    for name, laws in LAWS.items():
        found[name] |= {law: renewed(calls, law, fresh) for law in laws}
        moving = {f"{law} moving": shadows.values.get(law) for law in laws}
        found[name] |= {law: one for law, one in moving.items() if one is not None}
    found["decoder"]["both"] = renewed(calls, "p q", fresh)
    return found
