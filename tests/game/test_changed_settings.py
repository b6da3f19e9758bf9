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
    with pytest.raises(ValueError, match="Expected play to be .*received: play='toget"):
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


def test_compile_after_averages_goes_on_with_the_trained_weights():
    def trained(*callbacks):
        model = tiny.build("vae", compiled=False)
        model.compile(keras.optimizers.SGD(0.1), ema=0.9, run_eagerly=True)
        fit(model, *callbacks, epochs=2)
        return model

    raw, model = trained(), trained(ks.callbacks.AveragedWeights())
    averages = tiny.flat(model, trainable=True)
    assert not np.array_equal(averages, tiny.flat(raw, trainable=True))
    model.encoder.trainable = False
    model.compile(keras.optimizers.SGD(0.1), ema=0.9)
    model.encoder.trainable = True
    np.testing.assert_array_equal(
        tiny.flat(raw, trainable=True), tiny.flat(model, trainable=True)
    )
    # Without averages, a model keeps the weights that it shows.
    model = trained(ks.callbacks.AveragedWeights())
    model.compile(keras.optimizers.SGD(0.1))
    np.testing.assert_array_equal(averages, tiny.flat(model, trainable=True))


def test_an_optimizer_of_other_weights_is_refused_at_compile():
    adam = keras.optimizers.Adam(0.01)
    model = tiny.build("vae", compiled=False)
    model.encoder.trainable = False
    model.compile(adam)
    model.compile(adam)
    model.encoder.trainable = True
    with pytest.raises(ValueError, match="for optimizer=.*' is not among"):
        model.compile(adam)
    model.encoder.trainable = False
    fit(model)
    with pytest.raises(ValueError, match="for optimizer=.*' is not among"):
        tiny.build("vae", compiled=False).compile(adam)
    # Fewer of its weights are fine.
    model.decoder.layers[-1].trainable = False
    model.compile(adam, run_eagerly=True)
    fit(model)


@pytest.mark.parametrize(
    "method, name, value, message",
    [
        ("svae_r", "lam", -1.0, "lam to be finite and >= 0; received: lam=-1.0"),
        ("svae_r", "lam", float("nan"), "lam to be finite"),
        ("svae_r", "lam", [0.1, 0.2, 0.3], "lam to be a number or a pair"),
        ("svae_r", "two_sided", "no", "two_sided to be True or False"),
        ("svae_r", "reduction", "median", "reduction to be one of"),
        ("wgan", "clip", "a", "clip to be finite and > 0"),
        # What the constructor turns into something else would not act.
        ("gan", "loss", "minimax", "a new model for another loss, which the const"),
        ("unrolled_gan", "loss", "non_saturating", "a new model for another loss"),
        (
            "as_vae",
            "part",
            "generation",
            "a new model for another part, from .*keeps_x",
        ),
        ("aim", "variance", "unit", "the encoder's raw output .2,., what Gaussian"),
    ],
)
def test_a_setting_that_the_constructor_would_refuse_changes_no_weight(
    method, name, value, message, tmp_path
):
    model = tiny.build(method, eager=True)
    before = tiny.flat(model)
    setattr(model, name, value)
    for call in (
        lambda: fit(model),
        lambda: model.train_on_batch(tiny.data()),
        lambda: model.evaluate(tiny.data(), verbose=0),
        lambda: model.save(tmp_path / "m.keras"),
        lambda: model.compile(**model.optimizers),
    ):
        with pytest.raises(ValueError, match=f"Expected {message}"):
            call()
    np.testing.assert_array_equal(tiny.flat(model), before)
    assert not [*tmp_path.iterdir()]


class Steep(ks.VAE):
    """A method of one's own. Its constructor does what it likes with the networks."""

    def __init__(self, encoder, decoder, *, beta, steep=1.0, more=None, **kwargs):
        super().__init__(encoder, decoder, **kwargs)
        if beta > 5:
            raise ValueError(f"Expected beta <= 5; received: {beta}")
        self.beta, self.steep, self.scale, self.made = beta, steep, 2 * steep, object()
        self.drawn = np.random.random()
        decoder.trainable = False
        self.encoder.weights[0].assign(tf.zeros_like(self.encoder.weights[0]))
        self.more = None if more is None else next(more)

    def autoencoder_loss(self, draw):
        return {"bound": self.scale * -draw.log_p_x + self.beta * draw.kl}


