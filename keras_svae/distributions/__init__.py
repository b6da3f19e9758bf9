"""Laws: what a network's raw output means. Workarounds for TFP are only here.

A law turns the raw output of an encoder or decoder into a distribution of the code
or of the data. The networks end in a linear layer. The sigmoid or tanh of a paper's
table is the law's `activation`, so that Bernoulli laws get logits.

    likelihood = ks.distributions.Gaussian(scale=0.1, activation="tanh")
    model = ks.SVAE(encoder, decoder, critic, likelihood=likelihood)

Every density is summed over the event (all pixels, all code dimensions), in nats.
"""

from keras_svae.distributions.flows import (
    AutoregressiveFlow,
    CouplingFlow,
    Flow,
    PlanarFlow,
)
from keras_svae.distributions.laws import (
    Bernoulli,
    ContinuousBernoulli,
    Gaussian,
    Implicit,
    Laplace,
    Law,
    LocationScale,
)
from keras_svae.distributions.names import get
from keras_svae.distributions.partial import PartialCode
from keras_svae.distributions.planar_likelihood import PlanarLikelihood
from keras_svae.distributions.priors import kl_divergence, prior
from keras_svae.distributions.symmetric import (
    GaussianNoise,
    LaplaceNoise,
    RotationLikelihood,
    Sampled,
    ShiftLikelihood,
    SymmetricLikelihood,
)
from keras_svae.distributions.symmetry import check_symmetric

__all__ = [
    "AutoregressiveFlow",
    "Bernoulli",
    "ContinuousBernoulli",
    "CouplingFlow",
    "Flow",
    "Gaussian",
    "GaussianNoise",
    "Implicit",
    "Laplace",
    "LaplaceNoise",
    "Law",
    "LocationScale",
    "PartialCode",
    "PlanarFlow",
    "PlanarLikelihood",
    "RotationLikelihood",
    "Sampled",
    "ShiftLikelihood",
    "SymmetricLikelihood",
    "check_symmetric",
    "get",
    "kl_divergence",
    "prior",
]
