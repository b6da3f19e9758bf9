"""Networks in the manner of DCGAN, for images of any size."""

import keras

from keras_svae import arguments
from keras_svae.distributions import Law
from keras_svae.networks.checks import check_image
from keras_svae.networks.gan_table import GANTable, signed_images
from keras_svae.networks.options import Options
from keras_svae.networks.parts import Networks

__all__ = ["dcgan"]


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
    max_maps: int = 2048,
) -> Networks:
    """Networks in the manner of DCGAN (Radford et al., 2016), for images of any size.

    At 64 x 64 this is `aim_table4`, but strides of 2 have 5x5 kernels, and the
    generator's first layer is a projection to 4 x 4 x 1024. DCGAN has no encoder. Here
    the encoder is one linear layer on the discriminator's features, or, if not
    `shared`, on convolutions of its own of the same form.

    Images of other sizes are halved until their smaller side is 4 to 7. The maps start
    at 128 and double each time: 28 x 28 has 256 on 7 x 7, 32 x 32 has 512 on 4 x 4, 48
    x 48 has 512 on 6 x 6. An odd side is rounded up when it is halved, and the
    generator cuts off the last row or column when it doubles back. The paper has only
    64 x 64. Hu et al. (2018) use it at 28 x 28 and 32 x 32 and do not say how.
    With `likelihood="bernoulli"` the decoder ends in the logits of pixels'
    probabilities.

    Args:
        latent_dim: The code's dimension; the paper's codes are U(-1, 1),
            `prior="uniform"`.
        posterior: See `aim_table3`.
        likelihood: See `aim_table4`.
        shape: The shape of an image, (height, width, channels): sides from 8 to 256,
            which may differ, and any number of channels.
        classes: See `Options`: the networks then read y too. Not with `joint` or
            `shared`.
        joint: See `aim_table4`.
        shared: See `aim_table3`; None: where neither joint nor with classes.
        critic_batch_norm: See `aim_table3`.
        width: Factor of all hidden layers' sizes, in (0, 4], for a smaller budget.
        max_maps: No layer has more maps than this, times `width`. Only images whose
            smaller side is at least 113 come to more than 1,024, the paper's most.

    Raises:
        ValueError: For a value out of its range, or a shape that is not allowed.

    Example:
        nets = ks.networks.dcgan(shape=(28, 28, 1), likelihood="bernoulli", classes=10)
        model = ks.CGAN(nets.decoder, nets.critic)
    """
    options = Options.of(
        latent_dim=latent_dim,
        posterior=posterior,
        likelihood=signed_images(likelihood),
        joint=joint,
        classes=classes,
    )
    max_maps = arguments.integer("max_maps", max_maps, at_least=1)
    shape = check_image(shape, least=8, most=256)
    table = GANTable(options, shape, width, slope=0.2, kernel=5)
    maps: list[int] = []
    side = min(shape[:2])
    while side > 7:
        maps.append(min(128 * 2 ** len(maps), max_maps))
        side = (side + 1) // 2

    def head(h):
        return table.code(keras.layers.Flatten()(h), lambda part: part)

    return table.halving_networks(maps, head, shared, critic_batch_norm)
