"""Measures, one file each; each takes arrays or data sets, never a model's insides."""

from keras_svae.evaluation.inception_score import inception_score
from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.mixture_score import mixture_posterior, mixture_score
from keras_svae.evaluation.mse import mse, rmse

__all__ = [
    "Measurement",
    "inception_score",
    "mixture_posterior",
    "mixture_score",
    "mse",
    "rmse",
]
