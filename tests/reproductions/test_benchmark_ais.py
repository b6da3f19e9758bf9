"""The benchmark of AIS, small. Nothing here asserts a time."""

import json

import numpy as np
import pytest

from reproductions.benchmarks import ais, measures


@pytest.mark.slow
def test_all_settings_are_timed(tmp_path):
    path = tmp_path / "measures.json"
    options = "--batch 2 --chains 2 --temperatures 2 --leapfrog 1 --rounds 1".split()
    measures.main(["ais", *options, "--output", str(path)])
    found = json.loads(path.read_text())["ais"]
    assert found["base"] == {"batch": 2, "chains": 2, "temperatures": 2}
    for name, rows in found["by one of"].items():
        assert [row[name] for row in rows] == [1, 2, 8]
    for ways in found["graph and XLA"].values():
        assert ways["graph"]["milliseconds per pass"] > 0 < ways["XLA"]["batch"]


def test_throughput_is_of_transitions():
    row = ais.Timed("toy", leapfrog=2)(3, 4, 5, rounds=2)
    transitions = 3 * 4 * 5 / np.median(row["seconds"])
    assert row["transitions per second"] == pytest.approx(transitions, rel=0.2)
    assert len(row["seconds"]) == 2
