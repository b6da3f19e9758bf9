"""Normalizing flows: posteriors that bend a Gaussian.

The raw output of the encoder holds the Gaussian's locations and scales, as in the law
`Gaussian("learned")`, and then the parameters of the flow. Some of these, `constants`,
do not depend on x. They are weights of the encoder's last layer.
"""

import math

import keras
import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from keras_svae import arguments
from keras_svae.distributions import steps
from keras_svae.distributions.laws import Gaussian, Law
from keras_svae.distributions.planar import Planar

__all__ = ["AutoregressiveFlow", "CouplingFlow", "Flow", "PlanarFlow"]


BASE = Gaussian("learned")


class Flow(Law):
    """A Gaussian of diagonal covariance, put through invertible layers.

    Subclasses give `parameters_of(dim)`, `constants(dim)` and `bijector(raw, dim)`.

    Args:
        length: How many layers, at least 1.
    """

    # The number of outputs per entry is not fixed: a flow mixes entries.
    parameters = None  # type: ignore[assignment]
    moments = False
    # The dimensions that a code has at least.
    smallest = 1

    def __init__(self, length: int):
        super().__init__()
        self.length = arguments.integer("length", length, at_least=1)

    def parameters_of(self, dim: int) -> int:
        """How many raw outputs the layers have, for codes of `dim` entries."""
        raise NotImplementedError

    def bijector(self, raw: tf.Tensor, dim: int) -> tfb.Bijector:
        """The layers from their raw outputs, (batch, parameters_of(dim)) float32."""
        raise NotImplementedError

    def outputs(self, dim):
        return BASE.outputs(dim) + self.parameters_of(dim)

    def __call__(self, raw):
        raw = tf.cast(raw, tf.float32)
        dim = self._dim(raw.shape[-1])
        base, layers = tf.split(raw, [BASE.outputs(dim), self.parameters_of(dim)], -1)
        return tfd.TransformedDistribution(BASE(base), self.bijector(layers, dim))

    def mean(self, raw):
        """The flow applied to the Gaussian's mean. This is not the flow's own mean."""
        law = self(raw)
        return law.bijector.forward(law.distribution.mean())

    def _dim(self, outputs: int) -> int:
        """The dimension of codes that have this many raw outputs."""
        dim = self.smallest
        while self.outputs(dim) < outputs:
            dim += 1
        if self.outputs(dim) != outputs:
            raise ValueError(
                f"Expected as many raw outputs as {type(self).__name__} needs, "
                f"{self.outputs(dim)} for a code of {dim} dimensions; received: "
                f"{outputs}"
            )
        return dim


@keras.saving.register_keras_serializable(package="keras_svae")
class PlanarFlow(Flow):
    """Planar flow (Rezende & Mohamed, 2015): layers `z + u tanh(w.z + b)`, (10).

    Raw outputs: 2 d for the Gaussian, then u (length, d), w (length, d), b (length).
    u and w are divided by the square root of d, so that raw values of order 1 give
    layers of order 1. See `planar.constrained` for what keeps them invertible.

    Args:
        length: How many layers, at least 1; 80 in the papers.
        conditioned: Whether u, w and b also depend on x (their algorithm 1), or are
            learned constants for all x.

    Raises:
        ValueError: For a length that is no integer of at least 1.

    Example:
        flow = ks.distributions.PlanarFlow(80)
        nets = ks.networks.mnist(latent_dim=32, posterior=flow)
        model = ks.VAE(nets.encoder, nets.decoder, posterior=flow)
    """

    def __init__(self, length: int = 8, conditioned: bool = True):
        super().__init__(length)
        self.conditioned = arguments.flag("conditioned", conditioned)

    def parameters_of(self, dim):
        return self.length * (2 * dim + 1)

    def constants(self, dim):
        return 0 if self.conditioned else self.parameters_of(dim)

    def bijector(self, raw, dim):
        u, w, b = tf.split(raw, [self.length * n for n in (dim, dim, 1)], -1)
        shape = tf.concat([tf.shape(raw)[:-1], [self.length, dim]], 0)
        u, w = (tf.reshape(one, shape) / math.sqrt(dim) for one in (u, w))
        return Planar(u, w, b)


