"""Why AS-VAE-r's bound is behind a VAE's: what its critic sees of the KL divergence.

The cure to try is AVB's: the critic compares codes of the encoder with those of a law
that is near to them, and the rest of the divergence is known.
"""

import itertools
from typing import Any, Literal

import keras
import numpy as np
import tensorflow_probability as tfp

import keras_svae as ks
from keras_svae.game.critic import Critic
from keras_svae.game.endpoints import endpoint
from keras_svae.game.once import once
from keras_svae.game.terms import over_data, over_samples
from keras_svae.models.as_vae import MarginalsDraw
from reproductions.engine import Parts, Study, experiment, needed
from reproductions.engine.inputs import Inputs
from reproductions.engine.options import PositiveInt
from reproductions.engine.rows import gather, table_of

MEASURES = {
    "variational_bound": "bound, nats",
    "importance_weighted_bound": "with k, nats",
    "kl": "KL, nats",
    "kl_of_critic": "KL by critic, nats",
    "mse": "MSE",
    "inception_score": "score",
}
# Test examples of the two divergences.
N = 2000
SHOWN = "variational_bound,importance_weighted_bound,mse,inception_score"
VARIANTS: dict[str, dict[str, Any]] = {
    "as_vae_r": {"method": "as_vae_r"},
    "as_vae_r_gaussian": {"method": "as_vae_r", "posterior": "gaussian"},
    "as_vae_r_turns": {
        "method": "as_vae_r",
        "posterior": "gaussian",
        "critic_turns": 5,
    },
    "as_vae_r_contrast": {"method": "as_vae_r_contrast"},
    "avb_gaussian": {"method": "avb", "posterior": "gaussian", "measures": SHOWN},
    "vae": {"method": "vae"},
}
DEFAULT = list(VARIANTS)


class ContrastDraw(MarginalsDraw):
    """Adds q(z|x)'s own mean and deviation, as constants."""

    @once
    def contrast(self):
        return self.model.contrast(self.x, self.training)


@keras.saving.register_keras_serializable(package="reproductions")
class ContrastASVAE(ks.ASVAE):
    """AS-VAE-r with an analytic contrast r(z|x); not in the paper.

    r is q(z|x) itself with constant moments, a Gaussian. The critic compares (x, z) of
    the encoder with x of the decoder and z of r(z|x), in normalised codes, where r is
    N(0, I). At its optimum it is log q(x, z) - log p(x) r(z|x), so that

        f1* = f + log r(z|x) - log p(z).

    Of the KL divergence between codes and prior the critic then estimates nothing. It
    is left with the one between q(x) and p(x), and with the dependence of codes on x.
    """

    f1 = Critic("critic_x", "x z")

    def __init__(self, encoder, decoder, critic_x, **kwargs):
        super().__init__(
            encoder, decoder, critic_x, **{**kwargs, "part": "reconstruction"}
        )
        gaussian = isinstance(self.posterior_law, ks.distributions.Gaussian)
        if not gaussian or self.prior_name != "normal":
            raise ValueError(
                "Expected posterior='gaussian' and prior='normal'; received: "
                f"{type(self.posterior_law).__name__} and {self.prior_name!r}"
            )

    def draw(self, batch, noise, training):
        return ContrastDraw(self, batch, noise, training)

    def contrast(self, x, training: bool):
        """r(z|x) at data: a Gaussian whose moments have no gradient."""
        posterior = self.posterior_law(self.posterior_raw(x, training))
        moments = posterior.mean(), posterior.stddev()
        return tfp.distributions.MultivariateNormalDiag(
            *map(keras.ops.stop_gradient, moments)
        )

    def critic_loss(self, draw):
        codes = _normalised(draw.contrast, draw.z_q)
        above = self.f1.as_above(draw.x, codes, training=draw.training)
        # Normalised codes of r are N(0, I), whatever x is, as those of the prior.
        below = self.f1.as_below(*draw.p_marginals, training=draw.training)
        return {"x": over_data(above) + over_samples(below)}

    def autoencoder_loss(self, draw):
        codes = _normalised(draw.contrast, draw.z_q)
        f = self.f1(draw.x, codes, training=draw.training)
        over = draw.contrast.log_prob(draw.z_q) - self.prior.log_prob(draw.z_q)
        terms = {"reconstruction_x": -over_data(draw.log_p_x)}
        terms["kl_x"] = over_data(f) + over_data(over)
        draw.log["bound_x"] = -terms["reconstruction_x"] - terms["kl_x"]
        return terms

    @endpoint("log_ratio")
    def log_ratio_x(self, x, z):
        x, z = self._data(x), self._codes(z)
        r = self.contrast(x, False)
        over = r.log_prob(z) - self.prior.log_prob(z)
        return self.f1.log_ratio(x, _normalised(r, z)) + over


