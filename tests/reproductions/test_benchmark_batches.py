"""The benchmark of the batch's size: its line, and that its process works."""

import json
import os

import pytest

from reproductions.benchmarks import batches, rates


def test_a_step_is_a_line_through_the_sizes():
    found = batches.line({16: 55.0, 64: 127.0, 256: 415.0})
    assert found == {"ms an example": 1.5, "ms fixed": 31.0}


def test_disturbed_blocks_do_not_count():
    clean = [{"ms": ms, "marks": []} for ms in (9.0, 10.0, 14.0)]
    busy = [{"ms": 99.0, "marks": ["busy"]}] * 2
    blocks = {size: [*clean, *busy] for size in (16, 64)}
    found = batches.summary(blocks)
    assert found["rows"]["16"] == {"ms": 10.0, "quartiles": [9.5, 12.0]}
    assert found["ms fixed"] == 10.0 and found["ms an example"] == 0
    clean[0]["marks"] = ["busy"]
    with pytest.raises(ValueError, match="three undisturbed blocks of 16 examples"):
        batches.summary(blocks)


def test_the_bound_is_bytes_at_the_memory_s_rate():
    """A sum of two vectors moves .805 GB: in 100 ms that is 8.05 GB a second."""
    found = batches.weights({"in all": 400.0}, [{"ms": 100.0, "marks": []}] * 3)
    assert found == {"MB": {"in all": 400.0}, "GB a second": 8.05, "ms": 49.7}


def test_too_few_rounds_are_refused():
    with pytest.raises(SystemExit):
        batches.main(["--rounds", "2"])


@pytest.mark.slow
@pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="needs two cores, and to choose them",
)
def test_it_runs(tmp_path, monkeypatch, capsys):
    """Nothing here asserts a time."""
    monkeypatch.setattr(batches, "STEPS", {4: 2, 8: 2})
    monkeypatch.setattr(rates, "VECTOR", 2**10)
    path = tmp_path / "batches.json"
    batches.main(["--rounds", "3", "--anyway", "--output", str(path)])
    found = json.loads(path.read_text(encoding="utf-8"))
    assert list(found["rows"]) == ["4", "8"] and found["rows"]["4"]["ms"] > 0
    assert found["weights"]["MB"]["in all"] > 300
    assert "ms an example" in capsys.readouterr().out
