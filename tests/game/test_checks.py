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


class Perceptual(ks.VAE):
    """A third network that no player updates."""

    def __init__(self, encoder, decoder, perceptual, **kwargs):
        super().__init__(encoder, decoder, **kwargs)
        self.perceptual = perceptual


@pytest.mark.parametrize("whole", [True, False])
def test_a_network_outside_the_players_shares_no_layer_with_theirs(whole):
    """Each argument is saved by itself: the file could not be loaded."""
    encoder = tiny.dense([tiny.DATA], 2 * tiny.CODE, "encoder")
    decoder = tiny.dense([tiny.CODE], tiny.DATA, "decoder")
    features = keras.Model(encoder.inputs, encoder.layers[1].output)
    with pytest.raises(ValueError, match="received: encoder and perceptual, which"):
        Perceptual(
            encoder, decoder, encoder if whole else features, likelihood="gaussian"
        )
    other = tiny.dense([tiny.DATA], 2, "other")
    assert Perceptual(encoder, decoder, other, likelihood="gaussian").built


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


class Scaled(ks.distributions.Gaussian):
    """With a scale of its own."""

    def __init__(self, held):
        super().__init__()
        self.held = held


@pytest.mark.parametrize(
    "held",
    [
        lambda: keras.Variable(0.0),
        lambda: tf.Variable(0.0),
        lambda: {"scales": [keras.Variable(0.0)]},
        lambda: keras.layers.PReLU(),
        lambda: Scaled(keras.Variable(0.0)),
    ],
)
@pytest.mark.parametrize("role", ["likelihood", "posterior"])
def test_a_law_with_variables_is_refused(role, held):
    held = held()
    if isinstance(held, keras.layers.Layer):
        held.build((None, 3))
    message = (
        f"Expected a {role} without variables.*received: Scaled with held.*learned"
    )
    with pytest.raises(ValueError, match=message):
        tiny.build("vae", **{role: Scaled(held)})


def test_a_law_of_constants_is_taken():
    for held in (0.5, tf.constant(0.5), [np.ones(3)], Scaled(1.0), None):
        assert tiny.build("vae", likelihood=Scaled(held)).likelihood_law.held is held


def test_networks_within_an_argument_share_no_layer_with_the_players():
    class Several(ks.VAE):
        def __init__(self, encoder, decoder, perceptual=(), **kwargs):
            super().__init__(encoder, decoder, **kwargs)
            self.perceptual = list(perceptual)

    encoder = tiny.dense([tiny.DATA], 2 * tiny.CODE, "encoder")
    decoder = tiny.dense([tiny.CODE], tiny.DATA, "decoder")
    features = keras.Model(encoder.inputs, encoder.layers[1].output)
    with pytest.raises(ValueError, match=r"encoder and perceptual\[0\], which"):
        Several(encoder, decoder, [features], likelihood="gaussian")


@pytest.mark.parametrize("found", [np.array([0.0, 1.0]), (None, 1.0), (1.0,), (1, 0)])
def test_a_law_s_range_is_two_numbers(found):
    class Mine(ks.distributions.Gaussian):
        range = found

    with pytest.raises(ValueError, match=r"Expected the range of a likelihood as two"):
        tiny.build("vae", likelihood=Mine())


def test_a_law_with_a_layer_that_is_not_built_is_refused():
    law = Scaled(keras.layers.Dense(4))
    with pytest.raises(ValueError, match="Expected a likelihood without variables"):
        tiny.build("vae", likelihood=law)


def test_a_variable_is_made_in_the_constructor():
    model = tiny.build("vae")
    with pytest.raises(
        AttributeError, match="Expected the variable beta to be made in"
    ):
        model.beta = keras.Variable(2.0)


@keras.saving.register_keras_serializable(package="tests")
class Teacher(keras.Model):
    """A network with a method of its own."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first, self.last = keras.layers.Dense(3), keras.layers.Dense(2)

    def embed(self, x):
        return self.first(x)

    def call(self, x):
        return self.last(self.embed(x))


@keras.saving.register_keras_serializable(package="tests")
class Distilled(ks.VAE):
    def __init__(self, net, decoder, teacher, **kwargs):
        super().__init__(net, decoder, **kwargs)
        self.teacher = teacher

    def autoencoder_loss(self, draw):
        off = self.teacher.embed(draw.x) - self.teacher.embed(draw.reconstruction)
        return {**super().autoencoder_loss(draw), "off": tf.reduce_sum(off**2, -1)}


def test_a_network_of_no_player_keeps_its_methods(tmp_path):
    teacher, decoder = Teacher(), Subclassed()
    x = tiny.data()
    teacher(x)
    decoder(np.zeros((1, tiny.CODE), "float32"))
    teacher.trainable = False
    encoder = tiny.dense([tiny.DATA], 2 * tiny.CODE, "encoder")
    model = Distilled(encoder, decoder, teacher, likelihood="gaussian", seed=1)
    assert model.teacher is teacher
    model.compile("sgd", run_eagerly=True)
    before = teacher.get_weights()
    model.train_on_batch(x)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    for a, b in zip(before, again.teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(model.generate(3), again.generate(3))
    given = {"verbose": 0, "return_dict": True}
    assert again.evaluate(x, **given) == pytest.approx(model.evaluate(x, **given))


def test_an_own_constructor_may_name_a_subclassed_network_as_it_likes():
    net, decoder = Teacher(), Subclassed()
    net.last = keras.layers.Dense(2 * tiny.CODE)
    net(tiny.data())
    decoder(np.zeros((1, tiny.CODE), "float32"))
    teacher = tiny.dense([tiny.DATA], 2, "teacher")
    model = Distilled(net, decoder, teacher, likelihood="gaussian")
    assert model.encoder.layers[-1] is net


class OwnCritic(ks.VAE):
    """The player's attribute has another name than the argument."""

    players = {**ks.VAE.players, "critic": ks.Player("critic", "critic_optimizer")}
    f = ks.game.Critic("critic", "x z")

    def __init__(self, encoder, decoder, judge, **kwargs):
        super().__init__(encoder, decoder, **kwargs)
        self.f.use(judge)

    def critic_loss(self, draw):
        return self.f.as_above(*draw.q)


def test_an_own_constructor_may_name_a_subclassed_critic_as_it_likes():
    critic = Pairs()
    critic([tiny.data(), np.zeros((len(tiny.data()), tiny.CODE), "float32")])
    nets = [
        tiny.dense([tiny.DATA], 2 * tiny.CODE, "encoder"),
        tiny.dense([tiny.CODE], tiny.DATA, "decoder"),
    ]
    model = OwnCritic(*nets, critic, likelihood="gaussian")
    assert model.critic.layers[-1] is critic


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


@pytest.mark.parametrize("name", ["prior", "step", "optimizers"])
def test_a_name_that_cannot_be_set_is_told(name):
    def init(self, encoder, decoder, **kwargs):
        ks.VAE.__init__(self, encoder, decoder, **kwargs)
        setattr(self, name, 0.5)

    kind = type("Own", (ks.VAE,), {"__init__": init})
    nets = tiny.dense([3], 4, "encoder"), tiny.dense([2], 3, "decoder")
    with pytest.raises(AttributeError, match=f"another name than {name}, .* = 0.5"):
        kind(*nets, likelihood="gaussian")
