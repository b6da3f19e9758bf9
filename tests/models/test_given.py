"""Which part of the user's data a model takes, and what else there may be."""

import numpy as np
import pytest
import tensorflow as tf

from tests.models import tiny
from tests.models.test_domain_adaptation import build as build_ada
from tests.models.test_terms import still

X, Y = tiny.data(n=12), np.arange(12) % 3
WEIGHT = np.repeat(np.float32([1, 0]), 6)
LOSS = "autoencoder_loss"


@pytest.fixture(scope="module")
def vae():
    """A model that no step changes."""
    model = still()
    model.optimizer.learning_rate = 0.0
    return model


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
    for y in (X, X.copy(), Y, Y.tolist(), Y[:, None], one_hot):
        vae.evaluate(X, y, verbose=0)
    column = tf.data.Dataset.from_tensor_slices((X, {"y": Y})).batch(6)
    vae.evaluate(column, verbose=0)


def test_predict_reads_the_part_that_fit_reads(vae):
    alone = vae.predict(X, verbose=0)
    found = vae.predict((X, None, WEIGHT), verbose=0)
    np.testing.assert_allclose(found, alone, atol=1e-6)
    pictures = tf.data.Dataset.from_tensor_slices({"picture": X}).batch(4)
    for given, why in (
        (pictures, r"dictionary with the keys \['picture'\]"),
        ({"picture": X}, r"dictionary with the keys \['picture'\]"),
        ((X[:6], X[6:]), "other values in the shape of x"),
    ):
        with pytest.raises(ValueError, match=f"Expected .*{why}"):
            vae.predict(given, verbose=0)


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
