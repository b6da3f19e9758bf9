"""Tables 3 to 7 of the lambda-IJAE paper: its five networks."""

from typing import Any, NamedTuple

import keras

from keras_svae import arguments
from keras_svae.networks.dense import PLAIN, DenseNets
from keras_svae.networks.options import Options
from keras_svae.networks.residual import NOISE, ResNets

__all__ = [
    "IJAENetworks",
    "ijae_cifar10",
    "ijae_mnist",
    "ijae_mnist_dense",
    "ijae_tables",
    "ijae_tiny_imagenet",
]

# Two images are joined along this axis of (batch, height, width, channels).
STACKS = {"horizontal": 2, "channels": 3}
# The width of f_tau beside fully connected networks.
PAIR_WIDTH = 0.25


class IJAENetworks(NamedTuple):
    """Five functional models, which unpack: `ks.IJAE(*nets, lam=0.3)`.

    Attributes:
        encoder: x -> code (batch, latent_dim), random by the noise it is fed.
        generator: z (batch, latent_dim) -> raw image.
        critic_x: f_psi, x -> (batch, 1), unbounded.
        critic_pair: f_tau, [x, z, y], two images and a code -> (batch, 1), unbounded.
        critic_code: f_zeta, [x, z] -> (batch, 1), unbounded.
    """

    encoder: keras.Model
    generator: keras.Model
    critic_x: keras.Model
    critic_pair: keras.Model
    critic_code: keras.Model


def ijae_tables(
    latent_dim: int = 128,
    *,
    shape: tuple[int, int, int] = (32, 32, 3),
    noise_dim: int = NOISE,
    critic_noise: bool = False,
    stack: str = "horizontal",
    width: float = 1.0,
) -> IJAENetworks:
    """Networks for images (batch, 32, 32, 3), CIFAR-10: tables 3 to 7 of lambda-IJAE.

    Also `ijae_cifar10`.

    These are the tables, with their counts of trained weights, which these networks
    have::

        encoder (3)             generator (4)        f_psi(x) (5)
        6,436,224               1,154,179            1,053,825
        image                   z                    image
        block 128 /2, noise     linear 4 x 4 x 128   block 128 /2
        block 128 /2, noise     up-block 128         block 128 /2
        block 128 /2            up-block 128         block 128
        block 128 /2            up-block 128         block 128
        ReLU, flatten: 512      BN, ReLU             ReLU, mean over pixels
        linear 128              3x3 conv 3, tanh     linear 1

        f_tau(x, z, y) (6)                           f_zeta(x, z) (7)
        1,054,081                                    4,526,273
        x beside y, 32 x 64                          4x4 conv 64 /2, lReLU .2
        as f_psi's blocks                            4x4 conv 128 /2, lReLU .2
        ReLU, mean over pixels                       beside z: 8192 + 128
        beside z                                     linear 512, lReLU; 256, lReLU
        linear 1                                     linear 1

    A block is ReLU, 3x3 conv, ReLU, 3x3 conv, added to its shortcut; an up-block BN,
    ReLU, nearest upsampling by 2, 3x3 conv, BN, ReLU, 3x3 conv.

    These are differences from the tables and gaps in them. If rows and counts disagree,
    the counts decide:

    1. Injected noise is "Linear(128, num channels)(normal(size=128)) + image". The
       encoder's count has 129 x (16 x 16 + 8 x 8) x 128 = 5,283,840 weights for it:
       every pixel has its own. A third injection, after the last ReLU, would have
       66,048 more weights; it is left out.
    2. Tables 5 and 6 name noise too, but count none: critics have it only with
       `critic_noise`, 5,283,840 weights more for f_psi and twice that for f_tau.
    3. Encoder and critics: convolutions have biases, and there is no BN. If a block
       halves its image, the shortcut is a 1x1 convolution, as in ResNet; else it is
       the identity. This gives their counts.
    4. Generator: convolutions of up-blocks have no bias, and the shortcut is only the
       upsampling. Biases with one BN a block would give the same count.
    5. Blocks are pre-activated, because a ReLU or BN follows the last one. The first
       ("basic res block") has no ReLU before the image: it would lose negative pixels.
    6. f_tau: each image's half is averaged by itself, the table's "in features 256",
       and the 128 of z make 384: the count has 385 weights there. Note that z is added
       linearly.
    7. f_zeta: the last row, "in features 512, out features = 256" once more, is a
       misprint of 256 and 1; a "basic block" there is one convolution.
    8. The law applies the tanh.
    9. Padding is "same": at stride 2 a 3x3 convolution pads below and to the right.
    10. The paper gives no interpolation of the upsampling: nearest. It gives no initial
        weights: PyTorch's default, uniform of variance 1 / (3 fan_in), because table 2
        uses PyTorch's words. With Xavier's weights, which other networks here have,
        codes grew without bound.

    The paper has tables only for 32 x 32. Larger images are first halved until they are
    32 x 32. For each halving, encoder, f_psi and f_tau start with one more block 128
    /2, f_zeta with one more 4x4 conv 64 /2, and the generator has one more up-block. So
    all else, also the noise, has the tables' sizes. The generator starts at the size
    where halving gives 4 or less or an odd side: 28 x 28 starts from 7 x 7.

    Args:
        latent_dim: The code's dimension.
        shape: The shape of an image, (height, width, channels): sides from 8 to 256.
            They are multiples of 4; if the larger side is above 32, of 8; if it is
            above 64, of 16; if it is above 128, of 32.
        noise_dim: Dimension of each injected noise, at least 1. `width` does not scale
            it, because noise of fewer dimensions than the code cannot fill it.
        critic_noise: Whether noise is injected into f_psi and f_tau, where tables 5 and
            6 name it.
        stack: "horizontal" as in table 6, or "channels": f_tau reads 6 channels, at
            half the cost, and sees the same place of both images at once.
        width: Factor of all hidden layers' sizes, for a smaller budget; 1 is the
            paper's.

    Raises:
        ValueError: For a value out of its range, or a shape that is not allowed.

    Example:
        nets = ks.networks.ijae_cifar10(latent_dim=128)
        nets.encoder.output_shape                # (None, 128)
    """
    noise_dim = arguments.integer("noise_dim", noise_dim, at_least=1)
    if stack not in STACKS:
        raise ValueError(
            f"Expected stack to be one of {list(STACKS)}; received: stack={stack!r}"
        )
    options = Options.of(
        latent_dim=latent_dim,
        posterior="implicit",
        # `IJAE` has its own default.
        likelihood=None,
        noise_dims=(noise_dim, 0),
        critic_noise=critic_noise,
    )
    nets = ResNets(options, shape, width)
    return IJAENetworks(
        nets.encoder(),
        nets.generator("generator"),
        nets.critic_of_x("critic_x"),
        nets.critic_of_triples("critic_pair", STACKS[stack]),
        nets.critic_of_pairs("critic_code"),
    )


