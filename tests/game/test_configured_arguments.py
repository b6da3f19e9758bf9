"""Arguments are saved as they were given; one that no file can hold is named."""

import copy
import inspect
import pathlib
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from tests.models import tiny


def test_a_value_that_the_constructor_changes_is_saved_as_it_was_given():
    @keras.saving.register_keras_serializable(package="tests")
    class Scaled(ks.VAE):
        def __init__(self, encoder, decoder, beta=1.0, **kwargs):
            super().__init__(encoder, decoder, **kwargs)
            self.beta = beta * 10

    model = Scaled(*ks.networks.toy(units=4)[:2], beta=2.0)
    assert tiny.made_again(model).beta == 20.0


def test_a_changed_value_that_no_file_can_hold_is_named():
    model = tiny.build("svae", lam=0.1)
    model.lam = tf.Variable(0.7)
    with pytest.raises(ValueError, match="Expected lam as a value that can be saved"):
        model.get_config()


class Keeps(ks.VAE):
    """It keeps its argument under another name, and changes it in place."""

    change = staticmethod(lambda given: None)

    def __init__(self, encoder, decoder, given, names=["a", "b"], **more):  # noqa: B006
        super().__init__(encoder, decoder, **more)
        self.found = copy.copy(given)
        self.change(given)
        names.reverse()


def vae(cls, *given, **more):
    nets = tiny.dense([3], 4, "encoder"), tiny.dense([2], 3, "decoder")
    return cls(*nets, *given, likelihood="gaussian", **more)


@pytest.mark.parametrize(
    ("given", "change"),
    [
        ([8, 16], lambda one: one.reverse()),
        ({"beta": 9.0}, lambda one: one.pop("beta")),
        ({"of": [[8], 16]}, lambda one: one["of"][0].append(1)),
        (np.array([1.0, 3.0]), lambda one: np.divide(one, 4.0, out=one)),
    ],
)
@pytest.mark.parametrize("when", ["in the constructor", "later"])
def test_an_argument_is_saved_as_it_was_given(given, change, when, monkeypatch):
    before, mine = copy.deepcopy(given), copy.deepcopy(given)
    if when == "later":
        model = vae(Keeps, mine)
        change(mine)
    else:
        with monkeypatch.context() as patch:
            patch.setattr(Keeps, "change", staticmethod(change))
            model = vae(Keeps, mine)
    again = Keeps.from_config(model.get_config())
    np.testing.assert_equal(again.found, before)


def test_a_default_is_saved_as_it_was_when_the_constructor_began():
    before = [*inspect.signature(Keeps).parameters["names"].default]
    model = vae(Keeps, 1)
    now = inspect.signature(Keeps).parameters["names"].default
    assert model.get_config()["names"] == before != now


@keras.saving.register_keras_serializable(package="tests")
class Costs(ks.VAE):
    def __init__(self, encoder, decoder, costs, **more):
        super().__init__(encoder, decoder, **more)
        self.costs = costs


@pytest.mark.parametrize(
    "costs",
    [
        {0: 5.0, 1: 0.1},
        {np.int64(2): "a", None: 1, True: 2, 0.5: 3, "b": [{7: 8}]},
        {(0, (1, 2)): {"a": {3: 4}}},
        {},
    ],
)
def test_keys_of_a_dictionary_that_are_no_texts_come_back(costs):
    model = vae(Costs, costs)
    again = tiny.made_again(model)
    assert again.costs == costs
    assert not {type(key) for key in again.costs} - {
        int,
        str,
        float,
        bool,
        tuple,
        type(None),
    }
    assert again.get_config()["costs"] == model.get_config()["costs"]
    assert copy.deepcopy(model).costs == costs


@pytest.mark.parametrize(
    "value",
    [
        {1, 2},
        pathlib.Path("a"),
        np.square,
        tf.ragged.constant([[1.0], [2.0, 3.0]]),
        [{"a": object()}],
        {frozenset([1]): 1},
    ],
)
def test_an_argument_that_no_file_can_hold_is_told_at_once(value):
    wanted = "Expected costs of Costs as a value that can be saved.*received"
    with pytest.warns(UserWarning, match=wanted) as told:
        model = vae(Costs, value)
    assert len(told) == 1 and told[0].filename == __file__
    with pytest.raises(ValueError, match="Expected costs as a value that can be save"):
        model.get_config()


def test_functions_and_objects_of_keras_are_no_matter_for_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for value in (tf.square, keras.losses.MeanSquaredError(), keras.Sequential()):
            vae(Costs, value)
