"""What a model refuses, before any training starts, and how it says so."""

from keras_svae.models.checks.data import (
    batch_norm,
    first_batch,
    images,
    labels,
    partners,
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
    seed,
    shapes,
    weight,
)

__all__ = [
    "all_finite",
    "batch_norm",
    "choice",
    "classifier",
    "critic_of_code",
    "critic_of_data",
    "critic_of_pairs",
    "critic_of_triples",
    "explicit",
    "first_batch",
    "fraction",
    "images",
    "inputs",
    "integer",
    "labels",
    "network",
    "new_folder",
    "optimizer_names",
    "optimizers",
    "partners",
    "positive",
    "raw_output",
    "seed",
    "shapes",
    "weight",
]
