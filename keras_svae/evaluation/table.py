"""The measures of this package. They are registered like a user's own measures."""

from collections.abc import Callable
from typing import Any

from keras_svae.evaluation.backbones.features import named
from keras_svae.evaluation.codes.active_units import active_units
from keras_svae.evaluation.codes.aggregate_posterior import aggregate_posterior
from keras_svae.evaluation.codes.classification_accuracy import classification_accuracy
from keras_svae.evaluation.codes.decoder_probe import decoder_probe
from keras_svae.evaluation.codes.linear_probe import linear_probe
from keras_svae.evaluation.codes.nearest_neighbours import nearest_neighbours
from keras_svae.evaluation.likelihood.annealed_importance_sampling import (
    annealed_importance_sampling,
)
from keras_svae.evaluation.likelihood.bits_per_dimension import bits_per_dimension
from keras_svae.evaluation.likelihood.calibration import calibration
from keras_svae.evaluation.likelihood.importance_weighted_bound import (
    importance_weighted_bound,
)
from keras_svae.evaluation.likelihood.marginal_bound import marginal_bound
from keras_svae.evaluation.likelihood.variational_bound import variational_bound
from keras_svae.evaluation.material import Material
from keras_svae.evaluation.measurement import by_name, changed
from keras_svae.evaluation.needs import at_least, window_fits
from keras_svae.evaluation.reading.streams import Examples, gather
from keras_svae.evaluation.reconstructions.lpips import SMALLEST, lpips
from keras_svae.evaluation.reconstructions.mse import mse, rmse
from keras_svae.evaluation.reconstructions.psnr import psnr
from keras_svae.evaluation.reconstructions.ssim import ssim
from keras_svae.evaluation.reconstructions.variance_ratio import variance_ratio
from keras_svae.evaluation.registry import MEASURES, options_of, register
from keras_svae.evaluation.samples.class_accuracy import class_accuracy
from keras_svae.evaluation.samples.density_coverage import density_coverage
from keras_svae.evaluation.samples.frechet_distance import frechet_distance
from keras_svae.evaluation.samples.inception_score import inception_score
from keras_svae.evaluation.samples.kernel_distance import kernel_distance
from keras_svae.evaluation.samples.mixture_score import mixture_score
from keras_svae.evaluation.samples.modes import modes
from keras_svae.evaluation.samples.precision_recall import precision_recall

__all__ = ["MEASURES"]

# ---- Reconstructions -----------------------------------------------------------------


def _of_pairs(measure: Callable) -> Callable:
    """A measure of data and their reconstructions."""
    return lambda m, **options: measure(m.x(), m.reconstructions(), **options)


def _of_images(measure: Callable) -> Callable:
    """The same for images, whose range is needed."""
    return lambda m, **options: measure(
        m.x(), m.reconstructions(), **{"value_range": m.value_range} | options
    )


PAIRS = ("encoder", "repeats")
IMAGES = (*PAIRS, "images", "test_values")
register("mse", needs=PAIRS, options=())(_of_pairs(mse))
register("rmse", needs=PAIRS, options=())(_of_pairs(rmse))
register("variance_ratio", needs=(*PAIRS, "two_examples", "two_values"), options=())(
    _of_pairs(variance_ratio)
)
register("psnr", needs=IMAGES, options=options_of(psnr, 2))(_of_images(psnr))
register("ssim", needs=(*IMAGES, window_fits), options=options_of(ssim, 2))(
    _of_images(ssim)
)


@register("lpips", needs=(*IMAGES, "lpips"), options=options_of(lpips, 3))
def _lpips(m: Material, **options):
    # Images that are too small for the network are enlarged, and the measurement says
    # so.
    small = min(m.subject.data_shape[:2]) < SMALLEST
    given: dict[str, Any] = {
        "value_range": m.value_range,
        "resize": 64 if small else None,
    }
    return lpips(m.x(), m.reconstructions(), m.lpips, **(given | options))


def _of_prior_codes(measure: Callable) -> Callable:
    """A measure of codes of the prior, and what the encoder makes of their samples."""

    def compute(m: Material, **options):
        found = measure(m.prior_codes(), m.recovered_codes(), **options)
        return changed(found, f"{found.name} of codes")

    return compute


register("code_mse", needs="encoder", options=())(_of_prior_codes(mse))
register("code_rmse", needs="encoder", options=())(_of_prior_codes(rmse))

# ---- Samples -------------------------------------------------------------------------


@register(
    "inception_score",
    needs=("images", "classifier", at_least("splits", 10, of=("samples",))),
    options=options_of(inception_score, 1),
)
def _inception_score(m: Material, **options):
    given = {"backbone": m.backbone, "value_range": m.value_range, **options}
    return inception_score(m.samples(), **given)


@register(
    "class_accuracy",
    needs=("conditional", "images", "classifier"),
    options=options_of(class_accuracy, 2),
)
def _class_accuracy(m: Material, **options):
    given = {"backbone": m.backbone, "value_range": m.value_range, **options}
    return class_accuracy(m.samples(), m.subject.classes_of(m.n), **given)


@register(
    "classification_accuracy",
    needs=("own_classifier", "test_labels", "repeats"),
    options=(),
)
def _classification_accuracy(m: Material, **options):
    return classification_accuracy(m.subject.classify(m.x()), m.test_labels, **options)


