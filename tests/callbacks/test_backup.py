"""Backups: what is refused, and that a killed run goes on as if it had not been."""

import json
import os
import platform
import shutil
import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae.callbacks import backup_files
from tests.callbacks import small
from tests.models import tiny


@small.shared
def build(method="svae_r", **kwargs):
    return tiny.build(method, optimizer=lambda: keras.optimizers.Adam(0.01), **kwargs)


def uncompiled():
    return build.__wrapped__(compiled=False)


def dataset():
    return tf.data.Dataset.from_tensor_slices(tiny.data(n=50)).batch(5)


@pytest.fixture(scope="module")
def straight(stock):
    """The variables after one epoch, and the critic's optimizer's updates."""
    model = stock.take(build.__wrapped__)
    model.fit(dataset(), verbose=0)
    return values(model), int(model.critic_optimizer.iterations)


def test_a_run_stopped_in_mid_epoch_goes_on_bit_for_bit(straight, tmp_path):
    class Killed(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 5:
                raise KeyboardInterrupt

    stopped = build()
    backup = ks.callbacks.Backup(tmp_path, every=2)
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(dataset(), callbacks=[backup, Killed()], verbose=0)
    resumed = build()
    step = ks.callbacks.restore(resumed, tmp_path)
    assert step == 6
    resumed.fit(dataset().skip(step), verbose=0)
    for a, b in zip(straight[0], values(resumed), strict=True):
        np.testing.assert_array_equal(a, b)
    assert resumed.critic_optimizer.iterations == straight[1]


def session(model, folder, *more):
    """Three epochs of 8 steps, or what is left of them in the folder."""
    steps, done = 8, ks.callbacks.restore(model, folder)
    backup = ks.callbacks.Backup(folder, every=3)
    return model.fit(
        tf.data.Dataset.from_tensor_slices(tiny.data(n=64))
        .batch(8)
        .repeat()
        .skip(done),
        epochs=3,
        initial_epoch=done // steps,
        steps_per_epoch=steps,
        callbacks=[*more, backup],
        verbose=0,
    )


@pytest.fixture(scope="module")
def whole(stock, tmp_path_factory):
    """The history of a session that nothing stops, and the variables after it."""
    stock.begin()
    model = stock.take(build.__wrapped__)
    history = session(model, tmp_path_factory.mktemp("whole"))
    assert model.step == 24
    return history, values(model)


@pytest.mark.parametrize("killed_at", [13, pytest.param(21, marks=pytest.mark.slow)])
def test_the_rest_of_an_epoch_comes_first(killed_at, whole, tmp_path):
    class Killed(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.step == killed_at:
                raise KeyboardInterrupt

    history, variables = whole
    with pytest.raises(KeyboardInterrupt):
        session(build(), tmp_path / "killed", Killed())
    resumed = build()
    later = session(resumed, tmp_path / "killed")
    assert resumed.step == 24
    for a, b in zip(variables, values(resumed), strict=True):
        np.testing.assert_array_equal(a, b)
    first = (killed_at - 1) // 3 * 3 // 8
    assert later.epoch == history.epoch[first:]
    for name, found in later.history.items():  # of the interrupted epoch, too
        assert found == history.history[name][first:], name


def test_the_last_two_backups_are_kept(tmp_path):
    backup = ks.callbacks.Backup(tmp_path, every=3)
    build().fit(dataset(), callbacks=[backup], verbose=0)
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == [
        f"step-{step:09d}.{end}" for step in (9, 10) for end in ("json", "weights.h5")
    ]


def test_an_empty_folder_is_a_fresh_start(tmp_path):
    assert ks.callbacks.restore(build(), tmp_path) == 0


def test_what_is_refused(tmp_path):
    model = build()
    model.fit(dataset(), callbacks=[ks.callbacks.Backup(tmp_path, every=4)], verbose=0)
    with pytest.raises(ValueError, match="backup of ALICE; received: one of SVAE"):
        ks.callbacks.restore(build("alice"), tmp_path)
    nets = build()
    wide = ks.SVAE(
        nets.encoder,
        nets.decoder,
        keras.Model(
            nets.critic.inputs,
            keras.layers.Dense(1)(keras.layers.Concatenate()(nets.critic.inputs)),
        ),
        lam=0.7,
        likelihood="gaussian",
    )
    wide.compile(optimizer="adam", critic_optimizer="adam")
    with pytest.raises(ValueError, match="variables with the shapes of this"):
        ks.callbacks.restore(wide, tmp_path)
    with pytest.raises(ValueError, match="Expected a compiled model"):
        ks.callbacks.restore(uncompiled(), tmp_path)


@pytest.fixture
def two_backups(tmp_path):
    """A folder with backups of the steps 8 and 10, and the newest one's files."""
    model = build()
    backup = ks.callbacks.Backup(tmp_path, every=4)
    model.fit(dataset(), callbacks=[backup], verbose=0)
    steps = sorted(tmp_path.glob("step-*.json"))
    assert len(steps) == 2
    return tmp_path, steps[-1], steps[-1].with_suffix(".weights.h5")


def values(model):
    return [v.numpy() for v in model.variables]


def test_a_damaged_backup_is_put_aside_and_the_older_one_is_taken(two_backups):
    folder, told, weights = two_backups
    os.truncate(weights, weights.stat().st_size // 2)
    older = int(sorted(folder.glob("step-*.json"))[0].stem.split("-")[1])
    fresh = build()
    with pytest.warns(UserWarning, match=f"put aside: {weights}.*older backup"):
        assert ks.callbacks.restore(fresh, folder) == older == fresh.step
    assert (folder / f"damaged-{weights.name}").exists() and not told.exists()
    # It goes on there, and leaves a backup of the same step again.
    backup = ks.callbacks.Backup(folder, every=4)
    fresh.fit(dataset(), callbacks=[backup], verbose=0)
    with warnings.catch_warnings(action="error"):
        assert ks.callbacks.restore(build(), folder) == fresh.step


def test_other_settings_are_told_and_another_optimizer_is_refused(two_backups):
    folder, *_ = two_backups

    def other(optimizer=keras.optimizers.Adam, **settings):
        model = tiny.build("svae_r", compiled=False, **settings)
        model.compile(optimizer(0.01), critic_optimizer=keras.optimizers.Adam(0.01))
        return model

    with warnings.catch_warnings(action="error"):
        ks.callbacks.restore(other(), folder)
    with pytest.warns(UserWarning, match="lam=0.7 there, 0.2 here.*this model"):
        assert ks.callbacks.restore(other(lam=0.2), folder) == 10
    with pytest.warns(UserWarning, match="seed=.* there, 9 here"):
        ks.callbacks.restore(other(seed=9), folder)

    def momentum(rate):
        return keras.optimizers.Adam(rate, beta_1=0.5)

    with pytest.warns(UserWarning, match="optimizer.beta_1=0.9 there, 0.5 here"):
        ks.callbacks.restore(other(momentum), folder)
    with pytest.raises(ValueError, match="optimizer to be of the class Adam, .*: SGD"):
        ks.callbacks.restore(other(keras.optimizers.SGD), folder)


def test_who_decides_about_rates(two_backups):
    folder, *_ = two_backups

    def compiled(rate):
        model = uncompiled()
        model.compile(
            keras.optimizers.Adam(rate), critic_optimizer=keras.optimizers.Adam(0.01)
        )
        return model

    saved, mine = compiled(0.003), compiled(0.003)
    with pytest.warns(UserWarning, match="'optimizer' is 0.01, from the backup, not"):
        ks.callbacks.restore(saved, folder)
    assert float(saved.optimizer.learning_rate) == np.float32(0.01)
    with warnings.catch_warnings(action="error"):
        ks.callbacks.restore(mine, folder, rates="compiled")
    assert float(mine.optimizer.learning_rate) == np.float32(0.003)
    np.testing.assert_array_equal(
        saved.optimizer.variables[2], mine.optimizer.variables[2]
    )
    with pytest.raises(ValueError, match="rates to be one of"):
        ks.callbacks.restore(mine, folder, rates="mine")


LOCKING = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.lockf(file, fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.read()
"""


def test_a_folder_is_of_one_process(tmp_path):
    model = build()
    other = subprocess.Popen(
        [sys.executable, "-c", LOCKING, str(tmp_path / ".lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert other.stdout.readline() == b"locked\n"
    for _ in range(2):
        with pytest.raises(FileExistsError, match="no other process works in.*recei"):
            model.fit(dataset(), callbacks=[ks.callbacks.Backup(tmp_path)], verbose=0)
        with pytest.raises(FileExistsError, match="no other process works in.*recei"):
            ks.fit(model, dataset(), epochs=1, backup=tmp_path, verbose=0)
    assert model.step == 0
    other.communicate()
    # Its file is still there; the process is not. Twice, as in a notebook.
    ks.fit(model, dataset(), epochs=1, backup=tmp_path, verbose=0)
    ks.fit(model, dataset(), epochs=2, backup=tmp_path, verbose=0)
    assert model.step == 20 and not (tmp_path / ".lock").exists()


def test_what_killed_processes_left_is_removed(tmp_path):
    dead = subprocess.Popen(["true"])
    dead.wait()
    host = platform.node()
    left = [
        tmp_path / f".step-000000003.weights.h5.writing-{host}-{dead.pid}",
        tmp_path / "step-000000002.weights.h5",  # without a description
        tmp_path / f".m.keras.writing-{host}-{dead.pid}",
    ]
    other = tmp_path / f".m.keras.writing-{host}-{os.getpid()}"
    for one in [*left, other]:
        one.write_bytes(b"half")
    model = build()
    model.save(tmp_path / "m.keras")
    assert not left[2].exists()
    model.fit(dataset(), callbacks=[ks.callbacks.Backup(tmp_path)], verbose=0)
    assert not any(one.exists() for one in left)


def test_backups_in_another_file_system():
    """TensorFlow has one in memory."""
    folder = "ram://backups"
    model = build()
    ks.fit(model, dataset(), epochs=1, backup=folder, every=4, verbose=0)
    names = tf.io.gfile.listdir(folder)
    assert [n for n in sorted(names) if n.endswith("json")] == [
        "step-000000008.json",
        "step-000000010.json",
    ]
    again = build()
    assert ks.callbacks.restore(again, folder) == 10
    for a, b in zip(values(model), values(again), strict=True):
        np.testing.assert_array_equal(a, b)


def test_where_all_are_damaged_the_model_is_as_it_was(two_backups):
    folder, *_ = two_backups
    for one in folder.glob("step-*.json"):
        one.write_text(one.read_text()[:-20])
    fresh = build()
    before = values(fresh)
    with pytest.raises(
        ValueError, match="truncated or changed .*step-.*step-.*, and no"
    ):
        ks.callbacks.restore(fresh, folder)
    for value, now in zip(before, values(fresh), strict=True):
        np.testing.assert_array_equal(value, now)
    assert len(list(folder.glob("step-*.json"))) == 2  # nothing is put aside


def test_no_changed_byte_goes_unseen(two_backups):
    folder, told, weights = two_backups
    whole = {file: file.read_bytes() for file in (told, weights)}
    rng = np.random.default_rng(0)
    for file, content in whole.items():
        for place in rng.integers(len(content), size=60):
            changed = bytearray(content)
            changed[place] ^= 1 << int(rng.integers(8))
            file.write_bytes(bytes(changed))
            with pytest.raises(ValueError):
                backup_files.whole(str(told))
        file.write_bytes(content)
    assert backup_files.whole(str(told))[0]["step"] == 10


def test_a_disk_without_room_is_told_before_anything_is_written(tmp_path, monkeypatch):
    model = build()
    backup = ks.callbacks.Backup(tmp_path, every=4)
    model.fit(dataset(), callbacks=[backup], verbose=0)
    files = {path: path.read_bytes() for path in tmp_path.iterdir()}
    usage = shutil.disk_usage(tmp_path)._replace(free=1_500_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OSError, match="MB of free disk for a backup.*received: 2 MB"):
        model.fit(dataset(), callbacks=[backup], verbose=0)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == files


def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch):
    model = build()

    def failing(old, new):
        raise OSError("no space")

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(OSError, match="no space"):
        model.fit(dataset(), callbacks=[ks.callbacks.Backup(tmp_path)], verbose=0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5"])
def test_a_model_s_file_is_replaced_at_once(name, tmp_path, monkeypatch):
    model, path = build(), tmp_path / name
    save = model.save if name.endswith(".keras") else model.save_weights
    save(path)
    first = path.read_bytes()

    def killed(file):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        save(path)
    assert path.read_bytes() == first and list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_written_is_refused_before_training(tmp_path):
    (tmp_path / "file").write_text("")
    model = build()
    with pytest.raises(OSError):
        model.fit(
            dataset(), callbacks=[ks.callbacks.Backup(tmp_path / "file")], verbose=0
        )
    assert int(model.step) == 0


def test_backups_of_before_had_no_state_of_averages(tmp_path):
    """Their list of variables went on with metrics."""

    def averaged():
        model = uncompiled()
        adam = {
            p.optimizer: keras.optimizers.Adam(0.01) for p in model.players.values()
        }
        model.compile(**adam, ema=0.9)
        return model

    model = averaged()
    model.run_eagerly = True
    model.fit(dataset().take(2), callbacks=[ks.callbacks.Backup(tmp_path)], verbose=0)
    about = sorted(tmp_path.glob("*.json"))[-1]
    told = json.loads(about.read_text())
    kept = [v for v in told["variables"] if not v[0].endswith("averages/state")]
    assert len(kept) == len(told["variables"]) - 1
    told["variables"] = [*kept, ["mean/total", []]]
    told.pop("checksum")
    about.write_text(json.dumps(told))
    assert ks.callbacks.restore(averaged(), tmp_path) == model.step


@pytest.mark.parametrize("every", [0, 2.5, True, "a"])
def test_steps_between_backups_are_a_count(every, tmp_path):
    with pytest.raises(ValueError, match=f"Expected every .*received: every={every!r}"):
        ks.callbacks.Backup(tmp_path, every=every)
    with pytest.raises(TypeError, match="a folder for backups.*received: None"):
        ks.callbacks.Backup(None)
