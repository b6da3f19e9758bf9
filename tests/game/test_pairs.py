"""Data of functional models of two inputs, ((x, labels), x), in a conditional model."""

from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from tests.models import tiny

X, Y = tiny.data(n=12), np.arange(12) % 3
LOSS = "autoencoder_loss"


class Batch(NamedTuple):
    x: np.ndarray
    y: np.ndarray


def batches(element):
    return tf.data.Dataset.from_tensor_slices(element).batch(4)


@pytest.fixture(scope="module")
def cvae():
    """A model that no step changes."""
    model = tiny.build("cvae")
    model.optimizer.learning_rate = 0.0
    return model


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_pairs_beside_their_target_are_read_as_pairs(cvae):
    wanted = cvae.evaluate(X, Y, batch_size=4, verbose=0)
    forms = {
        "list": ([X, Y], X),
        "tuple": ((X, Y), X.astype(float)),
        "data set": (batches(((X, Y), X)),),
        "named": (batches(Batch(X, Y)),),
        "generator": (batches(((X, Y), X)).as_numpy_iterator(),),
    }
    for name, given in forms.items():
        size = {"batch_size": 4} if len(given) == 2 else {}
        found = cvae.evaluate(*given, **size, verbose=0)
        assert found == pytest.approx(wanted, rel=1e-5), name
    wanted = cvae.predict((X, Y), verbose=0)
    for data in (batches(((X, Y), X)), batches(Batch(X, Y))):
        np.testing.assert_allclose(cvae.predict(data, verbose=0), wanted, rtol=1e-5)


def test_another_target_of_a_pair_is_refused(cvae):
    before = cvae.step
    for target in (0.5 * X, Y, np.ones(12, "float32")):
        for given in ([(X, Y), target], [batches(((X, Y), target))]):
            with pytest.raises(ValueError, match="Expected .x, y., or x itself as"):
                cvae.fit(*given, verbose=0)
    for given in ([(X, Y, Y), X], [batches(((X, Y, Y), X))]):
        with pytest.raises(ValueError, match="data as floats.*received: a tuple"):
            cvae.fit(*given, verbose=0)
    assert cvae.step == before


def test_weights_of_classes_are_those_of_the_labels_in_a_pair(cvae):
    how = {"batch_size": 12, "shuffle": False, "verbose": 0}
    how["class_weight"] = {0: 2.0, 2: 0.0}
    found, wanted = (
        model.fit(*given, **how).history[LOSS]
        for model, given in (
            (tiny.build("cvae"), ([X, Y], X)),
            (tiny.build("cvae"), (X, Y)),
        )
    )
    assert found == pytest.approx(wanted, rel=1e-5)
    named = tf.data.Dataset.from_tensor_slices(Batch(X, Y)).batch(12)
    logs = tiny.build("cvae").fit(named, class_weight=how["class_weight"], verbose=0)
    assert logs.history[LOSS] == pytest.approx(wanted, rel=1e-5)
    with pytest.raises(ValueError, match="data set of pairs"):
        cvae.fit(batches(((X, Y), X)), class_weight={0: 2.0}, verbose=0)
