"""A `compile` of the user's own, as Keras's guides write it."""

import copy

import keras
import numpy as np
import pytest

import keras_svae as ks
from tests.models import tiny


@keras.saving.register_keras_serializable(package="own_compile")
class Weighed(ks.VAE):
    """A weight, and a loss object, that `compile` is given."""

    def compile(self, optimizer, beta=1.0, *, cost=None, table=None, **kwargs):
        self.beta, self.cost, self.table = beta, cost, table
        super().compile(optimizer, **kwargs)

    def autoencoder_loss(self, draw):
        return {"kl": self.beta * draw.kl, "reconstruction_x": -draw.log_p_x}


@keras.saving.register_keras_serializable(package="own_compile")
class Named(ks.SVAE):
    """Optimizers of other names, one of which it makes itself."""

    def compile(self, g_optimizer, *, rate=0.1):
        own = keras.optimizers.SGD(rate)
        super().compile(optimizer=g_optimizer, critic_optimizer=own)


@keras.saving.register_keras_serializable(package="own_compile")
class Passing(ks.VAE):
    def compile(self, *args, beta=1.0, **kwargs):
        self.beta = beta
        super().compile(*args, **kwargs)


class Foreign:
    """It stands before the model's class."""

    def compile(self, optimizer, beta=1.0, **kwargs):
        self.beta = beta
        super().compile(optimizer, **kwargs)


@keras.saving.register_keras_serializable(package="own_compile")
class Mixed(Foreign, ks.VAE):
    pass


@keras.saving.register_keras_serializable(package="own_compile")
class Deeper(Weighed):
    def compile(self, more, **kwargs):
        super().compile("adam", beta=more + 1.0, **kwargs)


def made(cls):
    nets = tiny.dense([3], 4, "encoder"), tiny.dense([2], 3, "decoder")
    more = [tiny.dense([3, 2], 1, "critic")] if issubclass(cls, ks.SVAE) else []
    return cls(*nets, *more, likelihood="gaussian", seed=0)


def from_file(model, folder):
    model.save(folder / "model.keras")
    return keras.saving.load_model(folder / "model.keras")


def taken(model, folder):
    model.load_weights_from(made(ks.VAE))
    return model


def copied(model, folder):
    return copy.deepcopy(model)


WAYS = [from_file, copied, taken]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("cls", [Weighed, Passing, Mixed])
def test_what_compile_was_given_comes_back(cls, way, tmp_path):
    model = made(cls)
    model.compile(ks.optimizers.Adam(0.25), beta=7.0, steps_per_execution=2)
    model.optimizer.learning_rate = 0.125
    again = way(model, tmp_path)
    assert again.beta == 7.0 and again.steps_per_execution == 2
    assert float(again.optimizer.learning_rate) == 0.125
    assert isinstance(again.optimizer, ks.optimizers.Adam)
    again.fit(tiny.data(n=10), batch_size=5, verbose=0)
    assert int(again.optimizer.iterations) == 2
    assert from_file(again, tmp_path).beta == 7.0


@pytest.mark.parametrize("way", [from_file, copied])
def test_objects_and_dictionaries_of_compile_come_back(way, tmp_path):
    model = made(Weighed)
    cost = keras.losses.Huber(delta=0.5)
    table = {0: 1.0, 1: [2.0]}
    model.compile("sgd", cost=cost, table=table)
    table[0] = 9.0
    again = way(model, tmp_path)
    assert again.table == {0: 1.0, 1: [2.0]}
    assert again.cost.get_config() == cost.get_config()
    assert isinstance(again.optimizer, keras.optimizers.SGD)
    assert again.beta == 1.0


def test_a_value_that_changed_since_is_the_one_that_comes_back(tmp_path):
    model = made(Weighed)
    model.compile("sgd", beta=2.0)
    x, given = tiny.data(n=10), {"verbose": 0, "return_dict": True}
    before = model.evaluate(x, **given)["autoencoder_kl"]
    model.beta = 6.0
    now = model.evaluate(x, **given)["autoencoder_kl"]
    assert now == pytest.approx(3 * before)
    again = from_file(model, tmp_path)
    assert again.beta == 6.0
    assert again.evaluate(x, **given)["autoencoder_kl"] == pytest.approx(now)


