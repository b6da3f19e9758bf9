"""Which part of the user's data a model takes, and what else there may be."""

import types
import warnings

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import keras_svae as ks
from keras_svae.models import over_data
from tests.game.test_weights_and_labels import WEIGHT, X, Y
from tests.models import tiny


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


@pytest.fixture(params=["npz", "h5"])
def named(request, tmp_path):
    """A file with names, which Python would go through."""
    if request.param == "npz":
        np.savez(tmp_path / "x.npz", images=X)
        yield np.load(tmp_path / "x.npz")
    else:
        with h5py.File(tmp_path / "x.h5", "w") as file:
            file["images"] = X
            yield file


def test_files_with_names_are_no_batches(vae, named):
    quiet = {"verbose": 0}
    sampler = ks.samplers.GaussianMixture(2)
    for act in (
        lambda: vae.fit(named, **quiet),
        lambda: vae.fit(iter([named]), **quiet),
        lambda: vae.fit(X, validation_data=named, **quiet),
        lambda: vae.evaluate(named, **quiet),
        lambda: vae.predict(named, **quiet),
        lambda: vae.encode(named),
        lambda: vae(named),
        lambda: sampler.fit(vae, named),
        lambda: ks.evaluation.frechet_distance(named, X),
        lambda: ks.evaluation.evaluate(vae, named, verbose=False),
    ):
        with pytest.raises(ValueError, match=r"keys \['images'\].*x\['images'\]"):
            act()


def test_what_gives_no_batches_is_named(vae):
    class Empty(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, i):
            return None

    with pytest.raises(ValueError, match="None, which __getitem__ of Empty returned"):
        vae.fit(Empty(), verbose=0)
    numbered = tf.data.Dataset.from_tensor_slices(X).batch(4).enumerate()
    with pytest.raises(ValueError, match="single number as x.*data.map.lambda i, x"):
        vae.fit(numbered, verbose=0)


def batches(*parts):
    return tf.data.Dataset.from_tensor_slices(parts).batch(6)


def of_no_rank(x, y, weight):
    return x, y, tf.py_function(lambda one: one, [weight], tf.float32)


PARTS = {
    "weights of no rank": (batches(X, Y, WEIGHT).map(of_no_rank), "a known rank, 1"),
    "weights by name": (batches(X, Y, {"w": WEIGHT}), "sample_weight.*a dict"),
    "ragged": (
        tf.data.Dataset.from_tensor_slices(
            tf.ragged.constant([[1.0], [2.0, 3.0]])
        ).batch(2),
        "a RaggedTensor. x.to_tensor",
    ),
    "sparse": (
        tf.data.Dataset.from_tensor_slices(tf.sparse.from_dense(X)).batch(6),
        "a SparseTensor. tf.sparse",
    ),
    "windows": (
        tf.data.Dataset.from_tensor_slices(X).window(6),
        "a data set. data.batch",
    ),
    "whole numbers": (
        (X * 9).astype("int32"),
        "data as floats; received: int32. x.astype",
    ),
    "complex": (X.astype("complex64"), r"data as floats; .*complex64. np.abs\(x\)"),
    "records": (np.zeros(12, [("a", "f4"), ("b", "f4")]), r"void64. x\['name'\]"),
    "a path": ("data.npz", r"str. keras_svae.data.load\('data.npz'\)"),
}


@pytest.mark.parametrize("kind", PARTS)
def test_what_is_no_array_of_floats_is_named(kind, vae):
    data, why = PARTS[kind]
    before = vae.step
    with pytest.raises((ValueError, TypeError), match=f"(?s)Expected .*{why}"):
        vae.fit(data, verbose=0)
    assert vae.step == before


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_batches_of_a_generator_may_be_lists_and_have_the_same_parts(vae):
    wanted = vae.evaluate(X, sample_weight=WEIGHT, verbose=0, return_dict=True)
    lists = (X.tolist(), Y.tolist(), WEIGHT.tolist())
    found = vae.evaluate(iter([lists]), verbose=0, return_dict=True)
    assert found == pytest.approx(wanted, rel=1e-5)
    vae.evaluate(iter([X.tolist()]), verbose=0)
    weighted, plain = (X, None, WEIGHT), (X,)
    for parts, why in (
        ([plain, weighted], "a batch with weights after one without"),
        ([weighted, plain], "a batch without weights after one with"),
    ):
        with pytest.raises(ValueError, match=f"in all batches or in none.*{why}"):
            vae.evaluate(iter(parts), verbose=0)


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_data_without_a_batch_are_told_of(vae):
    nothing = batches(X).filter(lambda x: False)
    with pytest.raises(ValueError, match="data to evaluate on; .*an empty data set"):
        vae.evaluate(nothing, verbose=0)
    with pytest.raises(ValueError, match="data to read; received: an empty data set"):
        vae.predict(nothing, verbose=0)
    with pytest.warns(UserWarning, match="as validation_data; received: no batch"):
        logs = vae.fit(X, validation_data=nothing, verbose=0).history
    assert not any(name.startswith("val_") for name in logs)


