"""The claims of the papers, from `reproductions/PAPER/claims.toml`.

A file has `settings.NAME`, the circumstances of an experiment of the paper, `texts`,
and claims. A claim is repeated for each of its rows `for`. What a claim does not set
itself, as its `cause`, a row may set. `$name` stands for a value of the row, or for one
of the texts; both may have such names, too. A claim without `evidence` has no run of
ours yet.

An entry of `evidence` has these keys (paths are `evidence.at`'s):

* `record`, a file of results; the first entry that records have counts.
* `a`, and for an order `b`: the runs of the better and of the other method, and
  `b record` where they are elsewhere; `a n` where a summary does not say how many;
  `times`, a factor; `above`, which `a` has to exceed besides.
* of pairs `pair by`, what they agree in, beside `measure`, the end of the path; or
  `counts` with `more` and `less`, if a record has only their numbers; `seeds`, of each
  setting; `lost`, how many runs diverged, if they count as the worst.
* of a trend `x`, `y`, and `sign`: 1 if it rises.
* `settings`, where those of the runs are, of which some may be to `ignore`; or
  `epochs` or `steps`, what they were; `differs`, what settings do not show.
* `classifier` and `data`, in words; `says`, the text of a statement.

A record may say that some rows are "not run": it is no evidence for claims of these.
"""

import dataclasses
import functools
import string
import tomllib
from typing import Any

from reproductions.engine import published
from reproductions.engine.results import ROOT

__all__ = ["KINDS", "Claim", "Setting", "claims", "papers"]

# How a claim is judged; the first is a cell of a table.
KINDS = ("value", "order", "paired", "spread", "trend", "every", "checked")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Setting:
    """The circumstances of an experiment as the paper has it.

    Attributes:
        run: An experiment of the paper and options of its command, whose settings
            are the paper's as far as it gives them.
        data: The name of the data in records.
        says: The data in words.
        examples: Training examples in all.
        unsaid: What the paper does not give. There the settings of `run` stand for it.
        scores: Under which classifier the paper's scores are; unset, none is needed.
        backbone: The name of that classifier for the option `--backbone`, if this
            package has it.
        pace: Which record tells the seconds of a step: `record`, and either `step`, a
            path to seconds, or `seconds` and `steps`; `least` if its networks are
            smaller than the paper's.
    """

    run: str
    data: str
    says: str
    examples: int | None = None
    unsaid: str = ""
    scores: str = ""
    backbone: str = ""
    pace: dict | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim.

    Attributes:
        paper: The paper's folder.
        id: A name, once in a paper.
        says: The claim, a sentence.
        where: Where in the paper.
        kind: One of KINDS.
        setting: The circumstances.
        better: Which direction is better. A file says it where no published number
            does.
        evidence: Where our runs are, the best first: what `finding.find` reads.
        options: Options that are added to the setting's `run`.
        published: The number of the claim, and the one that it is compared with.
        threshold: What every run has to reach, where no published number says it.
        command: What decides it; unset, of the setting's `run`, the `options`, and the
            setting's `backbone` where it is about a score.
        runs: How many methods have to run for it.
        missing: What there is not, e.g. a method in the experiment.
        tried: What we tried, if our runs do not show the claim.
        cause: Why, as far as records show it.
    """

    paper: str
    id: str
    says: str
    where: str
    kind: str
    setting: Setting
    better: str
    evidence: tuple[dict, ...] = ()
    options: str = ""
    published: tuple[dict, ...] = ()
    threshold: float | None = None
    command: str = ""
    runs: int = 1
    missing: str = ""
    tried: str = ""
    cause: str = ""

    @property
    def run(self) -> str:
        """The experiment and its options, as they are typed."""
        return f"{self.setting.run} {self.options}".strip()


FIELDS = {field.name for field in dataclasses.fields(Claim)}


def papers() -> list[str]:
    """The papers that have claims."""
    found = sorted((ROOT / "reproductions").glob("*/claims.toml"))
    return [path.parent.name for path in found]


def _put(value: Any, names: dict) -> Any:
    """The same with values for `$name`, and for names in these."""
    if isinstance(value, dict):
        return {key: _put(one, names) for key, one in value.items()}
    if isinstance(value, list):
        return [_put(one, names) for one in value]
    if not isinstance(value, str):
        return value
    filled = string.Template(value).substitute(names)
    return filled if filled == value else _put(filled, names)


def _number(paper: str, chosen: dict) -> dict:
    """The one published number with these values."""
    fixed = {"paper": paper, **chosen}
    found = published(**fixed)
    if len(found) != 1:
        raise ValueError(
            f"Expected one published number with {fixed}; received: {len(found)}"
        )
    return found[0]


def _claim(paper: str, given: dict, settings: dict[str, Setting]) -> Claim:
    numbers = tuple(_number(paper, one) for one in given.pop("published", ()))
    better = {one["better"] for one in numbers} | (
        {given["better"]} if "better" in given else set()
    )
    if len(better) != 1:
        raise ValueError(
            f"Expected one better direction of {paper} {given['id']}; received: "
            f"{better or 'none'}"
        )
    given["better"] = better.pop()
    given["setting"] = settings[given["setting"]]
    given["evidence"] = tuple(given.get("evidence", ()))
    if given["kind"] in ("order", "paired", "spread"):
        given.setdefault("runs", 2)
    return Claim(paper=paper, published=numbers, **given)


@functools.cache
def claims(paper: str) -> tuple[Claim, ...]:
    """All claims of a paper, in the order of its file."""
    path = ROOT / "reproductions" / paper / "claims.toml"
    file = tomllib.loads(path.read_text(encoding="utf-8"))
    settings = {name: Setting(**one) for name, one in file["settings"].items()}
    texts, found = file.get("texts", {}), []
    for given in file["claim"]:
        try:
            for row in given.pop("for", [{}]):
                own = {key: one for key, one in row.items() if key in FIELDS}
                filled = _put(own | given, texts | row)
                found.append(_claim(paper, filled, settings))
        except (KeyError, TypeError, ValueError) as error:
            name = given.get("id", "?")
            raise ValueError(f"{path}, claim {name}: {error}") from error
    return tuple(found)
