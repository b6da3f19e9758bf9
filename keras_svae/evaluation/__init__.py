"""Measures, one file each; each takes arrays, never a model's insides."""

from keras_svae.evaluation.inception_score import inception_score
from keras_svae.evaluation.mixture_score import mixture_posterior, mixture_score
from keras_svae.evaluation.mse import mse

__all__ = ["inception_score", "mixture_posterior", "mixture_score", "mse"]
