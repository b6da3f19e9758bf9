"""The benchmark of several devices: its arithmetic, and that its processes work."""

import json
import os

import pytest

from reproductions.benchmarks import scaling


def kind(small, large, marks=()):
    """Blocks of a kind, of both batches."""
    clean = lambda ms: [{"ms": ms + d, "marks": []} for d in (-1.0, 0.0, 9.0)]  # noqa: E731
    busy = [{"ms": 1.0, "marks": ["busy"]}] * 2
    return {"c/64": clean(small) + busy, "c/128": clean(large) + busy}


def blocks(**kinds):
    return {
        name: {kind.replace("_", " "): found[name] for kind, found in kinds.items()}
        for name in ("c/64", "c/128")
    }


def test_efficiency_is_speed_over_twice_that_of_one_core():
    found = blocks(
        one_core=kind(100.0, 200.0),
        two_apart=kind(125.0, 250.0),
        two_workers=kind(80.0, 160.0),
    )
    rows = scaling.summary(found, "c", 64)
    assert rows["one core"] == {"ms": {"64": 100.0, "128": 200.0}}
    # Two batches of 64 in 125 ms, where two cores could do it in 100.
    assert rows["two apart"]["weak"] == 0.8
    assert rows["two apart"]["strong"] is None
    # 128 in 160 ms against 2 * 64 in 100 by two; 64 in 80 against 50.
    assert rows["two workers"]["weak"] == 0.625
    assert rows["two workers"]["strong"] == 0.625


def test_disturbed_blocks_are_too_few():
    found = blocks(one_core=kind(100.0, 200.0))
    found["c/64"]["one core"][0]["marks"] = ["busy"]
    with pytest.raises(ValueError, match="three undisturbed blocks of one core, c/64"):
        scaling.summary(found, "c", 64)


@pytest.mark.parametrize(
    "argv", [["--rounds", "2"], ["--kinds", "two workers"], ["--cases", "x"]]
)
def test_what_cannot_be_measured_is_refused(argv):
    with pytest.raises(SystemExit):
        scaling.arguments(argv)


def test_addresses_differ():
    first, second = scaling.free_addresses(2)
    assert first != second


@pytest.mark.slow
@pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="needs two cores, and to choose one",
)
def test_all_kinds_train(tmp_path, monkeypatch):
    """Nothing here asserts a time."""
    monkeypatch.setitem(scaling.STEPS, "toy", 4)
    path = tmp_path / "scaling.json"
    scaling.main(["--cases", "toy", "--rounds", "3", "--anyway", "--output", str(path)])
    found = json.loads(path.read_text())
    assert set(found["results"]["toy"]) == set(scaling.KINDS)
    assert set(found["results"]["toy"]["two workers"]) == {"ms", "weak", "strong"}
    assert found["anyway"] is True
