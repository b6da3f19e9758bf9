"""What users pass to `compile`, `fit` and `predict` by mistake, and near to it."""

import importlib

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from tests.models import tiny

X, Y = tiny.data(n=12), np.arange(12) % 3
ONES = np.ones(12)


@pytest.fixture(scope="module")
def models():
    """They are trained by nobody: all that is passed here is refused."""
    made = (tiny.build(name, likelihood="bernoulli") for name in ("vae", "cvae"))
    return dict(zip(("vae", "cvae"), made, strict=True))


class Rows:
    """A data set as PyTorch's are: its examples have an index."""

    def __len__(self):
        return len(X)

    def __getitem__(self, index):
        return X[index]


class Table(Rows):
    """A data set as Hugging Face's are."""

    shape = X.shape

    def to_tf_dataset(self, batch_size, columns):
        return tf.data.Dataset.from_tensor_slices(X).batch(batch_size)


MASKED = np.ma.masked_array(X, X > 0.5)
FIT = {
    "masked values": ("vae", {"x": MASKED}, "MaskedArray, whose masked values"),
    "a dictionary": ("vae", {"x": {"image": X}}, "a dict|dictionary"),
    "a symbolic tensor": ("vae", {"x": keras.Input((3,))}, "KerasTensor"),
    "a number": ("vae", {"x": np.float32(1)}, "a single float32"),
    "ragged lists": ("vae", {"x": [[0.1, 0.2], [0.3]]}, "lists of several"),
    "several arrays": ("vae", {"x": [X[:6], X[6:]]}, "a list of 2 arrays"),
    "a data set of torch": (
        "vae",
        {"x": Rows()},
        r"Rows\. torch.utils.data.DataLoader",
    ),
    "a table": ("vae", {"x": Table()}, r"Table\. x.to_tf_dataset"),
    "strings": ("vae", {"x": X.astype(str)}, "received: str.*numbers"),
    "classes as objects": ("cvae", {"y": Y.astype(object)}, "y of type object"),
    "classes by name": ("cvae", {"y": {"y": Y}}, "y of type dict"),
    "one class": ("cvae", {"y": 1}, "a single int"),
    "no steps": (
        "vae",
        {"steps_per_epoch": 0},
        "steps_per_epoch.*received: steps_per_epoch=0",
    ),
    "half a step": ("vae", {"steps_per_epoch": 1.5}, "steps_per_epoch.*1.5"),
    "no batch": ("vae", {"batch_size": 0}, "batch_size.*received: batch_size=0"),
    "a batch in words": (
        "vae",
        {"batch_size": "8"},
        "batch_size.*received: batch_size='8'",
    ),
    "validation never": ("vae", {"validation_freq": 0}, "validation_freq.*0"),
    "validation in words": ("vae", {"validation_freq": "1"}, "validation_freq.*'1'"),
    "a tuple of epochs": (
        "vae",
        {"validation_freq": (1, 2), "validation_split": 0.5},
        r"a list of epochs; received: validation_freq=\(1, 2\)",
    ),
    "validation at no epoch": (
        "vae",
        {"validation_freq": None, "validation_split": 0.5},
        "a list of epochs; received: validation_freq=None",
    ),
    "epochs in words": ("vae", {"epochs": "2"}, "epochs.*received: epochs='2'"),
    "an order in words": ("vae", {"shuffle": "no"}, "shuffle.*received: 'no'"),
    "weights in words": ("vae", {"sample_weight": "auto"}, "received: 'auto'"),
    "one weight": ("vae", {"sample_weight": 2.0}, "sample_weight.*received: 2.0"),
    "a list of classes": ("vae", {"y": Y, "class_weight": [1, 2]}, "a dictionary"),
    "balanced": ("vae", {"y": Y, "class_weight": "balanced"}, "'balanced'"),
    "text": ("vae", {"y": Y, "class_weight": {0: "a"}}, "a number for each"),
    "a class": ("vae", {"callbacks": [keras.callbacks.History]}, "History"),
    "callbacks in words": ("vae", {"callbacks": "History"}, "received: 'H'"),
    "a split in words": ("vae", {"validation_split": "x"}, "received: 'x' of 12"),
    "a negative split": ("vae", {"validation_split": -0.2}, "received: -0.2 of 12"),
}


@pytest.mark.parametrize("kind", FIT)
def test_what_fit_refuses_in_a_sentence(kind, models):
    name, given, why = FIT[kind]
    model = models[name]
    given = {"x": X, "y": Y if name == "cvae" else None} | given
    with pytest.raises((ValueError, TypeError), match=f"(?s)Expected .*({why})"):
        model.fit(verbose=0, **given)
    assert model.step == 0


