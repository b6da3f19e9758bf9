"""What a model can show: its pictures, log ratios and codes, as arrays."""

import numpy as np

from keras_svae import distributions
from keras_svae.codes import check_encoder, dimensions_of
from keras_svae.codes import encode as codes
from keras_svae.game import checks
from keras_svae.game.feeding.ranges import bounded
from keras_svae.models.about import prior_of
from keras_svae.noise import Noise
from keras_svae.pictures import plots
from keras_svae.pictures.critics import log_ratios

__all__ = [
    "codes",
    "log_ratios",
    "manifold",
    "neighbours",
    "pictures",
    "samples",
    "traversals",
    "value_range",
]

# Quantiles of the prior that a manifold or a traversal spans: +-2 of a normal one.
_ENDS = (0.02275, 0.97725)
_INTERPOLATIONS = 8
# Images with fewer pixels than this are enlarged smoothly.
_TINY = 16


def pictures(
    model, x, labels=None, n: int = 64, seed: int = 0, ratios: dict | None = None
) -> dict[str, np.ndarray]:
    """All pictures of a model, uint8 (height, width, 1 or 3) by name.

    For images, it has "samples", and with an encoder "reconstructions".
    "interpolations" are between data if there is an encoder (the outermost are the data
    themselves), else between draws of the prior. If codes are in the plane, it has
    "manifold" for images, and "codes". For points in the plane it has "scatter". With a
    critic it has "log_ratios".

    A conditional model is given the labels as classes. Its samples are of all classes
    in turn. Each interpolation has the class of its first end, a manifold the first
    class.

    Args:
        model: A model of this package.
        x: Data (batch, ...), at least 2.
        labels: (batch,) for the colours of a scatter plot, if any, and for a
            conditional model.
        n: Images in a grid. A scatter plot has as many points as there are data.
        seed: The seed of all random draws.
        ratios: The result of `log_ratios`, if it is known already.

    Raises:
        ValueError: For fewer than two examples, or n below 1.
    """
    n = checks.integer("n", n, at_least=1)
    x = np.asarray(x)
    if len(x) < 2:
        raise ValueError(f"Expected at least 2 examples; received: {len(x)}")
    labels = None if labels is None or np.ndim(labels) != 1 else np.asarray(labels)
    y = labels if model.conditional else None
    found = {}
    if _of_images(model):
        found.update(_images(model, x, y, n, seed))
    elif tuple(model.data_shape) == (2,):
        found["scatter"] = _scatter(model, x, y, labels, seed)
    if hasattr(model, "encoder") and model.latent_dim == 2:
        z = {"codes of data": codes(model, x, y), "prior": _prior(model, len(x), seed)}
        end = 4 if model.prior_name == "normal" else 1.25
        found["codes"] = plots.scatter(
            z, labels={"codes of data": labels}, limits=(-end, end, -end, end)
        )
    ratios = log_ratios(model, x, seed, y) if ratios is None else ratios
    if ratios:
        found["log_ratios"] = plots.histogram(
            {"data's law q": ratios["q"], "model's law p": ratios["p"]},
            xlabel="log_ratio",
        )
    return found


def samples(model, n: int = 64, seed: int = 0, sampler=None) -> np.ndarray | None:
    """Samples of images in a grid, or of points in the plane; None for other data.

    Args:
        model: A model of this package.
        n: The number of images in the grid. If the model makes points, there are 1,000.
        seed: The seed of the draws.
        sampler: What codes are drawn from, as `model.generate` takes it.
    """
    points = tuple(model.data_shape) == (2,)
    if not points and not _of_images(model):
        return None
    n = 1000 if points else n
    x = model.generate(n, _in_turn(model, n), seed=seed, sampler=sampler)
    return plots.scatter({"samples": x}) if points else plots.grid(x, **look(model, x))


def _of_images(model) -> bool:
    return len(model.data_shape) == 3 and model.data_shape[-1] in (1, 3)


