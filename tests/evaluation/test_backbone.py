"""What a backbone gives is what its network gives, whatever form images come in."""

import keras
import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from keras_svae import evaluation
from keras_svae.evaluation.backbones import backbone as module
from tests.evaluation import seeing

X = seeing.images(7)


def all_of(stream):
    return np.concatenate(list(stream))


@pytest.fixture(scope="module")
def net():
    return seeing.backbone()


def test_features_and_probabilities_are_the_networks(net):
    np.testing.assert_allclose(
        all_of(net.features(X)), seeing.features(X), rtol=1e-4, atol=1e-5
    )
    p = all_of(net.probabilities(X))
    np.testing.assert_allclose(
        p, scipy.special.softmax(seeing.logits(X), 1), rtol=1e-4, atol=1e-6
    )
    # In float64 rows sum to one to its precision.
    assert p.dtype == np.float64 and abs(p.sum(1) - 1).max() < 1e-15
    ((seen, same),) = net.both(X)
    np.testing.assert_array_equal(same, p)
    np.testing.assert_array_equal(seen, all_of(net.features(X)))


def test_probabilities_are_taken_as_they_are():
    classifier = keras.Sequential([seeing.model(), keras.layers.Softmax()])
    net = evaluation.Backbone(
        classifier, "softmax", outputs="probabilities", value_range=(-1, 1)
    )
    np.testing.assert_allclose(
        all_of(net.probabilities(X)), all_of(seeing.backbone().probabilities(X)), 1e-4
    )


@pytest.mark.parametrize("high", [255, 1, 3])
def test_every_range_and_form_gives_the_same(net, high):
    whole = np.round(255 * X).astype(np.uint8)
    want = all_of(net.features(whole, (0, 255)))
    low = {255: 0, 1: -1, 3: 1}[high]
    x = (low + (high - low) * (whole / 255)).astype("float32")
    data = tf.data.Dataset.from_tensor_slices((x, np.zeros(len(x)))).batch(3)
    for form in (x, data, iter([x[:5], x[5:]])):
        np.testing.assert_allclose(
            all_of(net.features(form, (low, high))), want, rtol=1e-3, atol=1e-4
        )


def test_large_batches_pass_in_pieces(net, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 3)
    found = list(net.features(iter([X])))
    assert [len(part) for part in found] == [3, 3, 1]
    np.testing.assert_allclose(np.concatenate(found), seeing.features(X), 1e-4, 1e-5)


def colours():
    """Gives each channel's mean."""
    x = keras.Input((4, 4, 3))
    return keras.Model(x, keras.layers.GlobalAveragePooling2D()(x))


def test_grey_is_repeated_and_sizes_are_resized():
    net = evaluation.Backbone(colours(), "colours")
    np.testing.assert_allclose(
        all_of(net.features(X)), np.repeat(X.mean((1, 2)), 3, axis=1), rtol=1e-5
    )
    # A mean outlives the box filter, channel by channel and side by side.
    large = seeing.images(2, shape=(8, 12, 3))
    area = evaluation.Backbone(colours(), "colours", resize="area", antialias=False)
    np.testing.assert_allclose(
        all_of(area.features(large)), large.mean((1, 2)), rtol=1e-5
    )


def test_antialiasing_averages_over_what_is_left_out():
    stripes = np.zeros((1, 16, 16, 3), np.float32)
    stripes[:, :, 1::4] = stripes[:, :, 2::4] = 1
    seen = {
        flag: all_of(
            evaluation.Backbone(colours(), "net", antialias=flag).features(stripes)
        )
        for flag in (False, True)
    }
    np.testing.assert_allclose(seen[False], 1)  # only the pixels in the middle
    np.testing.assert_allclose(seen[True], 0.5, atol=0.05)


def test_details_say_what_was_done(net):
    assert net.details((4, 4, 1))["resize"] == "none"
    other = seeing.backbone(resize="bicubic", antialias=False, accuracy=None)
    assert other.details((28, 32, 1)) == {
        "backbone": "tiny net",
        "resize": "bicubic 28x32 to 4x4",
        "dtype": "float32",
    }


@pytest.mark.parametrize(
    ("x", "value_range", "why"),
    [
        (2 * X - 1, (0, 1), "values from -"),
        (255 * X, (0, 1), "values from .* to 2"),
        (X + 0.5, (0, 1), "values from"),
        (np.where(X == X[2, 0, 0, 0], np.nan, X), (0, 1), "NaN or infinity in 1 of 7"),
        (seeing.images(2, shape=(4, 4, 3)), (0, 1), r"shape \(2, 4, 4, 3\)"),
        (X[..., 0], (0, 1), r"shape \(7, 4, 4\)"),
        (X, (1, 0), "value_range|\\(1, 0\\)"),
        (X[:0], (0, 1), "none at all"),
    ],
)
def test_bad_images_are_refused(net, x, value_range, why):
    with pytest.raises(ValueError, match=f"Expected .*received: .*({why})"):
        all_of(net.features(x, value_range))


def test_rounding_is_no_bad_range(net):
    assert np.isfinite(all_of(net.features(X * 0 + 1 + 1e-6))).all()


