"""Measures, one file each; each takes arrays or data sets, never a model's insides."""

from keras_svae.evaluation.active_units import ActiveUnits, active_units
from keras_svae.evaluation.aggregate_posterior import (
    AggregatePosterior,
    aggregate_posterior,
    mmd,
)
from keras_svae.evaluation.annealed_importance_sampling import (
    AnnealedImportance,
    annealed_importance_sampling,
)
from keras_svae.evaluation.backbone import Backbone, inception_v3
from keras_svae.evaluation.bidirectional_monte_carlo import (
    BidirectionalMonteCarlo,
    bidirectional_monte_carlo,
)
from keras_svae.evaluation.bits_per_dimension import bits_per_dimension
from keras_svae.evaluation.calibration import Calibration, Reliability, calibration
from keras_svae.evaluation.class_accuracy import class_accuracy
from keras_svae.evaluation.classification_accuracy import classification_accuracy
from keras_svae.evaluation.classifier import classifier
from keras_svae.evaluation.density import Density, density
from keras_svae.evaluation.density_coverage import DensityCoverage, density_coverage
from keras_svae.evaluation.evaluate import Report, evaluate
from keras_svae.evaluation.frechet_distance import frechet_distance
from keras_svae.evaluation.importance_weighted_bound import (
    ImportanceWeightedBound,
    importance_weighted_bound,
)
from keras_svae.evaluation.inception_score import inception_score
from keras_svae.evaluation.kernel_distance import kernel_distance
from keras_svae.evaluation.lpips import LPIPS, lpips
from keras_svae.evaluation.marginal_bound import marginal_bound
from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.mixture_score import mixture_posterior, mixture_score
from keras_svae.evaluation.modes import Modes, modes
from keras_svae.evaluation.moments import Moments
from keras_svae.evaluation.mse import mse, rmse
from keras_svae.evaluation.precision_recall import PrecisionRecall, precision_recall
from keras_svae.evaluation.probe import linear_probe, nearest_neighbours
from keras_svae.evaluation.psnr import psnr
from keras_svae.evaluation.quantisation import dequantise
from keras_svae.evaluation.ssim import ssim
from keras_svae.evaluation.subject import Subject
from keras_svae.evaluation.variational_bound import VariationalBound, variational_bound

__all__ = [
    "ActiveUnits",
    "AggregatePosterior",
    "AnnealedImportance",
    "Backbone",
    "BidirectionalMonteCarlo",
    "Calibration",
    "Density",
    "DensityCoverage",
    "ImportanceWeightedBound",
    "LPIPS",
    "Measurement",
    "Modes",
    "Moments",
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
    "density",
    "density_coverage",
    "dequantise",
    "evaluate",
    "frechet_distance",
    "importance_weighted_bound",
    "inception_score",
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
    "rmse",
    "ssim",
    "variational_bound",
]
