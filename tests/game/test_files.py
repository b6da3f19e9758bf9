"""Files of models that are damaged, of another kind, or hostile."""

import json
import os
import pathlib
import shutil
import warnings
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.evaluation.loading import endpoints_of as opened
from keras_svae.game.saving.keras_file import load_keras
from keras_svae.hub.__main__ import main as hub_command
from keras_svae.page.__main__ import main as page_command
from reproductions.engine.folder import RunFolder
from tests.models import tiny


def small(units=4):
    nets = ks.networks.dense(2, shape=(2,), units=units, depth=1)
    model = ks.VAE(nets.encoder, nets.decoder, seed=0)
    model.compile(optimizer=keras.optimizers.Adam(1e-3))
    model.fit(np.zeros((4, 2), np.float32), batch_size=4, verbose=0)
    return model


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a model in all its forms."""
    folder = tmp_path_factory.mktemp("made")
    model = small()
    model.save(folder / "m.keras")
    model.export(folder / "m")
    return folder


def test_a_keras_file_that_is_truncated_or_changed(made, tmp_path):
    whole = (made / "m.keras").read_bytes()
    path = tmp_path / "m.keras"
    path.write_bytes(whole)
    assert type(load_keras(path)) is ks.VAE
    for i in range(100):
        path.write_bytes(whole[: len(whole) * i // 100])
        with pytest.raises(ValueError, match=r"m\.keras, which is truncated or dam"):
            opened(path)
    for place in np.random.default_rng(0).integers(200, len(whole) - 2000, 20):
        changed = bytearray(whole)
        changed[place] ^= 16
        path.write_bytes(changed)
        with pytest.raises(ValueError, match=r"m\.keras, which is truncated or dam"):
            opened(path)


def changed(source, path, change, member="config.json"):
    """A copy of a `.keras` file with one member changed, or without it."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == member:
                content = change(content)
            if content is not None:
                new.writestr(name, content)
    return path


def with_config(**values):
    def change(content):
        config = json.loads(content)
        config["config"].update(values)
        return json.dumps(config)

    return change


LAMBDA = {
    "module": "keras.layers",
    "class_name": "Lambda",
    "config": {
        "name": "code",
        "function": {
            "class_name": "__lambda__",
            "config": {"code": "4wA=", "defaults": None, "closure": None},
        },
    },
    "registered_name": None,
}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (with_config(made_by="keras_svae 9.0", novel=3), "keras_svae 9.0 made.*novel"),
        (with_config(prior=7), "Expected prior to be one of"),
        (with_config(encoder=None), "Expected encoder to be a built keras.Model"),
        (with_config(encoder=LAMBDA), "arbitrary code execution"),
        (lambda _: json.dumps({"module": "os", "class_name": "system"}), "Keras"),
        (lambda _: "[" * 100_000, "recursion"),
        (lambda _: "{", "Expecting property"),
        (lambda _: None, "config.json"),
    ],
)
def test_what_a_keras_file_must_not_say(made, tmp_path, change, why):
    path = changed(made / "m.keras", tmp_path / "m.keras", change)
    with pytest.raises(ValueError, match=f"(?s)this version can load; rec.*{why}"):
        opened(path)


WAYS = {
    "hub.load": ks.hub.load,
    "load_weights_from": lambda path: small_and_new().load_weights_from(path),
    "hub.push": lambda path: ks.hub.push(path, path.parent / "pushed"),
    "evaluation": opened,
}


def small_and_new():
    nets = ks.networks.dense(2, shape=(2,), units=4, depth=1)
    return ks.VAE(nets.encoder, nets.decoder)


