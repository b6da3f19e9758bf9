"""Averages of weights: what they are, and what callbacks make of them."""

import keras
import numpy as np
import pytest

import keras_svae as ks
from tests.callbacks import small
from tests.callbacks.small import equal, fit, weights
from tests.models import tiny


def test_averaged_weights_validate_and_remain(tmp_path):
    model = small.svae(compile={"ema": 0.9})
    model.fit(small.digits()[0], verbose=0)  # the two part
    raw = weights(model)
    average = [v.numpy() for v in model.averages._own]
    assert not equal(raw, average)
    seen = {}

    class Look(keras.callbacks.Callback):
        def on_test_batch_end(self, batch, logs=None):
            seen["validation"] = weights(self.model)

        def on_test_begin(self, logs=None):
            seen["raw"] = [v.numpy() for v in self.model.averages._own]

        def on_epoch_end(self, epoch, logs=None):
            seen["epoch end"] = weights(self.model)

    fit(model, ks.callbacks.AveragedWeights(), Look(), epochs=2)
    # What was measured stands in the weights until the next epoch, and at the end.
    assert equal(seen["validation"], seen["epoch end"])
    assert equal(weights(model), seen["epoch end"])
    assert not equal(seen["raw"], seen["epoch end"])
    # All players: the critic's weights are among them.
    assert len(seen["raw"]) == sum(
        len(n.trainable_variables) for n in (model.encoder, model.decoder, model.critic)
    )

    kept = small.svae(compile={"ema": 0.9})
    fit(kept, ks.callbacks.AveragedWeights(finalize=False), Look(), epochs=1)
    assert equal(weights(kept), seen["raw"])


@pytest.mark.parametrize("first", [True, False])
def test_early_stopping_restores_averages_in_either_order(first):
    model, best = small.svae(compile={"ema": 0.9}), {}

    class Remember(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            best[logs["val_mse"]] = weights(self.model)

    stop = keras.callbacks.EarlyStopping(
        "val_mse", mode="min", patience=1, restore_best_weights=True
    )
    spoil = keras.callbacks.LearningRateScheduler(lambda e: 0.01 if e < 2 else 3.0)
    both = [stop, ks.callbacks.AveragedWeights()]
    fit(model, spoil, Remember(), *both[:: 1 if first else -1], epochs=9)
    assert len(best) < 9
    assert equal(weights(model), best[min(best)])
    assert model.averages.lent


def test_training_goes_on_with_the_weights_not_with_the_averages():
    """After an interruption in validation, and after an end with averages."""

    class Stop(keras.callbacks.Callback):
        def on_test_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    straight, stopped = (small.svae(compile={"ema": 0.9}) for _ in range(2))
    fit(straight, ks.callbacks.AveragedWeights(), epochs=1)
    with pytest.raises(KeyboardInterrupt):
        fit(stopped, ks.callbacks.AveragedWeights(), Stop(), epochs=1)
    raw = [v.numpy() for v in straight.averages._own]
    assert equal(weights(stopped), raw) and not equal(weights(straight), raw)
    for model in (straight, stopped):
        fit(model, ks.callbacks.AveragedWeights(), epochs=1)
    assert equal(weights(straight), weights(stopped))


def test_averages_start_where_training_starts_and_keep_what_the_user_sets():
    model, other = small.svae(compile={"ema": 0.9}), small.svae()
    for optimizer in model.optimizers.values():
        optimizer.learning_rate = 1e-9
    for a, b in zip(model.trainable_variables, other.trainable_variables, strict=True):
        b.assign(b + 1)
        a.assign(b)
    for _ in range(2):
        fit(model, ks.callbacks.AveragedWeights(), epochs=1)
        for a, b in zip(
            model.trainable_variables, other.trainable_variables, strict=True
        ):
            np.testing.assert_allclose(a, b, atol=1e-5)
            b.assign(b + 1)  # averages are lent now: his weights count
            a.assign(b)


def test_a_checkpoint_of_averages_loads_as_what_was_measured(tmp_path):
    model = small.svae(compile={"ema": 0.9})
    path = tmp_path / "best.keras"
    keep = keras.callbacks.ModelCheckpoint(path, "val_mse", mode="min")
    history = fit(model, keep, ks.callbacks.AveragedWeights(), epochs=2).history
    again = keras.saving.load_model(path)
    x, _ = small.digits()
    found = again.evaluate(small.dataset(x), verbose=0, return_dict=True)
    assert found["mse"] == pytest.approx(history["val_mse"][-1], rel=1e-5)
    assert again.averages.lent


def test_averages_follow_their_formula():
    model = small.svae(compile={"ema": 0.9})
    averages = weights(model)

    class Follow(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            for average, value in zip(averages, weights(model), strict=True):
                average[...] = 0.9 * average + 0.1 * value

    fit(model, Follow(), epochs=1, validation_data=None)
    for own, expected in zip(model.averages._own, averages, strict=True):
        np.testing.assert_allclose(own.numpy(), expected, atol=1e-5)
    assert not model.averages.lent


def test_averaged_weights_want_averages_and_keras_s_callback_finds_none():
    with pytest.raises(ValueError, match="received: ema=None"):
        fit(small.svae(), ks.callbacks.AveragedWeights())
    with pytest.raises(ValueError, match="use_ema"):
        fit(small.svae(), keras.callbacks.SwapEMAWeights())


def test_evaluation_leaves_averages_where_they_were():
    model, averaged = small.svae(compile={"ema": 0.9}), ks.callbacks.AveragedWeights()
    fit(model, averaged, epochs=1)
    before, (x, _) = weights(model), small.digits()
    model.evaluate(small.dataset(x), callbacks=[averaged], verbose=0)
    assert model.averages.lent and equal(weights(model), before)


def test_averages_of_bfloat16_weights_do_not_round_each_update(tmp_path):
    """With 8 bits, an average of weights that stay would fall, or not move."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("bfloat16")
    try:
        model = tiny.build("vae", compiled=False)
    finally:
        keras.config.set_dtype_policy(before)
    model.compile(keras.optimizers.SGD(0.3), ema=0.99, run_eagerly=True)
    averages, weights = model.averages, model.trainable_variables
    expected = [one.numpy().astype(np.float64) for one in weights]
    for _ in range(2):  # lent and taken back, the averages lose nothing
        for _ in range(5):
            model.train_on_batch(tiny.data())
            expected = [
                0.99 * average + 0.01 * one.numpy().astype(np.float64)
                for average, one in zip(expected, weights, strict=True)
            ]
        trained = [one.numpy() for one in weights]
        averages.lend()
        for one, average in zip(weights, expected, strict=True):
            assert one.dtype == "bfloat16"
            np.testing.assert_allclose(one.numpy().astype(float), average, rtol=2**-7)
        averages.take_back()
    for one, value, average in zip(weights, trained, expected, strict=True):
        np.testing.assert_array_equal(one.numpy(), value)
        found = averages._of(one)
        assert found.dtype == "float32"
        np.testing.assert_allclose(found.numpy(), average, rtol=1e-5, atol=1e-6)
    # A file has both.
    averages.lend()
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    loaded.averages.take_back()
    for one, value in zip(loaded.trainable_variables, trained, strict=True):
        np.testing.assert_array_equal(one.numpy(), value)
