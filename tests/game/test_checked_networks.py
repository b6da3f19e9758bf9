"""Networks that a model takes, and those that it refuses."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from tests.game.test_checks import images
from tests.models import tiny


def test_networks_that_do_not_fit():
    def nets():
        model = tiny.build("svae", compiled=False)
        return {n: getattr(model, n) for n in ("encoder", "decoder", "critic")}

    other = tiny.dense
    for change, message in [
        (
            {"encoder": other([3], 2, "e")},
            r"raw output \(4,\), what Gaussian needs for 2 dim.*\(2,\)",
        ),
        (
            {"encoder": other([4], 4, "e")},
            r"encoder to read \(3,\).*shared=False.*received: \(4,\)",
        ),
        ({"critic": other([3], 1, "c")}, r"critic of pairs.*joint=True"),
        ({"critic": other([3, 5], 1, "c")}, r"critic's z \(2,\).*received: \(5,\)"),
        (
            {"critic": other([3, 2], 2, "c")},
            r"critic's output \(1,\).*received: \(2,\)",
        ),
        ({"decoder": None}, r"decoder to be a built keras.Model.*received: None"),
        (
            {"decoder": keras.Sequential([keras.layers.Dense(3)])},
            r"built keras.Model.*begin with keras.Input\(shape\)",
        ),
    ]:
        with pytest.raises(ValueError, match="Expected.*" + message):
            ks.SVAE(**{**nets(), **change}, likelihood="gaussian")
    with pytest.raises(ValueError, match=r"critic to read x alone.*joint=False"):
        ks.GAN(nets()["decoder"], nets()["critic"])
    sigmoid = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(3, activation="sigmoid")]
    )
    with pytest.raises(ValueError, match="linear layer.*received: 'sigmoid'"):
        ks.SVAE(**{**nets(), "decoder": sigmoid}, likelihood="bernoulli")


@keras.saving.register_keras_serializable(package="tests")
class Subclassed(keras.Model):
    """A network as Keras's guide has it."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.layer = keras.layers.Dense(tiny.DATA)

    def call(self, z):
        return self.layer(z)


