"""The benchmark of a step before and after: turns, marks and ratios, no times."""

import json

import numpy as np
import pytest

from reproductions.benchmarks import step, step_worker


class Worker:
    """Answers as a process would: 20 ms before, 10 now, 5 in bfloat16."""

    calls: list = []
    others = 0.0

    def __init__(self, python, module, data, threads, checkout, policy):
        assert np.load(data)["mnist"].shape[1:] == (64, 28, 28, 1)
        self.ms = 5 if policy == "mixed_bfloat16" else 10
        if checkout != str(step.sides.ROOT):
            self.ms = 20

    def run(self, block, steps):
        self.calls.append((self.ms, block, steps))
        seconds = self.ms / 1e3 + 0.0023
        return {
            "seconds": steps * seconds,
            "cpu_seconds": steps * seconds,
            "each": [seconds] * steps,
        }

    def close(self):
        pass


def test_the_record_holds_every_block(monkeypatch, tmp_path, capsys):
    (tmp_path / "old" / "keras_svae").mkdir(parents=True)
    (tmp_path / "old" / "keras_svae" / "__init__.py").touch()
    monkeypatch.setattr(step.sides, "Worker", Worker)
    monkeypatch.setattr(step.psutil, "getloadavg", lambda: (1.0, 1.0, 1.0))
    path = tmp_path / "step.json"
    given = ["--before", str(tmp_path / "old"), "--blocks", "3", "--steps", "4"]
    step.main([*given, "--json", str(path)])
    found = json.loads(path.read_text())
    fields = {"command", "seed", "commit", "machine", "seconds", "data", "N", "before"}
    assert fields <= set(found)
    assert {len(blocks) for blocks in found["blocks"].values()} == {3}
    assert found["rows"]["before"]["median ms"] == 22.3
    assert found["rows"]["before"]["clean blocks"] == 3
    ratio = found["ratios"]["now / before"]
    assert ratio["of medians"] == round(12.3 / 22.3, 4)
    assert ratio["of each turn"] == [ratio["of medians"]] * 3
    # 17.5 of 17.18 GFLOP.
    assert found["rows"]["floor, float32"]["median ms"] == round(12.3 * 1.01863, 3)
    text = capsys.readouterr().out
    assert "now, bfloat16 / before" in text and "No measurement" not in text
    played = Worker.calls[2 * 5 :]
    turns = [(20, "step"), (10, "step"), (5, "step"), (10, "product"), (5, "product")]
    assert played == [(*turn, 4) for turn in turns] * 3


def test_disturbed_blocks_are_marked():
    steady = [0.0713, 0.0738, 0.0729, 0.0751, 0.0744]
    assert step.marks(steady, load=2.0, threads=2) == []
    assert step.marks(steady, load=3.5, threads=2) == ["busy"]
    stepwise = [0.1001, 0.2, 0.0999, 0.1, 0.3001]
    found = step.marks(stepwise, load=9.0, threads=2)
    assert found == ["busy", "quantised"]


def test_medians_are_of_undisturbed_blocks():
    def block(ms, *marks):
        return {"ms": ms, "marks": list(marks)}

    found = {name: [block(9.0), block(2.0), block(4.0)] for name in step.TURNS}
    found["now"] = [block(9.0, "busy"), block(2.0), block(4.0)]
    results = step.summary(found)
    assert results["rows"]["now"]["median ms"] == 3.0
    assert results["rows"]["now"]["clean blocks"] == 2
    assert results["ratios"]["now / before"]["of each turn"] == [1.0, 1.0]
    found["now"] = [block(9.0, "busy")] * 3
    results = step.summary(found)
    assert results["rows"]["now"]["clean blocks"] == 0
    assert "No measurement" in step.table(results)


def test_each_step_has_its_seconds():
    done = []
    run = step_worker.repeated(lambda: done.append(1))
    assert len(run(3)) == len(done) == 3


@pytest.mark.parametrize("wrong", ["--blocks 0", "--steps -1", "--before ."])
def test_what_is_refused(wrong, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    given = ["--before", str(step.sides.ROOT), *wrong.split()]
    with pytest.raises(SystemExit):
        step.arguments(given)
    assert f"Expected {wrong.split()[0]}" in capsys.readouterr().err
