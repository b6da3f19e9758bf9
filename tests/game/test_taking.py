"""Weights of another model: what is taken, what is told, what is refused."""

import keras
import numpy as np
import pytest

import keras_svae as ks
from tests.models import tiny

SMALL = {"units": 5, "depth": 1}


def nets(dim=3, seed=0, **more):
    keras.utils.set_random_seed(seed)
    return ks.networks.dense(dim, **{"shape": (4,), **SMALL, **more})


def vae(**more):
    made = nets(seed=1, **more)
    return ks.VAE(made.encoder, made.decoder)


def values(layer):
    return [v.numpy() for v in layer.weights]


def equal(one, other):
    pairs = zip(one, other, strict=True)
    return len(one) == len(other) and all(np.array_equal(a, b) for a, b in pairs)


def compiled(model, **more):
    rates = {player.optimizer for player in model.players.values()}
    made = {name: keras.optimizers.Adam(0.01) for name in rates}
    model.compile(**made, **more)
    return model


@pytest.mark.parametrize("way", ["model", "file", "folder", "networks"])
def test_a_vae_s_networks_into_an_svae(way, tmp_path):
    model, other = ks.SVAE(*nets()), vae()
    other.save(tmp_path / "model.keras")
    critic = values(model.critic)
    source = {
        "model": other,
        "file": str(tmp_path / "model.keras"),
        "folder": tmp_path,
        "networks": {"encoder": other.encoder, "decoder": other.decoder},
    }[way]
    taken = model.load_weights_from(source)
    assert equal(values(model.encoder), values(other.encoder))
    assert equal(values(model.decoder), values(other.decoder))
    assert equal(values(model.critic), critic)
    assert set(taken) == {"encoder", "decoder"} and not taken.notes
    whose = "the other" if way == "networks" else "VAE"
    assert taken.left_out == {"critic": f"{whose} has none"}
    assert str(taken).splitlines() == [
        "taken: encoder: all 4 weights",
        "taken: decoder: all 4 weights",
        f"not taken: critic: {whose} has none",
    ]


def test_averages_of_batch_normalisation_are_taken():
    model = ks.SVAE(*ks.networks.dcgan(2, shape=(8, 8, 1), width=0.01, joint=True))
    other = ks.SVAE(*ks.networks.dcgan(2, shape=(8, 8, 1), width=0.01, joint=True))
    for variable in other.weights:
        if variable.dtype == "float32":
            variable.assign(variable + 1)
    model.load_weights_from(other)
    moving = [v for v in model.decoder.weights if "moving" in v.path]
    assert moving and equal(values(model.decoder), values(other.decoder))
    assert equal(values(model.critic), values(other.critic))


CASES = {
    "other latent_dim": (lambda: vae(dim=2), {}, r"encoder: layer 'code': Dense"),
    "other data": (
        lambda: vae(shape=(6,)),
        {},
        r"encoder: layer .*\(4, 5\).* \(6, 5\)",
    ),
    "other depth": (lambda: vae(depth=2), {}, "encoder"),
    "no such network": (vae, {"networks": "critic"}, "the other's.*'critic'"),
    "nor here": (vae, {"networks": "encoder discriminator"}, "this model's.*'discr"),
    "nothing in common": (
        lambda: tiny_domain(),
        {},
        "Expected a network to take, among critic, encoder, decoder",
    ),
    "no model of ours": (lambda: keras.Sequential(), {}, "of keras_svae.*Sequential"),
}


def tiny_domain():
    return {"extractor": tiny.dense([4], 2, "extractor")}


@pytest.mark.parametrize("case", CASES)
def test_what_does_not_fit_is_refused_and_changes_nothing(case):
    make, given, message = CASES[case]
    model = ks.SVAE(*nets())
    before = values(model)
    with pytest.raises(ValueError, match=f"(?s){message}"):
        model.load_weights_from(make(), **given)
    assert equal(values(model), before)


