"""The second stage of a two-stage VAE (Dai & Wipf, 2019), for any model."""

import keras
import tensorflow as tf

from keras_svae.networks import second_stage
from keras_svae.noise import Noise
from keras_svae.optimizers import Adam
from keras_svae.samplers.training import Trained

__all__ = ["SecondStageVAE"]


@keras.saving.register_keras_serializable(package="keras_svae")
class SecondStageVAE(Trained):
    """A VAE of the codes of a trained model: the second stage of Dai & Wipf (2019).

    z = mu(u) + gamma e, with u and e from N(0, I), and one learned gamma. u has the
    dimension of z. The networks are `ks.networks.second_stage`. `ks.TwoStageVAE` trains
    both stages in one model.

    The paper trains on new draws of q(z|x) in each epoch. Here each example has one
    draw, and the codes are standardised.

    Args:
        units: The units of each hidden layer, at least 1; 1024 in the authors' code.
        depth: How many hidden layers, at least 1; 3 in the authors' code.
        epochs: The most passes over the codes. A tenth of them is held out: see
            `patience`.
        patience: Training ends when the bound of held-out codes has not become better
            for so many epochs. The best epoch's weights are kept.
        batch_size: Codes of a step.
        learning_rate: The learning rate of Adam.
        name: See `Sampler`.

    Raises:
        ValueError: For a value out of its range; in `fit`, for fewer than 10 codes.
        Diverged: If a loss is not finite in `fit`.

    Example:
        second = ks.samplers.SecondStageVAE().fit(model, train)
        model.generate(64, sampler=second)
    """

    def __init__(
        self,
        *,
        units: int = 1024,
        depth: int = 3,
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
        self.depth = depth
        self._networks(1)  # the same checks of units and depth

    def _networks(self, latent_dim):
        return second_stage(latent_dim, units=self.units, depth=self.depth)

    def make(self, latent_dim):
        """See `Sampler`."""
        super().make(latent_dim)
        self.decoder = self._networks(latent_dim).decoder
        self.gamma = self._weight("gamma", (), value=1.0)

    def learn(self, codes, seed):
        """See `Sampler`."""
        # Imported here: models keep samplers, and this one is made of a model.
        from keras_svae.models.two_stage import GammaVAE

        train, held_out = self.standardised(codes, seed)
        nets = self._networks(codes.shape[1])
        for i, network in enumerate(nets):
            self.initialised(network, seed + i)
        vae = GammaVAE(*nets, activation="linear", draw="sample", seed=seed)
        vae.compile(Adam(self.learning_rate))
        stop = keras.callbacks.EarlyStopping(
            "val_loss", patience=self.patience, restore_best_weights=True, mode="min"
        )
        vae.fit(
            self.batches(train, seed),
            validation_data=tf.data.Dataset.from_tensors(held_out),
            epochs=self.epochs,
            callbacks=[stop],
            verbose=0,
        )
        self.decoder.set_weights(nets.decoder.get_weights())
        self.gamma.assign(vae.gamma.value())

    def draw_codes(self, n, noise: Noise):
        """See `Sampler`."""
        shape = [n, self.latent_dim]
        mu = self.decoder(noise.normal(shape, "code_of_code"), training=False)
        z = tf.cast(mu, tf.float32) + self.gamma.value * noise.normal(shape, "code")
        return self.shift.value + self.spread.value * z
