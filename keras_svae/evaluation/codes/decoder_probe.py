"""How well a new decoder, trained on codes alone, reconstructs the data."""

import keras
import numpy as np
import tensorflow as tf

from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.reading.streams import Stream, gather
from keras_svae.game import checks
from keras_svae.reordered import reordered

__all__ = ["decoder_probe"]

# The share of training examples that are held out, and how long their error may stay.
HELD_OUT, PATIENCE, BATCH = 0.1, 10, 200


def decoder_probe(
    train_codes: Stream,
    train_x: Stream,
    test_codes: Stream,
    test_x: Stream,
    *,
    units: int = 256,
    depth: int = 2,
    learning_rate: float = 1e-3,
    epochs: int = 100,
    seed: int = 0,
) -> Measurement:
    """Test MSE of a small decoder that is trained on frozen codes.

    It is what codes hold, whatever the model's own decoder makes of them. A decoder
    whose reconstructions look like draws has twice the error of this one, which is
    trained to give the conditional mean.

    Fully connected, ReLU, Adam, batches of 200, on codes that are standardised and data
    of mean 0 by the training examples. A tenth of these is held out. Training ends when
    their squared error has not fallen for ten epochs, and the weights of the best epoch
    count. Each entry of a test code is moved into the range that training codes have of
    it: outside, a network only goes on in a straight line, and the error of one far
    code would be larger than that of all others together.

    Args:
        train_codes: (n, d), see `Stream`.
        train_x: The examples of these codes, (n, ...).
        test_codes: (m, d).
        test_x: (m, ...).
        units: The units of each hidden layer.
        depth: The number of hidden layers.
        learning_rate: The learning rate of Adam.
        epochs: The most passes over the training examples.
        seed: The seed that draws the first weights, the batches, and the examples that
            are held out.

    Returns:
        The mean squared error per pixel (or coordinate) on test examples. The details
        tell how many test codes were `moved` into the range, and the error of the mean
        training example, which no code is needed for.

    Raises:
        ValueError: On codes and examples of different numbers, fewer than 20 training
            examples, shapes that differ, or an option out of its range.
    """
    counts = {"units": units, "depth": depth, "epochs": epochs}
    for name, value in counts.items():
        checks.integer(name, value, at_least=1)
    checks.positive("learning_rate", learning_rate)
    z, x = _together(train_codes, train_x, "training")
    test_z, test_x = _together(test_codes, test_x, "test")
    if len(z) < 20:
        raise ValueError(f"Expected 20 training examples or more; received: {len(z)}")
    for what, one, other in (("codes", z, test_z), ("examples", x, test_x)):
        if one.shape[1:] != other.shape[1:]:
            raise ValueError(
                f"Expected {what} of one shape; received: {one.shape[1:]} in training "
                f"and {other.shape[1:]} in test"
            )
    # One scale for all pixels, so that each counts as it does in the MSE.
    mean, scale = x.mean(0), x.std() or 1.0
    shift, spread = z.mean(0), z.std(0)
    spread[spread == 0] = 1.0
    inputs, outputs = (z - shift) / spread, (x - mean) / scale
    near = np.clip(test_z, z.min(0), z.max(0))
    rng = np.random.default_rng(seed)
    order, held_out = rng.permutation(len(z)), round(HELD_OUT * len(z))
    rest, apart = order[held_out:], order[:held_out]
    network = _decoder(inputs.shape[1], outputs.shape[1], units, depth, rng)
    network.compile(keras.optimizers.Adam(learning_rate), "mse")
    history = network.fit(
        reordered((inputs[rest], outputs[rest]), BATCH, rng),
        epochs=epochs,
        shuffle=False,  # the data set does
        validation_data=_in_order(inputs[apart], outputs[apart]),
        callbacks=[
            keras.callbacks.EarlyStopping(patience=PATIENCE, restore_best_weights=True)
        ],
        verbose=0,
    )
    squares = 0.0
    for at in range(0, len(test_z), BATCH):
        part = slice(at, at + BATCH)
        made = network((near[part] - shift) / spread) * scale + mean
        squares += float(np.sum((made - test_x[part]) ** 2, dtype=np.float64))
    return Measurement(
        squares / test_x.size,
        "MSE of a decoder trained on codes",
        n=len(test_z),
        n_train=len(z),
        units=units,
        depth=depth,
        epochs=len(history.epoch),
        moved=int((near != test_z).any(1).sum()),
        mse_of_mean=float(np.mean((mean - test_x) ** 2, dtype=np.float64)),
    )


def _together(codes: Stream, x: Stream, which: str) -> tuple[np.ndarray, np.ndarray]:
    """Codes and examples as float32 rows of one number."""
    codes, x = gather(codes, "codes"), gather(x)
    if codes.ndim != 2 or len(codes) != len(x):
        raise ValueError(
            f"Expected {which} codes (n, d), one for each of {len(x)} examples; "
            f"received: shape {codes.shape}"
        )
    rows = x.reshape(len(x), -1)
    return codes.astype(np.float32), rows.astype(np.float32, copy=False)


def _decoder(
    dimensions: int, values: int, units: int, depth: int, rng: np.random.Generator
) -> keras.Model:
    """A network that computes in float32, whatever the policy."""

    def dense(size: int, activation: str | None) -> keras.layers.Layer:
        start = keras.initializers.GlorotUniform(int(rng.integers(2**31)))
        return keras.layers.Dense(
            size, activation, kernel_initializer=start, dtype="float32"
        )

    hidden = [dense(units, "relu") for _ in range(depth)]
    return keras.Sequential([keras.Input((dimensions,)), *hidden, dense(values, None)])


def _in_order(z, x) -> tf.data.Dataset:
    """Batches of pairs."""
    data = tf.data.Dataset.from_tensor_slices((z, x)).batch(BATCH)
    options = tf.data.Options()
    options.autotune.enabled = False  # Keras would wait for it at the end
    return data.with_options(options)
