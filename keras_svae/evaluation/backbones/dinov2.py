"""DINOv2's vision transformers, features that were learned without labels."""

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

__all__ = ["dinov2"]

URL = "https://dl.fbaipublicfiles.com/dinov2/dinov2_{0}/dinov2_{0}_pretrain.pth"
HASHES = {
    "s": "b938bf1bc15cd2ec0feacfe3a1bb553fe8ea9ca46a7e1d8d00217f29aef60cd9",
    "b": "0b8b82f85de91b424aded121c7e1dcc2b7bc6d0adeea651bf73a13307fad8c73",
    "l": "d5383ea8f4877b2472eb973e0fd72d557c7da5d3611bd527ceeb1d7162cbf428",
}
MODELS = {
    f"vit_{size}": Published(f"dinov2_vit{size}14", URL.format(f"vit{size}14"), sha256)
    for size, sha256 in HASHES.items()
}
BATCH = 32
SIDE, PATCH = 224, 14
# A head's channels, in all sizes of the network.
HEAD = 64
EPSILON = 1e-6
# ImageNet's, of images in [0, 1].
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
layers = keras.layers


def dinov2(
    weights: str | os.PathLike = "vit_s", resize: str = "tf1_bilinear"
) -> Backbone:
    """DINOv2 (Oquab et al., 2023) as a backbone: features of the class token.

    They are 384 ("vit_s"), 768 ("vit_b") or 1,024 ("vit_l"). There are no classes, so
    there is no inception score. Images are rounded to 8 bits and resized to 224 x 224.

    Args:
        weights: "vit_s", "vit_b" or "vit_l" for the published file, ViT-S/14 to
            ViT-L/14 without registers, which is downloaded at the first use (88 MB, 346
            MB, 1.2 GB); or a file of such tensors (`.pth`, `.safetensors`, `.npz`), by
            the names of the published ones. Nothing is unpickled.
        resize: "tf1_bilinear", as torch-fidelity; "clean", bicubic, as Stein et al.
            (2023) but for their rounding; or "pytorch_bilinear".

    Raises:
        FileNotFoundError: If there is no such file, or it cannot be downloaded.
        ValueError: If the file is no state dict, or not of this network; on an unknown
            resizing.

    Example:
        net = ks.evaluation.dinov2("dinov2_vits14_pretrain.pth")
        ks.evaluation.kernel_distance(test, samples, net, value_range=(-1, 1))
    """
    check_published(resize)
    known = MODELS.get(os.fspath(weights))
    source = known.fetched() if known else weights
    path, said = find_weights(source, "dinov2", *MODELS.values())
    return Backbone(
        graph(Tensors(read_tensors(path), "dinov2")),
        said,
        value_range=(0.0, 1.0),
        resize=resize,
        eight_bits=True,
        batch_size=BATCH,
    )


