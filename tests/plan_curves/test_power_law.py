"""The power law's fit and region: against brute force, exact data, and known coverage."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import stdtrit

from frugally.plan import noise, power_law
from frugally.plan.confidence import region
from frugally.plan.curve_fitting import fit_log, fit_power, strays
from frugally.plan.curves import BrokenLaw, LogLaw, PowerLaw

SIZES = np.repeat(np.geomspace(100, 10_000, 5).round(), 3)


def runs(law, spread, seed, size=SIZES):
    return law.error_at(size) * np.exp(np.random.default_rng(seed).normal(0, spread, len(size)))


@settings(max_examples=30)
@given(
    b=st.floats(0.05, 0.7),
    first=st.floats(0.05, 50),
    share=st.floats(0, 0.8),
    largest=st.floats(500, 1e5),
)
def test_exact_data_give_back_the_law(b, first, share, largest):
    size = np.geomspace(100, largest, 6)
    law = PowerLaw(a=first * (1 - share) * 100**b, b=b, c=first * share)
    fit = fit_power(size, law.error_at(size))
    assert fit.curve.error_at(size) == pytest.approx(law.error_at(size), rel=1e-3)
    low, high = fit.laws(0.95).range_of(fit.laws(0.95).errors_at(4 * largest))
    assert low * 0.99 <= law.error_at(4 * largest) <= high * 1.01


def test_the_scale_of_errors_and_sizes_does_not_matter():
    law = PowerLaw(a=3.0, b=0.35, c=0.03)
    error = runs(law, 0.03, 1)
    plain, percent = fit_power(SIZES, error), fit_power(SIZES * 1000, error * 100)
    assert percent.curve.b == pytest.approx(plain.curve.b, rel=1e-6)
    assert percent.curve.c == pytest.approx(100 * plain.curve.c, rel=1e-6)
    assert percent.spread == pytest.approx(plain.spread, rel=1e-6)


def test_the_order_of_rows_does_not_matter():
    error = runs(PowerLaw(a=3.0, b=0.35, c=0.03), 0.03, 1)
    mixed = np.random.default_rng(0).permutation(len(error))
    assert fit_power(SIZES[mixed], error[mixed]).curve.b == pytest.approx(
        fit_power(SIZES, error).curve.b, rel=1e-9
    )


@pytest.mark.parametrize("seed", range(2))
def test_the_optimum_and_the_interval_are_those_of_brute_force(seed):
    """A general optimiser finds no better law, and the same ends of a profile interval."""
    fit = fit_power(SIZES, runs(PowerLaw(a=3.0, b=0.4, c=0.05), 0.02, seed))
    data, threshold = fit.data, fit.threshold(0.9)

    def law(x):
        return PowerLaw(a=float(np.exp(x[0])) * 1000 ** x[1], b=float(x[1]), c=float(x[2]))

    def squares(x):
        off = data.log_error - np.log(law(x).error_at(data.size))
        return float((data.weight * off**2).sum())

    start = [np.log(fit.curve.a) - fit.curve.b * np.log(1000), fit.curve.b, fit.curve.c]
    bounds = [(-9, 5), (1e-3, 4), (0, 1)]
    best = minimize(squares, start, method="Nelder-Mead", bounds=bounds,
                    options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000})  # fmt: skip
    assert fit.squares <= best.fun * (1 + 1e-6) + 1e-12
    found = region(data, threshold).errors_at(40_000)
    assert found.min() < law(start).error_at(40_000) < found.max()
    # Laws drawn around the best: those under the threshold fill the interval, and none leaves it.
    # The least squares of a law through each end of the interval are the threshold.
    for end, beyond in ((found.min(), -1), (found.max(), 1)):
        for move, under in ((0.03, False), (-0.1, True)):
            goal = end + beyond * move * float(np.ptp(found))
            least = min(squares_through(b, goal, data) for b in np.geomspace(0.15, 1.0, 600))
            assert (least <= threshold) == under


def squares_through(b, goal, data):
    """The least squares of a law of an exponent that has an error of goal at 40,000."""
    offsets = np.linspace(0, goal * 0.999, 600)[:, None]
    error = (goal - offsets) * (data.size / 40_000) ** -b + offsets
    off = data.log_error - np.log(error)
    return float((data.weight * off**2).sum(1).min())


def test_intervals_hold_the_truth_as_often_as_they_say():
    """Of 150 intervals of 90 %, between 124 and 145: the binomial's 0.1 % tails."""
    held = 0
    law = PowerLaw(a=3.0, b=0.3, c=0.08)
    for seed in range(150):
        fit = fit_power(SIZES, runs(law, 0.03, 1000 + seed))
        laws = fit.laws(0.9)
        low, high = laws.range_of(laws.errors_at(40_000))
        held += low <= law.error_at(40_000) <= high
    assert 124 <= held <= 145


