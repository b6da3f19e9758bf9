"""Figures of a GPU: each is written, whatever becomes of the others."""

import json
import subprocess

import pytest

from reproductions.benchmarks import gpu


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_each_figure_is_written_whatever_happens(tmp_path, monkeypatch, capsys):
    ends = {
        "device": subprocess.CompletedProcess([], 0, 'noise\n{"gpus": []}\n', ""),
        "two runs": subprocess.CompletedProcess([], 1, "", "a\nb\nValueError: no\n"),
    }

    def run(command, timeout, **unused):
        name = command[command.index("--one") + 1]
        assert timeout <= gpu.FIGURES[name]
        if name not in ends:
            raise subprocess.TimeoutExpired(command, timeout)
        return ends[name]

    monkeypatch.setattr(subprocess, "run", run)
    names = ["device", "two runs", "agreement with the CPU"]
    out = tmp_path / "gpu.jsonl"
    gpu.main(["--out", str(out), "--case", "toy", "--figures", *names])
    device, runs, last = lines(out)
    assert device == {"figure": "device", "case": "toy", "gpus": []}
    assert runs["error"].endswith("ValueError: no")
    assert last["error"] == "took more than 60 s"
    gpu.main(["--out", str(out), "--minutes", "0", "--figures", "device"])
    assert lines(out)[3]["error"] == "no time was left"


def test_every_figure_has_its_function(monkeypatch):
    for name in ("training", "of_torch", "device", "twice", "resumed", "agreement"):
        monkeypatch.setattr(gpu, name, lambda *a, name=name, **k: {"made": name})
    monkeypatch.setattr(gpu, "tests", lambda: {"made": "tests"})
    made = {gpu.figure(name, "toy", 2, "python")["made"] for name in gpu.FIGURES}
    expected = {"training", "of_torch", "device", "twice", "resumed", "agreement"}
    assert made == {*expected, "tests"}


@pytest.mark.slow
def test_on_this_machine(tmp_path):
    names = [one for one in gpu.FIGURES if not one.startswith(("PyTorch", "tests"))]
    out = tmp_path / "gpu.jsonl"
    given = ["--case", "toy", "--steps", "16", "--figures", *names]
    gpu.main(["--out", str(out), "--minutes", "30", *given])
    found = {one["figure"]: one for one in lines(out)}
    assert not {name: one["error"] for name, one in found.items() if "error" in one}
    assert found["two runs, op determinism"]["equal"]
    assert found["resumed, op determinism"]["equal"]
    one, other = found["agreement with the CPU"]["steps"]
    for log, same in zip(one, other, strict=True):
        assert log == pytest.approx(same, rel=1e-4)
