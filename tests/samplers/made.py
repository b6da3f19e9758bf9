"""One sampler of each kind."""

import keras_svae as ks

QUICK = {"epochs": 2, "batch_size": 50}
# Each in a size that is quick to fit.
MADE = {
    "gaussian_mixture": lambda: ks.samplers.GaussianMixture(2),
    "aggregated_posterior": lambda: ks.samplers.AggregatedPosterior(),
    "second_stage_vae": lambda: ks.samplers.SecondStageVAE(units=8, depth=1, **QUICK),
    "masked_autoregressive_flow": lambda: ks.samplers.MaskedAutoregressiveFlow(
        length=2, units=8, **QUICK
    ),
}
