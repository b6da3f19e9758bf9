"""Pictures of ways through the codes of a model: see `ks.codes`."""

import numpy as np

from keras_svae import codes
from keras_svae.game import checks
from keras_svae.pictures import plots, views
from keras_svae.pictures.views import traversals

__all__ = ["attribute", "interpolations", "rows", "traversals"]


def rows(model, z, y=None) -> np.ndarray:
    """Decoded codes in a grid, each way through them in a row.

    Args:
        model: A model of images.
        z: Codes (rows, steps, latent_dim).
        y: Only for a conditional model: one class for all rows, or (rows,).

    Returns:
        uint8 (height, width, 1 or 3).

    Raises:
        ValueError: For codes of another shape, or a model of other data.
    """
    z = np.asarray(z)
    if z.ndim != 3:
        raise ValueError(
            f"Expected codes (rows, steps, latent_dim); received: shape {z.shape}"
        )
    images = _decoded(model, z, y)
    return _grid(model, images)


def interpolations(
    model, start, end, steps: int = 9, *, way: str | None = None, y=None
) -> np.ndarray:
    """Rows of images from one datum to another; the outermost are the data themselves.

    Args:
        model: A model of images with an encoder.
        start: Data (batch, ...).
        end: Data of the same shape.
        steps: Images between the two data, at least 2. The first and the last are their
            reconstructions.
        way: "linear" or "spherical"; None for "spherical" if the prior is normal.
        y: Only for a conditional model: the classes (batch,) of the first ends. A whole
            row is decoded with the class of its first end.

    Returns:
        uint8 (height, width, 1 or 3).
    """
    start, end = np.asarray(start), np.asarray(end)
    checks.shapes("end of start's shape", end.shape, start.shape, "datum for datum")
    y = model.classes_for(start, y) if hasattr(model, "encoder") else y
    first, last = (codes.encode(model, x, y) for x in (start, end))
    if way is None:
        way = "spherical" if model.prior_name == "normal" else "linear"
    images = _decoded(model, codes.interpolate(first, last, steps, way=way), y)
    parts = [start[:, None], images, end[:, None]]
    return _grid(model, np.concatenate(parts, 1))


def attribute(model, x, direction, amounts=(-1, -0.5, 0, 0.5, 1), *, y=None):
    """Rows of images, with less and more of an attribute; the data are on the left.

    Args:
        model: A model of images with an encoder.
        x: Data (batch, ...).
        direction: The direction of the attribute, (latent_dim,), see
            `ks.codes.attribute`.
        amounts: How far each code moves along it, (steps,); 0 gives the reconstruction.
        y: Only for a conditional model: the classes (batch,).

    Returns:
        uint8 (height, width, 1 or 3).
    """
    x = np.asarray(x)
    y = model.classes_for(x, y) if hasattr(model, "encoder") else y
    z = codes.encode(model, x, y)
    images = _decoded(model, codes.along(z, direction, amounts), y)
    return _grid(model, np.concatenate([x[:, None], images], 1))


def _decoded(model, z, y) -> np.ndarray:
    y = y if y is None or np.ndim(y) == 0 else np.asarray(y)[:, None]
    return codes.decode(model, z, y)


def _grid(model, images) -> np.ndarray:
    flat = images.reshape(-1, *images.shape[2:])
    if len(model.data_shape) != 3:
        raise ValueError(
            "Expected a model of images (height, width, channels); received: one of "
            f"data of shape {tuple(model.data_shape)}"
        )
    return plots.grid(flat, images.shape[1], **views.look(model, flat))
