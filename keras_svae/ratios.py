"""Pure functions of a critic's logits, which estimate log density ratios.

The maximiser of `E_a log s(f) + E_b log(1 - s(f))`, `s` the logistic sigmoid, is
`f* = log a - log b` (sVAE (10), (11)). Everything is written in log space:
`-log s(f) = softplus(-f)` and `-log(1 - s(f)) = softplus(f)`.
"""

import tensorflow as tf

__all__ = ["gradient_penalty", "logistic", "symmetric_kl"]


def logistic(positive: tf.Tensor, negative: tf.Tensor) -> tf.Tensor:
    """Logistic loss of a critic that tells two laws apart: minus (10) of sVAE.

    Its minimiser is `f* = log(law of positive) - log(law of negative)`. With the two
    laws swapped it is the non-saturating loss of a generator, ALI (19).

    Args:
        positive: Logits on samples of the law that stands above in the ratio, (B, 1).
        negative: Logits on samples of the other law, (B, 1).

    Returns:
        A scalar in nats, 2 log 2 for an undecided critic.
    """
    return tf.reduce_mean(tf.nn.softplus(-positive)) + tf.reduce_mean(
        tf.nn.softplus(negative)
    )


def symmetric_kl(above: tf.Tensor, below: tf.Tensor) -> tf.Tensor:
    """Estimate of KL(a||b) + KL(b||a) from `f = log a - log b`: sVAE (15).

    Args:
        above: Log ratios on samples of a, (B, 1).
        below: Log ratios on samples of b, (B, 1).

    Returns:
        A scalar in nats. It has a gradient through both laws' samples.
    """
    return tf.reduce_mean(above) - tf.reduce_mean(below)


def gradient_penalty(critic, real: tf.Tensor, fake: tf.Tensor, mix: tf.Tensor):
    """Two-sided penalty E(||grad f|| - 1)^2 on lines between the laws (WGAN-GP (3)).

    Args:
        critic: A function from samples to logits.
        real: Samples of the data, (B, ...).
        fake: As many samples of the model, of the same shape.
        mix: Where on each line, in [0, 1], of shape (B,).

    Returns:
        A scalar; its gradient reaches the critic's weights (second order).
    """
    mix = tf.reshape(mix, [-1] + [1] * (len(real.shape) - 1))
    between = tf.stop_gradient(mix * real + (1 - mix) * fake)
    with tf.GradientTape() as tape:
        tape.watch(between)
        logits = critic(between)
    slopes = tape.gradient(logits, between)
    squares = tf.reduce_sum(slopes**2, list(range(1, len(slopes.shape))))
    # The root has no gradient at zero: a flat critic must not start with NaN.
    norms = tf.sqrt(tf.maximum(squares, 1e-24))
    return tf.reduce_mean((norms - 1) ** 2)
