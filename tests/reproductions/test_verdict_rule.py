"""The statistics of verdicts, and each branch of the rule that gives them."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats

from reproductions.engine import statistics as stats
from reproductions.engine.statistics import Sample
from reproductions.verdicts import VERDICTS, rule

REPRODUCED, INDICATION, NOT, OUT = VERDICTS
FIVE = Sample.of([0.9, 1.0, 1.1, 1.0, 1.0])


# Statistics


def test_welch_is_scipys():
    a, b = [1.0, 2.0, 4.0, 3.5], [5.0, 6.5, 5.5]
    expected = scipy.stats.ttest_ind(a, b, equal_var=False).pvalue
    assert stats.welch(Sample.of(a), Sample.of(b)) == pytest.approx(expected)
    assert stats.welch(Sample.of(a), Sample.of([1.0])) is None


def test_welch_without_any_spread_exchanges_labels():
    ones, twos = Sample.of([1.0] * 5), Sample.of([2.0] * 5)
    assert stats.welch(ones, ones) == 1.0
    assert stats.welch(ones, twos) == pytest.approx(2 / 252)  # 10 over 5


def test_holm_by_hand():
    # .01 * 4; .02 * 3; .03 * 2, not below the one before; 1 at most.
    found = stats.holm([0.02, 0.9, 0.01, 0.03])
    assert found == pytest.approx([0.06, 0.9, 0.04, 0.06])
    assert stats.holm([0.6, 0.7]) == [1.0, 1.0]
    assert stats.holm([]) == []


@pytest.mark.parametrize("given", [[0.5, 1.0, -0.2, 2.0], [1.0] * 5, [0.0, 1.0, -1.0]])
def test_permutation_of_few_pairs_is_exact(given):
    every = itertools.product((1, -1), repeat=len(given))
    sums = [abs(sum(s * d for s, d in zip(one, given, strict=True))) for one in every]
    expected = np.mean(np.array(sums) >= abs(sum(given)) - 1e-12)
    assert stats.permutation(given) == pytest.approx(expected)


def test_permutation_of_many_pairs_is_near():
    given = np.random.default_rng(1).normal(0.3, 1, 18)
    bits = np.arange(2**18)[:, None] >> np.arange(18) & 1
    exact = np.mean(np.abs((1 - 2 * bits) @ given) >= abs(given.sum()) - 1e-9)
    error = math.sqrt(exact * (1 - exact) / stats.RANDOM)
    assert stats.permutation(given) == pytest.approx(exact, abs=4 * error + 2e-5)
    assert stats.permutation([1.0] * 40) == pytest.approx(1 / (stats.RANDOM + 1))
    assert stats.permutation([]) == 1.0


def test_signs_are_the_permutation_of_signs():
    assert stats.signs(4, 1) == pytest.approx(2 * 6 / 2**5)
    assert stats.signs(4, 1) == pytest.approx(stats.permutation([1, 1, 1, 1, -1]))
    assert stats.signs(0, 0) == 1.0


def test_runs_without_a_number_are_counted():
    found = Sample.of([1.0, None, math.nan, 3.0])
    assert (found.mean, found.n, found.diverged) == (2.0, 2, 2)
    assert Sample.of([math.inf]).mean is None
    single = Sample.of([1.0])
    assert single.deviation is None and single.half is None
    t = scipy.stats.t.interval(0.95, 4, FIVE.mean, scipy.stats.sem(FIVE.values))
    assert FIVE.half == pytest.approx((t[1] - t[0]) / 2)
    assert FIVE.times(-2).mean == pytest.approx(-2.0)
    assert FIVE.times(-2).deviation == pytest.approx(2 * FIVE.deviation)


# The rule


def test_a_value_is_reproduced_by_a_narrow_interval_that_covers_it():
    assert rule.value(FIVE, 1.05, 0.2, "higher") == rule.Verdict(REPRODUCED)
    wide = rule.value(FIVE, 1.05, 0.1, "higher")
    assert wide.kind == INDICATION and "wider" in wide.why[0]
    assert rule.value(FIVE, 1.05, None, "higher").kind == INDICATION


def test_a_single_seed_never_reproduces():
    one = Sample.of([1.0])
    assert rule.value(one, 1.0, 1.0, "higher").kind == INDICATION
    assert rule.value(one, 2.0, 1.0, "higher").kind == NOT
    assert rule.order(1.0, None, 1).kind == INDICATION
    assert rule.order(1.0, 1e-9, 1).kind == INDICATION
    assert rule.every([25], 25, "higher").kind == INDICATION


def test_a_reduced_budget_is_an_indication_at_most():
    less = ("100 of 1,000 steps",)
    assert rule.value(FIVE, 1.0, 1.0, "higher", less).kind == INDICATION
    assert rule.order(1.0, 1e-9, 10, differs=less).kind == INDICATION
    assert rule.every([25] * 9, 25, "higher", differs=less).kind == INDICATION
    assert rule.checked(True, less).kind == INDICATION


def test_better_has_a_direction():
    assert rule.value(FIVE, 0.5, 1.0, "higher", ("less",)).kind == INDICATION
    assert rule.value(FIVE, 0.5, 1.0, "lower").kind == NOT
    assert rule.value(FIVE, 0.5, 1.0, "lower", ("less",)).kind == OUT
    assert rule.every([0.1, 0.2] * 3, 0.15, "lower").kind == NOT
    assert rule.every([0.1] * 5, 0.15, "lower").kind == REPRODUCED


def test_a_value_that_is_better_is_not_the_printed_one():
    found = rule.value(FIVE, 0.5, 1.0, "higher")
    assert found == rule.Verdict(NOT, ("ours is better than the published",))
    few = rule.value(Sample.of([0.9, 1.0, 1.1]), 0.5, 1.0, "higher")
    assert few.kind == INDICATION and few.why[0] == "3 seeds of 5"


def test_under_an_own_classifier_no_value_is_judged():
    found = rule.value(FIVE, 1.0, 1.0, "higher", own_classifier=True)
    assert found.kind == OUT and "only orders" in found.why[0]


def test_an_order_needs_a_small_p():
    assert rule.order(1.0, 0.049, 5) == rule.Verdict(REPRODUCED)
    assert rule.order(1.0, 0.05, 5).kind == NOT
    assert rule.order(1.0, None, 5).kind == OUT
    assert rule.order(-1.0, 0.001, 5).why == ("the reverse order",)
    assert rule.order(0.0, 1.0, 5).why == ("no difference",)
    assert rule.order(-1.0, 0.9, 2, differs=("less",)).kind == NOT


def test_runs_that_diverged_keep_a_claim_from_reproduced():
    lost = Sample.of([*FIVE.values, None])
    assert rule.value(lost, 1.0, 1.0, "higher").kind == INDICATION
    assert rule.order(1.0, 1e-9, 6, diverged=1).kind == INDICATION
    assert rule.every([25] * 5, 25, "higher", diverged=1).kind == NOT
    assert rule.value(Sample.of([None] * 5), 1.0, 1.0, "higher").kind == NOT


def test_what_does_not_hold():
    assert rule.checked(False).kind == NOT
    assert rule.checked(True) == rule.Verdict(REPRODUCED)
    assert rule.every([], 25, "higher").kind == NOT
