"""An untrained network as a backbone: no labels, no training and no download."""

import functools
import math
from collections.abc import Sequence

import keras
import numpy as np

from keras_svae.evaluation.backbones.backbone import Backbone
from keras_svae.noise import check_seed

__all__ = ["backbone_of", "random_network"]

# The smallest and the largest side that it takes; others are resized.
SIDES = (8, 256)
# A side is halved until it is this long. Then the map is seen as one vector.
LAST = 4
WIDTHS = (16, 32, 64, 128)
FEATURES = 64


def random_network(shape: Sequence[int], seed: int = 0) -> Backbone:
    """A convolutional network with random weights, which sees images of any kind.

    Naeem et al. (2020) compare images through an untrained VGG16 with 64 features:
    networks that were trained on ImageNet see only what tells its classes apart. This
    one has VGG's blocks too (two 3 x 3 convolutions with ReLU, then the maximum of each
    2 x 2), as many as the size asks for: one for 8 x 8, four for 64 x 64.

    The weights are uniform with He's variance (He et al., 2015). They come from NumPy's
    Mersenne Twister, whose numbers are fixed, so they are the same on every machine.

    Args:
        shape: The shape of the images, (height, width) or (height, width, channels). A
            side that is no power of two is resized to the next one, and to 8 or 256 if
            it is outside of these. Grey images and RGB are both taken.
        seed: Another seed is another network.

    Returns:
        A `Backbone` with 64 features and no classes. Numbers that come from it compare
        only with numbers of the same network: the same seed and the same shape.

    Raises:
        ValueError: On a shape of no image, or a seed out of range.

    Example:
        net = ks.evaluation.random_network(x.shape[1:])
        ks.evaluation.frechet_distance(x, samples, net)
    """
    whole = all(isinstance(one, (int, np.integer)) and one >= 1 for one in shape)
    if len(shape) not in (2, 3) or not whole or (*shape, 1, 1)[2] not in (1, 3):
        raise ValueError(
            "Expected the shape of images (height, width), with 1 or 3 channels; "
            f"received: {tuple(shape)}"
        )
    height, width = map(_side, shape[:2])
    blocks = int(math.log2(min(height, width) // LAST))
    # One network serves the whole process, whatever the dtype policy is at first.
    dtype = {"dtype": "float32"}
    images = keras.Input((height, width, 3), name="images", **dtype)
    x = images
    # Weights are set below. Keras would draw these by Python's own generator, and
    # measures leave it as it is.
    unset = {"use_bias": False, "kernel_initializer": "zeros", **dtype}
    for block in range(blocks):
        for _ in range(2):
            layer = keras.layers.Conv2D(
                WIDTHS[min(block, len(WIDTHS) - 1)],
                3,
                padding="same",
                activation="relu",
                **unset,
            )
            x = layer(x)
        x = keras.layers.MaxPooling2D(**dtype)(x)
    x = keras.layers.Flatten(**dtype)(x)
    x = keras.layers.Dense(FEATURES, name="features", **unset)(x)
    model = keras.Model(images, x)
    # Another generator of NumPy's may change its numbers with a version.
    rng = np.random.RandomState(np.random.MT19937(np.random.SeedSequence(seed)))
    model.set_weights([_weights(rng, one.shape) for one in model.weights])
    model.trainable = False
    said = "" if check_seed(seed) == 0 else f", seed {seed}"
    return Backbone(
        model,
        f"random network{said}, for {height}x{width}",
        value_range=(-1.0, 1.0),
        label="random_network",
    )


def backbone_of(
    backbone: Backbone | str | None, shape: Sequence[int] | None, labelled: bool
) -> Backbone | None:
    """The backbone that is meant: the random network for "random".

    Args:
        backbone: The backbone as the user gave it. None means "random" if there are no
            labels. With labels a classifier can be trained, and sees more.
        shape: The shape of the images; None if the data are no images.
        labelled: Whether there are labels.

    Raises:
        ValueError: On anything else.
    """
    if isinstance(backbone, str) and backbone != "random":
        raise ValueError(
            f'Expected backbone as a Backbone, "random" or None; received: {backbone!r}'
        )
    if not isinstance(backbone, (str, Backbone, type(None))):
        raise ValueError(
            'Expected backbone as a Backbone, "random" or None; received: '
            f"{type(backbone).__name__}. Backbone(model, name) is one of a Keras model"
        )
    if isinstance(backbone, str) or (backbone is None and not labelled):
        return None if shape is None else _kept(tuple(shape))
    return backbone


@functools.lru_cache(maxsize=2)
def _kept(shape: tuple[int, ...]) -> Backbone:
    return random_network(shape)


def _side(side: int) -> int:
    """The power of two that a side is resized to."""
    least, most = SIDES
    return min(max(2 ** math.ceil(math.log2(side)), least), most)


def _weights(rng: np.random.RandomState, shape: tuple[int, ...]) -> np.ndarray:
    """Uniform, of variance 2 / fan in, exact in float32."""
    limit = math.sqrt(6 / math.prod(shape[:-1]))
    uniform = rng.random_sample(shape).astype(np.float32)
    return (2 * uniform - 1) * np.float32(limit)
