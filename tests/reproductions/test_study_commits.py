"""A study's runs are of one commit, and its record says the command that makes them."""

import contextlib
import json
import os

import pytest

from reproductions.engine import Call, Study, execute, process, records, results
from reproductions.engine.callbacks import Clock
from reproductions.engine.folder import RunFolder
from reproductions.svae import digits
from tests.reproductions.conftest import calls

A, B = "a" * 40, "b" * 40
SMALL = {"units": 4, "depth": 1, "epochs": 3, "steps_per_epoch": 2, "n": 50}
SMALL |= {"measures": "mse", "steps_per_execution": 1}


class Killed(BaseException):
    """Stands for the end of a process."""


def test_runs_of_several_commits_are_not_mixed(tmp_path, marks):
    with Study(tmp_path / "study") as study:
        (one,) = study(calls(0.1, seeds=1))
        (file,) = study.folder.glob("*.json")
        file.write_text(json.dumps(one | {"commit": "0" * 40}))
        with pytest.raises(ValueError, match="runs of one commit.*0000000000.*--mix"):
            study(calls(0.1, seeds=2))
    copy = tmp_path / "lam0.1.json"
    with Study(tmp_path / "study", mix_commits=True, record=copy) as study:
        found = study(calls(0.1, seeds=2))
        made = study.write({})
    assert len(found) == 2 and json.loads(copy.read_text()) == made
    assert made["commits of the runs"] == sorted(
        records.shown(run, None) for run in found
    )
    assert made["commits of the runs"][0][:40] == "0" * 40
    assert made["processors of the runs"] == [found[0]["machine"]["cpu"]]
    with Study(tmp_path / "study", report=True) as study:
        with pytest.raises(ValueError, match="runs of one commit"):
            study(calls(0.1, seeds=2))


def test_the_command_of_a_report_makes_its_runs(tmp_path, marks, monkeypatch):
    with Study(tmp_path / "study") as study:
        study(calls(0.1))
    for report in ("--report", "--report=true", "--report true"):
        command = f"python -m x y {report} --out z --reports 1"
        monkeypatch.setenv("KERAS_SVAE_COMMAND", command)
        with Study(tmp_path / "study", report=True) as study:
            study(calls(0.1))
            made = study.write({})
        assert made["command"] == "python -m x y --out z --reports 1"


@pytest.fixture
def at(monkeypatch):
    """Sets the commit of the checkout."""
    return lambda commit: monkeypatch.setenv("KERAS_SVAE_COMMIT", commit)


@pytest.fixture
def killed(monkeypatch):
    """What runs inside of it ends after the second epoch."""
    whole = Clock.on_epoch_end

    def ends(self, epoch, logs=None):
        whole(self, epoch, logs)
        if epoch == 1:
            raise Killed

    @contextlib.contextmanager
    def inside():
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(Clock, "on_epoch_end", ends)
            yield

    return inside


def test_a_half_run_of_another_commit_is_refused(tmp_path, at, killed):
    call = digits.call(**SMALL)
    at(A)
    with killed(), Study(tmp_path / "study") as study:
        study([call])
    (folder,) = (p for p in (tmp_path / "study").iterdir() if p.is_dir())
    at(B)
    said = f"one commit, {B[:10]}; received: {folder} of {A[:10]}. Go .*--mix-commits"
    with pytest.raises(ValueError, match=said), Study(tmp_path / "study") as study:
        study([call])
    assert RunFolder(folder).commits == [A]
    with Study(tmp_path / "study", mix_commits=True) as study:
        (record,) = study([call])
        made = study.write({})
    assert record["steps"] == 6 and record["commit"] == B
    assert record["commits"] == made["commits of the runs"] == [A, B]
    # A finished run of two commits is of neither.
    for commit in (A, B):
        at(commit)
        with pytest.raises(ValueError, match=f"received: .*json of {A[:10]} and b"):
            with Study(tmp_path / "study") as study:
                study([call])


def test_a_half_run_of_this_commit_goes_on(tmp_path, at, killed):
    at(A)
    with killed(), Study(tmp_path / "study") as study:
        study([digits.call(**SMALL)])
    with Study(tmp_path / "study") as study:
        (record,) = study([digits.call(**SMALL)])
    assert record["commit"] == A and "commits" not in record and record["steps"] == 6


def test_a_run_that_goes_on_says_all_its_commits(tmp_path, at, killed, monkeypatch):
    call = digits.call(**SMALL)
    at(A)
    with killed():
        execute(call, tmp_path / "run", keep="record", verbose="none")
    monkeypatch.delenv("KERAS_SVAE_COMMIT")
    code = {"commit": B, "changed": "123"}
    monkeypatch.setattr(results, "commit", lambda: code)
    given = {"keep": "record", "resume": True, "verbose": "none"}
    record = execute(call, tmp_path / "run", **given)
    assert (record["commit"], record["changed"]) == (B, "123")
    assert record["commits"] == [A, f"{B} with changes 123"]


# ---- Code that is edited while a study runs -----------------------------------------


def edits(seed: int) -> dict:
    """A function during which somebody commits."""
    os.environ["KERAS_SVAE_COMMIT"] = B
    return {"mse": float(seed)}


def test_runs_of_one_process_are_of_the_commit_at_its_start(tmp_path, at):
    at(A)
    with Study(tmp_path / "study") as study:
        first = study([Call(edits, {"seed": seed}) for seed in (0, 1)])
        # The first ones are found again, though the files are others now.
        both = study([Call(edits, {"seed": seed}) for seed in (0, 1, 2)])
        made = study.write({})
    assert first == both[:2] and {one["commit"] for one in both} == {A}
    assert made["commit"] == A and made["commits of the runs"] == [A]


def test_a_single_run_is_of_the_commit_at_its_start(tmp_path, at):
    at(A)
    assert execute(Call(edits, {"seed": 0}), tmp_path / "run")["commit"] == A


def test_a_worker_that_loads_other_code_refuses(tmp_path, at):
    at(B)
    start = {"commit": A, "changed": False}
    said = "code of the study's start, aaaaaaaaaa; received: bbbbbbbbbb. Run a study"
    with pytest.raises(ValueError, match=said):
        process.one_run(Call(edits, {"seed": 0}), tmp_path / "a.json", None, start)
    assert not any(tmp_path.iterdir())
