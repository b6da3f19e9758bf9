"""Ways through the space of codes, and the images along them.

The functions that make ways take and return arrays of codes, whose last axis is the
code. `decode` makes images of any of them.

Example:
    z = ks.codes.encode(model, x)
    way = ks.codes.interpolate(z[:4], z[4:8], steps=9)       # (4, 9, latent_dim)
    images = ks.codes.decode(model, way)                     # (4, 9, height, width, 1)
    ks.pictures.plots.save("way.png", ks.pictures.ways.rows(model, way))
"""

from collections.abc import Sequence

import numpy as np

from keras_svae.game import checks

__all__ = ["along", "attribute", "decode", "encode", "interpolate", "traverse"]

WAYS = ("linear", "spherical")


def interpolate(start, end, steps: int, *, way: str = "spherical") -> np.ndarray:
    """Codes on the way from one code to another, ends included.

    The spherical way (slerp; Shoemake, 1985; White, 2016, "Sampling generative
    networks") turns the code at an even speed, `[sin((1 - t) a) start + sin(t a) end] /
    sin(a)`, where a is the angle between the two. In many dimensions a straight line
    leaves the shell where the codes of a normal prior are. Where the two are parallel,
    opposite or zero, no arc is defined, and the way is straight.

    Args:
        start: Codes (batch, latent_dim).
        end: Codes of the same shape.
        steps: How many codes on each way, at least 2.
        way: "linear" or "spherical".

    Returns:
        float32 (batch, steps, latent_dim).

    Raises:
        ValueError: For other shapes, or fewer than 2 steps.
    """
    checks.integer("steps", steps, at_least=2)
    checks.choice("way", way, WAYS)
    start, end = _codes("start", start), _codes("end", end)
    checks.shapes("end of start's shape", end.shape, start.shape, "code for code")
    start, end = start[:, None], end[:, None]
    t = np.linspace(0, 1, steps)[None, :, None]
    line = (1 - t) * start + t * end
    if way == "linear":
        return line.astype(np.float32)
    norms = np.linalg.norm(start, axis=-1) * np.linalg.norm(end, axis=-1)
    cosine = np.sum(start * end, -1) / np.where(norms > 0, norms, 1)
    angle = np.arccos(np.clip(cosine, -1, 1))[..., None]
    sine = np.sin(angle)
    arc = (sine > 1e-4) & (norms > 0)[..., None]
    sine = np.where(arc, sine, 1)
    turned = (np.sin((1 - t) * angle) * start + np.sin(t * angle) * end) / sine
    return np.where(arc, turned, line).astype(np.float32)


def traverse(z, dimensions: Sequence[int], values) -> np.ndarray:
    """A code with one entry after the other set to a row of values.

    Args:
        z: A code (latent_dim,).
        dimensions: Which entries, one for each row; from 0.
        values: The values, (steps,), the same for all rows.

    Returns:
        float32 (rows, steps, latent_dim).

    Raises:
        ValueError: For other shapes, or a dimension that the code does not have.
    """
    z, values = np.asarray(z, np.float32), np.asarray(values, np.float32)
    if z.ndim != 1 or values.ndim != 1:
        raise ValueError(
            "Expected one code (latent_dim,) and values (steps,); received: shapes "
            f"{z.shape} and {values.shape}"
        )
    entries = dimensions_of(dimensions, len(z))
    rows = np.tile(z, (len(entries), len(values), 1))
    for row, dimension in zip(rows, entries, strict=True):
        row[:, dimension] = values
    return rows


def dimensions_of(dimensions, latent_dim: int) -> np.ndarray:
    """The entries of a code that are meant, integers (rows,); raises on others."""
    entries = np.asarray(dimensions)
    outside = entries.ndim != 1 or not len(entries) or entries.dtype.kind not in "iu"
    if outside or np.any((entries < 0) | (entries >= latent_dim)):
        raise ValueError(
            f"Expected dimensions, integers in 0..{latent_dim - 1}; received: "
            f"{entries.tolist()}"
        )
    return entries