def test_other_image_shapes_are_refused_or_told():
    model = ks.SVAE(*ks.networks.dcgan(2, shape=(8, 8, 1), width=0.01, joint=True))
    with pytest.raises(ValueError, match="encoder: layer"):
        model.load_weights_from(
            ks.SVAE(*ks.networks.dcgan(2, shape=(16, 16, 1), width=0.01, joint=True))
        )

    def convolutional(side):
        x = keras.Input((side, side, 1))
        h = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 3)(x))
        return keras.Model(x, keras.layers.Dense(4)(h))

    made = ks.networks.dense(2, shape=(8, 8, 1), **SMALL)
    model = ks.SVAE(convolutional(8), made.decoder, made.critic)
    taken = model.load_weights_from({"encoder": convolutional(9)})
    assert taken.notes == [
        "encoder: input_shape is (None, 9, 9, 1) there, and (None, 8, 8, 1) here"
    ]


def test_no_file_is_no_file(tmp_path):
    model = ks.SVAE(*nets())
    (tmp_path / "weights.h5").write_text("")
    for path in (tmp_path / "none.keras", tmp_path, tmp_path / "weights.h5"):
        with pytest.raises(FileNotFoundError, match="Expected a .keras file"):
            model.load_weights_from(path)


def test_code_in_a_file_is_not_run(tmp_path):
    made = nets()
    h = keras.layers.Lambda(lambda x: x)(made.encoder.output)
    other = ks.VAE(keras.Model(made.encoder.input, h), made.decoder)
    other.save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="Lambda"):
        ks.SVAE(*nets()).load_weights_from(tmp_path)


def test_the_layers_that_fit_are_taken_if_that_is_asked_for():
    model, other = ks.SVAE(*nets()), vae(dim=2)
    last = values(model.encoder.get_layer("code"))
    taken = model.load_weights_from(other, partial=True)
    first = [one for one in model.encoder.layers if one.weights][0]
    assert equal(values(first), values(other.encoder)[:2])
    assert equal(values(model.encoder.get_layer("code")), last)
    assert taken["encoder"] == "2 of 4 weights"
    assert "(5, 6), (6,) here" in taken.left_out["encoder: layer 'code'"]
    # With another depth, layers that fit are found in their order.
    model, other = ks.SVAE(*nets()), vae(depth=2)
    model.load_weights_from(other, networks="encoder", partial=True)
    assert equal(values(model.encoder)[:2], values(other.encoder)[:2])
    assert equal(values(model.encoder)[2:], values(other.encoder)[4:])


def test_a_new_critic_and_critics_of_other_ratios():
    model, other = ks.SVAE(*nets()), ks.SVAE(*nets(seed=4))
    critic = values(model.critic)
    taken = model.load_weights_from(other, networks="encoder decoder")
    assert taken.left_out == {"critic": "not asked for"}
    assert equal(values(model.critic), critic)
    other = ks.AdversarialVariationalBayes(*nets(seed=4), posterior="gaussian")
    taken = model.load_weights_from(other)
    assert taken.left_out["critic"].endswith("there, and log p - log q of x, z here")
    assert equal(values(model.critic), critic)
    model.load_weights_from(other, networks="critic")  # it was asked for
    assert equal(values(model.critic), values(other.critic))


def test_laws_that_differ_are_told():
    model = ks.SVAE(*nets(likelihood=ks.distributions.Gaussian(0.1)))
    other = ks.SVAE(
        *nets(likelihood=ks.distributions.Laplace(activation="tanh")), prior="uniform"
    )
    notes = model.load_weights_from(other).notes
    assert "decoder: the prior is uniform there, and normal here" in notes
    assert any("Laplace(" in one and "Gaussian(" in one for one in notes)


class Scaled(keras.layers.Layer):
    """A layer with a layer in it and a weight of its own."""

    def build(self, shape):
        self.inner = keras.layers.Dense(5)
        self.inner.build(shape)
        self.scale = self.add_weight(shape=(5,), initializer="ones", name="scale")

    def call(self, x):
        return self.scale * self.inner(x)


def test_a_layer_that_is_made_of_others_is_one_piece():
    def with_scaled(seed, units):
        x = keras.Input((4,))
        keras.utils.set_random_seed(seed)
        h = keras.layers.Dense(units)(Scaled()(x))
        h = keras.layers.Dense(6)(h)
        return ks.VAE(keras.Model(x, h), nets().decoder)

    model, other = with_scaled(0, units=7), with_scaled(1, units=8)
    taken = model.load_weights_from(other, networks="encoder", partial=True)
    assert taken["encoder"] == "3 of 7 weights"
    assert equal(values(model.encoder)[:3], values(other.encoder)[:3])


