"""What measures need of data is known before they run."""

import json
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import keras_svae as ks
from keras_svae.evaluation import MEASURES
from keras_svae.evaluation.needs import NEEDS
from tests.evaluation.measuring import X, measure
from tests.models import tiny


def test_codes_with_a_category_are_not_compared_with_a_prior_of_numbers():
    model = ks.InfoGAN(
        tiny.dense([5], tiny.DATA, "generator"),
        tiny.dense([tiny.DATA], 1, "critic"),
        tiny.dense([tiny.DATA], 2 * 2 + 3, "encoder"),
        likelihood=ks.distributions.Gaussian(draw="mean"),
        categories=3,
    )
    why = "it needs codes that are numbers, without a category"
    found = measure(model, measures="aggregate_posterior", strict=False)
    assert found.left_out == {"aggregate_posterior": why}
    model = tiny.build("info_gan", likelihood="gaussian", compiled=False)
    found = measure(model, measures="aggregate_posterior")
    assert "aggregate_posterior.mmd" in found


def seen(channels=1):
    x = keras.Input((8, 8, channels))
    net = keras.Model(x, keras.layers.Dense(3)(keras.layers.Flatten()(x)))
    return ks.evaluation.Backbone(net, "a net", outputs="logits")


def images(channels, likelihood, n=24):
    """A model of images, and images."""
    shape = (8, 8, channels)
    encoder = keras.Sequential(
        [keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(4)]
    )
    decoder = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(64 * channels),
            keras.layers.Reshape(shape),
        ]
    )
    x = np.random.default_rng(0).random((n, *shape)).astype("float32")
    return ks.VAE(encoder, decoder, likelihood=likelihood, seed=0), x


def test_too_few_examples_for_an_option_are_known_before():
    model, x = images(1, "bernoulli")
    y = np.arange(24) % 2
    given = {"train": (x[:4], y[:4]), "backbone": seen(), "n": 24}
    found = measure(model, (x, y), **given)
    assert set(found.left_out) >= {"nearest_neighbours"} and not found.failed
    assert "5 training examples or more" in found.left_out["nearest_neighbours"]
    few = {
        "inception_score": {"splits": 25},
        "kernel_distance": {"subset_size": 25},
        "precision_recall": {"k": 24},
        "density_coverage": {"k": 23},
        "nearest_neighbours": {"k": 4},
        "ssim": {"window": 7},
    }
    found = measure(model, (x, y), options=few, **given)
    assert not found.failed
    assert {"density_coverage.density", "nearest_neighbours", "ssim"} <= set(found)
    assert "25 samples or more, for splits=25" in found.left_out["inception_score"]
    assert "for subset_size=25" in found.left_out["kernel_distance"]
    assert "25 test examples" in found.left_out["precision_recall"]
    one = measure(model, x[:1], backbone=seen(), n=24)
    assert not one.failed
    of_one = {"frechet_distance", "kernel_distance", "aggregate_posterior"}
    assert of_one | {"active_units"} <= set(one.left_out)


@pytest.mark.parametrize(
    ("train", "test", "why"),
    [
        (np.zeros(24, int), np.arange(24) % 2, "two classes"),
        (np.eye(24), np.eye(24), "one integer, boolean or string"),
        (np.zeros(24), np.zeros(24), "one integer, boolean or string"),
    ],
)
def test_labels_that_probes_do_not_read_are_known_before(train, test, why):
    model, x = images(1, "bernoulli")
    found = measure(model, (x, test), train=(x, train))
    assert why in found.left_out["linear_probe"] and not found.failed


def test_labels_of_another_number_are_told_with_whole_numbers():
    model, x = images(1, "bernoulli", n=300)
    with pytest.raises(ValueError, match="300 labels, .*received: 299"):
        measure(model, (x, np.zeros(299)), n=300)


def test_unknown_classes_of_training_data_are_known_before():
    model = tiny.build("cvae", likelihood="bernoulli", compiled=False)
    y = np.arange(30) % 3
    found = measure(model, (X, y), train=(X, y - 1))
    assert "known classes, 0..2" in found.left_out["linear_probe"]
    assert not found.failed


