"""Callbacks that show, and keep, what a person needs while a model trains."""

from keras_svae.callbacks.averaged_weights import AveragedWeights
from keras_svae.callbacks.backup import Backup
from keras_svae.callbacks.measures import Measures
from keras_svae.callbacks.pictures import Pictures
from keras_svae.callbacks.restoring import restore
from keras_svae.game.keras_callbacks.rates import ForPlayer

__all__ = [
    "AveragedWeights",
    "Backup",
    "ForPlayer",
    "Measures",
    "Pictures",
    "restore",
]
