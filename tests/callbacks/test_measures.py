"""Measures as columns of the log: what callbacks see, what is refused, what changes."""

import copy
import csv
import random
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from tests.batches import Batches
from tests.callbacks import small

Measures = ks.callbacks.Measures
X, Y = small.digits(24)


def weights(model):
    return [v.numpy() for v in model.variables]


def equal(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def fit(model, *callbacks, **more):
    given = {"batch_size": 8, "epochs": 3, "verbose": 0} | more
    return model.fit(X, callbacks=list(callbacks), **given).history


def test_every_callback_sees_the_columns_in_any_order(tmp_path):
    model, path = small.vae(), tmp_path / "log.csv"
    stop = keras.callbacks.EarlyStopping("measured_mse", mode="max", patience=2)
    best = keras.callbacks.ModelCheckpoint(
        tmp_path / "{measured_mse:.4f}.keras",
        monitor="measured_mse",
        mode="min",
        save_best_only=True,
    )
    others = [
        keras.callbacks.CSVLogger(path),
        keras.callbacks.TensorBoard(tmp_path, write_graph=False),
        stop,
        best,
    ]
    measures = Measures(X, ["mse", "precision_recall"], n=20, every=2, backbone=eye())
    history = fit(model, [others], measures, epochs=4)  # Keras takes lists of lists
    names = {f"measured_precision_recall_{one}" for one in ("precision", "recall")}
    assert names | {"measured_mse"} < set(history)
    # Training makes the error smaller, so a search for the largest one stops.
    assert stop.stopped_epoch == 2 and list(measures.reports) == [0, 1]
    found = [float(one["mse"]) for one in measures.reports.values()]
    assert found[1] < found[0] < measures.first["mse"]
    found.append(found[1])  # the log repeats it
    assert history["measured_mse"] == found
    rows = list(csv.DictReader(path.open()))
    np.testing.assert_allclose([float(row["measured_mse"]) for row in rows], found)
    board = small.scalars(tmp_path / "train", "epoch_measured_mse")
    np.testing.assert_allclose([*board.values()], found, rtol=1e-6)
    assert {p.stem for p in tmp_path.glob("*.keras")} == {f"{x:.4f}" for x in found}


def eye():
    """A backbone for digits: sums of their rows."""
    x = keras.Input((8, 8, 1))
    net = keras.Model(x, keras.layers.Lambda(lambda x: tf.reduce_sum(x, (2, 3)))(x))
    return ks.evaluation.Backbone(net, "rows")


@pytest.mark.parametrize(
    "given", [pytest.param("arrays", marks=pytest.mark.slow), "dataset"]
)
def test_measuring_does_not_change_the_training(given):
    def trained(*callbacks):
        keras.utils.set_random_seed(3)
        x = keras.Input((8, 8, 1))
        h = keras.layers.Dropout(0.5)(keras.layers.Flatten()(x))
        encoder = keras.Model(x, keras.layers.Dense(6)(h))
        decoder = ks.networks.digits(latent_dim=3, **small.SMALL).decoder
        model = small.compiled(ks.VAE(encoder, decoder), ema=0.9)
        data = X
        if given == "dataset":
            data = tf.data.Dataset.from_tensor_slices(X).shuffle(24).batch(8)
        show = ks.callbacks.AveragedWeights(finalize=False)
        model.fit(data, epochs=2, verbose=0, callbacks=[*callbacks, show])
        after = np.random.rand(), random.random(), float(keras.random.uniform(()))
        return weights(model), after

    one, state = trained()
    other, same = trained(Measures((X, Y), "mse"), Measures(X, "mse", prefix="b_"))
    assert equal(one, other) and state == same


def test_resumed_training_is_the_same_bit_for_bit(tmp_path):
    def model():
        return small.vae(compile={"ema": 0.9})

    def callbacks(folder):
        return [
            ks.callbacks.Backup(folder),
            Measures(X, "mse", every=2),
            ks.callbacks.AveragedWeights(finalize=False),
        ]

    def data(start=0):
        return ks.data.load("digits", batch_size=32, start=start)

    given = {"steps_per_epoch": 3, "verbose": 0}
    whole = model()
    whole.fit(data(), epochs=4, callbacks=callbacks(tmp_path / "a"), **given)
    part = model()
    part.fit(data(), epochs=2, callbacks=callbacks(tmp_path / "b"), **given)
    rest = model()
    step = ks.callbacks.restore(rest, tmp_path / "b")
    log = rest.fit(
        data(step),
        initial_epoch=2,
        epochs=4,
        callbacks=callbacks(tmp_path / "b"),
        **given,
    )
    assert equal(weights(whole), weights(rest))
    again = ks.evaluation.evaluate(averaged(whole), X, measures="mse", verbose=False)
    assert log.history["measured_mse"][-1] == again["mse"]


def averaged(model):
    model.averages.lend()
    return model


@pytest.mark.parametrize("shown", [True, False])
def test_averages_are_measured_where_validation_sees_them(shown):
    model = small.vae(compile={"ema": 0.99})
    measures = Measures(X, "mse")
    show = [ks.callbacks.AveragedWeights()] if shown else []
    seen = []
    look = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(model.averages.lent)
    )
    fit(model, measures, *show, look, epochs=1)
    assert seen == [shown]  # a checkpoint keeps what was measured
    (model.averages.lend if shown else model.averages.take_back)()
    again = ks.evaluation.evaluate(model, X, measures="mse", n=1000, verbose=False)
    assert measures.reports[0]["mse"] == again["mse"]


