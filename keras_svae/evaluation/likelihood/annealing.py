"""Chains that are annealed between the prior and the posterior, for AIS."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import distributions as tfd

from keras_svae.distributions import drawn
from keras_svae.evaluation.likelihood import common
from keras_svae.evaluation.reading.streams import fields
from keras_svae.noise import Noise

# Steepness of the sigmoidal schedule (Grosse et al., 2015).
STEEPNESS = 4.0
# In the pilot pass, the log step size moves by this times the acceptance's error.
RATE = 0.2
FIRST_STEP = 0.5


def schedule(n: int, kind: str = "sigmoid") -> np.ndarray:
    """Inverse temperatures (n,) from 0 to 1, both included.

    Args:
        n: The number of temperatures, at least 2.
        kind: "sigmoid": s(4 (2t - 1)), t from 0 to 1, moved and scaled to reach 0
            and 1, so that they lie densest at both ends (Grosse et al., 2015);
            "linear".
    """
    t = np.linspace(0, 1, n)
    if kind == "sigmoid":
        t = 1 / (1 + np.exp(-STEEPNESS * (2 * t - 1)))
        t = (t - t[0]) / (t[-1] - t[0])
    elif kind != "linear":
        raise ValueError(
            f'Expected schedule to be "sigmoid" or "linear"; received: {kind!r}'
        )
    return t


class Unbounded(NamedTuple):
    """The prior as a transformed law of u in R^d, so that HMC meets no boundary.

    Attributes:
        law: The law of u.
        forward: The function that maps u to the code z.
        inverse: The function that maps the code z back to u.
    """

    law: tfd.Distribution
    forward: object
    inverse: object


def unbounded(prior: tfd.Distribution) -> Unbounded:
    """The prior itself where it is on R^d; a box's as the image of N(0, I).

    A uniform z is low + (high - low) Phi(u), u ~ N(0, 1), exactly: the Jacobian is in
    the law of u. Another bounded prior goes through TFP's bijector of its support.

    Raises:
        ValueError: If the support is not known.
    """
    uniform = getattr(prior, "distribution", prior)
    if isinstance(uniform, tfd.Uniform):
        low, width = uniform.low, uniform.high - uniform.low
        law = tfd.Independent(drawn.Normal(tf.zeros_like(low), 1.0), 1)
        cdf = tfp.bijectors.NormalCDF()
        edge = 2.0**-24  # of float32 below 1: Phi^-1(1) is infinite

        def inverse(z):
            return cdf.inverse(tf.clip_by_value((z - low) / width, edge, 1 - edge))

        return Unbounded(law, lambda u: low + width * cdf.forward(u), inverse)
    bijector = _onto_support(prior)
    if bijector is None:
        raise ValueError(
            "Expected a prior with a density, whose support is known: a law with a "
            "bijector in `experimental_default_event_space_bijector()`, or a mixture "
            f"of laws on all of R^d; received: {prior}"
        )
    law = tfd.TransformedDistribution(prior, tfp.bijectors.Invert(bijector))
    return Unbounded(law, bijector.forward, bijector.inverse)


def _onto_support(law: tfd.Distribution) -> tfp.bijectors.Bijector | None:
    """The bijector from R^d onto a law's support; None if it is not known."""
    try:
        found = law.experimental_default_event_space_bijector()
    except NotImplementedError:  # of a law of the user's own
        return None
    if found is not None:
        return found
    # TFP has none for mixtures, as a union of supports may be no image of R^d. It is
    # where each of them is R^d already.
    if isinstance(law, tfd.MixtureSameFamily):
        parts = [law.components_distribution]
    elif isinstance(law, tfd.Mixture):
        parts = list(law.components)
    elif isinstance(law, (tfd.Independent, tfd.Sample)):
        parts = [law.distribution]
    else:
        return None
    identity = tfp.bijectors.Identity
    everywhere = all(isinstance(_onto_support(one), identity) for one in parts)
    return identity() if everywhere else None


