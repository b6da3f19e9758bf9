"""The measures that `evaluate` knows, with what each needs."""

import dataclasses
from collections.abc import Callable
from typing import Any

from keras_svae.evaluation.active_units import active_units
from keras_svae.evaluation.aggregate_posterior import aggregate_posterior
from keras_svae.evaluation.annealed_importance_sampling import (
    annealed_importance_sampling,
)
from keras_svae.evaluation.bits_per_dimension import bits_per_dimension
from keras_svae.evaluation.calibration import calibration
from keras_svae.evaluation.class_accuracy import class_accuracy
from keras_svae.evaluation.classification_accuracy import classification_accuracy
from keras_svae.evaluation.density_coverage import density_coverage
from keras_svae.evaluation.frechet_distance import frechet_distance
from keras_svae.evaluation.importance_weighted_bound import importance_weighted_bound
from keras_svae.evaluation.inception_score import inception_score
from keras_svae.evaluation.kernel_distance import kernel_distance
from keras_svae.evaluation.labelled import joined
from keras_svae.evaluation.lpips import SMALLEST, lpips
from keras_svae.evaluation.marginal_bound import marginal_bound
from keras_svae.evaluation.material import Material
from keras_svae.evaluation.measurement import changed
from keras_svae.evaluation.mixture_score import mixture_score
from keras_svae.evaluation.modes import modes
from keras_svae.evaluation.mse import mse, rmse
from keras_svae.evaluation.precision_recall import precision_recall
from keras_svae.evaluation.probe import linear_probe, nearest_neighbours
from keras_svae.evaluation.psnr import psnr
from keras_svae.evaluation.ssim import ssim
from keras_svae.evaluation.streams import gather
from keras_svae.evaluation.variational_bound import variational_bound


@dataclasses.dataclass(frozen=True)
class Measure:
    """One measure, as `evaluate` runs it.

    Attributes:
        needs: What it cannot be computed without, names in `NEEDS`.
        compute: From the material to a `Measurement`, or a tuple or dataclass of some.
        costly: Whether it runs only where it is named.
    """

    needs: tuple[str, ...]
    compute: Callable[[Material], Any]
    costly: bool = False

    @property
    def all_needs(self) -> tuple[str, ...]:
        """With the data's classes, where a conditional model is asked about data."""
        asks = ASK_ABOUT_DATA.intersection(self.needs)
        return (*self.needs, *(("classes",) if asks else ()))


# Needs of measures that ask a model about data, not for samples alone.
ASK_ABOUT_DATA = {"encoder", "density", "posterior", "log ratio"}

# By what a measure needs: whether it is there, and what to say where it is not.
NEEDS: dict[str, tuple[Callable[[Material], bool], str]] = {
    "encoder": (lambda m: m.subject.offers("encode"), "a model with an encoder"),
    "density": (
        # Of a decoder that is fed noise it is p(x|z, noise), and p(x|z) an integral.
        lambda m: (
            m.subject.offers("log_likelihood")
            and "decoder" not in m.subject.about["fed_noise"]
        ),
        "a model with a decoder density p(x|z)",
    ),
    "posterior": (
        lambda m: m.subject.offers("log_posterior"),
        "a model with a posterior density q(z|x)",
    ),
    "log ratio": (
        lambda m: m.subject.about["log_ratio"] is not None,
        "a model whose critic estimates a log ratio of densities",
    ),
    "posterior's mean": (
        lambda m: m.subject.offers("posterior"),
        "a model whose posterior has a mean",
    ),
    "images": (lambda m: m.images, "images (height, width, 1 or 3)"),
    "11 pixels": (
        lambda m: m.images and min(m.subject.data_shape[:2]) >= 11,
        "images of 11 x 11 pixels and more",
    ),
    "features": (
        lambda m: m.backbone is not None or not m.images,
        "backbone=, a classifier or feature network of images",
    ),
    "classifier": (
        lambda m: m.backbone is not None and m.backbone.classifies,
        "backbone=, a classifier",
    ),
    "lpips": (lambda m: m.lpips is not None, "lpips=, LPIPS's weights"),
    "mixture": (lambda m: m.mixture is not None, "mixture=, the law of the points"),
    "labels": (lambda m: m.labelled, "labelled data, test and train="),
    "classes": (
        lambda m: m.subject.classes is None or m.labelled_test,
        "test data with their classes, (x, y), for a conditional model",
    ),
    "conditional": (lambda m: m.subject.classes is not None, "a conditional model"),
    "own classifier": (
        lambda m: m.subject.offers("classify"),
        "a model with a classifier q(y|x)",
    ),
    "latent classes": (
        lambda m: m.subject.offers("classify", "log_likelihood", "log_posterior"),
        "a model with a classifier q(y|x) and densities p(x|y, z), q(z|x, y)",
    ),
    "test labels": (lambda m: m.labelled_test, "labelled test data"),
}


def _of_pairs(measure: Callable) -> Measure:
    """A measure of data and their reconstructions."""
    return Measure(
        ("encoder",), lambda m, **o: measure(m.x(), m.reconstructions(), **o)
    )