REFUSED = {
    "unknown measure": (lambda: Measures(X, "msee"), "Did you mean 'mse'"),
    "unknown option": (
        lambda: Measures(X, "mse", options={"msee": {}}),
        "Did you mean 'mse'",
    ),
    "unknown argument": (
        lambda: Measures(X, "psnr", options={"psnr": {"valu_range": (0, 1)}}),
        "Did you mean 'value_range'",
    ),
    "no measures": (lambda: Measures(X, []), "Expected measures as names"),
    "every": (lambda: Measures(X, every=0), "every to be an integer >= 1"),
    "n": (lambda: Measures(X, n=1), "n to be an integer >= 2"),
    "prefix": (lambda: Measures(X, prefix=""), "prefix"),
    "missing need": (lambda: Measures(X, "inception_score"), "backbone=.* for incep"),
    "other data": (lambda: Measures(X[:, :4], "mse"), r"data \(batch, 8, 8, 1\)"),
    "no data": (lambda: Measures(X[:0], "mse"), "none at all"),
    "a text": (lambda: Measures("digits", "mse"), "as batches of numbers"),
    "no end": (
        lambda: Measures(tf.data.Dataset.from_tensors(X).repeat(), "mse"),
        "finite data set .*endless",
    ),
    "a list": (lambda: Measures([X, Y]), "one array; received: a list of 2"),
    "endless training data": (
        lambda: Measures((X, Y), train=tf.data.Dataset.from_tensors((X, Y)).repeat()),
        "finite data set of training data",
    ),
    "twice": (lambda: [Measures(X, "mse"), Measures(X, "mse")], "'measured_mse'"),
    "the log's own": (lambda: Measures(X, "mse", prefix="val_"), "received: 'val_mse'"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_measured_is_refused_before_training(kind):
    make, message = REFUSED[kind]
    model = small.svae()
    with pytest.raises(ValueError, match=message):
        fit(model, make(), validation_data=(X,))
    assert model.step == 0
    with pytest.raises(TypeError, match="backbon"):
        Measures(X, "mse", backbon=None)


def test_a_monitor_has_to_be_measured():
    model = small.svae()
    stop = keras.callbacks.EarlyStopping("measured_psnr", mode="max")
    with pytest.raises(
        ValueError, match="val_mse.*, measured_mse; received: 'measured"
    ):
        fit(model, stop, Measures(X, "mse"), validation_data=(X,))
    assert model.step == 0
    with pytest.raises(ValueError, match="of fit of a keras_svae model"):
        net = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        net.compile("sgd", "mse")
        net.fit(X[:, 0, :2, 0], X[:, 0, 0], callbacks=[Measures(X)], verbose=0)


def test_a_checkpoint_may_be_named_for_a_number_of_a_backbone(tmp_path):
    model = small.svae()
    name = "measured_frechet_distance_random_network"
    path = tmp_path / ("{epoch}-{" + name + ":.0f}.weights.h5")
    kept = keras.callbacks.ModelCheckpoint(path, save_weights_only=True)
    fit(model, Measures(X, "frechet_distance", backbone="random"), kept, epochs=1)
    value = model.history.history[name][0]
    assert [one.name for one in tmp_path.iterdir()] == [f"1-{value:.0f}.weights.h5"]


@pytest.mark.parametrize("path", ["{measured_mse[0]}", "{measured_mse:d}", "{}", "{e"])
def test_a_checkpoint_s_path_is_tried_before_training(path, tmp_path):
    model = small.svae()
    kept = keras.callbacks.ModelCheckpoint(
        tmp_path / (path + ".weights.h5"), save_weights_only=True
    )
    with pytest.raises(ValueError, match="Expected ModelCheckpoint's path"):
        fit(model, Measures(X, "mse"), kept, epochs=1)
    assert model.step == 0


def test_a_failure_in_mid_training_is_a_warning():
    def broken(material):
        calls.append(material)
        if len(calls) == 2:
            raise RuntimeError("of its own\nand more")
        if len(calls) == 3:
            raise MemoryError
        return 1.0

    calls = []
    ks.evaluation.register("broken")(broken)
    try:
        model = small.vae()
        measures = Measures(X, ["mse", "broken"])
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            history = fit(model, measures, epochs=4)
    finally:
        del ks.evaluation.MEASURES["broken"]
    told = [str(one.message) for one in told if "goes on" in str(one.message)]
    assert told[0].startswith("The measure broken failed after epoch 1")
    assert told[0].endswith("RuntimeError: of its own") and "MemoryError" in told[1]
    assert len(history["loss"]) == 4
    assert history["measured_broken"] == [1.0] * 4
    # The other measure goes on, unless all are lost.
    assert [len(report) for report in measures.reports.values()] == [1, 0, 2, 2]
    assert len(set(history["measured_mse"])) == 3


def test_all_that_apply_are_measured_where_none_is_named():
    measures = Measures((X, Y), n=20, train=(X, Y))
    assert len(measures.adds_columns(small.svae())) == len(measures.first)
    assert {"mse", "psnr", "linear_probe", "calibration"} < {
        name.split(".")[0] for name in measures.first
    }
    assert "inception_score" in measures.first.left_out


def test_features_of_data_are_computed_once():
    seen = []
    backbone = eye()
    kept = backbone.features
    backbone.features = lambda *a, **k: seen.append(1) or kept(*a, **k)
    fit(small.vae(), Measures(X, "frechet_distance", backbone=backbone), epochs=2)
    assert len(seen) == 1 + 3  # of data; of samples, before and after each epoch


def test_kerastuner_may_copy_it():
    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(8)
    one = copy.deepcopy(Measures(data, ["mse"], every=3, n=5, prefix="a_", seed=2))
    assert (one.every, one.n, one.prefix, one.measures) == (3, 5, "a_", ["mse"])
    assert one.data is data and one._given == {"seed": 2}


def test_other_tuples_of_keras_are_taken():
    model = small.vae()
    pairs = Batches(X, Y)
    for data in ((X,), (X, Y, np.ones(24)), (X, None), pairs, Batches(X)):
        assert Measures(data, "mse").adds_columns(model) == ["measured_mse"]
