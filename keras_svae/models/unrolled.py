"""Unrolled GAN: a generator that looks ahead at what the critic will do."""

import keras
import tensorflow as tf

from keras_svae import optimizers
from keras_svae.game import checks
from keras_svae.game.terms import over_batch
from keras_svae.models.gan import GAN
from keras_svae.networks.backwards import all_layers
from keras_svae.ratios import logistic

__all__ = ["UnrolledGAN"]

_SPECTRAL = keras.layers.SpectralNormalization


@keras.saving.register_keras_serializable(package="keras_svae")
class UnrolledGAN(GAN):
    """Unrolled generative adversarial network (Metz et al., 2017).

    The critic plays as in GAN: it minimises

        L(w) = E_q softplus(-f(x; w)) + E_p softplus(f(G(z); w)).

    The generator maximises the same loss, (7) and (8). It uses the critic that
    `unrolled` further steps on the same batch would give,

        L(w_k),   w_0 = w,   w_i+1 = w_i - update(grad L(w_i)),

    and differentiates through those steps. Their gradients depend on G(z), so the
    second order is exact. The loss of the later critic on data counts, too. The
    critic's own weights do not change here.

    Args:
        generator: Network from codes to the likelihood's raw output.
        critic: Network from x to one unbounded logit, (batch, 1), of Keras layers
            without batch normalisation, penalties and constraints.
        unrolled: The paper's k, the number of steps ahead, >= 0.
        loss: "minimax" as above, or "non_saturating": the generator minimises E_p
            softplus(-f(G(z); w_k)). With k = 0 this is GAN's own loss.
        inner_rate: Learning rate of the inner steps, plain gradient descent. None for
            the critic's own optimizer, which must then be Keras's Adam without
            clipping and the like. The steps then start from its present moments, as in
            the authors' code.
        **kwargs: See `GAN`.

    Raises:
        ValueError: For a negative k or rate, another loss, batch or spectral
            normalisation in the critic, penalties or constraints there with k > 0, or
            `inner_rate=None` with an optimizer other than Adam (at `compile`).

    Example:
        nets = ks.networks.toy(joint=False)
        model = ks.UnrolledGAN(nets.decoder, nets.critic)
        model.compile(optimizer=keras.optimizers.Adam(1e-3),
                      critic_optimizer=keras.optimizers.Adam(1e-4))
    """

    def __init__(
        self,
        generator,
        critic,
        *,
        unrolled: int = 5,
        loss: str = "minimax",
        inner_rate: float | None = None,
        **kwargs,
    ):
        super().__init__(generator, critic, **kwargs)
        self.unrolled = checks.integer("unrolled", unrolled, at_least=0)
        checks.choice("loss", loss, ("minimax", "non_saturating"))
        self.minimax = loss == "minimax"
        if inner_rate is not None:
            inner_rate = checks.weight("inner_rate", inner_rate)
        self.inner_rate = inner_rate
        norms = [
            *checks.batch_norms({"critic": critic}),
            *(one for one in all_layers(critic) if isinstance(one, _SPECTRAL)),
        ]
        if norms:
            raise ValueError(
                "Expected a critic without batch normalisation and spectral "
                "normalisation, as the steps ahead would change what they keep; "
                f"received: {[one.name for one in norms]}"
            )
        if self.unrolled and (changed := _penalised(critic)):
            raise ValueError(
                "Expected a critic without penalties (kernel_regularizer, "
                "activity_regularizer) and constraints, as the steps ahead follow the "
                f"loss alone; received: {changed}"
            )

    def compile(self, optimizer=None, **kwargs):
        """See `Game.compile`."""
        critic = optimizers.get(kwargs.get("critic_optimizer"))
        if self.unrolled and self.inner_rate is None and critic is not None:
            _check_adam(critic)
            kwargs["critic_optimizer"] = critic
        super().compile(optimizer, **kwargs)

    def generator_loss(self, draw):
        """Minus the critic's loss `unrolled` steps ahead; or GAN's loss."""
        # These are tensors, also if a strategy has variables on several devices.
        weights = [tf.identity(v.value) for v in self.critic.trainable_variables]
        step = self._descent if self.inner_rate is not None else self._adam()
        for i in range(self.unrolled):
            with tf.GradientTape() as tape:
                tape.watch(weights)
                loss = self._critic_loss(weights, draw)
            weights = step(i, weights, tape.gradient(loss, weights))
        if self.minimax:
            loss = -self._critic_loss(weights, draw)
        else:
            loss = self.fooling(self._ahead(weights, draw.x_p, draw.training)).mean()
        # The steps ahead depend on the whole batch.
        return over_batch(loss)

    def _critic_loss(self, weights, draw):
        """L of a critic with these weights."""
        return logistic(
            positive=self._ahead(weights, draw.x, draw.training),
            negative=self._ahead(weights, draw.x_p, draw.training),
        )

    def _ahead(self, weights, x, training):
        """The logits of a critic with these weights."""
        kept = [v.value for v in self.critic.non_trainable_variables]
        logits, _ = self.critic.stateless_call(weights, kept, x, training=training)
        return tf.cast(logits, tf.float32)

    def _descent(self, i, weights, gradients):
        pairs = zip(weights, gradients, strict=True)
        return [w - self.inner_rate * g for w, g in pairs]

    def _adam(self):
        """Steps of the critic's optimizer, as a function without side effects."""
        # TensorFlow's backend does not have Keras's `stateless_apply`.
        adam = self.critic_optimizer
        b1, b2 = adam.beta_1, adam.beta_2
        found = optimizers.adam_moments(adam, self.critic.trainable_variables)
        moments, squares = ([v.value for v in one] for one in found)
        done = tf.cast(adam.iterations.value, tf.float32)
        rate = tf.cast(adam.learning_rate, tf.float32)

        def step(i, weights, gradients):
            t = done + i + 1
            scale = rate * tf.sqrt(1 - b2**t) / (1 - b1**t)
            found = []
            for j, (w, g) in enumerate(zip(weights, gradients, strict=True)):
                moments[j] = moments[j] + (1 - b1) * (g - moments[j])
                squares[j] = squares[j] + (1 - b2) * (g**2 - squares[j])
                # The root has no gradient at zero, which occurs if a unit is dead.
                root = tf.sqrt(tf.maximum(squares[j], 1e-30))
                found.append(w - scale * moments[j] / (root + adam.epsilon))
            return found

        return step


def _penalised(critic: keras.Model) -> list[str]:
    """The weights and layers that have a penalty or a constraint."""
    weights = [
        one.path
        for one in critic.trainable_variables
        if one.regularizer is not None or one.constraint is not None
    ]
    layers = [
        one.name
        for one in all_layers(critic)
        if getattr(one, "activity_regularizer", None) is not None
    ]
    return weights + layers


def _check_adam(optimizer) -> None:
    others = "clipnorm clipvalue global_clipnorm weight_decay"
    others += " gradient_accumulation_steps"
    plain = not any(getattr(optimizer, name) for name in others.split())
    adam = type(optimizer) in (keras.optimizers.Adam, optimizers.Adam)
    if not adam or optimizer.amsgrad or not plain:
        raise ValueError(
            "Expected critic_optimizer=keras.optimizers.Adam(...) without clipping, "
            "decay, amsgrad or gradient_accumulation_steps, as inner_rate=None looks "
            "ahead at plain steps of Adam; "
            f"received: {optimizer.get_config()}. Pass inner_rate=... for gradient "
            "descent."
        )
