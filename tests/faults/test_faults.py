"""A small part of `python -m tests.faults`."""

import json
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]


def run(root, command, *more):
    """One command, in a process that has not used TensorFlow."""
    line = [sys.executable, "-m", "tests.faults", command, "--root", str(root), *more]
    subprocess.run(line, cwd=ROOT, check=True)


# The processes know of no other seed.
@pytest.mark.slow
@pytest.mark.fixed_seed
@pytest.mark.parametrize("signal", ["KILL", "INT"])
def test_a_run_that_was_killed_five_times_ends_as_one_that_was_not(signal, tmp_path):
    of = ["--methods", "svae_r", "--replicas", "1", "--ema", "1", "--signal", signal]
    run(tmp_path, "kills", *of)
    (found,) = map(json.loads, (tmp_path / "kills.jsonl").read_text().splitlines())
    assert found["differs"] == found["two whole runs differ"] == []
    assert any(kill["killed"] for kill in found["kills"])


@pytest.mark.slow
@pytest.mark.fixed_seed
@pytest.mark.parametrize("command", ["places", "beside", "replaced"])
def test_no_fault_ends_badly(command, tmp_path):
    run(tmp_path, command)
    for line in (tmp_path / "others.jsonl").read_text().splitlines():
        assert not any(end.startswith("bad") for end in json.loads(line)["ends"]), line