@pytest.mark.parametrize(
    "options",
    [
        {"features": "unseen"},
        {"outputs": "softmax"},
        {"resize": "bilinaer"},
        {"value_range": (1, 1)},
        {"accuracy": 97},
        {"antialias": "no"},
        {"eight_bits": "no"},
        {"batch_size": 2.5},
        {"batch_size": 0},
    ],
)
def test_bad_backbones_are_refused(options):
    with pytest.raises(ValueError, match="Expected .*received"):
        seeing.backbone(**options)


def test_a_feature_network_has_no_probabilities():
    net = seeing.backbone(outputs=None)
    for ask in (net.probabilities, net.both):
        with pytest.raises(ValueError, match="Expected .*features only"):
            ask(X)
    x = keras.Input((5,))
    with pytest.raises(ValueError, match="Expected .* from images"):
        evaluation.Backbone(keras.Model(x, x), "points")


@pytest.mark.slow
def test_inception_reads_a_file_of_weights(tmp_path):
    keras.utils.set_random_seed(1)
    model = keras.applications.InceptionV3(weights=None, classifier_activation=None)
    path = tmp_path / "own.weights.h5"
    model.save_weights(path)
    net = evaluation.inception_v3(path)
    assert net.name == "Inception v3, own.weights.h5" and net.input_shape[0] == 299
    x = seeing.images(1, shape=(32, 32, 3))
    large = 2 * tf.image.resize(x, (299, 299)) - 1
    ((seen, p),) = net.both(x)
    assert seen.shape == (1, 2048)
    want = scipy.special.softmax(np.asarray(model(large, training=False)), 1)
    np.testing.assert_allclose(p, want, rtol=1e-3)
    assert net.details((32, 32, 3))["resize"].startswith("bilinear 32x32 to 299x299")


def small_inception(weights, classifier_activation):
    """In place of Keras's, which takes seconds to build."""
    assert (weights, classifier_activation) == (None, None)
    x = keras.Input((299, 299, 3))
    seen = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
    return keras.Model(x, keras.layers.Dense(10, name="predictions")(seen))


def test_inception_wants_its_own_range_and_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(keras.applications, "InceptionV3", small_inception)
    saved = small_inception(None, None)
    saved.save_weights(tmp_path / "own.weights.h5")
    net = evaluation.inception_v3(tmp_path / "own.weights.h5")
    black = np.zeros((1, 8, 8, 1))
    ((seen, p),) = net.both(black)
    np.testing.assert_allclose(seen, [[-1, -1, -1]], rtol=1e-6)
    want = scipy.special.softmax(-saved.get_weights()[0].sum(0))
    np.testing.assert_allclose(p, want[None], rtol=1e-5)
    with pytest.raises(FileNotFoundError, match="Expected .*received"):
        evaluation.inception_v3(tmp_path / "none.h5")
    seeing.model().save_weights(tmp_path / "other.weights.h5")
    (tmp_path / "text.weights.h5").write_text("no weights")
    for bad in ("other", "text"):
        with pytest.raises(ValueError, match="Expected the weights .*received"):
            evaluation.inception_v3(tmp_path / f"{bad}.weights.h5")


def classifying(last, dtype=None):
    """A network of four classes from 4 x 4 images, which ends in these layers."""
    x = keras.Input((4, 4, 1))
    h = keras.layers.Dense(4, dtype=dtype)(keras.layers.Flatten()(x))
    for layer in last:
        h = layer(h)
    return keras.Model(x, h)


def test_a_softmax_is_not_applied_twice_and_logits_are_no_probabilities():
    softmax = classifying([keras.layers.Softmax()])
    with pytest.raises(ValueError, match='outputs="probabilities".*softmax'):
        evaluation.Backbone(softmax, "net", outputs="logits")
    logits = evaluation.Backbone(classifying([]), "net", outputs="probabilities")
    images = np.random.default_rng(0).uniform(size=(6, 4, 4, 1)).astype("float32")
    with pytest.raises(ValueError, match='outputs="logits".*not probabilities'):
        list(logits.probabilities(images))


@pytest.mark.parametrize(
    ("last", "outputs", "why"),
    [
        ([keras.layers.Dense(1)], "logits", "two classes or more"),
        ([keras.layers.Dense(1, "sigmoid")], "probabilities", "two classes or more"),
        ([keras.layers.Dense(3, "sigmoid")], "logits", "ends in sigmoid"),
        ([keras.layers.Activation("hard_sigmoid")], "logits", "ends in hard_sigmoid"),
        ([keras.ops.tanh], "logits", "ends in tanh"),
        ([keras.layers.Reshape((2, 2))], "logits", "output shape .None, 2, 2"),
    ],
)
def test_what_is_no_classifier_is_refused(last, outputs, why):
    with pytest.raises(ValueError, match="Expected .*" + why):
        evaluation.Backbone(classifying(last), "net", outputs=outputs)
    evaluation.Backbone(classifying(last), "net")  # as features it is taken


def test_probabilities_of_bfloat16_have_sum_one():
    softmax = keras.layers.Softmax(dtype="bfloat16")
    net = evaluation.Backbone(
        classifying([softmax], "bfloat16"), "net", outputs="probabilities"
    )
    images = np.random.default_rng(0).uniform(size=(6, 4, 4, 1)).astype("float32")
    (found,) = net.probabilities(images)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-12)
