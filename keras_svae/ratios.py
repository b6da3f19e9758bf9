"""Pure functions of a critic's logits, which estimate log density ratios.

The maximiser of `E_a log s(f) + E_b log(1 - s(f))`, `s` the logistic sigmoid, is
`f* = log a - log b` (sVAE (10), (11)). Everything is written in log space:
`-log s(f) = softplus(-f)` and `-log(1 - s(f)) = softplus(f)`.

Divergences of two laws a and b are functions of `f = log a - log b` on samples. f is
exact or a critic's; `above` are values on samples of a, `below` on samples of b. For a
generative model, a is the data's law and b the model's, so `forward_kl` is KL(data ||
model).

What their gradients are depends on f. With the densities themselves in it, they are the
divergence's. A critic knows nothing of how the densities would change: gradients come
through the samples alone. They are right for the parameters of b in `reverse_kl`,
KL(b || a), and in `jensen_shannon` (Proposition 1 of lambda-IJAE), and for those of a
in `forward_kl`, KL(a || b). In `forward_kl` there is none for b's (section 3 there), so
neither is there one of that part of `jeffreys`. `generator_loss` is what has a gradient
for b, the model, and an error where there is none.
"""

import math

import tensorflow as tf

__all__ = [
    "as_above",
    "as_below",
    "fooling",
    "forward_kl",
    "generator_loss",
    "gradient_penalty",
    "jeffreys",
    "jensen_shannon",
    "logistic",
    "reverse_kl",
    "symmetric_kl",
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
        Of the same shape: nats, but for "sigmoid", which gives a probability.
    """
    return LOSSES[loss](f)


def forward_kl(above: tf.Tensor, axis=None) -> tf.Tensor:
    """KL(a||b) = E_a f. Maximum likelihood minimises it, with data a and model b.

    A critic's estimate has no gradient for b: lambda-IJAE, section 3.

    Args:
        above: Log ratios `log a - log b` on samples of a, (B, 1).
        axis: The axes that samples are averaged over; None for all.

    Returns:
        A scalar in nats.
    """
    return tf.reduce_mean(above, axis)


def reverse_kl(below: tf.Tensor, axis=None) -> tf.Tensor:
    """KL(b||a) = -E_b f, lambda-IJAE section 3 (Huszar, 2016).

    Args:
        below: Log ratios `log a - log b` on samples of b, (B, 1).
        axis: The axes that samples are averaged over; None for all.

    Returns:
        A scalar in nats. With an optimal critic its gradient through b's samples is
        that of the divergence: Proposition 1.
    """
    return -tf.reduce_mean(below, axis)


def jeffreys(
    above: tf.Tensor, below: tf.Tensor, lam: float = 0.5, axis=None
) -> tf.Tensor:
    """lambda-Jeffreys divergence, lam KL(a||b) + (1 - lam) KL(b||a): lambda-IJAE, 4.

    Args:
        above: Log ratios `log a - log b` on samples of a, (B, 1).
        below: The same on samples of b, (B, 1).
        lam: In [0, 1]: 1 gives `forward_kl`, 0 gives `reverse_kl`, 1/2 gives half the
            `symmetric_kl`.
        axis: The axes that samples are averaged over; None for all.

    Returns:
        A scalar in nats. With a critic, its gradient for b is only that of the reverse
        KL's part.

    Raises:
        ValueError: If `lam` is outside [0, 1].
    """
    if not 0 <= lam <= 1:
        raise ValueError(f"Expected lam in [0, 1]; received: lam={lam!r}")
    return lam * forward_kl(above, axis) + (1 - lam) * reverse_kl(below, axis)


def symmetric_kl(above: tf.Tensor, below: tf.Tensor) -> tf.Tensor:
    """Estimate of KL(a||b) + KL(b||a) from `f = log a - log b`: sVAE (15).

    Args:
        above: Log ratios on samples of a, (B, 1).
        below: Log ratios on samples of b, (B, 1).

    Returns:
        A scalar in nats. It has a gradient through both laws' samples.
    """
    return forward_kl(above) + reverse_kl(below)


def jensen_shannon(above: tf.Tensor, below: tf.Tensor, axis=None) -> tf.Tensor:
    """Jensen-Shannon divergence, (KL(a||m) + KL(b||m)) / 2 with m = (a + b) / 2.

    It is log 2 less half the `logistic` loss. GAN's value (lambda-IJAE (3)) is twice
    this less log 4; lambda-IJAE's own JSD and TFP's are twice this.

    Args:
        above: Log ratios `log a - log b` on samples of a, (B, 1).
        below: The same on samples of b, (B, 1).
        axis: The axes that samples are averaged over; None for all.

    Returns:
        A scalar in nats, at most log 2. With an optimal critic its gradient through
        b's samples is that of the divergence (Proposition 1), and so is the one
        through a's.
    """
    return math.log(2) - 0.5 * logistic(above, below, axis)


def generator_loss(divergence: str, below: tf.Tensor, axis=None) -> tf.Tensor:
    """What a generator minimises to minimise a divergence, by a critic of samples.

    Its gradient through the samples of b, the generator's, is the divergence's if the
    critic is optimal: Proposition 1 of lambda-IJAE. The value leaves out terms that do
    not depend on these samples.

    Args:
        divergence: "reverse_kl": `-E_b f`, or "jensen_shannon": `-E_b softplus(f) / 2`,
            GAN's original loss that saturates.
        below: A critic's logits `f = log a - log b` on the generator's samples, (B, 1).
        axis: The axes that samples are averaged over; None for all.

    Returns:
        A scalar in nats.

    Raises:
        ValueError: If a critic's estimate has no such gradient: "forward_kl", and
            "jeffreys" and "symmetric_kl", of which the forward part is without.
    """
    if divergence == "reverse_kl":
        return reverse_kl(below, axis)
    if divergence == "jensen_shannon":
        return -0.5 * tf.reduce_mean(tf.nn.softplus(below), axis)
    raise ValueError(
        "Expected a divergence whose estimate by a critic has a gradient through the "
        "generator's samples, 'reverse_kl' or 'jensen_shannon'; received: "
        f"{divergence!r}{_WITHOUT.get(divergence, '')}"
    )


_WITHOUT = {
    "forward_kl": ". It is estimated by E_a f, which holds no sample of the generator: "
    "its gradient is zero, whatever the critic. Minimise it by a likelihood or a bound "
    "on it, as keras_svae.VAE does",
    "jeffreys": ". Its part lam KL(a||b) is estimated by E_a f, which holds no sample "
    "of the generator: that gradient is zero. Minimise the part by a likelihood or a "
    "bound on it, and (1 - lam) times 'reverse_kl' by the critic",
    "symmetric_kl": ". Its part KL(a||b) is estimated by E_a f, which holds no sample "
    "of the generator: that gradient is zero. Minimise the part by a likelihood or a "
    "bound on it, and 'reverse_kl' by the critic",
}


def gradient_penalty(
    critic, real: tf.Tensor, fake: tf.Tensor, mix: tf.Tensor, axis=None
) -> tf.Tensor:
    """Two-sided penalty E(||grad f|| - 1)^2 on lines between the laws (WGAN-GP (3)).

    Args:
        critic: A function from samples to logits.
        real: Samples of the data, (B, ...).
        fake: As many samples of the model, of the same shape.
        mix: Where on each line, in [0, 1], of shape (B,).
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
