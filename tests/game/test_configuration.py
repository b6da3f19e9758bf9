"""Configurations write themselves."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from tests.models import tiny


@keras.saving.register_keras_serializable(package="tests")
class Sharper(ks.SVAE):
    """A method of a user's own, without a `get_config`."""

    def __init__(self, encoder, decoder, critic, *, power=2.0, rule=None, **kwargs):
        super().__init__(encoder, decoder, critic, lam=0.5, **kwargs)
        self.power, self.rule = power, rule


def made(**options):
    nets = ks.networks.toy(units=4, depth=1)
    return Sharper(*nets, **options)


def test_arguments_of_the_outermost_constructor_are_saved_and_what_it_fixes_is_not():
    config = made(power=3.0, seed=7).get_config()
    assert config["power"] == 3.0 and config["seed"] == 7 and config["rule"] is None
    assert "lam" not in config  # the class's own, not the user's
    assert config["two_sided"] is True  # a default of the base, passed on by nobody
    assert config["play"] == "alternating" and config["turns"] == {
        "critic": 1,
        "autoencoder": 1,
    }
    assert config["made_by"].startswith("keras_svae ")


def test_it_makes_the_same_model_again(tmp_path):
    model = made(power=3.0, rule={"steps": [1, 2], "law": "linear"}, name="mine")
    model.save(tmp_path / "mine.keras")
    again = keras.saving.load_model(tmp_path / "mine.keras")
    assert (again.power, again.lam, again.name) == (3.0, 0.5, "mine")
    assert again.rule == {"steps": [1, 2], "law": "linear"}
    np.testing.assert_array_equal(model.generate(3), again.generate(3))


def test_a_plain_value_is_saved_as_it_is_now():
    model = ks.SVAE(*ks.networks.toy(units=4), lam=0.1)
    model.lam = 0.7
    assert model.get_config()["lam"] == 0.7


def test_python_s_own_words_for_wrong_arguments():
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        ks.SVAE(*ks.networks.toy(units=4)[:2])


def test_arguments_without_names_come_back(tmp_path):
    @keras.saving.register_keras_serializable(package="tests")
    class Loose(ks.SVAE):
        def __init__(self, encoder, *others, power=1.0, **kwargs):
            super().__init__(encoder, *others, **kwargs)
            self.power = power

    nets = ks.networks.toy(units=4)
    model = Loose(*nets, power=2.0, lam=0.3)
    again = saved_and_loaded(model, tmp_path)
    assert (again.power, again.lam) == (2.0, 0.3)
    np.testing.assert_array_equal(again.generate(3), model.generate(3))
    assert Loose(**named(nets)).get_config()["two_sided"] is True


def test_a_constructor_that_takes_no_more_is_not_given_more():
    @keras.saving.register_keras_serializable(package="tests")
    class Mine(ks.VAE):
        def __init__(self, encoder, decoder, beta=2.0, *, seed=0, name=None):
            super().__init__(encoder, decoder, prior="normal", seed=seed, name=name)
            self.beta = beta

    @keras.saving.register_keras_serializable(package="tests")
    class Nameless(Mine):
        def __init__(self, encoder, decoder, power=1.0, **kwargs):
            super().__init__(encoder, decoder, name="nameless", **kwargs)
            self.power = power

    nets = ks.networks.toy(units=4)[:2]
    for model in (Mine(*nets, 3.0, seed=7), Nameless(*nets, 5.0, beta=3.0, seed=7)):
        again = tiny.made_again(model)
        assert (again.beta, again.seed, again.name) == (3.0, 7, model.name)
    assert again.power == 5.0


def test_a_class_beside_the_model_may_have_the_constructor():
    class Mixin:
        def __init__(self, *args, extra=1, **kwargs):
            super().__init__(*args, **kwargs)
            self.extra = extra

    @keras.saving.register_keras_serializable(package="tests")
    class Mixed(Mixin, ks.VAE):
        pass

    @keras.saving.register_keras_serializable(package="tests")
    class MixedOnce(Mixed):
        pass

    nets = ks.networks.toy(units=4)[:2]
    for cls in (Mixed, MixedOnce):
        again = tiny.made_again(cls(*nets, extra=3, seed=5))
        assert (again.extra, again.seed) == (3, 5)


