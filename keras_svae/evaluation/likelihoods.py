"""What the likelihood measures share: how they read data, and how they report."""

from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from keras_svae import distributions
from keras_svae.evaluation import quantisation
from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.streams import Stream, batches
from keras_svae.noise import check_seed

tfd = tfp.distributions

# log p(x|z), (batch,), of data (batch, ...) and codes (batch, d), in nats.
LogLikelihood = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
# q(z|x) of data (batch, ...): batch_shape (batch,), event_shape (d,).
Posterior = Callable[[tf.Tensor], tfd.Distribution]
Prior = tfd.Distribution | str
# Of the int32 (2,) seeds of stateless draws.
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


def check_integer(name: str, value, at_least: int) -> int:
    """The value; raises unless it is a whole number, large enough."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < at_least:
        raise ValueError(
            f"Expected {name} to be an integer >= {at_least}; received: {value!r}"
        )
    return int(value)


def get_prior(prior: Prior, latent_dim: int | None = None) -> tfd.Distribution:
    """p(z) by name, or the distribution of codes (d,) itself."""
    if isinstance(prior, str):
        if latent_dim is None:
            raise ValueError(
                "Expected latent_dim beside a prior by name; received: "
                f"prior={prior!r}, latent_dim=None"
            )
        return distributions.prior(prior, check_integer("latent_dim", latent_dim, 1))
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


def read(
    data: Stream,
    batch_size: int,
    value_range: tuple[float, float] | None,
    dequantise: bool,
    seed: int,
) -> Iterator[np.ndarray]:
    """Batches of at most `batch_size`, float32; checked, and dequantised if wanted."""
    seed = check_seed(seed)
    for i, batch in enumerate(batches(data, batch_size)):
        if dequantise:
            bounds = (0.0, 1.0) if value_range is None else value_range
            batch = quantisation.dequantise(batch, [seed, i], bounds)
        elif value_range is not None:
            low, high = quantisation.check_range(value_range)
            if batch.min() < low or batch.max() > high:
                raise ValueError(
                    f"Expected data in [{low:g}, {high:g}], the value_range; received: "
                    f"values from {batch.min():g} to {batch.max():g}"
                )
        # A data set's own batches may be larger than can be decoded many times over.
        for start in range(0, len(batch), batch_size):
            yield batch[start : start + batch_size].astype(np.float32)


def compiled(function: Callable, x: np.ndarray, *others, jit_compile: bool = False):
    """`function(x, *others)` as one graph for batches of any size, traced once."""
    examples = tf.TensorSpec([None, *x.shape[1:]], tf.float32)
    graph = tf.function(
        function,
        input_signature=[examples, *others],
        autograph=False,
        jit_compile=jit_compile,
    )
    # TensorFlow warns of retracing where the same code becomes a graph of its own in
    # each of many calls of a measure; a concrete function it does not count.
    return graph.get_concrete_function()


def decode(log_likelihood: LogLikelihood, x: tf.Tensor, z: tf.Tensor) -> tf.Tensor:
    """log p(x|z), (copies, batch), of codes (copies, batch, d), all in one call.

    Args:
        log_likelihood: See `LogLikelihood`.
        x: Data, each repeated for its copies: (copies * batch, ...), see `repeat`.
        z: Codes.
    """
    shape = tf.shape(z)
    flat = tf.reshape(z, [shape[0] * shape[1], z.shape[-1]])
    found = tf.convert_to_tensor(log_likelihood(x, flat))
    if found.shape.rank != 1:
        raise ValueError(
            "Expected log_likelihood(x, z) to give one number per example, (batch,); "
            f"received: shape {found.shape}"
        )
    return tf.reshape(found, shape[:2])


def repeat(x: tf.Tensor, copies: int | tf.Tensor) -> tf.Tensor:
    """All data, and then all again: (copies * batch, ...)."""
    return tf.tile(x, [copies] + [1] * (x.shape.rank - 1))


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
