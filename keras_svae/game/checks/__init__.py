"""What a model refuses, before any training starts, and how it says so."""

from keras_svae.game.checks.data import (
    are_arrays,
    batch_norms,
    class_weight,
    classes,
    images,
    labels,
    sample_weight,
    split,
)
from keras_svae.game.checks.networks import (
    classifier,
    critic,
    explicit,
    inputs,
    law,
    network,
    raw_output,
    supports,
)
from keras_svae.game.checks.optimizers import optimizer_names, optimizers
from keras_svae.game.checks.values import (
    all_finite,
    choice,
    fraction,
    integer,
    new_folder,
    positive,
    seed,
    shapes,
    weight,
)

__all__ = [
    "all_finite",
    "are_arrays",
    "batch_norms",
    "choice",
    "class_weight",
    "classes",
    "classifier",
    "critic",
    "explicit",
    "fraction",
    "images",
    "inputs",
    "integer",
    "law",
    "labels",
    "network",
    "new_folder",
    "optimizer_names",
    "optimizers",
    "positive",
    "raw_output",
    "sample_weight",
    "seed",
    "shapes",
    "split",
    "supports",
    "weight",
]
