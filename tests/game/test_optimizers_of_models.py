"""Optimizers of a model that is compiled: what acts, and what `compile` refuses."""

import keras
import numpy as np
import pytest

import keras_svae as ks
from tests.game.test_changed_settings import fit
from tests.models import tiny


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
