"""Laws and priors of the user's own, tried when a model is made."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_svae.distributions import Law
from keras_svae.models import about
from keras_svae.noise import scope
from keras_svae.owners import owner_of, package_of

__all__ = ["check", "codes_fit", "draws_itself", "no_gradient"]

# A batch of two is told from one example, and from a law that drops the batch.
COUNT = 2
# Codes that are tried under a prior.
DRAWS = 64


def check(model) -> None:
    """Raises a ValueError on laws, or a prior, of the user's own that do not fit."""
    for role, law, raw, event, path in _laws(model):
        law_fits(role, law, raw, event, path)
    if about.prior_of(model) == "own":
        try:
            with scope(0):
                prior = model.prior
        except Exception:  # it may read what is set later; then it says so itself
            return
        prior_fits(type(model).__name__, prior, model.latent_dim)


def codes_fit(model) -> None:
    """Raises if codes have density 0 under a prior of the user's own: some are drawn.

    A bound of the user's own may need no density of them.

    Raises:
        ValueError: If so: the KL divergence from the prior is infinite.
    """
    ours = package_of(owner_of(type(model), "bound_terms")) == "keras_svae"
    if about.prior_of(model) != "own" or not ours:
        return
    raw = tf.zeros([DRAWS, *model.encoder.output_shape[1:]])
    try:
        with scope(0):
            codes = model.posterior_law.sample(raw, seed=tf.constant([0, 1]))
            found = model.prior.log_prob(codes)
    except Exception:  # it may read what is set later; then it says so itself
        return
    outside = int(tf.reduce_sum(tf.cast(found == -float("inf"), tf.int32)))
    if outside:
        raise ValueError(
            f"Expected the prior of {type(model).__name__} to have a density wherever "
            f"codes of the posterior lie; received: {type(model.prior).__name__}, with "
            f"density 0 at {outside} of {DRAWS} codes, so the bound is minus infinity"
        )


def no_gradient(model) -> str:
    """Which law's draws have no gradient, a sentence for an error; "" for none."""
    for role, law, raw, _, _ in _laws(model):
        if not has_path(law, raw):
            return (
                f". The draws of the {role} {type(law).__name__} have none, as they "
                'are not reparameterised; draw="mean" takes the mean'
            )
    return ""


def _laws(model) -> Iterator[tuple[str, Law, tuple, tuple, str]]:
    """Role and law; the shapes of raw output and event; what learns through draws.

    The last is "" if nothing does.
    """
    raw = model.decoder.output_shape[1:]
    through = "the decoder" if model.through_x_p else ""
    yield "likelihood", model.likelihood_law, raw, model.data_shape, through
    law = getattr(model, "posterior_law", None)
    if law is not None:
        raw = model.encoder.output_shape[1:]
        through = "the encoder" if model.through_z_q else ""
        yield "posterior", law, raw, (model.latent_dim,), through


def law_fits(role: str, one: Law, raw: tuple, event: tuple, path: str = "") -> None:
    """Raises if a law of the user's own does not fit: it is tried on zeros.

    A law of another shape often trains without a word, since TensorFlow broadcasts.

    Args:
        role: "likelihood" or "posterior".
        one: The law. One of this package is not tried.
        raw: The shape of its raw output, without the batch.
        event: The shape of the data, or of the code.
        path: What learns through the draws of the law; "" if nothing does.

    Raises:
        ValueError: For what is no distribution of these shapes, has no mean, or whose
            draws have no gradient though something learns through them.
    """
    if not _is_own(one):
        return
    zeros, kind = tf.zeros([COUNT, *raw]), type(one).__name__
    batch = tf.TensorShape([COUNT])
    wanted = (
        f"a distribution with batch_shape {batch} and event_shape {event} of raw "
        f"outputs {tuple(zeros.shape)}"
    )
    with scope(0):
        if one.explicit:
            made = _tried(role, one, one, zeros, wanted)
            if made is None:
                return
            _distribution(f"{role} {kind} to give {wanted}", made, batch, event)
        mean = _tried(role, one, one.mean, zeros, "a mean, from its mean(raw)")
    if mean is None:
        return
    shape = getattr(mean, "shape", None)
    if shape is None or not batch.concatenate(event).is_compatible_with(shape):
        raise ValueError(
            f"Expected {role} {kind} to give a mean of shape {(COUNT, *event)}, from "
            f"its mean(raw); received: {_shown(mean)}"
        )
    if tf.executing_eagerly() and not np.isfinite(mean).all():
        # A law may take no zeros: its network ends in numbers above 0.
        with scope(0):
            found = _tried(role, one, one.mean, tf.ones_like(zeros), "a mean")
        if found is not None and not np.isfinite(found).all():
            raise ValueError(
                f"Expected {role} {kind} to have a mean; received: {found[0].numpy()} "
                "at raw outputs of 1. A law without one, as Cauchy's, can override "
                "mean(raw), for example with the location"
            )
    if path and not has_path(one, raw):
        raise ValueError(
            f"Expected {role} {kind} to have draws with a gradient, through which "
            f"{path} learns; received: draws that are not reparameterised. Pass "
            'draw="mean" to its constructor to take the mean, or a distribution whose '
            "draws are reparameterised (of a mixture: reparameterize=True)"
        )


