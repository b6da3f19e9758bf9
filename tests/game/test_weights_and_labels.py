"""What stands beside the data: weights, labels, weights of classes."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.game.still import still
from tests.models import tiny
from tests.models.test_domain_adaptation import build as build_ada

X, Y = tiny.data(n=12), np.arange(12) % 3
WEIGHT = np.repeat(np.float32([1, 0]), 6)
LOSS = "autoencoder_loss"


def test_weights_in_a_tuple_of_arrays_are_the_weights(vae):
    found = {
        name: vae.evaluate(*given, sample_weight=w, verbose=0, return_dict=True)[LOSS]
        for name, given, w in (
            ("none", (X,), None),
            ("apart", (X, Y), WEIGHT),
            ("tuple", ((X, Y, WEIGHT),), None),
            ("no y", ((X, None, WEIGHT),), None),
        )
    }
    assert found["none"] != pytest.approx(found["apart"], rel=1e-3)
    wanted = pytest.approx(found["apart"], rel=1e-5)
    assert found["tuple"] == found["no y"] == wanted
    assert vae.test_on_batch((X, Y, WEIGHT), return_dict=True)[LOSS] == wanted
    logs = vae.fit((X, Y, WEIGHT), batch_size=12, shuffle=False, verbose=0).history
    assert logs[LOSS] == [wanted]
    with pytest.raises(ValueError, match="Expected weights in x=.*both of them"):
        vae.fit((X, Y, WEIGHT), sample_weight=WEIGHT, verbose=0)


@pytest.mark.parametrize("as_dataset", [True, False])
def test_weights_of_zero_alone_are_told(vae, as_dataset):
    none = (X, Y, np.zeros(12, "float32"))
    if as_dataset:
        none = tf.data.Dataset.from_tensor_slices(none).batch(4)
    with pytest.warns(UserWarning, match="weight above 0 in data to evaluate on; rec"):
        found = vae.evaluate(none, verbose=0, return_dict=True)
    assert np.isnan(found[LOSS])
    with pytest.warns(UserWarning, match="weight above 0 in data to evaluate on; rec"):
        vae.fit(X, validation_data=none, verbose=0)
    with pytest.warns(UserWarning, match="weight above 0 in data to train on; receiv"):
        vae.fit(none, verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vae.evaluate((X, Y, WEIGHT), batch_size=6, verbose=0)


@pytest.mark.parametrize("act", ["fit", "evaluate", "predict", "encode"])
def test_numbers_beyond_float32_are_not_finite(vae, act):
    large = X.astype("float64")
    large[1, 0] = 1e300
    given = {} if act == "encode" else {"verbose": 0}
    with pytest.raises(ValueError, match="finite data in float32; rec.*1e.300 in 1 of"):
        getattr(vae, act)(large, **given)
    with pytest.raises(ValueError, match="weight finite and >= 0, in float32"):
        vae.evaluate(X, sample_weight=np.full(12, 1e300), verbose=0)


def test_long_numbers_of_numpy_are_named(vae):
    kind = np.dtype(np.longdouble).name
    for act in (vae.fit, vae.evaluate, vae.predict):
        with pytest.raises(ValueError, match=f"floats; received: {kind}. x.astype"):
            act(X.astype(np.longdouble), verbose=0)


def test_a_split_splits_the_weights_of_a_tuple(vae):
    given = {"validation_split": 0.25, "batch_size": 9, "shuffle": False, "verbose": 0}
    weight = np.linspace(0, 1, 12, dtype="float32") ** 3
    logs = vae.fit((X, None, weight), **given).history
    for name, rows in ((LOSS, slice(0, 9)), (f"val_{LOSS}", slice(9, 12))):
        wanted = vae.evaluate(
            X[rows], sample_weight=weight[rows], verbose=0, return_dict=True
        )
        assert logs[name] == [pytest.approx(wanted[LOSS], rel=1e-5)]


NO_LABELS = {
    "a batch size": (X, 64, "64. batch_size=64 is an argument"),
    "a word": (X, "labels", "'labels'"),
    "a data set": (X, tf.data.Dataset.from_tensor_slices(X), "_TensorSliceDataset"),
    "a dictionary": (X, {"y": Y}, "dict"),
    "too few": (X, Y[:7], r"shape \(7,\)"),
    "a target": (X + 1, X, "other values in the shape of x"),
    "two batches": ((X[:6], X[6:]), None, r"other values.*np.concatenate"),
    "many batches": (tuple(X), None, "a tuple of 12. np.stack"),
    "a list of examples": (list(X), None, r"12 arrays. np.stack\(...\) makes"),
    "a data set with targets": (
        tf.data.Dataset.from_tensor_slices((X, X + 1)).batch(6),
        None,
        "other values",
    ),
    "a generator of targets": (iter([(X, X + 1)]), None, "other values"),
}


@pytest.mark.parametrize("kind", NO_LABELS)
def test_what_cannot_be_labels_is_refused_by_models_without_classes(kind, vae):
    x, y, why = NO_LABELS[kind]
    before = vae.step
    with pytest.raises(ValueError, match=f"(?s)Expected .*{why}"):
        vae.fit(x, y, verbose=0)
    assert vae.step == before


def test_labels_and_the_data_themselves_are_allowed(vae):
    one_hot = np.eye(tiny.DATA, dtype="float32")[Y]
    for y in (
        X,
        X.copy(),
        Y,
        Y.tolist(),
        Y[:, None],
        one_hot,
        [Y, Y + 1],
        (Y, one_hot),
    ):
        vae.evaluate(X, y, verbose=0)
        if isinstance(y, tuple):
            several = tf.data.Dataset.from_tensor_slices((X, y)).batch(6)
            vae.evaluate(several, verbose=0)
    precise = np.random.default_rng(0).normal(size=X.shape)
    vae.evaluate(precise.astype("float32"), precise, verbose=0)
    with pytest.raises(ValueError, match="other values in the shape of x"):
        vae.evaluate(precise.astype("float32"), 1.001 * precise, verbose=0)
    with pytest.raises(ValueError, match="one for each example.*shape .7,"):
        vae.evaluate(X, [Y, Y[:7]], verbose=0)
    column = tf.data.Dataset.from_tensor_slices((X, {"y": Y})).batch(6)
    vae.evaluate(column, verbose=0)


WEIGHTS_OF_CLASSES = {0: 2.0, 2: 0.0}


@pytest.mark.parametrize("form", ["column", "one-hot", "data set", "columns in a set"])
def test_class_weights_go_with_the_forms_of_classes_that_keras_takes(form):
    """The model reads no labels: they give the weights of examples alone."""

    def trained(*given, **more):
        model = still()
        logs = model.fit(*given, batch_size=None, shuffle=False, verbose=0, **more)
        return logs.history[LOSS]

    column = Y[:, None].astype("uint8")
    y = {"one-hot": np.eye(3)[Y], "data set": Y}.get(form, column)
    given = (X, y)
    if "set" in form:
        given = (tf.data.Dataset.from_tensor_slices((X, y)).batch(12),)
    wanted = trained(X, sample_weight=np.float32([2, 1, 0])[Y])
    found = trained(*given, class_weight=WEIGHTS_OF_CLASSES)
    assert found == pytest.approx(wanted, rel=1e-5)
    assert found != pytest.approx(trained(X), rel=1e-3)


def test_class_weights_beside_data_without_classes_are_refused(vae):
    alone = tf.data.Dataset.from_tensor_slices(X).batch(6)
    floats = tf.data.Dataset.from_tensor_slices((X, X[:, 0])).batch(6)
    weighed = tf.data.Dataset.from_tensor_slices((X, Y, WEIGHT)).batch(6)
    for data, why in (
        (alone, "data set of pairs"),
        (weighed, "data set of pairs"),
        (floats, "classes y as integers"),
        (iter([(X, Y)]), "Let the data give"),
    ):
        with pytest.raises(ValueError, match=f"Expected .*{why}"):
            vae.fit(data, class_weight=WEIGHTS_OF_CLASSES, verbose=0)


def test_two_domains_have_no_weights():
    model = build_ada(compiled=True)
    pairs = (X, Y), X + 1
    for given, name in (
        ({"x": pairs, "sample_weight": WEIGHT}, "sample_weight"),
        ({"x": (*pairs, WEIGHT)}, "sample_weight"),
        ({"x": pairs, "class_weight": {0: 2.0}}, "class_weight"),
    ):
        why = f"Expected no {name} for AdversarialDomainAdaptation, as its data are"
        with pytest.raises(ValueError, match=why):
            model.fit(**given, verbose=0)
    assert model.step == 0


def test_classes_of_labels_in_a_list_reach_a_conditional_model():
    model = tiny.build("cvae", eager=True)
    found, wanted = (
        model.test_on_batch(x, y, return_dict=True)
        for x, y in ((X.tolist(), Y.tolist()), (X, Y))
    )
    assert found == pytest.approx(wanted)
    for weights, why in (
        ({"0": 1.0}, r"integers, up to \d, as keys of class_weight; received: '0'"),
        ({9: 1.0}, r"as keys of class_weight; received: 9"),
        ({True: 1.0}, r"as keys of class_weight; received: True"),
        ({0: -1.0}, r"class_weight finite and >= 0; received: -1.0 for the class 0"),
        ({1: np.nan}, r"class_weight finite and >= 0; received: nan"),
    ):
        with pytest.raises(ValueError, match=f"Expected .*{why}"):
            model.fit(X, Y, class_weight=weights, verbose=0)
    assert model.step == 0


def test_labels_of_many_kinds_stand_beside_data_that_no_one_reads():
    x = tiny.data(n=8)
    model = tiny.build("vae", optimizer=lambda: keras.optimizers.SGD(0.01))
    several = np.random.default_rng(0).integers(2, size=x.shape)
    for y in (["a"] * 8, several, several.astype(bool)):
        model.fit(x, y, batch_size=8, verbose=0)
    with pytest.raises(ValueError, match="other values in the shape of x"):
        model.fit(x, several + 0.5, verbose=0)
