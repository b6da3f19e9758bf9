"""The rule: what a claim of a paper and our runs give, as one of four verdicts.

Pure functions of numbers. They read no record; `judged` in `judge.py` does.
"""

import dataclasses
from collections.abc import Sequence
from typing import Literal, get_args

from reproductions.engine.statistics import Sample

__all__ = ["SEEDS", "VERDICTS", "Verdict", "checked", "every", "order", "value"]

Kind = Literal["reproduced", "indication", "not", "out of reach here"]
VERDICTS: tuple[str, ...] = get_args(Kind)
REPRODUCED, INDICATION, NOT, OUT = VERDICTS
Better = Literal["higher", "lower"]

# The least number of seeds, and the largest p after Holm's correction.
SEEDS, ALPHA = 5, 0.05


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A verdict, and why it is no better one.

    Attributes:
        kind: One of VERDICTS.
        why: What is missing or what was seen, short sentences.
    """

    kind: Kind
    why: tuple[str, ...] = ()


def _short(n: int, diverged: int, differs: Sequence[str]) -> list[str]:
    """What keeps the runs from deciding a claim, whatever their numbers are."""
    found = ["the runs are not as in the paper"] if differs else []
    if n < SEEDS:
        found.append(f"{n} {'seed' if n == 1 else 'seeds'} of {SEEDS}")
    if diverged:
        found.append(f"{diverged} diverged")
    return found


def _holds(missing: Sequence[str]) -> Verdict:
    """Of runs that show a claim: reproduced, if nothing is missing."""
    return Verdict(INDICATION if missing else REPRODUCED, tuple(missing))


def value(
    ours: Sample,
    published: float,
    gap: float | None,
    better: Better,
    differs: Sequence[str] = (),
    own_classifier: bool = False,
) -> Verdict:
    """A number of a table.

    Args:
        ours: Our runs.
        published: The paper's number.
        gap: The difference that the claim is about: to the number of the method that
            the paper compares with. None if there is none.
        better: Which direction is better.
        differs: How budget, data or networks differ from the paper's. Empty: they do
            not.
        own_classifier: Whether a classifier of ours made the number.
    """
    if own_classifier:
        return Verdict(OUT, ("under our own classifier only orders are judged",))
    missing = _short(ours.n, ours.diverged, differs)
    if ours.mean is None:
        return Verdict(OUT if differs else NOT, (*missing, "no run has a number"))
    half = ours.half
    covers = half is not None and abs(ours.mean - published) <= half
    sign = 1 if better == "higher" else -1
    as_good = sign * (ours.mean - published) >= 0
    if covers:
        if gap is None:
            missing.append("the paper has no number to compare with")
        elif 2 * half > gap:
            missing.append(f"the interval, {2 * half:.2g}, is wider than {gap:.2g}")
        return _holds(missing)
    if as_good:
        # If nothing is missing, our runs do not have the printed number.
        kind = INDICATION if missing else NOT
        return Verdict(kind, (*missing, "ours is better than the published"))
    # If our runs differ from the paper's, a worse number refutes nothing.
    return Verdict(OUT if differs else NOT, (*missing, "short of the published"))


def decides(p: float | None) -> bool:
    """Whether p is below ALPHA. Also True if there was no test."""
    return p is None or p < ALPHA


def order(
    direction: float,
    p: float | None,
    runs: int,
    diverged: int = 0,
    differs: Sequence[str] = (),
    raw: float | None = None,
) -> Verdict:
    """An order of two methods, of paired runs, or a trend.

    Args:
        direction: Above 0 if our runs go in the claim's direction.
        p: Two-sided, after Holm's correction; None for a single run.
        runs: How many, of the method that has fewer.
        diverged: Runs of the method that the claim calls better.
        differs: As for `value`.
        raw: p before the correction, if there is one.
    """
    missing = _short(runs, diverged, differs)
    open_ = [] if decides(raw) else ["not decided"]
    if not direction > 0:
        said = "the reverse order" if direction < 0 else "no difference"
        return Verdict(NOT, (*missing, said, *open_))
    if missing:
        return Verdict(INDICATION, (*missing, *open_))
    if p is not None and p < ALPHA:
        return Verdict(REPRODUCED)
    if p is None:
        return Verdict(OUT, ("the record does not have the runs that a test needs",))
    return Verdict(NOT, ("the same direction, but not decided",))


def every(
    values: Sequence[float],
    threshold: float,
    better: Better,
    diverged: int = 0,
    differs: Sequence[str] = (),
) -> Verdict:
    """A count: what every run reaches. A run that diverged does not."""
    runs = len(values) + diverged
    good = sum(
        (v >= threshold) if better == "higher" else (v <= threshold) for v in values
    )
    missing = _short(runs, diverged, differs)
    if not runs or good < runs:
        said = f"{runs - good} of {runs} runs do not reach it"
        return Verdict(OUT if differs else NOT, (*missing, said))
    return _holds(missing)


def checked(holds: bool, differs: Sequence[str] = ()) -> Verdict:
    """A statement that a record checks without noise, e.g. by quadrature."""
    if not holds:
        return Verdict(NOT, ("it does not hold",))
    return _holds(_short(SEEDS, 0, differs))
