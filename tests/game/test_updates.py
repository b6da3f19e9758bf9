"""What reaches a weight: finite gradients, penalties, clipped and accumulated."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.game import updates
from tests.models import tiny
from tests.replicas import two_replicas


def test_a_diverging_loss_stops_at_its_step_and_keeps_the_last_backup(tmp_path):
    class Breaks(ks.SVAE):
        def autoencoder_loss(self, draw):
            terms = super().autoencoder_loss(draw)
            bad = tf.where(self._step.value == 5, np.inf, 0.0)
            terms["reconstruction_x"] += tf.cast(bad, tf.float32)
            return terms

    nets = tiny.build("svae", compiled=False)
    model = Breaks(
        nets.encoder, nets.decoder, nets.critic, lam=0.1, likelihood="gaussian"
    )
    model.compile(optimizer=tiny.adam(), critic_optimizer=tiny.adam())
    backup = ks.callbacks.Backup(tmp_path, every=1)
    with pytest.raises(ks.Diverged) as caught:
        model.fit(tiny.data(n=50), batch_size=5, callbacks=[backup], verbose=0)
    for part in ("inf", "'reconstruction_x'", "'autoencoder'", "step 5"):
        assert part in str(caught.value)
    assert ks.callbacks.restore(model, tmp_path) == 5
    assert np.isfinite(tiny.flat(model)).all()


class Bad(keras.layers.Layer):
    """A finite value whose gradient at 0 is NaN."""

    def call(self, inputs):
        return keras.ops.sqrt(inputs * inputs)


@pytest.mark.parametrize("mode", [{}, {"jit_compile": True}])
def test_a_gradient_that_is_not_finite_reaches_no_weight(mode, tmp_path):
    x = keras.Input((tiny.DATA,))
    hidden = Bad()(keras.layers.Dense(4, use_bias=False)(x))
    encoder = keras.Model(x, keras.layers.Dense(2 * tiny.CODE)(hidden))
    decoder = tiny.build("vae", compiled=False).decoder
    model = ks.VAE(encoder, decoder, likelihood="gaussian")
    model.compile(optimizer=tiny.adam(), **mode)
    data = tiny.data(n=20)
    data[12:16] = 0
    backup = ks.callbacks.Backup(tmp_path, every=1)
    with pytest.raises(ks.Diverged) as caught:
        model.fit(data, batch_size=4, shuffle=False, callbacks=[backup], verbose=0)
    assert f"backup is {tmp_path}/step-000000003.weights.h5" in str(caught.value)
    if not mode:
        assert f"gradient of the weight {encoder.weights[0].path!r}" in str(
            caught.value
        )
        assert "step 3" in str(caught.value)
    assert np.isfinite(tiny.flat(model)).all()
    assert ks.callbacks.restore(model, tmp_path) == 3


class Poisons(keras.layers.Layer):
    """Passes its inputs on; the gradient gets this number in one place."""

    def __init__(self, value):
        super().__init__()
        self.value = value

    def call(self, inputs):
        @tf.custom_gradient
        def passed(x):
            def gradient(up):
                first = tf.one_hot(0, tf.size(up), self.value, 0.0)
                return up + tf.reshape(first, tf.shape(up))

            return tf.identity(x), gradient

        return passed(inputs)


@pytest.mark.parametrize("run_eagerly", [False, True])
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 1e30])
def test_one_number_in_a_gradient_is_found_and_its_weight_is_named(value, run_eagerly):
    """The others are finite, and 1e30 is finite, too."""
    x = keras.Input((tiny.DATA,))
    bias = keras.layers.Dense(2 * tiny.CODE, name="poisoned")
    encoder = keras.Model(x, Poisons(value)(bias(x)))
    decoder = tiny.build("vae", compiled=False).decoder
    model = ks.VAE(encoder, decoder, likelihood="gaussian")
    model.compile(optimizer=keras.optimizers.SGD(1e-40), run_eagerly=run_eagerly)
    before = tiny.flat(model)
    if value == 1e30:
        model.train_on_batch(tiny.data(n=4))
        return
    with pytest.raises(ks.Diverged, match="poisoned/kernel") as caught:
        model.train_on_batch(tiny.data(n=4))
    assert repr(model.decoder.weights[0].path) not in str(caught.value)
    np.testing.assert_array_equal(tiny.flat(model), before)


class Told(ks.VAE):
    """Logs, in a loss and beside it, numbers that are in no loss."""

    def autoencoder_loss(self, draw):
        draw.log["snr"] = tf.reduce_mean(draw.x**2) / tf.zeros(())
        return super().autoencoder_loss(draw)

    def train_step(self, data):
        logs = super().train_step(data)
        return {**logs, "psnr": tf.constant(np.nan), "beta": 0.5}


@pytest.mark.parametrize(
    "mode",
    [{}, {"run_eagerly": True}, {"steps_per_execution": 2}, {"jit_compile": True}],
)
@pytest.mark.parametrize(
    "replicas", [False, pytest.param(True, marks=pytest.mark.slow)]
)
def test_what_is_in_no_loss_may_be_a_python_number_infinite_or_nan(mode, replicas):
    if replicas and "jit_compile" in mode:
        pytest.skip("CPUs need a flag of TensorFlow's")
    strategy = two_replicas() if replicas else tf.distribute.get_strategy()
    with strategy.scope():
        nets = tiny.build("vae", compiled=False)
        model = Told(nets.encoder, nets.decoder, likelihood="gaussian")
        model.compile(optimizer=tiny.adam(), **mode)
    found = model.fit(tiny.data(n=16), batch_size=4, verbose=0).history
    assert model.step == 4
    assert found["beta"] == [0.5]
    assert found["snr"] == [np.inf]
    assert np.isnan(found["psnr"][0])
    assert np.isfinite(found["loss"]).all()


def test_gradients_are_checked_whatever_their_type():
    for kind in (tf.float16, tf.float32, tf.float64, tf.bfloat16):
        fine = tf.constant([3e4, 3e4, 3e4], kind)  # float16 ends at 65,504
        bad = tf.constant([1.0, np.inf, -np.inf], kind)
        rows = tf.IndexedSlices(bad[None], tf.constant([2]), tf.constant([5, 3]))
        updates.totals_finite(updates.totals([fine, 2 * fine]), "p")
        for wrong in (bad, rows):
            with pytest.raises(tf.errors.InvalidArgumentError) as caught:
                updates.totals_finite(updates.totals([fine, wrong]), "p")
            found = updates.found_in(caught.value, {"p": ["a", "b"]}.get)
            assert found == ("p", "b", "gradient", "nan"), kind
    mixed = [tf.ones([2]), tf.ones([2], tf.float64) * 1e300]
    np.testing.assert_allclose(updates.totals(mixed), [2, 2e300])


class Adds(keras.layers.Layer):
    """Adds the mean of its inputs to the loss."""

    def call(self, inputs):
        self.add_loss(keras.ops.mean(inputs))
        return inputs


def test_penalties_and_added_losses_are_of_the_player_who_updates():
    """By hand: of the encoder's pass on data, and of its weights, once a turn."""
    x = keras.Input((tiny.DATA,))
    first = keras.layers.Dense(4, kernel_regularizer=keras.regularizers.L2(0.5))
    encoder = keras.Model(x, keras.layers.Dense(2 * tiny.CODE)(Adds()(first(x))))
    nets = tiny.build("svae", compiled=False)
    model = ks.SVAE(encoder, nets.decoder, nets.critic, likelihood="gaussian")
    model.compile(optimizer="sgd", critic_optimizer="sgd", run_eagerly=True)
    data = tiny.data()
    kernel, bias = (v.numpy() for v in first.weights)
    penalty = 0.5 * (kernel**2).sum() + (data @ kernel + bias).mean()
    logs = model.train_on_batch(data, return_dict=True)
    assert logs["autoencoder_regularization"] == pytest.approx(penalty, rel=1e-5)
    rest = logs["autoencoder_matching"] + logs["autoencoder_regularization"]
    assert logs["autoencoder_loss"] == pytest.approx(rest, rel=1e-5)
    assert "critic_regularization" not in logs