# By the name of the paper's data set.
ijae_cifar10 = ijae_tables


def ijae_tiny_imagenet(latent_dim: int = 128, **options: Any) -> IJAENetworks:
    """`ijae_tables` for images (batch, 64, 64, 3), as the paper's TinyImageNet.

    Args:
        latent_dim: The code's dimension.
        **options: See `ijae_tables`.
    """
    return ijae_tables(latent_dim, shape=(64, 64, 3), **options)


def ijae_mnist(latent_dim: int = 32, **options: Any) -> IJAENetworks:
    """`ijae_tables` for images (batch, 28, 28, 1), which the paper does not have.

    Args:
        latent_dim: The code's dimension.
        **options: See `ijae_tables`; width=1/4 trains on a CPU.
    """
    return ijae_tables(latent_dim, shape=(28, 28, 1), **options)


def ijae_mnist_dense(
    latent_dim: int = 32,
    *,
    units: int = 500,
    depth: int = 2,
    activation: str = "relu",
    shape: tuple[int, int, int] = (28, 28, 1),
    **options: Any,
) -> IJAENetworks:
    """`mnist_dense`'s networks for `IJAE`: an implicit encoder and three critics.

    f_psi and f_zeta are the critics of x and of pairs. f_tau has to see that y is a
    shifted x. A fully connected layer learns this slowly. So x and y are the channels
    of one image, and f_tau is table 7 of lambda-IJAE at a quarter of its width: 4x4
    conv 16 /2, 4x4 conv 32 /2, beside z, MLP 128, MLP 64, leaky ReLU .2.

    Args:
        latent_dim: The code's dimension.
        units: See `dense`.
        depth: See `dense`.
        activation: See `dense`.
        shape: The shape of an image, see `ijae_tables`.
        **options: See `Options` for all but the laws. The defaults are
            `mnist_dense`'s.

    Raises:
        ValueError: For a value out of its range.
        TypeError: For an unknown option.

    Example:
        model = ks.IJAE(*ks.networks.ijae_mnist_dense(latent_dim=16), lam=0.3)
    """
    given = Options.of(
        latent_dim=latent_dim,
        posterior="implicit",
        # `IJAE` has its own default.
        likelihood=None,
        **PLAIN | {"noise_dims": (32, 32)} | options,
    )
    pairs = ResNets(given, shape, PAIR_WIDTH, keras.initializers.GlorotUniform)
    nets = DenseNets(given, pairs.shape, units, depth, activation)
    return IJAENetworks(
        nets.encoder(),
        nets.decoder("generator"),
        nets.critic(False, "critic_x"),
        pairs.critic_of_pairs("critic_pair", stacked=True),
        nets.critic(True, "critic_code"),
    )
