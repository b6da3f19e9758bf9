"""Configurations write themselves."""

import keras
import numpy as np
import pytest

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


def test_arguments_without_names_cannot_be_saved():
    class Loose(ks.SVAE):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)

    nets = ks.networks.toy(units=4)
    with pytest.raises(ValueError, match=r"Loose to name.*received: \*args"):
        Loose(*nets).get_config()
    assert Loose(**nets._asdict()).get_config()["two_sided"] is True


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
