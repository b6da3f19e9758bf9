"""The Inception network of 2015, with which most published scores are computed."""

import os

import keras
import numpy as np

from keras_svae.evaluation.backbones.backbone import Backbone
from keras_svae.evaluation.backbones.resizing import check_published
from keras_svae.evaluation.backbones.weights import (
    Published,
    Tensors,
    find_weights,
    read_tensors,
)

__all__ = ["inception_2015"]

# The file that pytorch-fid and torch-fidelity both publish.
WEIGHTS = Published(
    "inception_2015",
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
    "weights-inception-2015-12-05-6726825d.pth",
    "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
)
FEATURES = "features"
# Images at once: the first layers' outputs take 15 MB for each.
BATCH = 32
SIDE = 299
# The variance's in every batch normalisation.
EPSILON = 1e-3
layers = keras.layers


def inception_2015(
    weights: str | os.PathLike | None = None,
    resize: str = "tf1_bilinear",
    *,
    bias: bool = False,
) -> Backbone:
    """The Inception network whose scores may be compared with published ones.

    It is the TensorFlow graph "inception-2015-12-05" (Szegedy et al., 2016) as
    pytorch-fid and torch-fidelity have it: features are its 2,048 averages,
    probabilities those of 1,008 outputs. Images are rounded to 8 bits, as if they had
    been saved as PNG.

    Args:
        weights: The file weights-inception-2015-12-05-6726825d.pth, which is called
            pt_inception-2015-12-05-6726825d.pth too, or another file of such tensors
            (`.pth`, `.safetensors`, `.npz`). None for the published one in the cache,
            which is downloaded at the first use (95.6 MB). Nothing is unpickled.
        resize: "tf1_bilinear", as TF-GAN, torch-fidelity and Heusel et al.'s code;
            "clean", as clean-fid; or "pytorch_bilinear", as pytorch-fid, with its range
            of [-1, 1] in place of [-1, 127/128].
        bias: Whether the logits have their bias; the inception score is computed
            without it (Salimans et al.'s code, torch-fidelity).

    Raises:
        FileNotFoundError: If there is no such file, or it cannot be downloaded.
        ValueError: If the file is no state dict, or not of this network; on an unknown
            resizing.

    Example:
        net = ks.evaluation.inception_2015("weights-inception-2015-12-05-6726825d.pth")
        ks.evaluation.frechet_distance(train, samples, net, value_range=(-1, 1))
    """
    check_published(resize)
    source = WEIGHTS.fetched() if weights is None else weights
    path, said = find_weights(source, WEIGHTS.name, WEIGHTS)
    tensors = Tensors(read_tensors(path), WEIGHTS.name)
    white = 1.0 if resize == "pytorch_bilinear" else 127 / 128
    return Backbone(
        graph(tensors, bias=bias),
        said + ", logits with bias" * bias,
        features=FEATURES,
        outputs="logits",
        value_range=(-1.0, white),
        resize=resize,
        eight_bits=True,
        batch_size=BATCH,
    )


def graph(tensors: Tensors, bias: bool = False) -> keras.Model:
    """The network from images (batch, 299, 299, 3) to logits, always in float32.

    Numbers of channels are those of the weights.

    Args:
        tensors: The tensors by PyTorch's names, for example
            "Mixed_5b.branch1x1.conv.weight".
        bias: Whether logits have their bias.

    Raises:
        ValueError: If tensors are missing or left over, or of other shapes.
    """
    weight = tensors.take("fc.weight", None, None)
    shift = tensors.take("fc.bias", len(weight))
    made = _Graph(tensors)
    image = keras.Input((SIDE, SIDE, 3), dtype="float32", name="images")
    x = made.convolved(image, "Conv2d_1a_3x3", 3, 2)
    x = made.convolved(x, "Conv2d_2a_3x3", 3, padding="valid")
    x = made.convolved(x, "Conv2d_2b_3x3", 3)
    x = _largest(x, 2)
    x = made.convolved(x, "Conv2d_3b_1x1", 1)
    x = made.convolved(x, "Conv2d_4a_3x3", 3, padding="valid")
    x = _largest(x, 2)
    for name in ("Mixed_5b", "Mixed_5c", "Mixed_5d"):
        x = made.squares(x, name)
    x = made.to_17(x, "Mixed_6a")
    for name in ("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"):
        x = made.strips(x, name)
    x = made.to_8(x, "Mixed_7a")
    x = made.split(x, "Mixed_7b", _mean)
    # The graph of 2015 takes the maximum here, though the paper says the mean.
    x = made.split(x, "Mixed_7c", lambda x: _largest(x, 1, "same"))
    seen = layers.GlobalAveragePooling2D(dtype="float32", name=FEATURES)(x)
    if weight.shape[1] != seen.shape[1]:
        raise ValueError(
            f"Expected the weights of {WEIGHTS.name}, with fc.weight for "
            f"{seen.shape[1]} features; received: shape {weight.shape}"
        )
    last = layers.Dense(len(weight), use_bias=bias, dtype="float32", name="logits")
    model = keras.Model(image, last(seen), name="inception_2015")
    last.set_weights([weight.T, shift] if bias else [weight.T])
    tensors.finish(".num_batches_tracked")
    model.trainable = False
    return model


