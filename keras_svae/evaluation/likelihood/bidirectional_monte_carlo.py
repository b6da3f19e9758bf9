"""AIS's check: log p(x) from below and above (Grosse et al., 2015)."""

from typing import NamedTuple

import numpy as np
import scipy.special

from keras_svae import arguments
from keras_svae.evaluation.likelihood import common
from keras_svae.evaluation.likelihood.annealed_importance_sampling import Settings
from keras_svae.evaluation.likelihood.common import LogLikelihood, Prior
from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.reading.streams import Stream, gather
from keras_svae.noise import Noise, check_seed

__all__ = ["BidirectionalMonteCarlo", "bidirectional_monte_carlo"]


class BidirectionalMonteCarlo(NamedTuple):
    """What `bidirectional_monte_carlo` gives; arrays are (n,), nats.

    Attributes:
        lower: Mean of the forward estimates, below log p(x) in expectation.
        upper: Mean of the reverse estimates, above it in expectation.
        gap: Mean of upper minus lower: what AIS with these settings may err by, on
            data that the model itself made.
        lower_per_example: Forward estimate of each example.
        upper_per_example: Reverse estimate of each.
    """

    lower: Measurement
    upper: Measurement
    gap: Measurement
    lower_per_example: np.ndarray
    upper_per_example: np.ndarray


def bidirectional_monte_carlo(
    x: Stream,
    z: Stream,
    log_likelihood: LogLikelihood,
    prior: Prior = "normal",
    *,
    latent_dim: int | None = None,
    n_chains: int = 16,
    n_temperatures: int = 1000,
    leapfrog_steps: int = 10,
    schedule: str = "sigmoid",
    target_acceptance: float = 0.65,
    step_size: float | None = None,
    batch_size: int = 32,
    seed: int = 0,
    jit_compile: bool = False,
) -> BidirectionalMonteCarlo:
    """Brackets log p(x) of simulated data, by AIS in both directions.

    Data x are simulated together with their codes: z ~ p(z), x ~ p(x|z). So this z is
    an exact draw from the posterior p(z|x). Chains that start there and cool in
    reverse, from 1 to 0, have weights w whose mean is an unbiased estimate of 1 / p(x):
    minus its log is above log p(x) in expectation, as AIS is below. Both use the step
    sizes of one pilot pass.

    Args:
        x: Simulated data (n, ...): draws from p(x|z), and not its means; see
            `Density.simulate`.
        z: The codes that they were made from, (n, d).
        log_likelihood: See `annealed_importance_sampling`, as for all that follow.
        prior: p(z), which z was drawn from.
        latent_dim: d, with a prior by name.
        n_chains: The number of chains for each example and direction.
        n_temperatures: The number of temperatures from 0 to 1, both included.
        leapfrog_steps: Leapfrog steps of each HMC transition.
        schedule: "sigmoid" or "linear".
        target_acceptance: The acceptance that the pilot pass aims at.
        step_size: One for all, without a pilot pass.
        batch_size: Examples at once, at most.
        seed: The seed of all random draws.
        jit_compile: Whether XLA compiles the passes.

    Returns:
        Both means and their gap, with standard errors over examples.

    Raises:
        ValueError: As `annealed_importance_sampling`, and where x and z are not of one
            length, or z is not (n, d).
    """
    common.check_functions(log_likelihood=log_likelihood)
    arguments.integer("batch_size", batch_size, 1)
    seed = check_seed(seed)
    settings = Settings(
        n_chains=n_chains,
        n_temperatures=n_temperatures,
        leapfrog_steps=leapfrog_steps,
        schedule=schedule,
        target_acceptance=target_acceptance,
        step_size=step_size,
        jit_compile=jit_compile,
    )
    law = common.get_prior(prior, latent_dim)
    x = gather(x, "simulated data").astype(np.float32)
    z = gather(z, "their codes").astype(np.float32)
    if len(x) != len(z) or z.shape[1:] != tuple(law.event_shape):
        raise ValueError(
            f"Expected codes ({len(x)}, {law.event_shape[0]}), one for each of the "
            f"simulated data; received: shape {z.shape}"
        )
    engine = settings.engine(log_likelihood, law)
    up = settings.temperatures
    forward, reverse = [], []
    for i, start in enumerate(range(0, len(x), batch_size)):
        part, codes = (a[start : start + batch_size] for a in (x, z))
        noise = Noise(seed).fold(i)
        steps = settings.log_steps(engine, part, noise)
        found, _, _ = engine.run(part, up, steps, noise.seed("chains"))
        forward.append(_log_mean(found))
        found, _, _ = engine.run(
            part, up[::-1], steps[::-1], noise.seed("reverse"), start=codes
        )
        reverse.append(-_log_mean(found))
    lower, upper = (common.check_result(np.concatenate(p)) for p in (forward, reverse))
    details = settings.details()
    return BidirectionalMonteCarlo(
        common.summary("log p(x) by forward AIS", lower, **details),
        common.summary("log p(x) by reverse AIS", upper, **details),
        common.summary("gap of bidirectional AIS", upper - lower, **details),
        lower,
        upper,
    )


def _log_mean(log_weights: np.ndarray) -> np.ndarray:
    return scipy.special.logsumexp(log_weights, axis=0) - np.log(len(log_weights))
