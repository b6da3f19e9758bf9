"""What the base class does for every method."""

import gc

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from tests.models import tiny

# Three networks and two players; a network on features of another. The others
# have the same mechanisms.
QUICK = ["svae_r", "aim_minus"]
ALL = [
    pytest.param(one, marks=[] if one in QUICK else pytest.mark.slow)
    for one in tiny.METHODS
]


def variables(model, trainable=False):
    """All weights, and (unless trainable) the optimizers' state."""
    found = list(model.trainable_variables)
    if not trainable:
        found += model.non_trainable_variables
        for player in model.players.values():
            found += getattr(model, player.optimizer).variables
    return found


def flat(model, trainable=False):
    return np.concatenate([np.ravel(v.numpy()) for v in variables(model, trainable)])


def adam():
    return keras.optimizers.Adam(0.01)


@pytest.mark.parametrize("method", ALL)
def test_keras_file_brings_back_weights_optimizers_and_step(method, tmp_path):
    model = tiny.build(method, optimizer=adam)
    rng = np.random.default_rng(0)
    for player in model.players.values():
        getattr(model, player.optimizer).build(model.variables_of(player))
    for variable in variables(model):
        value = rng.uniform(1, 9, variable.shape)
        variable.assign(value.astype(variable.dtype))
    model._step.assign(8)
    again = saved_and_loaded(model, tmp_path)
    assert type(again) is type(model) and again.step == 8
    plain = {k: v for k, v in model.get_config().items() if not isinstance(v, dict)}
    assert plain == {k: again.get_config()[k] for k in plain}
    np.testing.assert_array_equal(flat(model), flat(again))
    assert len(flat(model)) > 2.5 * len(flat(model, trainable=True))  # Adam's moments


@pytest.mark.parametrize("method", ALL)
def test_a_model_from_a_keras_file_trains_on(method, tmp_path):
    model = tiny.build(method, optimizer=adam)
    model.fit(tiny.data(n=20), batch_size=5, epochs=2, verbose=0)
    again = saved_and_loaded(model, tmp_path)
    assert again.step == 8
    for one in (model, again):
        one.fit(tiny.data(1, n=20), batch_size=5, shuffle=False, verbose=0)
    np.testing.assert_array_equal(flat(model), flat(again))


def saved_and_loaded(model, folder):
    model.save(folder / "model.keras")
    return keras.saving.load_model(folder / "model.keras", safe_mode=True)


@pytest.mark.parametrize(
    "method", ["svae_r", pytest.param("gan", marks=pytest.mark.slow)]
)
def test_weights_file_brings_back_all_optimizers(method, tmp_path):
    model = tiny.build(method, optimizer=adam)
    model.fit(tiny.data(n=20), batch_size=5, verbose=0)
    model.save_weights(tmp_path / "all.weights.h5")
    again = tiny.build(method, optimizer=adam)
    again.load_weights(tmp_path / "all.weights.h5")
    assert int(again.critic_optimizer.iterations) == 4
    for one in (model, again):
        one.fit(tiny.data(1, n=20), batch_size=5, shuffle=False, verbose=0)
    np.testing.assert_array_equal(flat(model), flat(again))


def test_two_models_of_one_seed_train_alike_and_of_another_do_not():
    runs = []
    for seed in (3, 3, 4):
        model = tiny.build("svae", seed=seed, eager=True)
        model.fit(tiny.data(n=20), batch_size=5, shuffle=False, verbose=0)
        runs.append(flat(model, trainable=True))
    np.testing.assert_array_equal(runs[0], runs[1])
    assert np.abs(runs[0] - runs[2]).max() > 1e-4


