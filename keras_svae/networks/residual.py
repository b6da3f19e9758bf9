"""Builders of residual networks; `ijae` and `resnet` have the tables.

A block is pre-activated: a ReLU comes before each of its two convolutions. No ReLU
follows its output.
"""

import math
from collections.abc import Callable
from typing import Any

import keras

from keras_svae.networks import parts
from keras_svae.networks.checks import check_image, check_width, sizes_of
from keras_svae.networks.layers import InjectNoise, UpSampling2D
from keras_svae.networks.linear import Conv2D, Dense
from keras_svae.networks.normalization import BatchNormalization
from keras_svae.networks.options import Options

# All layers have this many feature maps. Then the dimensions of the noise, and the
# number of halving blocks after which it is injected.
MAPS = 128
NOISE = 128
NOISY_BLOCKS = 2
# Images of the tables' size, and MNIST's, need no more blocks than the tables have.
LARGEST = 32
SLOPE = 0.2


def torch_uniform() -> keras.Initializer:
    """PyTorch's initial kernels: uniform, of variance 1 / (3 fan_in).

    The variance is a third of LeCun's: a block first adds little to its shortcut. Each
    call gives a new initializer: a shared one would give all layers the same values.
    """
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


class ResNets:
    """The residual networks for images of one shape. Each is built on request.

    Args:
        options: See `Options`. If there is noise, `noise_dims[0]` dimensions of it are
            injected into the feature maps.
        shape: The shape of an image, (height, width, channels), see `check_sides`.
        width: Factor of all hidden layers' sizes.
        start: Makes the initializer of a layer's kernel.
    """

    def __init__(
        self,
        options: Options,
        shape: tuple[int, int, int],
        width: float,
        start: Callable[[], keras.Initializer] = torch_uniform,
    ):
        check_width(width)
        self.start = start
        self.options, self.width = options, width
        self.shape = check_sides(shape)
        self.more = more_halvings(max(self.shape[:2]))

    def size(self, number: int) -> int:
        return parts.scaled(number, self.width)

    def encoder(self) -> keras.Model:
        """Table 3: images to the posterior's raw output."""
        x, _ = parts.inputs(self.shape, self.options)
        h = self._down(x, (2, 2, 2, 2), self.options.encoder_noise)
        h = keras.layers.Flatten()(h)
        return parts.encoder_model(x, h, self.options, self.start())

    def generator(self, name: str) -> keras.Model:
        """Table 4: codes to raw images."""
        _, z = parts.inputs(self.shape, self.options)
        rows, columns, _ = self.shape
        blocks = 0
        while min(rows, columns) > 4 and rows % 2 == columns % 2 == 0:
            rows, columns, blocks = rows // 2, columns // 2, blocks + 1
        first = (rows, columns, self.size(MAPS))
        h = self._linear(math.prod(first))(z)
        h = keras.layers.Reshape(first)(h)
        for _ in range(blocks):
            h = up_block(h, start=self.start)
        image = Conv2D(
            self.shape[-1] * self.options.data_parameters,
            3,
            padding="same",
            kernel_initializer=self.start(),
            dtype=parts.output_dtype(),
            name="image",
        )
        raw = parts.raw_output(image(normalised_relu(h)), self.options.likelihood_law)
        return keras.Model(z, raw, name=name)

    def critic_of_x(self, name: str) -> keras.Model:
        """Table 5: an image to a logit."""
        x, _ = parts.inputs(self.shape, self.options)
        h = self._down(x, (2, 2, 1, 1), self.options.critic_noises[0])
        h = keras.layers.GlobalAveragePooling2D(name="features")(h)
        return parts.critic_model(x, h, name, self.start())

    def critic_of_triples(self, name: str, axis: int) -> keras.Model:
        """Table 6: [x, z, y], a code between two images, to a logit.

        Args:
            name: The model's name.
            axis: The axis along which images are joined: 2 side by side, 3 by channels.
        """
        x, z = parts.inputs(self.shape, self.options)
        y = keras.Input(self.shape, name="y")
        h = keras.layers.Concatenate(axis=axis)([x, y])
        h = self._down(h, (2, 2, 1, 1), self.options.critic_noises[0])
        # Each of two images side by side is averaged separately.
        window = (h.shape[1], h.shape[2] // 2 if axis == 2 else h.shape[2])
        h = keras.layers.AveragePooling2D(window, name="features")(h)
        h = parts.concatenate([keras.layers.Flatten()(h), z])
        return parts.critic_model([x, z, y], h, name, self.start())

    def critic_of_pairs(self, name: str, stacked: bool = False) -> keras.Model:
        """Table 7: [x, z] to a logit; stacked, [x, z, y], images joined by channels."""
        x, z = parts.inputs(self.shape, self.options)
        inputs, h = [x, z], x
        if stacked:
            inputs.append(keras.Input(self.shape, name="y"))
            h = keras.layers.Concatenate()([x, inputs[-1]])
        for filters in (*(64,) * self.more, 64, 128):
            conv = Conv2D(
                *(self.size(filters), 4, 2),
                padding="same",
                kernel_initializer=self.start(),
            )
            h = keras.layers.LeakyReLU(SLOPE)(conv(h))
        h = parts.concatenate([keras.layers.Flatten()(h), z])
        h = dense_blocks(h, self.width, self.start)
        return parts.critic_model(inputs, h, name, self.start())

    def _linear(self, units: int) -> keras.layers.Dense:
        return Dense(units, kernel_initializer=self.start())

    def _down(self, h, strides, noise):
        """Blocks of these strides, noise after the first two, and a ReLU."""
        maps, start = self.size(MAPS), self.start
        # These bring larger images to the tables' size.
        for i in range(self.more):
            h = down_block(h, maps, 2, first=i == 0, start=start)
        for i, stride in enumerate(strides):
            first = i == self.more == 0
            h = down_block(h, maps, stride, first=first, start=start)
            if noise and i < NOISY_BLOCKS:
                h = InjectNoise(noise, start())(h)
        return keras.layers.Activation("relu")(h)


def more_halvings(side: int) -> int:
    """How often an image of this side is halved before the tables' own blocks."""
    more = 0
    while side > LARGEST:
        side, more = (side + 1) // 2, more + 1
    return more


def check_sides(shape: Any) -> tuple[int, int, int]:
    """The shape of an image that the blocks can halve and double, as a tuple.

    f_tau must not mix its two images side by side. So both sides are divisible as often
    as f_tau halves them: twice, and before that as often as is needed to reach 32.

    Raises:
        ValueError: For any other shape.
    """
    larger = max(sizes_of(shape)[:2], default=0)
    step = 4 * 2 ** more_halvings(min(larger, 256))
    return check_image(
        shape,
        step=step,
        least=max(step, 8),
        most=256,
        sides="sides from 8 to 256 that are multiples of 4, of 8 where the larger one "
        "is above 32, of 16 above 64, of 32 above 128",
    )


def dense_blocks(
    h: keras.KerasTensor, width: float, start: Callable[[], keras.Initializer]
) -> keras.KerasTensor:
    """Table 7's two dense layers, before the last one."""
    for units in (512, 256):
        units = parts.scaled(units, width)
        h = Dense(units, kernel_initializer=start())(h)
        h = keras.layers.LeakyReLU(SLOPE)(h)
    return h


def down_block(
    x: keras.KerasTensor,
    filters: int,
    stride: int,
    *,
    first: bool = False,
    start: Callable[[], keras.Initializer] = torch_uniform,
) -> keras.KerasTensor:
    """A residual block whose first convolution has this stride.

    The shortcut is a 1x1 convolution of that stride if the shape changes, else the
    identity.

    Args:
        x: Feature maps (batch, height, width, channels).
        filters: Feature maps of the result.
        stride: 1, or 2 to halve height and width, rounding up.
        first: Whether x is the image itself; no ReLU may cut it.
        start: See `ResNets`.
    """

    def conv(kernel, strides=1):
        return Conv2D(
            filters, kernel, strides, padding="same", kernel_initializer=start()
        )

    h = x if first else keras.layers.Activation("relu")(x)
    h = keras.layers.Activation("relu")(conv(3, stride)(h))
    h = conv(3)(h)
    if stride > 1 or x.shape[-1] != filters:
        # The stride is a layer of its own: oneDNN's gradient of a strided 1x1
        # convolution of few channels ends the process (TensorFlow 2.21, CPU).
        x = keras.layers.AveragePooling2D(1, strides=stride)(x) if stride > 1 else x
        x = conv(1)(x)
    return keras.layers.Add()([x, h])


def up_block(
    x: keras.KerasTensor, start: Callable[[], keras.Initializer] = torch_uniform
) -> keras.KerasTensor:
    """A residual block that doubles height and width; its shortcut has no weights.

    Its convolutions have no biases: only batch normalisation shifts.
    """

    def conv():
        return Conv2D(
            x.shape[-1], 3, padding="same", use_bias=False, kernel_initializer=start()
        )

    def upsample():
        return UpSampling2D(2)

    h = conv()(upsample()(normalised_relu(x)))
    h = conv()(normalised_relu(h))
    return keras.layers.Add()([upsample()(x), h])


def normalised_relu(x: keras.KerasTensor) -> keras.KerasTensor:
    """Batch normalisation, then a ReLU."""
    x = BatchNormalization(momentum=parts.BATCH_NORM_MOMENTUM)(x)
    return keras.layers.Activation("relu")(x)