def test_optimizers_of_other_names(tmp_path):
    model = made(Named)
    model.compile(ks.optimizers.Adam(0.25), rate=0.5)
    model.optimizer.learning_rate = 0.125
    for again in (from_file(model, tmp_path), taken(model, tmp_path)):
        assert float(again.optimizer.learning_rate) == 0.125
        assert float(again.critic_optimizer.learning_rate) == 0.5
        assert again.critic_optimizer is not again.optimizer


def test_the_outermost_compile_is_the_one_that_runs_again(tmp_path):
    model = made(Deeper)
    model.compile(4.0)
    assert model.beta == 5.0 and from_file(model, tmp_path).beta == 5.0
    # The base class's, called by itself, is what then comes back.
    ks.VAE.compile(model, "sgd")
    assert model.get_compile_config().keys() == made_compiled().keys()


def made_compiled():
    model = made(ks.VAE)
    model.compile("sgd")
    return model.get_compile_config()


def test_an_argument_of_compile_that_no_file_can_hold_is_told(tmp_path):
    model = made(Weighed)
    with pytest.warns(UserWarning, match="Expected cost of compile.. as a value that"):
        model.compile("sgd", cost=object())
    again = from_file(model, tmp_path)
    assert not again.compiled
    np.testing.assert_array_equal(again.encode(tiny.data()), model.encode(tiny.data()))
    assert taken(model, tmp_path).cost is model.cost


class Late(Weighed):
    def compile(self, optimizer, gamma):
        super().compile(optimizer)
        self.gamma = gamma

    def autoencoder_loss(self, draw):
        return {"kl": self.gamma * draw.kl, "reconstruction_x": -draw.log_p_x}


def test_what_the_losses_read_has_to_be_there_before():
    with pytest.raises(AttributeError, match="no attribute 'gamma'") as error:
        made(Late).compile("sgd", 1.0)
    assert "before super().compile(...)" in error.value.__notes__[0]


class Forgetful(ks.VAE):
    def compile(self, optimizer):
        super().compile(optimizer)
        self.rate = self.forgotten


def test_a_compile_that_ends_with_an_attribute_error_has_not_compiled():
    model = made(Forgetful)
    with pytest.raises(AttributeError, match="no attribute 'forgotten'"):
        model.compile("sgd")
    assert not model.compiled
    with pytest.raises(ValueError, match="Expected a compiled model"):
        model.fit(tiny.data(n=8)[:, :3], verbose=0)


def test_a_compile_that_fails_leaves_what_it_set_a_setting():
    model = made(Weighed)
    with pytest.raises(ValueError, match="steps_per_execution"):
        model.compile("adam", beta=1.0, steps_per_execution=0)
    assert not model.compiled
    model.compile("adam")
    x = tiny.data(n=8)[:, :3]
    before = model.evaluate(x, verbose=0, return_dict=True)["autoencoder_kl"]
    model.beta = 100.0
    after = model.evaluate(x, verbose=0, return_dict=True)["autoencoder_kl"]
    np.testing.assert_allclose(after, 100 * before, rtol=0.2)


class InConstructor(ks.VAE):
    def __init__(self, encoder, decoder, **kwargs):
        super().__init__(encoder, decoder, **kwargs)
        self.compile("adam", beta=2.0)

    def compile(self, optimizer, beta=1.0, **kwargs):
        self.beta = beta
        super().compile(optimizer, **kwargs)

    def autoencoder_loss(self, draw):
        return {"kl": self.beta * draw.kl, "reconstruction_x": -draw.log_p_x}


def test_a_constructor_may_compile():
    assert "beta" in made(InConstructor)._own_settings


class Several(ks.SVAE):
    def compile(self, optimizers, **kwargs):
        super().compile(optimizers["a"], critic_optimizer=optimizers["c"], **kwargs)


def test_optimizers_in_a_dictionary_are_new_where_weights_are_taken():
    model = made(Several)
    sgd = keras.optimizers.SGD
    model.compile({"a": sgd(0.1), "c": sgd(0.1)}, run_eagerly=True)
    model.train_on_batch(tiny.data(n=8)[:, :3])
    assert int(model.optimizer.iterations) == 1
    model.load_weights_from(made(ks.SVAE))
    assert int(model.optimizer.iterations) == 0
