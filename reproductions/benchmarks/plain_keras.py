"""SVAE-r as one writes it by hand in Keras: its own layers, Adam and `train_step`."""

import keras
import tensorflow as tf
from keras import layers, ops

__all__ = ["PlainSVAE", "build"]


def hidden(h, units: int, batch_norm: bool):
    """A layer, ReLU, batch normalisation."""
    h = layers.Dense(units, activation="relu")(h)
    return layers.BatchNormalization()(h) if batch_norm else h


def halved(h, maps: int):
    """The same with a 5x5 convolution that halves height and width."""
    h = layers.Conv2D(maps, 5, 2, padding="same", activation="relu")(h)
    return layers.BatchNormalization()(h)


def mnist() -> list[keras.Model]:
    """Table 3's encoder, decoder and critic, as `keras_svae.networks.mnist`."""
    x, z = keras.Input((28, 28, 1)), keras.Input((32,))
    h = layers.Flatten()(halved(halved(x, 16), 32))
    encoder = keras.Model(x, layers.Dense(64)(hidden(h, 784, True)))
    h = hidden(hidden(z, 1024, True), 64 * 7 * 7, True)
    h = layers.Reshape((7, 7, 64))(h)
    h = layers.Conv2DTranspose(64, 5, 2, padding="same", activation="relu")(h)
    h = layers.BatchNormalization()(h)
    decoder = keras.Model(z, layers.Conv2DTranspose(1, 5, 2, padding="same")(h))
    of_x = layers.Flatten()(halved(halved(halved(x, 32), 64), 128))
    h = layers.Concatenate()([of_x, hidden(z, 1024, False)])
    return [encoder, decoder, keras.Model([x, z], layers.Dense(1)(h))]


def toy() -> list[keras.Model]:
    """Encoder, decoder and critic of 2 x 256, as `keras_svae.networks.toy`."""
    x, z = keras.Input((2,)), keras.Input((2,))

    def mlp(h, units):
        return layers.Dense(units)(hidden(hidden(h, 256, False), 256, False))

    both = layers.Concatenate()([x, z])
    return [
        keras.Model(x, mlp(x, 4)),
        keras.Model(z, mlp(z, 2)),
        keras.Model([x, z], mlp(both, 1)),
    ]


class PlainSVAE(keras.Model):
    """A turn of the critic, then one of encoder and decoder, on one draw."""

    def __init__(self, networks, bernoulli: bool, lam: float):
        super().__init__()
        self.encoder, self.decoder, self.critic = networks
        self.bernoulli, self.lam = bernoulli, lam
        self.tracker = keras.metrics.Mean("loss")
        self.critic_tracker = keras.metrics.Mean("critic_loss")

    def compile(self, optimizer, critic_optimizer):
        """Both players' optimizers."""
        super().compile(optimizer=optimizer)
        self.critic_optimizer = critic_optimizer

    def posterior(self, x):
        """q(z|x): its mean and scale."""
        mean, scale = ops.split(self.encoder(x, training=True), 2, axis=1)
        return mean, 1e-3 + ops.softplus(scale + 0.5413249)

    def log_normal(self, value, mean, scale):
        """The log density of a diagonal normal, (batch,)."""
        terms = -0.5 * ((value - mean) / scale) ** 2 - ops.log(scale) - 0.9189385
        return ops.sum(ops.reshape(terms, (ops.shape(terms)[0], -1)), 1)

    def log_p(self, raw, x):
        """Log p(x|z), (batch,), from the decoder's raw output."""
        if not self.bernoulli:
            return self.log_normal(x, raw, 1.0)
        terms = -tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=raw)
        return ops.sum(ops.reshape(terms, (ops.shape(terms)[0], -1)), 1)

    def train_step(self, x):
        """One training step on a batch."""
        own = self.encoder.trainable_variables + self.decoder.trainable_variables
        with tf.GradientTape() as tape:
            mean, scale = self.posterior(x)
            z = tf.random.normal(tf.shape(mean))
            z_q = mean + scale * tf.random.normal(tf.shape(mean))
            raw = self.decoder(z, training=True)
            x_p = ops.sigmoid(raw) if self.bernoulli else raw
            with tape.stop_recording(), tf.GradientTape() as critic_tape:
                f_p = self.critic([x_p, z], training=True)
                f_q = self.critic([x, z_q], training=True)
                critic_loss = ops.mean(ops.softplus(-f_p)) + ops.mean(ops.softplus(f_q))
            of_critic = self.critic.trainable_variables
            with tape.stop_recording():
                found = critic_tape.gradient(critic_loss, of_critic)
                self.critic_optimizer.apply(found, of_critic)
            f_p = self.critic([x_p, z], training=True)
            f_q = self.critic([x, z_q], training=True)
            log_p = self.log_p(self.decoder(z_q, training=True), x)
            log_q = self.log_normal(z, *self.posterior(x_p))
            loss = ops.mean(f_p) - ops.mean(f_q)
            loss -= self.lam * (ops.mean(log_p) + ops.mean(log_q))
        self.optimizer.apply(tape.gradient(loss, own), own)
        self.tracker.update_state(loss)
        self.critic_tracker.update_state(critic_loss)
        return {one.name: one.result() for one in self.metrics}


def build(case: str, lam: float, learning_rate: float) -> PlainSVAE:
    """A compiled model for "mnist" or "toy"."""
    networks = {"mnist": mnist, "toy": toy}[case]()
    model = PlainSVAE(networks, case == "mnist", lam)
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        critic_optimizer=keras.optimizers.Adam(learning_rate),
    )
    return model