def _normalised(r, z):
    return (z - r.mean()) / r.stddev()


@needed.requires(posterior="gaussian")
def as_vae_r_contrast(parts: Parts) -> ContrastASVAE:
    """AS-VAE-r whose critic compares codes with the encoder's; not in the paper."""
    return parts.game(ContrastASVAE, *parts.networks("pairs"))


def divergences(model: ks.Game, inputs: Inputs) -> dict[str, Any]:
    """KL(q(z|x) || p(z)) at held-out data, and the critic's estimate, nats.

    The critic's has KL(q(x) || p(x)) besides, so at its optimum it is not the smaller.
    """
    law = getattr(model, "posterior_law", None)
    if law is None or not law.explicit:
        return {}
    x = inputs.validation_examples()[:N]
    posterior = law(model.posterior_raw(x, False))
    z = posterior.sample(seed=0)
    kl = np.mean(posterior.log_prob(z) - model.prior.log_prob(z))
    found = {"kl": float(kl)}
    if getattr(model, "keeps_x", False):
        found["kl_of_critic"] = float(np.mean(model.log_ratio_x(x, z)))
    elif hasattr(model, "log_ratio"):
        found["kl_of_critic"] = float(np.mean(model.log_ratio(x, z)))
    return {"divergences": found}


@experiment()
def contrast(
    study: Study,
    variants: list[Literal[tuple(VARIANTS)]] = DEFAULT,
    seeds: PositiveInt = 3,
    budget: Literal["quick", "paper"] = "quick",
) -> None:
    """What AS-VAE-r's critic sees of the KL divergence, and AVB's cure (5.2).

    Beside each bound stand KL(q(z|x) || p(z)) at held-out data and the critic's
    estimate of it. MNIST.

    Args:
        study: Where the runs are.
        variants: AS-VAE-r as in the table; with a Gaussian posterior; with five turns
            of its critic; with the encoder's own Gaussian as contrast. AVB with its
            adaptive contrast, and the VAE, both with a Gaussian posterior.
        seeds: How many seeds each variant has.
        budget: The settings that each run starts from.
    """
    from reproductions.as_vae.images import mnist

    calls = [
        (variant, mnist.call(**VARIANTS[variant], seed=seed, budget=budget))
        for seed, variant in itertools.product(range(seeds), variants)
    ]
    names = [*MEASURES, "steps"]
    records, rows = gather(study, calls, [], names, key="variant", each=with_kl)
    seconds = sum(one["processor seconds"] for one in records)
    whole: dict = next((one for one in records if "measures" in one), {})
    content = {
        "experiment": "AS-VAE-r's critic and the KL divergence, MNIST",
        "budget": budget,
        "settings": {name: call.settings for name, call in reversed(calls)},
        "cells": rows,
        "n of both divergences": N,
        "data": whole.get("data"),
        "processor hours": round(seconds / 3600, 2),
    }
    study.write(content, table_of(rows, lambda cell: cell["variant"], MEASURES))


def with_kl(record: dict) -> dict:
    """A record with both divergences and its steps among the metrics."""
    more = {**record.get("divergences", {}), "steps": record.get("steps")}
    return record | {"metrics": record["metrics"] | more}
