"""Verdicts: the statistics, each branch of the rule, claims, and hand-made records."""

import itertools
import json
import math
import shlex
import shutil

import numpy as np
import pytest
import scipy.stats

from reproductions.__main__ import main
from reproductions.engine import command, published, results
from reproductions.svae.figure3 import each
from reproductions.verdicts import (
    VERDICTS,
    Records,
    budget,
    claims,
    counts,
    judge,
    papers,
    rule,
)
from reproductions.verdicts import statistics as stats
from reproductions.verdicts.evidence import Absent, at, sample
from reproductions.verdicts.report import summary
from reproductions.verdicts.statistics import Sample

REPRODUCED, INDICATION, NOT, OUT = VERDICTS
FIVE = Sample.of([0.9, 1.0, 1.1, 1.0, 1.0])


# Statistics


def test_welch_is_scipys():
    a, b = [1.0, 2.0, 4.0, 3.5], [5.0, 6.5, 5.5]
    expected = scipy.stats.ttest_ind(a, b, equal_var=False).pvalue
    assert stats.welch(Sample.of(a), Sample.of(b)) == pytest.approx(expected)
    assert stats.welch(Sample.of(a), Sample.of([1.0])) is None


def test_welch_without_any_spread_exchanges_labels():
    ones, twos = Sample.of([1.0] * 5), Sample.of([2.0] * 5)
    assert stats.welch(ones, ones) == 1.0
    assert stats.welch(ones, twos) == pytest.approx(2 / 252)  # 10 over 5


def test_holm_by_hand():
    # .01 * 4; .02 * 3; .03 * 2, not below the one before; 1 at most.
    found = stats.holm([0.02, 0.9, 0.01, 0.03])
    assert found == pytest.approx([0.06, 0.9, 0.04, 0.06])
    assert stats.holm([0.6, 0.7]) == [1.0, 1.0]
    assert stats.holm([]) == []


@pytest.mark.parametrize("given", [[0.5, 1.0, -0.2, 2.0], [1.0] * 5, [0.0, 1.0, -1.0]])
def test_permutation_of_few_pairs_is_exact(given):
    every = itertools.product((1, -1), repeat=len(given))
    sums = [abs(sum(s * d for s, d in zip(one, given, strict=True))) for one in every]
    expected = np.mean(np.array(sums) >= abs(sum(given)) - 1e-12)
    assert stats.permutation(given) == pytest.approx(expected)


def test_permutation_of_many_pairs_is_near():
    given = np.random.default_rng(1).normal(0.3, 1, 18)
    bits = np.arange(2**18)[:, None] >> np.arange(18) & 1
    exact = np.mean(np.abs((1 - 2 * bits) @ given) >= abs(given.sum()) - 1e-9)
    error = math.sqrt(exact * (1 - exact) / stats.RANDOM)
    assert stats.permutation(given) == pytest.approx(exact, abs=4 * error + 2e-5)
    assert stats.permutation([1.0] * 40) == pytest.approx(1 / (stats.RANDOM + 1))
    assert stats.permutation([]) == 1.0


def test_signs_are_the_permutation_of_signs():
    assert stats.signs(4, 1) == pytest.approx(2 * 6 / 2**5)
    assert stats.signs(4, 1) == pytest.approx(stats.permutation([1, 1, 1, 1, -1]))
    assert stats.signs(0, 0) == 1.0


def test_runs_without_a_number_are_counted():
    found = Sample.of([1.0, None, math.nan, 3.0])
    assert (found.mean, found.n, found.diverged) == (2.0, 2, 2)
    assert Sample.of([math.inf]).mean is None
    single = Sample.of([1.0])
    assert single.deviation is None and single.half is None
    t = scipy.stats.t.interval(0.95, 4, FIVE.mean, scipy.stats.sem(FIVE.values))
    assert FIVE.half == pytest.approx((t[1] - t[0]) / 2)
    assert FIVE.times(-2).mean == pytest.approx(-2.0)
    assert FIVE.times(-2).deviation == pytest.approx(2 * FIVE.deviation)


# The rule


def test_a_value_is_reproduced_by_a_narrow_interval_that_covers_it():
    assert rule.value(FIVE, 1.05, 0.2, "higher") == rule.Verdict(REPRODUCED)
    wide = rule.value(FIVE, 1.05, 0.1, "higher")
    assert wide.kind == INDICATION and "wider" in wide.why[0]
    assert rule.value(FIVE, 1.05, None, "higher").kind == INDICATION


