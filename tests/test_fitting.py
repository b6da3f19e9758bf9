"""One call begins a run and goes on with it; what shows it may fail."""

import os
import pathlib
import subprocess
import sys
import tempfile

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_svae as ks
from keras_svae import files
from keras_svae.fitting import keep_rows
from keras_svae.game import checks
from keras_svae.game.devices import workers
from tests.callbacks import small
from tests.models import tiny


def build():
    return tiny.build("svae_r", optimizer=lambda: keras.optimizers.Adam(0.01))


class Stop(keras.callbacks.Callback):
    """Ctrl-C at a step."""

    def __init__(self, at):
        super().__init__()
        self.at = at

    def on_train_batch_end(self, batch, logs=None):
        if self.model.step == self.at:
            raise KeyboardInterrupt


def test_the_same_call_goes_on(tmp_path):
    data = tf.data.Dataset.from_tensor_slices(tiny.data(n=40)).batch(5)

    def fit(model, folder, *more, **given):
        log = keras.callbacks.CSVLogger(tmp_path / f"{folder}.csv")
        return ks.fit(
            model,
            data,
            epochs=4,
            backup=tmp_path / folder,
            callbacks=[log, *more],
            verbose=0,
            **given,
        )

    whole = build()
    history = fit(whole, "whole")
    # At the epochs' ends: two are logged again; within an epoch.
    for at, every in ((19, None), (22, 3)):
        with pytest.raises(KeyboardInterrupt):
            fit(build(), "stopped", Stop(at), every=every)
    resumed = build()
    later = fit(resumed, "stopped", every=3)
    assert later.epoch == [2, 3] and later.history == {
        name: found[2:] for name, found in history.history.items()
    }
    for a, b in zip(whole.variables, resumed.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    logs = [(tmp_path / f"{name}.csv").read_text() for name in ("whole", "stopped")]
    assert logs[0] == logs[1]
    # At its end, nothing is left to do.
    assert fit(resumed, "stopped").epoch == []


def test_workers_go_on_once_the_first_one_has_written(tmp_path, monkeypatch):
    """Of two calls in a row, the second one looks for the backup of the first one."""
    data = tf.data.Dataset.from_tensor_slices(tiny.data(n=20)).batch(5)
    folder, late = tmp_path / "backup", tmp_path / "late"
    model = build()
    ks.fit(model, data, epochs=1, backup=folder, verbose=0)
    folder.rename(late)

    def gathered(strategy, number):  # the first one comes when it has written
        if late.exists():
            late.rename(folder)
        return [number, number]

    monkeypatch.setattr(workers, "are_several", lambda strategy: True)
    monkeypatch.setattr(workers, "is_first", lambda strategy: False)
    monkeypatch.setattr(workers, "gathered", gathered)
    assert ks.callbacks.restore(model, folder) == 4


def test_workers_leave_fit_once_the_first_one_has_written(monkeypatch):
    model, seen = build(), []
    written = keras.callbacks.LambdaCallback(on_train_end=lambda logs: seen.append(1))
    monkeypatch.setattr(workers, "meet", lambda strategy: seen.append(2))
    model.fit(tiny.data(n=10), batch_size=5, callbacks=[written], verbose=0)
    assert seen == [1, 2]


def test_the_first_worker_alone_takes_rows_out_of_a_log(tmp_path, monkeypatch):
    data = tf.data.Dataset.from_tensor_slices(tiny.data(n=20)).batch(5)
    model, path = build(), tmp_path / "log.csv"
    log = keras.callbacks.CSVLogger(path)
    given = {"backup": tmp_path / "backup", "callbacks": [log], "verbose": 0}
    ks.fit(model, data, epochs=1, **given)
    with open(path, "a") as file:
        file.write("1,")
    before = path.read_text()
    with monkeypatch.context() as patched:
        patched.setattr(workers, "is_first", lambda strategy: False)
        ks.fit(build(), data, epochs=2, **given)
    assert path.read_text() == before
    # The first one has gone further than its backup, which is told.
    model.fit(data, verbose=0)
    with pytest.warns(UserWarning, match="stood at step 8, later.*backup, of step 4"):
        ks.fit(model, data, epochs=2, **given)
    assert [row[:2] for row in path.read_text().splitlines()[1:]] == ["0,", "1,"]


def test_what_load_gives_is_started_anywhere():
    given = {"batch_size": 16, "examples": 80, "labels": True, "seed": 2}
    whole = ks.data.load("digits", start=0, **given)
    data = ks.data.load("digits", **given)
    expected = list(whole.take(9).as_numpy_iterator())[7:]
    found = list(data.starting_at(7).take(2).as_numpy_iterator())
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_array_equal(a[0], b[0])
        np.testing.assert_array_equal(a[1], b[1])


def test_what_is_refused(tmp_path):
    model, x = build(), tiny.data(n=20)
    data = tf.data.Dataset.from_tensor_slices(x).batch(5)
    for wrong, error, told in (
        (x, TypeError, "For arrays: tf.data"),
        (data.repeat(), ValueError, "received: a data set without an end"),
        (data.filter(lambda x: True), ValueError, "received: a data set of unknown"),
        (data.take(0), ValueError, "received: an empty"),
        (lambda step: data, ValueError, "Expected steps_per_epoch="),
    ):
        with pytest.raises(error, match=told):
            ks.fit(model, wrong, epochs=1, backup=tmp_path / "b")
    with pytest.raises(ValueError, match="Expected no initial_epoch"):
        ks.fit(model, data, epochs=1, backup=tmp_path / "b", initial_epoch=1)
    assert model.step == 0 and not (tmp_path / "b").exists()


def test_rows_that_will_come_again_and_half_rows_are_taken_out(tmp_path):
    path = tmp_path / "log.csv"
    keep_rows(path, 3)
    assert not path.exists()
    path.write_text('epoch;mse;a\n0;.5;"x;y"\n1;.4;\n2;.3;\n3;.')
    keep_rows(path, 9, ";")
    assert path.read_text() == 'epoch;mse;a\n0;.5;"x;y"\n1;.4;\n2;.3;\n'
    keep_rows(path, 1, ";")
    assert path.read_text() == 'epoch;mse;a\n0;.5;"x;y"\n'
    # A whole row of an older log, which had other columns, stays.
    path.write_text("epoch,a\n0,1\n1,2,3\n2,4\n")
    keep_rows(path, 2)
    assert path.read_text() == "epoch,a\n0,1\n1,2,3\n"
    path.write_text("")
    keep_rows(path, 1)
    assert path.read_text() == ""


def test_what_shows_a_training_may_fail(tmp_path):
    class Raising(ks.callbacks.Pictures):
        def write(self, epoch):
            raise RuntimeError("no picture")

    class Full(keras.callbacks.TensorBoard):
        def on_epoch_end(self, epoch, logs=None):
            raise tf.errors.ResourceExhaustedError(None, None, "no room")

    class Wrong(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise OSError("mine")

    model, (x, _) = small.svae(), small.digits()
    backup = ks.callbacks.Backup(tmp_path / "backup")
    callbacks = [Raising(tmp_path, x, n=4, examples=20), Full(tmp_path), backup]
    with (
        pytest.warns(UserWarning, match="Raising failed, and training goes.*no pict"),
        pytest.warns(UserWarning, match="Full failed, and training goes on.*no room"),
    ):
        model.fit(small.dataset(x), epochs=2, callbacks=callbacks, verbose=0)
    assert ks.callbacks.restore(model, tmp_path / "backup") == model.step == 8
    with pytest.raises(OSError, match="mine"):
        model.fit(small.dataset(x), callbacks=[Wrong()], verbose=0)


def test_an_export_is_whole_or_not_there(tmp_path, monkeypatch):
    model, path = small.vae(), tmp_path / "saved"

    def killed(old, new):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            model.export(path)
    assert not list(tmp_path.iterdir())
    model.export(path)
    assert "generate" in tf.saved_model.load(path).signatures
    assert list(tmp_path.iterdir()) == [path]


def test_an_empty_folder_takes_in_an_export_and_stays_itself(tmp_path):
    model, path = small.vae(), tmp_path / "disk"
    path.mkdir(mode=0o700)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = pathlib.Path(files.beside(path)).name  # as a killed process leaves it
    (path / left.replace(f"-{os.getpid()}.", f"-{ended.pid}.")).mkdir()
    before = path.stat()
    with files.new_folder(checks.new_folder(path)) as folder:
        # A container may write nowhere else.
        assert pathlib.Path(folder).parent == path
    with pytest.raises(KeyboardInterrupt), files.new_folder(path) as folder:
        pathlib.Path(folder, "half").touch()
        raise KeyboardInterrupt
    assert not [*path.iterdir()] and [*tmp_path.iterdir()] == [path]
    model.export(path, endpoints="decode")
    after = path.stat()
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    assert "decode" in tf.saved_model.load(path).signatures
    assert not [one for one in path.iterdir() if "writing" in one.name]


@pytest.mark.skipif(os.name == "nt", reason="Windows opens such a file once")
def test_an_open_temporary_file_gets_what_is_saved(tmp_path, monkeypatch):
    model = small.vae()
    with tempfile.NamedTemporaryFile(suffix=".keras", dir=tmp_path) as file:
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", lambda number: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                model.save(file.name)
        assert os.path.getsize(file.name) == 0
        model.save(file.name)
        copy = tmp_path / "copy.keras"
        copy.write_bytes(file.read())
    same = keras.saving.load_model(copy)
    np.testing.assert_array_equal(same.generate(2), model.generate(2))
