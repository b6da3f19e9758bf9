"""A command's study runs from a copy of its commit, which is made when a run is."""

import functools
import pathlib
import subprocess
import sys

import pytest

from reproductions.engine import Call, Study, command, one_commit, results


class Gone(BaseException):
    """Stands for the end of a process."""


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A small checkout in place of this one; its commit."""
    folder = tmp_path / "checkout"
    for name in one_commit.CODE:
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text("first = 1\n")
    run = functools.partial(subprocess.run, cwd=folder, check=True)
    author = ["-c", "user.name=a", "-c", "user.email=a@b"]
    run(["git", "init", "-q"])
    run(["git", "add", "."])
    run(["git", *author, "commit", "-qm", "first"])
    monkeypatch.setattr(results, "ROOT", folder)
    monkeypatch.delenv("KERAS_SVAE_COMMIT", raising=False)
    code = results.commit(folder)
    monkeypatch.setattr(results, "commit", lambda: code)
    return folder, code


@pytest.fixture
def begun(monkeypatch):
    """What processes would go on with in a copy."""
    found = []

    def execve(*given):
        found.append(given)
        raise Gone

    monkeypatch.setattr(one_commit.os, "execve", execve)
    return found


def test_a_study_goes_on_from_a_copy_of_its_commit(
    tmp_path, checkout, begun, monkeypatch
):
    folder, code = checkout
    study = tmp_path / "study"
    with pytest.raises(Gone):
        one_commit.from_one_commit(study, "reproductions.svae", ["toy", "--seed", "3"])
    ((program, words, environment),) = begun
    assert program == sys.executable
    assert words[1:] == ["-P", "-m", "reproductions.svae", "toy", "--seed", "3"]
    copy = pathlib.Path(environment["PYTHONPATH"])
    assert environment["KERAS_SVAE_COMMIT"] == code["commit"]
    assert copy.parent == study and copy.name == f"code-{code['commit'][:10]}"
    (folder / "reproductions/__init__.py").write_text("later = 2\n")
    assert (copy / "reproductions/__init__.py").read_text() == "first = 1\n"
    # With changes, or in such a copy, it goes on where it is.
    changed = code | {"changed": "abc"}
    monkeypatch.setattr(results, "commit", lambda: changed)
    one_commit.from_one_commit(study, "reproductions.svae", [])
    monkeypatch.setenv("KERAS_SVAE_COMMIT", "known")
    monkeypatch.setattr(results, "commit", lambda: code)
    one_commit.from_one_commit(study, "reproductions.svae", [])
    assert len(begun) == 1


def test_a_command_that_is_refused_leaves_no_copy(tmp_path, checkout, begun, capsys):
    for name, there in (("new", False), ("mine", True)):
        out = tmp_path / name
        if there:
            out.mkdir()
        words = ["table1", "--backbone", "nosuch.keras", "--out", out]
        with pytest.raises(SystemExit) as stop:
            command.main("aim", words)
        assert stop.value.code == 2 and "nosuch" in capsys.readouterr().err
        assert not begun and out.exists() == there
        assert not there or not any(out.iterdir())


def test_a_command_that_makes_runs_goes_on_from_a_copy(tmp_path, checkout, begun):
    words = ["toy-sweep", "--seeds", "1", "--lams", "1", "--epochs", "1"]
    words += ["--out", str(tmp_path / "study")]
    with pytest.raises(Gone):
        command.main("svae", words)
    ((_, given, environment),) = begun
    assert given[4:] == words
    copy = f"code-{checkout[1]['commit'][:10]}"
    assert copy in {one.name for one in (tmp_path / "study").iterdir()}
    assert environment[one_commit.NEW] == str(tmp_path / "study")


def refuses(seed: int) -> dict:
    """A function that can make nothing."""
    raise ValueError("Expected data; received: none")


@pytest.mark.parametrize(("new", "beside"), [(1, ()), (0, ()), (1, ("a.json",))])
def test_a_first_run_that_is_refused_leaves_no_copy(new, beside, tmp_path, monkeypatch):
    study = tmp_path / "study"
    copy = study / "code-aaaaaaaaaa"
    (copy / "reproductions").mkdir(parents=True)
    for name in beside:
        (study / name).touch()
    monkeypatch.setenv("KERAS_SVAE_COMMIT", "a" * 40)
    monkeypatch.setattr(results, "ROOT", copy)
    monkeypatch.setenv(one_commit.NEW, str(study) if new else "")
    with pytest.raises(ValueError, match="received: none"):
        with Study(study) as made:
            made([Call(refuses, {"seed": 0})])
    if beside:
        assert copy.exists()
    else:
        assert study.exists() == (not new) and not copy.exists()
