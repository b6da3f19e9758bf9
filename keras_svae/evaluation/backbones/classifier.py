"""Residual classifiers of small images, to score samples, and where they are kept."""

import dataclasses
import json
import os
import pathlib
from collections.abc import Sequence

import keras

from keras_svae.digest import digest
from keras_svae.evaluation.backbones.backbone import Backbone
from keras_svae.game.saving.keras_file import load_keras
from keras_svae.paths import cache_folder

__all__ = ["classifier"]

# Names of the network's last two layers: features, and logits, which give p(y|x).
FEATURES, LOGITS = "features", "logits"


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a data set's classifier is built and trained.

    Attributes:
        epochs: Passes over the training set.
        widths: Channels of each stage; each halves the sides but the first.
        blocks: Residual blocks per stage.
        stem_stride: 2 halves the sides before the first stage.
        flip: Whether a mirrored image has the same class.
        batch_size: Images per step.
        rate: The learning rate's peak.
    """

    epochs: int
    widths: tuple[int, ...] = (32, 64, 128)
    blocks: int = 2
    stem_stride: int = 2
    flip: bool = False
    batch_size: int = 128
    rate: float = 0.1


RECIPES = {
    "digits": Recipe(
        epochs=25, widths=(16, 32), blocks=1, stem_stride=1, batch_size=64
    ),
    "mnist": Recipe(epochs=6, widths=(16, 32, 64)),
    "svhn_cropped": Recipe(epochs=8),
    "cifar10": Recipe(epochs=24, flip=True),
}
# The recipe for data that are not listed.
DEFAULT = Recipe(epochs=12)


def network(shape: Sequence[int], classes: int, recipe: Recipe) -> keras.Model:
    """A residual network (He et al., 2016, with basic blocks) of built-in layers.

    Args:
        shape: The shape of an image, (height, width, channels). Images are in [0, 1].
        classes: The number of classes.
        recipe: Its widths, blocks and stem_stride.

    Returns:
        Images to logits (batch, classes); the layer before is called "features", the
        mean over positions, (batch, widths[-1]).
    """
    images = keras.Input(tuple(shape), name="images")
    x = keras.layers.Rescaling(4.0, offset=-2.0)(images)  # near unit variance
    x = _activated(_convolution(x, recipe.widths[0], 3, recipe.stem_stride))
    for stage, width in enumerate(recipe.widths):
        for block in range(recipe.blocks):
            stride = 2 if stage and not block else 1
            y = _activated(_convolution(x, width, 3, stride))
            y = _convolution(y, width, 3, 1)
            if stride != 1 or x.shape[-1] != width:
                x = _convolution(x, width, 1, stride)
            x = _activated(keras.layers.Add()([x, y]))
    x = keras.layers.GlobalAveragePooling2D(name=FEATURES)(x)
    return keras.Model(images, keras.layers.Dense(classes, name=LOGITS)(x))


def _convolution(x, width: int, size: int, stride: int):
    x = keras.layers.Conv2D(
        width,
        size,
        stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
    )(x)
    # Training is short: the running statistics must follow it.
    return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)


def _activated(x):
    return keras.layers.Activation("relu")(x)


def sidecar(path: pathlib.Path) -> pathlib.Path:
    """The JSON file beside a classifier that says what it is."""
    return path.with_suffix(".json")


def classifier(name: str | os.PathLike) -> Backbone:
    """A classifier that `python -m keras_svae.evaluation.train_classifier` trained.

    Args:
        name: Its name in the cache ("mnist"), or the path of a `.keras` file with its
            `.json` beside it.

    Returns:
        A `Backbone` with probabilities and features, whose details give its test
        accuracy and the data it was trained on.

    Raises:
        FileNotFoundError: If it has not been trained yet; says how to.
        ValueError: If the two files are not from one training.
    """
    path = pathlib.Path(name)
    if path.suffix != ".keras":
        path = cache_folder("classifiers") / f"{name}.keras"
    for file in (path, sidecar(path)):
        if not file.is_file():
            raise FileNotFoundError(
                f"Expected {file}; received: no such file. `python -m "
                f"keras_svae.evaluation.train_classifier {path.stem}` makes it, in the "
                "folder that KERAS_SVAE_CACHE names"
            )
    try:
        about = json.loads(sidecar(path).read_text(encoding="utf-8"))
        told = about["sha256"], about["data"], about["test accuracy"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            "Expected a sidecar with sha256, data and test accuracy; received: "
            f"{sidecar(path)} ({type(error).__name__}: {error})"
        ) from None
    if told[0] != digest(path):
        raise ValueError(
            f"Expected {path.name} and {sidecar(path).name} from one training; "
            f"received: {path}, which does not have the sha256 in its sidecar"
        )
    return Backbone(
        load_keras(path, compile=False),
        f"residual classifier of {told[1]}",
        features=FEATURES,
        outputs="logits",
        value_range=(0.0, 1.0),
        accuracy=told[2],
    )
