"""What our records say of a claim: its runs, their spread, a test."""

import dataclasses

import numpy as np

from reproductions.engine import statistics
from reproductions.engine.statistics import Sample
from reproductions.verdicts import budget
from reproductions.verdicts.claims import Claim
from reproductions.verdicts.evidence import (
    Absent,
    NotRun,
    Records,
    changed_defaults,
    sample,
)

__all__ = ["Finding", "find"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finding:
    """What our runs say of a claim.

    Attributes:
        text: In short, with spread.
        runs: How many, of the method with fewer; of pairs, how many pairs or seeds.
        ours: The runs of the claim's method.
        direction: Above 0 if they go in the claim's direction; None for a value.
        p: Of the test, not corrected; None if there is none.
        holds: Of a claim that a record checks.
        diverged: Runs of the method that the claim calls better.
        differs: How the runs differ from the paper's.
        classifier: What the scores are seen through.
        data: The data, in words.
        record: The file.
        changed_defaults: Which defaults have changed since it, or its "b record", was
            made.
    """

    text: str
    runs: int
    ours: Sample | None = None
    direction: float | None = None
    p: float | None = None
    holds: bool | None = None
    diverged: int = 0
    differs: tuple[str, ...] = ()
    classifier: str = ""
    data: str = ""
    record: str = ""
    changed_defaults: tuple[str, ...] = ()


def _text(one: Sample, digits: str = ".4g") -> str:
    if one.mean is None:
        return f"none of {one.diverged} runs has a number"
    shown = f"{one.mean:{digits}}"
    if one.deviation is not None:
        shown += f" ± {one.deviation:.2g}"
    lost = f", {one.diverged} diverged" if one.diverged else ""
    return f"{shown} ({one.n} {'run' if one.n == 1 else 'runs'}{lost})"


def _sample(claim: Claim, one: dict, which: str, records: Records) -> Sample:
    name = one.get(f"{which} record", one["record"])
    n = records.get(name, one[f"{which} n"]) if f"{which} n" in one else None
    n = n[0] if isinstance(n, list) else n
    return sample(records.get(name, one[which]), n).times(one.get("times", 1.0))


def _keyed(one: dict, which: str, records: Records) -> dict[tuple, float | None]:
    """A method's runs by what pairs them, or by their place in the list."""
    path = one[which]
    found = records.get(one["record"], path)
    names = [path.replace(one["measure"], name) for name in one.get("pair by", ())]
    keys = [records.get(one["record"], name) for name in names]
    rows: dict[tuple, float | None] = {}
    for i, value in enumerate(found):
        key = tuple(some[i] for some in keys) if keys else (i,)
        # A cell has a list of runs, in the order of their seeds.
        for j, each in enumerate(value if isinstance(value, list) else [value]):
            rows[(*key, j)] = each
    return rows


def _pairs(one: dict, records: Records) -> tuple[np.ndarray, np.ndarray]:
    """Two lists of numbers, of the same settings and seeds."""
    a, b = (_keyed(one, which, records) for which in ("a", "b"))
    if "pair by" not in one and len(a) != len(b):
        raise ValueError(
            f"Expected as many runs of both methods in {one['record']}; received: "
            f"{len(a)} and {len(b)}"
        )
    kept = [(a[key], b[key]) for key in a if None not in (a[key], b.get(key))]
    first, second = np.array(kept, np.float64).reshape(-1, 2).T
    return first, second


def _order(claim: Claim, one: dict, records: Records) -> dict:
    a, b = (_sample(claim, one, which, records) for which in ("a", "b"))
    if a.mean is None or b.mean is None:
        direction = float((b.mean is None) - (a.mean is None))
    else:
        direction = (a.mean - b.mean) * (1 if claim.better == "higher" else -1)
    if "above" in one and a.mean is not None:  # `a` must exceed this, too
        direction = min(direction, a.mean - one["above"])
    text = f"{_text(a)} against {_text(b)}"
    runs = min(a.n + a.diverged, b.n + b.diverged)
    lost = {"diverged": a.diverged, "p": statistics.welch(a, b)}
    return {"ours": a, "direction": direction, "text": text, "runs": runs} | lost


def _paired(claim: Claim, one: dict, records: Records) -> dict:
    sign = 1 if claim.better == "higher" else -1
    diverged = records.get(one["record"], one["lost"]) if "lost" in one else 0
    if "counts" in one:
        more, less = (
            records.get(one["record"], f"{one['counts']}/{one[w]}")
            for w in ("more", "less")
        )
        n, p, direction = more + less, statistics.signs(more, less), float(more - less)
        text = f"better in {more} of {n} pairs (sign test)"
    else:
        a, b = _pairs(one, records)
        if claim.kind == "spread":
            text = f"deviation {a.std(ddof=1):.3g} against {b.std(ddof=1):.3g}"
            a, b = np.abs(a - np.median(a)), np.abs(b - np.median(b))
        else:
            better = int((sign * (a - b) > 0).sum())
            text = f"{a.mean():.4g} against {b.mean():.4g}, better in {better}"
        n, p = len(a), statistics.permutation(a - b)
        direction = sign * float(a.mean() - b.mean())
        text += f" of {n} pairs" if claim.kind == "paired" else f" ({n} pairs)"
    if diverged:
        text += f"; {diverged} runs diverged and count as the worst"
    runs = n
    if "seeds" in one:  # of each setting, where pairs are of several
        found = records.get(one["record"], one["seeds"])
        runs = min(found) if isinstance(found, list) else found
    return {"direction": direction, "p": p, "runs": runs, "text": text}


def _spread(claim: Claim, one: dict, records: Records) -> dict:
    if "a n" in one:  # a record that has only the two deviations
        a, b = (records.get(one["record"], one[w]) for w in ("a", "b"))
        n = records.get(one["record"], one["a n"])
        text = f"deviation {a:.3g} against {b:.3g} ({n} runs each)"
        return {"direction": b - a, "p": None, "runs": n, "text": text}
    return _paired(claim, one, records)


def _trend(claim: Claim, one: dict, records: Records) -> dict:
    x, y = (records.get(one["record"], one[w]) for w in ("x", "y"))
    y = [value for some in y for value in (some if isinstance(some, list) else [some])]
    each = len(y) // len(x)
    x = [value for value in x for _ in range(each)]  # a cell's runs have one x
    rho, p = statistics.trend(x, y)
    runs = min(x.count(value) for value in set(x))
    text = f"rank correlation {rho:+.2f} over {len(y)} runs"
    return {"direction": rho * one["sign"], "p": p, "runs": runs, "text": text}


def _one(claim: Claim, one: dict, records: Records) -> Finding:
    """What an entry of evidence says."""
    if claim.kind == "checked":
        paths = one["a"] if isinstance(one["a"], list) else [one["a"]]
        values = [records.get(one["record"], path) for path in paths]
        holds = all(v[0] if isinstance(v, list) else v for v in values)
        found: dict = {"holds": holds, "runs": 0}
        found["text"] = records.filled(
            one.get("says", "it holds" if holds else "it does not hold")
        )
    elif claim.kind in ("value", "every"):
        ours = _sample(claim, one, "a", records)
        found = {"ours": ours, "text": _text(ours), "runs": ours.n + ours.diverged}
        if claim.kind == "every" and ours.values:
            found["text"] += (
                f", least {min(ours.values):.4g}, most {max(ours.values):.4g}"
            )
    else:
        make = {"order": _order, "paired": _paired, "spread": _spread, "trend": _trend}
        found = make[claim.kind](claim, one, records)
    # What it reads: a change of another measure's default is no matter here.
    read = " ".join(str(one[key]) for key in ("a", "b", "x", "y") if key in one)
    return Finding(
        **found,
        differs=tuple(budget.differences(claim, one, records)),
        classifier=records.filled(one.get("classifier", "")),
        data=one.get("data", ""),
        record=one["record"],
        changed_defaults=tuple(
            f"{name} was made under an older default: {change['says']}"
            for name in dict.fromkeys([one["record"], one.get("b record", "")])
            for change in changed_defaults(name, read)
        ),
    )


def find(claim: Claim, records: Records) -> Finding | None:
    """What our runs say of a claim: the first entry of evidence that records have.

    Raises:
        Absent: If there is a record, but nothing where the claim looks for it, and the
            record does not say that this row is not run.
        ValueError: If what stands there is no number.
    """
    errors = []
    for one in claim.evidence:
        if not records.has(one["record"]):
            continue
        try:
            return _one(claim, one, records)
        except NotRun:
            continue
        except Absent as error:
            errors.append(str(error))
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            # Whatever computes with what is no number, and with its own words.
            raise ValueError(
                f"Expected numbers for the claim {claim.paper} {claim.id} in "
                f"{records.folder / one['record']}; received: {error}"
            ) from error
    if errors:
        raise Absent(f"claim {claim.paper} {claim.id}: {'; '.join(errors)}")
    return None
