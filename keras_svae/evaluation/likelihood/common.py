"""What the likelihood measures share: how they read data, and how they report."""

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from keras_svae import arguments, distributions
from keras_svae.evaluation.likelihood import quantisation
from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.reading.streams import (
    Examples,
    Stream,
    batches,
    check_within,
    fields,
)
from keras_svae.noise import Noise, check_seed

# log p(x|z), (batch,), of data (batch, ...) and codes (batch, d), in nats; of data that
# are `Examples` log p(x|z, y).
LogLikelihood: TypeAlias = Callable[[tf.Tensor | Examples, tf.Tensor], tf.Tensor]
# q(z|x) of data (batch, ...): batch_shape (batch,), event_shape (d,); or q(z|x, y).
Posterior: TypeAlias = Callable[[tf.Tensor | Examples], tfd.Distribution]
Prior: TypeAlias = tfd.Distribution | str
# The int32 (2,) seeds of stateless draws.
KEY = tf.TensorSpec([2], tf.int32)


def check_functions(**functions) -> None:
    """Raises unless each is a function."""
    whys = {
        "log_likelihood": "log_likelihood(x, z) -> (batch,). A model without a decoder "
        "density p(x|z) has none",
        "posterior": "posterior(x) -> a TFP distribution. A model without an encoder, "
        "or with an implicit one, has none: annealed_importance_sampling needs none",
    }
    for name, function in functions.items():
        if not callable(function):
            raise ValueError(
                f"Expected a function {whys[name]}; received: {name}={function!r}"
            )


def get_prior(prior: Prior, latent_dim: int | None = None) -> tfd.Distribution:
    """p(z) by name, or the distribution of codes (d,) itself."""
    if isinstance(prior, str):
        if latent_dim is None:
            raise ValueError(
                "Expected latent_dim with a prior that is given by name; received: "
                f"prior={prior!r}, latent_dim=None"
            )
        return distributions.prior(
            prior, arguments.integer("latent_dim", latent_dim, 1)
        )
    if not isinstance(prior, tfd.Distribution):
        raise ValueError(
            'Expected prior to be "normal", "uniform" or a TFP distribution; received: '
            f"{prior!r}"
        )
    if prior.event_shape.rank != 1 or prior.batch_shape.rank != 0:
        raise ValueError(
            "Expected a prior of codes, event_shape (d,) and batch_shape (); received: "
            f"event_shape {prior.event_shape}, batch_shape {prior.batch_shape}"
        )
    return prior


def check_posterior(q, prior: tfd.Distribution) -> None:
    """Raises unless q(z|x) is a law of codes (d,) for each example.

    A law that was not made `tfd.Independent` has a density for each number of a code:
    sums of these with densities of whole codes would be broadcast in silence.

    Args:
        q: What `posterior` gave. What does not tell its shapes is not checked.
        prior: p(z).
    """
    event, batch = (getattr(q, f"{of}_shape", None) for of in ("event", "batch"))
    if event is None or batch is None:
        return
    event, batch = tf.TensorShape(event), tf.TensorShape(batch)
    one_each = batch.rank in (None, 1)
    if one_each and event.is_compatible_with(prior.event_shape):
        return
    raise ValueError(
        "Expected posterior(x) as a law of codes, event_shape "
        f"{tuple(prior.event_shape)} and batch_shape (batch,); received: event_shape "
        f"{event}, batch_shape {batch}. tfd.Independent(law, 1) makes a law of codes "
        "of one law for each number"
    )


def prepared(
    data: Stream,
    batch_size: int,
    value_range: tuple[float, float] | None,
    dequantise: bool,
    seed: int,
) -> Iterator[np.ndarray | Examples]:
    """Batches of at most `batch_size`, float32; checked, and dequantised if wanted.

    `Examples` keep their classes; all that is said of data is said of their x.
    """
    seed = check_seed(seed)
    for i, batch in enumerate(batches(data, batch_size)):
        x, y = fields(batch)
        if dequantise:
            bounds = (0.0, 1.0) if value_range is None else value_range
            x = quantisation.dequantise(x, [seed, i], bounds)
        elif value_range is not None:
            check_within(x, arguments.value_range("value_range", value_range), "data")
        x = x.astype(np.float32)
        # A data set's own batches may be larger than can be decoded many times over.
        for start in range(0, len(x), batch_size):
            rows = slice(start, start + batch_size)
            yield x[rows] if y is None else Examples(x[rows], y[rows].astype(np.int64))


