"""AS-VAE-r with AVB's cure: its critic compares codes with those of a known law.

The law is near to the encoder's, and the rest of the divergence is known.
"""

from typing import Any

import keras
import numpy as np

import keras_svae as ks
from keras_svae.game.critic import Critic
from keras_svae.game.export.endpoints import endpoint
from keras_svae.game.terms import over_data, over_samples
from keras_svae.models.as_vae import MarginalsDraw
from keras_svae.models.contrast import ContrastDraw, Contrasted
from reproductions.engine import Parts
from reproductions.engine.inputs import Inputs

# Held-out examples of the two divergences, and how many of them at a time.
N, SIZE = 2000, 250


class ContrastedMarginalsDraw(ContrastDraw, MarginalsDraw):
    """A draw of both kinds: pairs of marginals, and a contrast for codes."""


@keras.saving.register_keras_serializable(package="reproductions")
class ContrastASVAE(Contrasted, ks.ASVAE):
    """AS-VAE-r with AVB's adaptive contrast r(z|x); not in the paper.

    r is a Gaussian with the moments of q(z|x). The critic compares (x, z) of the
    encoder with x of the decoder and z of r(z|x), in normalised codes, where r is
    N(0, I). At its optimum it is log q(x, z) - log p(x) r(z|x), so that (7) is

        f1* = f + log r(z|x) - log p(z).

    So of the KL divergence between codes and prior the critic has to see only how q
    differs from r. With a Gaussian posterior, where r is q itself, it has nothing to
    see of it, and the loss is a VAE's but for log q(x) - log p(x).
    """

    f1 = Critic("critic_x", "x z")

    def __init__(self, encoder, decoder, critic_x, **kwargs):
        super().__init__(
            encoder, decoder, critic_x, **{**kwargs, "part": "reconstruction"}
        )
        self.use_contrast(True, None)

    def draw(self, batch, noise, training):
        return ContrastedMarginalsDraw(self, batch, noise, training)

    def critic_loss(self, draw):
        above = self.f1.as_above(*draw.normalised_q, training=draw.training)
        # Normalised codes of r are N(0, I), whatever x is, as those of the prior.
        below = self.f1.as_below(*draw.p_marginals, training=draw.training)
        return {"x": over_data(above) + over_samples(below)}

    def autoencoder_loss(self, draw):
        f = self.f1(*draw.normalised_q, training=draw.training)
        over = draw.contrast.over(self.prior, draw.z_q)
        terms = {"reconstruction_x": -over_data(draw.log_p_x)}
        terms["kl_x"] = over_data(f) + over_data(over)
        draw.log["bound_x"] = -terms["reconstruction_x"] - terms["kl_x"]
        return terms

    @endpoint("log_ratio")
    def log_ratio_x(self, x, z):
        f, over = self.contrasted(self.f1, self._data(x), self._codes(z))
        return f + over


def as_vae_r_contrast(parts: Parts) -> ContrastASVAE:
    """AS-VAE-r whose critic compares codes with those of a contrast."""
    return parts.game(ContrastASVAE, *parts.networks("pairs"))


def divergences(model: ks.Game, inputs: Inputs) -> dict[str, Any]:
    """KL(q(z|x) || p(z)) at held-out data, and the critic's estimate, nats.

    An AS-VAE's critic sees KL(q(x) || p(x)) besides, so that its estimate is not the
    smaller one at its optimum. AVB's sees the first alone.
    """
    law = getattr(model, "posterior_law", None)
    if law is None or not law.explicit:
        return {}
    ratio = None
    if getattr(model, "keeps_x", False):
        ratio = model.log_ratio_x
    elif hasattr(model, "log_ratio"):
        ratio = model.log_ratio
    kl, of_critic = [], []
    x = inputs.validation_examples()[:N]
    for number, start in enumerate(range(0, len(x), SIZE)):
        some = x[start : start + SIZE]
        posterior = law(model.posterior_raw(some, False))
        z = posterior.sample(seed=number)
        kl += list(posterior.log_prob(z) - model.prior.log_prob(z))
        of_critic += [] if ratio is None else list(ratio(some, z))
    found = {"kl": kl, "kl_of_critic": of_critic}
    return {
        "divergences": {name: float(np.mean(v)) for name, v in found.items() if len(v)}
    }
