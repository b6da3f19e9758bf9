"""Wasserstein autoencoders: WAE-MMD and WAE-GAN (Tolstikhin et al., 2018)."""

import keras
import numpy as np

from keras_svae.game import checks
from keras_svae.game.player import Player
from keras_svae.game.terms import over_batch, over_data
from keras_svae.kernels import mmd
from keras_svae.models.aae import AdversarialAutoencoder
from keras_svae.models.autoencoder import Autoencoder
from keras_svae.models.costs import squared

__all__ = ["WAEGAN", "WAEMMD"]

# The authors' code sums kernels of these widths, each times the prior's own.
SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


@keras.saving.register_keras_serializable(package="keras_svae")
class WAEMMD(Autoencoder):
    """Wasserstein autoencoder with an MMD penalty (Tolstikhin et al., 2018, alg. 2).

    It minimises the optimal transport between data and model, (4), with the cost
    ||x - y||^2, for codes with the prior's law. Encoder and decoder minimise

        E_q ||x - G(z)||^2 + lam MMD_k(q(z), p(z)).

    The kernel is the inverse multiquadratic one, k(z, u) = C / (C + ||z - u||^2). Its
    tails are heavy enough for codes far from the prior's. C is the expected squared
    distance of two codes of the prior, 2d for N(0, I), times each of `scales`; the
    kernels are summed over these. There is no critic and no density: the model is
    trained like a VAE.

    Args:
        encoder: Network from data to the posterior's raw output.
        decoder: Network from codes to the likelihood's raw output. G(z) is the mean of
            the likelihood.
        lam: Weight of the penalty, >= 0; 10 for MNIST and 100 for CelebA in the paper.
        scales: Widths of kernels, positive, relative to the prior's own. (1.0,) is in
            the paper's text; the default has the seven of the authors' code.
        **kwargs: `posterior`, the law of codes ("implicit", where neither it nor the
            encoder's end says another: the encoder's output is the code, as in the
            paper's experiments), `likelihood`, `prior`, `seed`: see `Autoencoder` and
            `Game`.

    Raises:
        ValueError: For a negative lam, or scales that are empty or not positive.

    Example:
        nets = ks.networks.mnist(latent_dim=8, posterior="implicit", noise=False)
        model = ks.WAEMMD(nets.encoder, nets.decoder)
        model.compile(optimizer=keras.optimizers.Adam(1e-3))
    """

    players = {"autoencoder": Player("encoder decoder")}

    default_laws = {**Autoencoder.default_laws, "posterior": "implicit"}

    def __init__(self, encoder, decoder, *, lam: float = 10.0, scales=SCALES, **kwargs):
        super().__init__(encoder, decoder, **kwargs)
        self.lam = checks.weight("lam", lam)
        if np.ndim(scales) != 1 or not np.size(scales):
            raise ValueError(
                "Expected one or more scales, positive numbers in a tuple; received: "
                f"{scales!r}"
            )
        self.scales = tuple(checks.positive("scales", one) for one in scales)

    def least_share(self):
        return 2, "at least 2 examples per replica, whose codes are compared in pairs"

    @property
    def width(self) -> float:
        """C: the expected squared distance of two codes of the prior."""
        variance = {"normal": 1.0, "uniform": 1 / 3}[self.prior_name]
        return 2 * self.latent_dim * variance

    def autoencoder_loss(self, draw):
        """Algorithm 2; the penalty may be below 0."""
        scales = [self.width * scale for scale in self.scales]
        penalty = mmd(draw.z_q, draw.z, scales)
        draw.log["mmd"] = over_batch(penalty)
        cost = squared(draw.x, draw.reconstruction)
        return {
            "reconstruction_x": over_data(cost),
            "matching": self.lam * over_batch(penalty),
        }


@keras.saving.register_keras_serializable(package="keras_svae")
class WAEGAN(AdversarialAutoencoder):
    """Wasserstein autoencoder with a GAN's penalty (Tolstikhin et al., 2018, alg. 1).

    This is the adversarial autoencoder with the cost of a transport, ||x - G(z)||^2, in
    place of minus a log likelihood. The critic minimises

        E_p(z) softplus(-f(z)) + E_q(z) softplus(f(z)),    f* = log p(z) - log q(z).

    Encoder and decoder minimise E_q [||x - G(z)||^2 + lam softplus(-f(z))], where
    softplus(-f) = -log D does not saturate.

    Args:
        encoder: Network from data to the posterior's raw output.
        decoder: Network from codes to the likelihood's raw output. G(z) is the mean of
            the likelihood, which needs no density.
        critic: Network from z to one unbounded logit, (batch, 1).
        lam: Weight of the adversary, >= 0; 10 for MNIST and 100 for CelebA in the
            paper.
        **kwargs: `posterior`, `likelihood`, `prior`, `seed`, `turns`, `play`: see
            `AdversarialAutoencoder`.

    Raises:
        ValueError: For a negative lam, or a critic of another code.

    Example:
        nets = ks.networks.mnist(latent_dim=8, posterior="implicit", noise=False)
        critic = ks.networks.critic_code(latent_dim=8)
        model = ks.WAEGAN(nets.encoder, nets.decoder, critic)
        model.compile(optimizer=keras.optimizers.Adam(1e-3),
                      critic_optimizer=keras.optimizers.Adam(5e-4))
    """

    needs_density = False

    def __init__(self, encoder, decoder, critic, *, lam=10.0, **kwargs):
        super().__init__(encoder, decoder, critic, lam=lam, **kwargs)

    def cost(self, draw):
        """||x - G(z)||^2, (batch,)."""
        return squared(draw.x, draw.reconstruction)
