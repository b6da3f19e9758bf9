"""Bad input gets a message that says what was expected and what came."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.game import checks
from tests.models import tiny


def image_model(likelihood="bernoulli", batch_norm=False, compiled=True):
    x, z = keras.Input((4, 4, 1)), keras.Input((2,))
    hidden = keras.layers.Flatten()(x)
    if batch_norm:
        hidden = keras.layers.BatchNormalization(name="norm")(hidden)
    encoder = keras.Model(x, keras.layers.Dense(4)(hidden))
    decoder = keras.layers.Reshape((4, 4, 1))(keras.layers.Dense(16)(z))
    decoder = keras.Model(z, decoder)
    both = keras.layers.Concatenate()([keras.layers.Flatten()(x), z])
    critic = keras.Model([x, z], keras.layers.Dense(1)(both))
    model = ks.SVAE(encoder, decoder, critic, likelihood=likelihood)
    if compiled:
        model.compile(optimizer="sgd", critic_optimizer="sgd")
    return model


def images(shape=(8, 4, 4, 1)):
    return np.random.default_rng(0).uniform(size=shape).astype("float32")


def with_nan():
    x = images()
    x[3, 1, 2, 0] = np.nan
    return x


BAD_DATA = {
    "integers": (
        (images() * 255).astype("uint8"),
        r"floats in \[0, 1\].*received: uint8",
    ),
    "out of range": (images() * 255, r"data in \[0, 1\].*received: values from"),
    "rank": (images()[..., 0], r"rank 4, \(batch, 4, 4, 1\).*shape \((8|None), 4, 4\)"),
    "channels": (images((8, 4, 4, 3)), r"shape \(4, 4, 1\).*received: \(4, 4, 3\)"),
    "NaN": (with_nan(), r"finite data.*NaN or infinity in 1 of 8"),
    "empty": (images((0, 4, 4, 1)), r"data to train on.*empty array"),
    "batch of one": (images((1, 4, 4, 1)), r"at least 2 examples.*'norm'"),
}


@pytest.fixture(scope="module")
def untrained():
    """With batch normalisation, and without."""
    return {norm: image_model(batch_norm=norm) for norm in (True, False)}


@pytest.mark.parametrize("kind", BAD_DATA)
@pytest.mark.parametrize("as_dataset", [False, True])
def test_data_that_cannot_be_learned_from(kind, as_dataset, untrained):
    x, message = BAD_DATA[kind]
    model = untrained[kind == "batch of one"]
    if as_dataset:
        x = tf.data.Dataset.from_tensor_slices(x).batch(8)
        message = message.replace("empty array", "empty data set")
    with pytest.raises(ValueError, match="(?s)Expected.*" + message):
        model.fit(x, verbose=0)
    assert model.step == 0


def test_a_range_is_that_of_the_numbers_the_model_computes_with():
    """As scikit-learn's MinMaxScaler gives them: the next float64 above 1."""
    x = np.random.default_rng(0).uniform(size=(8, 3))
    x[3, 1] = np.nextafter(1.0, 2.0)
    law = ks.distributions.ContinuousBernoulli()
    checks.images(x, (3,), law.range, law.rounds)
    x[3, 1] = 1.001
    with pytest.raises(ValueError, match=r"data in \[0, 1\].*to 1.001"):
        checks.images(x, (3,), law.range, law.rounds)


def test_range_is_that_of_the_likelihood():
    tanh = ks.distributions.Gaussian(activation="tanh", draw="mean")
    image_model(tanh).fit(2 * images() - 1, verbose=0)
    image_model("gaussian").fit(5 * images(), verbose=0)
    with pytest.raises(ValueError, match=r"data in \[0, 1\]"):
        image_model().fit(2 * images() - 1, verbose=0)


def test_steps_per_execution_is_a_count():
    model = image_model(compiled=False)
    for given in ("auto", 0, 2.5):
        with pytest.raises(ValueError, match="steps_per_execution.*received"):
            model.compile("sgd", critic_optimizer="sgd", steps_per_execution=given)
    assert not model.compiled


