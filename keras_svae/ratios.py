"""Pure functions of a critic's logits, which estimate log density ratios.

The maximiser of `E_a log s(f) + E_b log(1 - s(f))`, `s` the logistic sigmoid, is
`f* = log a - log b` (sVAE (10), (11)). Everything is written in log space:
`-log s(f) = softplus(-f)` and `-log(1 - s(f)) = softplus(f)`. What such ratios say of
the distance of two laws is in `keras_svae.divergences`.
"""

import tensorflow as tf

__all__ = [
    "as_above",
    "as_below",
    "fooling",
    "gradient_penalty",
    "logistic",
]


def logistic(positive: tf.Tensor, negative: tf.Tensor, axis=None) -> tf.Tensor:
    """Logistic loss of a critic that tells two laws apart: minus (10) of sVAE.

    Its minimiser is `f* = log(law of positive) - log(law of negative)`. With the two
    laws swapped it is the non-saturating loss of a generator, ALI (19).

    Args:
        positive: Logits on samples of the law that stands above in the ratio, (B, 1).
        negative: Logits on samples of the other law, (B, 1).
        axis: The axes that samples are averaged over; None for all.

    Returns:
        A scalar in nats, 2 log 2 for an undecided critic.
    """
    return tf.reduce_mean(as_above(positive), axis) + tf.reduce_mean(
        as_below(negative), axis
    )


def as_above(f: tf.Tensor) -> tf.Tensor:
    """Each sample's loss if it is taken for one of the law above: -log s(f).

    Args:
        f: A critic's logits, of any shape.

    Returns:
        Nats, of the same shape. On samples of both laws it makes, with `as_below` of
        the law below, the `logistic` loss.
    """
    return tf.nn.softplus(-f)


def as_below(f: tf.Tensor) -> tf.Tensor:
    """Each sample's loss if it is taken for one of the law below: -log(1 - s(f)).

    Args:
        f: A critic's logits, of any shape.

    Returns:
        Nats, of the same shape.
    """
    return tf.nn.softplus(f)


# How a player fools a critic: each sample's loss, if it wants a large f.
LOSSES = {
    "non_saturating": as_above,
    "minimax": lambda f: -as_below(f),
    # Of a small s its slope, s (1 - s), is exact in float32; of one near 1 it is not.
    "sigmoid": lambda f: 1 - tf.sigmoid(f),
    "logit": lambda f: -f,
}


def fooling(f: tf.Tensor, loss: str = "non_saturating") -> tf.Tensor:
    """Each sample's loss for a player whose samples should pass for the law above.

    All four fall as f grows. Their slopes are s(f) - 1, -s(f), -s(f) (1 - s(f)) and -1,
    s the logistic sigmoid. The critic rejects a sample if its f is far below 0. There
    the slope of "minimax" and "sigmoid" is near 0: they saturate.

    Args:
        f: A critic's logits, of any shape.
        loss: "non_saturating", `-log s(f)`, the loss of GAN and ALI in practice;
            "minimax", `log(1 - s(f))`, the other side of the critic's own loss;
            "sigmoid", `1 - s(f)`, of ALICE's released code; "logit", `-f`, of sVAE.

    Returns:
        A loss of the same shape, in nats; for "sigmoid" it is a probability.
    """
    return LOSSES[loss](f)


def gradient_penalty(
    critic, real: tf.Tensor, fake: tf.Tensor, mix: tf.Tensor, axis=None
) -> tf.Tensor:
    """Two-sided penalty E(||grad f|| - 1)^2 on lines between the laws (WGAN-GP (3)).

    Args:
        critic: A function from samples to logits.
        real: Samples of the data, (B, ...).
        fake: The same number of samples of the model, of the same shape.
        mix: The place of the point on each line, in [0, 1], of shape (B,).
        axis: The axes that lines are averaged over; None for all, () for none.

    Returns:
        A scalar, or one value for each line, (B,). Its gradient reaches the critic's
        weights (second order).
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
    return tf.reduce_mean((norms - 1) ** 2, axis)
