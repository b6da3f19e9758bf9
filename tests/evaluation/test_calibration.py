"""Log ratios whose truth is known: of two Gaussians, N(1, 1) and N(0, 1)."""

import numpy as np
import pytest
import scipy.special

from keras_svae import evaluation

RNG = np.random.default_rng(0)
N = 40_000
# log a - log b = x - 1/2, and KL(a||b) = KL(b||a) = 1/2.
ABOVE, BELOW = RNG.normal(1, 1, N) - 0.5, RNG.normal(0, 1, N) - 0.5


def test_the_exact_ratio_is_calibrated():
    found = evaluation.calibration(ABOVE, BELOW[:, None])
    assert found.expected_error < 0.01
    assert found.symmetric_kl == pytest.approx(1, abs=4 * found.symmetric_kl.deviation)
    # Standard deviations: of exp(f), sqrt(e - 1); of each f, 1.
    deviation = np.sqrt((np.e - 1) / N)
    for mean in (found.below_normalisation, found.above_normalisation):
        assert mean == pytest.approx(1, abs=4 * deviation)
        assert mean.deviation == pytest.approx(deviation, rel=0.2)
    assert found.symmetric_kl.deviation == pytest.approx(np.sqrt(2 / N), rel=0.02)
    confidence, frequency, counts = found.reliability
    full = counts > 1000
    error = np.sqrt(confidence * (1 - confidence) / counts)[full]
    assert (np.abs(confidence - frequency)[full] < 5.5 * error).all()
    assert counts.sum() == 2 * N
    assert found.log_loss < found.log_loss.details["undecided"]
    assert found.brier < 0.25


def test_too_sure_and_shifted_ratios_are_not():
    exact = evaluation.calibration(ABOVE, BELOW)
    sure = evaluation.calibration(2 * ABOVE, 2 * BELOW)
    assert sure.expected_error > 0.08
    # Too sure: what is called likely is less frequent, and the other way round.
    confidence, frequency, _ = sure.reliability
    assert confidence[-2] > frequency[-2] + 0.03 and confidence[1] < frequency[1] - 0.03
    # E_b exp(2 f) = exp(Var f) = e.
    assert sure.below_normalisation == pytest.approx(np.e, rel=0.2)
    assert sure.symmetric_kl == pytest.approx(2 * exact.symmetric_kl)
    shifted = evaluation.calibration(ABOVE + 1, BELOW + 1)
    confidence, frequency, _ = shifted.reliability
    assert (confidence > frequency)[3:-3].all() and shifted.expected_error > 0.1
    assert shifted.below_normalisation == pytest.approx(
        np.e * exact.below_normalisation
    )
    assert shifted.above_normalisation == pytest.approx(
        exact.above_normalisation / np.e
    )
    # A shift is nothing to the symmetric KL, which is why it is not enough.
    assert shifted.symmetric_kl == pytest.approx(exact.symmetric_kl)
    for worse in (sure, shifted, evaluation.calibration(-ABOVE, -BELOW)):
        assert worse.log_loss > exact.log_loss and worse.brier > exact.brier


def test_odds_are_those_of_the_samples():
    found = evaluation.calibration(ABOVE[:4000], BELOW)
    assert found.expected_error < 0.01
    assert found.log_loss == pytest.approx(
        evaluation.calibration(ABOVE, BELOW).log_loss, abs=0.03
    )


def test_by_hand():
    a, b = np.array([0.0, 2.0, -1.0]), np.array([-0.5])
    found = evaluation.calibration(a, b, bins=np.int64(2))
    p = scipy.special.expit(np.array([0, 2, -1, -0.5]) + np.log(3))
    assert list(p > 0.5) == [True, True, True, True]
    confidence, frequency, counts = found.reliability
    assert list(counts) == [0, 4] and np.isnan(confidence[0])
    assert (confidence[1], frequency[1]) == (pytest.approx(p.mean()), 0.75)
    assert found.expected_error == pytest.approx(abs(p.mean() - 0.75))
    assert found.brier == pytest.approx(((p - [1, 1, 1, 0]) ** 2).mean())
    loss = np.log1p(np.exp(-a)).mean() + np.log1p(np.exp(-0.5))
    assert found.log_loss == pytest.approx(loss)
    assert found.below_normalisation == pytest.approx(np.exp(-0.5))
    assert found.above_normalisation == pytest.approx(np.exp(-a).mean())
    assert found.symmetric_kl == pytest.approx(1 / 3 + 0.5)


def test_an_undecided_and_a_certain_critic():
    undecided = evaluation.calibration(np.zeros(5), np.zeros(5))
    assert undecided.log_loss == pytest.approx(2 * np.log(2))
    assert (undecided.brier, undecided.expected_error) == (0.25, 0)
    certain = evaluation.calibration(np.full(5, 900.0), np.full(5, -900.0))
    assert certain.expected_error == 0 and certain.log_loss == 0
    # On the wrong side: beyond float64, and said so.
    wrong = evaluation.calibration(np.full(5, -900.0), np.full(5, 900.0))
    assert wrong.below_normalisation == np.inf and wrong.expected_error == 1


@pytest.mark.parametrize(
    ("a", "b", "options", "why"),
    [
        (ABOVE[:4] * np.nan, BELOW, {}, "the law above.*NaN"),
        (ABOVE, np.ones((4, 2)), {}, "the law below, .n,. or .n, 1"),
        (ABOVE, [], {}, "none at all"),
        (ABOVE, BELOW, {"bins": 0}, "bins to be an integer >= 1"),
        (ABOVE, BELOW, {"bins": True}, "bins to be an integer >= 1"),
    ],
)
def test_what_is_refused(a, b, options, why):
    with pytest.raises(ValueError, match="Expected .*received") as error:
        evaluation.calibration(a, b, **options)
    assert error.match(why)