class AddsRows(keras.layers.Layer):
    """Adds a loss for each row, (batch,)."""

    def call(self, inputs):
        self.add_loss(keras.ops.sum(inputs, -1))
        return inputs


@pytest.mark.parametrize("dtype", ["float32", "float64", "mixed_bfloat16"])
def test_added_losses_have_any_shape_and_type(dtype):
    """By hand: the sum of each loss, beside a penalty of weights."""
    x = keras.Input((tiny.DATA,), dtype="float32")
    options = {"dtype": dtype, "kernel_initializer": "ones"}
    penalty = {
        "kernel_regularizer": keras.regularizers.L2(0.5),
        "activity_regularizer": keras.regularizers.L2(0.25),
    }
    hidden = AddsRows(dtype=dtype)(keras.layers.Dense(4, **options, **penalty)(x))
    encoder = keras.Model(x, keras.layers.Dense(2 * tiny.CODE, **options)(hidden))
    decoder = tiny.build("vae", compiled=False).decoder
    model = ks.VAE(encoder, decoder, likelihood="gaussian", seed=0)
    model.compile(optimizer=keras.optimizers.SGD(0.0))
    data = tiny.data()
    rows = 4 * data.sum(-1)
    # Keras divides the activity's penalty by the number of examples.
    activity = 0.25 * (rows**2 / 4).sum() / len(data)
    expected = 0.5 * tiny.DATA * 4 + activity + rows.sum()
    logs = model.train_on_batch(data, return_dict=True)
    rel = 0.01 if dtype == "mixed_bfloat16" else 1e-5
    assert logs["autoencoder_regularization"] == pytest.approx(expected, rel=rel)