def test_checks_of_a_method_of_ones_own_hold_and_leave_the_model_as_it_is():
    nets = tiny.build("vae", compiled=False)
    model = Steep(nets.encoder, nets.decoder, beta=1.0, likelihood="gaussian")
    model.decoder.trainable = True
    model.compile(tiny.adam(), run_eagerly=True)
    fit(model)
    before, drawn = tiny.flat(model), np.random.get_state()[1].tolist()
    model.beta = 6.0
    with pytest.raises(ValueError, match="Expected beta <= 5; received: 6.0") as caught:
        fit(model)
    assert caught.value.__notes__ == ["Changed after the model was made: beta."]
    model.beta, model.steep = 2.0, 3.0
    with pytest.raises(ValueError, match="another beta and steep, .* makes scale;"):
        fit(model)
    np.testing.assert_array_equal(tiny.flat(model), before)
    model.scale = 6.0  # now all is as in a new model
    assert model.get_config()["steep"] == 3.0
    np.testing.assert_array_equal(tiny.flat(model), before)
    assert model.decoder.trainable
    fit(model)
    assert np.random.get_state()[1].tolist() == drawn


def test_a_constructor_that_cannot_be_called_twice_is_no_check():
    nets = tiny.build("vae", compiled=False)
    given = {"beta": 1.0, "more": iter([1]), "likelihood": "gaussian"}
    with pytest.warns(UserWarning, match="Expected more of Steep as a value"):
        model = Steep(nets.encoder, nets.decoder, **given)
    model.compile(tiny.adam(), run_eagerly=True)
    model.beta = 2.0
    fit(model)


def test_a_setting_becomes_what_the_constructor_keeps():
    model = tiny.build("svae_r", eager=True)
    model.lam = tf.constant(0.5)
    fit(model)
    assert model.lam == 0.5 and isinstance(model.lam, float)
    model.lam = [0.5, 1]
    assert model.get_config()["lam"] == (0.5, 1.0)
    assert model.lam == (0.5, 1.0)


@pytest.mark.skipif(
    not hasattr(keras.optimizers, "ScheduleFreeAdamW"), reason="not in this Keras"
)
def test_weights_that_are_set_after_compile_are_those_that_train():
    """Keras's optimizer begins at a copy that it made when it was built."""
    model = tiny.build("vae", compiled=False)
    model.compile(keras.optimizers.ScheduleFreeAdamW(1e-6), run_eagerly=True)
    weights = [1.5 * one.numpy() + 0.1 for one in model.trainable_variables]
    for one, value in zip(model.trainable_variables, weights, strict=True):
        one.assign(value)
    for _ in range(2):
        model.train_on_batch(tiny.data())
    for one, value in zip(model.trainable_variables, weights, strict=True):
        np.testing.assert_allclose(one.numpy(), value, atol=1e-4)


def test_weights_that_do_not_decay_are_told_where_they_would(tmp_path):
    adam = keras.optimizers.AdamW(0.01)
    adam.exclude_from_weight_decay(var_names=["bias"])
    model = tiny.build("vae", compiled=False)
    model.compile(adam, run_eagerly=True)
    model.train_on_batch(tiny.data())
    with pytest.warns(UserWarning, match="lacks what exclude_from.* in 'optimizer'"):
        model.save(tmp_path / "m.keras")
    model.compile(keras.optimizers.AdamW(0.01), run_eagerly=True)
    model.train_on_batch(tiny.data())
    model.save(tmp_path / "m.keras")  # without a word


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


def test_an_optimizer_that_was_built_elsewhere_is_refused_at_compile():
    """By another Keras model, or by hand for some of the weights."""
    model = tiny.build("vae", compiled=False)
    for variables in ([keras.Variable([1.0])], model.encoder.trainable_variables):
        adam = keras.optimizers.Adam(0.01)
        adam.build(variables)
        with pytest.raises(ValueError, match="for optimizer=.*' is not among"):
            model.compile(adam)
        assert not model.compiled
    adam = keras.optimizers.Adam(0.01)
    adam.build(model.trainable_variables)
    model.compile(adam, run_eagerly=True)
    model.train_on_batch(tiny.data())
    assert int(adam.iterations) == 1


