"""Methods that match the joint laws of encoder and decoder with one critic.

sVAE and sVAE-r (Chen et al., 2018), ALI (Dumoulin et al., 2017), ALICE (Li et al.,
2017). Equation numbers are those of sVAE, `svae_aistats2018`.
"""

import math

import keras
import tensorflow as tf

from keras_svae.game import checks
from keras_svae.game.terms import Term, over_data, over_samples
from keras_svae.models.autoencoder import JointModel
from keras_svae.ratios import LOSSES, fooling

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
        reduction: See `SVAE`.
        **kwargs: See `SVAE`.
    """

    def __init__(
        self, encoder, decoder, critic, *, lam, two_sided, reduction="sum", **kwargs
    ):
        super().__init__(encoder, decoder, critic, **kwargs)
        self.lam = checks.weight_or_pair("lam", lam)
        self.two_sided = checks.flag("two_sided", two_sided)
        if isinstance(self.lam, tuple) and self.lam[1] > 0 and not self.two_sided:
            raise ValueError(
                "Expected two_sided=True with a weight of the code's term; received: "
                f"lam={lam!r}, two_sided=False"
            )
        checks.choice("reduction", reduction, ("sum", "mean"))
        self.reduction = reduction
        laws = self.likelihood_law, self.posterior_law
        for law, weight in zip(laws, self.weights_of_likelihoods, strict=True):
            if weight > 0:
                checks.explicit(law)

    @property
    def weights_of_likelihoods(self) -> tuple[float, float]:
        """What log p(x|z) and log q(z|x), both summed over entries, count in a loss."""
        lam = self.lam
        lam_x, lam_z = lam if isinstance(lam, (tuple, list)) else (lam, lam)
        lam_z = lam_z if self.two_sided else 0.0
        if self.reduction == "sum":
            return lam_x, lam_z
        return lam_x / math.prod(self.data_shape), lam_z / self.latent_dim

    def matching(self, f_p: tf.Tensor, f_q: tf.Tensor) -> Term:
        """What encoder and decoder minimise, given f on samples of both joint laws.

        Args:
            f_p: Logits on pairs of the decoder's law, (batch, 1).
            f_q: Logits on pairs of the encoder's law, of data, (batch, 1).
        """
        raise NotImplementedError

    def autoencoder_loss(self, draw):
        """Minus (29) for `SVAE`: the matching, and the weighted likelihoods.

        `draw.p` is z of the prior with x of the decoder, `draw.q` is data with their
        codes. `over_data` means over the latter's examples, `over_samples` over the
        former's: E_q and E_p. log p(x|z) is of q's pairs, log q(z|x) of p's.
        """
        f_p = self.f(*draw.p, training=draw.training)
        f_q = self.f(*draw.q, training=draw.training)
        draw.log["symmetric_kl"] = over_samples(f_p) - over_data(f_q)
        terms = {"matching": self.matching(f_p, f_q)}
        of_x, of_z = self.weights_of_likelihoods
        if of_x > 0:
            terms["reconstruction_x"] = -of_x * over_data(draw.log_p_x)
        if of_z > 0:
            terms["reconstruction_z"] = -of_z * over_samples(draw.log_q_z)
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
        lam: Weight of the log likelihoods (28), >= 0: a number for both, or (lam_x,
            lam_z) for log p(x|z) and log q(z|x).
        two_sided: Whether log q(z|x) on p's pairs is part of the regulariser, as in
            (29), or only log p(x|z).
        reduction: "sum" of the log likelihoods over pixels, and over dimensions of the
            code, as in (29). Then a larger event needs a smaller weight. "mean" divides
            the first by the number of entries of x, the second by that of z, as the
            authors' code does with absolute errors. A lam of "mean" is that of "sum"
            times the number of entries.
        **kwargs: `posterior`, `likelihood`, `prior`, `seed`, `turns`, `play`: see
            `Autoencoder` and `Game`.

    Raises:
        ValueError: For a negative lam, lam > 0 with an implicit law, lam_z > 0 with
            two_sided=False, or another reduction.

    Example:
        nets = ks.networks.mnist(latent_dim=32)
        model = ks.SVAE(nets.encoder, nets.decoder, nets.critic, lam=0.1)
        model.compile(optimizer=keras.optimizers.Adam(1e-4),
                      critic_optimizer=keras.optimizers.Adam(1e-4))
        model.fit(ks.data.load("mnist"), epochs=20)
    """

    def __init__(
        self,
        encoder,
        decoder,
        critic,
        *,
        lam: float | tuple[float, float] = 0.0,
        two_sided: bool = True,
        reduction: str = "sum",
        **kwargs,
    ):
        weights = {"lam": lam, "two_sided": two_sided, "reduction": reduction}
        super().__init__(encoder, decoder, critic, **weights, **kwargs)

    def matching(self, f_p, f_q):
        """Minus (14): raw log ratios, whose gradient does not vanish."""
        return over_samples(f_p) - over_data(f_q)


@keras.saving.register_keras_serializable(package="keras_svae")
class ALICE(Matched):
    """ALICE (Li et al., 2017): ALI with a conditional-entropy regulariser.

    The critic is that of sVAE. Encoder and decoder minimise minus (19), non-saturating,
    and `-lam E_q log p(x|z)`:

        E_q softplus(-f) + E_p softplus(f) - lam E_q log p(x|z).

    With another `loss`, the first two terms are `E_q l(f) + E_p l(-f)`, where l is a
    function of `keras_svae.ratios.fooling`.

    Args:
        encoder: Network from data to the posterior's raw output.
        decoder: Network from codes to the likelihood's raw output.
        critic: Network from `[x, z]` to one logit.
        lam: Weight of the log likelihood, >= 0; 0 is ALI. A pair as in `SVAE` needs
            two_sided=True.
        two_sided: Add `-lam E_p log q(z|x)`, as in sVAE-r.
        reduction: See `SVAE`.
        loss: "non_saturating", (19); "minimax", (18), whose gradient vanishes as the
            critic tells the laws apart; or "sigmoid", `E_q s(-f) + E_p s(f)`, of the
            authors' released code, whose gradient vanishes too.
        **kwargs: See `SVAE`.
    """

    def __init__(
        self,
        encoder,
        decoder,
        critic,
        *,
        lam: float | tuple[float, float] = 1.0,
        two_sided: bool = False,
        reduction: str = "sum",
        loss: str = "non_saturating",
        **kwargs,
    ):
        weights = {"lam": lam, "two_sided": two_sided, "reduction": reduction}
        super().__init__(encoder, decoder, critic, **weights, **kwargs)
        # With the raw ratios it would be sVAE.
        checks.choice("loss", loss, tuple(one for one in LOSSES if one != "logit"))
        self.fools_by = loss

    def matching(self, f_p, f_q):
        """Minus (19): log-sigmoid of the log ratios. sVAE uses the ratios directly."""
        above = over_data(fooling(f_q, self.fools_by))
        return above + over_samples(fooling(-f_p, self.fools_by))


@keras.saving.register_keras_serializable(package="keras_svae")
class ALI(ALICE):
    """Adversarially learned inference (Dumoulin et al., 2017): ALICE with lam = 0.

    Args:
        encoder: Network from data to the posterior's raw output.
        decoder: Network from codes to the likelihood's raw output.
        critic: Network from `[x, z]` to one logit.
        **kwargs: `loss`: see `ALICE`; and what `SVAE` takes beside `lam`.
    """

    def __init__(self, encoder, decoder, critic, **kwargs):
        super().__init__(encoder, decoder, critic, lam=0.0, **kwargs)