class Annealing:
    """HMC chains, (n_chains, batch, d) in one state, through a series of temperatures.

    At inverse temperature b the law is p(u) p(x|z(u))^b, up to its constant. Its log
    and its gradient are linear in b, so both are carried from one temperature to the
    next: a transition costs `leapfrog_steps` passes of the decoder, forward and
    backward, of all chains at once, and none besides.

    Args:
        log_likelihood: See `LogLikelihood`.
        prior: p(z), a distribution of codes (d,).
        n_chains: The number of chains for each example.
        leapfrog_steps: Leapfrog steps of a transition.
        target_acceptance: The acceptance that the pilot pass aims at.
        jit_compile: Whether XLA compiles the passes; again for each size of a batch and
            number of temperatures.
    """

    def __init__(
        self,
        log_likelihood: common.LogLikelihood,
        prior: tfd.Distribution,
        n_chains: int,
        leapfrog_steps: int,
        target_acceptance: float,
        jit_compile: bool = False,
    ):
        self.log_likelihood, self.prior = log_likelihood, unbounded(prior)
        self.n_chains, self.leapfrog_steps = n_chains, leapfrog_steps
        self.target_acceptance = target_acceptance
        self.jit_compile = jit_compile
        self._run = None

    def pilot(self, inputs, temperatures: np.ndarray, key) -> np.ndarray:
        """Step sizes (len(temperatures) - 2, batch) that give the target acceptance.

        It is a pass with chains of its own. Use the step sizes in another pass, whose
        draws do not depend on them; otherwise the weights would not be unbiased.
        """
        shape = len(temperatures) - 2, common.count(inputs)
        steps = np.full(shape, np.log(FIRST_STEP), np.float32)
        _, accepted, steps = self.run(inputs, temperatures, steps, key, rate=RATE)
        # While the law narrows, adaptation comes late; the acceptance says by how much.
        return smooth(steps + accepted - self.target_acceptance)

    def run(self, inputs, temperatures, log_steps, key, start=None, rate=0.0):
        """One pass through the temperatures, upwards or downwards.

        Args:
            inputs: Data (batch, ...), or `Examples`.
            temperatures: Inverse, (t,), from 0 to 1 or from 1 to 0.
            log_steps: Log step sizes at those between the ends, (t - 2, batch).
            key: Int32 (2,), of all draws.
            start: Codes (batch, d) where all chains of an example start; None for
                draws from the prior.
            rate: The rate of adaptation; 0 leaves the step sizes as they are.

        Returns:
            Log weights (n_chains, batch), float64; the mean probability of acceptance
            at each temperature, (t - 2, batch); the log step sizes that were used.
        """
        if start is None:
            noise = Noise(key)
            u = self.prior.law.sample(
                [self.n_chains, common.count(inputs)], seed=noise.seed("start")
            )
        else:
            u = tf.tile(self.prior.inverse(start)[None], [self.n_chains, 1, 1])
        if self._run is None:
            others = [
                tf.TensorSpec([self.n_chains, None, u.shape[-1]], tf.float32),
                tf.TensorSpec([None], tf.float64),
                tf.TensorSpec([None, None], tf.float32),
                tf.TensorSpec([], tf.float32),
                common.KEY,
            ]
            self._run = common.compiled(
                self._anneal, inputs, *others, jit_compile=self.jit_compile
            )
        with common.one_for_each():
            out = self._run(inputs, u, temperatures, log_steps, rate, key)
        return tuple(part.numpy() for part in out)

    def _anneal(self, inputs, u, temperatures, log_steps, rate, key):
        many = common.repeat(inputs, self.n_chains)
        noise = Noise(key)

        def kernel(b, step):
            def target(u):
                z = self.prior.forward(u)
                found = common.decode(self.log_likelihood, many, z)
                return self.prior.law.log_prob(u) + b * found

            return tfp.mcmc.HamiltonianMonteCarlo(target, step, self.leapfrog_steps)

        def likelihood(u, results, b):
            """log p(x|z) and its gradient, from the target's at b."""
            log_prior, (slope,) = self._prior(u)
            (gradient,) = results.grads_target_log_prob
            return (results.target_log_prob - log_prior) / b, (gradient - slope) / b

        def transition(i, u, results, found, slope, weights, shift, accepted, used):
            b = tf.cast(temperatures[i], tf.float32)
            log_step = log_steps[i - 1] + shift
            log_prior, (prior_slope,) = self._prior(u)
            results = results._replace(
                accepted_results=results.accepted_results._replace(
                    target_log_prob=log_prior + b * found,
                    grads_target_log_prob=[prior_slope + b * slope],
                )
            )
            hmc = kernel(b, tf.exp(log_step)[:, None])
            u, results = hmc.one_step(u, results, seed=noise.fold(i).seed("hmc"))
            found, slope = likelihood(u, results.accepted_results, b)
            weights += (temperatures[i + 1] - temperatures[i]) * tf.cast(
                found, tf.float64
            )
            # The ratio is NaN if a trajectory diverged. It is then rejected.
            ratio = tf.exp(tf.minimum(results.log_accept_ratio, 0.0))
            ratio = tf.where(tf.math.is_nan(ratio), 0.0, ratio)
            ratio = tf.reduce_mean(ratio, 0)
            shift += rate * (ratio - self.target_acceptance)
            accepted = accepted.write(i, ratio)
            used = used.write(i, log_step)
            return i + 1, u, results, found, slope, weights, shift, accepted, used

        # Either end is 0, where the likelihood could not be told from the target.
        b = tf.cast(tf.maximum(temperatures[0], temperatures[1]), tf.float32)
        results = kernel(b, 1.0).bootstrap_results(u)
        found, slope = likelihood(u, results.accepted_results, b)
        weights = (temperatures[1] - temperatures[0]) * tf.cast(found, tf.float64)
        between = tf.shape(temperatures)[0] - 2
        batch = tf.shape(fields(inputs)[0])[0]
        # Row 0 is no temperature's: an array without rows cannot be stacked.
        array = tf.TensorArray(tf.float32, between + 1, element_shape=[None])
        arrays = [array.write(0, tf.zeros([batch]))] * 2
        state = (tf.constant(1), u, results, found, slope, weights, tf.zeros([batch]))
        *_, weights, _, accepted, used = tf.while_loop(
            lambda i, *_: i <= between,
            transition,
            (*state, *arrays),
            parallel_iterations=1,
        )
        return weights, accepted.stack()[1:], used.stack()[1:]

    def _prior(self, u):
        """log p(u) and its gradient; this does not use the decoder."""
        return tfp.math.value_and_gradient(self.prior.law.log_prob, [u])


def smooth(log_steps: np.ndarray) -> np.ndarray:
    """Running means along the first axis, over a twentieth of it to each side."""
    n = len(log_steps)
    side = n // 20
    total = np.concatenate([np.zeros_like(log_steps[:1]), np.cumsum(log_steps, 0)])
    low = np.maximum(np.arange(n) - side, 0)
    high = np.minimum(np.arange(n) + side + 1, n)
    return ((total[high] - total[low]) / (high - low)[:, None]).astype(np.float32)


def interpolate(log_steps: np.ndarray, n: int) -> np.ndarray:
    """Rows for n places between two ends, from rows for another number of places."""
    at = (np.arange(n) + 1) / (n + 1) * (len(log_steps) + 1) - 1
    at = np.clip(at, 0, len(log_steps) - 1)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, len(log_steps) - 1)
    part = (at - low)[:, None]
    return ((1 - part) * log_steps[low] + part * log_steps[high]).astype(np.float32)
