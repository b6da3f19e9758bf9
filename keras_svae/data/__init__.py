"""Data sets as `tf.data` pipelines: mixtures, digits, TFDS, folders, .npz files."""

from keras_svae.data.load import load
from keras_svae.data.mixtures import Mixture, mixture
from keras_svae.data.sources import identify, names

__all__ = ["Mixture", "identify", "load", "mixture", "names"]
