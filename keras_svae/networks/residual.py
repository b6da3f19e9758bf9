"""Builders of residual networks; `ijae` and `resnet` have the tables.

A block is pre-activated: its two convolutions follow a ReLU each, and what it adds to
is never rectified.
"""

from collections.abc import Callable

import keras

from keras_svae.networks import base
from keras_svae.networks.layers import Conv2D, InjectNoise
from keras_svae.networks.normalization import BatchNormalization

# Feature maps throughout, dimensions of noise, and after how many of the halving blocks
# it is injected.
MAPS = 128
NOISE = 128
NOISY_BLOCKS = 2
# The tables' images, and MNIST's, need no more blocks than the tables have.
LARGEST = 32
SLOPE = 0.2


def torch_uniform() -> keras.Initializer:
    """PyTorch's first kernels: uniform, of variance 1 / (3 fan_in).

    A third of LeCun's: what a block adds starts small beside its shortcut. A new
    initializer at each call, for one that is shared draws all layers alike.
    """
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


class ResNets:
    """The residual networks of one data set, each built when asked for.

    Args:
        options: See `Options`. Noise, where it is fed, is injected into the feature
            maps, `noise_dims[0]` dimensions of it.
        shape: Of an image, (side, side, channels), 28, 32 or 64 a side.
        width: Factor of all hidden layers' sizes.
        start: Makes the initializer of a layer's kernel.
    """

    def __init__(
        self,
        options: base.Options,
        shape: tuple[int, int, int],
        width: float,
        start: Callable[[], keras.Initializer] = torch_uniform,
    ):
        base.check_width(width)
        self.start = start
        self.options, self.shape, self.width = options, shape, width
        self.larger = shape[0] > LARGEST

    def size(self, number: int) -> int:
        return base.scaled(number, self.width)

    def encoder(self) -> keras.Model:
        """Table 3: images to the posterior's raw output."""
        x, _ = base.inputs(self.shape, self.options)
        h = self._down(x, (2, 2, 2, 2), self.options.encoder_noise)
        h = keras.layers.Flatten()(h)
        return base.encoder_model(x, h, self.options, self.start())

    def generator(self, name: str) -> keras.Model:
        """Table 4: codes to raw images."""
        _, z = base.inputs(self.shape, self.options)
        side, blocks = self.shape[0], 0
        while side % 2 == 0 and side > 4:
            side, blocks = side // 2, blocks + 1
        first = (side, side, self.size(MAPS))
        h = self._linear(side * side * first[-1])(z)
        h = keras.layers.Reshape(first)(h)
        for _ in range(blocks):
            h = up_block(h, start=self.start)
        image = Conv2D(
            self.shape[-1] * self.options.data_parameters,
            3,
            padding="same",
            kernel_initializer=self.start(),
            dtype=base.output_dtype(),
            name="image",
        )
        raw = base.raw_output(image(normalised_relu(h)), self.options.likelihood_law)
        return keras.Model(z, raw, name=name)

    def critic_of_x(self, name: str) -> keras.Model:
        """Table 5: an image to a logit."""
        x, _ = base.inputs(self.shape, self.options)
        h = self._down(x, (2, 2, 1, 1), self.options.critic_noises[0])
        h = keras.layers.GlobalAveragePooling2D(name="features")(h)
        return base.critic_model([x], h, name, self.start())

    def critic_of_triples(self, name: str, axis: int) -> keras.Model:
        """Table 6: [x, z, y], a code between two images, to a logit.

        Args:
            name: The model's.
            axis: That images are joined along: 2 side by side, 3 by channels.
        """
        x, z = base.inputs(self.shape, self.options)
        y = keras.Input(self.shape, name="y")
        h = keras.layers.Concatenate(axis=axis)([x, y])
        h = self._down(h, (2, 2, 1, 1), self.options.critic_noises[0])
        # Each of two images side by side by itself.
        h = keras.layers.AveragePooling2D(h.shape[1], name="features")(h)
        h = base.concatenate([keras.layers.Flatten()(h), z])
        return base.critic_model([x, z, y], h, name, self.start())

    def critic_of_pairs(self, name: str, stacked: bool = False) -> keras.Model:
        """Table 7: [x, z] to a logit; stacked, [x, z, y], images joined by channels."""
        x, z = base.inputs(self.shape, self.options)
        inputs, h = [x, z], x
        if stacked:
            inputs.append(keras.Input(self.shape, name="y"))
            h = keras.layers.Concatenate()([x, inputs[-1]])
        for filters in (64, 64, 128) if self.larger else (64, 128):
            filters = self.size(filters)
            h = Conv2D(filters, 4, 2, padding="same", kernel_initializer=self.start())(
                h
            )
            h = keras.layers.LeakyReLU(SLOPE)(h)
        h = base.concatenate([keras.layers.Flatten()(h), z])
        return base.critic_model(inputs, self._dense(h), name, self.start())

    def critic_of_codes(self, name: str) -> keras.Model:
        """Table 7 without its image: z to a logit."""
        _, z = base.inputs(self.shape, self.options)
        return base.critic_model([z], self._dense(z), name, self.start())

    def _dense(self, h):
        for units in (512, 256):
            h = keras.layers.LeakyReLU(SLOPE)(self._linear(self.size(units))(h))
        return h

    def _linear(self, units: int) -> keras.layers.Dense:
        return keras.layers.Dense(units, kernel_initializer=self.start())

    def _down(self, h, strides, noise):
        """Blocks of these strides, noise after the first two, and a ReLU."""
        # The rest then has the tables' sizes.
        maps, start = self.size(MAPS), self.start
        h = down_block(h, maps, 2, first=True, start=start) if self.larger else h
        for i, stride in enumerate(strides):
            first = i == 0 and not self.larger
            h = down_block(h, maps, stride, first=first, start=start)
            if noise and i < NOISY_BLOCKS:
                h = InjectNoise(noise, start())(h)
        return keras.layers.Activation("relu")(h)


