"""Features and probabilities: given directly, or computed by a backbone."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from keras_svae.evaluation.backbones.backbone import BATCH, Backbone
from keras_svae.evaluation.reading.streams import Stream, batches

__all__ = [
    "both_features",
    "features_of",
    "named",
    "named_reference",
    "probabilities_of",
]


def named(name: str, backbone: Backbone | None) -> str:
    """A measurement's name, with the label of the backbone if it has one."""
    label = backbone and backbone.label
    return f"{name}[{label}]" if label else name


def features_of(
    data: Stream,
    backbone: Backbone | None,
    value_range: tuple[float, float],
    name: str = "features",
) -> tuple[Iterator[np.ndarray], dict[str, Any]]:
    """Batches of features (batch, d), and what a measurement says of their origin.

    Args:
        data: Features (n, d), or images if there is a backbone; see `Stream`.
        backbone: What turns images into features; None for features.
        value_range: (low, high), the values of black and white in the images.
        name: What errors call the features.

    Raises:
        ValueError: On features of another shape; on images as `Backbone.features` does.
    """
    if backbone is not None:
        stream, shape = _peeked(data, BATCH, "images")
        details = backbone.details(shape)
        return batches(backbone.features(stream, value_range), name=name), details
    stream, shape = _peeked(data, 1024, name)
    if len(shape) != 1:
        raise ValueError(
            f"Expected {name} (n, d), or images with a backbone; received: "
            f"shape (n, {', '.join(map(str, shape))})"
        )
    return stream, {}


def both_features(
    real: Stream,
    generated: Stream,
    backbone: Backbone | None,
    value_range: tuple[float, float],
    reference: str | None = None,
) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """All features of real and generated data, (n, d) each; and as `features_of`.

    The details name the reference, what the real data are, if it is given.

    Raises:
        ValueError: As `features_of`, and on features of different dimensions.
    """
    found = []
    for data, name in ((real, "real features"), (generated, "generated features")):
        stream, details = features_of(data, backbone, value_range, name)
        found.append(np.concatenate(list(stream)))
    x, y = found
    if x.shape[1] != y.shape[1]:
        raise ValueError(
            "Expected features of one dimension; received: "
            f"{x.shape[1]} (real) and {y.shape[1]} (generated)"
        )
    return x, y, named_reference(reference) | details


def named_reference(reference: str | None) -> dict[str, Any]:
    """The detail `reference`; an empty dictionary if it is None."""
    return {} if reference is None else {"reference": reference}


def probabilities_of(
    data: Stream, backbone: Backbone | None, value_range: tuple[float, float]
) -> tuple[Iterator[np.ndarray], dict[str, Any]]:
    """Batches of p(y|x), (batch, classes): as `features_of`."""
    if backbone is None:
        return batches(data, name="probabilities"), {}
    stream, shape = _peeked(data, BATCH, "images")
    return backbone.probabilities(stream, value_range), backbone.details(shape)


def _peeked(data, batch_size, name) -> tuple[Iterator[np.ndarray], tuple[int, ...]]:
    """A stream's batches, and the shape of one example."""
    stream = batches(data, batch_size, name)
    first = next(stream)
    return itertools.chain([first], stream), first.shape[1:]
