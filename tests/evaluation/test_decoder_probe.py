"""A decoder that is trained on codes: what it finds, and what it refuses."""

import keras
import numpy as np
import pytest

import keras_svae as ks
from keras_svae.evaluation import decoder_probe
from tests.models import tiny

NOISE = 0.1


def coded(n, seed, dimensions=3):
    """Codes, and images that are a bent function of them, with noise."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, dimensions))
    weights = np.random.default_rng(9).normal(size=(dimensions, 12))
    x = 2 + np.tanh(z @ weights) + NOISE * rng.normal(size=(n, 12))
    return z, x.reshape(n, 2, 6, 1)


def test_its_error_is_the_noise_that_no_decoder_can_know():
    train, test = coded(4000, 0), coded(1000, 1)
    found = decoder_probe(*train, *test)
    # Above the noise's variance, .01, by what 4,000 examples do not teach it.
    assert NOISE**2 < found < 2.5 * NOISE**2
    mean = train[1].mean(0)
    assert found.details["mse_of_mean"] == pytest.approx(np.mean((test[1] - mean) ** 2))
    assert found.details["mse_of_mean"] > 0.3
    assert (found.details["n"], found.details["n_train"]) == (1000, 4000)


def test_codes_of_nothing_have_the_error_of_the_mean():
    (z, x), (w, y) = coded(2000, 0), coded(1000, 1)
    rng = np.random.default_rng(2)
    found = decoder_probe(rng.normal(size=z.shape), x, rng.normal(size=w.shape), y)
    assert found > 0.9 * found.details["mse_of_mean"]


def test_the_scale_of_codes_and_data_does_not_matter():
    (z, x), (w, y) = coded(500, 0), coded(200, 1)
    one = decoder_probe(z, x, w, y, epochs=5)
    other = decoder_probe(100 * z - 7, 10 * x + 3, 100 * w - 7, 10 * y + 3, epochs=5)
    assert other == pytest.approx(100 * one, rel=1e-4)
    assert decoder_probe(z, x, w, y, epochs=5) == one
    assert decoder_probe(z, x, w, y, epochs=5, seed=1) != one


def test_a_far_code_counts_as_one_at_the_end_of_the_range():
    """Beyond it the network goes on in a straight line, and errors have no bound."""
    (z, x), (ends, y) = coded(500, 0), coded(200, 1)
    ends[0], ends[1] = z.max(0), z.min(0)
    far = ends.copy()
    far[0], far[1] = 1e4, -1e4
    near, moved = (decoder_probe(z, x, w, y, epochs=3) for w in (ends, far))
    assert float(moved) == float(near)
    assert moved.details["moved"] == near.details["moved"] + 2


def test_the_programs_own_seed_has_no_effect():
    train, test, found = coded(300, 0), coded(100, 1), []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        found.append(decoder_probe(*train, *test, epochs=2, units=8))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "change, options, match",
    [
        (lambda z, x: (z[1:], x), {}, "training codes .n, d., one for each of 30"),
        (lambda z, x: (z[:, 0], x), {}, "received: shape .30,."),
        (lambda z, x: (z[:, 1:], x), {}, "codes of one shape"),
        (lambda z, x: (z, x[:, 1:]), {}, "examples of one shape"),
        (lambda z, x: (z[:9], x[:9]), {}, "20 training examples"),
        (lambda z, x: (z, x), {"units": 0}, "units to be an integer >= 1"),
        (lambda z, x: (z, x), {"learning_rate": 0}, "learning_rate to be finite"),
    ],
)
def test_what_is_refused(change, options, match):
    with pytest.raises(ValueError, match=match):
        decoder_probe(*change(*coded(30, 0)), *coded(20, 1), **options)


@pytest.mark.parametrize("method", ["svae_r", "cvae"])
def test_codes_and_examples_are_read_together(method):
    """Training data that shuffle have another order at each reading."""
    import tensorflow as tf

    model = tiny.build(method)
    x, y = tiny.data(n=300), np.arange(300) % 3
    whole = (x, y) if model.conditional else x
    shuffled = tf.data.Dataset.from_tensor_slices(whole).shuffle(300).batch(50)
    given = {"measures": ["decoder_probe"], "options": {"decoder_probe": {"units": 8}}}
    found = ks.evaluation.evaluate(
        model, shuffled, train=shuffled, n=300, seed=3, verbose=False, **given
    )["decoder_probe"]
    # Codes beside other examples would leave the error of the mean, or more.
    assert found < 0.9 * found.details["mse_of_mean"]
    assert found.details["n_train"] == 300
    with pytest.raises(ValueError, match="training data, train="):
        ks.evaluation.evaluate(model, whole, n=300, verbose=False, **given)
