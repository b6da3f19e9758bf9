"""What the samplers that are trained by gradients share."""

import keras
import numpy as np
import tensorflow as tf

from keras_svae.game import checks
from keras_svae.reordered import reordered
from keras_svae.samplers.sampler import Sampler

__all__ = ["Trained"]

# The share of codes that are held out to see when to stop.
HELD_OUT = 0.1
# The order's noise is not that of the first weights.
_ORDER = 1


class Trained(Sampler):
    """A sampler whose networks are trained on codes, standardised in each dimension.

    A tenth of the codes is held out. Training ends when their loss has not fallen for
    `patience` epochs, and the weights of the best epoch are kept.

    Args:
        units: The units of each hidden layer, at least 1.
        epochs: The most passes over the codes.
        patience: See above.
        batch_size: Codes of a step.
        learning_rate: The learning rate of Adam.
        name: See `Sampler`.

    Attributes:
        shift: The mean of the codes, (latent_dim,), after `fit`.
        spread: Their standard deviation, (latent_dim,).
    """

    def __init__(
        self,
        *,
        units: int,
        epochs: int,
        patience: int,
        batch_size: int,
        learning_rate: float,
        name: str | None = None,
    ):
        super().__init__(name=name)
        counts = {
            "units": units,
            "epochs": epochs,
            "patience": patience,
            "batch_size": batch_size,
        }
        for key, value in counts.items():
            setattr(self, key, checks.integer(key, value, at_least=1))
        self.learning_rate = checks.positive("learning_rate", learning_rate)

    def sizes(self, codes):
        """See `Sampler`."""
        if len(codes) < 10:
            raise ValueError(
                f"Expected at least 10 codes to train on; received: {len(codes)}"
            )
        return {}

    def make(self, latent_dim):
        """See `Sampler`."""
        self.shift = self._weight("shift", (latent_dim,))
        self.spread = self._weight("spread", (latent_dim,))

    def standardised(self, codes, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Codes to train on and those held out; sets `shift` and `spread`."""
        spread = codes.std(0)
        self.shift.assign(codes.mean(0))
        # A dimension that never changes stays as it is.
        self.spread.assign(np.where(spread > 0, spread, 1))
        codes = (codes - self.shift.numpy()) / self.spread.numpy()
        order = np.random.default_rng(seed).permutation(len(codes))
        count = max(1, round(HELD_OUT * len(codes)))
        return codes[order[count:]], codes[order[:count]]

    def batches(self, codes: np.ndarray, seed: int) -> tf.data.Dataset:
        """Codes in batches, in a new order at each pass."""
        size = min(self.batch_size, len(codes))
        rng = np.random.default_rng([seed, _ORDER])
        return reordered((codes,), size, rng, drop_remainder=True)

    def initialised(self, network: keras.Model, seed: int) -> None:
        """Sets a network's weights anew, by the seed: kernels by Glorot's rule."""
        random = np.random.default_rng(seed)
        for variable in network.trainable_variables:
            if len(variable.shape) == 2:
                limit = np.sqrt(6 / sum(variable.shape))
                variable.assign(random.uniform(-limit, limit, variable.shape))
            else:
                variable.assign(np.zeros(variable.shape))