def test_networks_and_laws_within_lists_and_dictionaries_come_back(tmp_path):
    @keras.saving.register_keras_serializable(package="tests")
    class Many(ks.VAE):
        def __init__(self, encoder, decoder, extra=(), laws=None, **kwargs):
            super().__init__(encoder, decoder, **kwargs)
            self.extra, self.laws = list(extra), laws

    @keras.saving.register_keras_serializable(package="tests")
    class Called(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.dense = keras.layers.Dense(3)

        def call(self, x):
            return self.dense(x)

    called = Called()
    called(np.zeros([1, 2], "float32"))
    laws = {"of": [ks.distributions.Laplace(2.0), "none"], "size": 3}
    nets = ks.networks.toy(units=4)[:2]
    model = Many(*nets, [tiny.dense([2], 4, "more"), called], laws)
    again = saved_and_loaded(model, tmp_path)
    x = np.ones([1, 2], "float32")
    for one, other in zip(model.extra, again.extra, strict=True):
        np.testing.assert_array_equal(one(x), other(x))
    law, *rest = again.laws["of"]
    assert isinstance(law, ks.distributions.Laplace) and law.scale == 2.0
    assert rest == ["none"] and again.laws["size"] == 3


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (np.float32(0.5), 0.5),
        (tf.constant(0.25), 0.25),
        ([1, np.int64(2)], [1, 2]),
        ({"a": [3]}, {"a": [3]}),
        (None, None),
        (np.arange(3), [0, 1, 2]),
    ],
)
def test_a_value_of_any_kind_is_saved_as_it_is_now(value, found):
    model = made(power=7.0)
    model.power = value
    now = tiny.made_again(model).power
    assert (now.tolist() if isinstance(now, np.ndarray) else now) == found
    assert type(now) is not float or type(model.get_config()["power"]) is float


def test_a_value_that_is_changed_in_place_is_saved_as_it_is_now():
    model = made(rule={"steps": [1, 2]}, power=np.zeros(2))
    model.rule["steps"].append(3)
    model.power[1] = 4.0
    again = tiny.made_again(model)
    assert again.rule == {"steps": [1, 2, 3]} and again.power.tolist() == [0.0, 4.0]


def test_another_network_or_law_is_refused():
    model = ks.SVAE(*ks.networks.toy(units=4))
    other = ks.SVAE(*ks.networks.toy(units=8))
    for name in ("encoder", "decoder", "critic", "likelihood_law", "posterior_law"):
        before = getattr(model, name)
        with pytest.raises(AttributeError, match=f"Expected the {name} that the model"):
            setattr(model, name, getattr(other, name))
        assert getattr(model, name) is before
    with pytest.raises(AttributeError, match="received: another one, 'uniform'"):
        model.prior_name = "uniform"
    model.encoder = model.encoder
    first = [tiny.dense([3], 4, "one"), tiny.dense([2], 3, "two")]
    second = [tiny.dense([2], 4, "three"), tiny.dense([2], 2, "four")]
    both = ks.TwoStageVAE(*first, *second, stage="second")
    with pytest.raises(AttributeError, match="Expected the second "):
        both.second = both
    with pytest.raises(AttributeError, match="Expected the decoder "):
        both.decoder = other.decoder


def saved_and_loaded(model, folder):
    model.save(folder / "model.keras")
    return keras.saving.load_model(folder / "model.keras", safe_mode=True)


def named(nets):
    return dict(zip(("encoder", "decoder", "critic"), nets, strict=True))


@pytest.mark.parametrize("method", [*tiny.METHODS, *tiny.UNIFYING])
def test_every_method_comes_back_from_its_configuration(method):
    model = tiny.build(method, compiled=False)
    config = model.get_config()
    again = type(model).from_config(config)
    kept = {k: v for k, v in config.items() if not _network(v)}
    found = again.get_config()
    assert {k: found[k] for k in kept} == kept
    assert set(found) == set(config)


def _network(value):
    return isinstance(value, dict) and value.get("class_name") in (
        "Functional",
        "Sequential",
    )


@keras.saving.register_keras_serializable(package="tests")
class InKerassWay(ks.VAE):
    """Its configuration is made and read as Keras's guide on saving does it."""

    def __init__(self, encoder, decoder, beta=1.0, likelihood="gaussian"):
        super().__init__(encoder, decoder, likelihood=likelihood)
        self.beta = beta

    def get_config(self):
        found = super().get_config()
        names = ("made_by", "encoder", "decoder", "likelihood")
        return {**{name: found[name] for name in names}, "beta": self.beta}

    @classmethod
    def from_config(cls, config):
        for name in ("encoder", "decoder"):
            config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)


def test_a_configuration_may_be_read_in_keras_s_way(tmp_path):
    nets = tiny.build("vae", compiled=False)
    model = InKerassWay(nets.encoder, nets.decoder, beta=3.0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.beta == 3.0
    np.testing.assert_array_equal(loaded.generate(3), model.generate(3))
