"""The parts of all networks: inputs, hidden blocks, the last layers."""

from typing import NamedTuple

import keras

from keras_svae import distributions
from keras_svae.networks.ends import RawOutput
from keras_svae.networks.layers import (
    AppendConstants,
    AppendNoise,
    Dropout,
    UpSampling2D,
)
from keras_svae.networks.normalization import BatchNormalization
from keras_svae.networks.options import Options

# Keras's .99 needs some 500 steps to forget its start; short runs end sooner.
BATCH_NORM_MOMENTUM = 0.9


class Networks(NamedTuple):
    """Three functional models, which unpack: `ks.SVAE(*nets, lam=0.1)`.

    Attributes:
        encoder: x -> raw code (batch, `law.outputs(latent_dim)`).
        decoder: z (batch, latent_dim) -> raw data, parameters on the last axis.
        critic: [x, z], or x alone where `joint=False` -> (batch, 1), unbounded.

    With `classes`, the networks also read y beside x and beside z: see `Options`.
    """

    encoder: keras.Model
    decoder: keras.Model
    critic: keras.Model


def scaled(number: int, width: float) -> int:
    """A hidden size times a width, at least 1."""
    return max(1, round(number * width))


def append_noise(x: keras.KerasTensor, dim: int, options: Options) -> keras.KerasTensor:
    """Concatenates noise to x; returns x itself if `dim` is 0."""
    return AppendNoise(dim, options.noise_law)(x) if dim else x


def block(
    x: keras.KerasTensor,
    layer: keras.layers.Layer,
    activation: str,
    *,
    batch_norm: bool,
    dropout: float,
    momentum: float = BATCH_NORM_MOMENTUM,
) -> keras.KerasTensor:
    """A hidden block in the order of the paper's tables: layer, activation, BN."""
    x = keras.layers.Activation(activation)(layer(x))
    if batch_norm:
        x = BatchNormalization(momentum=momentum)(x)
    return Dropout(dropout)(x) if dropout else x


def output_dtype() -> str | None:
    """Float32 for last layers under a mixed policy: losses need more than bfloat16."""
    policy = keras.config.dtype_policy()
    return "float32" if policy.compute_dtype != policy.variable_dtype else None


def encoder_model(
    x: keras.KerasTensor,
    features: keras.KerasTensor,
    options: Options,
    kernel: str | keras.Initializer = "glorot_uniform",
) -> keras.Model:
    """The encoder from its input and last hidden features: adds the linear layer.

    The kernel starts with this initializer if `options` do not name another one.
    """
    learned_scale = options.code_outputs > options.latent_dim
    if learned_scale and options.code_stddev is not None:
        kernel = keras.initializers.RandomNormal(stddev=options.code_stddev)
    constants = options.code_constants
    code = keras.layers.Dense(
        options.code_outputs - constants,
        kernel_initializer=kernel,
        dtype=output_dtype(),
        name="code",
    )
    raw = code(features)
    if constants:
        raw = AppendConstants(constants, dtype=output_dtype(), name="constants")(raw)
    return keras.Model(x, raw_output(raw, options.posterior_law), name="encoder")


def raw_output(
    x: keras.KerasTensor, law: distributions.Law | None
) -> keras.KerasTensor:
    """The same, and names the law of this raw output; None names no law."""
    if law is None:
        return x
    return RawOutput(law, dtype=output_dtype(), name="raw_output")(x)


def critic_model(
    inputs: keras.KerasTensor | list[keras.KerasTensor],
    features: keras.KerasTensor,
    name: str = "critic",
    kernel: str | keras.Initializer = "glorot_uniform",
) -> keras.Model:
    """The critic from its inputs and its last features: adds the linear layer."""
    log_ratio = keras.layers.Dense(
        1, kernel_initializer=kernel, dtype=output_dtype(), name="log_ratio"
    )
    return keras.Model(inputs, log_ratio(features), name=name)


def concatenate(tensors: list[keras.KerasTensor]) -> keras.KerasTensor:
    """Concatenates vectors; returns a single one unchanged."""
    return keras.layers.Concatenate()(tensors) if len(tensors) > 1 else tensors[0]


def with_classes(
    x: keras.KerasTensor, h: keras.KerasTensor, options: Options
) -> tuple[keras.KerasTensor | list[keras.KerasTensor], keras.KerasTensor]:
    """A network's input, and what its layers read: x and h, or [x, y] and both joined.

    Args:
        x: The input: data, or codes.
        h: The features of x. For vectors (batch, d), y is concatenated; for images, y
            becomes a constant channel for each class.
        options: If `classes` is None, there is no y.
    """
    if options.classes is None:
        return x, h
    y = keras.Input((options.classes,), name="y")
    beside = y
    if len(h.shape) == 4:
        beside = keras.layers.Reshape((1, 1, options.classes))(y)
        beside = UpSampling2D(tuple(h.shape[1:3]))(beside)
    return [x, y], concatenate([h, beside])


def inputs(
    shape: tuple[int, ...], options: Options
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """The symbolic x, of this shape without the batch, and z."""
    if len(shape) == 3 and keras.config.image_data_format() != "channels_last":
        raise ValueError(
            "Expected Keras's image data format to be channels_last, (height, width, "
            "channels), as these networks have it; received: channels_first. Set it by "
            'keras.config.set_image_data_format("channels_last").'
        )
    return keras.Input(shape, name="x"), keras.Input((options.latent_dim,), name="z")
