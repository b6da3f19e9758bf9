"""The command `python -m reproductions verdicts`: a table, or JSON."""

import dataclasses
import json
import textwrap
from collections.abc import Sequence
from typing import Literal

from reproductions.engine import parsing, results
from reproductions.engine.command import PAPERS
from reproductions.engine.files import write_json
from reproductions.verdicts import rule
from reproductions.verdicts.claims import papers
from reproductions.verdicts.evidence import Records
from reproductions.verdicts.judge import Judged, counts, judge

__all__ = ["main", "summary"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class VerdictOptions:
    """Verdicts on the papers' claims, from what is in reproductions/results.

    Args:
        paper: One paper; unset, all.
        json: Print a list in JSON.
        results: Another folder of records, e.g. of an older commit.
        record: Also write counts and verdicts to this file.
    """

    paper: Literal[PAPERS] | None = None
    json: bool = False
    results: str | None = None
    record: str | None = None


def summary(judged: Sequence[Judged]) -> dict[str, int]:
    """Counts by verdict, of all claims, and of those whose test decides nothing."""
    found = {"claims": len(judged), **counts(judged)}
    for kind in (rule.INDICATION, rule.NOT):
        some = [one for one in judged if one.verdict.kind == kind]
        found[f"{kind}, not decided"] = sum(not one.decided for one in some)
    return found


def text(one: Judged) -> str:
    """A claim in some lines."""
    row = one.told()
    parts = {
        "claim": f"{row['claim']} ({row['where']})",
        "published": row["published"],
        "ours": row["ours"],
        "budget": row["budget"],
        "seen by": row["backbone"],
        "why": row["cause"],
        "tried": row["tried"],
        "older": "; ".join(row["older"]),
        "command": row["command"],
    }
    lines = [f"{one.verdict.kind}: {row['paper']} {row['id']}"]
    for name, words in parts.items():
        if words:
            lead = f"    {name:10}"
            lines += textwrap.wrap(
                words, 100, initial_indent=lead, subsequent_indent=" " * len(lead),
                break_long_words=False, break_on_hyphens=False,
            )  # fmt: skip
    return "\n".join(lines)


def table(by_paper: dict[str, list[Judged]]) -> str:
    """The counts, a line per paper."""
    names = ["claims", *rule.VERDICTS]
    lines = [f"{'':10}" + "".join(f"{name:>20}" for name in names)]
    every = [one for some in by_paper.values() for one in some]
    rows = by_paper | ({"all": every} if len(by_paper) > 1 else {})
    for paper, some in rows.items():
        found = summary(some)
        lines.append(f"{paper:10}" + "".join(f"{found[name]:20d}" for name in names))
    return "\n".join([*lines, open_text(every)])


def open_text(judged: Sequence[Judged]) -> str:
    """How many claims a test has left open."""
    found = summary(judged)
    weak = [found[f"{kind}, not decided"] for kind in (rule.INDICATION, rule.NOT)]
    return (
        f"Not decided (p >= {rule.ALPHA} before the correction) are {weak[0]} of the "
        f'indications, and {weak[1]} of the claims whose verdict is "not".'
    )


def main(arguments: list[str]) -> None:
    """Prints the verdicts."""
    given = parsing.read(VerdictOptions, "verdicts", arguments)
    records = Records(given.results)
    some = [given.paper] if given.paper else papers()
    by_paper = {paper: judge(paper, records) for paper in some}
    judged = [one for every in by_paper.values() for one in every]
    if given.json:
        print(
            json.dumps([one.asdict() for one in judged], indent=1, ensure_ascii=False)
        )
    else:
        print("\n\n".join([*map(text, judged), table(by_paper)]))
    if given.record:
        content = {
            "experiment": "verdicts",
            "counts": {paper: summary(each) for paper, each in by_paper.items()},
            "verdicts": {
                paper: {one.claim.id: one.verdict.kind for one in each}
                for paper, each in by_paper.items()
            },
        }
        write_json(given.record, results.record(**content))
