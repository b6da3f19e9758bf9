"""A small part of `python -m tests.faults`."""

import json
import pathlib
import subprocess
import sys

import pytest

from reproductions.engine import command, results
from tests.faults import record

ROOT = pathlib.Path(__file__).parents[2]


def run(root, command, *more):
    """One command, in a process that has not used TensorFlow."""
    line = [sys.executable, "-m", "tests.faults", command, "--root", str(root), *more]
    subprocess.run(line, cwd=ROOT, check=True)


def test_the_record_counts_kills_and_is_read_as_other_records_are(
    tmp_path, monkeypatch
):
    kill = {"aim": "write", "half a file": True, "half a backup": False}
    kills = [{**kill, "killed": True}, {**kill, "killed": False}]
    setting = {"method": "svae_r", "replicas": 1, "ema": True, "fresh": False}
    lines = record.Lines(tmp_path / "kills.jsonl")
    for differs in ([], ["step 3 of the log"]):
        more = {"differs": differs, "two whole runs differ": [], "seconds": 2.5}
        lines.add({**setting, **more, "signal": 9, "kills": kills})
    ends = {"fault": "flips", "N": 3, "ends": {"refused": 2, "bad": 1}, "seed": 0}
    record.Lines(tmp_path / "others.jsonl").add({**ends, "seconds of all": 1.0})
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    record.write(tmp_path)
    made = json.loads((tmp_path / "faults.json").read_text())
    (row,) = made["kills"]
    assert (row["N"], row["runs"], row["equal runs"]) == (2, 2, 1)
    assert [one["count"] for one in made["others"]] == [2, 1]
    # `python -m reproductions` reads the commands of all records.
    assert command.time_taken(command.experiments("svae")["toy"]) == "not timed"


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
