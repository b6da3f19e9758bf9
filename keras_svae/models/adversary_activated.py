"""VAEs with an activated adversary: they learn from their own samples, too.

Equation numbers are those of On Unifying Deep Generative Models, `unifying_iclr2018`.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from keras_svae.game import checks
from keras_svae.game.terms import Term, over_data, over_samples
from keras_svae.models.adversarial import AdversarialModel
from keras_svae.models.semi_supervised import SemiSupervisedVAE
from keras_svae.models.vae import CVAE, VAE

__all__ = ["AACVAE", "AASemiSupervisedVAE", "AAVAE", "AdversaryActivated"]


class AdversaryActivated(AdversarialModel):
    """Adversary activation, for any VAE. It comes before the VAE in the base classes.

    A VAE is (17) with a perfect discriminator: only real examples count. Here a critic
    takes its place. It is trained as in GAN, (46). With `D_T(x) = s(f(x) / T)` encoder
    and decoder minimise

        E_q(x) D_T(x) L(x) + E_p(x) D_T(x) L(x),

    where L is minus the VAE's bound, for each batch of data and an equal number of
    samples. Weights are constants, and so are samples: they pass no gradient into the
    decoder that drew them.

    Args:
        *networks: The VAE's networks.
        critic: Network from x, for `AACVAE` from `[x, y]`, to one logit, (batch, 1).
        temperature: T > 0. Above 1, weights are closer to 1/2, and samples count more.
            T changes only the weights, not what the critic learns.
        constant: The paper's missing control, a model that learns from its own samples
            without an adversary: if given, data have the weight 1 and samples this one,
            at least 0, in place of D_T. The critic is trained but decides nothing; 0 is
            the VAE.
        **kwargs: The VAE's arguments.

    Raises:
        ValueError: For a temperature that is not positive, or a constant below 0.
    """

    through_x_p = False  # samples are constants

    def __init__(
        self,
        *networks,
        critic,
        temperature: float = 1.0,
        constant: float | None = None,
        **kwargs,
    ):
        super().__init__(*networks, critic=critic, **kwargs)
        self.temperature = checks.positive("temperature", temperature)
        known = constant is not None
        self.constant = checks.weight("constant", constant) if known else None

    def discriminator(self, draw) -> tf.Tensor:
        """D_T(x) on the data of a draw, (batch,), in (0, 1)."""
        f = self.f(draw.x, draw.y, training=draw.training)
        return self.tempered(tf.squeeze(f, -1))

    def tempered(self, log_ratio: tf.Tensor) -> tf.Tensor:
        """D_T = s(f / T), in (0, 1), of f = log q(x) - log p(x), of any shape."""
        return tf.sigmoid(log_ratio / self.temperature)

    def bound_loss(self, draw) -> dict[str, Term]:
        """Minus (17), which equals (44)."""
        loss: dict[str, Term] = {}
        both: dict[str, tuple[Any, Callable[[tf.Tensor], Term]]] = {
            "real": (draw, over_data),
            "fake": (draw.fakes, over_samples),
        }
        for name, (one, over) in both.items():
            if self.constant is None:
                weights = tf.stop_gradient(self.discriminator(one))
            else:
                fixed = 1.0 if name == "real" else self.constant
                weights = tf.fill(tf.shape(one.x)[:1], fixed)
            draw.log[f"weight_{name}"] = over(weights)
            for term, values in self.bound_terms(one).items():
                loss[term] = over(weights * values) + loss.get(term, 0)
        return loss


@keras.saving.register_keras_serializable(package="keras_svae")
class AAVAE(AdversaryActivated, VAE):
    """Adversary activated variational autoencoder, AA-VAE (Hu et al., 2018, (17)).

    Here `D_T(x) = s(f(x) / T)`, and f is a critic that plays GAN's game on x. On data
    and on an equal number of samples, encoder and decoder minimise

        E_q(x) D_T(x) L(x) + E_p(x) D_T(x) L(x),
        L(x) = -E_q(z|x) log p(x|z) + KL(q(z|x) || p(z)),

    without a gradient into the weights D_T or into the samples. With D = 1 on data and
    0 on samples this is `VAE`.

    Args:
        encoder: Network from data to the posterior's raw output.
        decoder: Network from codes to the likelihood's raw output.
        critic: Network from x to one unbounded logit, (batch, 1).
        temperature: T > 0; T = 1 is (17). The paper chooses it from 1, 1.5, 3 and 5 by
            validation. A larger T gives samples more weight.
        constant: A weight of samples in place of D_T, beside 1 for data; see
            `AdversaryActivated`.
        **kwargs: See `VAE`.

    Raises:
        ValueError: For a temperature that is not positive, or a constant below 0.

    Example:
        nets = ks.networks.mnist(latent_dim=32, joint=False)
        model = ks.AAVAE(*nets, temperature=1.5)
        model.compile(optimizer=keras.optimizers.Adam(2e-4),
                      critic_optimizer=keras.optimizers.Adam(2e-4))
    """

    players = {**AdversarialModel.players, **VAE.players}

    def __init__(self, encoder, decoder, critic, **kwargs):
        super().__init__(encoder, decoder, critic=critic, **kwargs)


@keras.saving.register_keras_serializable(package="keras_svae")
class AACVAE(AAVAE, CVAE):
    """Class-conditional AA-VAE, AA-CVAE (Hu et al., 2018).

    `AAVAE` with the class y beside x and z; samples have the classes of the batch.

    Args:
        encoder: See `CVAE`.
        decoder: See `CVAE`.
        critic: Network from `[x, y]` to one unbounded logit, (batch, 1).
        **kwargs: `temperature`, `constant`: see `AAVAE`; the others: see `VAE`.
    """


@keras.saving.register_keras_serializable(package="keras_svae")
class AASemiSupervisedVAE(AdversaryActivated, SemiSupervisedVAE):
    """Adversary activated semi-supervised VAE: the paper's AA-SVAE (Hu et al., 2018).

    The bounds of `SemiSupervisedVAE` are weighted as in `AAVAE`; its classification
    term is not. For each labelled example, a sample of the same class takes part as a
    labelled one. For each other example, a sample of a class drawn from p(y) takes part
    as an unlabelled one.

    Args:
        classifier: See `SemiSupervisedVAE`.
        encoder: See `SemiSupervisedVAE`.
        decoder: See `SemiSupervisedVAE`.
        critic: Network from x alone to one unbounded logit, (batch, 1).
        **kwargs: `temperature`, `constant`: see `AAVAE`; the others: see
            `SemiSupervisedVAE`.
    """

    players = {**AdversarialModel.players, **SemiSupervisedVAE.players}

    def __init__(self, classifier, encoder, decoder, critic, **kwargs):
        super().__init__(classifier, encoder, decoder, critic=critic, **kwargs)

    def log_ratio(self, x) -> tf.Tensor:
        """The critic's estimate of log q(x) - log p(x), (batch,), nats."""
        return super().log_ratio(x)