def test_networks_that_share_a_layer_give_it_to_two():
    """A model's networks may not, but networks by name may."""
    trunk = keras.layers.Dense(5, name="trunk")

    def pair(first, second):
        """An encoder and a critic that begin with these layers."""
        x, z = keras.Input((4,)), keras.Input((3,))
        both = keras.layers.Concatenate()([second(x), z])
        critic = keras.Model([x, z], keras.layers.Dense(1)(both))
        return keras.Model(x, keras.layers.Dense(6)(first(x))), critic

    encoder, critic = pair(keras.layers.Dense(5), keras.layers.Dense(5))
    model = ks.SVAE(encoder, nets().decoder, critic)
    common = dict(zip(("encoder", "critic"), pair(trunk, trunk), strict=True))
    model.load_weights_from(common)
    assert equal(values(model.encoder), values(common["encoder"]))
    assert equal(values(model.critic), values(common["critic"]))


def test_optimizers_and_averages_start_anew():
    x = np.random.default_rng(0).uniform(size=(8, 4)).astype("float32")
    model = compiled(ks.SVAE(*nets()), ema=0.9)
    model.fit(x, epochs=1, verbose=0)
    model.optimizer.learning_rate = 0.02
    other = ks.SVAE(*nets(seed=5))
    model.load_weights_from(other)
    fresh = compiled(ks.SVAE(*nets(seed=6)), ema=0.9)
    fresh.load_weights_from(other)
    fresh.optimizer.learning_rate = 0.02
    fresh._step.assign(model.step)
    for one in (model, fresh):
        assert float(one.optimizer.learning_rate) == pytest.approx(0.02)
        one.fit(x, epochs=1, shuffle=False, verbose=0)
    assert equal(values(model), values(fresh))  # and no averages of before


METHODS = ["vae", "aim", "as_vae", "as_vae_g", "cgan", "semi_supervised_vae", "aae"]


@pytest.mark.parametrize("method", METHODS)
def test_each_kind_of_method_takes_its_own_networks(method):
    model = tiny.build(method, compiled=False)
    other = tiny.build(method, compiled=False)
    for variable in other.trainable_variables:
        variable.assign(variable + 1)
    taken = model.load_weights_from(other)
    assert not taken.left_out and not taken.notes
    assert equal(
        [v.numpy() for v in model.trainable_variables],
        [v.numpy() for v in other.trainable_variables],
    )


def test_the_two_stages_are_taken_whichever_is_trained():
    def two(stage):
        made = nets(likelihood="gaussian")
        second = ks.networks.second_stage(3, units=4)
        return ks.TwoStageVAE(made.encoder, made.decoder, *second, stage=stage)

    model, other = two("second"), two("first")
    other.gamma.log_gamma.assign(-1.0)
    taken = model.load_weights_from(other)
    assert len(taken) == 6 and float(model.gamma.log_gamma) == -1
    assert equal(values(model), values(other))


def normalised(mean):
    """A VAE whose encoder has statistics of its data."""
    layer = keras.layers.Normalization()
    layer.adapt(mean + np.random.default_rng(0).normal(size=(20, 3)))
    encoder = keras.Sequential([keras.Input((3,)), layer, keras.layers.Dense(4)])
    decoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    return ks.VAE(encoder, decoder, likelihood="gaussian", seed=0)


@pytest.mark.parametrize("way", ["a model", "a file of weights"])
def test_statistics_of_normalization_are_taken(way, tmp_path):
    x = (7 + np.random.default_rng(1).normal(size=(8, 3))).astype("float32")
    model, other = compiled(normalised(0.0)), compiled(normalised(7.0))
    before = model.evaluate(x, verbose=0)
    model.predict(x, verbose=0)
    if way == "a model":
        model.load_weights_from(other)
    else:
        other.save_weights(tmp_path / "a.weights.h5")
        model.load_weights(tmp_path / "a.weights.h5")
    np.testing.assert_array_equal(model.encode(x), other.encode(x))
    assert model.evaluate(x, verbose=0) == other.evaluate(x, verbose=0) != before
