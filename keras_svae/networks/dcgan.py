"""Networks in the manner of DCGAN: tables 3 and 4 of AIM, and DCGAN itself."""

import functools

import keras

from keras_svae.distributions import Gaussian, Law
from keras_svae.networks import base
from keras_svae.networks.base import BATCH_NORM_MOMENTUM, Networks, Options
from keras_svae.networks.layers import Conv2D, Conv2DTranspose
from keras_svae.networks.normalization import BatchNormalization

__all__ = ["aim_images", "aim_mnist", "dcgan"]


def aim_mnist(
    latent_dim: int = 32,
    posterior: str | Law = "gaussian",
    likelihood: str | Law = "bernoulli",
    *,
    joint: bool = False,
    shared: bool | None = None,
    critic_batch_norm: bool = True,
    logit_batch_norm: bool | None = None,
    width: float = 1.0,
) -> Networks:
    """Networks for images (batch, 28, 28, 1): table 3 of AIM.

    The table; weights start from N(0, .02), biases from zero. Convolutions have stride
    2, BN stands between a layer and its activation, the leaky ReLU's slope is .1::

        generator               discriminator             encoder, on the features
        z                       image                     4x4 conv 64, BN, lReLU
        FC 1024, BN, ReLU       4x4 conv 64, lReLU        mean: FC 32, BN, lReLU, FC d
        FC 6272, BN, ReLU       4x4 conv 128, BN, lReLU   scale: the same, of its own
        4x4 deconv 64, BN, ReLU   these are the features
        4x4 deconv 1, sigmoid   FC 1024, BN, lReLU
                                FC 64; FC 1, sigmoid

    Differences from the table:

    1. The last deconvolution has 3 maps there, a misprint for MNIST's 1.
    2. Sigmoids are the laws' and the losses'; the discriminator ends in its logit.
    3. The table's BN column is read as "yes" where it has no cross.
    4. The 32 units before the mean and the scale stay 32 for other codes.

    Args:
        latent_dim: The code's dimension; 32, and 2 for figure 4.
        posterior: "gaussian", or a law of one raw output per dimension (AIM-, BiGAN).
        likelihood: See `Options`.
        joint: Whether the critic reads [x, z]: then z passes through an FC 1024, lReLU
            and joins the image's 1024; not in the paper, which quotes ALI's numbers.
        shared: Whether the encoder reads the discriminator's layer "features", as
            AIM's does, or x, through convolutions of its own. None: where not joint.
        critic_batch_norm: Whether the discriminator has batch normalisation, as in
            the table. It sees samples and data in batches of their own, so that the
            encoder, trained on samples, may meet other features than it knows when
            it encodes data.
        logit_batch_norm: Whether its layers after the features have it, as in the
            table. With it a small discriminator wins too soon. None: as
            `critic_batch_norm`.
        width: Factor of the hidden layers' sizes, for a smaller budget; 1 is the
            paper's. The encoder's layers on the features stay: they cost little, and
            smaller ones would not hold the code.

    Raises:
        ValueError: For a value out of its range.

    Example:
        nets = ks.networks.aim_mnist(latent_dim=32)
        model = ks.AIM(nets.decoder, nets.critic, nets.encoder)
    """
    options = Options.of(
        latent_dim=latent_dim, posterior=posterior, likelihood=likelihood, joint=joint
    )
    table = _Table(options, (28, 28, 1), width, slope=0.1)
    norm = {"batch_norm": critic_batch_norm}
    if logit_batch_norm is None:
        logit_batch_norm = critic_batch_norm

    def generator(z):
        z = table.fc(z, 1024, "relu")
        z = table.fc(z, 7 * 7 * table.size(128), "relu", exact=True)
        x = keras.layers.Reshape((7, 7, table.size(128)))(z)
        return table.data(table.up(x, 64))

    def features(x):
        return table.down(table.down(x, 64, batch_norm=False), 128, **norm)

    def head(h):
        # 7 x 7 to 3 x 3, the table's 576 = 64 x 3 x 3, with a margin of one.
        h = keras.layers.ZeroPadding2D(1)(h)
        h = table.down(h, 64, padding="valid", exact=True)
        h = keras.layers.Flatten()(h)
        return table.code(h, lambda part: table.fc(part, 32, exact=True))

    def logit(h, z):
        h = keras.layers.Flatten()(h)
        parts = [table.fc(h, 1024, batch_norm=logit_batch_norm)]
        parts += [table.fc(z, 1024, batch_norm=False)] if joint else []
        h = table.layer(keras.layers.Dense, table.size(64))(base.concatenate(parts))
        return table.logit(keras.layers.Dense)(h)

    return table.networks(generator, features, head, logit, shared)


