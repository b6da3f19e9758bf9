"""What `evaluate` finds: measurements by name, and what was not measured."""

import html
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from keras_svae.evaluation.measurement import Measurement

__all__ = ["Report"]

_COLUMNS = ("measure", "value", "it depends on")


class Report(dict[str, Measurement]):
    """Measurements by name. Printed, it is a table, in a notebook too.

    Attributes:
        left_out: Why, by the name of each measure that does not apply.
        failed: The error, by the name of each measure that applies and ended with one.
        notes: Sentences that a reader of the numbers must know.
    """

    def __init__(
        self,
        *arguments,
        left_out: dict[str, str] | None = None,
        failed: dict[str, str] | None = None,
        notes: list[str] | None = None,
    ):
        super().__init__(*arguments)
        self.left_out, self.failed = left_out or {}, failed or {}
        self.notes = notes or []

    def __missing__(self, name: str) -> NoReturn:
        measure = str(name).partition("[")[0].partition(".")[0]
        why = self.left_out.get(measure) or self.failed.get(measure)
        reason = f"; it is not measured: {why}" if why else ""
        raise KeyError(
            f"Expected a measurement among {list(self)}; received: {name!r}{reason}"
        )

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        width = max((len(value.name) for value in self.values()), default=0)
        lines = []
        for value in self.values():
            said = str(value).removeprefix(f"{value.name} ")
            lines.append(f"{value.name:{width}}  {said}")
        lines += [f"note: {note}" for note in self.notes]
        lines += [f"{how}: {name}: {why}" for how, name, why in self._others()]
        return "\n".join(lines)

    def _others(self) -> list[tuple[str, str, str]]:
        """What was not measured: how that is called, the name, the reason."""
        # TensorFlow's errors have lines of graph nodes.
        failed = {n: (e.splitlines() or [""])[0] for n, e in self.failed.items()}
        return [
            (how, name, why)
            for how, found in (("left out", self.left_out), ("failed", failed))
            for name, why in found.items()
        ]

    def _repr_html_(self) -> str:
        """The table in a notebook."""
        rows = [
            (name, one.value_text(), one.details_text()) for name, one in self.items()
        ]
        made = _table(_COLUMNS, rows)
        made += "".join(f"<p>{html.escape(note)}</p>" for note in self.notes)
        others = self._others()
        failed = [(name, why) for how, name, why in others if how == "failed"]
        left = [(name, why) for how, name, why in others if how == "left out"]
        if failed:
            made += _table(("failed", "error"), failed)
        if left:
            said = f"<summary>left out: {len(left)}</summary>"
            made += f"<details>{said}{_table(('left out', 'why'), left)}</details>"
        return f"<div>{made}</div>"

    def asdict(self) -> dict[str, dict[str, Any]]:
        """Plain values, as they go into a JSON file."""
        return {name: value.asdict() for name, value in self.items()}


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def row(cells, tag):
        each = (
            f'<{tag} style="text-align: left">{html.escape(str(cell))}</{tag}>'
            for cell in cells
        )
        return f"<tr>{''.join(each)}</tr>"

    body = "".join(row(cells, "td") for cells in rows)
    return f"<table><thead>{row(head, 'th')}</thead><tbody>{body}</tbody></table>"
