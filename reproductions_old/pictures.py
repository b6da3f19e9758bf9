"""Pictures of a trained model that its callback does not draw: AIM's figures 5, 9."""

import pathlib

import keras_svae as ks
from keras_svae.callbacks.pictures import first_examples
from keras_svae.pictures import plots, views

# Data that have neighbours beside them.
ROWS = 8


def write(model: ks.Game, data, folder: pathlib.Path) -> None:
    """Writes `traversals.png` and `neighbours.png` of a model of images with codes.

    Neighbours are for an explicit posterior that draws by itself: of any other they
    would be the reconstruction again, or the noise that the encoder is fed.

    Args:
        model: A trained model.
        data: As `keras_svae.callbacks.Pictures` takes them.
        folder: Where to.
    """
    if len(model.data_shape) != 3 or not hasattr(model, "encoder"):
        return
    x, labels = first_examples(data, 1000)
    y = labels if model.conditional else None
    plots.save(folder / "traversals.png", views.traversals(model, x, y=y))
    law = model.posterior_law
    if law.explicit and law.draw == "sample":
        some = None if y is None else y[:ROWS]
        picture = views.neighbours(model, x[:ROWS], y=some)
        plots.save(folder / "neighbours.png", picture)
