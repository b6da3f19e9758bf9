"""What DCGAN and the tables of AIM share: layers, and how to make three networks."""

import functools
from collections.abc import Callable

import keras

from keras_svae.distributions import Gaussian, Law
from keras_svae.networks import parts
from keras_svae.networks.checks import check_width
from keras_svae.networks.linear import Conv2D, Conv2DTranspose, Dense
from keras_svae.networks.normalization import BatchNormalization
from keras_svae.networks.options import Options
from keras_svae.networks.parts import Networks


class GANTable:
    """Makes a table's layers: batch normalisation stands before the activation.

    Kernels start from N(0, .02), biases from zero.

    Args:
        options: See `Options`.
        shape: The shape of an image, (height, width, channels).
        width: Factor of the hidden layers' sizes.
        slope: The slope of the leaky ReLU.
        kernel: Side of a convolution's kernel, if a layer does not have its own.
    """

    def __init__(
        self,
        options: Options,
        shape: tuple[int, int, int],
        width: float,
        *,
        slope: float,
        kernel: int = 4,
    ):
        check_width(width)
        self.options, self.shape, self.width = options, shape, width
        self.slope, self.kernel = slope, kernel

    def size(self, number: int) -> int:
        return parts.scaled(number, self.width)

    def layer(self, kind, *arguments, **more) -> keras.layers.Layer:
        kernel = keras.initializers.RandomNormal(stddev=0.02)
        return kind(*arguments, kernel_initializer=kernel, **more)

    def block(self, x, layer, activation="leaky_relu", batch_norm=True, side=None):
        x = _cropped(layer(x), side)
        if batch_norm:
            x = BatchNormalization(momentum=parts.BATCH_NORM_MOMENTUM)(x)
        if activation == "leaky_relu":
            return keras.layers.LeakyReLU(self.slope)(x)
        return keras.layers.Activation(activation)(x)

    def fc(self, x, units, activation="leaky_relu", *, exact=False, **more):
        """A dense block; with `exact`, `width` does not change the number of units."""
        units = units if exact else self.size(units)
        layer = self.layer(Dense, units)
        return self.block(x, layer, activation, **more)

    def down(
        self,
        x,
        filters,
        *,
        kernel=None,
        strides=2,
        padding="same",
        batch_norm=True,
        exact=False,
    ):
        """A block with a convolution, which halves the sides, rounding up."""
        kind = functools.partial(Conv2D, strides=strides, padding=padding)
        filters = filters if exact else self.size(filters)
        layer = self.layer(kind, filters, kernel or self.kernel)
        return self.block(x, layer, batch_norm=batch_norm)

    def up(self, x, filters, *, kernel=None, strides=2, padding="same", side=None):
        """A block with a transposed convolution that doubles the sides."""
        kind = functools.partial(Conv2DTranspose, strides=strides, padding=padding)
        layer = self.layer(kind, self.size(filters), kernel or self.kernel)
        return self.block(x, layer, "relu", side=side)

    def data(self, x):
        """The last transposed convolution, linear."""
        filters = self.shape[-1] * self.options.data_parameters
        more = {"strides": 2, "padding": "same", "dtype": parts.output_dtype()}
        kind = functools.partial(Conv2DTranspose, name="image", **more)
        image = self.layer(kind, filters, self.kernel)(x)
        image = _cropped(image, self.shape[:2], parts.output_dtype())
        return parts.raw_output(image, self.options.likelihood_law)

    def logit(self) -> keras.layers.Dense:
        dtype = parts.output_dtype()
        return self.layer(Dense, 1, dtype=dtype, name="log_ratio")

    def code(self, h, branch: Callable):
        """The posterior's raw output: each part has a branch and a linear layer."""
        d, outputs = self.options.latent_dim, self.options.code_outputs
        if outputs % d:
            raise ValueError(
                "Expected a posterior with the same number of raw outputs for each "
                f"dimension of the code; received: {outputs} for {d} dimensions"
            )
        raw = [
            self.layer(Dense, d, dtype=parts.output_dtype())(branch(h))
            for _ in range(outputs // d)
        ]
        return parts.raw_output(parts.concatenate(raw), self.options.posterior_law)

    def networks(
        self,
        generator: Callable,
        features: Callable,
        head: Callable,
        logit: Callable,
        shared: bool | None,
    ) -> Networks:
        """The three networks of a table.

        Args:
            generator: z to the raw image.
            features: An image to the layer "features".
            head: Features to the posterior's raw output.
            logit: Features, and z, to the critic's logit.
            shared: Whether the encoder reads the critic's features, not x. None: shared
                if the critic reads only x.
        """
        joint, classes = self.options.joint, self.options.classes
        shared = not (joint or classes) if shared is None else shared
        if shared and (joint or classes):
            given = "joint=True" if joint else "classes"
            raise ValueError(
                f"Expected shared=False with {given}: the features of a critic of "
                "pairs need the other input; received: shared=True"
            )
        x, z = parts.inputs(self.shape, self.options)
        inputs, h = parts.with_classes(z, z, self.options)
        decoder = keras.Model(inputs, generator(h), name="decoder")
        inputs, h = parts.with_classes(x, x, self.options)
        seen = keras.layers.Identity(name="features")(features(h))
        of_pairs = [x, z] if joint else inputs
        critic = keras.Model(of_pairs, logit(seen, z), name="critic")
        if shared:
            read = keras.Input(seen.shape[1:], name="features_of_x")
            encoder = keras.Model(read, head(read), name="encoder")
        else:
            encoder = keras.Model(inputs, head(features(h)), name="encoder")
        return Networks(encoder, decoder, critic)

    def halving_networks(
        self,
        maps: list[int],
        head: Callable,
        shared: bool | None,
        critic_batch_norm: bool,
    ) -> Networks:
        """Networks that halve an image once for each of these numbers of maps.

        Odd sides are rounded up. The generator goes the same way back, from one pixel.
        """
        sides = [self.shape[:2]]
        for _ in maps:
            height, width = sides[-1]
            sides.append(((height + 1) // 2, (width + 1) // 2))

        def generator(z):
            # A transposed convolution of one pixel is a dense layer.
            x = keras.layers.Reshape((1, 1, -1))(z)
            x = self.up(x, maps[-1], kernel=sides[-1], strides=1, padding="valid")
            for filters, side in zip(maps[-2::-1], sides[-2:0:-1], strict=True):
                x = self.up(x, filters, side=side)
            return self.data(x)

        def features(x):
            x = self.down(x, maps[0], batch_norm=False)
            for filters in maps[1:]:
                x = self.down(x, filters, batch_norm=critic_batch_norm)
            return x

        def logit(h, z):
            # A convolution whose kernel is as large as the features is a dense layer.
            h = [keras.layers.Flatten()(h)]
            if self.options.joint:
                h.append(self.fc(z, 1024, batch_norm=False))
            return self.logit()(parts.concatenate(h))

        return self.networks(generator, features, head, logit, shared)


def signed_images(likelihood: str | Law | None) -> str | Law:
    """The likelihood; if none is given, that of images in [-1, 1]."""
    if likelihood is None:
        return Gaussian(activation="tanh", draw="mean")
    return likelihood


def _cropped(x, side, dtype=None):
    """Cuts the last row or column off if an odd side was doubled to it."""
    if side is None or tuple(x.shape[1:3]) == tuple(side):
        return x
    more = [(0, have - want) for have, want in zip(x.shape[1:3], side, strict=True)]
    return keras.layers.Cropping2D(more, dtype=dtype)(x)
