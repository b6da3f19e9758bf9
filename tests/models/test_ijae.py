"""lambda-IJAE as a model: saving, endpoints, replicas, and what it refuses."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.evaluation.subject import Subject
from keras_svae.pictures import views
from tests.models import tiny
from tests.models.ijae import NEAR, VARIANCE, WEIGHT, build, make, networks
from tests.models.tiny import CODE, dense
from tests.replicas import two_replicas


@keras.saving.register_keras_serializable(package="tests")
def nearby(x, noise):
    return x + 0.3 * noise.normal(tf.shape(x), "mine")


def test_a_saved_model_goes_on_as_the_one_that_was_saved(tmp_path):
    """With a sampler of the user's own."""
    own = ks.distributions.Sampled(nearby, "linear")
    adam = keras.optimizers.Adam
    model = build(own, optimizer=adam, eager=True, stop_code=True)
    for name in ("optimizer", "encoder_optimizer", "critic_optimizer"):
        getattr(model, name).learning_rate = 0.01
    model.fit(tiny.data(n=10), batch_size=5, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.lam == WEIGHT and again.fake_variance == VARIANCE
    assert again.stop_code is True
    for one in (model, again):
        one.fit(tiny.data(1, n=10), batch_size=5, shuffle=False, verbose=0)
    for a, b in zip(model.variables, again.variables, strict=True):
        np.testing.assert_array_equal(a, b)
    assert again.step == 4 and int(again.critic_optimizer.iterations) == 4
    ratios = views.log_ratios(model, tiny.data(n=20))
    assert ratios["symmetric_kl"] == pytest.approx(
        ratios["q"].mean() - ratios["p"].mean()
    )


def test_endpoints_give_the_log_ratios_of_all_critics():
    x, y, z = tiny.data(), tiny.data(1), np.ones((5, CODE), "f")
    model = make()
    subject = Subject.of(model)
    for name, given in (("", [x]), ("_pair", [x, z, y]), ("_code", [x, z])):
        found = subject("log_ratio" + name, *given)["log_ratio"]
        exact = getattr(model, "log_ratio" + name)(*given)
        np.testing.assert_allclose(found, exact, rtol=1e-5)
        assert np.std(exact) > 1e-3
    assert subject.about["log_ratio"] == {"above": "q", "below": "p", "reads": ["x"]}
    explicit = make("gaussian")
    assert not Subject.of(explicit).offers("log_ratio_pair")
    with pytest.raises(ValueError, match="critic_pair; received: Gaussian"):
        explicit.log_ratio_pair(x, z, y)


@pytest.mark.slow
def test_two_replicas_train():
    with two_replicas().scope():
        model = build()
    model.fit(tf.data.Dataset.from_tensor_slices(tiny.data(n=16)).batch(8), verbose=0)
    assert model.step == 2


@pytest.mark.slow
def test_a_savedmodel_has_them_too(tmp_path):
    make().export(tmp_path / "saved")
    saved = tf.saved_model.load(tmp_path / "saved")
    found = saved.log_ratio_pair(tiny.data(), np.ones((5, CODE), "f"), tiny.data(1))
    exact = make().log_ratio_pair(tiny.data(), np.ones((5, CODE), "f"), tiny.data(1))
    np.testing.assert_allclose(found["log_ratio"], exact, rtol=1e-5)


def image_networks():
    """For images of 6 x 6."""
    x, y, z = keras.Input((6, 6, 1)), keras.Input((6, 6, 1)), keras.Input((CODE,))
    flat = keras.layers.Flatten()

    def critic(inputs):
        given = [flat(one) if len(one.shape) == 4 else one for one in inputs]
        given = keras.layers.Concatenate()(given) if len(given) > 1 else given[0]
        inputs = inputs if len(inputs) > 1 else inputs[0]
        return keras.Model(inputs, keras.layers.Dense(1)(given))

    noisy = ks.networks.layers.AppendNoise(2)(flat(x))
    made = keras.layers.Reshape((6, 6, 1))(keras.layers.Dense(36)(z))
    return {
        "encoder": keras.Model(x, keras.layers.Dense(CODE)(noisy)),
        "generator": keras.Model(z, made),
        "critic_x": critic([x]),
        "critic_pair": critic([x, z, y]),
        "critic_code": critic([x, z]),
    }


def test_replicas_shift_images_each_by_its_own_noise():
    images = np.random.default_rng(0).uniform(-1, 1, (8, 6, 6, 1)).astype("f")
    strategy = two_replicas()
    with strategy.scope():
        model = ks.IJAE(**image_networks())
        assert model.get_config()["likelihood"]["class_name"] == "ShiftLikelihood"

    def shifted():
        return strategy.run(lambda: model.draw(images, model._noise(1), True).y_real)

    one, two = strategy.experimental_local_results(tf.function(shifted)())
    assert np.abs(one - two).max() > 0.1
    for x, y in zip(images, one.numpy(), strict=True):
        np.testing.assert_array_equal(np.sort(x, None), np.sort(y, None))


# ---- What it refuses ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lam": 1.2}, r"lam in \[0, 1\]; received: lam=1.2"),
        ({"lam": -0.1}, r"lam in \[0, 1\]; received: lam=-0.1"),
        ({"lam": float("nan")}, r"lam in \[0, 1\]; received: lam=nan"),
        ({"fake_variance": -1.0}, "fake_variance to be finite and >= 0"),
        ({"critic_x": None}, "critic_x to be a built keras.Model.*received: None"),
        ({"critic_x": dense([3, 2], 1, "c")}, "critic_x to read x alone"),
        ({"critic_x": dense([4], 1, "c")}, r"critic_x to read \(3,\).*\(4,\)"),
        ({"critic_pair": None}, "critic_pair to be a built keras.Model"),
        (
            {"critic_pair": dense([3, 2], 1, "c")},
            r"critic_pair of triples \[x, z, y\]",
        ),
        ({"critic_pair": dense([3, 3, 2], 1, "c")}, r"critic_pair's z \(2,\).*\(3,\)"),
        ({"critic_pair": dense([3, 2, 5], 1, "c")}, r"critic_pair's y \(3,\).*\(5,\)"),
        ({"critic_pair": dense([3, 2, 3], 2, "c")}, r"critic_pair's output \(1,\)"),
        ({"critic_code": None}, "critic_code to be a built keras.Model"),
        ({"critic_code": dense([3], 1, "c")}, r"critic_code of pairs \[x, z\]"),
        ({"critic_code": dense([2, 3], 1, "c")}, r"critic_code's x \(3,\).*\(2,\)"),
        (
            {"adaptive_contrast": True, "prior": "uniform"},
            'prior="normal" with adaptive_contrast.*received: prior=.uniform',
        ),
        ({"contrast_draws": 1}, "contrast_draws to be an integer >= 2"),
        ({"likelihood": "implicit"}, "SymmetricLikelihood.*received: Implicit"),
        ({"likelihood": ks.distributions.ShiftLikelihood}, "likelihood to be one of"),
        ({"likelihood": None}, r"\(height, width, channels\) for ShiftLikelihood"),
        ({"likelihood": lambda x, noise: x + 0.5}, "a symmetric likelihood.*direction"),
    ],
)
def test_arguments(change, message):
    given = {**networks(), "likelihood": NEAR, **change}
    with pytest.raises(ValueError, match="Expected.*" + message):
        ks.IJAE(**given)


def test_each_player_wants_an_optimizer():
    model = make()
    with pytest.raises(ValueError, match="player 'encoder'.*encoder_optimizer"):
        model.compile(optimizer="adam", critic_optimizer="adam")
