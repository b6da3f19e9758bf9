"""What `evaluate` finds: measurements by name, and what was not measured."""

import contextlib
import html
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NoReturn

from keras_svae.evaluation.material import Material
from keras_svae.evaluation.measurement import Measurement
from keras_svae.evaluation.needs import discrete

__all__ = ["Report", "noting", "notes_of"]

# The measures that depend on the law p(x|z).
OF_LAW = {
    "variational_bound",
    "marginal_bound",
    "importance_weighted_bound",
    "annealed_importance_sampling",
}

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
        lines = [f"{one.name:{width}}  {one.described()}" for one in self.values()]
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


def notes_of(material: Material, names: Iterable[str]) -> list[str]:
    """What a reader of the measures of these names must know."""
    found = []
    if material.n_follows and material.drew:
        found.append(
            f"{material.n} samples were drawn, as many as test examples were read; n= "
            "sets another number"
        )
    of_law = {name.partition(".")[0] for name in names} & OF_LAW
    if of_law and discrete(material) and not material.binary:
        found.append(
            f"{', '.join(sorted(of_law))}: test data have values between 0 and 1, of "
            f"which {material.subject.about['likelihood']} gives a cross entropy, and "
            "no log probability (binarize= of ks.data.load makes binary data)"
        )
    label = f"[{material.backbone.label}]" if material.backbone else ""
    if any(label and name.endswith(label) for name in names):
        found.append(
            f"compare numbers with {label} only with numbers from the same network, "
            "for images of the same shape and with the same n"
        )
    return found


@contextlib.contextmanager
def noting(name: str, notes: list[str]) -> Iterator[None]:
    """Collects a measure's own warnings: they belong beside its numbers."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", UserWarning)
        yield
    for one in told:
        if one.category is UserWarning:
            notes.append(f"{name}: {one.message}")
        else:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