def several_in_one():
    """Keras's optimizer of several, in older Keras one of one's own."""
    if hasattr(keras.optimizers, "MultiOptimizer"):
        every = keras.optimizers.OptimizerMap(keras.optimizers.SGD(0.1))
        return keras.optimizers.MultiOptimizer(every)

    class MultiOptimizer(keras.optimizers.SGD):
        def __getattribute__(self, name):
            if name == "learning_rate":
                raise AttributeError("It has several.")
            return super().__getattribute__(name)

    return MultiOptimizer(0.1)


COMPILE = {
    "a dictionary": ({"optimizer": {"autoencoder": "adam"}}, "a dict. Each player's"),
    "a list": ({"optimizer": ["adam"]}, "a list. Each player's is an argument"),
    "a typing error": ({"optimizer": "adma"}, "received: 'adma'"),
    "a class": ({"optimizer": keras.optimizers.SGD}, "the class SGD"),
    "a rate": ({"optimizer": 0.1}, "received: 0.1"),
    "a loss": ({"optimizer": "adam", "loss": "mse"}, "The method has the losses"),
    "metrics": ({"optimizer": "adam", "metrics": ["mae"]}, "logs its terms"),
    "no steps": (
        {"optimizer": "adam", "steps_per_execution": 0},
        "received: steps_per_execution=0",
    ),
    "words": ({"optimizer": "adam", "ema": "x"}, "ema='x'"),
    "several in one": (
        {"optimizer": several_in_one()},
        "one optimizer with a learning rate; received: a MultiOptimizer",
    ),
}


@pytest.mark.parametrize("kind", COMPILE)
def test_what_compile_refuses_in_a_sentence(kind):
    given, why = COMPILE[kind]
    model = tiny.build("vae", compiled=False)
    with pytest.raises((ValueError, TypeError), match=f"Expected .*{why}"):
        model.compile(**given)
    assert not model.compiled


def test_errors_of_the_users_own_data_reach_the_user(models):
    def broken():
        yield X
        raise OSError("the disk is gone")

    model = tiny.build("vae", likelihood="bernoulli")
    with pytest.raises(OSError, match="^the disk is gone$"):
        model.fit(broken(), verbose=0)
    assert model.step == 1
    unknown = tf.data.Dataset.from_tensors(X).map(
        lambda x: tf.numpy_function(lambda one: one, [x], tf.float32)
    )
    with pytest.raises(ValueError, match="Expected data of a known rank, 2"):
        model.fit(unknown, verbose=0)


