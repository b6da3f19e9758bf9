"""The arguments that several builders of networks share."""

import dataclasses
import numbers
from typing import Any

import numpy as np

from keras_svae import arguments, distributions
from keras_svae.networks.checks import check_activation

__all__ = ["Options"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """The arguments that `dense` and the tables of sVAE share.

    Args:
        latent_dim: The code's dimension, at least 1.
        posterior: q(z|x), by name or as a `Law`: see `ks.distributions.get`. The
            encoder's end names it (`RawOutput`), and a model reads it there.
        likelihood: p(x|z), by name or as a `Law`: see `ks.distributions.get`. The
            decoder's end names it. None for a decoder of one raw output per entry that
            leaves the law to the model.
        joint: Whether the critic reads [x, z], as in sVAE and ALI, or only x, as in GAN
            and WGAN. None for the first, unless there are `classes`; then it reads [x,
            y].
        noise: True feeds noise to encoder and decoder, False to neither. None feeds
            only the encoder, and only if the posterior draws nothing by itself
            ("implicit", or a law with `draw="mean"`). With noise and an explicit
            posterior, the density is q(z|x, noise), and q(z|x) is a mixture over the
            noise.
        noise_dims: (encoder, decoder): channels beside the image (for `dense`
            dimensions beside x), dimensions beside z.
        noise_law: "uniform" for U(-1, 1), "normal" for N(0, 1).
        critic_noise: Whether the critic is fed noise, too: `noise_dims` beside x and z.
            The authors' released image code does so; their paper does not mention it.
        dropout: Rate in [0, 1), after each hidden block of the three networks. The
            paper has dropout but says neither where nor at which rate.
        batch_norm: Whether encoder and decoder have batch normalisation.
        critic_batch_norm: Whether the critic has it. It makes the estimated ratio of
            one pair depend on the batch; WGAN-GP's penalty does not allow it.
        critic_activation: Name of a Keras activation, "relu" or "leaky_relu" (slope
            .2) say.
        code_stddev: If the posterior's scale is learned, the standard deviation of the
            initial weights of the encoder's last layer, so that training starts near
            q(z|x) = N(0, I); None for Xavier, as in the paper.
        classes: How many classes the data have, for networks of conditional models:
            encoder and critic then read `[x, y]` and the decoder `[z, y]`, y one-hot
            (batch, classes). None for networks without y.
    """

    latent_dim: int
    posterior: "str | distributions.Law" = "gaussian"
    likelihood: "str | distributions.Law | None" = "bernoulli"
    joint: bool | None = None
    noise: bool | None = None
    noise_dims: tuple[int, int] = (1, 20)
    noise_law: str = "uniform"
    critic_noise: bool = False
    dropout: float = 0.0
    batch_norm: bool = True
    critic_batch_norm: bool = True
    critic_activation: str = "relu"
    code_stddev: float | None = 0.02
    classes: int | None = None

    def __post_init__(self):
        self._set(
            "latent_dim", arguments.integer("latent_dim", self.latent_dim, at_least=1)
        )
        if self.classes is not None:
            self._set("classes", arguments.integer("classes", self.classes, at_least=1))
            if self.joint:
                raise ValueError(
                    "Expected joint=False with classes: conditional methods have a "
                    f"critic of x and y; received: joint=True, classes={self.classes}"
                )
        if self.joint is None:
            self._set("joint", self.classes is None)
        for name in ("joint", "batch_norm", "critic_batch_norm", "critic_noise"):
            self._set(name, arguments.flag(name, getattr(self, name)))
        # Both raise for an unknown law; the first also if the law is not one of codes.
        self.posterior_law  # noqa: B018
        self.likelihood_law  # noqa: B018
        if not (self.noise is None or isinstance(self.noise, (bool, np.bool_))):
            raise ValueError(
                f"Expected noise to be None, True or False (noise_dims says how much); "
                f"received: noise={self.noise!r}"
            )
        dims = self.noise_dims
        paired = isinstance(dims, (tuple, list)) and len(dims) == 2
        if not paired or not all(
            isinstance(one, numbers.Integral) and one >= 0 for one in dims
        ):
            raise ValueError(
                "Expected noise_dims to be (encoder, decoder), both at least 0; "
                f"received: noise_dims={dims!r}"
            )
        if self.noise_law not in ("uniform", "normal"):
            raise ValueError(
                'Expected noise_law to be "uniform" or "normal"; '
                f"received: noise_law={self.noise_law!r}"
            )
        if not (arguments.real(self.dropout) and 0 <= self.dropout < 1):
            raise ValueError(
                f"Expected dropout in [0, 1); received: dropout={self.dropout!r}"
            )
        if self.code_stddev is not None:
            arguments.positive("code_stddev", self.code_stddev)
        check_activation("critic_activation", self.critic_activation)

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    @classmethod
    def of(cls, **arguments: Any) -> "Options":
        """The options. For an unknown name, the error lists all options."""
        known = [field.name for field in dataclasses.fields(cls)]
        unknown = sorted(set(arguments) - set(known))
        if unknown:
            raise TypeError(
                f"Expected options among {known}; received: {', '.join(unknown)}"
            )
        return cls(**arguments)

    @property
    def posterior_law(self) -> distributions.Law:
        """q(z|x)."""
        return distributions.get(self.posterior, "posterior")

    @property
    def likelihood_law(self) -> distributions.Law | None:
        """p(x|z)."""
        if self.likelihood is None:
            return None
        return distributions.get(self.likelihood, "likelihood")

    @property
    def code_outputs(self) -> int:
        """Raw outputs of the encoder."""
        return self.posterior_law.outputs(self.latent_dim)

    @property
    def code_constants(self) -> int:
        """How many of them, the last ones, do not depend on x."""
        return self.posterior_law.constants(self.latent_dim)

    @property
    def data_parameters(self) -> int:
        """Raw outputs of the decoder per pixel and channel."""
        return 1 if self.likelihood_law is None else self.likelihood_law.parameters

    @property
    def encoder_noise(self) -> int:
        """Noise channels (or dimensions) beside x, for the encoder."""
        noise = self.noise
        if noise is None:
            noise = self.posterior_law.draw == "mean"
        return self.noise_dims[0] if noise else 0

    @property
    def decoder_noise(self) -> int:
        """Noise dimensions beside z, for the decoder."""
        return self.noise_dims[1] if self.noise else 0

    @property
    def critic_noises(self) -> tuple[int, int]:
        """Noise beside x and beside z, for the critic."""
        return self.noise_dims if self.critic_noise else (0, 0)