def test_a_single_seed_never_reproduces():
    one = Sample.of([1.0])
    assert rule.value(one, 1.0, 1.0, "higher").kind == INDICATION
    assert rule.value(one, 2.0, 1.0, "higher").kind == NOT
    assert rule.order(1.0, None, 1).kind == INDICATION
    assert rule.order(1.0, 1e-9, 1).kind == INDICATION
    assert rule.every([25], 25, "higher").kind == INDICATION


def test_a_reduced_budget_is_an_indication_at_most():
    less = ("100 of 1,000 steps",)
    assert rule.value(FIVE, 1.0, 1.0, "higher", less).kind == INDICATION
    assert rule.order(1.0, 1e-9, 10, reduced=less).kind == INDICATION
    assert rule.every([25] * 9, 25, "higher", reduced=less).kind == INDICATION
    assert rule.checked(True, less).kind == INDICATION


def test_better_has_a_direction():
    assert rule.value(FIVE, 0.5, 1.0, "higher").kind == INDICATION
    assert rule.value(FIVE, 0.5, 1.0, "lower").kind == NOT
    assert rule.value(FIVE, 0.5, 1.0, "lower", ("less",)).kind == OUT
    assert rule.every([0.1, 0.2] * 3, 0.15, "lower").kind == NOT
    assert rule.every([0.1] * 5, 0.15, "lower").kind == REPRODUCED


def test_under_an_own_classifier_no_value_is_judged():
    found = rule.value(FIVE, 1.0, 1.0, "higher", own_classifier=True)
    assert found.kind == OUT and "only orders" in found.why[0]


def test_an_order_needs_a_small_p():
    assert rule.order(1.0, 0.049, 5) == rule.Verdict(REPRODUCED)
    assert rule.order(1.0, 0.05, 5).kind == NOT
    assert rule.order(1.0, None, 5).kind == OUT
    assert rule.order(-1.0, 0.001, 5).why == ("the reverse order",)
    assert rule.order(0.0, 1.0, 5).why == ("no difference",)
    assert rule.order(-1.0, 0.9, 2, reduced=("less",)).kind == NOT


def test_runs_that_diverged_keep_a_claim_from_reproduced():
    lost = Sample.of([*FIVE.values, None])
    assert rule.value(lost, 1.0, 1.0, "higher").kind == INDICATION
    assert rule.order(1.0, 1e-9, 6, diverged=1).kind == INDICATION
    assert rule.every([25] * 5, 25, "higher", diverged=1).kind == NOT
    assert rule.value(Sample.of([None] * 5), 1.0, 1.0, "higher").kind == NOT


def test_what_does_not_hold():
    assert rule.checked(False).kind == NOT
    assert rule.checked(True) == rule.Verdict(REPRODUCED)
    assert rule.every([], 25, "higher").kind == NOT


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


# Claims

KEYS = ["paper", "claim", "published", "ours", "budget", "verdict", "cause", "command"]
# Numbers that are no claim: of the paper's own classifier, and what is only compared.
NO_CLAIM = [
    {"where": "appendix I.1"},
    {"row": "PixelCNN++"},
]


def test_every_number_that_a_paper_measured_is_a_claim():
    judged = {
        json.dumps(one.published[0], sort_keys=True)
        for paper in papers()
        for one in claims(paper)
        if one.published
    }
    for number in published():
        if "quoted_from" in number or any(
            all(number.get(k) == v for k, v in one.items()) for one in NO_CLAIM
        ):
            continue
        if "method" in number or number["row"] == "DCGAN":
            assert json.dumps(number, sort_keys=True) in judged, number


def test_the_five_papers_have_claims():
    assert {*papers()} == {*command.PAPERS}
    assert sum(len(claims(paper)) for paper in papers()) > 150


@pytest.mark.parametrize("paper", command.PAPERS)
def test_commands_can_be_typed(paper):
    experiments = command.experiments(paper)
    for words in {budget.typed(one) for one in claims(paper)}:
        python, m, module, name, *options = shlex.split(words)
        assert (python, m, module) == ("python", "-m", f"reproductions.{paper}")
        experiments[name].resolve(
            **{
                option: value
                for option, value in command.parse(experiments[name], options).items()
                if option in experiments[name].options
            }
        )


