"""How evidence is read from records, and the verdicts that hand-made records give."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from reproductions.engine import command, results
from reproductions.engine.statistics import Sample
from reproductions.svae.figure3 import each
from reproductions.verdicts import VERDICTS, Records, judge, papers
from reproductions.verdicts.claims import claims
from reproductions.verdicts.evidence import Absent, NotRun, at, sample
from reproductions.verdicts.finding import find

REPRODUCED, INDICATION, NOT, OUT = VERDICTS

# Evidence

RECORD = {
    "runs": [
        {"method": "a", "seed": 0, "metrics": {"mse": 1.0}},
        {"method": "a", "seed": 1, "diverged": "nan", "metrics": {}},
        {"method": "b", "seed": 0, "metrics": {"mse": 3.0}},
    ],
    "cells": {"a": {"mean": 2.0, "sd": 0.5}, "b": {"values": [1.0, 2.0]}},
    "list": [10, 20],
}


def test_paths():
    assert at(RECORD, "runs/[method=a]/metrics/mse") == [1.0, None]
    assert at(RECORD, "runs/[method=b,seed=0.0]/metrics|other/mse") == [3.0]
    assert at(RECORD, "runs/[seed>=1]/method") == ["a"]
    assert at(RECORD, "list/1") == 20 and at(RECORD, "") is RECORD
    for path in (
        "none",
        "runs/[method=c]/metrics",
        "runs/[method=b]/none",
        "list/[a=1]",
    ):
        with pytest.raises((Absent, AttributeError)):
            at(RECORD, path)


def test_samples():
    assert sample(at(RECORD, "runs/[method=a]/metrics/mse")).diverged == 1
    assert sample(RECORD["cells"]["a"], 4) == Sample(2.0, 0.5, 4)
    assert sample(RECORD["cells"]["b"]).mean == 1.5
    assert sample(7).n == 1 and sample([[1.0, 2.0], [3.0]]).n == 3
    with pytest.raises(Absent):
        sample(RECORD["cells"]["a"])


def test_texts_are_filled_from_records(tmp_path):
    (tmp_path / "one.json").write_text(json.dumps(RECORD))
    records = Records(tmp_path)
    text = "{one.json#cells/a/mean!.2f}, {one.json#runs/[method=b]/metrics/mse}"
    assert records.filled(text) == "2.00, 3.0"
    with pytest.raises(Absent, match=r"one\.json, cells/c"):
        records.filled("{one.json#cells/c}")
    with pytest.raises(Absent, match="no such file"):
        records.get("two.json")
    with pytest.raises(FileNotFoundError, match="Expected a folder of records.*three"):
        Records(tmp_path / "three")


# Verdicts


def test_without_records_everything_is_out_of_reach(tmp_path):
    for paper in papers():
        for one in judge(paper, Records(tmp_path)):
            assert one.verdict.kind == OUT and one.why.startswith("Not run")
            assert one.asdict()["command"].startswith("python -m reproductions.")


def grid(folder, modes, **more):
    """A record of AIM on the grid, fresh seeds from 10 on, beside today's."""
    shutil.copytree(results.FOLDER, folder, ignore=lambda *_: [], dirs_exist_ok=True)
    settings = command.experiments("aim")["grid25"].resolve(method="aim", **more)
    runs = [
        {"method": "aim", "seed": seed, "metrics": {
            "modes.captured": number, "modes.high_quality": 0.801 + 0.01 * (seed % 3)}}
        for seed, number in enumerate(modes)
    ]  # fmt: skip
    content = {"settings": settings, "runs": runs}
    (folder / "aim_grid25_twenty.json").write_text(json.dumps(content))
    return {one.claim.id: one for one in judge("aim", Records(folder))}


def test_a_new_record_changes_verdicts(tmp_path):
    found = grid(tmp_path / "a", [24] * 10 + [25] * 10)  # the first ten do not count
    assert found["grid-all-modes"].verdict.kind == REPRODUCED
    assert found["grid-quality-veegan"].verdict.kind == REPRODUCED
    why = found["grid-modes-veegan"].verdict.why
    assert why == ("no difference", "not decided")
    assert found["grid-quality"].verdict.kind == REPRODUCED
    found = grid(tmp_path / "b", [25] * 19 + [24])
    assert found["grid-all-modes"].verdict.kind == NOT
    found = grid(tmp_path / "c", [25] * 20, budget="quick")
    assert found["grid-all-modes"].verdict.kind == INDICATION
    assert "4,000 of 12,000 steps" in found["grid-all-modes"].finding.differs


def toy_sample(folder, gain, with_values=True, runs="120 of 120"):
    """A record of the toy's pairs, as `figure3.summary` and `figure3.each` write it."""
    shutil.copytree(results.FOLDER, folder, dirs_exist_ok=True)
    rng = np.random.default_rng(0)
    records = []
    for lam in (0.01, 0.1, 1.0):
        for _ in range(20):
            base = rng.uniform(3, 4)
            for method in ("svae", "alice"):
                more = gain if method == "svae" else 0.0
                metrics = {"mixture_score": base + more, "mse": 1 - more / 2}
                settings = {"lam": lam, "method": method}
                records.append({"settings": settings, "metrics": metrics})
    from reproductions.svae.figure3 import summary as by_lam

    content = {"epochs": 100, "runs": runs, "by_lam": by_lam(records)}
    content["by_turns_and_lam"] = dict.fromkeys("1357", content["by_lam"])
    content |= {"values": each(records)} if with_values else {}
    (folder / "svae_toy_sample.json").write_text(json.dumps(content))
    return {one.claim.id: one for one in judge("svae", Records(folder))}


