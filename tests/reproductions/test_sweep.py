"""The toy sweep: paired runs, resumable, and the summary behind figure 3."""

import fcntl
import json
import math
from argparse import Namespace

import pytest

from reproductions import figure3, sweep


def test_plan_is_paired_and_large_enough():
    runs = sweep.plan(sweep.SEEDS)
    assert len({sweep.name_of(run) for run in runs}) == len(runs)
    for lam in sweep.LAMS:
        cells = {
            method: [
                {k: v for k, v in run.items() if k != "method"}
                for run in runs
                if run["lam"] == lam and run["method"] == method
            ]
            for method in sweep.METHODS
        }
        assert cells["svae"] == cells["alice"]
        assert len(cells["svae"]) >= 24


def options(folder, **more):
    given = {"out": str(folder), "seeds": 1, "workers": 1, "epochs": 1, "lams": [1.0]}
    return Namespace(**given | {"record": None} | more)


@pytest.mark.slow
def test_sweep_goes_on_where_it_stopped(tmp_path, monkeypatch, capsys):
    small = {"units": 8, "depth": 1, "learning_rate": 1e-3, "turns": 1}
    monkeypatch.setattr(sweep, "settings", lambda: [small])
    record = tmp_path / "results" / "toy.json"
    record.parent.mkdir()
    sweep.main(options(tmp_path / "sweep", record=str(record)))
    first = {p: p.read_text() for p in (tmp_path / "sweep").glob("*-seed0.json")}
    assert len(first) == 2
    assert "0 of 2 runs are done" in capsys.readouterr().out
    lost = next(p for p in first if p.name.startswith("alice"))
    lost.unlink()
    sweep.main(options(tmp_path / "sweep"))
    assert "1 of 2 runs are done" in capsys.readouterr().out
    again = {p: p.read_text() for p in first}
    changed = [p for p in first if again[p] != first[p]]
    assert changed == [lost]  # by its seconds, and by nothing else
    old, new = json.loads(first[lost]), json.loads(again[lost])
    assert {k: v for k, v in old.items() if "seconds" not in k} == {
        k: v for k, v in new.items() if "seconds" not in k
    }

    content = json.loads(record.read_text())
    assert content["by_lam"]["1"]["sVAE-r"]["runs"] == 1
    assert content["hours"]["summed over runs"] >= 0
    assert {"command", "commit", "machine", "data", "settings"} <= set(content)
    assert record.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def test_two_sweeps_in_one_folder(tmp_path):
    with open(tmp_path / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(FileExistsError, match="no sweep is running in"):
            sweep.main(options(tmp_path))


def runs(method, scores, mse=0.1, lam=1.0):
    return [{"method": method, "lam": lam, "score": s, "mse": mse} for s in scores]


def test_statistics():
    found = figure3.statistics(runs("svae", [1, 4, 4.6, 5]))
    assert found["runs"] == 4 and found["diverged"] == 0
    assert found["score median"] == pytest.approx(4.3)
    assert found["share above 4.5"] == 0.5
    assert found["score IQR"] == pytest.approx(4.7 - 3.25)
    assert found["score sd"] == pytest.approx(1.8138, abs=1e-3)
    broken = {"method": "svae", "lam": 1, "diverged": "…"} | figure3.DIVERGED
    assert figure3.statistics([broken, broken])["diverged"] == 2


def test_pairs_and_sign_test():
    ours, theirs = runs("svae", [5, 5, 5, 5, 1]), runs("alice", [4, 4, 4, 4, 4])
    found = figure3.paired(ours, theirs)
    assert (found["score: sVAE-r better"], found["score: ALICE better"]) == (4, 1)
    assert found["score: p"] == pytest.approx(2 * 6 / 2**5)
    assert found["mse: p"] == 1.0  # all ties
    even = figure3.paired(runs("svae", [1, 5]), runs("alice", [3, 3]))
    assert math.isclose(even["score: p"], 1.0)


def test_table_shows_ours_beside_the_published():
    both = runs("svae", [4.9, 4.8], lam=0.1) + runs("alice", [4.0, 4.5], lam=0.1)
    shown = figure3.table(figure3.summary(both))
    assert "ALICE, published" in shown and "4.495 +- 0.775 (4.89)" in shown
    assert "4.850" in shown and "0.750" in shown