def aim_images(
    latent_dim: int = 64,
    posterior: str | Law = "gaussian",
    likelihood: str | Law | None = None,
    *,
    joint: bool = False,
    shared: bool | None = None,
    critic_batch_norm: bool = True,
    width: float = 1.0,
) -> Networks:
    """Networks for images (batch, 64, 64, 3): table 4 of AIM, CIFAR-10 and CelebA.

    The table; weights start from N(0, .02), biases from zero. BN stands between a layer
    and its activation, the leaky ReLU's slope is .2, strides are 2 but where noted::

        generator                    discriminator              encoder, on features
        4x4 deconv 1024, stride 1    4x4 conv 128, lReLU        4x4 conv 512, lReLU
        4x4 deconv 512               4x4 conv 256, BN, lReLU    4x4 conv 512, BN
        4x4 deconv 256               4x4 conv 512, BN, lReLU    2x2 conv 256, BN, s. 1
        4x4 deconv 128               4x4 conv 1024, BN, lReLU   1x1 conv 128, BN, s. 1
        4x4 deconv 3, tanh             these are the features   mean: FC 64, BN, lReLU,
        all but the last: BN, ReLU   4x4 conv 1, sigmoid          FC d; scale: the same

    Differences from the table:

    1. The last four of the encoder: 4 x 4 features are 2 x 2, then 1 x 1 after the two
       convolutions of stride 2; the 2x2 convolution pads ("same"), since nothing else
       fits. "Reshape to 512 x 1 x 1" after 128 maps is a misprint: 128.
    2. Tanh and sigmoid are the laws' and the losses'.
    3. The table's BN column is read as "yes" where it has no cross.
    4. The 64 units before the mean and the scale stay 64 for other codes.

    Args:
        latent_dim: The code's dimension.
        posterior: See `aim_mnist`.
        likelihood: See `Options`; None for images in [-1, 1], as in the table:
            `ks.distributions.Gaussian(activation="tanh", draw="mean")`.
        joint: See `aim_mnist`; z passes through an FC 1024 and is added to the logit's
            features.
        shared: See `aim_mnist`.
        critic_batch_norm: See `aim_mnist`.
        width: See `aim_mnist`; here the encoder's convolutions are scaled too.

    Raises:
        ValueError: For a value out of its range.
    """
    table = _rgb(latent_dim, posterior, likelihood, joint, width, slope=0.2, kernel=4)

    def head(h):
        h = table.down(h, 512, batch_norm=False)
        h = table.down(h, 512)
        h = table.conv(h, 256, kernel=2, strides=1)
        h = table.conv(h, 128, kernel=1, strides=1)
        h = keras.layers.Flatten()(h)
        return table.code(h, lambda part: table.fc(part, 64, exact=True))

    return _halved(table, head, shared, critic_batch_norm)