def down_block(
    x: keras.KerasTensor,
    filters: int,
    stride: int,
    *,
    first: bool = False,
    start: Callable[[], keras.Initializer] = torch_uniform,
) -> keras.KerasTensor:
    """A residual block whose first convolution has this stride.

    The shortcut is a 1x1 convolution of that stride where the shape changes, else the
    identity.

    Args:
        x: Feature maps (batch, height, width, channels).
        filters: Feature maps of the result.
        stride: 1, or 2 to halve height and width, rounding up.
        first: Whether x is the image itself, which no ReLU may cut.
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
        # The stride on its own: oneDNN's gradient of a strided 1x1 convolution of few
        # channels ends the process (TensorFlow 2.21, CPU).
        x = keras.layers.AveragePooling2D(1, strides=stride)(x) if stride > 1 else x
        x = conv(1)(x)
    return keras.layers.Add()([x, h])


def up_block(
    x: keras.KerasTensor, start: Callable[[], keras.Initializer] = torch_uniform
) -> keras.KerasTensor:
    """A residual block that doubles height and width; its shortcut has no weights.

    Its convolutions have no biases: only batch normalization shifts.
    """

    def conv():
        return Conv2D(
            x.shape[-1], 3, padding="same", use_bias=False, kernel_initializer=start()
        )

    def upsample():
        return keras.layers.UpSampling2D(2, interpolation="nearest")

    h = conv()(upsample()(normalised_relu(x)))
    h = conv()(normalised_relu(h))
    return keras.layers.Add()([upsample()(x), h])


def normalised_relu(x: keras.KerasTensor) -> keras.KerasTensor:
    """Batch normalization, then a ReLU."""
    x = BatchNormalization(momentum=base.BATCH_NORM_MOMENTUM)(x)
    return keras.layers.Activation("relu")(x)