def _of_samples(measure: Callable) -> Measure:
    """A measure of samples and the mixture they should come from."""
    return Measure(
        ("mixture",),
        lambda m, **o: measure(
            gather(m.samples()), m.mixture.means, m.mixture.sigma, **o
        ),
    )


def _of_codes(measure: Callable) -> Measure:
    """A measure of labelled codes."""

    def compute(m: Material, **options):
        train, test = m.labels
        return measure(m.train_codes, train, m.codes, test, **options)

    return Measure(("encoder", "labels"), compute)


def _of_images(measure: Callable, need: str = "images") -> Measure:
    """A measure of images and their reconstructions."""
    return Measure(
        ("encoder", need),
        lambda m, **o: measure(
            m.x(), m.reconstructions(), value_range=m.value_range, **o
        ),
    )


def _of_features(measure: Callable) -> Measure:
    """A measure of two sets of features."""
    return Measure(
        ("features",),
        lambda m, **o: m.of_features(
            measure, m.real_features, m.generated_features, **o
        ),
    )


def _of_prior_codes(measure: Callable) -> Measure:
    """A measure of codes of the prior, and what the encoder makes of their samples."""

    def compute(m: Material, **options):
        found = measure(m.prior_codes(), m.recovered_codes(), **options)
        return changed(found, f"{found.name} of codes")

    return Measure(("encoder",), compute)


def _lpips(m: Material, **options):
    # What the network is too large for is enlarged, and the measurement says so.
    small = min(m.subject.data_shape[:2]) < SMALLEST
    given = {"value_range": m.value_range, "resize": 64 if small else None}
    return lpips(m.x(), m.reconstructions(), m.lpips, **(given | options))


def _inception_score(m: Material, **options):
    given = {"backbone": m.backbone, "value_range": m.value_range, **options}
    return inception_score(m.samples(), **given)


def _bits(m: Material, found):
    """A likelihood, and in bits per dimension where the data were dequantised."""
    if not m.dequantise:
        return found.mean
    shape, low_high = m.subject.data_shape, m.value_range
    bits = bits_per_dimension(found.mean, shape, value_range=low_high)
    return {"": found.mean, "bits_per_dimension": bits}


def _variational_bound(m: Material, **options):
    given = {**m.density(), "posterior": m.subject.posterior, **options}
    return _bits(m, variational_bound(m.examples(), **given))


def _importance_weighted_bound(m: Material, **options):
    given = {**m.density(), "posterior": m.subject.posterior, **options}
    return _bits(m, importance_weighted_bound(m.examples(), **given))


def _marginal_bound(m: Material, **options):
    s = m.subject
    given = {
        **m.density(),
        "value_range": m.value_range,
        "log_likelihood": lambda x, z, y: s.log_likelihood(joined(x, y), z),
        "posterior": lambda x, y: s.posterior(joined(x, y)),
        "classify": s.class_probabilities,
    }
    return marginal_bound(m.x(), **(given | options))


def _class_accuracy(m: Material, **options):
    given = {"backbone": m.backbone, "value_range": m.value_range, **options}
    return class_accuracy(m.samples(), m.subject.classes_of(m.n), **given)


def _classification_accuracy(m: Material, **options):
    return classification_accuracy(m.subject.classify(m.x()), m.test_labels, **options)


def _annealed(m: Material, **options):
    return _bits(
        m, annealed_importance_sampling(m.examples(), **(m.density() | options))
    )


MEASURES: dict[str, Measure] = {
    "mse": _of_pairs(mse),
    "rmse": _of_pairs(rmse),
    "psnr": _of_images(psnr),
    "ssim": _of_images(ssim, "11 pixels"),
    "lpips": Measure(("encoder", "images", "lpips"), _lpips),
    "code_mse": _of_prior_codes(mse),
    "code_rmse": _of_prior_codes(rmse),
    "inception_score": Measure(("images", "classifier"), _inception_score),
    "class_accuracy": Measure(("conditional", "images", "classifier"), _class_accuracy),
    "classification_accuracy": Measure(
        ("own classifier", "test labels"), _classification_accuracy
    ),
    "frechet_distance": _of_features(frechet_distance),
    "kernel_distance": _of_features(kernel_distance),
    "precision_recall": _of_features(precision_recall),
    "density_coverage": _of_features(density_coverage),
    "modes": _of_samples(modes),
    "mixture_score": _of_samples(mixture_score),
    "variational_bound": Measure(("density", "posterior"), _variational_bound),
    "marginal_bound": Measure(("latent classes",), _marginal_bound),
    "importance_weighted_bound": Measure(
        ("density", "posterior"), _importance_weighted_bound, costly=True
    ),
    "annealed_importance_sampling": Measure(("density",), _annealed, costly=True),
    "calibration": Measure(
        ("log ratio",), lambda m, **o: calibration(*m.log_ratios(), **o)
    ),
    "linear_probe": _of_codes(linear_probe),
    "nearest_neighbours": _of_codes(nearest_neighbours),
    "aggregate_posterior": Measure(
        ("encoder",),
        lambda m, **o: aggregate_posterior(
            m.drawn_codes, prior=m.subject.about["prior"], **o
        ),
    ),
    "active_units": Measure(
        ("encoder", "posterior's mean"), lambda m, **o: active_units(m.codes, **o)
    ),
}
