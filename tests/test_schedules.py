"""Learning rates by hand, and through an optimizer."""

import keras
import numpy as np
import pytest

import keras_svae as ks


def test_the_rate_is_divided_by_the_root_of_the_epoch():
    rate = ks.schedules.InverseSqrtEpoch(0.2, steps_per_epoch=3)
    found = [float(rate(step)) for step in range(10)]
    by_hand = [0.2] * 3 + [0.2 / 2**0.5] * 3 + [0.2 / 3**0.5] * 3 + [0.1]
    np.testing.assert_allclose(found, by_hand, rtol=1e-6)
    # The last step of an epoch beyond what float32 counts.
    late = ks.schedules.InverseSqrtEpoch(1.0, steps_per_epoch=2**25 + 1)
    assert float(late(np.int64(2**25))) == 1
    assert float(late(np.int64(2**25 + 1))) == pytest.approx(2**-0.5)


def test_an_optimizer_follows_it_and_brings_it_back():
    rate = ks.schedules.InverseSqrtEpoch(0.5, steps_per_epoch=2)
    config = keras.saving.serialize_keras_object(keras.optimizers.SGD(rate))
    sgd = keras.saving.deserialize_keras_object(config)
    x = keras.Variable(0.0)
    sgd.build([x])
    for _ in range(3):
        sgd.apply([np.float32(-1)], [x])
    assert float(x) == pytest.approx(0.5 + 0.5 + 0.5 / 2**0.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 5), "finite and > 0; received: initial_learning_rate=0.0"),
        ((float("nan"), 5), "initial_learning_rate to be finite and > 0"),
        ((1e-3, 0), "integer >= 1; received: steps_per_epoch=0"),
        ((1e-3, 2.5), "integer >= 1; received: steps_per_epoch=2.5"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match="Expected.*" + message):
        ks.schedules.InverseSqrtEpoch(*arguments)