def has_path(one: Law, raw: tuple) -> bool:
    """Whether what a law draws has a gradient.

    Args:
        one: The law.
        raw: The shape of its raw output, without the batch.
    """
    if one.draw == "mean" or not one.explicit or draws_itself(one):
        return True
    try:
        kinds = getattr(one(tf.zeros([COUNT, *raw])), "reparameterization_type", None)
    except Exception:  # a law of the user's own may refuse zeros
        return True
    return tfd.NOT_REPARAMETERIZED not in tf.nest.flatten(kinds)


def draws_itself(one: Law) -> bool:
    """Whether a law has a `sample` of its own, whose gradient only it knows."""
    return isinstance(one, Law) and type(one).sample is not Law.sample


def prior_fits(kind: str, prior: Any, latent_dim: int) -> None:
    """Raises unless a prior of the user's own is a distribution of codes.

    Args:
        kind: The name of the model's class.
        prior: What its `prior` gives.
        latent_dim: The dimension of codes.

    Raises:
        ValueError: For what is no distribution of these codes.
    """
    event = tf.TensorShape([latent_dim])
    wanted = f"the prior of {kind} to be a distribution of codes, with batch_shape ()"
    wanted = f"{wanted} and event_shape {event}"
    _distribution(wanted, prior, tf.TensorShape([]), event)


def _distribution(wanted: str, made, batch: tf.TensorShape, event) -> None:
    """Raises unless it is a distribution of these shapes, of float32."""
    if not (hasattr(made, "sample") and hasattr(made, "log_prob")):
        raise ValueError(f"Expected {wanted}; received: {_shown(made)}")
    if not isinstance(made, tfd.Distribution):
        return  # it works as one, and says no shapes
    found = made.batch_shape, made.event_shape
    known = all(
        isinstance(one, tf.TensorShape) and one.rank is not None for one in found
    )
    fits = known and all(map(tf.TensorShape.is_compatible_with, found, (batch, event)))
    if known and not fits:
        more = found[0].rank - batch.rank
        hint = (
            f". tfd.Independent(..., {more}) makes the last dimensions of its batch "
            "dimensions of the event"
        )
        raise ValueError(
            f"Expected {wanted}; received: {type(made).__name__} with batch_shape "
            f"{found[0]} and event_shape {found[1]}{hint if more > 0 else ''}"
        )
    # Counts may be integers: their density is asked for at numbers.
    kind = made.dtype
    if isinstance(kind, tf.DType) and kind.is_floating and kind != tf.float32:
        raise ValueError(f"Expected {wanted}, of float32; received: {kind.name}")


def _tried(role: str, one: Law, function: Callable, zeros: tf.Tensor, wanted: str):
    """What the function gives of zeros; None if it refuses their values."""
    try:
        return function(zeros)
    except Exception as error:  # of any kind: it is the user's code
        found = error
    if isinstance(found, tf.errors.InvalidArgumentError):
        try:  # a graph is made from shapes alone
            spec = tf.TensorSpec(zeros.shape, zeros.dtype)
            tf.function(function, autograph=False).get_concrete_function(spec)
            return None
        except Exception as error:
            found = error
    raise ValueError(
        f"Expected {role} {type(one).__name__} to give {wanted}; received: "
        f"{type(found).__name__}: {found}"
    ) from found


def _is_own(one: Law) -> bool:
    return any(package_of(type(law)) != "keras_svae" for law in _within(one))


def _within(one: Law) -> Iterator[Law]:
    """A law, and those that it is made of."""
    yield one
    for value in vars(one).values():
        if isinstance(value, Law):
            yield from _within(value)


def _shown(value) -> str:
    if tf.is_tensor(value):
        return f"a tensor {value.dtype.name} of shape {value.shape}"
    return repr(value)