def test_compile_forgotten():
    with pytest.raises(ValueError, match=r"compiled model.*critic_optimizer=…"):
        image_model(compiled=False).fit(images())


def test_compile_wants_an_optimizer_of_its_own_for_each_player():
    model = tiny.build("svae", compiled=False)
    with pytest.raises(ValueError, match=r"player 'critic'.*critic_optimizer"):
        model.compile(optimizer="adam")
    with pytest.raises(ValueError, match=r"player 'autoencoder'.*received: none"):
        model.compile(critic_optimizer="adam")
    one = keras.optimizers.Adam()
    with pytest.raises(ValueError, match="of its own for each player"):
        model.compile(optimizer=one, critic_optimizer=one)
    with pytest.raises(TypeError, match="'critic_optimiser'.*mean 'critic_optimizer'"):
        model.compile(optimizer="adam", critic_optimiser="adam")
    averaging = keras.optimizers.Adam(use_ema=True)
    with pytest.raises(ValueError, match=r"compile\(ema=...\)"):
        model.compile(optimizer=averaging, critic_optimizer="adam")
    with pytest.raises(ValueError, match=r"ema in \(0, 1\).*ema=1.5"):
        model.compile(optimizer="adam", critic_optimizer="adam", ema=1.5)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"lam": -0.1}, r"lam to be finite and >= 0; received: lam=-0.1"),
        ({"lam": float("nan")}, r"lam to be finite"),
        ({"lam": "1"}, r"lam to be finite and >= 0; received: lam='1'"),
        ({"lam": True}, r"lam to be finite and >= 0; received: lam=True"),
        ({"lam": 0.1, "likelihood": "implicit"}, "explicit law"),
        ({"prior": "gaussian"}, r"prior to be one of .*received: 'gaussian'"),
        ({"likelihood": "normal"}, r"likelihood to be one of .*received: 'normal'"),
        ({"turns": {"critics": 2}}, r"turns to be one of .*received: 'critics'"),
        ({"turns": {"critic": 0}}, r"turns\['critic'\].*>= 1; received: turns.*=0"),
        ({"play": "random"}, r"play to be one of \['alternating', 'simultaneous'\]; r"),
        ({"play": "simultaneous", "turns": {"critic": 2}}, "one turn per player"),
        ({"seed": -1}, r"an integer 0 <= seed < 2\*\*63; received: seed=-1"),
        ({"seed": True}, r"an integer 0 <= seed < 2\*\*63; received: seed=True"),
    ],
)
def test_arguments(kwargs, message):
    kwargs = {"likelihood": "gaussian", **kwargs}
    with pytest.raises(ValueError, match="Expected.*" + message):
        nets = tiny.build("svae", compiled=False)
        ks.SVAE(nets.encoder, nets.decoder, nets.critic, **kwargs)


def test_public_methods_refuse_other_shapes():
    model = image_model()
    with pytest.raises(ValueError, match=r"codes \(2,\).*received: \(3,\)"):
        model.decode(np.zeros((5, 3), "f"))
    with pytest.raises(ValueError, match=r"rank 4"):
        model.encode(images()[..., 0])


def test_export_overwrites_nothing(tmp_path):
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(FileExistsError, match="new or empty folder; received"):
        image_model().export(tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "kept"


@pytest.mark.parametrize("name", ["prior", "step", "optimizers"])
def test_a_name_that_cannot_be_set_is_told(name):
    def init(self, encoder, decoder, **kwargs):
        ks.VAE.__init__(self, encoder, decoder, **kwargs)
        setattr(self, name, 0.5)

    kind = type("Own", (ks.VAE,), {"__init__": init})
    nets = tiny.dense([3], 4, "encoder"), tiny.dense([2], 3, "decoder")
    with pytest.raises(AttributeError, match=f"another name than {name}, .* = 0.5"):
        kind(*nets, likelihood="gaussian")
