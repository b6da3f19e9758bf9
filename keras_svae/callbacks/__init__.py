"""What a person wants to see, and to keep, while a model trains."""

from keras_svae.callbacks.averaged_weights import AveragedWeights
from keras_svae.callbacks.backup import Backup, restore

__all__ = ["AveragedWeights", "Backup", "restore"]
