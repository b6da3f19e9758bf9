"""Measures, one file each, by the question they answer.

Each takes arrays or data sets, never a model's inner parts. `evaluate` takes all
measures that apply to a model, and `register` adds a measure of your own.
"""

from keras_svae.evaluation.backbones.backbone import Backbone
from keras_svae.evaluation.backbones.classifier import classifier
from keras_svae.evaluation.backbones.dinov2 import dinov2
from keras_svae.evaluation.backbones.inception_2015 import inception_2015
from keras_svae.evaluation.backbones.inception_v3 import inception_v3
from keras_svae.evaluation.backbones.random_network import random_network
from keras_svae.evaluation.codes.active_units import ActiveUnits, active_units
from keras_svae.evaluation.codes.aggregate_posterior import (
    AggregatePosterior,
    aggregate_posterior,
)
from keras_svae.evaluation.codes.classification_accuracy import classification_accuracy
from keras_svae.evaluation.codes.decoder_probe import decoder_probe
from keras_svae.evaluation.codes.linear_probe import linear_probe
from keras_svae.evaluation.codes.mmd import mmd
from keras_svae.evaluation.codes.nearest_neighbours import nearest_neighbours
from keras_svae.evaluation.evaluate import evaluate
from keras_svae.evaluation.likelihood.annealed_importance_sampling import (
    AnnealedImportance,
    annealed_importance_sampling,
)
from keras_svae.evaluation.likelihood.bidirectional_monte_carlo import (
    BidirectionalMonteCarlo,
    bidirectional_monte_carlo,
)
from keras_svae.evaluation.likelihood.bits_per_dimension import bits_per_dimension
from keras_svae.evaluation.likelihood.calibration import (
    Calibration,
    Reliability,
    calibration,
)
from keras_svae.evaluation.likelihood.density import Density, density
from keras_svae.evaluation.likelihood.importance_weighted_bound import (
    ImportanceWeightedBound,
    importance_weighted_bound,
)
from keras_svae.evaluation.likelihood.marginal_bound import marginal_bound
from keras_svae.evaluation.likelihood.quantisation import dequantise
from keras_svae.evaluation.likelihood.variational_bound import (
    VariationalBound,
    variational_bound,
)
from keras_svae.evaluation.material import Material
from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.needs import NEEDS
from keras_svae.evaluation.reading.streams import Examples, gather
from keras_svae.evaluation.reconstructions.lpips import LPIPS, lpips
from keras_svae.evaluation.reconstructions.mse import mse, rmse
from keras_svae.evaluation.reconstructions.psnr import psnr
from keras_svae.evaluation.reconstructions.ssim import ssim
from keras_svae.evaluation.reconstructions.variance_ratio import variance_ratio
from keras_svae.evaluation.registry import register
from keras_svae.evaluation.report import Report
from keras_svae.evaluation.samples.class_accuracy import class_accuracy
from keras_svae.evaluation.samples.density_coverage import (
    DensityCoverage,
    density_coverage,
)
from keras_svae.evaluation.samples.frechet_distance import frechet_distance
from keras_svae.evaluation.samples.inception_score import inception_score
from keras_svae.evaluation.samples.kernel_distance import kernel_distance
from keras_svae.evaluation.samples.mixture_score import mixture_posterior, mixture_score
from keras_svae.evaluation.samples.modes import Modes, modes
from keras_svae.evaluation.samples.moments import Moments
from keras_svae.evaluation.samples.precision_recall import (
    PrecisionRecall,
    precision_recall,
)
from keras_svae.evaluation.subject import Subject
from keras_svae.evaluation.table import MEASURES

__all__ = [
    "ActiveUnits",
    "AggregatePosterior",
    "AnnealedImportance",
    "Backbone",
    "BidirectionalMonteCarlo",
    "Calibration",
    "Density",
    "DensityCoverage",
    "Examples",
    "ImportanceWeightedBound",
    "LPIPS",
    "MEASURES",
    "Material",
    "Measurement",
    "Modes",
    "Moments",
    "NEEDS",
    "PrecisionRecall",
    "Reliability",
    "Report",
    "Subject",
    "VariationalBound",
    "active_units",
    "aggregate_posterior",
    "annealed_importance_sampling",
    "bidirectional_monte_carlo",
    "bits_per_dimension",
    "calibration",
    "class_accuracy",
    "classification_accuracy",
    "classifier",
    "decoder_probe",
    "density",
    "density_coverage",
    "dequantise",
    "dinov2",
    "evaluate",
    "frechet_distance",
    "gather",
    "importance_weighted_bound",
    "inception_score",
    "inception_2015",
    "inception_v3",
    "kernel_distance",
    "linear_probe",
    "lpips",
    "marginal_bound",
    "mixture_posterior",
    "mixture_score",
    "mmd",
    "modes",
    "mse",
    "nearest_neighbours",
    "precision_recall",
    "psnr",
    "random_network",
    "register",
    "rmse",
    "ssim",
    "variance_ratio",
    "variational_bound",
]
