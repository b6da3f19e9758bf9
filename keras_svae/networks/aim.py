"""Tables 3 and 4 of AIM, adversarial inference by matching priors and conditionals."""

import math

import keras

from keras_svae.distributions import Law
from keras_svae.networks import parts
from keras_svae.networks.checks import check_image
from keras_svae.networks.gan_table import GANTable, signed_images
from keras_svae.networks.options import Options
from keras_svae.networks.parts import Networks

__all__ = ["aim_images", "aim_mnist", "aim_table3", "aim_table4"]


def aim_table3(
    latent_dim: int = 32,
    posterior: str | Law = "gaussian",
    likelihood: str | Law | None = "bernoulli",
    *,
    shape: tuple[int, int, int] = (28, 28, 1),
    joint: bool = False,
    shared: bool | None = None,
    critic_batch_norm: bool = True,
    logit_batch_norm: bool | None = None,
    width: float = 1.0,
) -> Networks:
    """Networks for images (batch, 28, 28, 1), MNIST: table 3 of AIM. Also `aim_mnist`.

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
    2. The laws and losses apply the sigmoids; the discriminator ends in its logit.
    3. The table's BN column is read as "yes" where it has no cross.
    4. The 32 units before the mean and the scale stay 32 for other codes.

    Args:
        latent_dim: The code's dimension; 32, and 2 for figure 4.
        posterior: "gaussian", or a law of one raw output per dimension (AIM-, BiGAN).
        likelihood: See `Options`.
        shape: The shape of an image, (height, width, channels). The generator doubles
            its first maps twice, and the encoder's 4x4 convolution needs two features a
            side, so both sides are multiples of 4, from 8 on. "FC 6272" has height / 4
            x width / 4 x 128 units.
        joint: Whether the critic reads [x, z]. Then z passes through an FC 1024, lReLU
            and joins the image's 1024. The paper does not have this and quotes ALI's
            numbers.
        shared: Whether the encoder reads the discriminator's layer "features", as in
            AIM, or reads x, through convolutions of its own. None: shared if not joint.
        critic_batch_norm: Whether the discriminator has batch normalisation, as in the
            table. It sees samples and data in separate batches. The encoder is trained
            on samples, so on data it may meet features that it does not know.
        logit_batch_norm: Whether its layers after the features have batch
            normalisation, as in the table. With it a small discriminator wins too soon.
            None: the same as `critic_batch_norm`.
        width: Factor of the hidden layers' sizes, for a smaller budget; 1 is the
            paper's. The encoder's layers on the features keep their sizes: they cost
            little, and smaller ones would not hold the code.

    Raises:
        ValueError: For a value out of its range, or a shape that is not allowed.

    Example:
        nets = ks.networks.aim_mnist(latent_dim=32)
        model = ks.AIM(nets.decoder, nets.critic, nets.encoder)
    """
    options = Options.of(
        latent_dim=latent_dim, posterior=posterior, likelihood=likelihood, joint=joint
    )
    shape = check_image(shape, step=4, least=8)
    least = (shape[0] // 4, shape[1] // 4)
    table = GANTable(options, shape, width, slope=0.1)
    norm = {"batch_norm": critic_batch_norm}
    if logit_batch_norm is None:
        logit_batch_norm = critic_batch_norm

    def generator(z):
        z = table.fc(z, 1024, "relu")
        first = (*least, table.size(128))
        z = table.fc(z, math.prod(first), "relu", exact=True)
        x = keras.layers.Reshape(first)(z)
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
        hidden = [table.fc(h, 1024, batch_norm=logit_batch_norm)]
        hidden += [table.fc(z, 1024, batch_norm=False)] if joint else []
        last = table.layer(keras.layers.Dense, table.size(64))
        return table.logit()(last(parts.concatenate(hidden)))

    return table.networks(generator, features, head, logit, shared)


def aim_table4(
    latent_dim: int = 64,
    posterior: str | Law = "gaussian",
    likelihood: str | Law | None = None,
    *,
    shape: tuple[int, int, int] = (64, 64, 3),
    joint: bool = False,
    shared: bool | None = None,
    critic_batch_norm: bool = True,
    width: float = 1.0,
) -> Networks:
    """Networks for images (batch, 64, 64, 3): table 4 of AIM. Also `aim_images`.

    The paper has it for CIFAR-10 and CelebA.

    This is the table. Weights start from N(0, .02), biases from zero. BN stands between
    a layer and its activation, the leaky ReLU's slope is .2, strides are 2 unless
    noted::

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
    2. The laws and losses apply tanh and sigmoid.
    3. The table's BN column is read as "yes" where it has no cross.
    4. The 64 units before the mean and the scale stay 64 for other codes.

    Args:
        latent_dim: The code's dimension.
        posterior: See `aim_table3`.
        likelihood: See `Options`; None for images in [-1, 1], as in the table:
            `ks.distributions.Gaussian(activation="tanh", draw="mean")`.
        shape: The shape of an image, (height, width, channels). Its four halvings give
            both sides as multiples of 16, from 16 on.
        joint: See `aim_table3`; z passes through an FC 1024 and is added to the logit's
            features.
        shared: See `aim_table3`.
        critic_batch_norm: See `aim_table3`.
        width: See `aim_table3`; here the encoder's convolutions are scaled too.

    Raises:
        ValueError: For a value out of its range, or a shape that is not allowed.
    """
    options = Options.of(
        latent_dim=latent_dim,
        posterior=posterior,
        likelihood=signed_images(likelihood),
        joint=joint,
    )
    shape = check_image(shape, step=16)
    table = GANTable(options, shape, width, slope=0.2)

    def head(h):
        h = table.down(h, 512, batch_norm=False)
        h = table.down(h, 512)
        h = table.down(h, 256, kernel=2, strides=1)
        h = table.down(h, 128, kernel=1, strides=1)
        h = keras.layers.Flatten()(h)
        return table.code(h, lambda part: table.fc(part, 64, exact=True))

    maps = [128, 256, 512, 1024]
    return table.halving_networks(maps, head, shared, critic_batch_norm)


# The tables by the names of their data.
aim_mnist, aim_images = aim_table3, aim_table4
