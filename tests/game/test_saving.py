"""Files bring back weights, optimizers, the step, seeds and policies."""

import keras
import numpy as np
import pytest

import keras_svae as ks
from keras_svae import files, page
from keras_svae.game.devices import workers
from keras_svae.game.saving import keras_file, state_tree
from tests.models import tiny

QUICK = ["svae_r", "aim_minus"]
ALL = [
    pytest.param(one, marks=[] if one in QUICK else pytest.mark.slow)
    for one in tiny.METHODS
]


@pytest.mark.parametrize("method", ALL)
def test_keras_file_brings_back_weights_optimizers_and_step(method, tmp_path):
    model = tiny.build(method, optimizer=tiny.adam)
    rng = np.random.default_rng(0)
    for player in model.players.values():
        getattr(model, player.optimizer).build(model.variables_of(player))
    for variable in tiny.variables(model):
        value = rng.uniform(1, 9, variable.shape)
        variable.assign(value.astype(variable.dtype))
    model._step.assign(8)
    again = saved_and_loaded(model, tmp_path)
    assert type(again) is type(model) and again.step == 8
    plain = {k: v for k, v in model.get_config().items() if not isinstance(v, dict)}
    assert plain == {k: again.get_config()[k] for k in plain}
    np.testing.assert_array_equal(tiny.flat(model), tiny.flat(again))
    assert len(tiny.flat(model)) > 2.5 * len(
        tiny.flat(model, trainable=True)
    )  # Adam's moments


@pytest.mark.parametrize("method", ALL)
def test_a_model_from_a_keras_file_trains_on(method, tmp_path):
    model = tiny.build(method, optimizer=tiny.adam)
    model.fit(tiny.data(n=20), batch_size=5, epochs=2, verbose=0)
    again = saved_and_loaded(model, tmp_path)
    assert again.step == 8
    for one in (model, again):
        one.fit(tiny.data(1, n=20), batch_size=5, shuffle=False, verbose=0)
    np.testing.assert_array_equal(tiny.flat(model), tiny.flat(again))


def saved_and_loaded(model, folder):
    model.save(folder / "model.keras")
    return keras.saving.load_model(folder / "model.keras", safe_mode=True)


@pytest.mark.parametrize(
    "method", ["svae_r", pytest.param("gan", marks=pytest.mark.slow)]
)
def test_weights_file_brings_back_all_optimizers(method, tmp_path):
    model = tiny.build(method, optimizer=tiny.adam)
    model.fit(tiny.data(n=20), batch_size=5, verbose=0)
    model.save_weights(tmp_path / "all.weights.h5")
    again = tiny.build(method, optimizer=tiny.adam)
    again.load_weights(tmp_path / "all.weights.h5")
    assert int(again.critic_optimizer.iterations) == 4
    for one in (model, again):
        one.fit(tiny.data(1, n=20), batch_size=5, shuffle=False, verbose=0)
    np.testing.assert_array_equal(tiny.flat(model), tiny.flat(again))


def test_a_rate_that_a_weights_file_changes_is_told(tmp_path):
    def build(rate):
        model = tiny.build("vae", compiled=False)
        model.compile(keras.optimizers.SGD(rate))
        return model

    build(0.1).save_weights(tmp_path / "m.weights.h5")
    model = build(0.3)
    with pytest.warns(UserWarning, match="'optimizer' is 0.1, from .* not 0.3, as"):
        model.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_allclose(model.optimizer.learning_rate, 0.1)
    build(0.1).load_weights(tmp_path / "m.weights.h5")  # without a word


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
            tiny.flat(model, trainable=True), tiny.flat(straight, trainable=True)
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


def test_a_tree_of_the_state_has_that_of_all_optimizers():
    """As `keras.callbacks.OrbaxCheckpoint` saves it."""

    def made():
        keras.utils.set_random_seed(0)
        nets = [
            keras.Sequential(
                [keras.Input((n,)), keras.layers.Dense(m, name="only")],
                name=name,
            )
            for n, m, name in ((tiny.CODE, tiny.DATA, "made"), (tiny.DATA, 1, "logit"))
        ]
        model = ks.GAN(*nets, likelihood="implicit", name="gan")
        # Keras knows variables by their paths.
        first, second = (keras.optimizers.Adam(name=name) for name in ("one", "two"))
        model.compile(first, critic_optimizer=second, run_eagerly=True)
        return model

    trained, other = made(), made()
    trained.train_on_batch(tiny.data(n=5))
    tree = trained.get_state_tree("numpy_array")
    assert {*tree["optimizer_variables"]} == {"optimizer", "critic_optimizer"}
    other.set_state_tree(tree)
    for name, one in trained.optimizers.items():
        for a, b in zip(one.variables, other.optimizers[name].variables, strict=True):
            np.testing.assert_array_equal(a, b)
    for model in (trained, other):
        model.train_on_batch(tiny.data(n=5))
    np.testing.assert_array_equal(tiny.flat(trained), tiny.flat(other))
    del tree["trainable_variables"]["made"]
    with pytest.warns(UserWarning, match="leaves 2 variables as .*made/only/kernel"):
        other.set_state_tree(tree)
    single = {"optimizer": trained.optimizer}
    assert state_tree.with_all(tree, single, "numpy_array") is tree


def test_an_errors_first_line_has_no_words_on_nodes():
    text = "{{function_node __wrapped__X}} Checksum does not match [Op:RestoreV2]\nmore"
    assert keras_file.first_line(OSError(text)) == "Checksum does not match"
    assert keras_file.first_line(KeyError()) == "KeyError"


@pytest.mark.parametrize("first", [True, False])
def test_the_first_worker_alone_writes_to_a_path(first, tmp_path, monkeypatch):
    """All may call it; what is no path belongs to each."""
    monkeypatch.setattr(workers, "is_first", lambda strategy: first)
    nets = ks.networks.digits(latent_dim=2, units=4, depth=1)
    model = ks.VAE(nets.encoder, nets.decoder)
    folder = tmp_path / "folder"
    folder.mkdir()
    model.save(tmp_path / "m.keras")
    model.save(folder, zipped=False)
    model.save_weights(tmp_path / "m.weights.h5")
    model.export(tmp_path / "m", endpoints="decode")
    ks.hub.push(model, tmp_path / "pushed")
    page.build(model, tmp_path / "page")
    kinds = {".keras", ".json", ".h5", ".pb", ".md", ".html"}
    written = {one.suffix for one in tmp_path.rglob("*") if one.is_file()}
    assert written >= kinds if first else not written
    memory = files.Memory("m.weights.h5")
    model.save_weights(memory)
    assert len(memory.getbuffer()) > 1000
    with pytest.raises(ValueError, match="Expected endpoints out of"):
        model.export(tmp_path / "m", endpoints="encod")