def test_images_that_a_range_or_a_backbone_does_not_take_are_known_before():
    model, x = images(3, "gaussian")
    found = measure(model, 2 * x - 1, backbone=seen(1))
    assert not found.failed
    for name in ("psnr", "variational_bound"):
        assert "test data in [0, 1], the value_range" in found.left_out[name]
    assert "of such images" in found.left_out["inception_score"]
    assert "of such images" in found.left_out["frechet_distance"]
    found = measure(model, 2 * x - 1, backbone=seen(3), value_range=(-1, 1))
    names = {"psnr", "variational_bound", "inception_score", "frechet_distance"}
    assert names <= set(found) and not found.failed
    with pytest.raises(ValueError, match="value_range as two numbers"):
        measure(model, x, value_range=(1, 0))


def test_codes_are_recovered_from_samples_that_leave_the_range_of_data():
    law = ks.distributions.Gaussian(0.5, "sigmoid")
    model = tiny.build("vae", likelihood=law, compiled=False)
    drawn = np.concatenate(list(ks.evaluation.Subject.of(model).generate(30)))
    assert drawn.min() < 0 and drawn.max() > 1
    found = measure(model)
    assert np.isfinite(found["code_mse"]) and not found.failed


def test_shuffled_data_keep_their_pairs_or_are_left_out():
    """Classes that a code tells, in data sets of another order at each reading."""
    model = tiny.build("vae", likelihood="bernoulli", compiled=False)
    x = np.repeat(tiny.data(n=2), 40, 0)
    y = np.repeat([0, 1], 40)
    whole = tf.data.Dataset.from_tensor_slices((x, y))
    shuffled = whole.shuffle(80, seed=1).batch(16)
    found = measure(model, whole.batch(16), train=shuffled, n=80)
    assert found["linear_probe"] == found["nearest_neighbours"] == 1
    found = measure(model, shuffled, train=shuffled, n=80)
    paired = {"mse", "rmse", "linear_probe", "nearest_neighbours"}
    assert paired <= set(found.left_out) and not found.failed
    assert "not shuffled" in found.left_out["mse"] and "variational_bound" in found
    with pytest.raises(ValueError, match="same at each reading.* for mse"):
        measure(model, shuffled, measures="mse", n=80)


@keras.saving.register_keras_serializable(package="tests")
class Counts(ks.distributions.Law):
    """Poisson, whose data have no largest value."""

    range = (0.0, float("inf"))

    def __init__(self):
        super().__init__(draw="mean")

    def distribution(self, raw):
        return tfp.distributions.Poisson(log_rate=raw)

    def get_config(self):
        return {}


def counts():
    """A model of sequences (7, 5) of counts, and data."""
    encoder = keras.Sequential(
        [keras.Input((7, 5)), keras.layers.Flatten(), keras.layers.Dense(4)]
    )
    decoder = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(35), keras.layers.Reshape((7, 5))]
    )
    x = np.random.default_rng(0).poisson(2.0, (8, 7, 5)).astype("float32")
    return ks.VAE(encoder, decoder, likelihood=Counts()), x


def test_measures_of_features_are_left_out_of_sequences():
    """Features are vectors; these measures failed, and the command's status was 1."""
    names = "frechet_distance kernel_distance precision_recall density_coverage".split()
    assert all("features" in MEASURES[name].needs for name in names)

    def missing(shape):
        subject = types.SimpleNamespace(data_shape=shape)
        material = types.SimpleNamespace(backbone=None, images=False, subject=subject)
        return NEEDS["features"](material, {})

    assert missing((35,)) is None
    assert missing((7, 5)).startswith("backbone=")


def test_a_range_without_an_end_is_no_range_of_values():
    model, x = counts()
    about = json.dumps(model.about(), allow_nan=False)
    assert json.loads(about)["range"] == [0.0, None]
    names = ["variational_bound", "mse"]
    found = ks.evaluation.evaluate(model, x, n=8, measures=names)
    assert set(names) <= set(found) and found.failed == {}
    assert ks.evaluation.density(model).value_range is None
    with pytest.raises(ValueError, match=r"data in \[0, inf\].*received"):
        ks.evaluation.evaluate(model, -x, n=8, measures=names)
