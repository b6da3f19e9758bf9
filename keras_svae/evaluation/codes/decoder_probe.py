"""How well a new decoder, trained on codes alone, reconstructs the data."""

import warnings

import numpy as np

from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.reading.streams import Stream, gather
from keras_svae.game import checks

__all__ = ["decoder_probe"]


def decoder_probe(
    train_codes: Stream,
    train_x: Stream,
    test_codes: Stream,
    test_x: Stream,
    *,
    units: int = 256,
    depth: int = 2,
    learning_rate: float = 1e-3,
    max_iter: int = 100,
    seed: int = 0,
) -> Measurement:
    """Test MSE of a small decoder that is trained on frozen codes.

    It is what codes hold, whatever the model's own decoder makes of them. A decoder
    whose reconstructions look like draws has twice the error of this one, which is
    trained to give the conditional mean.

    scikit-learn's `MLPRegressor` (ReLU, Adam, batches of 200) on codes and data that
    are standardised by the training data. A tenth of the training examples is held out;
    training ends after ten epochs in which their error does not fall.

    Args:
        train_codes: (n, d), see `Stream`.
        train_x: The examples of these codes, (n, ...).
        test_codes: (m, d).
        test_x: (m, ...).
        units: The units of each hidden layer.
        depth: The number of hidden layers.
        learning_rate: Adam's.
        max_iter: The most epochs.
        seed: Of the first weights, the batches, and which examples are held out.

    Returns:
        The mean squared error per pixel (or coordinate) on test examples; the details
        tell the error of the mean training example, which no code is needed for.

    Raises:
        ValueError: On codes and examples of different numbers, fewer than 20 training
            examples, shapes that differ, or an option out of its range.
    """
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    counts = {"units": units, "depth": depth, "max_iter": max_iter}
    for name, value in counts.items():
        checks.integer(name, value, at_least=1)
    checks.positive("learning_rate", learning_rate)
    train = _together(train_codes, train_x, "training")
    test = _together(test_codes, test_x, "test")
    if len(train[0]) < 20:
        raise ValueError(
            f"Expected 20 training examples or more; received: {len(train[0])}"
        )
    for what, one, other in zip(("codes", "examples"), train, test, strict=True):
        if one.shape[1:] != other.shape[1:]:
            raise ValueError(
                f"Expected {what} of one shape; received: {one.shape[1:]} in training "
                f"and {other.shape[1:]} in test"
            )
    network = MLPRegressor(
        hidden_layer_sizes=[units] * depth,
        learning_rate_init=learning_rate,
        max_iter=max_iter,
        early_stopping=True,
        random_state=seed,
    )
    # One scale for all pixels, so that each counts as it does in the MSE.
    mean, scale = train[1].mean(0), train[1].std() or 1.0
    decoder = TransformedTargetRegressor(
        make_pipeline(StandardScaler(), network),
        func=lambda x: (x - mean) / scale,
        inverse_func=lambda x: x * scale + mean,
        check_inverse=False,
    )
    with warnings.catch_warnings():
        # That it could have been trained longer; `epochs` in the details says so.
        warnings.simplefilter("ignore", ConvergenceWarning)
        decoder.fit(*train)
    made = decoder.predict(test[0]).reshape(len(test[1]), -1)
    return Measurement(
        np.mean((made - test[1]) ** 2),
        "MSE of a decoder trained on codes",
        n=len(test[0]),
        n_train=len(train[0]),
        units=units,
        depth=depth,
        epochs=int(decoder.regressor_[-1].n_iter_),
        mse_of_mean=float(np.mean((mean - test[1]) ** 2)),
    )


def _together(codes: Stream, x: Stream, which: str) -> tuple[np.ndarray, np.ndarray]:
    """Codes and examples as float64 rows of one number."""
    codes, x = gather(codes, "codes"), gather(x)
    if codes.ndim != 2 or len(codes) != len(x):
        raise ValueError(
            f"Expected {which} codes (n, d), one for each of {len(x)} examples; "
            f"received: shape {codes.shape}"
        )
    return codes.astype(np.float64), x.reshape(len(x), -1).astype(np.float64)
