"""What measures need of a model and its data. This is decided before measuring."""

import numbers
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_svae.evaluation.reading.known import KINDS, are_known, same_kind
from keras_svae.evaluation.reading.streams import is_within

if TYPE_CHECKING:
    from keras_svae.evaluation.material import Material

__all__ = ["NEEDS", "Need", "at_least", "discrete", "window_fits"]

COUNTS = {
    "test examples": lambda m: m.count,
    "samples": lambda m: m.n,
    "training examples": lambda m: are_known(m.labels_of_training).sum(),
}

# A function of material and options that says what is missing, in words; or None.
Need = Callable[["Material", Mapping[str, Any]], str | None]


def _need(expected: str, met: Callable[["Material"], bool]) -> Need:
    return lambda material, options: None if met(material) else expected


def at_least(
    option: str,
    default: int,
    more: int = 0,
    of: tuple[str, ...] = ("test examples", "samples"),
) -> Need:
    """As many examples as an option of the measure asks for.

    Args:
        option: Its name.
        default: The number where the option is not given.
        more: Added to the option's value.
        of: What is counted: "test examples", "training examples" or "samples".
    """

    def need(material, options):
        number = options.get(option, default)
        if not isinstance(number, numbers.Integral):
            number = default  # the measure itself says what it takes
        if min(COUNTS[one](material) for one in of) >= number + more:
            return None
        return f"{number + more} {' and '.join(of)} or more, for {option}={number}"

    return need


def window_fits(material, options) -> str | None:
    """Images as large as SSIM's window."""
    side = options.get("window", 11)
    if not isinstance(side, numbers.Integral):
        return None  # the measure itself says what it takes
    if material.images and min(material.subject.data_shape[:2]) >= side:
        return None
    return f"images of {side} x {side} pixels and more"


def _test_values(material, options) -> str | None:
    """Test data in the range that is given to measures of images and likelihoods."""
    wanted, (least, most) = material.value_range, material.extremes
    if wanted is None or is_within(least, most, wanted):
        return None
    return (
        f"test data in [{wanted[0]:g}, {wanted[1]:g}], the value_range, not from "
        f"{least:g} to {most:g}"
    )


def discrete(material) -> bool:
    """Whether p(x|z) gives probabilities of 0 and 1, and no density."""
    about = material.subject.about
    # A SavedModel of before tells the law's name alone.
    return about.get("discrete", about.get("likelihood") == "Bernoulli")


def _law_of_data(material, options) -> str | None:
    """Laws that go with the test data."""
    if material.dequantise and discrete(material):
        law = material.subject.about["likelihood"]
        return (
            f"a likelihood that is a density for dequantise=True, not {law}, which "
            "gives probabilities of 0 and 1 (bits_per_dimension(..., discrete=True) "
            "gives bits of binary data)"
        )
    return _named_prior(material, options) or _test_values(material, options)


def _density(material, options) -> str | None:
    # If the decoder is fed noise, it has p(x|z, noise), and p(x|z) is an integral.
    subject = material.subject
    if subject.offers("log_likelihood") and "decoder" not in subject.about["fed_noise"]:
        return _law_of_data(material, options)
    return "a model with a decoder density p(x|z)"


def _named_prior(material, options) -> str | None:
    """A p(z) that a SavedModel can tell."""
    if material.subject.about["prior"] != "own":
        return None
    return (
        "the normal or uniform prior, not one that a subclass overrides (give that to "
        "the function itself)"
    )


def _codes_in_prior(material, options) -> str | None:
    """Codes of the posterior that have a density under p(z): a bound needs them."""
    if material.subject.about.get("codes_in_prior", True):
        return None
    return (
        "codes of the posterior within the prior's support: outside of it the bound is "
        "minus infinity"
    )


def _latent_classes(material, options) -> str | None:
    if material.subject.offers("classify", "log_likelihood", "log_posterior"):
        return _codes_in_prior(material, options) or _law_of_data(material, options)
    return "a model with a classifier q(y|x) and densities p(x|y, z), q(z|x, y)"