def dcgan(
    latent_dim: int = 100,
    posterior: str | Law = "gaussian",
    likelihood: str | Law | None = None,
    *,
    shape: tuple[int, int, int] = (64, 64, 3),
    classes: int | None = None,
    joint: bool = False,
    shared: bool | None = None,
    critic_batch_norm: bool = True,
    width: float = 1.0,
) -> Networks:
    """Networks in the manner of DCGAN (Radford et al., 2016), for images of any size.

    At 64 x 64 as `aim_images`, with 5x5 kernels where strides are 2, and the first
    layer of the generator a projection to 4 x 4 x 1024. DCGAN has no encoder: here one
    linear layer on the discriminator's features, or, where not `shared`, on its
    convolutions again.

    Smaller images are halved fewer times, to 4 x 4 or 7 x 7, and have fewer maps there:
    32 x 32 has 512 on 4 x 4, 28 x 28 has 256 on 7 x 7. The paper has 64 x 64 alone;
    Hu et al. (2018), who use it at 28 x 28 and 32 x 32, do not say how. With
    `likelihood="bernoulli"` the decoder ends in the logits of pixels' probabilities.

    Args:
        latent_dim: The code's dimension; the paper's codes are U(-1, 1),
            `prior="uniform"`.
        posterior: See `aim_mnist`.
        likelihood: See `aim_images`.
        shape: Of an image, (height, width, channels): sides that come to 4 or 7 by
            halving.
        classes: See `Options`: the networks then read y too. Not with `joint` or
            `shared`.
        joint: See `aim_images`.
        shared: See `aim_mnist`; None: where neither joint nor with classes.
        critic_batch_norm: See `aim_mnist`.
        width: Factor of all hidden layers' sizes, for a smaller budget.

    Raises:
        ValueError: For a value out of its range.

    Example:
        nets = ks.networks.dcgan(shape=(28, 28, 1), likelihood="bernoulli", classes=10)
        model = ks.CGAN(nets.decoder, nets.critic)
    """
    table = _rgb(
        *(latent_dim, posterior, likelihood, joint, width),
        **{"slope": 0.2, "kernel": 5, "shape": shape, "classes": classes},
    )

    def head(h):
        return table.code(keras.layers.Flatten()(h), lambda part: part)

    return _halved(table, head, shared, critic_batch_norm)


def _rgb(
    latent_dim,
    posterior,
    likelihood,
    joint,
    width,
    *,
    shape=(64, 64, 3),
    classes=None,
    **how,
):
    if likelihood is None:
        likelihood = Gaussian(activation="tanh", draw="mean")
    options = Options.of(
        latent_dim=latent_dim,
        posterior=posterior,
        likelihood=likelihood,
        joint=joint,
        classes=classes,
    )
    return _Table(options, shape, width, **how)


def _halved(table, head, shared, critic_batch_norm):
    """What table 4 and DCGAN have in common."""
    least, halvings = _least(table.shape)
    maps = [128 * 2**i for i in range(halvings)]

    def generator(z):
        # A transposed convolution of one pixel is a dense layer.
        x = keras.layers.Reshape((1, 1, -1))(z)
        x = table.up(x, maps[-1], kernel=least, strides=1, padding="valid")
        for filters in maps[-2::-1]:
            x = table.up(x, filters)
        return table.data(x)

    def features(x):
        x = table.down(x, maps[0], batch_norm=False)
        for filters in maps[1:]:
            x = table.down(x, filters, batch_norm=critic_batch_norm)
        return x

    def logit(h, z):
        # A 4x4 convolution of 4 x 4 features is a dense layer.
        parts = [keras.layers.Flatten()(h)]
        parts += [table.fc(z, 1024, batch_norm=False)] if table.options.joint else []
        return table.logit(keras.layers.Dense)(base.concatenate(parts))

    return table.networks(generator, features, head, logit, shared)


