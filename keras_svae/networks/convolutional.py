"""Convolutional networks of the kind that the tables of sVAE describe."""

import functools
import math

import keras

from keras_svae.networks import parts
from keras_svae.networks.checks import check_width
from keras_svae.networks.linear import Conv2D, Conv2DTranspose, Dense
from keras_svae.networks.options import Options


class ConvNets:
    """The convolutional networks of one table. Each is built on request.

    Args:
        options: See `Options`.
        shape: The shape of an image, (height, width, channels).
        width: Factor of all hidden layers' sizes. The methods get sizes as in the
            table.
    """

    def __init__(self, options: Options, shape: tuple[int, int, int], width: float):
        check_width(width)
        self.options, self.shape, self.width = options, shape, width

    def sizes(self, numbers: tuple[int, ...]) -> list[int]:
        return [parts.scaled(number, self.width) for number in numbers]

    def encoder(
        self,
        *,
        kernel: int,
        filters: tuple[int, ...],
        units: int,
        activation: str,
        units_batch_norm: bool,
    ) -> keras.Model:
        """Convolutions of stride 2, one dense layer, then the code.

        Args:
            kernel: Side of every convolution's kernel.
            filters: The filters of each convolution.
            units: The units of the dense layer.
            activation: The activation of all hidden blocks.
            units_batch_norm: Whether the dense layer too has batch normalisation.
        """
        options = self.options
        block = functools.partial(
            parts.block, activation=activation, dropout=options.dropout
        )
        image, _ = parts.inputs(self.shape, options)
        inputs, x = parts.with_classes(image, image, options)
        x = parts.append_noise(x, options.encoder_noise, options)
        for number in self.sizes(filters):
            x = block(x, downsample(number, kernel), batch_norm=options.batch_norm)
        x = block(
            keras.layers.Flatten()(x),
            Dense(*self.sizes((units,))),
            batch_norm=options.batch_norm and units_batch_norm,
        )
        return parts.encoder_model(inputs, x, options)

    def decoder(
        self,
        *,
        kernel: int,
        units: tuple[int, ...],
        filters: tuple[int, ...],
        activation: str,
        units_activation: str,
    ) -> keras.Model:
        """Dense layers, then transposed convolutions of stride 2 up to the image.

        Args:
            kernel: Side of every transposed convolution's kernel.
            units: The units of the dense layers before the one that makes the first
                maps.
            filters: How many first maps there are, then the filters of each transposed
                convolution before the last. Each doubles height and width, and so does
                the last: both sides of the image are divisible by 2**len(filters).
            activation: The activation of the hidden transposed convolutions.
            units_activation: The activation of the dense layers.
        """
        options, (height, width, channels) = self.options, self.shape
        block = functools.partial(
            parts.block, batch_norm=options.batch_norm, dropout=options.dropout
        )
        times = 2 ** len(filters)
        maps, *rest = self.sizes(filters)
        first = (height // times, width // times, maps)
        _, code = parts.inputs(self.shape, options)
        inputs, x = parts.with_classes(code, code, options)
        x = parts.append_noise(x, options.decoder_noise, options)
        for number in (*self.sizes(units), math.prod(first)):
            x = block(x, Dense(number), activation=units_activation)
        x = keras.layers.Reshape(first)(x)
        for number in rest:
            x = block(x, upsample(number, kernel), activation=activation)
        more = {"dtype": parts.output_dtype(), "name": "image"}
        image = upsample(channels * options.data_parameters, kernel, **more)
        raw = parts.raw_output(image(x), options.likelihood_law)
        return keras.Model(inputs, raw, name="decoder")

    def critic(
        self,
        *,
        kernel: int,
        filters: tuple[int, ...],
        units: int,
        average: bool = False,
    ) -> keras.Model:
        """Convolutions of stride 2 on x, a dense layer on z, one linear layer on both.

        Without `joint` the branch of z is left out.

        Args:
            kernel: Side of every convolution's kernel.
            filters: The filters of each convolution.
            units: The units of the dense layer on z.
            average: Averages the last feature maps over the image, instead of
                flattening them.
        """
        options = self.options
        block = functools.partial(
            parts.block, activation=options.critic_activation, dropout=options.dropout
        )
        image_noise, code_noise = options.critic_noises
        image, code = parts.inputs(self.shape, options)
        inputs, x = parts.with_classes(image, image, options)
        x = parts.append_noise(x, image_noise, options)
        batch_norm = options.critic_batch_norm
        for number in self.sizes(filters):
            x = block(x, downsample(number, kernel), batch_norm=batch_norm)
        flat = keras.layers.GlobalAveragePooling2D if average else keras.layers.Flatten
        features = [flat(name="features")(x)]
        if options.joint:
            z = parts.append_noise(code, code_noise, options)
            z = block(z, Dense(*self.sizes((units,))), batch_norm=False)
            inputs, features = [image, code], [*features, z]
        return parts.critic_model(inputs, parts.concatenate(features))


def downsample(filters: int, kernel: int) -> keras.layers.Layer:
    """A convolution that halves height and width, rounding up."""
    return Conv2D(filters, kernel, strides=2, padding="same")


def upsample(filters: int, kernel: int, **kwargs) -> keras.layers.Layer:
    """A transposed convolution that doubles height and width."""
    return Conv2DTranspose(filters, kernel, strides=2, padding="same", **kwargs)
