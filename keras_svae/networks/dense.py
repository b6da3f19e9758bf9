"""Builder of the fully connected networks of `toy` and `digits`."""

import math

import keras

from keras_svae.networks import base


def dense(
    options: base.Options,
    shape: tuple[int, ...],
    *,
    units: int,
    depth: int,
    activation: str,
    shared: bool = False,
    momentum: float = base.BATCH_NORM_MOMENTUM,
) -> base.Networks:
    """Three networks of `depth` hidden layers of `units`, on flattened data.

    Args:
        options: See `Options`.
        shape: Of one example.
        units: Of each hidden layer, at least 1.
        depth: How many hidden layers, at least 1.
        activation: Of encoder and decoder, the name of a Keras activation.
        shared: Whether the encoder reads the critic's last hidden layer, instead of x,
            and has one hidden layer of its own.
        momentum: Of the averages of batch normalization.
    """
    if shared and options.joint:
        raise ValueError(
            "Expected shared=True only with joint=False: the features of a critic of "
            "pairs need the code; received: joint=True"
        )
    if shared and options.classes:
        raise ValueError(
            "Expected shared=False with classes, as conditional methods have an "
            "encoder of [x, y]; received: shared=True"
        )
    nets = DenseNets(options, shape, units, depth, activation, momentum)
    encoder = nets.head() if shared else nets.encoder()
    critic = nets.critic(options.joint, "critic")
    return base.Networks(encoder, nets.decoder("decoder"), critic)


class DenseNets:
    """The fully connected networks of one data set, each built when asked for.

    Args:
        options: See `Options`.
        shape: Of one example.
        units: See `dense`.
        depth: See `dense`.
        activation: See `dense`.
        momentum: See `dense`.
    """

    def __init__(
        self,
        options: base.Options,
        shape: tuple[int, ...],
        units: int,
        depth: int,
        activation: str,
        momentum: float = base.BATCH_NORM_MOMENTUM,
    ):
        base.check_count("units", units)
        base.check_count("depth", depth)
        base.check_activation("activation", activation)
        self.options, self.shape, self.units, self.depth = options, shape, units, depth
        self.activation, self.momentum = activation, momentum

    def head(self) -> keras.Model:
        """Features of a critic of x to the posterior's raw output."""
        h = keras.Input((self.units,), name="features")
        features = self._hidden(h, self.activation, False, 1)
        return base.encoder_model(h, features, self.options)

    def encoder(self) -> keras.Model:
        """Data to the posterior's raw output."""
        options = self.options
        x, _ = base.inputs(self.shape, options)
        inputs, h = base.with_classes(x, self._flat(x), options)
        h = base.append_noise(h, options.encoder_noise, options)
        h = self._hidden(h, self.activation, options.batch_norm, self.depth)
        return base.encoder_model(inputs, h, options)

    def decoder(self, name: str) -> keras.Model:
        """Codes to raw data."""
        options, shape = self.options, self.shape
        _, z = base.inputs(shape, options)
        inputs, h = base.with_classes(z, z, options)
        h = base.append_noise(h, options.decoder_noise, options)
        h = self._hidden(h, self.activation, options.batch_norm, self.depth)
        outputs = (*shape[:-1], shape[-1] * options.data_parameters)
        dtype = base.output_dtype()
        x = keras.layers.Dense(math.prod(outputs), dtype=dtype, name="data")(h)
        if len(shape) > 1:
            x = keras.layers.Reshape(outputs, dtype=dtype)(x)
        x = base.raw_output(x, options.likelihood_law)
        return keras.Model(inputs, x, name=name)

    def critic(self, joint: bool, name: str) -> keras.Model:
        """[x, z], or x alone, and then its classes if there are any, to a logit."""
        options = self.options
        x, z = base.inputs(self.shape, options)
        x_noise, z_noise = options.critic_noises
        inputs, h = base.with_classes(x, self._flat(x), options)
        h = base.append_noise(h, x_noise, options)
        if joint:
            inputs, z = [x, z], base.append_noise(z, z_noise, options)
            h = base.concatenate([h, z])
        batch_norm = options.critic_batch_norm
        h = self._hidden(h, options.critic_activation, batch_norm, self.depth)
        if not joint:
            h = keras.layers.Identity(name="features")(h)
        return base.critic_model(inputs, h, name)

    def _hidden(self, x, activation, batch_norm, depth):
        for _ in range(depth):
            x = base.block(
                x,
                keras.layers.Dense(self.units),
                activation,
                batch_norm=batch_norm,
                dropout=self.options.dropout,
                momentum=self.momentum,
            )
        return x

    def _flat(self, x):
        return keras.layers.Flatten()(x) if len(self.shape) > 1 else x
