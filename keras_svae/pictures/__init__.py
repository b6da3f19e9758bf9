"""Pictures of a model: its samples, its codes, and its critic's log ratios.

`plots` draws arrays, `views` asks a model for the data to draw, `ways` draws ways
through its codes, `projector` writes codes for TensorBoard's projector.
`ks.callbacks.Pictures` takes pictures in training.
"""

from keras_svae.pictures import plots, projector, views, ways

__all__ = ["plots", "projector", "views", "ways"]