def test_a_penalty_of_weights_has_its_own_gradient():
    moved = []
    for strength in (0.0, 0.25):
        keras.utils.set_random_seed(0)
        x = keras.Input((tiny.DATA,))
        penalty = keras.regularizers.L2(strength) if strength else None
        layer = keras.layers.Dense(2 * tiny.CODE, kernel_regularizer=penalty)
        model = ks.VAE(
            keras.Model(x, layer(x)),
            tiny.build("vae", compiled=False).decoder,
            likelihood="gaussian",
        )
        model.compile(optimizer=keras.optimizers.SGD(1.0), run_eagerly=True)
        before = layer.kernel.numpy()
        model.train_on_batch(tiny.data())
        moved.append(before - layer.kernel.numpy())
    np.testing.assert_allclose(moved[1] - moved[0], 2 * 0.25 * before, atol=1e-6)


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1)),
        lambda: keras.optimizers.SGD(0.1, loss_scale_factor=1024),
    ],
)
def test_a_scale_of_the_loss_is_refused(optimizer):
    with pytest.raises(ValueError, match="without a scale of the loss"):
        tiny.build("vae", optimizer=optimizer)


def _with_codes(draw):
    draw.__dict__["z"] = tf.ones([tf.shape(draw.x)[0], tiny.CODE])
    return draw


def test_accumulated_gradients_are_the_mean_of_the_batches():
    """On one device Keras accumulates; the weights move at every second step."""
    x, moved = tiny.data(n=10), []
    for steps, size in ((2, 5), (None, 10)):
        model = tiny.build("gan", compiled=False)
        for variable in model.critic.weights:
            variable.assign(variable / 4)
        model.draw = lambda *args, draw=model.draw: _with_codes(draw(*args))
        sgd = {"gradient_accumulation_steps": steps}
        model.compile(
            optimizer=keras.optimizers.SGD(0.0),
            critic_optimizer=keras.optimizers.SGD(1.0, **sgd),
            run_eagerly=True,
        )
        before = [v.numpy() for v in model.critic.weights]
        for i in range(0, 10, size):
            model.train_on_batch(x[i : i + size])
        moved.append(
            [a - v.numpy() for a, v in zip(before, model.critic.weights, strict=True)]
        )
    for a, b in zip(*moved, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_clipping_is_the_optimizers():
    def clipped():
        return keras.optimizers.SGD(1.0, global_clipnorm=0.01)

    model = tiny.build("svae", optimizer=clipped, eager=True)
    before = [v.numpy() for v in model.critic.trainable_variables]
    model.train_on_batch(tiny.data())
    after = [v.numpy() for v in model.critic.trainable_variables]
    moved = sum(((a - b) ** 2).sum() for a, b in zip(after, before, strict=True))
    assert np.sqrt(moved) == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("overridden", ["apply", "apply_gradients"])
def test_an_optimizer_of_ones_own_changes_gradients_where_keras_lets_it(overridden):
    """As gradients that are centred, or that get noise for privacy."""

    class Own(keras.optimizers.SGD):
        pass

    def apply(self, gradients, variables=None):
        keras.optimizers.SGD.apply(self, [0 * one for one in gradients], variables)

    def apply_gradients(self, pairs):
        pairs = [(0 * gradient, variable) for gradient, variable in pairs]
        return keras.optimizers.SGD.apply_gradients(self, pairs)

    setattr(Own, overridden, locals()[overridden])
    model = tiny.build("vae", compiled=False)
    model.compile(Own(0.1), run_eagerly=True)
    before = tiny.flat(model, trainable=True)
    model.train_on_batch(tiny.data())
    np.testing.assert_array_equal(tiny.flat(model, trainable=True), before)
    assert int(model.optimizer.iterations) == 1
    # A player whose networks are all frozen has nothing to apply.
    model.encoder.trainable = model.decoder.trainable = False
    model.compile(Own(0.1), run_eagerly=True)
    model.train_on_batch(tiny.data())
