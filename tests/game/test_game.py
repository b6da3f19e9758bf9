"""What the base class does for every method."""

import gc

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from tests.models import tiny


def test_two_models_of_one_seed_train_alike_and_of_another_do_not():
    runs = []
    for seed in (3, 3, 4):
        model = tiny.build("svae", seed=seed, eager=True)
        model.fit(tiny.data(n=20), batch_size=5, shuffle=False, verbose=0)
        runs.append(tiny.flat(model, trainable=True))
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
    names = {p.optimizer: tiny.adam() for p in model.players.values()}
    model.compile(**names, **mode)
    before = tiny.flat(model, trainable=True)
    data = tf.data.Dataset.from_tensor_slices(tiny.data(n=40)).batch(5)
    history = model.fit(data, epochs=2, verbose=0).history
    assert model.step == 16
    assert all(np.isfinite(v).all() for v in history.values())
    assert np.abs(tiny.flat(model, trainable=True) - before).max() > 1e-3


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
    with pytest.raises(ValueError, match="same terms in.*`observe`.*the term 'auto"):
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
    expected = tiny.flat(model, trainable=True)
    for seed in range(3):
        model.train_on_batch(tiny.data(seed))
        expected = 0.9 * expected + 0.1 * tiny.flat(model, trainable=True)
    plain = tiny.flat(model, trainable=True)
    model.averages.lend()
    np.testing.assert_allclose(tiny.flat(model, trainable=True), expected, rtol=1e-5)
    model.averages.take_back()
    np.testing.assert_array_equal(tiny.flat(model, trainable=True), plain)


def test_mixed_bfloat16_trains_with_float32_losses():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = tiny.build("svae_r", optimizer=tiny.adam)
        assert model.encoder.compute_dtype == "bfloat16"
        logs = model.fit(tiny.data(n=20), batch_size=5, epochs=3, verbose=0).history
    finally:
        keras.config.set_dtype_policy("float32")
    assert all(np.isfinite(v).all() for v in logs.values())
    assert model.generate(2).dtype == tf.float32
    assert all(v.dtype == "float32" for v in model.trainable_variables)


class ForKeras(ks.VAE):
    """What Keras's guides write into a model of one's own."""

    def compute_loss(self, *args, **kwargs):
        return 0.0

    @property
    def metrics(self):
        return super().metrics

    def autoencoder_loss(self, draw):
        self.add_loss(tf.ones([]))
        return super().autoencoder_loss(draw)


class OwnStep(ForKeras):
    def train_step(self, data):
        self.add_loss(tf.ones([]))
        return {"loss": self.compute_loss() + sum(self.losses)}


def test_what_the_step_does_not_read_is_told():
    nets = tiny.dense([3], 4, "encoder"), tiny.dense([2], 3, "decoder")
    with pytest.warns(UserWarning, match="received: (compute_loss|metrics), ") as told:
        model = ForKeras(*nets, likelihood="gaussian")
    assert [one.filename for one in told] == [__file__] * 2
    with pytest.raises(ValueError, match="Expected losses as terms.*add_loss of ForK"):
        model.compile("sgd", run_eagerly=True)
    model = OwnStep(*nets, likelihood="gaussian")  # here a warning is an error
    assert model.train_step(None)["loss"] == 1


def test_tensorflow_s_switch_for_eager_functions_is_obeyed():
    seen = []

    class Looks(ks.VAE):
        def autoencoder_loss(self, draw):
            seen.append(float(draw.x.numpy().mean()))
            return super().autoencoder_loss(draw)

    nets = tiny.build("vae", compiled=False)
    model = Looks(nets.encoder, nets.decoder, likelihood="gaussian")
    tf.config.run_functions_eagerly(True)
    try:
        for steps in (1, 2):
            model.compile("sgd", steps_per_execution=steps)
            model.fit(tiny.data(n=8), batch_size=4, shuffle=False, verbose=0)
    finally:
        tf.config.run_functions_eagerly(False)
    assert model.step == 4
    assert len({*seen} - {0.0}) == 2