@pytest.mark.parametrize("with_values", [True, False])
def test_the_toys_pairs_are_judged(tmp_path, with_values):
    found = toy_sample(tmp_path / "a", 0.3, with_values)
    for lam in ("0.01", "0.1"):
        assert found[f"toy-score-{lam}"].verdict.kind == REPRODUCED
        assert found[f"toy-mse-{lam}"].verdict.kind == REPRODUCED
        assert found[f"toy-score-{lam}"].finding.record == "svae_toy_sample.json"
    assert found["toy-score-0"].finding.record == "svae_toy_sample_0.json"
    found = toy_sample(tmp_path / "b", -0.3, with_values)
    assert found["toy-score-0.1"].verdict.why == ("the reverse order",)
    assert found["toy-mse-0.1"].verdict.kind == NOT


def test_a_part_of_a_study_is_an_indication_at_most(tmp_path):
    found = toy_sample(tmp_path, 0.3, runs="120 of 576")["toy-score-0.1"]
    assert found.verdict.kind == INDICATION
    assert found.finding.differs == ("120 of 576 runs of the study",)


def test_a_record_in_another_form_is_an_error(tmp_path):
    (tmp_path / "svae_toy.json").write_text('{"epochs": 100}')
    with pytest.raises(Absent, match="claim svae toy-score-0"):
        judge("svae", Records(tmp_path))


def test_rows_that_a_record_says_are_not_run_are_no_evidence(tmp_path):
    score = {"mean": 2.0, "deviation": None, "n": 1}
    cell = {"steps": 9, "inception_score": score, "annealed_importance_sampling": score}
    cells = [cell | {"method": name} for name in ("svae_r", "svae", "gan", "nf_vae")]
    settings = {one["method"]: {"epochs": 5} for one in cells}
    record = {"settings": settings, "cells": cells, "not run": ["wgan_gp", "dcgan"]}
    shutil.copytree(results.FOLDER, tmp_path, dirs_exist_ok=True)  # `tried` reads some
    file = tmp_path / "svae_mnist_table1.json"
    file.write_text(json.dumps(record))
    with pytest.raises(NotRun):
        Records(tmp_path).get(file.name, "cells/[method=dcgan]/inception_score")
    starts = ("mnist-ais", "mnist-order", "mnist-is-svae", "mnist-dcgan")
    judged = judge("svae", Records(tmp_path))
    mine = [one for one in judged if one.claim.id.startswith(starts)]
    found = [one.claim.id for one in mine if one.finding is not None]
    assert len(mine) == 17 and len(found) == 11, found
    assert not any("wgan" in name or "dcgan" in name for name in found)
    file.write_text(json.dumps(record | {"not run": ["wgan_gp"]}))
    with pytest.raises(Absent, match="dcgan"):
        judge("svae", Records(tmp_path))


def test_a_statement_about_any_data_has_to_hold_on_all_of_ours(tmp_path):
    shutil.copytree(results.FOLDER, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "svae_saturation.json"
    record = json.loads(file.read_text())

    def kind():
        judged = judge("svae", Records(tmp_path))
        return {one.claim.id: one.verdict.kind for one in judged}["gradients-svae"]

    assert kind() == REPRODUCED
    record["by_data"]["digits"]["reading"]["sVAE avoids this"] = False
    file.write_text(json.dumps(record))
    assert kind() == NOT


def test_what_of_a_budget_is_compared(tmp_path):
    shutil.copytree(results.FOLDER, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "svae_mnist_table1.json"
    record = json.loads(file.read_text())
    of_ais = "distributions of AIS 300 instead of 1000"

    def differs(name):
        judged = {one.claim.id: one for one in judge("svae", Records(tmp_path))}
        return judged[name].finding.differs

    assert of_ais in differs("mnist-ais-svae")
    assert of_ais not in differs("mnist-is-svae")  # AIS does not make the score
    record["settings"]["svae"] |= {"code_stddev": 0.02, "flow_length": 4, "seed": 3}
    file.write_text(json.dumps(record))
    found = differs("mnist-is-svae")
    assert "N(0, s) in the encoder's last layer, s 0.02 instead of none" in found
    assert "flow's length 4 instead of 8" in found
    assert not any("seed" in one for one in found)


def test_a_record_of_an_older_default_says_so_beside_its_verdict():
    judged = {one.claim.id: one for one in judge("ijae")}
    notes = judged["cifar10-lpips-ijae"].finding.changed_defaults
    old = "ijae_cifar10.json was made under an older default: "
    assert [one.removeprefix(old).split()[0] for one in notes] == ["batch", "the"]
    for one in judge("aim"):
        assert one.finding is None or one.finding.changed_defaults == ()


@pytest.mark.parametrize("value", ["0.5", [], {}, [None]])
def test_a_record_without_numbers_is_named(tmp_path, value):
    one = {"record": "r.json", "a": "a", "b": "b", "a n": "n", "b n": "n"}
    summaries = {name: {"mean": value, "deviation": value} for name in "ab"}
    (tmp_path / "r.json").write_text(json.dumps({**summaries, "n": 2}))
    claim = next(c for c in claims("svae") if c.kind == "order")
    claim = dataclasses.replace(claim, evidence=(one,))
    with pytest.raises(ValueError, match=f"Expected .* {claim.id}.*r.json") as error:
        find(claim, Records(tmp_path))
    assert "received: " in str(error.value)
