"""Laws of codes that are fitted to the codes of data, to generate from.

A model generates from its prior p(z). But codes of data may not have that law, and then
samples are worse than reconstructions. A sampler is fitted to codes of data after the
model is trained, and `model.generate(n, sampler=...)` draws codes from it.

Example:
    mixture = ks.samplers.GaussianMixture(10).fit(model, train)
    model.generate(64, seed=1, sampler=mixture)
    model.add_sampler(mixture)       # saved and exported with the model
    model.generate(64, seed=1, sampler="gaussian_mixture")
"""

from keras_svae.samplers.flow import MaskedAutoregressiveFlow
from keras_svae.samplers.mixtures import AggregatedPosterior, GaussianMixture
from keras_svae.samplers.sampler import Sampler
from keras_svae.samplers.second_stage import SecondStageVAE

__all__ = [
    "AggregatedPosterior",
    "GaussianMixture",
    "MaskedAutoregressiveFlow",
    "Sampler",
    "SecondStageVAE",
]