def test_a_failed_compile_leaves_no_model_that_seems_compiled():
    class Late(ks.VAE):
        def autoencoder_loss(self, draw):
            raise RuntimeError("of the loss")

    nets = tiny.build("vae", compiled=False)
    model = Late(nets.encoder, nets.decoder, likelihood="gaussian")
    with pytest.raises(RuntimeError, match="of the loss"):
        model.compile(tiny.adam())
    assert not model.compiled
    with pytest.raises(ValueError, match="Expected a compiled model"):
        model.train_on_batch(tiny.data())


def test_another_optimizer_wants_compile():
    model = tiny.build("svae", eager=True)
    model.critic_optimizer = keras.optimizers.SGD(0.0)
    before = tiny.flat(model)
    with pytest.raises(ValueError, match="Expected compile.*model.critic_optimizer"):
        fit(model)
    with pytest.raises(ValueError, match="Expected compile.*model.critic_optimizer"):
        model.train_on_batch(tiny.data())
    np.testing.assert_array_equal(tiny.flat(model), before)
    model.evaluate(tiny.data(), verbose=0)
    model.compile(model.optimizer, critic_optimizer=model.critic_optimizer)
    fit(model)


@pytest.mark.parametrize(
    "name, value",
    [
        ("global_clipnorm", 1e-12),
        ("learning_rate", keras.optimizers.schedules.ExponentialDecay(1e-30, 9, 0.9)),
    ],
)
def test_a_setting_of_an_optimizer_acts_from_the_next_call_on(name, value):
    model = tiny.build("vae", optimizer=lambda: keras.optimizers.SGD(0.1))
    fit(model)
    step = model.train_function
    model.optimizer.learning_rate = 0.2  # a variable, which the step reads
    fit(model)
    assert model.train_function is step
    setattr(model.optimizer, name, value)
    before = tiny.flat(model, trainable=True)
    fit(model)
    np.testing.assert_allclose(tiny.flat(model, trainable=True), before, atol=1e-9)
    step = model.train_function
    fit(model, epochs=2)
    assert model.train_function is step


def test_a_model_has_no_optimizers_before_compile():
    assert tiny.build("vae", compiled=False).optimizers == {}


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


@pytest.mark.parametrize(
    "turns", [5, {"critic": 2.5}, {"critic": -1}, {"other": 1}, "critic"]
)
def test_changed_turns_are_checked_as_those_of_the_constructor(turns):
    model = tiny.build("svae", optimizer=tiny.adam)
    model.turns = turns
    with pytest.raises(ValueError, match="Expected turns"):
        fit(model)


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


class Labelled(ks.VAE):
    """It notes its settings for people, draws numbers, and compiles itself."""

    calls = 0

    def __init__(self, encoder, decoder, *, lam, table=None, **kwargs):
        super().__init__(encoder, decoder, **kwargs)
        type(self).calls += 1
        self.lam, self.table = lam, table
        self.label, self.hparams = f"beta-VAE {lam:g}", {"lam": lam}
        self.tables = [np.arange(3), np.random.random(3)]
        self.compile(tiny.adam(), run_eagerly=True)


def test_what_a_constructor_notes_for_people_may_differ():
    nets = tiny.build("vae", compiled=False)
    given = {"lam": 1.0, "table": np.array([1.0, np.nan]), "likelihood": "gaussian"}
    model = Labelled(nets.encoder, nets.decoder, **given)
    fit(model)
    assert Labelled.calls == 1  # nothing has changed
    model.lam = 2.0
    fit(model)
    called = Labelled.calls
    assert called > 1
    for _ in range(3):  # a constructor may be slow: once for a new value
        model.get_config()
        fit(model)
    assert Labelled.calls == called
    model.lam = 3.0
    model.get_config()
    assert Labelled.calls > called


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
