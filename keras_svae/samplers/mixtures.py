"""Mixtures: of some Gaussians that scikit-learn fits, and of all posteriors."""

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_svae.evaluation.subject import FAMILIES
from keras_svae.game import checks
from keras_svae.noise import Noise
from keras_svae.samplers.sampler import Sampler, random_state

__all__ = ["AggregatedPosterior", "GaussianMixture"]

TYPES = ("full", "tied", "diag", "spherical")
# Codes whose density under all posteriors is computed at once.
_CHUNK = 50


@keras.saving.register_keras_serializable(package="keras_svae")
class GaussianMixture(Sampler):
    """A mixture of Gaussians, fitted to codes of data by scikit-learn.

    Ghosh et al. (2020), "From variational to deterministic autoencoders", section 4,
    call this ex-post density estimation and take 10 components of full covariance.

    Args:
        n_components: How many Gaussians, at least 1.
        covariance_type: "full", "tied" (one for all), "diag" or "spherical".
        max_iter: The most steps of expectation maximisation.
        name: See `Sampler`.

    Attributes:
        probabilities: The components' weights, (n_components,), after `fit`.
        means: Their means, (n_components, latent_dim).
        scale_tril: The Cholesky factors of their covariances, lower triangular,
            (n_components, latent_dim, latent_dim).

    Raises:
        ValueError: For another covariance_type, or a number below 1; in `fit`, for
            fewer codes than components.

    Example:
        mixture = ks.samplers.GaussianMixture(10).fit(model, train)
        model.generate(64, sampler=mixture)
    """

    def __init__(
        self,
        n_components: int = 10,
        covariance_type: str = "full",
        *,
        max_iter: int = 200,
        name: str | None = None,
    ):
        super().__init__(name=name)
        self.n_components = checks.integer("n_components", n_components, at_least=1)
        self.max_iter = checks.integer("max_iter", max_iter, at_least=1)
        checks.choice("covariance_type", covariance_type, TYPES)
        self.covariance_type = covariance_type

    def make(self, latent_dim):
        """See `Sampler`."""
        k = self.n_components
        self.probabilities = self._weight("probabilities", (k,))
        self.means = self._weight("means", (k, latent_dim))
        self.scale_tril = self._weight("scale_tril", (k, latent_dim, latent_dim))

    def sizes(self, codes):
        """See `Sampler`."""
        if len(codes) < self.n_components:
            raise ValueError(
                f"Expected at least {self.n_components} codes, as many as components; "
                f"received: {len(codes)}"
            )
        return {}

    def learn(self, codes, seed):
        """See `Sampler`."""
        import sklearn.mixture  # slow, and needed here only

        k, d = self.n_components, codes.shape[1]
        codes = codes.astype(np.float64)
        # scikit-learn adds 1e-6 to all variances, which is much for small codes.
        variances = codes.var(0)[np.ptp(codes, 0) > 0]
        found = sklearn.mixture.GaussianMixture(
            k,
            covariance_type=self.covariance_type,
            max_iter=self.max_iter,
            reg_covar=1e-6 * min(1.0, *variances) if len(variances) else 1e-6,
            random_state=random_state(seed),
        ).fit(codes)
        covariances = found.covariances_
        if self.covariance_type == "spherical":
            covariances = covariances[:, None, None] * np.eye(d)
        elif self.covariance_type == "diag":
            covariances = covariances[:, :, None] * np.eye(d)
        elif self.covariance_type == "tied":
            covariances = np.broadcast_to(covariances, (k, d, d))
        self.probabilities.assign(found.weights_)
        self.means.assign(found.means_)
        self.scale_tril.assign(np.linalg.cholesky(covariances))

    def draw_codes(self, n, noise: Noise):
        """See `Sampler`."""
        shares = tf.cumsum(self.probabilities.value)
        u = noise.uniform([n, 1], "component") * shares[-1]
        which = tf.reduce_sum(tf.cast(u >= shares[:-1], tf.int32), -1)
        scale = tf.gather(self.scale_tril.value, which)
        drawn = noise.normal([n, self.latent_dim], "code")
        return tf.gather(self.means.value, which) + tf.linalg.matvec(scale, drawn)

    def log_density(self, z):
        """See `Sampler`."""
        return tfd.MixtureSameFamily(
            tfd.Categorical(probs=self.probabilities.value),
            tfd.MultivariateNormalTriL(self.means.value, self.scale_tril.value),
        ).log_prob(z)


@keras.saving.register_keras_serializable(package="keras_svae")
class AggregatedPosterior(Sampler):
    """The aggregated posterior of n examples, q(z) = mean over them of q(z|x).

    (Makhzani et al., 2016; Hoffman & Johnson, 2016.) It draws one of the examples, and
    then a code from its posterior. If the posterior is Gaussian, it keeps mean and
    scale of each example, and the law is a mixture of n Gaussians. If it is not
    Gaussian, it keeps one code of each example and draws from these codes alone; then
    it has no density.

    Samples are much like reconstructions of the n examples. Whoever has a model with
    this sampler can decode them: think of it before you publish it.

    Args:
        name: See `Sampler`.

    Attributes:
        means: The means of the posteriors, or the codes, (n, latent_dim), after `fit`.
        scales: The standard deviations of the posteriors, (n, latent_dim); 0 where only
            codes are known.

    Example:
        model.generate(64, sampler=ks.samplers.AggregatedPosterior().fit(model, train))
    """

    def sizes(self, codes):
        """See `Sampler`."""
        return {"n": len(codes)}

    def make(self, latent_dim, n):
        """See `Sampler`."""
        self.means = self._weight("means", (n, latent_dim))
        self.scales = self._weight("scales", (n, latent_dim))

    def read(self, subject, data, seed):
        """See `Sampler`."""
        if subject.about["posterior"] not in FAMILIES:
            return super().read(subject, data, seed)
        laws = (subject.posterior(inputs) for inputs in subject.tensors(data))
        moments = [(q.mean().numpy(), q.stddev().numpy()) for q in laws]
        means, scales = map(np.concatenate, zip(*moments, strict=True))
        return means, scales

    def learn(self, codes, seed, *scales):
        """See `Sampler`."""
        self.means.assign(codes)
        self.scales.assign(scales[0] if scales else np.zeros_like(codes))

    def draw_codes(self, n, noise: Noise):
        """See `Sampler`."""
        count = self.means.shape[0]
        which = tf.cast(noise.uniform([n], "component") * count, tf.int32)
        which = tf.minimum(which, count - 1)  # rounding may give count
        drawn = noise.normal([n, self.latent_dim], "code")
        mean, scale = (tf.gather(v.value, which) for v in (self.means, self.scales))
        return mean + scale * drawn

    def log_density(self, z):
        """See `Sampler`."""
        if not np.all(self.scales.numpy() > 0):
            raise ValueError(
                "Expected a Gaussian posterior for the density of its aggregate; "
                "received: codes alone, which have no density"
            )
        law = tfd.MultivariateNormalDiag(self.means.value, self.scales.value)
        count = float(self.means.shape[0])
        parts = [
            tf.reduce_logsumexp(law.log_prob(z[i : i + _CHUNK, None]), -1)
            for i in range(0, len(z), _CHUNK)
        ]
        return tf.concat(parts, 0) - tf.math.log(count)