def check_encoder(model) -> None:
    """Raises a ValueError if the model has no encoder."""
    if not hasattr(model, "encoder"):
        raise ValueError(
            f"Expected a model with an encoder; received: {type(model).__name__}"
        )


def attribute(z, has) -> np.ndarray:
    """The direction of an attribute: the mean code with it minus the mean without.

    (Larsen et al., 2016, section 4.2; "smile vectors" of White, 2016.)

    Args:
        z: Codes of data, (batch, latent_dim).
        has: Whether each has the attribute, (batch,) of booleans; of labels, `y == 3`.

    Returns:
        float32 (latent_dim,).

    Raises:
        ValueError: For other shapes or values, or if all have it, or none.

    Example:
        smile = ks.codes.attribute(ks.codes.encode(model, x), smiles)
        smiling = model.decode(model.encode(x) + smile)
    """
    z, has = _codes("z", z), np.asarray(has)
    if has.shape != z.shape[:1] or has.dtype != bool:
        raise ValueError(
            f"Expected `has` to be a boolean for each of {len(z)} codes; received: "
            f"{has.dtype} of shape {has.shape}"
        )
    if has.all() or not has.any():
        raise ValueError(
            "Expected codes with the attribute and codes without it; received: "
            f"{has.sum()} of {len(has)} with it"
        )
    return (z[has].mean(0) - z[~has].mean(0)).astype(np.float32)


def along(z, direction, amounts) -> np.ndarray:
    """Codes moved along a direction: z + amount * direction.

    Args:
        z: Codes (batch, latent_dim).
        direction: A vector in the space of codes, (latent_dim,), as `attribute` gives
            it.
        amounts: How far each code moves, in units of the direction, (steps,), e.g.
            `np.linspace(-1, 1, 9)`; 0 is the code itself.

    Returns:
        float32 (batch, steps, latent_dim).

    Raises:
        ValueError: For other shapes.
    """
    z, direction = _codes("z", z), np.asarray(direction, np.float64)
    checks.shapes("direction", direction.shape, z.shape[1:], "as the codes")
    amounts = np.asarray(amounts, np.float64)
    if amounts.ndim != 1:
        raise ValueError(f"Expected amounts (steps,); received: shape {amounts.shape}")
    moved = z[:, None] + amounts[None, :, None] * direction
    return moved.astype(np.float32)


def encode(model, x, y=None) -> np.ndarray:
    """Codes (batch, latent_dim) of data (batch, ...), as `model.encode` gives them.

    Args:
        model: A model with an encoder.
        x: Data in the likelihood's range.
        y: Classes (batch,), for a conditional model.

    Raises:
        ValueError: If the model has no encoder.
    """
    check_encoder(model)
    return model.encode(x, y).numpy()


def decode(model, z, y=None) -> np.ndarray:
    """Data (..., shape) of codes (..., latent_dim), as `model.decode` gives them.

    Args:
        model: A model of this package.
        z: Codes, with any number of axes before the last.
        y: Only for a conditional model: one class for all codes, or an array (...) with
            a class for each code.
    """
    z = np.asarray(z, np.float32)
    if z.ndim < 1 or z.shape[-1] != model.latent_dim:
        raise ValueError(
            f"Expected codes (..., {model.latent_dim}); received: shape {z.shape}"
        )
    flat = z.reshape(-1, z.shape[-1])
    if y is not None:
        y = np.broadcast_to(np.asarray(y), z.shape[:-1]).reshape(-1)
    found = model.decode(flat, y).numpy()
    return found.reshape(*z.shape[:-1], *found.shape[1:])


def _codes(name: str, z) -> np.ndarray:
    z = np.asarray(z, np.float64)
    if z.ndim != 2 or not np.isfinite(z).all():
        raise ValueError(
            f"Expected {name}, finite codes (batch, latent_dim); received: shape "
            f"{z.shape}"
        )
    return z
