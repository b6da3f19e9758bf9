"""Tables 3 to 7 of the lambda-IJAE paper: its five networks."""

from typing import NamedTuple

import keras

from keras_svae.networks.base import Options, check_count
from keras_svae.networks.residual import NOISE, ResNets

__all__ = ["IJAENetworks", "ijae_cifar10", "ijae_mnist", "ijae_tiny_imagenet"]

# Along which axis of (batch, height, width, channels) two images are joined.
STACKS = {"horizontal": 2, "channels": 3}


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


def ijae_cifar10(
    latent_dim: int = 128,
    *,
    noise_dim: int = NOISE,
    critic_noise: bool = False,
    stack: str = "horizontal",
    width: float = 1.0,
) -> IJAENetworks:
    """Networks for images (batch, 32, 32, 3): tables 3 to 7 of lambda-IJAE.

    The tables, with the trained weights that they count and that these networks have::

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

    Differences from the tables, and what they leave open. Where rows and counts are at
    odds, the counts decide:

    1. Injected noise is "Linear(128, num channels)(normal(size=128)) + image". The
       encoder's count has 129 x (16 x 16 + 8 x 8) x 128 = 5,283,840 weights for it:
       every pixel has its own. A third injection, after the last ReLU, would have
       66,048 more weights; it is left out.
    2. Tables 5 and 6 name noise too, but count none: critics have it only with
       `critic_noise`, 5,283,840 weights more for f_psi and twice that for f_tau.
    3. Encoder and critics: convolutions have biases, there is no BN, and where a block
       halves its image the shortcut is a 1x1 convolution, as in ResNet; else it is the
       identity. Their counts are met so.
    4. Generator: convolutions of up-blocks have no bias, and the shortcut is the
       upsampling alone. Biases with one BN a block would count the same.
    5. Blocks are pre-activated, as the ReLU or BN after the last one says; the first
       ("basic res block") has no ReLU before the image, where negative pixels would be
       lost.
    6. f_tau: each image's half is averaged by itself, the table's "in features 256",
       and the 128 of z make 384: the count has 385 weights there. Note that z is added
       linearly.
    7. f_zeta: the last row, "in features 512, out features = 256" once more, is a
       misprint of 256 and 1; a "basic block" there is one convolution.
    8. The tanh is the law's.
    9. Padding is "same": at stride 2 a 3x3 convolution pads below and to the right.
    10. The upsampling's interpolation is not given: nearest. Nor is how weights start:
        by PyTorch's default, uniform of variance 1 / (3 fan_in), whose words table 2
        uses. From Xavier, as other networks here start, codes ran away in 400 steps.

    Args:
        latent_dim: The code's dimension.
        noise_dim: Dimension of each injected noise, at least 1; not scaled by `width`,
            for noise of fewer dimensions than the code cannot fill it.
        critic_noise: Whether noise is injected into f_psi and f_tau, where tables 5 and
            6 name it.
        stack: "horizontal" as in table 6, or "channels": f_tau reads 6 channels, at
            half the cost, and sees the same place of both images at once.
        width: Factor of all hidden layers' sizes, for a smaller budget; 1 is the
            paper's.

    Raises:
        ValueError: For a value out of its range.

    Example:
        nets = ks.networks.ijae_cifar10(latent_dim=128)
        nets.encoder.output_shape                # (None, 128)
    """
    return _five((32, 32, 3), latent_dim, noise_dim, critic_noise, stack, width)


def ijae_tiny_imagenet(
    latent_dim: int = 128,
    *,
    noise_dim: int = NOISE,
    critic_noise: bool = False,
    stack: str = "horizontal",
    width: float = 1.0,
) -> IJAENetworks:
    """Networks for images (batch, 64, 64, 3): `ijae_cifar10`'s, one block deeper.

    The paper has tables for 32 x 32 alone. Here encoder, f_psi and f_tau start with one
    more block 128 /2, f_zeta with one more 4x4 conv 64 /2, and the generator has a
    fourth up-block, so that all else, noise included, has the tables' sizes.

    Args:
        latent_dim: See `ijae_cifar10`.
        noise_dim: See `ijae_cifar10`.
        critic_noise: See `ijae_cifar10`.
        stack: See `ijae_cifar10`.
        width: See `ijae_cifar10`.

    Raises:
        ValueError: For a value out of its range.
    """
    return _five((64, 64, 3), latent_dim, noise_dim, critic_noise, stack, width)


def ijae_mnist(
    latent_dim: int = 32,
    *,
    noise_dim: int = NOISE,
    critic_noise: bool = False,
    stack: str = "horizontal",
    width: float = 1.0,
) -> IJAENetworks:
    """Networks for images (batch, 28, 28, 1): `ijae_cifar10`'s blocks, not the paper's.

    Sides are 28, 14, 7, 4, 2; the generator starts from 7 x 7 and has two up-blocks.

    Args:
        latent_dim: The code's dimension.
        noise_dim: See `ijae_cifar10`.
        critic_noise: See `ijae_cifar10`.
        stack: See `ijae_cifar10`.
        width: See `ijae_cifar10`; 1/4 trains on a CPU.

    Raises:
        ValueError: For a value out of its range.
    """
    return _five((28, 28, 1), latent_dim, noise_dim, critic_noise, stack, width)


def _five(shape, latent_dim, noise_dim, critic_noise, stack, width) -> IJAENetworks:
    check_count("noise_dim", noise_dim)
    if stack not in STACKS:
        raise ValueError(
            f"Expected stack to be one of {list(STACKS)}; received: stack={stack!r}"
        )
    options = Options.of(
        latent_dim=latent_dim,
        posterior="implicit",
        # `IJAE` has its own.
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
