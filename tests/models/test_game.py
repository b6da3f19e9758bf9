"""What the base class does for every method."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from tests.models import tiny

ALL = list(tiny.METHODS)


def flat(model, trainable=False):
    """All weights, and (unless trainable) the optimizers' state, in one vector."""
    variables = list(model.trainable_variables)
    if not trainable:
        variables += model.non_trainable_variables
        for player in model.players.values():
            variables += getattr(model, player.optimizer).variables
    return np.concatenate([np.ravel(v.numpy()) for v in variables])


def adam():
    return keras.optimizers.Adam(0.01)


@pytest.mark.parametrize("method", ALL)
def test_keras_file_brings_back_weights_optimizers_and_step(method, tmp_path):
    model = tiny.build(method, optimizer=adam)
    model.fit(tiny.data(n=20), batch_size=5, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert type(again) is type(model) and again.step == 8
    plain = {k: v for k, v in model.get_config().items() if not isinstance(v, dict)}
    assert plain == {k: again.get_config()[k] for k in plain}
    for one in (model, again):
        one.fit(tiny.data(1, n=20), batch_size=5, shuffle=False, verbose=0)
    np.testing.assert_array_equal(flat(model), flat(again))
    assert len(flat(model)) > 2.5 * len(flat(model, trainable=True))  # Adam's moments


@pytest.mark.parametrize("method", ["svae_r", "gan"])
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
        model = tiny.build("svae", seed=seed)
        model.fit(tiny.data(n=20), batch_size=5, shuffle=False, verbose=0)
        runs.append(flat(model, trainable=True))
    np.testing.assert_array_equal(runs[0], runs[1])
    assert np.abs(runs[0] - runs[2]).max() > 1e-4


class Counting(ks.SVAE):
    """Records how often each network runs while a step is traced."""

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
    model.compile(optimizer="sgd", critic_optimizer="sgd")
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
    model = tiny.build("svae", turns={"critic": 3, "autoencoder": 2})
    model.fit(tiny.data(n=20), batch_size=5, verbose=0)
    assert int(model.critic_optimizer.iterations) == 12
    assert int(model.optimizer.iterations) == 8
    assert model.step == 4


@pytest.mark.parametrize("method", ["svae_r", "wgan_gp"])
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
    )
    expected = flat(model, trainable=True)
    for seed in range(3):
        model.train_on_batch(tiny.data(seed))
        expected = 0.9 * expected + 0.1 * flat(model, trainable=True)
    plain = flat(model, trainable=True)
    model.averages.swap(model.trainable_variables)
    np.testing.assert_allclose(flat(model, trainable=True), expected, rtol=1e-5)
    model.averages.swap(model.trainable_variables)
    np.testing.assert_array_equal(flat(model, trainable=True), plain)


def test_clipping_is_the_optimizers():
    model = tiny.build(
        "svae", optimizer=lambda: keras.optimizers.SGD(1.0, global_clipnorm=0.01)
    )
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
    model = tiny.build("svae", **kwargs)
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
    model.compile(optimizer="sgd", critic_optimizer="sgd")
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
