"""A posterior of which only a model's endpoints are known."""

import tensorflow as tf

from keras_svae.evaluation.likelihood.common import repeat
from keras_svae.evaluation.reading.streams import Examples

__all__ = ["EndpointPosterior"]


class EndpointPosterior:
    """q(z|x) from the endpoints `encode` and `log_posterior`, for any law.

    Args:
        subject: The `Subject` that has the endpoints.
        inputs: x, or `Examples`, a batch.
    """

    def __init__(self, subject, inputs: tf.Tensor | Examples):
        self._subject, self._inputs = subject, inputs

    def sample(self, n, seed: tf.Tensor) -> tf.Tensor:
        """(n, batch, latent_dim); an int32 (2,) seed."""
        key = tf.bitwise.bitwise_and(seed[0] ^ seed[1], 0x7FFFFFFF)
        z = self._subject.about_examples("encode", repeat(self._inputs, n), seed=key)[
            "z"
        ]
        return tf.reshape(z, [n, -1, self._subject.latent_dim])

    def log_prob(self, z: tf.Tensor) -> tf.Tensor:
        """(n, batch), nats, of codes (n, batch, latent_dim)."""
        n = tf.shape(z)[0]
        flat = tf.reshape(z, [-1, self._subject.latent_dim])
        found = self._subject.about_examples(
            "log_posterior", repeat(self._inputs, n), flat, seed=tf.constant(0)
        )
        return tf.reshape(found["log_posterior"], tf.shape(z)[:2])
