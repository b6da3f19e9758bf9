"""Classes that are none are refused wherever they come in."""

import warnings

import numpy as np
import pytest
import tensorflow as tf

from tests.models import tiny
from tests.replicas import two_replicas

HALF = 2
N, TOP = 2 * HALF, tiny.CLASSES - 1
IN_GRAPH = tf.errors.InvalidArgumentError


def labels(bad=0):
    """Classes, those of the second half as given."""
    return np.array([0, 1] + HALF * [bad])


def pairs(y):
    """A data set: its first batch is looked at before training, others later."""
    return tf.data.Dataset.from_tensor_slices((tiny.data(n=N), y)).batch(HALF)


def generator(y):
    for i in range(0, N, HALF):
        yield tiny.data(n=N)[i : i + HALF], y[i : i + HALF]


@pytest.mark.parametrize(
    ("method", "bad", "low"),
    [("cvae", (TOP + 1, -1), 0), ("semi_supervised_vae", (TOP + 1, -2), -1)],
)
def test_later_batches_of_training_and_evaluation(method, bad, low):
    model, message = tiny.build(method), rf"Expected classes.* in {low}\.\.{TOP}; rec"
    for one in bad:
        for feed in (pairs, generator):
            with pytest.raises(ValueError, match=message):
                model.fit(feed(labels(one)), verbose=0)
            with pytest.raises(ValueError, match=message):
                model.evaluate(feed(labels(one)), verbose=0)
    model.fit(pairs(labels(low)), verbose=0)  # what is allowed


def test_nothing_is_learned_from_a_batch_with_such_classes():
    bad, good = tiny.build("cvae"), tiny.build("cvae")
    with pytest.raises(ValueError, match="received: 7"):
        bad.fit(pairs(labels(7)), verbose=0)
    good.fit(pairs(labels(7)).take(1), verbose=0)
    for a, b in zip(bad.trainable_weights, good.trainable_weights, strict=True):
        np.testing.assert_array_equal(a, b)


BAD = {
    "out of range": (labels(5), rf"0\.\.{TOP}; received: 5"),
    "unknown": (labels(-1), rf"0\.\.{TOP}; received: -1"),
    "floats": (labels().astype("float32"), "integers.*received: y of type float32"),
    "columns": (labels()[:, None], r"shape \(\d,\); received: shape \(\d, 1\)"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_looked_at_before_training_and_evaluation(kind):
    y, message = BAD[kind]
    model, x = tiny.build("cvae"), tiny.data(n=N)
    for ask in (
        lambda: model.evaluate(x, y, verbose=0),
        lambda: model.evaluate(pairs(y).skip(1), verbose=0),
        lambda: model.fit(x, labels(), validation_data=(x, y), verbose=0),
        lambda: model.fit(x, labels(), validation_data=pairs(y).skip(1), verbose=0),
        lambda: model((x, y)),
        lambda: model.neighbours(x, 2, y),
    ):
        with pytest.raises(ValueError, match="Expected classes.*" + message):
            ask()
    assert model.step == 0


def test_evaluation_takes_a_single_example_and_wants_one():
    model = tiny.build("semi_supervised_vae")
    model.evaluate(tiny.data(n=1), np.array([-1]), verbose=0)
    with pytest.raises(ValueError, match="data to evaluate on; received: an empty ar"):
        model.evaluate(tiny.data(n=0), labels()[:0], verbose=0)


def test_labels_of_floats_are_refused_in_a_graph():
    model = tiny.build("cvae")
    with pytest.raises(ValueError, match="Expected classes.*of type float32"):
        model.fit(generator(labels().astype("float32")), verbose=0)
    with pytest.raises(ValueError, match="Expected classes.*of type float32"):
        tf.function(model)((tiny.data(), tf.zeros(tiny.BATCH)))


def test_a_wrong_number_of_classes():
    model = tiny.build("cvae", compiled=False)
    for ask in (model.neighbours, lambda x, _, y: model((x, y))):
        with pytest.raises(ValueError, match=r"shape \(4,\); received: shape \(2,\)"):
            ask(tiny.data(n=N), 2, labels()[:2])


@pytest.mark.parametrize("method", ["cvae", "semi_supervised_vae", "cgan"])
def test_a_call_without_classes(method):
    model = tiny.build(method, compiled=False)
    width = tiny.CODE if method == "cgan" else tiny.DATA
    for n in (2, N):  # a pair of examples is no pair
        with pytest.raises(ValueError, match=r"pair \(inputs, y\).*received: no y"):
            model(np.zeros((n, width), "f"))


def test_saved_models_look_at_classes(tmp_path):
    model = tiny.build("semi_supervised_vae", compiled=False)
    some = {name: model.endpoints()[name] for name in ("generate", "encode")}
    model.endpoints = lambda: some  # the others take long
    model.export(tmp_path / "saved")
    saved = tf.saved_model.load(tmp_path / "saved")
    seed, x = tf.constant(0), tf.constant(tiny.data(n=2))

    def ask(name, bad):
        first = tf.constant(2) if name == "generate" else x
        return getattr(saved, name)(first, tf.constant([0, bad], tf.int64), seed)

    for name, low in (("generate", 0), ("encode", -1)):
        ask(name, low)
        for bad in (9, low - 1):
            message = rf"Expected classes as integers in {low}\.\.{TOP}; received"
            with pytest.raises(IN_GRAPH, match=message):
                ask(name, bad)


def test_replicas_and_xla_are_looked_at():
    with two_replicas().scope():
        model = tiny.build("cvae")
    with pytest.raises(ValueError, match=r"Expected classes.* in 0\.\.2; received"):
        model.fit(pairs(labels(4)), verbose=0)
    compiled = tiny.build("cvae", compiled=False)
    compiled.compile(optimizer="sgd", jit_compile=True)
    with pytest.raises(ValueError, match="received: 4"):
        compiled.fit(pairs(labels(4)), verbose=0)
    assert compiled.step == 1
    compiled.fit(pairs(labels()), verbose=0)
    assert compiled.step == 3


def test_evaluation_without_any_class_says_so():
    """The mean of no values is NaN, and so is a loss that has such a term."""
    model = tiny.build("semi_supervised_vae")
    model.fit(pairs(labels()), verbose=0)
    with pytest.warns(UserWarning, match="autoencoder_classification.*columns are NaN"):
        found = model.evaluate(pairs(np.full(N, -1)), verbose=0, return_dict=True)
    assert np.isnan(found["loss"]) and np.isfinite(found["autoencoder_kl"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = model.evaluate(pairs(labels(-1)), verbose=0, return_dict=True)
    assert np.isfinite(found["loss"])
