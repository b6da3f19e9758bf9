"""The semi-supervised variational autoencoder, M2 (Kingma et al., 2014)."""

import math

import keras
import tensorflow as tf

from keras_svae.game import checks
from keras_svae.game.export.endpoints import endpoint
from keras_svae.game.in_parts import in_parts
from keras_svae.game.once import once
from keras_svae.game.player import Player
from keras_svae.models.classes import accuracy, cross_entropy, one_hot
from keras_svae.models.draw import Draw
from keras_svae.models.vae import VAE
from keras_svae.noise import Noise

__all__ = ["SemiSupervisedVAE"]


class PartlyLabelledDraw(Draw):
    """Adds the classifier's output on data. Some of their classes are unknown."""

    @once
    def known(self):
        """Which examples have a class, bool (batch,)."""
        return self.labels >= 0

    @once
    def log_classes(self):
        """log q(y|x), (batch, classes)."""
        return self.model.log_classes(self.x, self.training)

    @once
    def class_weights(self):
        """q(y|x), (batch, classes). If y is known, 1 for y and 0 for other classes."""
        given = one_hot(self.labels, self.model.classes)
        return tf.where(self.known[:, None], given, tf.exp(self.log_classes))

    @once
    def y(self):
        """The class, one-hot. If it is unknown, the most probable class."""
        return one_hot(tf.argmax(self.class_weights, -1), self.model.classes)

    @once
    def x_p(self):
        """x ~ p(x|y, z) at the prior's z. If y is unknown, y comes from p(y)."""
        count = self.model.classes
        y = self.noise.uniform([tf.shape(self.x)[0]], "y", maxval=float(count))
        y = tf.minimum(tf.cast(y, tf.int64), count - 1)
        y = one_hot(tf.where(self.known, self.labels, y), count)
        with self.passing("decoder", of_data=False):
            raw = self.model.likelihood_raw(self.z, self.training, y)
        return self.model.likelihood_law.sample(raw, self.noise.seed("x_p"))

    @once
    def of_each_class(self):
        """A draw with every pair of an example and a class: (batch * classes, ...)."""
        count = self.model.classes
        y = tf.tile(tf.range(count), tf.shape(self.x)[:1])
        noise = Noise(self.noise.seed("of_each_class"))
        batch = (tf.repeat(self.x, count, axis=0), y)
        draw = Draw(self.model, batch, noise, self.training)
        draw.of_data = self.of_data
        return draw


@keras.saving.register_keras_serializable(package="keras_svae")
class SemiSupervisedVAE(VAE):
    """Semi-supervised variational autoencoder: M2 of Kingma et al. (2014).

    Data are made from a code and a class, p(x|y, z) p(z) p(y), where p(y) is uniform.
    There is a classifier q(y|x) and an encoder q(z|x, y). With

        L(x, y) = -E_q(z|x,y) log p(x|y, z) - log p(y) + KL(q(z|x, y) || p(z))

    the three minimise, their (6), (7) and (9),

        E_labelled L(x, y)  +  E_others [sum_y q(y|x) L(x, y) - H(q(y|x))]
            +  alpha E_labelled [-log q(y|x)].

    The first two are means over the batch, in which each example counts once; the last
    is a mean over the labelled examples. The model is fitted to pairs (x, y). y = -1 is
    an unknown class; `ks.data.load(..., labelled=600)` gives such pairs. All classes
    are tried on all examples, in one pass of batch * classes.

    The paper On Unifying Deep Generative Models calls it SVAE. Here `SVAE` is the
    symmetric VAE (and elsewhere a hyperspherical one).

    Args:
        classifier: Network from x to the logits of q(y|x), (batch, classes).
        encoder: Network from `[x, y]`, y one-hot, to the posterior's raw output.
        decoder: Network from `[z, y]` to the likelihood's raw output.
        alpha: Weight of the classification, >= 0; Kingma et al. have .1 beside mean
            losses: their alpha is .1 N beside sums over N examples.
        **kwargs: See `VAE`.

    Raises:
        ValueError: For a negative alpha, or networks that differ in their classes.

    Example:
        plain = ks.networks.mnist_dense(joint=False)
        classifier = ks.networks.classifier(plain.critic, 10)
        nets = ks.networks.mnist_dense(latent_dim=32, joint=False, classes=10)
        model = ks.SemiSupervisedVAE(classifier, nets.encoder, nets.decoder)
        model.fit(ks.data.load("mnist", labelled=600), epochs=20)
        model.classify(x)           # probabilities, (batch, 10)
    """

    conditional = True
    unlabelled = True
    players = {"autoencoder": Player("classifier encoder decoder")}
    sampled_from = "classifier encoder decoder"

    def __init__(self, classifier, encoder, decoder, *, alpha=0.1, **kwargs):
        super().__init__(encoder, decoder, **kwargs)
        self.classifier = checks.classifier(
            "classifier", classifier, self.data_shape, self.classes
        )
        self.alpha = checks.weight("alpha", alpha)

    def draw(self, batch, noise, training):
        return PartlyLabelledDraw(self, batch, noise, training)

    def log_classes(self, x, training=False) -> tf.Tensor:
        """log q(y|x), (batch, classes)."""
        logits = self.classifier(x, training=training)
        return tf.nn.log_softmax(tf.cast(logits, tf.float32))

    def bound_terms(self, draw):
        """Terms whose sum is minus the bound, each (batch,), nats.

        The bound is on log p(x, y) if y is known, (6), else on log p(x), (7). (6)
        equals (7) if q(y|x) is 1 for the class.
        """
        shape = [-1, self.classes]
        each = super().bound_terms(draw.of_each_class)
        found = {
            name: tf.reduce_sum(draw.class_weights * tf.reshape(term, shape), -1)
            for name, term in each.items()
        }
        log_q_y = tf.where(draw.known[:, None], 0.0, draw.log_classes)
        # KL(q(y|x) || p(y)); -log p(y) if the class is known.
        kl_y = tf.reduce_sum(draw.class_weights * log_q_y, -1) + math.log(self.classes)
        return {**found, "kl_y": kl_y}

    def autoencoder_loss(self, draw):
        """Their (9): minus the bounds, and the classification."""
        classification = self.alpha * cross_entropy(draw.log_classes, draw.labels)
        return {**self.bound_loss(draw), "classification": classification}

    def observe(self, draw):
        found = accuracy(draw.log_classes, draw.labels)
        return {**super().observe(draw), "accuracy": found}

    @endpoint("probabilities")
    def classify(self, x) -> tf.Tensor:
        """The probabilities q(y|x), (batch, classes), of data (batch, ...)."""
        return tf.exp(in_parts(self.log_classes, self._data(x)))

    def encode(
        self, x, y=None, seed: int | None = None, batch_size: int | None = None
    ) -> tf.Tensor:
        """See `Autoencoder.encode`. y = None or -1 means the most probable class."""
        return super().encode(x, y, seed, batch_size)

    def bound(self, x, y=None, seed: int = 0) -> tf.Tensor:
        """The bound on log p(x) if y is None or -1, else on log p(x, y).

        See `VAE.bound`.
        """
        return super().bound(x, y, seed)

    def call(self, inputs, training=False):
        """Reconstructs data. Takes `(x, y)`, where y may be -1."""
        x, y = self._pair(inputs)
        return super().call((x, self.classes_for(x, y)), training)

    def classes_for(self, x, y=None):
        x = self._tensor(x)
        y = self._labels(y, tf.shape(x)[0], unlabelled=True)
        return tf.where(y < 0, tf.argmax(self.classify(x), -1), y)