@keras.saving.register_keras_serializable(package="tests")
class Pairs(keras.Model):
    """A critic that reads two."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.layer = keras.layers.Dense(1)

    def call(self, inputs):
        return self.layer(keras.ops.concatenate(inputs, -1))


def test_a_subclassed_network_has_the_shapes_of_its_call(tmp_path):
    critic, decoder = Pairs(), Subclassed()
    x, z = tiny.data(), np.zeros((1, tiny.CODE), "float32")
    encoder = tiny.dense([tiny.DATA], 2 * tiny.CODE, "encoder")
    with pytest.raises(ValueError, match="to be a built keras.Model.*Wrap it: x = "):
        ks.SVAE(encoder, decoder, critic, likelihood="gaussian")
    decoder(z)
    critic([x, np.zeros((len(x), tiny.CODE), "float32")])
    model = ks.SVAE(encoder, decoder, critic, likelihood="gaussian")
    assert model.decoder.layers[-1] is decoder  # its own methods are there
    model.compile("sgd", critic_optimizer="sgd", run_eagerly=True)
    before = [layer.get_weights()[0] for layer in (decoder.layer, critic.layer)]
    model.train_on_batch(x)
    for layer, kernel in zip((decoder.layer, critic.layer), before, strict=True):
        assert np.abs(layer.get_weights()[0] - kernel).max() > 0
    np.testing.assert_allclose(model.decode(z), decoder(z), rtol=1e-6)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model.generate(3), again.generate(3))


class TwoArguments(keras.Model):
    """Its call is not that of a network of one input."""

    def call(self, x, z):
        return x + z


def test_a_subclassed_network_whose_call_is_another_is_told_what_to_do():
    network = TwoArguments()
    network(np.zeros((1, 2), "float32"), np.zeros((1, 2), "float32"))
    critic = tiny.dense([tiny.DATA], 1, "critic")
    with pytest.raises(ValueError, match=r"functional or sequential.*a subclass. Wrap"):
        ks.GAN(network, critic, likelihood="gaussian")


class Counts(keras.Model):
    """Its call wants to know the batch."""

    def call(self, x):
        if x.shape[0] is None:
            raise ValueError("a batch of None")
        return x + 1.0


def test_what_the_call_of_a_subclassed_network_says_is_told():
    network = Counts()
    network(np.zeros((4, 2), "float32"))
    critic = tiny.dense([2], 1, "critic")
    with pytest.raises(ValueError, match=r"a subclass. Wrap.*failed: a batch of None$"):
        ks.GAN(network, critic, likelihood="gaussian")


def test_an_encoder_of_two_outputs_is_told_what_is_wanted():
    x = keras.Input((tiny.DATA,))
    heads = [keras.layers.Dense(tiny.CODE)(x) for _ in range(2)]
    decoder = tiny.dense([tiny.CODE], tiny.DATA, "decoder")
    with pytest.raises(ValueError, match="one output.*side by side.*received"):
        ks.VAE(keras.Model(x, heads), decoder, likelihood="gaussian")


def of(inputs, outputs, dtype=None):
    x = keras.Input(inputs, dtype=dtype)
    return keras.Model(x, outputs(x))


def repeated(z):
    """(batch, any, 2)."""
    return keras.layers.Lambda(
        lambda z: tf.tile(z[:, None], [1, 5, 1]), output_shape=(None, 2)
    )(z)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"encoder": of((3,), lambda x: {"raw": keras.layers.Dense(4)(x)})},
            "encoder to have one output.*a dictionary of",
        ),
        (
            {"decoder": of((2,), lambda z: {"raw": keras.layers.Dense(3)(z)})},
            "decoder to have one output.*a dictionary of",
        ),
        ({"decoder": of((2,), repeated)}, r"known sizes.*received: \(None, 2\)"),
        (
            {"decoder": of((None,), lambda z: keras.ops.zeros_like(z[:, :3]))},
            r"known sizes.*from a code \(None,\)",
        ),
        (
            {
                "decoder": of(
                    (2,), lambda z: keras.layers.Reshape(())(keras.layers.Dense(1)(z))
                )
            },
            r"known sizes.*received: \(\) from",
        ),
        (
            {"encoder": of((3,), keras.layers.Dense(4), "float16")},
            "encoder to read floats.*float16",
        ),
    ],
)
def test_networks_without_known_shapes(changed, message):
    nets = {
        "encoder": of((3,), keras.layers.Dense(4)),
        "decoder": of((2,), keras.layers.Dense(3)),
    }
    with pytest.raises(ValueError, match=f"Expected .*{message}"):
        ks.VAE(**nets | changed, likelihood="gaussian")
    assert ks.VAE(**nets, likelihood="gaussian").built


def of_any_size(outputs):
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((None, None, 1)),
            layers.Conv2D(2, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(outputs),
        ]
    )


def test_a_network_of_any_size_reads_data_of_one():
    layers = keras.layers
    decoder = keras.Sequential(
        [keras.Input((2,)), layers.Dense(16), layers.Reshape((4, 4, 1))]
    )
    model = ks.VAE(of_any_size(4), decoder)
    model.compile("sgd", run_eagerly=True)
    model.train_on_batch(images())
    assert model.step == 1
    assert ks.GAN(decoder, of_any_size(1)).data_shape == (4, 4, 1)
    three = keras.Sequential(
        [keras.Input((2,)), layers.Dense(48), layers.Reshape((4, 4, 3))]
    )
    with pytest.raises(ValueError, match=r"read \(4, 4, 3\).*\(None, None, 1\)"):
        ks.VAE(of_any_size(4), three)


def test_inputs_by_name_and_integer_classes_are_refused_when_made():
    layers = keras.layers
    x, z = keras.Input((3,), name="data"), keras.Input((2,), name="code")
    logit = layers.Dense(1)(layers.Concatenate()([x, z]))
    critic = keras.Model({"data": x, "code": z}, logit)
    nets = tiny.dense([3], 4, "encoder"), tiny.dense([2], 3, "decoder")
    with pytest.raises(ValueError, match="critic with a list of inputs.*'code', 'da"):
        ks.SVAE(*nets, critic, likelihood="gaussian")

    def embedded(reads, gives):
        x, y = keras.Input((reads,)), keras.Input((1,), dtype="int32")
        classes = layers.Flatten()(layers.Embedding(3, 4)(y))
        return keras.Model(
            [x, y], layers.Dense(gives)(layers.Concatenate()([x, classes]))
        )

    with pytest.raises(ValueError, match="one-hot floats.*y of type int32"):
        ks.CVAE(embedded(3, 4), embedded(2, 3), likelihood="gaussian")
