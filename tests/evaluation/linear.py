"""A linear-Gaussian model: x = z W + noise, whose marginal and posterior are exact."""

import numpy as np
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions


class Linear:
    """z ~ N(0, I), x ~ N(z W, scale^2 I); n pairs that were drawn from it.

    Args:
        code: Dimension of z.
        data: Dimension of x.
        scale: Of the noise.
        n: How many pairs.
    """

    def __init__(self, code=10, data=12, scale=0.5, n=8, seed=0):
        rng = np.random.default_rng(seed)
        w = 0.4 * rng.normal(size=(code, data))
        self.code, self.scale, self.w = code, scale, w.astype("float32")
        self.z = rng.normal(size=(n, code)).astype("float32")
        x = self.z @ w + scale * rng.normal(size=(n, data))
        self.x = x.astype("float32")
        marginal = w.T @ w + scale**2 * np.eye(data)
        self.exact = scipy.stats.multivariate_normal(None, marginal).logpdf(self.x)
        covariance = np.linalg.inv(np.eye(code) + w @ w.T / scale**2)
        self.back = (w.T @ covariance / scale**2).astype("float32")
        self.root = np.linalg.cholesky(covariance).astype("float32")

    def log_likelihood(self, x, z):
        law = tfd.Normal(z @ self.w, self.scale)
        return tf.reduce_sum(law.log_prob(x), -1)

    def posterior(self, x):
        """The exact one."""
        return tfd.MultivariateNormalTriL(x @ self.back, self.root)

    def other(self, x):
        """A posterior that is wrong in mean and scale."""
        mean = x @ self.back + 0.2
        return tfd.Independent(tfd.Normal(mean, 0.5), 1)