class _Affine(Flow):
    """Layers in which a small network reads some entries and shifts and scales others.

    The network has one hidden layer of tanh. Its weights are learned constants. The
    encoder gives a context of x, which is added to the hidden layer. A log scale lies
    in (-2, 2).

    Args:
        length: How many layers, at least 1. The order of the entries is reversed
            between them.
        units: The number of units of the hidden layer, at least 1.
    """

    smallest = 2

    def __init__(self, length: int = 4, units: int = 64):
        super().__init__(length)
        self.units = arguments.integer("units", units, at_least=1)

    def sizes(self, dim: int) -> tuple[int, int]:
        """How many entries a layer's network reads, and how many it moves."""
        raise NotImplementedError

    def step(self, conditioner: "steps.Conditioner", dim: int) -> tfb.Bijector:
        """One layer."""
        raise NotImplementedError

    def masks(self, dim: int):
        """The masks of the network's two matrices, or None."""
        return None

    def constants(self, dim):
        if dim < self.smallest:
            raise ValueError(
                f"Expected a code of at least {self.smallest} dimensions for "
                f"{type(self).__name__}; received: latent_dim={dim}"
            )
        return self.length * steps.weights(*self.sizes(dim), self.units)

    def parameters_of(self, dim):
        return self.length * self.units + self.constants(dim)

    def bijector(self, raw, dim):
        contexts, weights = tf.split(
            raw, [self.length * self.units, self.constants(dim)], -1
        )
        contexts = tf.split(contexts, self.length, -1)
        weights = tf.split(weights, self.length, -1)
        chain = []
        for context, own in zip(contexts, weights, strict=True):
            conditioner = steps.Conditioner(
                context, own, *self.sizes(dim), masks=self.masks(dim)
            )
            chain += [self.step(conditioner, dim), tfb.Permute(range(dim)[::-1])]
        return tfb.Chain(chain[:-1][::-1])


@keras.saving.register_keras_serializable(package="keras_svae")
class CouplingFlow(_Affine):
    """Affine coupling layers, of real NVP (Dinh et al., 2017).

    Each layer keeps the first half of the entries. A network reads that half, and its
    output shifts and scales the other entries (their (7) and (8)). So draws and
    densities cost the same.

    Args:
        length: How many layers, at least 1; with 2, every entry is moved. The order of
            the entries is reversed between them.
        units: The number of units of the hidden layer (tanh) of each layer's network,
            at least 1.

    Raises:
        ValueError: For a length or units that are no integers of at least 1; when it
            is used, for a code of one dimension.
    """

    def sizes(self, dim):
        return dim // 2, dim - dim // 2

    def step(self, conditioner, dim):
        return tfb.RealNVP(
            num_masked=dim // 2,
            shift_and_log_scale_fn=lambda z, *_, **__: conditioner(z),
        )


@keras.saving.register_keras_serializable(package="keras_svae")
class AutoregressiveFlow(_Affine):
    """Inverse autoregressive flow (Kingma et al., 2016).

    In each layer, a masked network (Germain et al., 2015) reads the entries before an
    entry, and its output shifts and scales that entry. A draw and its density cost one
    pass per layer. sVAE-r and AS-VAE need the density of other codes, which costs one
    pass per layer and dimension of the code.

    Args:
        length: How many layers, at least 1. The order of the entries is reversed
            between them.
        units: The number of units of the hidden layer (tanh) of each layer's network,
            at least 1.

    Raises:
        ValueError: For a length or units that are no integers of at least 1; when it
            is used, for a code of one dimension.
    """

    def sizes(self, dim):
        return dim, dim

    def masks(self, dim):
        return steps.autoregressive_masks(dim, self.units)

    def step(self, conditioner, dim):
        return tfb.Invert(tfb.MaskedAutoregressiveFlow(conditioner, unroll_loop=True))
