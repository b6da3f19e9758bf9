"""Models that are given classes: fitting, saving, SavedModels, and bad input."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from tests.models import tiny

N = 4


@pytest.mark.parametrize(
    "method",
    [
        "cgan",
        pytest.param("iwcgan", marks=pytest.mark.slow),
        pytest.param("aacvae", marks=pytest.mark.slow),
        "aa_semi_supervised_vae",
    ],
)
def test_saved_and_exported_they_give_the_same(method, tmp_path):
    model = tiny.build(method, compiled=False)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    model.export(tmp_path / "saved")
    saved = tf.saved_model.load(tmp_path / "saved")
    x, y = tiny.data(n=N), np.arange(N, dtype=np.int64) % tiny.CLASSES
    z = np.random.default_rng(0).normal(size=(N, tiny.CODE)).astype("f")
    seed = tf.constant(5)
    calls = {
        "generate": (lambda m: m.generate(N, y, seed=5), (tf.constant(N), y, seed)),
        "decode": (lambda m: m.decode(z, y), (z, y, seed)),
        "log_likelihood": (lambda m: m.likelihood(z, y).log_prob(x), (x, z, y, seed)),
    }
    if method == "aa_semi_supervised_vae":
        calls["log_ratio"] = lambda m: m.log_ratio(x), (x,)
        calls["classify"] = lambda m: m.classify(x), (x,)
    else:
        calls["log_ratio"] = lambda m: m.log_ratio(x, y), (x, y)
    given = (x, y, seed)
    of_codes = {
        "encode": (lambda m: m.encode(x, y, seed=5), given),
        "reconstruct": (lambda m: m.reconstruct(x, y), given),
        "neighbours": (
            lambda m: m.neighbours(x, 2, y, seed=5),
            (x, tf.constant(2), y, seed),
        ),
        "bound": (lambda m: m.bound(x, y, seed=5), given),
        "log_posterior": (lambda m: m.posterior(x, y).log_prob(z), (x, z, y, seed)),
    }
    signatures = {"about", "serving_default"}
    if hasattr(model, "encoder"):
        calls |= of_codes
        signatures |= {"posterior"}
    assert type(again) is type(model)
    weighted = [getattr(m, "importance_weighted", None) for m in (model, again)]
    assert weighted == 2 * [{"cgan": False, "iwcgan": True}.get(method)]
    for name, (ask, arguments) in calls.items():
        expected = ask(model)
        np.testing.assert_array_equal(ask(again), expected, name)
        found = getattr(saved, name)(*map(tf.constant, arguments))
        first = next(
            v for k, v in sorted(found.items()) if k != "z" or name == "encode"
        )
        np.testing.assert_allclose(first, expected, rtol=1e-4, atol=1e-5, err_msg=name)
    assert set(saved.signatures) == {*calls, *signatures}
    assert model.about()["classes"] == tiny.CLASSES


def test_partly_labelled_pairs_train_and_resume(tmp_path):
    """Weights, classifier and critic included, go on from a file as without it."""
    straight = tiny.build("aa_semi_supervised_vae")
    x, y = tiny.batch(straight, n=6)
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(3)
    straight.fit(data, verbose=0)
    straight.save(tmp_path / "model.keras")
    resumed = keras.saving.load_model(tmp_path / "model.keras")
    for model in (straight, resumed):
        model.fit(data, verbose=0)
        assert model.step == 4
    for a, b in zip(straight.weights, resumed.weights, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("method", ["cgan", "cvae"])
def test_the_class_matters_and_one_stands_for_all(method):
    model = tiny.build(method, compiled=False)
    made = [model.generate(5, c, seed=1).numpy() for c in range(tiny.CLASSES)]
    assert np.abs(made[0] - made[1]).max() > 0.01
    mixed = model.generate(5, np.array([0, 1, 2, 1, 0]), seed=1).numpy()
    for i, c in enumerate([0, 1, 2, 1, 0]):
        np.testing.assert_allclose(mixed[i], made[c][i], rtol=1e-5, atol=1e-6)


BAD_CLASSES = {
    "out of range": (np.array([0, 1, 2, 3, 0]), r"0\.\.2; received: 3"),
    "negative": (np.array([0, 1, 2, -1, 0]), r"0\.\.2; received: -1"),
    "floats": (np.arange(5.0), "as integers in .*received: y of type float64"),
    "one-hot": (np.eye(5, 3, dtype=int), r"shape \(5,\); received: shape \(5, 3\)"),
}


@pytest.mark.parametrize("kind", BAD_CLASSES)
def test_classes_that_are_none(kind):
    y, message = BAD_CLASSES[kind]
    model = tiny.build("cgan", compiled=False)
    with pytest.raises(ValueError, match="Expected classes.*" + message):
        model.check_data((tiny.data(), y))
    with pytest.raises(ValueError, match="Expected classes.*" + message):
        model.generate(5, y)
    with pytest.raises(ValueError, match="Expected classes.*" + message):
        model.log_ratio(tiny.data(), y)


def test_classes_that_are_missing_or_too_many():
    cvae = tiny.build("cvae")
    with pytest.raises(ValueError, match=r"pairs \(x, y\).*for CVAE.*received: no y"):
        cvae.fit(tiny.data(), verbose=0)
    for ask in (cvae.generate, lambda n: cvae.encode(tiny.data(n=n))):
        with pytest.raises(ValueError, match=r"class in 0\.\.2.*for CVAE; rec.*y=None"):
            ask(5)
    with pytest.raises(ValueError, match="y=None for VAE, which has no classes"):
        tiny.build("vae", compiled=False).generate(5, 1)
    # Unknown classes are for those that learn from them.
    model = tiny.build("semi_supervised_vae")
    with pytest.raises(ValueError, match=r"-1\.\.2; received: -2"):
        model.fit(tiny.data(), np.array([0, 1, 2, -1, -2]), verbose=0)
    with pytest.raises(ValueError, match=r"0\.\.2; received: -1"):
        model.generate(5, -1)


class Counted(ks.VAE):
    """Its classes are its own matter: it is given none."""

    def __init__(self, encoder, decoder, **more):
        super().__init__(encoder, decoder, **more)
        self.classes = 10


def test_a_model_without_classes_may_keep_a_number_of_them():
    nets = tiny.dense([3], 4, "encoder"), tiny.dense([2], 3, "decoder")
    model = Counted(*nets, likelihood="gaussian")
    assert model.generate(2).shape == (2, 3)
    assert model.encode(tiny.data()).shape == (5, 2)
    with pytest.raises(ValueError, match="y=None for Counted, which has no classes"):
        model.generate(2, 1)


def test_networks_that_do_not_fit():
    nets = tiny.build("cvae", compiled=False)
    plain = tiny.build("vae", compiled=False)
    for networks, message in [
        ((plain.encoder, nets.decoder), r"encoder to read \[x, y\].*classes=\.\.\."),
        ((nets.encoder, plain.decoder), r"decoder to read \[z, y\]"),
        (
            (tiny.dense([3, 4], 4, "e"), nets.decoder),
            r"number of classes \(3,\).*\(4,\)",
        ),
    ]:
        with pytest.raises(ValueError, match="Expected the.*" + message):
            ks.CVAE(*networks, likelihood="gaussian")
    with pytest.raises(ValueError, match="decoder to read z alone.*CGAN and CVAE"):
        ks.VAE(plain.encoder, nets.decoder, likelihood="gaussian")
    m2 = [tiny.dense([3], 4, "classifier"), nets.encoder, nets.decoder]
    with pytest.raises(ValueError, match=r"classifier's output \(3,\), logits.*\(4,\)"):
        ks.SemiSupervisedVAE(*m2, likelihood="gaussian")
    with pytest.raises(ValueError, match="alpha to be finite and >= 0; received"):
        tiny.build("semi_supervised_vae", alpha=-1.0, compiled=False)


def test_labels_may_be_a_list_and_as_many_as_examples():
    model = tiny.build("cvae")
    x, y = tiny.batch(model)
    wanted = model.evaluate(x, y, verbose=0, return_dict=True)
    found = model.evaluate(x, [int(one) for one in y], verbose=0, return_dict=True)
    assert found == wanted
    with pytest.raises(ValueError, match="Expected x, y and weights with as many rows"):
        model.fit(x, y[:-1], verbose=0)