def _seen(material) -> bool:
    """Whether the backbone takes such images."""
    backbone = material.backbone
    if backbone is None or not material.images:
        return False
    return material.subject.data_shape[-1] in (1, backbone.input_shape[-1])


def _classifier(material) -> bool:
    return _seen(material) and material.backbone.classifies


def _features(material, options) -> str | None:
    if material.backbone is None and len(material.subject.data_shape) == 1:
        return None  # vectors are features
    if _seen(material):
        return _test_values(material, options)
    return "backbone=, a classifier or feature network of such images, or 'random'"


def _mixture(material) -> bool:
    mixture = material.mixture
    return (
        mixture is not None
        and material.subject.data_shape == np.shape(mixture.means)[1:]
    )


def _labels(material, options) -> str | None:
    if not (material.labelled_test and material.labelled_train):
        return "labelled data, test and train="
    train = material.labels_of_training
    for labels in (train, material.test_labels):
        if labels.ndim != 1 or labels.dtype.kind not in KINDS:
            return "labels as one integer, boolean or string for each example"
        if not are_known(labels).any():
            return "examples of known classes, in test and train="
    if not same_kind(train, material.test_labels):
        return "labels of one kind, texts or numbers, in test and train="
    classes = material.subject.classes
    if classes is not None and not (train.min() >= 0 and train.max() < classes):
        return f"training data of known classes, 0..{classes - 1}"
    return None


def _two_classes(material, options) -> str | None:
    missing = _labels(material, options)
    if missing:
        return missing
    labels = material.labels_of_training
    if len(np.unique(labels[are_known(labels)])) > 1:
        return None
    return "training labels of two classes or more"


def _test_labels(material) -> bool:
    if not material.labelled_test:
        return False
    labels = material.test_labels
    integers = labels.ndim == 1 and labels.dtype.kind in "iu"
    return integers and bool(are_known(labels).any())


# By the names that `register` takes.
NEEDS: dict[str, Need] = {
    "encoder": _need("a model with an encoder", lambda m: m.subject.offers("encode")),
    "density": _density,
    "named_prior": _named_prior,
    "numeric_codes": _need(
        "codes that are numbers, without a category",
        lambda m: not m.subject.about.get("categories"),
    ),
    "posterior": _need(
        "a model with a posterior density q(z|x)",
        lambda m: m.subject.offers("log_posterior"),
    ),
    "codes_in_prior": _codes_in_prior,
    "posterior_mean": _need(
        "a model whose posterior has a mean", lambda m: m.subject.offers("posterior")
    ),
    "log_ratio": _need(
        "a model whose critic estimates a log ratio of densities",
        lambda m: m.subject.about["log_ratio"] is not None,
    ),
    "conditional": _need(
        "a conditional model", lambda m: m.subject.classes is not None
    ),
    "own_classifier": _need(
        "a model with a classifier q(y|x)", lambda m: m.subject.offers("classify")
    ),
    "latent_classes": _latent_classes,
    "images": _need("images (height, width, 1 or 3)", lambda m: m.images),
    "test_values": _test_values,
    "features": _features,
    "classifier": _need("backbone=, a classifier of such images", _classifier),
    "lpips": _need("lpips=, LPIPS's weights", lambda m: m.lpips is not None),
    "mixture": _need("mixture=, the law of the points", _mixture),
    "classes": _need(
        "test data with their classes, (x, y), for a conditional model",
        lambda m: m.subject.classes is None or m.labelled_test,
    ),
    "train": _need(
        "training data, train=, of a conditional model with their classes",
        lambda m: m.has_train and (m.subject.classes is None or m.labelled_train),
    ),
    "labels": _labels,
    "two_classes": _two_classes,
    "test_labels": _need("labelled test data", _test_labels),
    "repeats": _need(
        "test data that are the same at each reading, not shuffled and not drawn anew",
        lambda m: m.repeats,
    ),
    "two_examples": _need("two test examples or more", lambda m: m.count > 1),
    "two_values": _need(
        "test data of more than one value", lambda m: m.extremes[0] < m.extremes[1]
    ),
}

# Needs of measures that ask a model about data, not for samples alone.
ASK_ABOUT_DATA = frozenset({"encoder", "density", "posterior", "log_ratio"})