def test_one_run_gone_wrong_hardly_moves_the_curve():
    law = PowerLaw(a=3.0, b=0.3, c=0.05)
    error = runs(law, 0.02, 4)
    wrong = error.copy()
    wrong[7] *= 4
    there = fit_power(SIZES, wrong).curve.error_at(40_000)
    assert there == pytest.approx(fit_power(SIZES, error).curve.error_at(40_000), rel=0.06)


def test_noise_is_learnt_from_repeats():
    """Binomial noise of small errors has a standard deviation as the root of the error."""
    rng = np.random.default_rng(3)
    size = np.repeat(np.geomspace(100, 1e6, 8), 40)
    mean = 30 * size**-0.6
    error = mean * np.exp(rng.normal(size=len(size)) * 0.02 * mean**-0.5)
    distinct, places = noise.grouped(size)
    level = np.log(30 * distinct**-0.6)
    assert noise.variance_exponent(np.log(error), places, level) == 0.5
    even = mean * np.exp(rng.normal(size=len(size)) * 0.05)
    assert noise.variance_exponent(np.log(even), places, level) <= 0.125


def test_many_sizes_are_pooled_with_their_neighbours():
    rng = np.random.default_rng(0)
    size = 10 ** rng.uniform(2, 6, 20_000)
    law = PowerLaw(a=1.0, b=0.3, c=0.02)
    fit = fit_power(size, law.error_at(size) * np.exp(rng.normal(0, 0.1, len(size))))
    assert len(fit.data.size) <= noise.MOST_SIZES
    assert fit.curve.b == pytest.approx(0.3, abs=0.01)
    assert fit.spread == pytest.approx(0.1, rel=0.05)


def test_constant_errors_are_a_constant():
    fit = fit_power(SIZES, np.full(len(SIZES), 0.3))
    laws = fit.laws(0.95)
    assert laws.range_of(laws.errors_at(1e6)) == pytest.approx((0.3, 0.3), rel=1e-4)
    assert laws.region.flat


def test_offsets_and_factors_are_never_negative():
    """A curve that falls faster and faster is best without an offset."""
    size = np.geomspace(100, 10_000, 6)
    fit = fit_power(size, LogLaw(a=1.0, b=0.1).error_at(size))
    assert fit.curve.c == 0
    found = fit.laws(0.95).region
    assert (found.a >= 0).all()
    assert (found.c >= 0).all()


def test_a_bend_that_no_power_law_has_is_noticed():
    size = np.geomspace(100, 1e6, 12)
    broken = BrokenLaw(a=1.0, b=0.02, c=0.0, d=5000, f=0.2, g=0.5)
    assert strays(fit_power(size, runs(broken, 0.01, 0, size)))
    assert not strays(fit_power(size, runs(PowerLaw(a=1.0, b=0.3, c=0.01), 0.01, 0, size)))


def test_the_log_law_has_the_t_intervals_of_linear_regression():
    rng = np.random.default_rng(1)
    size = np.geomspace(100, 10_000, 8)
    # Weights by the error itself would differ; a nearly constant error has none to speak of.
    error = 1.0 - 1e-4 * np.log(size) + rng.normal(0, 1e-5, 8)
    fit = fit_log(size, error)
    columns = np.stack([np.ones(8), -np.log(size)], 1)
    best, rest = np.linalg.lstsq(columns, error, rcond=None)[:2]
    spread = np.sqrt(rest[0] / 6)
    half = stdtrit(6, 0.975) * spread * np.sqrt(np.linalg.inv(columns.T @ columns)[1, 1])
    found = fit.laws(0.95)
    assert fit.curve.b == pytest.approx(best[1], rel=1e-3)
    assert found.range_of(found.slope) == pytest.approx((best[1] - half, best[1] + half), rel=1e-2)


def test_a_profile_is_never_above_its_edges():
    """With a or c at zero a law is worse than the best, or is it."""
    data = fit_power(SIZES, runs(PowerLaw(a=3.0, b=0.3, c=0.0), 0.1, 5)).data
    found = power_law.profile(data, np.geomspace(0.001, 4, 50))
    assert (found.squares <= power_law.constant(data)[1] + 1e-9).all()
    z = np.log(data.size / power_law.centre_of(data))
    edge = power_law.without_offset(data, np.exp(-found.b[:, None] * z))[1]
    assert (found.squares <= edge + 1e-9).all()