def test_a_batch_size_beside_batches_has_no_effect_and_is_told(vae):
    data = batches(X)
    for call in (vae.fit, vae.evaluate, vae.predict):
        with pytest.warns(UserWarning, match="no batch_size .*received: batch_size=3"):
            call(data, batch_size=3, verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vae.fit(X, validation_data=data, batch_size=6, verbose=0)


def test_an_unknown_argument_of_evaluate_is_named_once(vae):
    with pytest.raises(ValueError, match=r"not recognized: \{'batches': 2\}$"):
        vae.evaluate(X, batches=2, verbose=0)


def test_values_may_leave_the_range_by_rounding_where_the_law_allows_it():
    """A resized image of ones has the value 1.0000002."""
    x = X.copy()
    x[0, 0] = np.nextafter(np.float32(1), np.float32(2))
    law = ks.distributions.Gaussian(activation="sigmoid", draw="mean")
    for allowed in ("bernoulli", law):
        model = tiny.build("vae", likelihood=allowed, eager=True)
        assert np.isfinite(model.test_on_batch(x)).all()
    with pytest.raises(ValueError, match=r"\[0, 1\].* to 1.0001$"):
        model.test_on_batch(np.where(X == X[0, 0], np.float32(1.0001), X))
    # Its density is 0 there. The message shows that this is another number than 1.
    model = tiny.build("vae", likelihood="continuous_bernoulli", eager=True)
    with pytest.raises(ValueError, match=r"\[0, 1\].* to 1\.0000001192"):
        model.test_on_batch(x)


def test_a_method_of_one_s_own_may_read_more_parts():
    class Four(ks.VAE):
        def unpack(self, data):
            return data[0]

        def unpack_weight(self, data):
            return None

    x = tiny.data(n=8)
    nets = tiny.dense([tiny.DATA], 4, "encoder"), tiny.dense([2], tiny.DATA, "decoder")
    model = Four(*nets, likelihood="gaussian")
    model.compile(keras.optimizers.SGD(0.01))
    model.fit(tf.data.Dataset.from_tensor_slices((x, x, x, x)).batch(4), verbose=0)
    assert model.step == 2


class Two(ks.Game):
    """A game of one's own that reads two arrays."""

    players = {"one": ks.Player("net")}

    def __init__(self, net, **kwargs):
        super().__init__(**kwargs)
        self.net = net

    def batch_spec(self):
        return tf.TensorSpec((None, 3)), tf.TensorSpec((None, 2))

    def draw(self, batch, noise, training):
        return types.SimpleNamespace(batch=batch, noise=noise, log={})

    def one_loss(self, draw):
        return over_data(self.net(tf.concat(draw.batch, -1)))


def test_a_game_of_one_s_own_is_given_what_its_spec_says():
    class Both(Two):
        def unpack(self, data):
            return data

    given = np.ones((4, 3), "float32"), np.zeros((4, 2), "float32")
    for x in (given, given[0], tf.data.Dataset.from_tensors(given)):
        model = Two(tiny.dense([5], 1, "net"))
        model.compile("sgd")
        with pytest.raises(
            ValueError, match=r"\(None, 2\); received: \(4, 3\)\. .*unp"
        ):
            model.fit(x, verbose=0)
        assert model.step == 0
    model = Both(tiny.dense([5], 1, "net"))
    model.compile("sgd")
    model.fit(tf.data.Dataset.from_tensors(given), verbose=0)
    model.fit(given, verbose=0)
    assert model.step == 2


def test_nan_beside_itself_is_told_as_such():
    x = tiny.data(n=8)
    x[3, 0] = np.nan
    model = tiny.build("vae")
    with pytest.raises(ValueError, match="Expected finite data"):
        model.fit(x, x.copy(), verbose=0)


def test_a_law_with_a_half_open_range():
    class Waits(ks.distributions.Law):
        range = (0.0, np.inf)

        def distribution(self, raw):
            rate = tf.exp(raw)
            law = tfp.distributions.Exponential(rate)
            return tfp.distributions.Independent(law, 1)

    model = tiny.build("vae", likelihood=Waits())
    x = np.random.default_rng(0).exponential(size=(12, tiny.DATA)).astype("float32")
    model.fit(x, batch_size=6, verbose=0)
    assert model.step == 2
    with pytest.raises(ValueError, match=r"Expected data in .0, inf"):
        model.fit(x - 5, verbose=0)


def test_all_ways_of_reading_allow_the_same_rounding():
    nets = ks.networks.digits(latent_dim=2, units=8, depth=1, joint=False)
    model = ks.VAE(nets.encoder, nets.decoder, seed=0)
    x = np.random.default_rng(0).uniform(size=(12, 8, 8, 1)).astype("float32")
    x[0, 0, 0], x[1, 0, 0] = 1.000001, -1e-6
    model.compile(keras.optimizers.SGD(0.01))
    model.fit(x, batch_size=12, verbose=0)
    found = ks.evaluation.evaluate(model, x, measures=["mse"], verbose=False)
    assert np.isfinite(float(found["mse"])) and not found.failed
    with pytest.raises(ValueError, match=r"data in .0, 1"):
        ks.evaluation.evaluate(model, x + 0.1, measures=["mse"], verbose=False)


def test_an_error_of_the_user_s_own_call_stays():
    class Mine(ks.VAE):
        def call(self, inputs, training=None):
            if training:
                found = inputs
            return found

    nets = tiny.dense([tiny.DATA], 4, "encoder"), tiny.dense([2], tiny.DATA, "decoder")
    model = Mine(*nets, likelihood="gaussian")
    model.compile(keras.optimizers.SGD(0.01), run_eagerly=True)
    with pytest.raises(UnboundLocalError, match="found"):
        model.predict(tiny.data(n=4), verbose=0)


def test_a_layer_of_a_player_may_be_a_batch_normalisation():
    class Mine(ks.VAE):
        players = {"autoencoder": ks.Player("encoder decoder norm")}

        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.norm = keras.layers.BatchNormalization()
            self.norm.build((None, 2))

    nets = tiny.dense([tiny.DATA], 4, "encoder"), tiny.dense([2], tiny.DATA, "decoder")
    assert Mine(*nets, likelihood="gaussian").least_share()[0] == 2
