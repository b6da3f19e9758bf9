"""Fully connected networks: for vectors, tables, and small images flattened."""

import math
from typing import Any

import keras

from keras_svae import arguments
from keras_svae.distributions import Law
from keras_svae.networks import parts
from keras_svae.networks.checks import check_activation, check_shape
from keras_svae.networks.linear import Dense
from keras_svae.networks.options import Options
from keras_svae.networks.parts import Networks

__all__ = ["dense", "digits", "mnist_dense", "toy"]

# These differ from the defaults of `Options`.
PLAIN = {
    "noise_law": "normal",
    "batch_norm": False,
    "critic_batch_norm": False,
    "critic_activation": "leaky_relu",
}


def dense(
    latent_dim: int,
    posterior: str | Law = "gaussian",
    likelihood: str | Law | None = "gaussian",
    *,
    shape: tuple[int, ...],
    units: int = 256,
    depth: int = 2,
    activation: str = "relu",
    shared: bool = False,
    momentum: float = parts.BATCH_NORM_MOMENTUM,
    **options: Any,
) -> Networks:
    """Fully connected networks for data of any shape: from no paper, quick on a CPU.

    Vectors and rows of a table have shape (d,). Other data are flattened for encoder
    and critic, and the decoder's output is brought to their shape. With the default
    arguments, where n is how many numbers an example has::

        encoder            decoder             critic
        x, flat (n)        z (latent_dim)      x, flat, and z, concatenated
        MLP 256, ReLU      MLP 256, ReLU       MLP 256, leaky ReLU
        MLP 256, ReLU      MLP 256, ReLU       MLP 256, leaky ReLU
        MLP, code          MLP n, as x         MLP 1

    Args:
        latent_dim: The code's dimension.
        posterior: See `Options`.
        likelihood: See `Options`: "gaussian" for columns with mean 0 and variance 1,
            say, "bernoulli" for values in [0, 1].
        shape: The shape of one example, without the batch: sizes of at least 1, (d,)
            for a table of d columns.
        units: The units of each hidden layer of the three networks, at least 1.
        depth: How many hidden layers each network has, at least 1.
        activation: The name of a Keras activation, for encoder and decoder.
        shared: Whether the encoder reads the critic's last hidden layer instead of x,
            as in AIM, and has one hidden layer of its own; only with `joint=False` and
            without `classes`.
        momentum: The momentum of the averages of batch normalisation, in [0, 1).
        **options: See `Options`. Unlike there, noise_dims=(latent_dim, latent_dim),
            noise_law="normal", critic_activation="leaky_relu" and no batch
            normalisation.

    Raises:
        ValueError: For a value out of its range, or something that is no shape.
        TypeError: For an unknown option.

    Example:
        nets = ks.networks.dense(latent_dim=3, shape=(12,))     # 12 columns
        nets.decoder.output_shape                               # (None, 12)
    """
    given = Options.of(
        latent_dim=latent_dim,
        posterior=posterior,
        likelihood=likelihood,
        **PLAIN | {"noise_dims": (latent_dim, latent_dim)} | options,
    )
    shared = arguments.flag("shared", shared)
    if shared and given.joint:
        raise ValueError(
            "Expected shared=True only with joint=False: the features of a critic of "
            "pairs need the code; received: joint=True"
        )
    if shared and given.classes:
        raise ValueError(
            "Expected shared=False with classes, as conditional methods have an "
            "encoder of [x, y]; received: shared=True"
        )
    nets = DenseNets(given, check_shape(shape), units, depth, activation, momentum)
    encoder = nets.head() if shared else nets.encoder()
    critic = nets.critic(bool(given.joint), "critic")
    return Networks(encoder, nets.decoder("decoder"), critic)


def toy(
    latent_dim: int = 2,
    posterior: str | Law = "gaussian",
    likelihood: str | Law | None = "gaussian",
    *,
    activation: str = "relu",
    shared: bool = False,
    **options: Any,
) -> Networks:
    """Networks for points (batch, 2), as in ALICE's toy experiment (Li et al., 2017).

    The networks of section 6.1 of Chen et al. (2018) are "designed in the same manner";
    that paper has no table of them. They are `dense` with ReLU in the critic too.

    Differences from ALICE's released code:

    1. ALICE's code concatenates N(0, I_2) noise to the inputs of encoder and decoder.
       Here `noise=True` does so, or, for the encoder alone, `posterior="implicit"`.
       By default the posterior is explicit and draws by itself.

    Args:
        latent_dim: The code's dimension.
        posterior: See `Options`.
        likelihood: See `Options`.
        activation: Name of a Keras activation, for the three networks.
        shared: See `dense`.
        **options: See `dense`. Unlike there, noise_dims=(2, 2) and
            critic_activation=activation.

    Raises:
        ValueError: For a value out of its range.
        TypeError: For an unknown option.

    Example:
        nets = ks.networks.toy(posterior="implicit", noise=True)     # ALICE's
        nets.encoder.output_shape                                    # (None, 2)
    """
    defaults: dict[str, Any] = {
        "shape": (2,),
        "noise_dims": (2, 2),
        "critic_activation": activation,
        # With .9, averages would vary with the batch by a grid25 component's sigma.
        "momentum": 0.99,
    }
    same: dict[str, Any] = {"activation": activation, "shared": shared}
    return dense(latent_dim, posterior, likelihood, **same, **defaults | options)