def _images(model, x, y, n, seed):
    values = look(model, x)
    samples = model.generate(n, _in_turn(model, n), seed=seed)
    found = {"samples": plots.grid(samples, **values)}
    if hasattr(model, "encoder"):
        some = x[:n]
        again = model.reconstruct(some, _first(y, n))
        found["reconstructions"] = plots.pairs(some, again, **values)
    rows, ends = _interpolations(model, x, y, 8, seed)
    if ends:
        rows = np.concatenate([ends[0][:, None], rows, ends[1][:, None]], axis=1)
    flat = rows.reshape(-1, *model.data_shape)
    found["interpolations"] = plots.grid(flat, rows.shape[1], **values)
    if model.latent_dim == _numbers(model) == 2 and _marginals(model) is not None:
        found["manifold"] = manifold(model)
    return found


def _scatter(model, x, y, labels, seed):
    classes = _in_turn(model, len(x))
    panels = {"data": x, "samples": model.generate(len(x), classes, seed=seed)}
    if hasattr(model, "encoder"):
        panels["reconstructions"] = model.reconstruct(x, y).numpy()
    ways, _ = _interpolations(model, x, y, 50, seed)
    panels["interpolations"] = ways.reshape(-1, 2)
    colors = {
        "data": labels,
        "samples": classes,
        "reconstructions": labels,
        "interpolations": np.repeat(np.arange(len(ways)), ways.shape[1]),
    }
    return plots.scatter(panels, labels=colors)