def compiled(function: Callable, inputs, *others, jit_compile: bool = False):
    """`function(inputs, *others)` as one graph for batches of any size, traced once.

    Args:
        function: It reads inputs (x or `Examples`) and the others.
        inputs: A batch, whose shape and types are those of all.
        *others: `tf.TensorSpec` of each of the others.
        jit_compile: Whether XLA compiles it.
    """

    def any_number(array):
        return tf.TensorSpec([None, *array.shape[1:]], array.dtype)

    graph = tf.function(
        function,
        input_signature=[tf.nest.map_structure(any_number, inputs), *others],
        autograph=False,
        jit_compile=jit_compile,
    )
    # TensorFlow warns of retracing where the same code becomes a graph of its own in
    # each of many calls of a measure; a concrete function it does not count.
    return graph.get_concrete_function()


def over_batches(
    function: Callable,
    data: Stream,
    *,
    batch_size: int,
    value_range: tuple[float, float] | None,
    dequantise: bool,
    seed: int,
) -> list[np.ndarray]:
    """What a function gives of each example, as arrays (n,).

    Args:
        function: A function that takes a batch of inputs and a key, and returns a tuple
            of tensors (batch,).
        data: See `prepared`, as for all that follow.
        batch_size: Examples at once, at most.
        value_range: The range of the data, (low, high).
        dequantise: Whether to add uniform noise.
        seed: The seed of all random draws.
    """
    graph, parts = None, []
    for i, inputs in enumerate(
        prepared(data, batch_size, value_range, dequantise, seed)
    ):
        graph = graph or compiled(function, inputs, KEY)
        with one_for_each():
            parts.append(graph(inputs, Noise(seed).fold(i).seed("z")))
    return [np.concatenate(part) for part in zip(*parts, strict=True)]


_ONE_EACH = "one_log_likelihood_for_each"


@contextlib.contextmanager
def one_for_each() -> Iterator[None]:
    """Graphs that call `decode` run in it: another number of results is a ValueError.

    The number is known only when a graph runs.
    """
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        found = re.search(r"tensor with (\d+) values.* has (\d+)", str(error))
        if found is None or _ONE_EACH not in str(error):
            raise
        raise ValueError(
            "Expected log_likelihood(x, z) to give one number per example, (batch,); "
            f"received: {found[1]} numbers for {found[2]} examples"
        ) from None


def decode(log_likelihood: LogLikelihood, inputs, z: tf.Tensor) -> tf.Tensor:
    """log p(x|z), (copies, batch), of codes (copies, batch, d), all in one call.

    Args:
        log_likelihood: See `LogLikelihood`.
        inputs: Data, each repeated for its copies: (copies * batch, ...), see `repeat`.
        z: Codes.
    """
    shape = tf.shape(z)
    flat = tf.reshape(z, [shape[0] * shape[1], z.shape[-1]])
    found = tf.convert_to_tensor(log_likelihood(inputs, flat))
    if found.shape.rank != 1:
        raise ValueError(
            "Expected log_likelihood(x, z) to give one number per example, (batch,); "
            f"received: shape {found.shape}"
        )
    try:
        return tf.reshape(found, shape[:2], name=_ONE_EACH)
    except ValueError:  # TensorFlow knows the number already
        raise ValueError(
            "Expected log_likelihood(x, z) to give one number per example, (batch,); "
            f"received: {found.shape[0]} numbers for another number of examples"
        ) from None


def repeat(inputs, copies: int | tf.Tensor):
    """All of x, or of `Examples`, and then all again: (copies * batch, ...)."""

    def tiled(x):
        return tf.tile(x, [copies] + [1] * (len(x.shape) - 1))

    return tf.nest.map_structure(tiled, inputs)


def count(inputs) -> int:
    """How many examples a batch of x, or of `Examples`, has."""
    return len(fields(inputs)[0])


def check_result(values: np.ndarray) -> np.ndarray:
    """The values; raises on NaN."""
    if np.isnan(values).any():
        raise ValueError(
            "Expected log densities that are numbers; received: NaN for "
            f"{int(np.isnan(values).sum())} of {len(values)} examples"
        )
    return values


def effective_sample_size(log_sum: np.ndarray, log_squares: np.ndarray) -> np.ndarray:
    """`(sum w)^2 / sum w^2` from the logs of both sums; 0 where all weights are 0."""
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(np.exp(2 * log_sum - log_squares))


def summary(name: str, values: np.ndarray, **details) -> Measurement:
    """Mean over examples, its deviation the standard error of that mean."""
    n = len(values)
    error = None
    if n > 1 and np.isfinite(values).all():
        error = float(np.std(values, ddof=1) / np.sqrt(n))
    return Measurement(
        float(np.mean(values)),
        name,
        error,
        n=n,
        unit="nats",
        spread="standard error over examples",
        **details,
    )