def _least(shape) -> tuple[tuple[int, int], int]:
    """The sides that an image is halved to, and how many times."""
    known = isinstance(shape, (tuple, list)) and len(shape) == 3 and min(shape) >= 1
    sides, halvings = list(shape[:2]) if known else [0], 0
    while min(sides) > 7 and not any(side % 2 for side in sides):
        sides, halvings = [side // 2 for side in sides], halvings + 1
    if not halvings or not set(sides) <= {4, 7}:
        raise ValueError(
            "Expected shape (height, width, channels) whose sides come to 4 or 7 by "
            f"halving (28, 32, 64, ...); received: shape={shape!r}"
        )
    return tuple(sides), halvings


class _Table:
    """The blocks that a table of this kind is made of."""

    def __init__(self, options, shape, width, *, slope, kernel=4):
        base.check_width(width)
        self.options, self.shape, self.width = options, shape, width
        self.slope, self.kernel = slope, kernel

    def size(self, number: int) -> int:
        return base.scaled(number, self.width)

    def layer(self, kind, *arguments, **more):
        kernel = keras.initializers.RandomNormal(stddev=0.02)
        return kind(*arguments, kernel_initializer=kernel, **more)

    def block(self, x, layer, activation="leaky_relu", batch_norm=True):
        x = layer(x)
        if batch_norm:
            x = BatchNormalization(momentum=BATCH_NORM_MOMENTUM)(x)
        if activation == "leaky_relu":
            return keras.layers.LeakyReLU(self.slope)(x)
        return keras.layers.Activation(activation)(x)

    def fc(self, x, units, activation="leaky_relu", *, exact=False, **more):
        units = units if exact else self.size(units)
        layer = self.layer(keras.layers.Dense, units)
        return self.block(x, layer, activation, **more)

    def conv(
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
        kind = functools.partial(Conv2D, strides=strides, padding=padding)
        filters = filters if exact else self.size(filters)
        layer = self.layer(kind, filters, kernel or self.kernel)
        return self.block(x, layer, batch_norm=batch_norm)

    down = conv

    def up(self, x, filters, *, kernel=None, strides=2, padding="same"):
        kind = functools.partial(Conv2DTranspose, strides=strides, padding=padding)
        layer = self.layer(kind, self.size(filters), kernel or self.kernel)
        return self.block(x, layer, "relu")

    def data(self, x):
        """The last transposed convolution, linear."""
        filters = self.shape[-1] * self.options.data_parameters
        more = {"strides": 2, "padding": "same", "dtype": base.output_dtype()}
        kind = functools.partial(Conv2DTranspose, name="image", **more)
        image = self.layer(kind, filters, self.kernel)(x)
        return base.raw_output(image, self.options.likelihood_law)

    def logit(self, kind):
        return self.layer(kind, 1, dtype=base.output_dtype(), name="log_ratio")

    def code(self, h, branch):
        """The posterior's raw output: a branch and a linear layer for each part."""
        d, outputs = self.options.latent_dim, self.options.code_outputs
        if outputs % d:
            raise ValueError(
                "Expected a posterior with as many raw outputs for each dimension of "
                f"the code; received: {outputs} for {d} dimensions"
            )
        parts = [
            self.layer(keras.layers.Dense, d, dtype=base.output_dtype())(branch(h))
            for _ in range(outputs // d)
        ]
        return base.raw_output(base.concatenate(parts), self.options.posterior_law)

    def networks(self, generator, features, head, logit, shared) -> Networks:
        joint, classes = self.options.joint, self.options.classes
        shared = not (joint or classes) if shared is None else shared
        if shared and (joint or classes):
            given = "joint=True" if joint else "classes"
            raise ValueError(
                f"Expected shared=False with {given}: the features of a critic of "
                "pairs need the other one; received: shared=True"
            )
        x, z = base.inputs(self.shape, self.options)
        inputs, h = base.with_classes(z, z, self.options)
        decoder = keras.Model(inputs, generator(h), name="decoder")
        inputs, h = base.with_classes(x, x, self.options)
        seen = keras.layers.Identity(name="features")(features(h))
        of_pairs = [x, z] if joint else inputs
        critic = keras.Model(of_pairs, logit(seen, z), name="critic")
        if shared:
            read = keras.Input(seen.shape[1:], name="features_of_x")
            encoder = keras.Model(read, head(read), name="encoder")
        else:
            encoder = keras.Model(inputs, head(features(h)), name="encoder")
        return Networks(encoder, decoder, critic)