def _mean(x):
    """The mean of the neighbours. At the border it counts only those inside."""
    return layers.AveragePooling2D(3, 1, "same", dtype="float32")(x)


def _largest(x, stride: int, padding: str = "valid"):
    return layers.MaxPooling2D(3, stride, padding, dtype="float32")(x)


def _joined(*parts):
    return layers.Concatenate(dtype="float32")(parts)


class _Graph:
    """The network's blocks, built layer by layer with their weights."""

    def __init__(self, tensors: Tensors):
        self._tensors = tensors

    def convolved(self, x, name: str, size, stride: int = 1, padding: str = ""):
        """A convolution, with its batch normalisation in the weights, and a ReLU."""
        height, width = (size, size) if isinstance(size, int) else size
        take = self._tensors.take
        kernel = take(f"{name}.conv.weight", None, x.shape[3], height, width)
        gamma, beta, mean, variance = (
            take(f"{name}.bn.{part}", len(kernel))
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gamma / np.sqrt(variance + EPSILON)
        layer = layers.Conv2D(
            len(kernel),
            (height, width),
            stride,
            padding or ("valid" if stride > 1 else "same"),
            activation="relu",
            kernel_initializer="zeros",
            dtype="float32",
            name=name.replace(".", "_"),
        )
        y = layer(x)
        layer.set_weights([kernel.transpose(2, 3, 1, 0) * scale, beta - mean * scale])
        return y

    def chain(self, x, name: str, *sizes, stride: int = 1):
        """Convolutions `name_1`, `name_2`, ...; the last one has the stride."""
        for i, size in enumerate(sizes, 1):
            last = i == len(sizes)
            x = self.convolved(x, f"{name}_{i}", size, stride if last else 1)
        return x

    def squares(self, x, name: str):
        """Blocks of 35 x 35 positions."""
        return _joined(
            self.convolved(x, f"{name}.branch1x1", 1),
            self.chain(x, f"{name}.branch5x5", 1, 5),
            self.chain(x, f"{name}.branch3x3dbl", 1, 3, 3),
            self.convolved(_mean(x), f"{name}.branch_pool", 1),
        )

    def to_17(self, x, name: str):
        """Reduces 35 x 35 positions to 17 x 17."""
        return _joined(
            self.convolved(x, f"{name}.branch3x3", 3, 2),
            self.chain(x, f"{name}.branch3x3dbl", 1, 3, 3, stride=2),
            _largest(x, 2),
        )

    def strips(self, x, name: str):
        """Blocks of 17 x 17 positions."""
        row, column = (1, 7), (7, 1)
        return _joined(
            self.convolved(x, f"{name}.branch1x1", 1),
            self.chain(x, f"{name}.branch7x7", 1, row, column),
            self.chain(x, f"{name}.branch7x7dbl", 1, column, row, column, row),
            self.convolved(_mean(x), f"{name}.branch_pool", 1),
        )

    def to_8(self, x, name: str):
        """Reduces 17 x 17 positions to 8 x 8."""
        return _joined(
            self.chain(x, f"{name}.branch3x3", 1, 3, stride=2),
            self.chain(x, f"{name}.branch7x7x3", 1, (1, 7), (7, 1), 3, stride=2),
            _largest(x, 2),
        )

    def split(self, x, name: str, pooled):
        """Blocks of 8 x 8 positions, whose branches split in two at their end."""
        one = self.chain(x, f"{name}.branch3x3", 1)
        two = self.chain(x, f"{name}.branch3x3dbl", 1, 3)
        return _joined(
            self.convolved(x, f"{name}.branch1x1", 1),
            self.convolved(one, f"{name}.branch3x3_2a", (1, 3)),
            self.convolved(one, f"{name}.branch3x3_2b", (3, 1)),
            self.convolved(two, f"{name}.branch3x3dbl_3a", (1, 3)),
            self.convolved(two, f"{name}.branch3x3dbl_3b", (3, 1)),
            self.convolved(pooled(x), f"{name}.branch_pool", 1),
        )
