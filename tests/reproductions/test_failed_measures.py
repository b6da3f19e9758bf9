"""Measures that fail lose neither a run nor a study."""

import dataclasses
import json
import unittest.mock

import pytest

import keras_svae as ks
from reproductions.engine import command, execute, process, records
from reproductions.engine.study import Study
from reproductions.svae import digits
from tests.reproductions.commands import call


@pytest.fixture
def broken():
    """A measure that applies and ends with an error."""
    with unittest.mock.patch.dict(ks.evaluation.MEASURES):
        ks.evaluation.register("broken")(lambda material: 1 / 0)
        yield {"broken": "ZeroDivisionError: division by zero"}


SHORT = {"units": 8, "depth": 1, "epochs": 1, "steps_per_epoch": 2, "n": 50}


def test_a_named_measure_that_fails_loses_no_run(broken, tmp_path, capsys):
    words = [f"--{name.replace('_', '-')}={value}" for name, value in SHORT.items()]
    out = tmp_path / "run"
    with pytest.raises(SystemExit) as stop:
        call("digits", *words, "--measures", "broken,mse", "--out", out)
    assert stop.value.code == 1
    record = json.loads((out / "metrics.json").read_text())
    assert record["failed"] == broken and record["metrics"].keys() == {"mse"}
    assert (out / "model.keras").exists()
    said = capsys.readouterr()
    assert "failed: broken: ZeroDivisionError" in said.err and "mse" in said.out


def test_a_study_goes_on_after_a_named_measure_that_fails(broken, tmp_path):
    calls = [digits.call(measures=one, **SHORT) for one in ("mse,broken", "mse")]
    with Study(tmp_path / "study") as study:
        first, other = study(calls)
    assert list(study.failed.values()) == [broken]
    assert first["failed"] == broken and other["failed"] == {}
    assert first["metrics"] == other["metrics"] != {}
    with pytest.raises(ValueError, match="broken.a of each run; .*none .ZeroDivision"):
        records.metric(first, "broken.a")
    assert records.metric(first, "mse") == first["metrics"]["mse"]


def test_a_study_tells_failures_before_its_summary_ends_with_an_error(
    tmp_path, capsys, monkeypatch
):
    def without(call, file, places, code):
        metrics = {"mse": 1.0}
        failed = {"mixture_score": "ValueError: no"}
        record = {"settings": call.settings, "metrics": metrics, "failed": failed}
        return record | {"whole seconds": 0.0, "commit": code["commit"]} | code

    monkeypatch.setattr(process, "in_workers", lambda todo, workers, *given: (
        (file, without(call, file, *given)) for file, call in todo.items()
    ))  # fmt: skip
    monkeypatch.setattr(command, "from_one_commit", lambda *_: None)
    words = ("--seeds", "1", "--lams", "1", "--epochs", "1", "--out", tmp_path / "a")
    with pytest.raises(SystemExit) as stop:
        call("toy-sweep", *words)
    assert stop.value.code == 2
    *failed, line = capsys.readouterr().err.splitlines()
    assert len(failed) == 16 and "mixture_score: ValueError: no" in failed[0]
    assert "Expected mixture_score of each run; received: none (ValueError: no)" in line


def test_an_error_of_the_last_weights_is_told(broken, tmp_path, monkeypatch):
    chosen = digits.call(measures="mse,broken", **SHORT)
    made = type(digits).apply

    def apply(self, settings, study=None):
        run = made(self, settings, study)
        given = {"last": True, "select": lambda *_: lambda model: 1.0}
        return dataclasses.replace(run, extra=lambda *_: {}[0], **given)

    monkeypatch.setattr(type(digits), "apply", apply)
    record = execute(chosen, tmp_path / "run", keep="record", verbose="none")
    extra = {"extra": "KeyError: 0"}
    assert record["last"]["failed"] == broken | extra
    last = {f"{name}, last weights" for name in broken | extra}
    assert {*record["failed"]} == {"broken", "extra"} | last
    assert record["metrics"].keys() == record["last"]["metrics"].keys() == {"mse"}
