"""Figures of a GPU: each is written, whatever becomes of the others."""

import json
import subprocess
import sys

import psutil
import pytest

from reproductions.benchmarks import gpu
from reproductions.benchmarks import gpu_figures as figures


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_each_figure_is_written_whatever_happens(tmp_path, monkeypatch, capsys):
    ends = {
        "device": (0, 'noise\n{"gpus": []}\n', ""),
        "two runs": (1, "", "a\nb\nValueError: no\n"),
        "agreement with the CPU": (None, "", ""),
    }

    def ended(command, seconds, more):
        assert not more
        name = command[command.index("--one") + 1]
        assert seconds <= gpu.FIGURES[name]
        return ends[name]

    monkeypatch.setattr(gpu, "ended", ended)
    names = ["device", "two runs", "agreement with the CPU"]
    out = tmp_path / "gpu.jsonl"
    gpu.main(["--out", str(out), "--case", "toy", "--figures", *names])
    about, device, runs, last = lines(out)
    assert {"command", "commit", "changed", "machine", "date", "seed"} <= set(about)
    assert device == {"figure": "device", "case": "toy", "gpus": []}
    assert runs["error"].endswith("ValueError: no")
    assert last["error"] == "took more than 60 s"
    gpu.main(["--out", str(out), "--minutes", "0", "--figures", "device"])
    assert lines(out)[5]["error"] == "no time was left"


def test_what_is_too_late_leaves_no_process():
    child = "print('here', flush=True); import time; time.sleep(600)"
    begins = (
        "import subprocess, sys; "
        f"subprocess.run([sys.executable, '-c', {child!r}], stdout=sys.stdout)"
    )
    command = [sys.executable, "-c", begins]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "here\n"
        whole = psutil.Process(process.pid)
        family = [whole, *whole.children(recursive=True)]
        assert len(family) == 2
        gpu.kill(whole)
        gone, alive = psutil.wait_procs(family, timeout=60)
    assert len(gone) == 2 and not alive


def test_how_a_command_ends():
    code, out, said = gpu.ended([sys.executable, "-c", "print('here')"], 60)
    assert (code, out.strip(), said) == (0, "here", "")
    waits = [sys.executable, "-c", "import time; time.sleep(600)"]
    assert gpu.ended(waits, 0.1) == (None, "", "")


def test_a_process_has_the_variables_that_its_figure_needs():
    name = "XLA_FLAGS"
    asks = [sys.executable, "-c", f"import os; print(os.environ.get({name!r}))"]
    assert gpu.ended(asks, 60, figures.NO_GRAPHS)[1].strip().endswith("command_buffer=")
    named = [one for one in gpu.FIGURES if one.endswith("no CUDA graphs")]
    assert named == ["fit: XLA, 16 steps, no CUDA graphs"]
    files = [one.removeprefix("tests: ") for one in gpu.FIGURES if "tests: " in one]
    assert files and all((gpu.ROOT / one).is_file() for one in files)


def test_every_figure_has_its_function(monkeypatch):
    for name in ("training", "of_torch", "device", "twice", "resumed", "agreement"):
        monkeypatch.setattr(figures, name, lambda *a, name=name, **k: {"made": name})
    monkeypatch.setattr(figures, "tests", lambda file: {"made": "tests"})
    made = {figures.figure(name, "toy", 2, "python")["made"] for name in gpu.FIGURES}
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