@pytest.mark.parametrize("way", WAYS)
def test_all_ways_look_at_a_file_before(made, tmp_path, way, monkeypatch):
    whole = (made / "m.keras").read_bytes()
    path = tmp_path / "m.keras"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"m\.keras, which is truncated or damaged"):
        WAYS[way](path)
    changed(made / "m.keras", path, lambda _: "{")
    with pytest.raises(ValueError, match="that this version can load; received"):
        WAYS[way](path)
    # Keras would add the whole configuration.
    unknown = {"module": "own", "class_name": "Own", "registered_name": "own>Own"}
    whole_config = json.dumps({**unknown, "config": {"long": 1000 * "x"}})
    changed(made / "m.keras", path, lambda _: whole_config)
    with pytest.raises(ValueError, match="Own") as told:
        WAYS[way](path)
    assert len(str(told.value)) < 600
    path.write_bytes(whole)
    monkeypatch.setenv("KERAS_SVAE_MAX_UNPACKED", "1")
    bomb = zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED)
    with bomb:
        bomb.writestr("more", bytes(10_000_000))
    with pytest.raises(ValueError, match="unpacks to at most 1 bytes"):
        WAYS[way](path)


@pytest.mark.parametrize("command", [hub_command, page_command])
def test_commands_say_in_a_line_what_a_damaged_file_is(tmp_path, command, capsys):
    (tmp_path / "m.keras").write_bytes(b"PK")
    with pytest.raises(SystemExit, match="2"):
        command([str(tmp_path / "m.keras"), str(tmp_path / "out")])
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "truncated or damaged" in told


def test_a_folder_of_keras_that_is_damaged(tmp_path):
    small_and_new().save(tmp_path, zipped=False)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ValueError, match="that this version can load; received"):
        ks.hub.load(tmp_path)


def test_a_folder_that_is_missing_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="a folder that is there; rec.*m.keras"):
        small_and_new().save(tmp_path / "missing" / "m.keras")


def test_what_is_no_keras_file(made, tmp_path):
    path = tmp_path / "m.keras"
    os.mkfifo(path)  # before, this waited for ever
    with pytest.raises(ValueError, match="which is a named pipe"):
        opened(path)
    path.unlink()
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)]).save(path)
    with pytest.raises(ValueError, match="a model of keras_svae.*Sequential"):
        opened(path)
    changed(made / "m.keras", path, lambda content: content[:5000], "model.weights.h5")
    with pytest.raises(ValueError, match="this version can load"):
        opened(path)


