"""Builder of the fully connected networks of `toy` and `digits`."""

import functools
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
    base.check_count("units", units)
    base.check_count("depth", depth)
    base.check_activation("activation", activation)

    def hidden(x, activation, batch_norm, depth=depth):
        more = {"dropout": options.dropout, "momentum": momentum}
        block = functools.partial(base.block, **more)
        for _ in range(depth):
            x = block(x, keras.layers.Dense(units), activation, batch_norm=batch_norm)
        return x

    def flat(x):
        return keras.layers.Flatten()(x) if len(shape) > 1 else x

    def head():
        h = keras.Input((units,), name="features")
        return base.encoder_model(h, hidden(h, activation, False, 1), options)

    def encoder():
        x, _ = base.inputs(shape, options)
        inputs, h = base.with_classes(x, flat(x), options)
        h = base.append_noise(h, options.encoder_noise, options)
        h = hidden(h, activation, options.batch_norm)
        return base.encoder_model(inputs, h, options)

    def decoder():
        _, z = base.inputs(shape, options)
        inputs, h = base.with_classes(z, z, options)
        h = base.append_noise(h, options.decoder_noise, options)
        h = hidden(h, activation, options.batch_norm)
        outputs = (*shape[:-1], shape[-1] * options.data_parameters)
        dtype = base.output_dtype()
        x = keras.layers.Dense(math.prod(outputs), dtype=dtype, name="data")(h)
        if len(shape) > 1:
            x = keras.layers.Reshape(outputs, dtype=dtype)(x)
        return keras.Model(inputs, x, name="decoder")

    def critic():
        x, z = base.inputs(shape, options)
        x_noise, z_noise = options.critic_noises
        inputs, h = base.with_classes(x, flat(x), options)
        h = base.append_noise(h, x_noise, options)
        if options.joint:
            inputs, z = [x, z], base.append_noise(z, z_noise, options)
            h = base.concatenate([h, z])
        h = hidden(h, options.critic_activation, options.critic_batch_norm)
        if not options.joint:
            h = keras.layers.Identity(name="features")(h)
        return base.critic_model(inputs, h)

    return base.Networks(head() if shared else encoder(), decoder(), critic())