def digits(
    latent_dim: int = 8,
    posterior: str | Law = "gaussian",
    likelihood: str | Law | None = "bernoulli",
    **options: Any,
) -> Networks:
    """Networks for scikit-learn's digits (batch, 8, 8, 1): `dense`, with BN.

    With sVAE-r (lam = .3, Adam 5e-4, 160 epochs of 1,500 images, half a minute), two
    seeds: batch normalisation in encoder and decoder brings the test MSE from .023 to
    .017 and the estimated symmetric KL from 3.5 to 1.0 nats.

    Args:
        latent_dim: The code's dimension.
        posterior: See `Options`.
        likelihood: See `Options`.
        **options: See `dense`. Unlike there, noise_dims=(8, 8), noise_law="uniform" and
            batch_norm=True.

    Raises:
        ValueError: For a value out of its range.
        TypeError: For an unknown option.
    """
    defaults: dict[str, Any] = {
        "shape": (8, 8, 1),
        "noise_dims": (8, 8),
        "noise_law": "uniform",
        "batch_norm": True,
    }
    return dense(latent_dim, posterior, likelihood, **defaults | options)


def mnist_dense(
    latent_dim: int = 32,
    posterior: str | Law = "gaussian",
    likelihood: str | Law | None = "bernoulli",
    **options: Any,
) -> Networks:
    """Networks for images (batch, 28, 28, 1): `dense` with 500 units a layer.

    Args:
        latent_dim: The code's dimension.
        posterior: See `Options`.
        likelihood: See `Options`.
        **options: See `dense`. Unlike there, units=500 and noise_dims=(32, 32).

    Raises:
        ValueError: For a value out of its range.
        TypeError: For an unknown option.
    """
    defaults: dict[str, Any] = {
        "shape": (28, 28, 1),
        "units": 500,
        "noise_dims": (32, 32),
    }
    return dense(latent_dim, posterior, likelihood, **defaults | options)


class DenseNets:
    """The fully connected networks of one data set. Each is built on request.

    Args:
        options: See `Options`.
        shape: The shape of one example.
        units: See `dense`.
        depth: See `dense`.
        activation: See `dense`.
        momentum: See `dense`.
    """

    def __init__(
        self,
        options: Options,
        shape: tuple[int, ...],
        units: int,
        depth: int,
        activation: str,
        momentum: float = parts.BATCH_NORM_MOMENTUM,
    ):
        self.units = arguments.integer("units", units, at_least=1)
        self.depth = arguments.integer("depth", depth, at_least=1)
        check_activation("activation", activation)
        # Outside, averages run away or never move, and only inference shows it.
        if not (arguments.real(momentum) and 0 <= momentum < 1):
            raise ValueError(
                f"Expected momentum in [0, 1); received: momentum={momentum!r}"
            )
        self.options, self.shape = options, shape
        self.activation, self.momentum = activation, float(momentum)

    def head(self) -> keras.Model:
        """The network from a critic's features of x to the posterior's raw output."""
        h = keras.Input((self.units,), name="features")
        features = self._hidden(h, self.activation, False, 1)
        return parts.encoder_model(h, features, self.options)

    def encoder(self) -> keras.Model:
        """Data to the posterior's raw output."""
        options = self.options
        x, _ = parts.inputs(self.shape, options)
        inputs, h = parts.with_classes(x, self._flat(x), options)
        h = parts.append_noise(h, options.encoder_noise, options)
        h = self._hidden(h, self.activation, options.batch_norm, self.depth)
        return parts.encoder_model(inputs, h, options)

    def decoder(self, name: str) -> keras.Model:
        """Codes to raw data."""
        options, shape = self.options, self.shape
        _, z = parts.inputs(shape, options)
        inputs, h = parts.with_classes(z, z, options)
        h = parts.append_noise(h, options.decoder_noise, options)
        h = self._hidden(h, self.activation, options.batch_norm, self.depth)
        outputs = (*shape[:-1], shape[-1] * options.data_parameters)
        dtype = parts.output_dtype()
        x = Dense(math.prod(outputs), dtype=dtype, name="data")(h)
        if len(shape) > 1:
            x = keras.layers.Reshape(outputs, dtype=dtype)(x)
        x = parts.raw_output(x, options.likelihood_law)
        return keras.Model(inputs, x, name=name)

    def critic(self, joint: bool, name: str) -> keras.Model:
        """The network from [x, z] or x, and classes if there are any, to a logit."""
        options = self.options
        x, z = parts.inputs(self.shape, options)
        x_noise, z_noise = options.critic_noises
        inputs, h = parts.with_classes(x, self._flat(x), options)
        h = parts.append_noise(h, x_noise, options)
        if joint:
            inputs, z = [x, z], parts.append_noise(z, z_noise, options)
            h = parts.concatenate([h, z])
        batch_norm = options.critic_batch_norm
        h = self._hidden(h, options.critic_activation, batch_norm, self.depth)
        if not joint:
            h = keras.layers.Identity(name="features")(h)
        return parts.critic_model(inputs, h, name)

    def _hidden(self, x, activation, batch_norm, depth):
        for _ in range(depth):
            x = parts.block(
                x,
                Dense(self.units),
                activation,
                batch_norm=batch_norm,
                dropout=self.options.dropout,
                momentum=self.momentum,
            )
        return x

    def _flat(self, x):
        return keras.layers.Flatten()(x) if len(self.shape) > 1 else x
