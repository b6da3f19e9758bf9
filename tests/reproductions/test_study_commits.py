"""A study's runs are of one commit, and its record says the command that makes them."""

import functools
import json
import pathlib
import subprocess
import sys

import pytest

from reproductions.engine import Study, one_commit, process
from reproductions.engine import results as results_
from tests.reproductions.conftest import calls


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
        process.shown(run, None) for run in found
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


def test_code_that_changes_in_mid_study_is_told(tmp_path, marks, monkeypatch):
    found = iter([{"commit": "a", "changed": False}, {"commit": "b", "changed": False}])
    monkeypatch.setattr(results_, "commit", lambda: next(found))
    with Study(tmp_path / "study") as study:
        with pytest.raises(
            ValueError, match="code of the study's start, a; received: b"
        ):
            study(calls(0.1))


def test_a_study_goes_on_from_a_copy_of_its_commit(tmp_path, monkeypatch):
    checkout = tmp_path / "checkout"
    for name in one_commit.CODE:
        (checkout / name).mkdir(parents=True)
        (checkout / name / "__init__.py").write_text("first = 1\n")
    run = functools.partial(subprocess.run, cwd=checkout, check=True)
    author = ["-c", "user.name=a", "-c", "user.email=a@b"]
    run(["git", "init", "-q"])
    run(["git", "add", "."])
    run(["git", *author, "commit", "-qm", "first"])
    monkeypatch.setattr(results_, "ROOT", checkout)
    monkeypatch.delenv("KERAS_SVAE_COMMIT", raising=False)
    code = results_.commit(checkout)
    monkeypatch.setattr(results_, "commit", lambda: code)
    begun = []
    monkeypatch.setattr(one_commit.os, "execve", lambda *given: begun.append(given))
    folder = tmp_path / "study"
    one_commit.from_one_commit(folder, "reproductions.svae", ["toy", "--seed", "3"])
    ((program, words, environment),) = begun
    assert program == sys.executable
    assert words[1:] == ["-P", "-m", "reproductions.svae", "toy", "--seed", "3"]
    copy = pathlib.Path(environment["PYTHONPATH"])
    assert environment["KERAS_SVAE_COMMIT"] == code["commit"]
    assert copy.parent == folder and copy.name == f"code-{code['commit'][:10]}"
    (checkout / "reproductions/__init__.py").write_text("later = 2\n")
    assert (copy / "reproductions/__init__.py").read_text() == "first = 1\n"
    # With changes, or in such a copy, it goes on where it is.
    code = code | {"changed": "abc"}
    one_commit.from_one_commit(folder, "reproductions.svae", [])
    monkeypatch.setenv("KERAS_SVAE_COMMIT", "known")
    code = code | {"changed": False}
    one_commit.from_one_commit(folder, "reproductions.svae", [])
    assert len(begun) == 1