def test_a_command_names_what_the_scores_are_seen_through():
    typed = {one.id: budget.typed(one) for one in claims("svae")}
    assert typed["cifar10-is-svae-r"] == (
        "python -m reproductions.svae cifar10 --budget paper --method svae --lam 1 "
        "--backbone inception_2015"
    )
    for paper in command.PAPERS:
        for one in claims(paper):
            through = "inception" in f"{one.id} {one.says}"
            needed = through and bool(one.setting.backbone)
            # The plane measures scores, whatever a claim is about.
            needed = needed or " plane --data " in one.command
            assert budget.typed(one).count("--backbone inception_2015") == needed


@pytest.mark.parametrize("paper", command.PAPERS)
def test_the_records_of_today_give_verdicts(paper):
    judged = judge(paper)
    assert sum(counts(judged).values()) == len(judged) == len(claims(paper))
    for one in judged:
        row = one.asdict()
        assert list(row)[:8] == KEYS
        assert not set("{}$") & set("".join(str(value) for value in row.values()))
        if one.verdict.kind == NOT:
            assert one.tried and one.cause, one.claim.id
        if one.verdict.kind == OUT:
            told = (" h for 5 seeds", "min for", "not timed")
            assert any(words in row["cause"] for words in told)
        if one.finding and one.finding.ours and one.finding.ours.n == 1:
            assert one.verdict.kind != REPRODUCED


def test_without_records_everything_is_out_of_reach(tmp_path):
    for paper in papers():
        for one in judge(paper, Records(tmp_path)):
            assert one.verdict.kind == OUT and one.because.startswith("Not run")
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
    assert found["grid-modes-veegan"].verdict.why == ("no difference",)
    assert found["grid-quality"].verdict.kind == REPRODUCED
    found = grid(tmp_path / "b", [25] * 19 + [24])
    assert found["grid-all-modes"].verdict.kind == NOT
    found = grid(tmp_path / "c", [25] * 20, budget="quick")
    assert found["grid-all-modes"].verdict.kind == INDICATION
    assert "4,000 of 12,000 steps" in found["grid-all-modes"].finding.reduced


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
    content |= {"values": each(records)} if with_values else {}
    (folder / "svae_toy_sample.json").write_text(json.dumps(content))
    return {one.claim.id: one for one in judge("svae", Records(folder))}


@pytest.mark.parametrize("with_values", [True, False])
def test_the_toys_pairs_are_judged(tmp_path, with_values):
    found = toy_sample(tmp_path / "a", 0.3, with_values)
    for lam in ("0.01", "0.1", "1"):
        assert found[f"toy-score-{lam}"].verdict.kind == REPRODUCED
        assert found[f"toy-mse-{lam}"].verdict.kind == REPRODUCED
        assert found[f"toy-score-{lam}"].finding.record == "svae_toy_sample.json"
    assert found["toy-score-10"].finding.record == "svae_toy.json"
    found = toy_sample(tmp_path / "b", -0.3, with_values)
    assert found["toy-score-0.1"].verdict.why == ("the reverse order",)
    assert found["toy-mse-0.1"].verdict.kind == NOT


def test_a_part_of_a_study_is_an_indication_at_most(tmp_path):
    found = toy_sample(tmp_path, 0.3, runs="120 of 576")["toy-score-0.1"]
    assert found.verdict.kind == INDICATION
    assert found.finding.reduced == ("120 of 576 runs of the study",)


def test_a_record_in_another_form_is_an_error(tmp_path):
    (tmp_path / "svae_toy.json").write_text('{"epochs": 100}')
    with pytest.raises(Absent, match="claim svae toy-score-0"):
        judge("svae", Records(tmp_path))


# The command


def test_the_command_prints_json_and_counts(capsys, tmp_path):
    main(["verdicts", "--paper", "as_vae", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert {one["verdict"] for one in found} <= {*VERDICTS}
    assert all(one["paper"] == "as_vae" for one in found)
    record = tmp_path / "counts.json"
    main(["verdicts", "--paper", "as_vae", "--record", str(record)])
    out = capsys.readouterr().out
    written = json.loads(record.read_text())
    assert written["counts"]["as_vae"] == summary(judge("as_vae"))
    assert len(written["verdicts"]["as_vae"]) == len(found)
    assert "command   python -m reproductions.as_vae" in out
    with pytest.raises(ValueError, match="--paper to be"):
        main(["verdicts", "--paper", "none"])
