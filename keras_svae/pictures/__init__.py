"""Pictures of a model: its samples, its codes, and its critic's log ratios.

`plots` draws arrays, `views` asks a model for the data to draw, `projector` writes
codes for TensorBoard's projector. `ks.callbacks.Pictures` calls all of them in
training.
"""

from keras_svae.pictures import plots, projector, views

__all__ = ["plots", "projector", "views"]
