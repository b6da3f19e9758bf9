"""Settings that change after `compile` act, from the next epoch or call on."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.game import compiling
from tests.models import tiny


class At(keras.callbacks.Callback):
    """Does something when an epoch begins."""

    def __init__(self, epoch, do):
        super().__init__()
        self.epoch, self.do = epoch, do

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            self.do(self.model)


def fit(model, *callbacks, epochs=1, start=0):
    given = {"batch_size": 5, "shuffle": False, "verbose": 0}
    given |= {"epochs": epochs, "initial_epoch": start, "callbacks": list(callbacks)}
    return model.fit(tiny.data(n=10), **given).history


def test_a_weight_that_a_callback_changes_acts_from_that_epoch_on():
    """From 0, where the loss has no such term, and back."""

    def build(lam):
        return tiny.build("svae", optimizer=tiny.adam, lam=lam)

    def set_lam(model):
        model.lam = 2.0

    model = build(0.0)
    history = fit(model, At(1, set_lam), epochs=2)
    expected = build(0.0)
    fit(expected)
    other = build(2.0)
    for mine, theirs in zip(
        tiny.variables(other), tiny.variables(expected), strict=True
    ):
        mine.assign(theirs)
    later = fit(other, epochs=2, start=1)
    np.testing.assert_array_equal(tiny.flat(model), tiny.flat(other))
    assert history["autoencoder_loss"][1] == later["autoencoder_loss"][0]
    assert (
        history["autoencoder_reconstruction_x"] == later["autoencoder_reconstruction_x"]
    )
    # Evaluation has the new value, too, and so has the next call.
    given = {"verbose": 0, "return_dict": True}
    x = tiny.data(n=10)
    assert model.evaluate(x, **given) == other.evaluate(x, **given)
    assert model.get_config()["lam"] == 2.0


def test_turns_seed_and_play_act_at_the_next_call():
    model = tiny.build("svae", eager=False)
    fit(model)
    model.turns["critic"] = 3
    fit(model)
    assert int(model.critic_optimizer.iterations) == 2 + 3 * 2
    model.play = "simultaneous"
    with pytest.raises(
        ValueError, match="simultaneous play; received: turns=.'critic'"
    ):
        model.train_on_batch(tiny.data())
    model.play = "together"
    with pytest.raises(ValueError, match="Expected play to be .*received: 'toget"):
        model.train_on_batch(tiny.data())
    one, other = (tiny.build("vae") for _ in range(2))
    fit(one), fit(other)
    other.seed += 1
    fit(one), fit(other)
    assert not np.array_equal(tiny.flat(one), tiny.flat(other))


def test_nothing_is_traced_anew_where_nothing_changes():
    model = tiny.build("vae")
    fit(model)
    step = model.train_function
    fit(model, At(1, lambda model: setattr(model, "mine", 3)), epochs=3)
    assert model.train_function is step


def test_a_network_that_is_frozen_meanwhile_is_told():
    def freeze(model):
        model.encoder.trainable = False

    with pytest.raises(ValueError, match="Expected compile.. after a change of `train"):
        fit(tiny.build("vae", eager=True), At(1, freeze), epochs=2)


def test_a_callback_may_train_on_a_batch_within_fit():
    """It begins no training of its own: averages go on as `fit` has begun them."""
    model = tiny.build("vae", compiled=False)
    model.compile(tiny.adam(), ema=0.5, run_eagerly=True)
    once_more = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: model.train_on_batch(tiny.data())
    )
    fit(model, ks.callbacks.AveragedWeights(), once_more)
    assert model.step == 3
    assert model.averages.lent


@pytest.mark.parametrize("name", ["m.h5", "m.hdf5", "m.weights.h5"])
def test_a_file_that_could_not_be_read_is_not_written(name, tmp_path):
    model = tiny.build("vae", compiled=False)
    with pytest.raises(ValueError, match=f"ends in .keras; received: .*{name}'. save_"):
        model.save(tmp_path / name)
    assert not list(tmp_path.iterdir())
    model.save(tmp_path / "folder", zipped=False)
    assert (tmp_path / "folder").is_dir()


def test_evaluate_within_an_epoch_leaves_training_as_it_is():
    """The new value acts from the next epoch on."""
    model = tiny.build("svae", optimizer=tiny.adam, lam=0.5)
    found = []

    class Within(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.lam = 2.0
            found.append(self.model.evaluate(tiny.data(n=10), verbose=0))

    history = fit(model, Within(), epochs=2)
    assert len(found) == 4 and model.step == 4
    assert np.isfinite(history["autoencoder_loss"]).all()
    again = tiny.build("svae", optimizer=tiny.adam, lam=0.5)
    fit(again)
    again.lam = 2.0
    fit(again, epochs=2, start=1)
    np.testing.assert_array_equal(tiny.flat(model), tiny.flat(again))


def test_settings_that_change_often_are_told(monkeypatch):
    monkeypatch.setattr(compiling, "MANY", 2)
    model = tiny.build("svae", optimizer=tiny.adam, lam=0.0)
    for lam in (0.5, 1.0):
        model.lam = lam
        if lam == 0.5:
            model.train_on_batch(tiny.data(n=5))
    with pytest.warns(UserWarning, match="have changed 2 times.*keras.Variable"):
        model.train_on_batch(tiny.data(n=5))


def test_changed_turns_are_completed():
    model = tiny.build("svae", optimizer=tiny.adam)
    model.turns = {"critic": 3}
    fit(model)
    assert model.turns == {"critic": 3, "autoencoder": 1} and model.step == 2


@pytest.mark.parametrize(
    "kind", [tf.constant, np.float64, lambda value: np.array([value])]
)
def test_tensors_and_arrays_act_as_numbers_do(kind):
    class Weighted(ks.VAE):
        def __init__(self, *nets, beta=1.0, **kwargs):
            super().__init__(*nets, **kwargs)
            self.beta = beta

        def autoencoder_loss(self, draw):
            weight = tf.reshape(tf.cast(self.beta, tf.float32), [])
            return {"r": -draw.log_p_x, "kl": draw.kl * weight}

    nets = tiny.dense([tiny.DATA], 4, "encoder"), tiny.dense([2], tiny.DATA, "decoder")
    model = Weighted(*nets, likelihood="gaussian")
    model.compile(keras.optimizers.SGD(0.0))
    found = []
    for beta in (1.0, 100.0):
        model.beta = kind(beta)
        found.append(fit(model)["autoencoder_kl"][0])
    assert found[1] > 50 * found[0] > 0


# ---- What a user's class sets ----------------------------------------------------


class Annealed(ks.VAE):
    """The weight of its last term is no argument of the constructor."""

    of_class = 1.0

    def __init__(self, encoder, decoder, **more):
        self.early = 1.0
        super().__init__(encoder, decoder, **more)
        self.beta = 1.0
        self._hidden = np.float32(1.0)
        self.table = {"beta": 1.0, "names": ("a", "b")}
        self.pair = [1.0, 2.0]
        # Where it notes something.
        self.seen, self.notes = [], {"loss": []}
        self.data = np.zeros([1000])

    def weight(self):
        known = self.beta * self._hidden * self.of_class * self.early
        return known * self.table["beta"] * self.pair[0]

    def autoencoder_loss(self, draw):
        return {"kl": self.weight() * draw.kl, "reconstruction_x": -draw.log_p_x}


def in_table(model):
    model.table["beta"] = 3.0


def in_pair(model):
    model.pair[0] = 3.0


@pytest.mark.parametrize(
    "change",
    [
        lambda model: setattr(model, "beta", 3.0),
        lambda model: setattr(model, "_hidden", 3.0),
        lambda model: setattr(model, "of_class", 3.0),
        lambda model: setattr(model, "early", tf.constant(3.0)),
        in_table,
        in_pair,
    ],
)
def test_what_a_user_s_class_sets_acts_when_it_changes(change):
    nets = tiny.dense([3], 4, "encoder"), tiny.dense([2], 3, "decoder")
    model = Annealed(*nets, likelihood="gaussian", seed=0)
    model.compile(keras.optimizers.SGD(0.0))
    x = tiny.data(n=10)
    before = model.evaluate(x, verbose=0, return_dict=True)
    first = model.train_function, model.test_function
    model.notes["loss"].append(1.0)
    model.seen.append(2.0)
    model.data[0] = 5.0
    assert model.evaluate(x, verbose=0, return_dict=True) == before
    assert (model.train_function, model.test_function) == first
    change(model)
    after = model.evaluate(x, verbose=0, return_dict=True)
    assert after["autoencoder_kl"] == pytest.approx(3 * before["autoencoder_kl"])
    history = fit(model, epochs=1)
    assert history["autoencoder_kl"][0] > 1.5 * before["autoencoder_kl"]


class Fixed(ks.SVAE):
    """It fixes an argument of its base class."""

    def __init__(self, encoder, decoder, critic):
        super().__init__(encoder, decoder, critic, lam=0.5, likelihood="gaussian")


def test_an_argument_that_a_class_fixes_acts_when_it_changes():
    made = tiny.build("svae", compiled=False)
    model = Fixed(made.encoder, made.decoder, made.critic)
    model.compile(keras.optimizers.SGD(0.0), critic_optimizer=keras.optimizers.SGD(0.0))
    before = fit(model)["autoencoder_reconstruction_x"]
    model.lam = 1.5
    np.testing.assert_allclose(
        fit(model)["autoencoder_reconstruction_x"], 3 * np.array(before), rtol=0.3
    )


def test_a_law_s_number_acts_when_it_changes():
    law = ks.distributions.Gaussian(1.0, draw="mean")
    model, other = (tiny.build("vae", likelihood=law) for _ in range(2))
    x = tiny.data(n=10)
    model.evaluate(x, verbose=0)
    law.scale = 0.1
    assert model.evaluate(x, verbose=0) == other.evaluate(x, verbose=0)


def test_what_this_package_and_keras_set_is_no_setting_of_a_user():
    model = tiny.build("svae")
    fit(model, epochs=2)
    assert model._own_settings <= {*model.get_config(), "name"}


def test_a_new_setting_reaches_predict():
    class Louder(ks.VAE):
        gain = 1.0

        def call(self, inputs, training=False):
            return self.gain * super().call(inputs, training)

    nets = tiny.build("vae", compiled=False)
    model = Louder(nets.encoder, nets.decoder, likelihood="gaussian", seed=0)
    model.compile(tiny.adam())
    x = tiny.data()
    before = model.predict(x, verbose=0)
    model.gain = 3.0
    model.evaluate(x, verbose=0)
    np.testing.assert_allclose(model.predict(x, verbose=0), 3 * before, rtol=1e-5)
