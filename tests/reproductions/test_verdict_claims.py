"""The papers' claims, their commands, and the verdicts that today's records give."""

import importlib
import json
import shlex
import tomllib

import pytest

from reproductions.__main__ import main
from reproductions.engine import command, published
from reproductions.engine.results import ROOT
from reproductions.verdicts import VERDICTS, budget, claims, counts, judge, papers
from reproductions.verdicts.claims import KINDS
from reproductions.verdicts.report import summary

REPRODUCED, _, NOT, OUT = VERDICTS
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
def test_claims_have_a_known_kind_and_a_name_of_their_own(paper):
    found = claims(paper)
    assert {one.kind for one in found} <= {*KINDS}
    names = [one.id for one in found]
    assert sorted({*names}) == sorted(names)


SHARED = """
[settings.toy]
run = "toy"
data = "toy5"
says = "points"

[texts]
why = "$who at $lam has few steps"

[[claim]]
id = "$name-$lam"
says = "$name is better."
where = "2"
kind = "order"
setting = "toy"
for = [
    { name = "a", lam = "1", better = "higher", says = "not read", cause = "$why." },
    { name = "b", lam = "2", better = "lower", who = "B", cause = "Yet $why." },
]
"""


def test_a_claim_has_the_values_of_its_row_and_shared_texts(tmp_path, monkeypatch):
    module = importlib.import_module("reproductions.verdicts.claims")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    file = tmp_path / "reproductions" / "mine" / "claims.toml"
    file.parent.mkdir(parents=True)
    file.write_text(SHARED.replace('"a", lam', '"a", who = "A", lam'))
    first, second = claims("mine")
    assert (first.id, first.better, second.id) == ("a-1", "higher", "b-2")
    assert first.cause == "A at 1 has few steps."
    assert second.cause == "Yet B at 2 has few steps."
    assert second.better == "lower" and first.says == "a is better."
    claims.cache_clear()
    file.write_text(SHARED)
    with pytest.raises(ValueError, match=r"claim \$name-\$lam: 'who'"):
        claims("mine")


@pytest.mark.parametrize("paper", command.PAPERS)
def test_a_text_stands_by_itself_only_if_claims_share_it(paper):
    text = (ROOT / "reproductions" / paper / "claims.toml").read_text(encoding="utf-8")
    for name in tomllib.loads(text).get("texts", {}):
        assert text.count(f"${name}") > 1, name


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
            # Plane and sweep measure scores, whatever a claim is about.
            needed = needed or " plane --data " in one.command
            needed = needed or ".svae sweep " in one.command
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
