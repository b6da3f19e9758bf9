"""Pictures of a model: what it makes, how it codes, what its critic thinks.

`plots` draws arrays, `views` asks a model for what is drawn, `projector` writes codes
for TensorBoard's projector. `ks.callbacks.Pictures` calls all of them in training.
"""

from keras_svae.pictures import plots, projector, views

__all__ = ["plots", "projector", "views"]
