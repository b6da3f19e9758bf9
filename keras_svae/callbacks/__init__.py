"""What a person wants to see, and to keep, while a model trains."""

from keras_svae.callbacks import plots, projector, views
from keras_svae.callbacks.averaged_weights import AveragedWeights
from keras_svae.callbacks.backup import Backup, restore
from keras_svae.callbacks.pictures import Pictures
from keras_svae.models.rates import ForPlayer

__all__ = [
    "AveragedWeights",
    "Backup",
    "ForPlayer",
    "Pictures",
    "plots",
    "projector",
    "restore",
    "views",
]
