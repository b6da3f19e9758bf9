"""Statistics of runs: samples of them, tests of two of them, one correction."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from reproductions.engine.results import half_width

__all__ = ["Sample", "holm", "permutation", "signs", "trend", "welch"]

# Up to this many pairs all changes of sign are tried, and else so many at random.
EXACT, RANDOM = 16, 100_000


@dataclasses.dataclass(frozen=True)
class Sample:
    """A measure over the runs of one method.

    Attributes:
        mean: Of the runs that have a number; None if none has.
        deviation: Over the same runs, n - 1; None for fewer than two.
        n: How many runs have a number.
        diverged: How many have none, as they diverged.
        values: The numbers, if the record has them.
    """

    mean: float | None
    deviation: float | None
    n: int
    diverged: int = 0
    values: tuple[float, ...] | None = None

    @classmethod
    def of(cls, values: Sequence[float | None], diverged: int = 0) -> "Sample":
        """From the runs' numbers. None and NaN are runs that diverged."""
        kept = [float(v) for v in values if v is not None and math.isfinite(v)]
        mean = float(np.mean(kept)) if kept else None
        deviation = float(np.std(kept, ddof=1)) if len(kept) > 1 else None
        lost = diverged + len(values) - len(kept)
        return cls(mean, deviation, len(kept), lost, tuple(kept))

    @property
    def half(self) -> float | None:
        """Half of the mean's 95% interval, by Student's t; None for a single run."""
        return half_width(self.deviation, self.n)

    def times(self, factor: float) -> "Sample":
        """The same in another unit, or with the other sign."""
        return Sample(
            None if self.mean is None else factor * self.mean,
            None if self.deviation is None else abs(factor) * self.deviation,
            self.n,
            self.diverged,
            self.values and tuple(factor * value for value in self.values),
        )


def welch(a: Sample, b: Sample) -> float | None:
    """Two-sided p of Welch's t test; None where a sample has fewer than two runs.

    Where neither sample has any spread there is no t. Then p is that of exchanging
    the runs' labels: 1 for equal means, else the share of the two extreme divisions.
    """
    import scipy.stats

    if a.deviation is None or b.deviation is None:
        return None
    if a.deviation == b.deviation == 0:
        return 1.0 if a.mean == b.mean else 2 / math.comb(a.n + b.n, a.n)
    parts = (a.mean, a.deviation, a.n, b.mean, b.deviation, b.n)
    return float(scipy.stats.ttest_ind_from_stats(*parts, equal_var=False).pvalue)


def signs(more: int, less: int) -> float:
    """Two-sided p of the sign test: `permutation` where only orders are known."""
    import scipy.stats

    return (
        float(scipy.stats.binomtest(more, more + less).pvalue) if more + less else 1.0
    )


def permutation(differences: Sequence[float]) -> float:
    """Two-sided p of the mean difference over pairs, by changing signs.

    Under the hypothesis of no difference each pair could as well be the other way
    round. With up to 16 pairs all changes are counted, so p is exact. With more it is
    the share of 100,000 random ones and the one that was seen.
    """
    given = np.asarray(differences, np.float64)
    if not len(given):
        return 1.0
    if exact := len(given) <= EXACT:
        numbers = np.arange(2 ** len(given))[:, None] >> np.arange(len(given))
    else:
        shape = RANDOM, len(given)
        numbers = np.random.default_rng(0).integers(2, size=shape, dtype=np.int8)
    sums = np.abs((1.0 - 2.0 * (numbers & 1)) @ given)
    # Sums that are equal but for rounding are equal.
    least = abs(given.sum()) - 1e-9 * np.abs(given).sum()
    count = int((sums >= least).sum())
    return count / len(sums) if exact else (count + 1) / (len(sums) + 1)


def trend(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """Spearman's rank correlation over runs and its two-sided p."""
    import scipy.stats

    found = scipy.stats.spearmanr(x, y)
    return float(found.statistic), float(found.pvalue)


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's correction: the p of each test, adjusted for all of them."""
    order = sorted(range(len(ps)), key=lambda i: ps[i])
    found, least = [0.0] * len(ps), 0.0
    for rank, i in enumerate(order):
        least = max(least, min(1.0, (len(ps) - rank) * ps[i]))
        found[i] = least
    return found