class Counting(ks.SVAE):
    """Records how often each network runs in a step."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.calls = []
        for name in ("encoder", "decoder", "critic"):
            network = getattr(self, name)
            network.call = self.counted(name, network.call)

    def counted(self, name, call):
        def count(*args, **kwargs):
            self.calls.append(name)
            return call(*args, **kwargs)

        return count


@pytest.mark.parametrize(
    ("kwargs", "encoder", "critic"),
    [
        ({}, 1, 4),  # f of both laws, before and after the critic's turn
        ({"turns": {"critic": 2}}, 2, 6),  # a draw for each turn of a player
        ({"turns": {"autoencoder": 3}}, 3, 8),
        ({"lam": 0.5}, 2, 4),  # once more for each reconstruction
    ],
)
def test_a_draw_is_computed_once_and_shared(kwargs, encoder, critic):
    nets = tiny.build("svae", compiled=False)
    model = Counting(
        nets.encoder, nets.decoder, nets.critic, likelihood="gaussian", **kwargs
    )
    model.compile(optimizer="sgd", critic_optimizer="sgd", run_eagerly=True)
    model.calls.clear()
    model.train_on_batch(tiny.data())
    counts = {name: model.calls.count(name) for name in set(model.calls)}
    assert counts == {"encoder": encoder, "decoder": encoder, "critic": critic}


def test_a_loss_is_computed_before_the_weights_it_has_read_change():
    """The critic of AS-VAE-r reads a decoder whose update needs nothing from it.

    Without an order of their own, the critic's loss was another in a fifth of steps.
    """
    model = tiny.build("as_vae_r")
    start = [v.numpy() for v in model.variables]
    losses = set()
    for _ in range(60):
        for variable, value in zip(model.variables, start, strict=True):
            variable.assign(value)
        logs = model.train_on_batch(tiny.data(), return_dict=True)
        losses.add(float(logs["critic_loss"]))
        model.reset_metrics()
    assert len(losses) == 1


@pytest.mark.parametrize("name", ks.models.__all__)
def test_only_aim_plays_simultaneously_unless_told(name):
    """What the table of docs/play.md says of the package's classes."""
    cls = getattr(ks.models, name)
    if isinstance(cls, type) and issubclass(cls, ks.Game):
        expected = "simultaneous" if cls is ks.AIM else "alternating"
        assert cls.default_play == expected
        # A class that has other turns of its own cannot.
        single = all(player.turns == 1 for player in cls.players.values())
        assert single or expected == "alternating"


def test_turns_are_updates_of_each_player():
    model = tiny.build("svae", turns={"critic": 3, "autoencoder": 2}, eager=True)
    model.fit(tiny.data(n=20), batch_size=5, verbose=0)
    assert int(model.critic_optimizer.iterations) == 12
    assert int(model.optimizer.iterations) == 8
    assert model.step == 4


