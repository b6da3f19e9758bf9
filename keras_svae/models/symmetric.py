"""Methods that match the joint laws of encoder and decoder with one critic.

sVAE and sVAE-r (Chen et al., 2018), ALI (Dumoulin et al., 2017), ALICE (Li et al.,
2017). Equation numbers are those of sVAE, `svae_aistats2018`.
"""

import keras
import tensorflow as tf

from keras_svae.game import checks
from keras_svae.game.terms import Term, over_data, over_samples
from keras_svae.models.autoencoder import JointModel
from keras_svae.ratios import as_above, as_below

__all__ = ["ALI", "ALICE", "Matched", "SVAE"]


class Matched(JointModel):
    """A way to match the joint laws, and a regulariser of weight `lam`.

    A new way is a subclass with one method, `matching`.

    Args:
        encoder: See `SVAE`.
        decoder: See `SVAE`.
        critic: See `SVAE`.
        lam: See `SVAE`.
        two_sided: See `SVAE`.
        **kwargs: See `SVAE`.
    """

    def __init__(self, encoder, decoder, critic, *, lam, two_sided, **kwargs):
        super().__init__(encoder, decoder, critic, **kwargs)
        self.lam = checks.weight("lam", lam)
        self.two_sided = bool(two_sided)
        if self.lam > 0:
            laws = [self.likelihood_law, *[self.posterior_law] * self.two_sided]
            for law in laws:
                checks.explicit(law)

    def matching(self, f_p: tf.Tensor, f_q: tf.Tensor) -> Term:
        """What encoder and decoder minimise, given f on samples of both joint laws.

        Args:
            f_p: Logits on pairs of the decoder's law, (batch, 1).
            f_q: Logits on pairs of the encoder's law, of data, (batch, 1).
        """
        raise NotImplementedError

    def autoencoder_loss(self, draw):
        f_p = self.f(*draw.p, training=draw.training)
        f_q = self.f(*draw.q, training=draw.training)
        draw.log["symmetric_kl"] = over_samples(f_p) - over_data(f_q)
        terms = {"matching": self.matching(f_p, f_q)}
        if self.lam > 0:
            terms["reconstruction_x"] = -self.lam * over_data(draw.log_p_x)
            if self.two_sided:
                terms["reconstruction_z"] = -self.lam * over_samples(draw.log_q_z)
        return terms


@keras.saving.register_keras_serializable(package="keras_svae")
class SVAE(Matched):
    """Symmetric VAE, sVAE (lam = 0) and sVAE-r (lam > 0), (Chen et al., 2018).

    The critic minimises minus (10), so that `f* = log p(x, z) - log q(x, z)`, (11).
    Encoder and decoder minimise minus (29),

        -E_q[f + lam log p(x|z)] + E_p[f - lam log q(z|x)],

    which is minus (14) for lam = 0: the symmetric KL of the joint laws, (15).

    Args:
        encoder: Network from data to the posterior's raw output.
        decoder: Network from codes to the likelihood's raw output.
        critic: Network from `[x, z]` to one logit.
        lam: Weight of the log likelihoods (28), >= 0. They are summed over pixels and
            code dimensions, so a larger event needs a smaller weight.
        two_sided: Whether log q(z|x) on p's pairs is part of the regulariser, as in
            (29), or only log p(x|z).
        **kwargs: `posterior`, `likelihood`, `prior`, `seed`, `turns`, `play`: see
            `Autoencoder` and `Game`.

    Raises:
        ValueError: For a negative lam, or lam > 0 with an implicit law.

    Example:
        nets = ks.networks.mnist(latent_dim=32)
        model = ks.SVAE(nets.encoder, nets.decoder, nets.critic, lam=0.1)
        model.compile(optimizer=keras.optimizers.Adam(1e-4),
                      critic_optimizer=keras.optimizers.Adam(1e-4))
        model.fit(ks.data.load("mnist"), epochs=20)
    """

    def __init__(self, encoder, decoder, critic, *, lam=0.0, two_sided=True, **kwargs):
        super().__init__(
            encoder, decoder, critic, lam=lam, two_sided=two_sided, **kwargs
        )

    def matching(self, f_p, f_q):
        """Minus (14): raw log ratios, whose gradient does not vanish."""
        return over_samples(f_p) - over_data(f_q)


@keras.saving.register_keras_serializable(package="keras_svae")
class ALICE(Matched):
    """ALICE (Li et al., 2017): ALI with a conditional-entropy regulariser.

    The critic is that of sVAE. Encoder and decoder minimise minus (19), non-saturating,
    and `-lam E_q log p(x|z)`:

        E_q softplus(-f) + E_p softplus(f) - lam E_q log p(x|z).

    Args:
        encoder: Network from data to the posterior's raw output.
        decoder: Network from codes to the likelihood's raw output.
        critic: Network from `[x, z]` to one logit.
        lam: Weight of the log likelihood, >= 0; 0 is ALI.
        two_sided: Add `-lam E_p log q(z|x)`, as in sVAE-r.
        **kwargs: See `SVAE`.
    """

    def __init__(self, encoder, decoder, critic, *, lam=1.0, two_sided=False, **kwargs):
        super().__init__(
            encoder, decoder, critic, lam=lam, two_sided=two_sided, **kwargs
        )

    def matching(self, f_p, f_q):
        """Minus (19): log-sigmoid of the log ratios. sVAE uses the ratios directly."""
        return over_data(as_above(f_q)) + over_samples(as_below(f_p))


@keras.saving.register_keras_serializable(package="keras_svae")
class ALI(ALICE):
    """Adversarially learned inference (Dumoulin et al., 2017): ALICE with lam = 0.

    Args:
        encoder: Network from data to the posterior's raw output.
        decoder: Network from codes to the likelihood's raw output.
        critic: Network from `[x, z]` to one logit.
        **kwargs: See `SVAE`.
    """

    def __init__(self, encoder, decoder, critic, **kwargs):
        super().__init__(encoder, decoder, critic, lam=0.0, **kwargs)
