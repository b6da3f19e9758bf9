"""The verdicts' pages: the directive's parts, and that each paper has its page."""

import importlib.util
import json
import pathlib

import pytest

nodes = pytest.importorskip("docutils.nodes")
pytest.importorskip("sphinx")

ROOT = pathlib.Path(__file__).parents[2]


def load():
    path = ROOT / "docs" / "verdict_table.py"
    spec = importlib.util.spec_from_file_location("verdict_table", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


extension = load()


def test_a_claim_has_two_rows_with_all_of_it():
    every = extension.judged("as_vae")
    table = extension.table(every)
    body = next(iter(table.findall(nodes.tbody)))
    assert len(body) == 2 * len(every)
    text, one = body.astext(), every[0]
    row = one.asdict()
    for part in (
        "claim",
        "published",
        "ours",
        "verdict",
        "budget",
        "command",
        "record",
    ):
        assert row[part] in text
    assert "Tried: " in text and "Why: " in text


def test_counts_are_of_all_claims():
    lines = extension.counted()
    head = [word.strip() for word in lines[0].strip("|").split("|")]
    rows = [[w.strip() for w in one.strip("|").split("|")] for one in lines[2:8]]
    assert head[1] == "claims" and rows[-1][0] == "all"
    for row in rows:
        assert int(row[1]) == sum(map(int, row[2:]))
    assert sum(int(row[1]) for row in rows[:-1]) == int(rows[-1][1])


def test_changes_since_a_record_are_named():
    (first, *_) = extension.judged("as_vae")
    record = {"date": "2026-01-01T00:00", "commit": "0123456789abcdef"}
    record |= {"counts": {"as_vae": extension.summary(extension.judged("as_vae"))}}
    same = {one.claim.id: one.verdict.kind for one in extension.judged("as_vae")}
    verdicts = {
        paper: {one.claim.id: one.verdict.kind for one in extension.judged(paper)}
        for paper in extension.papers()
    }
    text = "\n".join(extension.changed(record | {"verdicts": verdicts}))
    assert "No verdict has changed" in text
    verdicts["as_vae"] = same | {first.claim.id: "reproduced"}
    text = "\n".join(extension.changed(record | {"verdicts": verdicts}))
    assert f"{first.claim.says} | reproduced | {first.verdict.kind}" in text


def test_each_paper_has_a_page():
    folder = ROOT / "docs" / "verdicts"
    index = (folder / "index.md").read_text()
    for paper in extension.papers():
        page = (folder / f"{paper}.md").read_text()
        assert f"```{{verdicts}} {paper}\n" in page and f"\n{paper}\n" in index
    before = ROOT / "reproductions" / "results" / "verdicts_before.json"
    assert {*json.loads(before.read_text())["counts"]} == {*extension.papers()}