@pytest.mark.parametrize(
    "method", ["svae_r", pytest.param("wgan_gp", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("mode", [{"jit_compile": True}, {"steps_per_execution": 4}])
def test_xla_and_several_steps_per_execution_train(method, mode):
    model = tiny.build(method)
    names = {p.optimizer: adam() for p in model.players.values()}
    model.compile(**names, **mode)
    before = flat(model, trainable=True)
    data = tf.data.Dataset.from_tensor_slices(tiny.data(n=40)).batch(5)
    history = model.fit(data, epochs=2, verbose=0).history
    assert model.step == 16
    assert all(np.isfinite(v).all() for v in history.values())
    assert np.abs(flat(model, trainable=True) - before).max() > 1e-3


def test_training_logs_each_term_and_evaluation_the_mse():
    model = tiny.build("svae_r")
    data = tiny.data(n=20)
    logs = model.fit(data, batch_size=5, validation_data=(data,), verbose=0).history
    terms = ["matching", "reconstruction_x", "reconstruction_z"]
    names = {f"autoencoder_{t}" for t in [*terms, "loss"]} | {"critic_loss"}
    names |= {"symmetric_kl"}
    assert set(logs) == names | {f"val_{n}" for n in names} | {"val_mse"}
    total = sum(logs[f"autoencoder_{t}"][0] for t in terms)
    assert logs["autoencoder_loss"][0] == pytest.approx(total, rel=1e-5)


def test_compile_changes_no_variable_and_finds_the_same_eagerly(monkeypatch):
    """Its dry run computes if the model runs eagerly: averages and seeds stay, too."""

    def network(inputs, outputs, name):
        net = tiny.normalised(inputs, outputs, name)
        dropped = keras.layers.Dropout(0.5)(net.output)
        return keras.Model(net.inputs, dropped, name=name)

    monkeypatch.setattr(tiny, "dense", network)
    found = []
    for eager in (False, True):
        model = tiny.build("svae_r", compiled=False)
        before = [(v, v.numpy()) for v in model.variables]
        model.compile(optimizer="sgd", critic_optimizer="sgd", run_eagerly=eager)
        paths = " ".join(variable.path for variable, _ in before)
        assert "moving_mean" in paths and "seed" in paths
        for variable, value in before:
            np.testing.assert_array_equal(variable, value, err_msg=variable.path)
        found.append((model.columns(), model._means.places, model._passes))
    assert found[0] == found[1]
    assert found[0][2]["decoder"] == {True, False}


def test_a_term_of_evaluation_alone_is_told():
    class Two(ks.VAE):
        def autoencoder_loss(self, draw):
            terms = super().autoencoder_loss(draw)
            return terms if draw.training else terms | {"more": terms["kl"]}

    nets = tiny.build("vae", compiled=False)
    model = Two(nets.encoder, nets.decoder, likelihood="gaussian")
    model.compile(optimizer="sgd", run_eagerly=True)
    model.fit(tiny.data(), verbose=0)
    with pytest.raises(ValueError, match="same terms in.*`observe`.*received: 'auto"):
        model.evaluate(tiny.data(), verbose=0)


@pytest.mark.parametrize("optimizer", [keras.optimizers.Adam, ks.optimizers.Adam])
def test_a_model_that_is_gone_leaves_no_graph(optimizer):
    """Else a process that trains many models grows with each: see `updates.apply`."""
    gc.collect()
    before = sum(type(one).__name__ == "FuncGraph" for one in gc.get_objects())
    model = tiny.build("svae", optimizer=optimizer)
    model.fit(tiny.data(n=20), batch_size=5, verbose=0)
    del model
    gc.collect()
    after = sum(type(one).__name__ == "FuncGraph" for one in gc.get_objects())
    assert after <= before


def test_metrics_are_means_over_the_epoch():
    model = tiny.build("vae", optimizer=lambda: keras.optimizers.SGD(0.0))
    one = [
        model.evaluate(tiny.data(s), verbose=0, return_dict=True)["mse"] for s in (1, 2)
    ]
    both = np.concatenate([tiny.data(1), tiny.data(2)])
    logs = model.evaluate(both, batch_size=tiny.BATCH, verbose=0, return_dict=True)
    # The second batch has noise of its own, so the mean is near, not equal.
    assert logs["mse"] == pytest.approx(np.mean(one), rel=0.2)
    again = model.evaluate(both, batch_size=tiny.BATCH, verbose=0, return_dict=True)
    assert again == logs


def test_moving_averages_of_weights():
    model = tiny.build("svae")
    model.compile(
        optimizer=keras.optimizers.SGD(1.0),
        critic_optimizer=keras.optimizers.SGD(1.0),
        ema=0.9,
        run_eagerly=True,
    )
    expected = flat(model, trainable=True)
    for seed in range(3):
        model.train_on_batch(tiny.data(seed))
        expected = 0.9 * expected + 0.1 * flat(model, trainable=True)
    plain = flat(model, trainable=True)
    model.averages.lend(model.trainable_variables)
    np.testing.assert_allclose(flat(model, trainable=True), expected, rtol=1e-5)
    model.averages.take_back(model.trainable_variables)
    np.testing.assert_array_equal(flat(model, trainable=True), plain)


def test_clipping_is_the_optimizers():
    def clipped():
        return keras.optimizers.SGD(1.0, global_clipnorm=0.01)

    model = tiny.build("svae", optimizer=clipped, eager=True)
    before = [v.numpy() for v in model.critic.trainable_variables]
    model.train_on_batch(tiny.data())
    after = [v.numpy() for v in model.critic.trainable_variables]
    moved = sum(((a - b) ** 2).sum() for a, b in zip(after, before, strict=True))
    assert np.sqrt(moved) == pytest.approx(0.01, rel=1e-3)


def test_mixed_bfloat16_trains_with_float32_losses():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = tiny.build("svae_r", optimizer=adam)
        assert model.encoder.compute_dtype == "bfloat16"
        logs = model.fit(tiny.data(n=20), batch_size=5, epochs=3, verbose=0).history
    finally:
        keras.config.set_dtype_policy("float32")
    assert all(np.isfinite(v).all() for v in logs.values())
    assert model.generate(2).dtype == tf.float32
    assert all(v.dtype == "float32" for v in model.trainable_variables)


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
    model.compile(optimizer=adam(), critic_optimizer=adam())
    backup = ks.callbacks.Backup(tmp_path, every=1)
    with pytest.raises(ks.Diverged) as caught:
        model.fit(tiny.data(n=50), batch_size=5, callbacks=[backup], verbose=0)
    for part in ("inf", "'reconstruction_x'", "'autoencoder'", "step 5"):
        assert part in str(caught.value)
    assert ks.callbacks.restore(model, tmp_path) == 5
    assert np.isfinite(flat(model)).all()


@pytest.mark.parametrize("implicit", ["posterior", "likelihood"])
def test_implicit_laws_train_and_have_no_density(implicit):
    kwargs = {"likelihood": "gaussian", "posterior": "gaussian", implicit: "implicit"}
    model = tiny.build("svae", **kwargs, eager=True)
    model.fit(tiny.data(n=20), batch_size=5, verbose=0)
    with pytest.raises(ValueError, match="Expected an explicit law"):
        if implicit == "posterior":
            model.posterior(tiny.data())
        else:
            model.likelihood(np.zeros((2, tiny.CODE), "f"))


def test_noise_layers_make_an_encoder_implicit():
    x = keras.Input((tiny.DATA,))
    noisy = ks.networks.layers.AppendNoise(2)(x)
    noisy = ks.networks.layers.Dropout(0.3)(noisy)
    encoder = keras.Model(x, keras.layers.Dense(tiny.CODE)(noisy))
    nets = tiny.build("svae", compiled=False)
    model = ks.SVAE(
        encoder, nets.decoder, nets.critic, likelihood="gaussian", posterior="implicit"
    )
    model.compile(optimizer="sgd", critic_optimizer="sgd", run_eagerly=True)
    codes = [model.encode(tiny.data(), seed=s).numpy() for s in (1, 1, 2)]
    np.testing.assert_array_equal(codes[0], codes[1])
    assert np.abs(codes[0] - codes[2]).max() > 1e-3
    model.fit(tiny.data(n=20), batch_size=5, verbose=0)


def test_encoder_and_decoder_of_one_seed_are_fed_different_noise():
    seen = []

    @keras.saving.register_keras_serializable(package="tests")
    class Seen(ks.networks.layers.AppendNoise):
        def call(self, inputs):
            out = super().call(inputs)
            seen.append(out[:, -1:])
            return out

    def noisy(inputs, outputs):
        x = keras.Input((inputs,))
        return keras.Model(x, keras.layers.Dense(outputs)(Seen(1)(x)))

    model = ks.VAE(
        noisy(tiny.DATA, 2 * tiny.CODE),
        noisy(tiny.CODE, tiny.DATA),
        likelihood="gaussian",
    )
    seen.clear()
    model.reconstruct(tiny.data(), seed=3)
    encoders, decoders = seen
    assert np.abs(encoders - decoders).min() > 1e-4


def test_public_methods_agree():
    model = tiny.build("svae_r")
    x = tiny.data()
    z = model.encode(x)
    np.testing.assert_allclose(model.posterior(x).mean(), z, rtol=1e-6)
    np.testing.assert_allclose(model.decode(z), model.reconstruct(x), rtol=1e-6)
    np.testing.assert_allclose(model(x), model.reconstruct(x), rtol=1e-6)
    np.testing.assert_allclose(model.likelihood(z).mean(), model.decode(z), rtol=1e-6)
    assert model.log_ratio(x, z).shape == (len(x),)
    assert model.generate(7, seed=1).shape == (7, tiny.DATA)
    assert np.abs(model.generate(7, seed=1) - model.generate(7, seed=2)).max() > 1e-3


def test_prior_laws():
    for name, spread in (("normal", 1.0), ("uniform", 1 / np.sqrt(3))):
        model = tiny.build("svae", prior=name)
        z = model.prior.sample(20_000, seed=ks.noise.Noise([0, 1]).key).numpy()
        assert z.shape == (20_000, tiny.CODE)
        np.testing.assert_allclose(z.std(0), spread, rtol=0.03)
        np.testing.assert_allclose(z.mean(0), 0, atol=0.04)


def test_a_seed_gives_encode_and_generate_noise_of_their_own():
    """Else codes of generated data, encoded again, would seem to come back."""
    model = tiny.build("vae", compiled=False)
    for variable in model.encoder.variables:
        variable.assign(tf.zeros_like(variable))  # q(z|x) = N(0, I), whatever x is
    x, z = model.generate_pairs(2000, seed=1)
    again = model.encode(x, seed=1)
    assert abs(np.corrcoef(np.ravel(z), np.ravel(again))[0, 1]) < 0.1


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
    model.compile(optimizer=adam(), **mode)
    data = tiny.data(n=20)
    data[12:16] = 0
    backup = ks.callbacks.Backup(tmp_path, every=1)
    with pytest.raises(ks.Diverged) as caught:
        model.fit(data, batch_size=4, shuffle=False, callbacks=[backup], verbose=0)
    assert f"backup: {tmp_path}/step-000000003.weights.h5" in str(caught.value)
    if not mode:
        assert f"gradient of the weight {encoder.weights[0].path!r}" in str(
            caught.value
        )
        assert "step 3" in str(caught.value)
    assert np.isfinite(flat(model)).all()
    assert ks.callbacks.restore(model, tmp_path) == 3


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


def _with_codes(draw):
    draw.__dict__["z"] = tf.ones([tf.shape(draw.x)[0], tiny.CODE])
    return draw


def test_seeds_of_keras_dropout_are_saved(tmp_path):
    def build():
        keras.utils.set_random_seed(3)
        x = keras.Input((tiny.DATA,))
        hidden = keras.layers.Dropout(0.5)(keras.layers.Dense(8)(x))
        model = ks.VAE(
            keras.Model(x, keras.layers.Dense(2 * tiny.CODE)(hidden)),
            tiny.dense([tiny.CODE], tiny.DATA, "decoder"),
            likelihood="gaussian",
        )
        model.compile(optimizer="sgd")
        return model

    straight, killed = build(), build()
    x = tiny.data(n=20)
    for model, epochs in ((straight, 2), (killed, 1)):
        backup = ks.callbacks.Backup(tmp_path / "backup")
        model.fit(
            x, batch_size=5, shuffle=False, epochs=epochs, callbacks=[backup], verbose=0
        )
        if epochs == 2:
            for path in (tmp_path / "backup").iterdir():
                path.unlink()
    killed.save(tmp_path / "model.keras")
    restored, loaded = build(), keras.saving.load_model(tmp_path / "model.keras")
    assert ks.callbacks.restore(restored, tmp_path / "backup") == 4
    for model in (restored, loaded):
        model.fit(x, batch_size=5, shuffle=False, verbose=0)
        np.testing.assert_array_equal(
            flat(model, trainable=True), flat(straight, trainable=True)
        )


def test_the_policy_that_networks_were_made_with_is_the_one_they_run_with():
    model = tiny.build("vae")
    x = tiny.data()
    expected = model.predict(x, verbose=0)
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        again = ks.VAE(model.encoder, model.decoder, likelihood="gaussian")
        found = again.predict(x, verbose=0)
    finally:
        keras.config.set_dtype_policy("float32")
    np.testing.assert_array_equal(found, expected)