def test_loading_of_weights_changes_all_or_none(tmp_path):
    model, other = small(), small(units=5)
    model.save_weights(tmp_path / "m.weights.h5")
    other.save_weights(tmp_path / "o.weights.h5")
    whole = (tmp_path / "m.weights.h5").read_bytes()
    (tmp_path / "t.weights.h5").write_bytes(whole[: len(whole) // 2])
    os.mkfifo(tmp_path / "p.weights.h5")
    model.fit(np.ones((4, 2), np.float32), batch_size=4, verbose=0)

    def values():
        return [v.numpy() for v in [*model.variables, *model.optimizer.variables]]

    before = values()
    for name in ("o", "t", "p"):
        with pytest.raises(ValueError, match=rf"received: .*{name}\.weights\.h5"):
            model.load_weights(tmp_path / f"{name}.weights.h5")
        for mine, old in zip(values(), before, strict=True):
            np.testing.assert_array_equal(mine, old)
    with pytest.raises(FileNotFoundError, match="which does not exist"):
        model.load_weights(tmp_path / "absent.weights.h5")
    model.load_weights(tmp_path / "m.weights.h5")
    assert model.step == 1


def test_an_interrupted_loading_of_weights_changes_none(tmp_path, monkeypatch):
    """As by Ctrl-C, when the first layers have their weights already."""
    model, other = small(), small()
    for one, value in ((model, 1.0), (other, 2.0)):
        one.set_weights([np.full_like(weight, value) for weight in one.get_weights()])
    other.save_weights(tmp_path / "other.weights.h5")
    load, calls = keras.layers.Dense.load_own_variables, []

    def interrupted(self, store):
        load(self, store)
        calls.append(self)
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(keras.layers.Dense, "load_own_variables", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.load_weights(tmp_path / "other.weights.h5")
    assert all((weight == 1).all() for weight in model.get_weights())


def deep(*units, name):
    layers = [keras.layers.Dense(n) for n in units]
    return keras.Sequential([keras.Input((units[-1],)), *layers], name=name)


def of_networks(encoder, critic=None):
    nets = (encoder, tiny.dense([2], 4, "decoder"))
    if critic is None:
        return ks.VAE(*nets, likelihood="gaussian")
    return ks.SVAE(*nets, critic, likelihood="gaussian")


@pytest.mark.parametrize("name", ["deeper.weights.h5", "deeper.keras"])
def test_a_file_of_weights_with_further_layers_is_refused(tmp_path, name):
    model = of_networks(deep(8, 4, name="encoder"))
    deeper = of_networks(deep(8, 4, 4, name="encoder"))
    (deeper.save_weights if "h5" in name else deeper.save)(tmp_path / name)
    before = [v.numpy() for v in model.variables]
    with pytest.raises(
        ValueError, match=r"the encoder of this.*2 more.*dense_2, \(4, 4"
    ):
        model.load_weights(tmp_path / name)
    for variable, old in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), old)
    model.load_weights(tmp_path / name, skip_mismatch=True)


def test_other_shapes_of_weights_are_told(tmp_path):
    model = of_networks(deep(8, 4, name="encoder"))
    of_networks(deep(6, 4, name="encoder")).save_weights(tmp_path / "o.weights.h5")
    with pytest.raises(
        ValueError, match=r"it has .*layers/dense, \(4, 6\), and .*4, 8"
    ):
        model.load_weights(tmp_path / "o.weights.h5")
    larger = of_networks(deep(6, 4, 4, name="encoder"))
    with pytest.raises(ValueError, match=r"it has no weight 0 of .*dense_2, \(4, 4\)"):
        larger.load_weights(tmp_path / "o.weights.h5")


def test_a_network_that_the_model_does_not_have_is_left_out(tmp_path):
    encoder = deep(8, 4, name="encoder")
    model = of_networks(encoder, tiny.dense([4, 2], 1, "critic"))
    model.compile("sgd", critic_optimizer="sgd", ema=0.9)
    model.save_weights(tmp_path / "m.weights.h5")
    other = of_networks(deep(8, 4, name="encoder"))
    with pytest.warns(UserWarning, match="weights of the network 'critic'") as told:
        other.load_weights(tmp_path / "m.weights.h5")
    (ours,) = [one for one in told if "does not have" in str(one.message)]
    assert ours.filename == __file__
    for one, same in zip(encoder.weights, other.encoder.weights, strict=True):
        np.testing.assert_array_equal(one, same)


def with_parts(sampler=None, ema=None):
    model = small_and_new()
    if ema:
        model.compile("adam", ema=ema)
    if sampler:
        codes = np.random.default_rng(0).normal(size=(20, 2))
        made = ks.samplers.GaussianMixture(2, name=sampler).fit_codes(codes)
        model.add_sampler(made)
    return model


@pytest.mark.parametrize(
    ("file", "model", "warns", "refused"),
    [
        (
            {"sampler": "mix"},
            {},
            "weights of the sampler 'gaussian_mixture', which",
            "",
        ),
        ({"ema": 0.5}, {}, "", ""),
        ({"sampler": "mix", "ema": 0.5}, {"sampler": "mix"}, "", ""),
        (
            {},
            {"sampler": "mix"},
            "",
            "no weights of a sampler .*mixture. Call .*rem",
        ),
        ({}, {"ema": 0.5}, "", "no averages of weights. Load it before compile"),
    ],
)
def test_averages_and_samplers_in_files_of_weights(
    tmp_path, file, model, warns, refused
):
    path = tmp_path / "m.weights.h5"
    saved, model = with_parts(**file), with_parts(**model)
    saved.save_weights(path)
    before = model.encoder.get_weights()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        if refused:
            with pytest.raises(ValueError, match=refused):
                model.load_weights(path)
        else:
            model.load_weights(path)
    told = [str(one.message) for one in told if one.category is UserWarning]
    assert len(told) == bool(warns) and all(warns in one for one in told)
    wanted = before if refused else saved.encoder.get_weights()
    for one, other in zip(model.encoder.get_weights(), wanted, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_file_of_something_else_is_one_error(tmp_path):
    model = small_and_new()
    model.encoder.save_weights(tmp_path / "e.weights.h5")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        with pytest.raises(ValueError, match="it has no weight 0 of decoder"):
            model.load_weights(tmp_path / "e.weights.h5")


@pytest.mark.parametrize("what", ["gone", "empty", "half", "pipe"])
def test_a_saved_model_with_a_damaged_file(made, tmp_path, what):
    names = [p.relative_to(made / "m") for p in (made / "m").rglob("*") if p.is_file()]
    assert len(names) == 4
    for name in names:
        if name.name == "fingerprint.pb" and what != "pipe":
            continue  # TensorFlow does without
        copy = tmp_path / name.name
        shutil.copytree(made / "m", copy)
        content = (copy / name).read_bytes()
        (copy / name).unlink()
        if what == "pipe":
            os.mkfifo(copy / name)
        elif what != "gone":
            (copy / name).write_bytes(content[: len(content) // 2 * (what == "half")])
        with pytest.raises(ValueError, match=rf"SavedModel.*received: .*{name.name}"):
            opened(copy)


@pytest.mark.parametrize("about", ["{", "{}", "[1]", 3])
def test_a_saved_model_of_another_package(tmp_path, about):
    module = tf.Module()
    module.about = tf.function(lambda: {"about": tf.constant(about)}, [])
    tf.saved_model.save(module, tmp_path / "m", signatures={"about": module.about})
    with pytest.raises(ValueError, match="endpoint 'about' tells .*received: .*m "):
        opened(tmp_path / "m")


@pytest.mark.parametrize("name", ["run[1]", "a*", "a?"])
def test_paths_that_tensorflow_could_not_load_again(made, tmp_path, name):
    with pytest.raises(ValueError, match="Expected a path of a SavedModel without"):
        small().export(tmp_path / name)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="Expected a path of a run folder"):
        RunFolder(tmp_path / name).opened({}, resume=False).__enter__()
    assert list(tmp_path.iterdir()) == []
    shutil.copytree(made / "m", tmp_path / name)
    with pytest.raises(ValueError, match="Expected a path of a SavedModel without"):
        opened(tmp_path / name)


@pytest.mark.parametrize("name", ["a b", "a#%41", "é\n", "'{x}", "a]"])
def test_paths_that_only_look_strange(made, tmp_path, name):
    shutil.copytree(made / "m", tmp_path / name)
    opened(tmp_path / name)
    shutil.copy(made / "m.keras", tmp_path / f"{name}.keras")
    opened(pathlib.Path(tmp_path / f"{name}.keras"))


def test_a_file_where_a_folder_belongs(tmp_path):
    (tmp_path / "file").write_text("")
    model, x = small(), np.zeros((4, 2), np.float32)
    step = model.step
    for callback in (
        ks.callbacks.Backup(tmp_path / "file"),
        ks.callbacks.Pictures(tmp_path / "file", x),
    ):
        with pytest.raises(
            FileExistsError, match="a folder; received: the file .*file"
        ):
            model.fit(x, batch_size=4, verbose=0, callbacks=[callback])
    # Before, this began anew, from step 0.
    with pytest.raises(FileExistsError, match="a folder; received: the file .*file"):
        ks.callbacks.restore(model, tmp_path / "file")
    assert model.step == step
