"""Sphinx: the verdicts on a paper's claims, made anew at each build.

    ```{verdicts} svae
    ```

is a table of all claims of `reproductions/svae/claims.toml`: a row with verdict, claim,
published and ours, and below it a row with all the rest. Without a paper it counts the
claims of all. With `:since: FILE`, a record of `python -m reproductions verdicts
--record`, it says how many there were and which have changed.
"""

import functools
import json

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

from reproductions.engine.results import FOLDER
from reproductions.verdicts import VERDICTS, judge, papers
from reproductions.verdicts.judge import Judged
from reproductions.verdicts.report import open_text, summary

NAMES = {
    "aim": "AIM",
    "as_vae": "AS-VAE",
    "ijae": "λ-IJAE",
    "svae": "sVAE",
    "unifying": "Unifying",
}
HEAD = ("Verdict", "Claim", "Published", "Ours")
WIDTHS = (14, 36, 22, 28)

judged = functools.cache(judge)


def details(one: Judged) -> list[tuple[str, nodes.Node]]:
    """What the second row of a claim says."""
    row = one.told()
    words = {
        "Budget": row["budget"],
        "Data": row["data"],
        "Seen through": row["backbone"],
        "Why": row["cause"],
        "Tried": row["tried"],
        "Record": row["record"],
        "Older": "; ".join(row["older"]),
    }
    kept = [(name, nodes.Text(text)) for name, text in words.items() if text]
    return [*kept, ("Command", nodes.literal("", row["command"]))]


def entry(*content: nodes.Node, **options) -> nodes.entry:
    """A cell with a paragraph."""
    return nodes.entry("", nodes.paragraph("", "", *content), **options)


def rows(one: Judged) -> list[nodes.row]:
    """The two rows of a claim."""
    kind, claim = one.verdict.kind, one.claim
    badge = nodes.inline("", kind, classes=["verdict", kind.split()[0]])
    ours = one.finding.text if one.finding else "–"
    where = nodes.inline("", f" ({claim.where})", classes=["where"])
    first = nodes.row(
        "",
        entry(badge),
        entry(nodes.Text(claim.says), where),
        entry(nodes.Text(one.published or "–")),
        entry(nodes.Text(ours)),
        classes=["claim"],
    )
    cell = nodes.entry("", morecols=len(HEAD) - 1)
    for name, node in details(one):
        lead = nodes.strong("", f"{name}: ")
        cell += nodes.paragraph("", "", lead, node)
    return [first, nodes.row("", cell, classes=["details"])]


def table(every: list[Judged]) -> nodes.table:
    """All claims of a paper."""
    group = nodes.tgroup("", cols=len(HEAD))
    group += [nodes.colspec("", colwidth=width) for width in WIDTHS]
    head = nodes.row("", *(entry(nodes.Text(word)) for word in HEAD))
    group += nodes.thead("", head)
    group += nodes.tbody("", *(row for one in every for row in rows(one)))
    return nodes.table("", group, classes=["verdicts", "colwidths-given"])


def link(paper: str) -> str:
    """A paper's page, in the pages' folder."""
    return f"[{NAMES[paper]}]({paper}.md)"


def counted() -> list[str]:
    """The counts as a Markdown table."""
    names = ["claims", *VERDICTS]
    lines = [f"| paper | {' | '.join(names)} |", f"|---{'|---' * len(names)}|"]
    every = [one for paper in papers() for one in judged(paper)]
    for title, some in [*((link(p), judged(p)) for p in papers()), ("all", every)]:
        found = summary(some)
        lines.append(f"| {title} | {' | '.join(str(found[n]) for n in names)} |")
    return [*lines, "", open_text(every)]


def changed(record: dict) -> list[str]:
    """The counts of a record, and which verdicts are other ones today."""
    names = ["claims", *VERDICTS]
    lines = [
        f"On {record['date'][:10]} (commit `{record['commit'][:10]}`) there were:",
        "",
        f"| paper | {' | '.join(names)} |",
        f"|---{'|---' * len(names)}|",
    ]
    for paper, found in record["counts"].items():
        shown = " | ".join(str(found[name]) for name in names)
        lines.append(f"| {link(paper)} | {shown} |")
    found = []
    for paper in papers():
        old = record["verdicts"].get(paper, {})
        for one in judged(paper):
            was = old.get(one.claim.id, "not a claim yet")
            if was != one.verdict.kind:
                found.append(
                    f"| {link(paper)} | {one.claim.says} | {was} | {one.verdict.kind} |"
                )
    if not found:
        return [*lines, "", "No verdict has changed since."]
    return [*lines, "", "Since then these have changed:", "",
            "| paper | claim | then | now |", "|---|---|---|---|", *found]  # fmt: skip


class Verdicts(SphinxDirective):
    """The claims of a paper, or counts."""

    optional_arguments = 1
    option_spec = {"since": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """Makes the table. It is made anew in each build."""
        self.env.note_reread()
        try:
            if self.arguments:
                return [table(judged(self.arguments[0]))]
            if "since" not in self.options:
                return self.parse_text_to_nodes("\n".join(counted()))
            record = json.loads(
                (FOLDER / self.options["since"]).read_text(encoding="utf-8")
            )
            return self.parse_text_to_nodes("\n".join(changed(record)))
        except (ValueError, OSError) as error:
            raise self.error(str(error)) from error


def setup(app):
    """Adds the directive."""
    app.add_directive("verdicts", Verdicts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