def _of_features(measure: Callable) -> Callable:
    """A measure of two sets of features, which says what the features are."""
    draws = "seed" in (options_of(measure, 2) or ())

    def seeded(m: Material) -> dict[str, int]:
        return {"seed": m.seed} if draws else {}

    def compute(m: Material, **options):
        about = {"backbone": "none: the points themselves"}
        if m.backbone is not None:
            about = m.backbone.details(m.subject.data_shape)
        given = {"reference": m.reference} | seeded(m) | options
        found = measure(m.real_features, m.generated_features, **given)
        return {
            named(part.removeprefix("."), m.backbone): changed(
                one, named(one.name, m.backbone), **about
            )
            for part, one in by_name("", found).items()
        }

    return compute


for _name, _measure, _enough in (
    ("frechet_distance", frechet_distance, "two_examples"),
    ("kernel_distance", kernel_distance, at_least("subset_size", 2)),
    # An example is not its own neighbour.
    ("precision_recall", precision_recall, at_least("k", 3, more=1)),
    ("density_coverage", density_coverage, at_least("k", 5, more=1)),
):
    _options = options_of(_measure, 2)
    register(_name, needs=("features", _enough), options=_options)(
        _of_features(_measure)
    )


def _of_points(measure: Callable) -> Callable:
    """A measure of samples and the mixture that they should come from."""
    return lambda m, **options: measure(
        gather(m.samples()), m.mixture.means, m.mixture.sigma, **options
    )


register("modes", needs="mixture", options=options_of(modes, 3))(_of_points(modes))
register("mixture_score", needs="mixture", options=options_of(mixture_score, 3))(
    _of_points(mixture_score)
)

# ---- Likelihood ----------------------------------------------------------------------


def _with_bits(m: Material, mean):
    """A likelihood; for dequantised data, also in bits per dimension."""
    if not m.dequantise:
        return mean
    assert m.value_range is not None  # of such data there always is one
    bits = bits_per_dimension(mean, m.subject.data_shape, value_range=m.value_range)
    return {"": mean, "bits_per_dimension": bits}


@register(
    "variational_bound",
    needs=("density", "posterior", "codes_in_prior"),
    options=options_of(variational_bound, 1),
)
def _variational_bound(m: Material, **options):
    given = {**m.likelihood_arguments(), "posterior": m.subject.posterior, **options}
    return _with_bits(m, variational_bound(m.examples(), **given).mean)


@register(
    "marginal_bound", needs="latent_classes", options=options_of(marginal_bound, 1)
)
def _marginal_bound(m: Material, **options):
    s = m.subject
    given = {
        **m.likelihood_arguments(),
        "log_likelihood": lambda x, z, y: s.log_likelihood(Examples(x, y), z),
        "posterior": lambda x, y: s.posterior(Examples(x, y)),
        "classify": s.class_probabilities,
    }
    return _with_bits(m, marginal_bound(m.x(), **(given | options)))


@register(
    "importance_weighted_bound",
    needs=("density", "posterior", "codes_in_prior"),
    options=options_of(importance_weighted_bound, 1),
    costly=True,
)
def _importance_weighted_bound(m: Material, **options):
    given = {**m.likelihood_arguments(), "posterior": m.subject.posterior, **options}
    return _with_bits(m, importance_weighted_bound(m.examples(), **given).mean)


@register(
    "annealed_importance_sampling",
    needs="density",
    costly=True,
    options=options_of(annealed_importance_sampling, 1),
)
def _annealed_importance_sampling(m: Material, **options):
    found = annealed_importance_sampling(
        m.examples(), **(m.likelihood_arguments() | options)
    )
    return _with_bits(m, found.mean)


@register("calibration", needs="log_ratio", options=options_of(calibration, 2))
def _calibration(m: Material, **options):
    return calibration(*m.log_ratios(), **options)


# ---- Codes ---------------------------------------------------------------------------


def _of_labelled_codes(measure: Callable) -> Callable:
    """A measure of labels that are read from codes."""
    return lambda m, **options: measure(
        m.train_codes, m.train_labels, m.codes, m.test_labels, **options
    )


register(
    "linear_probe", needs=(*PAIRS, "two_classes"), options=options_of(linear_probe, 4)
)(_of_labelled_codes(linear_probe))
register(
    "nearest_neighbours",
    needs=(*PAIRS, "labels", at_least("k", 5, of=("training examples",))),
    options=options_of(nearest_neighbours, 4),
)(_of_labelled_codes(nearest_neighbours))


@register(
    "decoder_probe",
    needs=("encoder", "train"),
    costly=True,
    options=options_of(decoder_probe, 4),
)
def _decoder_probe(m: Material, **options):
    given = {"seed": m.seed, **options}
    return decoder_probe(*m.codes_and("x", "train"), *m.codes_and("x", "test"), **given)


@register(
    "aggregate_posterior",
    needs=("encoder", "named_prior", "numeric_codes", "two_examples"),
    options=options_of(aggregate_posterior, 1),
)
def _aggregate_posterior(m: Material, **options):
    given = {"prior": m.subject.about["prior"], "seed": m.seed, **options}
    return aggregate_posterior(m.drawn_codes, **given)


@register(
    "active_units",
    needs=("encoder", "posterior_mean", "two_examples"),
    options=options_of(active_units, 1),
)
def _active_units(m: Material, **options):
    return active_units(m.codes, **options)