def graph(tensors: Tensors) -> keras.Model:
    """The network from images (batch, 224, 224, 3) in [0, 1] to features.

    Its width and depth are those of the weights. It is always in float32.

    Args:
        tensors: The tensors by PyTorch's names, for example "blocks.0.attn.qkv.weight".

    Raises:
        ValueError: If tensors are missing or left over, or of other shapes.
    """
    take = tensors.take
    image = keras.Input((SIDE, SIDE, 3), dtype="float32", name="images")
    variance = np.square(DEVIATION)
    x = layers.Normalization(mean=MEAN, variance=variance, dtype="float32")(image)
    kernel = take("patch_embed.proj.weight", None, 3, PATCH, PATCH)
    width, tokens = len(kernel), (SIDE // PATCH) ** 2
    patches = layers.Conv2D(width, PATCH, PATCH, dtype="float32")
    x = layers.Reshape((tokens, width), dtype="float32")(patches(x))
    bias = take("patch_embed.proj.bias", width)
    patches.set_weights([kernel.transpose(2, 3, 1, 0), bias])
    x = _Places(_places(tensors, width), dtype="float32")(x)
    depth = 0
    while f"blocks.{depth}.norm1.weight" in tensors:
        x = _block(tensors, f"blocks.{depth}", x)
        depth += 1
    x = _normalised(tensors, "norm", x)
    tensors.finish("mask_token")
    model = keras.Model(image, x[:, 0], name="dinov2")
    model.trainable = False
    return model


class _Places(keras.layers.Layer):
    """Puts a token for the class before the patches, and adds each token's position."""

    def __init__(self, places: np.ndarray, **options):
        super().__init__(**options)
        self._table = places.astype("float32")

    def call(self, x):
        return keras.ops.pad(x, [[0, 0], [1, 0], [0, 0]]) + self._table

    def compute_output_shape(self, shape):
        return shape[0], *self._table.shape


def _places(tensors: Tensors, width: int) -> np.ndarray:
    """What is added to each token, (1 + patches, width)."""
    found = tensors.take("pos_embed", 1, None, width)[0]
    token = tensors.take("cls_token", 1, 1, width)[0, 0]
    side = round(np.sqrt(len(found) - 1))
    if side**2 != len(found) - 1:
        raise ValueError(
            "Expected the weights of dinov2, with pos_embed of a square of patches "
            f"and one token; received: {len(found)} places"
        )
    grid = found[1:].reshape(side, side, width)
    wanted = SIDE // PATCH
    if side != wanted:
        rows = _bicubic(side, wanted)
        grid = np.einsum("ai,bj,ijc->abc", rows, rows, grid)
    return np.concatenate([(found[0] + token)[None], grid.reshape(-1, width)])


def _bicubic(side: int, wanted: int) -> np.ndarray:
    """PyTorch's bicubic resizing of one axis as a matrix (wanted, side).

    DINOv2 resizes by the factor (wanted + 0.1) / side, not to a size.
    """
    at = (np.arange(wanted) + 0.5) * side / (wanted + 0.1) - 0.5
    low = np.floor(at).astype(int)
    rows = np.zeros((wanted, side))
    for near in range(-1, 3):
        d = np.abs(at - (low + near))
        # Keys's kernel with a = -3/4.
        inner = 1.25 * d**3 - 2.25 * d**2 + 1
        outer = -0.75 * (d**3 - 5 * d**2 + 8 * d - 4)
        column = np.clip(low + near, 0, side - 1)
        np.add.at(rows, (np.arange(wanted), column), np.where(d <= 1, inner, outer))
    return rows


def _normalised(tensors: Tensors, name: str, x):
    layer = layers.LayerNormalization(epsilon=EPSILON, dtype="float32")
    y = layer(x)
    width = x.shape[-1]
    layer.set_weights([tensors.take(f"{name}.{p}", width) for p in ("weight", "bias")])
    return y


def _block(tensors: Tensors, name: str, x):
    """Attention and two dense layers, each added to what it reads."""
    take, width = tensors.take, x.shape[-1]
    heads = width // HEAD
    y = _normalised(tensors, f"{name}.norm1", x)
    attention = layers.MultiHeadAttention(heads, HEAD, dtype="float32")
    y = attention(y, y)
    kernel = take(f"{name}.attn.qkv.weight", 3 * width, width)
    kernels = kernel.reshape(3, heads, HEAD, width).transpose(0, 3, 1, 2)
    biases = take(f"{name}.attn.qkv.bias", 3 * width).reshape(3, heads, HEAD)
    # What scales each branch is a part of its last layer.
    scale = take(f"{name}.ls1.gamma", width)
    last = take(f"{name}.attn.proj.weight", width, width).T.reshape(heads, HEAD, width)
    shift = take(f"{name}.attn.proj.bias", width)
    read = [one for pair in zip(kernels, biases, strict=True) for one in pair]
    attention.set_weights([*read, last * scale, shift * scale])
    x = layers.Add(dtype="float32")([x, y])
    y = _normalised(tensors, f"{name}.norm2", x)
    scale = take(f"{name}.ls2.gamma", width)
    y = _dense(tensors, f"{name}.mlp.fc1", y, None)
    y = layers.Activation(keras.activations.gelu, dtype="float32")(y)
    y = _dense(tensors, f"{name}.mlp.fc2", y, scale)
    return layers.Add(dtype="float32")([x, y])


def _dense(tensors: Tensors, name: str, x, scale: np.ndarray | None):
    out = None if scale is None else len(scale)
    kernel = tensors.take(f"{name}.weight", out, x.shape[-1]).T
    bias = tensors.take(f"{name}.bias", kernel.shape[1])
    layer = layers.Dense(len(bias), dtype="float32")
    y = layer(x)
    factor = 1.0 if scale is None else scale
    layer.set_weights([kernel * factor, bias * factor])
    return y
