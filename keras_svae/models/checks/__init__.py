"""What a model refuses, before any training starts, and how it says so."""

from keras_svae.models.checks.data import (
    are_arrays,
    batch_norms,
    class_weight,
    classes,
    images,
    labels,
    sample_weight,
    split,
)
from keras_svae.models.checks.networks import (
    classifier,
    critic_of_code,
    critic_of_data,
    critic_of_pairs,
    critic_of_triples,
    explicit,
    inputs,
    network,
    raw_output,
)
from keras_svae.models.checks.optimizers import optimizer_names, optimizers
from keras_svae.models.checks.values import (
    all_finite,
    choice,
    fraction,
    integer,
    new_folder,
    positive,
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
    "critic_of_code",
    "critic_of_data",
    "critic_of_pairs",
    "critic_of_triples",
    "explicit",
    "fraction",
    "images",
    "inputs",
    "integer",
    "labels",
    "network",
    "new_folder",
    "optimizer_names",
    "optimizers",
    "positive",
    "raw_output",
    "sample_weight",
    "shapes",
    "split",
    "weight",
]
