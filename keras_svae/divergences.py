"""Divergences of two laws, estimated from a log density ratio on samples.

For laws a and b, all are functions of `f = log a - log b` on samples. f is exact or a
critic's; `above` are values on samples of a, `below` on samples of b. For a generative
model, a is the data's law and b the model's, so `forward_kl` is KL(data || model).

What their gradients are depends on f. With the densities themselves in it, they are the
divergence's. A critic knows nothing of how the densities would change: gradients come
through the samples alone. They are right for the parameters of b in `reverse_kl`, KL(b
|| a), and in `jensen_shannon` (Proposition 1 of lambda-IJAE), and for those of a in
`forward_kl`, KL(a || b). `forward_kl` has no gradient for the parameters of b (section
3 there), and so the forward part of `jeffreys` has none either. `generator_loss` gives
only losses that have a gradient for b, the model, and raises an error for the others.
"""

import math

import tensorflow as tf

from keras_svae.ratios import logistic

__all__ = [
    "forward_kl",
    "generator_loss",
    "jeffreys",
    "jensen_shannon",
    "reverse_kl",
    "symmetric_kl",
]


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
        lam: The weight, in [0, 1]: 1 gives `forward_kl`, 0 gives `reverse_kl`, 1/2
            gives half the `symmetric_kl`.
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
            "jeffreys" and "symmetric_kl", whose forward part has none.
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
