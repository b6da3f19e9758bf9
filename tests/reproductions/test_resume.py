"""kill -9 in the middle of an epoch, then --resume: the same weights, bit for bit."""

import contextlib
import json
import pathlib
import platform
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_svae as ks
from keras_svae import files
from reproductions.engine import Places, execute, execution, measure, results
from reproductions.engine.callbacks import Table
from reproductions.engine.folder import RunFolder
from reproductions.svae import toy
from tests.reproductions.locking import used_by_another_process

ROOT = pathlib.Path(__file__).resolve().parents[2]
# 16 steps make an epoch: the last backup is 4 steps into the second, the end 3 later.
BACKUP_EVERY, KILLED_AT = 5, 23
SMALL = {"units": 8, "depth": 1, "turns": 1, "epochs": 3}

KILLED = """
import os, signal, sys
import keras_svae as ks
from reproductions.engine import execute
from reproductions.svae import toy

class Killed(ks.callbacks.Backup):
    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch, logs)
        if int(self.model.step) >= {at}:
            os.kill(os.getpid(), signal.SIGKILL)

ks.callbacks.Backup = Killed
call = toy.call(
    replicas={replicas}, steps_per_execution=1, patience={patience}, **{small}
)
execute(call, sys.argv[1], backup_every={every}, verbose="none")
"""


@pytest.fixture
def trained(monkeypatch):
    """The models that `runner.run` has trained: what comes after is not looked at."""
    models = []
    report = ks.evaluation.Report()
    monkeypatch.setattr(measure, "measure", lambda *_: report)
    monkeypatch.setattr(execution, "save", lambda model, folder: models.append(model))
    nothing = keras.callbacks.Callback
    monkeypatch.setattr(ks.callbacks, "Pictures", lambda *_, **__: nothing())
    return models