def _interpolations(model, x, y, steps, seed):
    """Decoded ways (rows, steps, ...), and the data at their ends if there are any."""
    if hasattr(model, "encoder"):
        rows = min(_INTERPOLATIONS, len(x) // 2)
        ends = x[:rows], x[rows : 2 * rows]
        y = model.classes_for(x[: 2 * rows], _first(y, 2 * rows))
        start, end = np.split(codes(model, x[: 2 * rows], y), 2)
        y = _first(y, rows)
    else:
        ends, y = None, _in_turn(model, _INTERPOLATIONS)
        start, end = np.split(_prior(model, 2 * _INTERPOLATIONS, seed), 2)
    z = plots.interpolate(start, end, steps, prior=model.prior_name)
    y = None if y is None else np.repeat(y, steps)
    ways = model.decode(z.reshape(-1, model.latent_dim), y).numpy()
    return ways.reshape(*z.shape[:2], *model.data_shape), ends


def _prior(model, n, seed):
    return model.prior.sample(n, seed=Noise(seed).seed("z")).numpy()


def _in_turn(model, n):
    """Classes 0, 1, ..., and again, n in all, of a conditional model."""
    return np.arange(n) % model.classes if model.conditional else None


def _first(y, n):
    return None if y is None else y[:n]


def manifold(model, n: int = 20, y: int = 0) -> np.ndarray:
    """Images for a grid of codes in the plane: AIM, figure 4.

    Args:
        model: A model of images with `latent_dim` 2.
        n: Codes on each side of a grid that is even in the prior's quantiles, from its
            2.3% to its 97.7% (a normal one's -2 to 2); the first code's dimension runs
            to the right, the second one's up.
        y: The class, for a conditional model.

    Returns:
        uint8 (height, width, 1 or 3).

    Raises:
        ValueError: For codes of another dimension or with a category, n below 1, or a
            prior of a subclass whose entries are not independent.
    """
    n = checks.integer("n", n, at_least=1)
    if not model.latent_dim == _numbers(model) == 2:
        raise ValueError(
            "Expected codes in the plane, without a category; received: "
            f"latent_dim={model.latent_dim}, of which {_numbers(model)} are numbers"
        )
    across, up = np.meshgrid(*_quantiles(model, n).T)
    z = np.stack([across, up[::-1]], -1).reshape(-1, 2)
    ys = np.full(len(z), y) if model.conditional else None
    images = model.decode(z.astype(np.float32), ys).numpy()
    return plots.grid(images, n, **look(model, images), gap=0)


def traversals(model, x, dimensions=None, n: int = 11, y=None) -> np.ndarray:
    """Rows of images. Each row varies one dimension of the code: AIM, 5.4.

    Args:
        model: A model of images with an encoder.
        x: Data (batch, ...); the first one's code is moved.
        dimensions: Dimensions of the code, but none of a category; None for the 8 whose
            `codes` vary most over x, most first.
        n: Steps through the prior's quantiles, as in `manifold`.
        y: Classes (batch,), for a conditional model.

    Returns:
        uint8 (height, width, 1 or 3).

    Raises:
        ValueError: For a model without an encoder, a dimension that the code does not
            have or that is of a category, n below 1, or a prior of a subclass whose
            entries are not independent.
    """
    check_encoder(model)
    n = checks.integer("n", n, at_least=1)
    x = np.asarray(x)
    y = model.classes_for(x, y)
    z = codes(model, x, y)
    if dimensions is None:
        dimensions = np.argsort(-z.var(0)[: _numbers(model)], kind="stable")[:8]
    dimensions = dimensions_of(dimensions, _numbers(model))
    ways = _quantiles(model, n)
    rows = np.tile(z[0], (len(dimensions), n, 1))
    for row, dimension in zip(rows, dimensions, strict=True):
        row[:, dimension] = ways[:, dimension]
    rows = rows.reshape(-1, model.latent_dim).astype(np.float32)
    y = None if y is None else np.repeat(y[:1], len(rows))
    images = model.decode(rows, y).numpy()
    return plots.grid(images, n, **look(model, images))


def neighbours(model, x, n: int = 9, seed: int = 0, y=None) -> np.ndarray:
    """Rows of data (on the left) and draws around them: AIM, figures 5 and 9.

    Args:
        model: A model of images with an encoder.
        x: Data (batch, ...).
        n: Draws x' = G(z), z ~ q(z|x), for each.
        seed: The seed of the draws.
        y: Classes (batch,), for a conditional model.

    Returns:
        uint8 (height, width, 1 or 3).
    """
    check_encoder(model)
    n = checks.integer("n", n, at_least=1)
    x = np.asarray(x)
    drawn = np.asarray(model.neighbours(x, n, y, seed=seed))
    rows = np.concatenate([x[:, None], drawn], 1)
    flat = rows.reshape(-1, *model.data_shape)
    return plots.grid(flat, n + 1, **look(model, x))


def look(model, x):
    smooth = min(model.data_shape[:2]) < _TINY
    return {"value_range": value_range(model, x), "smooth": smooth}


def _numbers(model) -> int:
    """How many entries of a code are numbers: the others, the last, are a category."""
    return model.latent_dim - getattr(model, "categories", 0)


def _marginals(model):
    """The prior of each entry that is a number; None if a subclass has another law."""
    law = model.prior
    if prior_of(model) != "own":
        law = distributions.prior(model.prior_name, _numbers(model))
    each = getattr(law, "distribution", None)
    # Of some laws it is what they shift and scale: a `MultivariateNormalDiag`, say.
    known = each is not None and each.event_shape.rank == 0
    return each if known and each.batch_shape == law.event_shape else None


def _quantiles(model, n):
    """The quantiles of each entry that is a number, (n, entries)."""
    marginals = _marginals(model)
    if marginals is None:
        raise ValueError(
            "Expected a prior of independent entries, tfd.Independent(law, 1), for its "
            f"quantiles; received: {type(model.prior).__name__}"
        )
    even = np.linspace(*_ENDS, n, dtype=np.float32)[:, None]
    return np.asarray(marginals.quantile(even))


def value_range(model, x) -> tuple[float, float]:
    """The values of black and white: the likelihood's range, or else the data's."""
    if (found := bounded(model.likelihood_law.range)) is not None:
        return found
    low, high = float(np.min(x)), float(np.max(x))
    return (low, high) if high > low else (low, low + 1)
