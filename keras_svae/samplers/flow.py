"""A masked autoregressive flow over codes, by TensorFlow Probability."""

import functools

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from keras_svae.distributions import prior, steps
from keras_svae.game import checks
from keras_svae.noise import Noise
from keras_svae.optimizers import Adam
from keras_svae.samplers.training import Trained

__all__ = ["MaskedAutoregressiveFlow"]


@keras.saving.register_keras_serializable(package="keras_svae")
class MaskedAutoregressiveFlow(Trained):
    """A masked autoregressive flow (MAF, Papamakarios et al., 2017) over codes.

    Layers of TensorFlow Probability's `MaskedAutoregressiveFlow`: a masked network
    reads the entries before an entry, and its output shifts and scales that entry. The
    order of the entries is reversed between layers. It is fitted by maximum likelihood.
    A density costs one pass per layer, a draw one per layer and dimension of the code.

    The paper has batch normalisation between layers and larger networks. Here the codes
    are standardised, and each network has one hidden layer of tanh.

    Args:
        length: How many layers, at least 1; 5 in the paper.
        units: The number of units of the hidden layer of each layer's network, at least
            1.
        epochs: The most passes over the codes. A tenth of them is held out: see
            `patience`.
        patience: Training ends when the likelihood of held-out codes has not become
            better for so many epochs. The best epoch's weights are kept.
        batch_size: Codes of a step.
        learning_rate: The learning rate of Adam.
        name: See `Sampler`.

    Raises:
        ValueError: For a value out of its range; in `fit`, for codes of one dimension,
            or fewer than 10.

    Example:
        flow = ks.samplers.MaskedAutoregressiveFlow().fit(model, train)
        model.generate(64, sampler=flow), flow.log_prob(model.encode(x))
    """

    def __init__(
        self,
        *,
        length: int = 5,
        units: int = 64,
        epochs: int = 200,
        patience: int = 20,
        batch_size: int = 100,
        learning_rate: float = 1e-3,
        name: str | None = None,
    ):
        super().__init__(
            units=units,
            epochs=epochs,
            patience=patience,
            batch_size=batch_size,
            learning_rate=learning_rate,
            name=name,
        )
        self.length = checks.integer("length", length, at_least=1)

    def sizes(self, codes):
        """See `Sampler`."""
        if codes.shape[1] < 2:
            raise ValueError(
                "Expected codes of at least 2 dimensions for MaskedAutoregressiveFlow; "
                "received: latent_dim=1"
            )
        return super().sizes(codes)

    def make(self, latent_dim):
        """See `Sampler`."""
        super().make(latent_dim)
        count = steps.weights(latent_dim, latent_dim, self.units)
        # The weights of each layer's network in a row, and its first bias.
        self.kernels = self._weight("kernels", (self.length, 1, count))
        self.biases = self._weight("biases", (self.length, 1, self.units))

    def _law(self, kernels, biases) -> tfd.Distribution:
        """The law of standardised codes."""
        dim = self.spread.shape[0]
        masks, chain = steps.autoregressive_masks(dim, self.units), []
        for i in range(self.length):
            network = steps.Conditioner(biases[i], kernels[i], dim, dim, masks=masks)
            chain.append(tfb.MaskedAutoregressiveFlow(network, unroll_loop=True))
            chain.append(tfb.Permute(range(dim)[::-1]))
        flow = tfb.Chain(chain[:-1][::-1])
        return tfd.TransformedDistribution(prior("normal", dim), flow)

    def learn(self, codes, seed):
        """See `Sampler`."""
        train, held_out = self.standardised(codes, seed)
        random = np.random.default_rng(seed)
        kernels = tf.Variable(random.normal(size=self.kernels.shape).astype("float32"))
        biases = tf.Variable(tf.zeros(self.biases.shape))
        # In a strategy's scope each replica has the whole batch and gives a share of
        # its gradient, which is clipped before all are added.
        strategy = tf.distribute.get_strategy()
        replicas = strategy.num_replicas_in_sync
        optimizer = Adam(self.learning_rate, clipnorm=10.0 / replicas)
        optimizer.build([kernels, biases])

        def loss(z):
            return -tf.reduce_mean(self._law(kernels, biases).log_prob(z))

        def update(z):
            with tf.GradientTape() as tape:
                value = loss(z) / replicas
            gradients = tape.gradient(value, [kernels, biases])
            optimizer.apply_gradients(zip(gradients, [kernels, biases], strict=True))

        def on_all(z):
            strategy.run(update, args=(z,))

        # As partials: TensorFlow would count the traces of all flows together.
        step, held_out_loss = (
            tf.function(functools.partial(one), autograph=False)
            for one in (on_all, loss)
        )
        best, waited, found = np.inf, 0, None
        batches = self.batches(train, seed)
        for _ in range(self.epochs):
            for z in batches:
                step(z)
            now, waited = float(held_out_loss(tf.constant(held_out))), waited + 1
            if now < best:
                best, waited, found = now, 0, (kernels.numpy(), biases.numpy())
            if waited >= self.patience or not np.isfinite(now):
                break
        if found is None:
            raise ValueError(
                "Expected a finite likelihood of the codes; received: none in the "
                "first epoch. A lower learning_rate may help."
            )
        self.kernels.assign(found[0])
        self.biases.assign(found[1])

    def draw_codes(self, n, noise: Noise):
        """See `Sampler`."""
        law = self._law(self.kernels.value, self.biases.value)
        z = law.bijector.forward(noise.normal([n, self.latent_dim], "code"))
        return self.shift.value + self.spread.value * z

    def log_density(self, z):
        """See `Sampler`."""
        law = self._law(self.kernels.value, self.biases.value)
        standard = (z - self.shift.value) / self.spread.value
        return law.log_prob(standard) - tf.reduce_sum(tf.math.log(self.spread.value))