# The killed run is a process of its own, which knows of no other seed.
@pytest.mark.fixed_seed
@pytest.mark.parametrize(
    ("replicas", "patience"),
    [
        (1, None),
        pytest.param(2, None, marks=pytest.mark.slow),
        pytest.param(1, 1, marks=pytest.mark.slow),
    ],
)
def test_killed_and_resumed_ends_where_uninterrupted_does(
    replicas, patience, tmp_path, trained
):
    more = {"replicas": replicas, "patience": patience}
    script = KILLED.format(at=KILLED_AT, every=BACKUP_EVERY, small=SMALL, **more)
    killed = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "killed")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    backups = sorted(p.stem for p in (tmp_path / "killed/backup").glob("*.json"))
    assert backups == ["step-000000015", "step-000000020"]

    call = toy.call(steps_per_execution=1, **SMALL, **more)
    execute(call, tmp_path / "killed", resume=True, verbose="none")
    execute(call, tmp_path / "whole", verbose="none")
    resumed, whole = trained
    if patience is None:
        assert int(resumed.step) == int(whole.step) == 48
    else:  # the best epoch's weights, by the same values of validation
        history = [tmp_path / name / "validation.json" for name in ("killed", "whole")]
        assert history[0].read_text() == history[1].read_text()
        assert int(resumed.step) == int(whole.step) in (16, 32, 48)
    assert resumed.distribute_strategy.num_replicas_in_sync == replicas
    for a, b in zip(resumed.variables, whole.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=a.path)
    record = json.loads((tmp_path / "killed/metrics.json").read_text())
    assert record["command"] == f"python -c {tmp_path / 'killed'}"  # which began it
    assert record["resumed by"] == results.command()
    clocks = [record["whole seconds"], record["seconds"]]
    assert clocks[0] >= clocks[1] > 0
    log = (tmp_path / "killed/log.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in log] == ["epoch", "0", "1", "2"]


def test_lines_of_the_log_that_come_again_are_taken_out(tmp_path):
    folder = RunFolder(tmp_path)
    folder.log.write_text("epoch,mse\n0,.5\n1,.4\n2,.3\n")
    Table(folder, 2)
    assert folder.log.read_text() == "epoch,mse\n0,.5\n1,.4\n"
    Table(folder, 5)
    assert folder.log.read_text() == "epoch,mse\n0,.5\n1,.4\n"


def test_time_of_earlier_sessions_counts(tmp_path, monkeypatch):
    folder = RunFolder(tmp_path)
    folder.begin()
    assert folder.clock["seconds"] == 0 and folder.spent()["whole seconds"] < 1
    written = {"seconds": 5.0, "whole seconds": 9.0, "processor seconds": 20.0}
    folder.clock_file.write_text(json.dumps(written | {"command": "python -m first"}))
    folder.begin()
    assert 9 <= folder.spent()["whole seconds"] < 10
    assert 20 <= folder.spent()["processor seconds"] < 21
    monkeypatch.setenv("KERAS_SVAE_COMMAND", "python -m second")
    commands = {"command": "python -m first", "resumed by": "python -m second"}
    assert folder.commands() == commands
    folder.write_clock(7.04)
    assert folder.clock["seconds"] == 7.0
    assert folder.clock["command"] == "python -m first"


def test_two_processes_do_not_go_on_with_one_run(tmp_path):
    call = toy.call(**SMALL)
    opened(RunFolder(tmp_path), execution.identity(call, Places()), resume=False)
    with used_by_another_process(tmp_path):
        with pytest.raises(FileExistsError, match="no other process works in"):
            execute(call, tmp_path, resume=True, verbose="none")
    assert (tmp_path / "config.json").exists()


@pytest.mark.parametrize("new", [True, False], ids=["new", "begun meanwhile"])
def test_who_comes_second_leaves_the_run_of_the_first_alone(new, tmp_path, monkeypatch):
    """Both have seen an empty folder; the other process is a little earlier."""
    out, of_first = tmp_path / "run", json.dumps(identity(lam=9.0))
    looked = RunFolder._is_new

    def late(self, identity, resume):
        found = looked(self, identity, resume)
        if not out.exists():
            out.mkdir()
            (out / "config.json").write_text(of_first)
        return found

    monkeypatch.setattr(RunFolder, "_is_new", late)
    what = "no other process works in" if new else "new or empty run folder"
    with pytest.raises(FileExistsError, match=what), contextlib.ExitStack() as held:
        if new:
            lock = files.lock

            def taken(folder):
                held.enter_context(used_by_another_process(folder))
                lock(folder)

            monkeypatch.setattr(files, "lock", taken)
        execute(toy.call(**SMALL), out, verbose="none")
    assert (out / "config.json").read_text() == of_first


def identity(**settings):
    return {"experiment": "svae/toy", "settings": settings, "data": "toy5"}


def opened(folder, identity, resume):
    """Whether the folder is new."""
    with folder.opened(identity, resume) as new:
        return new


def test_resume_needs_the_same_configuration(tmp_path):
    folder = RunFolder(tmp_path / "run")
    assert opened(folder, identity(lam=0.1), resume=False)
    assert not opened(folder, identity(lam=0.1), resume=True)
    with pytest.raises(ValueError, match=r"lam=0\.1 there, 1\.0 here"):
        opened(folder, identity(lam=1.0), resume=True)
    with pytest.raises(ValueError, match="data='toy5' there, 'other' here"):
        opened(folder, identity(lam=0.1) | {"data": "other"}, resume=True)


def test_a_run_of_an_older_version_is_told(tmp_path):
    (tmp_path / "config.json").write_text('{"experiment": "toy", "lam": 0.1}')
    with pytest.raises(ValueError, match="which an older version made"):
        opened(RunFolder(tmp_path), identity(lam=0.1), resume=True)
    (tmp_path / "config.json").write_text('{"experiment": "toy", "la')
    with pytest.raises(ValueError, match="Expected a whole JSON file.*config.json"):
        opened(RunFolder(tmp_path), identity(lam=0.1), resume=True)


@pytest.mark.parametrize("resume", [False, True])
def test_a_kill_while_a_run_begins_leaves_a_new_run(resume, tmp_path):
    out = tmp_path / "run"
    out.mkdir()
    for name in (".lock", f".config.json.writing-{platform.node()}-999999999.0"):
        (out / name).write_text("{")
    folder = RunFolder(out)
    with folder.opened(identity(lam=0.1), resume) as new:
        assert new
        assert {one.name for one in out.iterdir()} == {".lock", "config.json"}


def test_finished_run_is_left_alone(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(execution, "identity", lambda call, places: identity(lam=1.0))
    folder = RunFolder(tmp_path / "run")
    opened(folder, identity(lam=1.0), resume=False)
    written = {"settings": {"lam": 1.0}, "metrics": {"mse": 1}}
    folder.metrics_file.write_text(json.dumps(written))
    monkeypatch.setattr(execution, "_train_and_measure", None)  # would be called
    record = execute(toy.call(), tmp_path / "run", resume=True)
    assert record == written
    assert "finished: nothing to do" in capsys.readouterr().out
