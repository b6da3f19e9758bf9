"""The toy sweep: paired runs, and the summary behind figure 3."""

import importlib
import json

import numpy as np
import pytest

from reproductions.engine import Study, published
from reproductions.svae import toy as module_of
from reproductions.svae import toy_sample, toy_sweep
from reproductions.svae.figure3 import (
    NAMES,
    beside,
    paired,
    statistics,
    summary,
    table,
)
from reproductions.svae.toy import LAMS, SETTINGS


def planned(sweep, **given) -> list:
    """The calls that a sweep makes."""
    seen = []

    class Asked(Exception):
        pass

    def study(calls):
        seen.extend(calls)
        raise Asked

    with pytest.raises(Asked):
        sweep(study=study, **given)
    return seen


@pytest.mark.parametrize("sweep", [toy_sweep, toy_sample])
def test_plan_is_paired_and_large_enough(sweep):
    calls = planned(sweep)
    for lam in sorted({call.settings["lam"] for call in calls}):
        cells = {
            method: [
                {"loss": "non_saturating"}  # a choice of ALICE, whose default it is
                | {k: v for k, v in call.settings.items() if k != "method"}
                for call in calls
                if (call.settings["lam"], call.settings["method"]) == (lam, method)
            ]
            for method in NAMES
        }
        assert cells["svae"] == cells["alice"]
        assert len(cells["svae"]) >= 24
    texts = [json.dumps(call.settings) for call in calls]
    assert len(set(texts)) == len(texts)


@pytest.mark.fixed_seed  # the sample that was fixed before any result
def test_the_sample_is_as_large_as_alices_and_stays():
    calls = planned(toy_sample)
    assert len(calls) == 96 * 3 * 2 and len(planned(toy_sample, number=5)) == 30
    first = [calls[6 * i].settings for i in range(3)]
    names = ("units", "depth", "learning_rate", "turns", "batch_size", "seed")
    drawn = [tuple(one[name] for name in names) for one in first]
    assert drawn == DRAWN
    with pytest.raises(ValueError, match="number <= 216; received: 217"):
        planned(toy_sample, number=217)


DRAWN = [
    (256, 1, 0.0001, 7, 128, 0),
    (64, 2, 0.0003, 7, 128, 1),
    (128, 1, 0.0001, 3, 64, 2),
]


@pytest.mark.slow
def test_sweep_goes_on_where_it_stopped(tmp_path, monkeypatch, capsys):
    small = {"units": 8, "depth": 1, "learning_rate": 1e-3, "turns": 1}
    # The package has the experiment by the module's name.
    module = importlib.import_module("reproductions.svae.toy")
    monkeypatch.setattr(module, "SETTINGS", [small])
    record = tmp_path / "results" / "toy.json"
    given = {"seeds": 1, "lams": [1.0], "epochs": 1}
    with Study(tmp_path / "sweep", record=record) as study:
        toy_sweep(study=study, **given)
    first = {p: p.read_text() for p in (tmp_path / "sweep").glob("toy-*.json")}
    assert len(first) == 2
    assert "0 of 2 runs are done" in capsys.readouterr().out
    lost = next(p for p in first if "alice" in p.name)
    lost.unlink()
    with Study(tmp_path / "sweep") as study:
        toy_sweep(study=study, **given)
    assert "1 of 2 runs are done" in capsys.readouterr().out
    again = {p: p.read_text() for p in first}
    assert [p for p in first if again[p] != first[p]] == [lost]  # by its seconds
    old, new = json.loads(first[lost]), json.loads(again[lost])
    assert old["metrics"] == new["metrics"] and old["steps"] == new["steps"] == 16
    content = json.loads(record.read_text())
    assert content["by_lam"]["1"]["sVAE-r"]["runs"] == 1
    assert {"command", "commit", "machine", "data", "settings"} <= set(content)
    assert record.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


class Made:
    """A study that makes each run once, without training, and keeps its summary."""

    def __call__(self, calls):
        each = {str(one.settings): one.settings for one in calls}
        measured = {"mixture_score": 4.0, "mse": 0.1, "modes": 5.0}
        return [{"settings": one, "metrics": measured} for one in each.values()]

    def write(self, content, *shown):
        self.content = content


def test_a_lambda_that_is_given_twice_counts_once():
    study = Made()
    toy_sweep(study=study, seeds=1, lams=[1.0, 0.1, 1.0], epochs=1)
    assert study.content["runs"] == "32 of 32"


def runs(method, scores, mse=0.1, lam=1.0):
    return [
        {
            "settings": {"method": method, "lam": lam, "turns": 1},
            "metrics": {"mixture_score": float(score), "mse": mse},
        }
        for score in scores
    ]


def test_statistics():
    found = statistics(np.array([1, 4, 4.6, 5]), np.full(4, 0.1))
    assert found["runs"] == 4
    assert found["score median"] == pytest.approx(4.3)
    assert found["share above 4.5"] == 0.5
    assert found["score IQR"] == pytest.approx(4.7 - 3.25)
    assert found["score sd"] == pytest.approx(1.8138, abs=1e-3)
    assert statistics(np.array([1.0]), np.array([0.1]))["score sd"] is None


def test_runs_that_diverged_count_as_the_worst():
    both = runs("svae", [4.9], lam=0.1) + runs("alice", [4.0], lam=0.1)
    both[0] |= {"diverged": "…", "metrics": {}}
    cell = summary(both)["0.1"]
    assert cell["diverged"] == 1 and cell["sVAE-r"]["score mean"] == 1.0
    assert cell["sVAE-r"]["MSE mean"] == 10.0


def test_pairs_and_sign_test():
    found = paired(np.array([5, 5, 5, 5, 1]), np.full(5, 4))
    assert (found["sVAE-r"], found["ALICE"]) == (4, 1)
    assert found["p"] == pytest.approx(2 * 6 / 2**5)
    assert paired(np.ones(3), np.ones(3))["p"] == 1.0  # all ties
    assert paired(np.array([1, 5]), np.array([3, 3]))["p"] == pytest.approx(1.0)


def test_table_shows_ours_beside_the_published():
    both = runs("svae", [4.9, 4.8], lam=0.1) + runs("alice", [4.0, 4.5], lam=0.1)
    shown = table(summary(both))
    (row,) = (line for line in shown.splitlines() if "ALICE, published" in line)
    assert row.split()[-6:] == ["4.495", "0.775", "4.89", "0.75", "0.129", "0.082"]
    assert "4.85" in shown and module_of.paper == "svae"
    assert beside(10.0)["score mean"] == 3.336
    assert published(data="toy5", lam=0.0, measure="mse")[0]["value"] == 4.715
    assert len(SETTINGS) == 8 and 10.0 in LAMS
