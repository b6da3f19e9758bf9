"""Adversarial generator-encoder networks, AGE: a game without a critic."""

import math

import keras
import tensorflow as tf

from keras_svae.game import checks
from keras_svae.game.once import once
from keras_svae.game.player import Player
from keras_svae.game.terms import over_batch, over_data, over_samples
from keras_svae.models.autoencoder import Autoencoder
from keras_svae.models.costs import l1, squared
from keras_svae.models.draw import Draw

__all__ = ["AGE"]

# A smaller variance is replaced by this: the encoder may make its codes of samples as
# narrow as it likes, and log s^2 has no lower limit.
LEAST = 1e-6


class CycleDraw(Draw):
    """Adds the codes of samples: the encoder applied to generated examples."""

    @once
    def z_p(self):
        """e(g(z)) at the prior's z, (batch, latent_dim)."""
        with self.passing("encoder", of_data=False):
            raw = self.model.posterior_raw(self.x_p, self.training)
        return self.model.posterior_law.mean(raw)


@keras.saving.register_keras_serializable(package="keras_svae")
class AGE(Autoencoder):
    """Adversarial generator-encoder networks (Ulyanov et al., 2018).

    Codes lie on a sphere. Encoder e and generator g play a game about two distances
    from the uniform law on the sphere: D(e(g(Z))) of the codes of samples, and D(e(X))
    of the codes of data. They minimise

        e: D(e(X)) - D(e(g(Z))) + mu E_x ||x - g(e(x))||_1,
        g: D(e(g(Z))) + lam E_z ||z - e(g(z))||^2.

    D is the KL divergence from N(0, I) of the Gaussian with mean m_j and deviation s_j
    of a batch's codes in each dimension,

        D = mean_j [(s_j^2 + m_j^2 - 1) / 2 - log s_j],

    which is 0 if these moments are those of the uniform law on the sphere. The encoder
    makes it large for samples and small for data. The generator makes samples whose
    codes are spread like those of data. Both terms of reconstruction make each network
    the inverse of the other.

    The sphere has the radius sqrt(latent_dim). On it, uniform codes have the moments of
    N(0, I). The generator uses only the direction of z, so p(z) = N(0, I) is the
    uniform law.

    Args:
        encoder: Network from data to codes, (batch, latent_dim), which are then put on
            the sphere.
        generator: Network from codes to the likelihood's raw output; g(z) is the mean
            of the likelihood.
        mu: Weight of data's reconstruction in the encoder's loss, >= 0. The error is L1
            per entry, of images in [-1, 1] in the authors' experiments.
        lam: Weight of codes' reconstruction in the generator's loss, >= 0. The error is
            the squared error per dimension of codes on the unit sphere. It is at most
            4 / latent_dim, so a small code needs a small lam: the authors' is two to
            four times latent_dim.
        **kwargs: `likelihood`, `seed`, `turns` (the generator has two), `play`: see
            `Autoencoder` and `Game`.

    The defaults of mu and lam correspond to the authors' released settings: they pass
    10 and 1000, for codes of 64 and 128 dimensions. But the D in their code is twice
    this D, and their error of codes is half of this error.

    The encoder should have no batch normalisation after its first layer. The authors'
    encoder has none there, because data and samples pass in separate batches, and batch
    normalisation takes from both what distinguishes them. docs/methods/age.md has
    results of runs.

    Raises:
        ValueError: For a negative weight, an explicit posterior, or another prior than
            "normal".

    Example:
        nets = ks.networks.mnist(latent_dim=8, posterior="implicit", noise=False,
                                 batch_norm=False)
        model = ks.AGE(nets.encoder, nets.decoder, lam=2 * 8)
        model.compile(optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5),
                      encoder_optimizer=keras.optimizers.Adam(2e-4, beta_1=0.5))
    """

    players = {
        "encoder": Player("encoder", optimizer="encoder_optimizer"),
        "generator": Player("decoder", turns=2),
    }
    default_laws = {**Autoencoder.default_laws, "posterior": "implicit"}
    through_x_p = True

    def __init__(
        self,
        encoder,
        generator,
        *,
        mu: float = 5.0,
        lam: float = 250.0,
        prior="normal",
        **kwargs,
    ):
        # The direction of a code of N(0, I) is uniform on the sphere.
        checks.choice("prior", prior, ("normal",))
        super().__init__(encoder, generator, prior=prior, **kwargs)
        if self.posterior_law.explicit:
            raise ValueError(
                'Expected posterior="implicit", as codes lie on a sphere; received: '
                f"{type(self.posterior_law).__name__}"
            )
        self.mu = checks.weight("mu", mu)
        self.lam = checks.weight("lam", lam)

    def draw(self, batch, noise, training):
        return CycleDraw(self, batch, noise, training)

    def least_share(self):
        return 2, "at least 2 examples per replica, which have a variance"

    def on_sphere(self, z) -> tf.Tensor:
        """Codes (batch, latent_dim) brought to length sqrt(latent_dim)."""
        z = tf.cast(z, tf.float32)
        return self.latent_dim**0.5 * tf.math.l2_normalize(z, -1)

    def posterior_raw(self, x, training=False, y=None):
        """Codes of data, on the sphere; see `Autoencoder`."""
        return self.on_sphere(super().posterior_raw(x, training, y))

    def likelihood_raw(self, z, training=False, y=None):
        """The generator's output for the direction of codes; see `LatentModel`."""
        return super().likelihood_raw(self.on_sphere(z), training, y)

    def divergence(self, z) -> tf.Tensor:
        """D: the KL divergence from N(0, I) by a batch's moments, nats per dimension.

        Args:
            z: Codes (batch, latent_dim), two or more.
        """
        mean, variance = tf.nn.moments(z, 0)
        variance = tf.maximum(variance, LEAST)
        each = 0.5 * (variance + mean**2 - 1 - tf.math.log(variance))
        return tf.reduce_mean(each)

    def encoder_loss(self, draw):
        """Minus the objective that the encoder maximises."""
        real, fake = self.divergence(draw.z_q), self.divergence(draw.z_p)
        draw.log["divergence_data"] = over_batch(real)
        draw.log["divergence_samples"] = over_samples(fake)
        entries = math.prod(self.data_shape)
        error = over_data(l1(draw.x, draw.reconstruction)) / entries
        return {
            "game": over_batch(real) - over_samples(fake),
            "reconstruction_x": self.mu * error,
        }

    def generator_loss(self, draw):
        """The generator's objective. The data's part of D does not depend on it."""
        # For unit vectors, per dimension: their squared distance over latent_dim.
        distance = squared(self.on_sphere(draw.z), draw.z_p) / self.latent_dim
        error = over_samples(distance) / self.latent_dim
        return {
            "game": over_samples(self.divergence(draw.z_p)),
            "reconstruction_z": self.lam * error,
        }