def test_lists_of_numbers_are_taken_as_arrays():
    weight = np.linspace(1, 2, 12)
    trained = []
    for given in (
        {"x": X, "y": Y, "sample_weight": weight},
        {"x": X.tolist(), "y": Y.tolist(), "sample_weight": weight.tolist()},
    ):
        model = tiny.build(
            "cvae", likelihood="bernoulli", optimizer=lambda: keras.optimizers.SGD(0.01)
        )
        model.fit(
            **given, validation_split=0.25, batch_size=3, shuffle=False, verbose=0
        )
        assert model.step == 3
        trained.append(model.get_weights())
    for one, other in zip(*trained, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_predict_takes_pairs_and_lists_as_fit_does(models):
    vae, cvae = models["vae"], models["cvae"]
    alone, both = vae.predict(X, verbose=0), cvae.predict((X, Y), verbose=0)
    for given in ((X, Y), [X], X.tolist()):
        np.testing.assert_allclose(vae.predict(given, verbose=0), alone, atol=1e-6)
    np.testing.assert_allclose(cvae.predict([X, Y], verbose=0), both, atol=1e-6)
    on_batch = vae.predict_on_batch(X.tolist())
    np.testing.assert_allclose(on_batch, alone, atol=1e-6)
    with pytest.raises(ValueError, match="one array.*list of 2 arrays"):
        vae.predict([X, X], verbose=0)


def test_a_call_names_what_is_wrong_without_kerass_words(models):
    vae, cvae = models["vae"], models["cvae"]
    np.testing.assert_allclose(vae(X), vae.reconstruct(X), atol=1e-6)
    np.testing.assert_allclose(vae(X.tolist()), vae(X), atol=1e-6)
    np.testing.assert_allclose(cvae([X, Y]), cvae((X, Y)), atol=1e-6)
    for model, given, why in (
        (vae, X[:, :2], r"received: \(2,\)"),
        (vae, (255 * X).astype("uint8"), "received: uint8"),
        (vae, 9 * X, r"data in \[0, 1\]"),
        (cvae, X, "received: no y"),
    ):
        with pytest.raises(ValueError, match=f"^Expected .*{why}") as caught:
            model(given)
        assert "Arguments received" not in str(caught.value)

    @tf.function
    def inside(x):
        return vae(x)

    np.testing.assert_allclose(inside(X), vae(X), atol=1e-6)


def test_a_model_is_a_part_of_another_keras_model(models):
    x = keras.Input((tiny.DATA,))
    outer = keras.Model(x, models["vae"](x))
    np.testing.assert_allclose(outer(X), models["vae"](X), atol=1e-6)


def test_networks_with_common_layers_are_refused():
    """Their file could not be loaded."""
    trunk = keras.layers.Dense(4, activation="tanh", name="trunk")
    x, z = keras.Input((3,)), keras.Input((2,))
    encoder = keras.Model(x, keras.layers.Dense(4)(trunk(x)))
    seen = keras.layers.Concatenate()([trunk(x), z])
    critic = keras.Model([x, z], keras.layers.Dense(1)(seen))
    decoder = tiny.dense([2], 3, "decoder")
    with pytest.raises(ValueError, match="critic and encoder, .*'trunk/.*clone_model"):
        ks.SVAE(encoder, decoder, critic)
    ks.SVAE(encoder, decoder, tiny.dense([3, 2], 1, "critic"))


@pytest.mark.parametrize(
    ("of_input", "of_layer", "why"),
    [
        ("int32", "float32", "floats.*int32"),
        ("float32", "mixed_float16", "in mixed_float16"),
        ("float32", "float16", "a network in float16"),
    ],
)
def test_networks_that_would_round_are_refused(of_input, of_layer, why):
    read = keras.Input((3,), dtype=of_input)
    encoder = keras.Model(read, keras.layers.Dense(4, dtype=of_layer)(read))
    with pytest.raises(ValueError, match=f"Expected encoder .*{why}"):
        ks.VAE(encoder, tiny.dense([2], 3, "decoder"))


def test_freezing_without_compiling_anew_is_refused():
    """Before, the frozen weights went on moving."""
    model = tiny.build("vae", likelihood="bernoulli")
    model.encoder.trainable = False
    with pytest.raises(ValueError, match="after a change of `trainable`.*now frozen"):
        model.fit(X, verbose=0)
    with pytest.raises(ValueError, match="received: train_on_batch.*now frozen"):
        model.train_on_batch(X)
    model.compile(keras.optimizers.SGD(0.1))
    model.encoder.trainable = True
    with pytest.raises(ValueError, match="now trained"):
        model.fit(X, verbose=0)
    model.evaluate(X, verbose=0)
    assert model.step == 0


def test_another_backend_of_keras_is_refused_at_import(monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    with pytest.raises(ImportError, match="^Expected Keras to run.*backend 'jax'$"):
        importlib.reload(ks.backend)


def test_details_of_every_kind_go_into_json():
    import json
    import pathlib

    kinds = {
        "half": tf.constant(1.5, tf.bfloat16),
        "halves": tf.constant([1.5, np.inf], tf.bfloat16).numpy(),
        "tensor": tf.constant([[1, 2]]),
        "variable": keras.Variable(2.0),
        "nested": [{("a", 1): (np.float16("nan"), np.int64(3))}],
        "set": {2, 1},
        "path": pathlib.Path("a"),
        "type": np.dtype("float32"),
        "complex": 1 + 2j,
        "own": ks.evaluation.Measurement(np.nan, "own"),
        "none": None,
        "truth": np.bool_(True),
    }
    found = ks.evaluation.Measurement(1, "one", **kinds).asdict()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found == {
        "value": 1.0,
        "half": 1.5,
        "halves": [1.5, "inf"],
        "tensor": [[1, 2]],
        "variable": 2.0,
        "nested": [{"('a', 1)": ["nan", 3]}],
        "set": [1, 2],
        "path": "a",
        "type": "float32",
        "complex": "(1+2j)",
        "own": "nan",
        "none": None,
        "truth": True,
    }


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_short_floats_are_measured_as_float32(kind):
    import ml_dtypes

    e = ks.evaluation
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 60, 4)).astype(getattr(ml_dtypes, kind, kind))
    for measure in (
        e.frechet_distance,
        e.mse,
        e.mmd,
        lambda a, b: e.precision_recall(a, b).recall,
        lambda a, b: e.aggregate_posterior(a).mmd,
    ):
        found = measure(a, b)
        assert found == measure(a.astype("float32"), b.astype("float32"))
    with pytest.raises(ValueError, match="numbers.*complex128"):
        e.frechet_distance(np.ones((5, 2)) * 1j, np.ones((5, 2)))
