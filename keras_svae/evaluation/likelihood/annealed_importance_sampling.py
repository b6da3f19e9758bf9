"""Log p(x) by annealed importance sampling (Neal, 2001; Wu et al., 2016)."""

import dataclasses
from typing import NamedTuple

import numpy as np
import scipy.special
import tqdm

from keras_svae import arguments
from keras_svae.evaluation.likelihood import annealing, common
from keras_svae.evaluation.likelihood.common import LogLikelihood, Prior
from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.reading.streams import Stream
from keras_svae.noise import Noise, check_seed

__all__ = ["AnnealedImportance", "annealed_importance_sampling"]

# The least number of the pilot pass's temperatures, and the divisor of n_temperatures.
PILOT, SHARE = 100, 10


class AnnealedImportance(NamedTuple):
    """What `annealed_importance_sampling` gives; arrays are (n,).

    Attributes:
        mean: The mean of log p(x); its deviation is the standard error over examples.
        per_example: The estimate of each example, nats.
        effective_sample_size: `(sum w)^2 / sum w^2` of each example's chains, from 1 to
            n_chains. Near 1, one chain decides, and the estimate is likely too low.
        acceptance: Mean probability of acceptance over chains and temperatures; NaN
            with n_temperatures=2, where there is no transition.
    """

    mean: Measurement
    per_example: np.ndarray
    effective_sample_size: np.ndarray
    acceptance: np.ndarray


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """How to anneal: what AIS and its bidirectional check share.

    Args:
        n_chains: The number of chains for each example.
        n_temperatures: Inverse temperatures from 0 to 1, both counted; 2 is importance
            sampling from the prior.
        leapfrog_steps: Leapfrog steps of each HMC transition.
        schedule: "sigmoid" or "linear", see `annealing.schedule`.
        target_acceptance: What the pilot pass adapts the step size to, in (0, 1).
        step_size: The step size of all transitions, without a pilot pass; None adapts
            it for each temperature and example.
        jit_compile: Whether XLA compiles the passes.
    """

    n_chains: int
    n_temperatures: int
    leapfrog_steps: int
    schedule: str
    target_acceptance: float
    step_size: float | None
    jit_compile: bool

    def __post_init__(self):
        arguments.integer("n_chains", self.n_chains, 1)
        arguments.integer("n_temperatures", self.n_temperatures, 2)
        arguments.integer("leapfrog_steps", self.leapfrog_steps, 1)
        target = self.target_acceptance
        if not (arguments.real(target) and 0 < target < 1):
            raise ValueError(
                "Expected target_acceptance in (0, 1); received: "
                f"{self.target_acceptance!r}"
            )
        size = self.step_size
        if size is not None and not (arguments.real(size) and 0 < size < np.inf):
            raise ValueError(
                f"Expected step_size > 0, or None; received: {self.step_size!r}"
            )
        annealing.schedule(2, self.schedule)  # raises for an unknown one

    def engine(self, log_likelihood, prior) -> annealing.Annealing:
        """Chains of these settings."""
        return annealing.Annealing(
            log_likelihood,
            prior,
            self.n_chains,
            self.leapfrog_steps,
            self.target_acceptance,
            self.jit_compile,
        )

    @property
    def temperatures(self) -> np.ndarray:
        """The inverse temperatures, from 0 to 1."""
        return annealing.schedule(self.n_temperatures, self.schedule)

    def log_steps(self, engine, inputs, noise: Noise) -> np.ndarray:
        """Log step sizes (n_temperatures - 2, batch), frozen after a pilot pass."""
        n = self.n_temperatures - 2
        if self.step_size is not None or n == 0:
            return np.full(
                (n, common.count(inputs)), np.log(self.step_size or 1.0), np.float32
            )
        size = max(PILOT, self.n_temperatures // SHARE)
        temperatures = annealing.schedule(size, self.schedule)
        found = engine.pilot(inputs, temperatures, noise.seed("pilot"))
        return annealing.interpolate(found, n)

    def details(self) -> dict:
        """What a measurement says of them."""
        names = ("n_chains", "n_temperatures", "leapfrog_steps", "schedule")
        return {name: getattr(self, name) for name in names}


def annealed_importance_sampling(
    data: Stream,
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
    value_range: tuple[float, float] | None = None,
    dequantise: bool = False,
    batch_size: int = 32,
    seed: int = 0,
    jit_compile: bool = False,
    progress: bool = False,
) -> AnnealedImportance:
    """Estimates log p(x) = log E_p(z) p(x|z) of any decoder with a density, in nats.

    Chains start at the prior and pass through p(z) p(x|z)^b, b from 0 to 1, by
    Hamiltonian Monte Carlo; the mean of their weights is an unbiased estimate of p(x),
    so its log is below log p(x) in expectation, and rises with chains and temperatures.
    The step sizes come from a pilot pass over max(100, n_temperatures / 10)
    temperatures with chains of its own, and then stand still: the estimate stays
    unbiased.

    Args:
        data: Examples (n, ...), see `variational_bound`.
        log_likelihood: log p(x|z), see `variational_bound`; with a gradient in z.
        prior: p(z), see `variational_bound`. A bounded prior is annealed as the image
            of an unbounded one; a mixture has to be one of laws on all of R^d.
        latent_dim: d, with a prior by name.
        n_chains: The number of chains for each example.
        n_temperatures: Inverse temperatures from 0 to 1, both counted; 2 is importance
            sampling from the prior. Wu et al. have 10,000.
        leapfrog_steps: Leapfrog steps of each HMC transition. There is one transition
            at every temperature between.
        schedule: "sigmoid", dense at both ends as Wu et al.'s, or "linear".
        target_acceptance: What the pilot pass adapts step sizes to, for each
            temperature and example.
        step_size: One for all, without a pilot pass.
        value_range: (low, high) where data must lie; None for anywhere.
        dequantise: See `variational_bound`.
        batch_size: Examples at once, at most; n_chains * batch_size codes are decoded
            together.
        seed: The seed of all random draws.
        jit_compile: Whether XLA compiles the passes, anew for a last batch of another
            size.
        progress: Whether to show a bar, one tick for a batch.

    Returns:
        The mean with its standard error, each example's estimate, effective sample
        size and acceptance.

    Raises:
        ValueError: On no function, settings out of range, a prior whose support is not
            known, data that are not finite or out of range, or a NaN from the function.
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
    engine = settings.engine(log_likelihood, common.get_prior(prior, latent_dim))
    read = common.prepared(data, batch_size, value_range, dequantise, seed)
    bar = tqdm.tqdm(read, "AIS", unit="batch", disable=not progress)
    found_weights, found_ratios = [], []
    for i, inputs in enumerate(bar):
        noise = Noise(seed).fold(i)
        steps = settings.log_steps(engine, inputs, noise)
        found, ratio, _ = engine.run(
            inputs, settings.temperatures, steps, noise.seed("chains")
        )
        found_weights.append(found)
        none = np.full(common.count(inputs), np.nan)
        found_ratios.append(ratio.mean(0) if len(ratio) else none)
    weights, accepted = np.concatenate(found_weights, 1), np.concatenate(found_ratios)
    total = scipy.special.logsumexp(weights, axis=0)
    per_example = common.check_result(total - np.log(n_chains))
    squares = scipy.special.logsumexp(2 * weights, axis=0)
    size = common.effective_sample_size(total, squares)
    mean = common.summary(
        "log p(x) by AIS",
        per_example,
        **settings.details(),
        effective_sample_size=round(float(size.mean()), 2),
        acceptance=round(float(accepted.mean()), 3),
        dequantised=dequantise,
    )
    return AnnealedImportance(mean, per_example, size, accepted)
