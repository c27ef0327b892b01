"""Two dimensions, and the broken law: known parameters, gradients, limits."""

import numpy as np
import pytest

from frugally.errors import NoAnswerError, UsageError
from frugally.plan import surfaces
from frugally.plan.broken_law import fit_broken
from frugally.plan.curve_intervals import CannotTell, Forecast, forecast
from frugally.plan.curves import BrokenLaw, PowerLaw
from frugally.plan.measurements import Measurements
from frugally.plan.surfaces import Surface, fit_surface

# Besiroglu et al. 2024's refit of Hoffmann et al. 2022.
EPOCH = Surface(E=1.817, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658)


def grid(surface, spread=0.0, sizes=(1e8, 1e11), capacities=(1e7, 1e10), seed=0):
    size = np.repeat(np.geomspace(*sizes, 6), 5)
    capacity = np.tile(np.geomspace(*capacities, 5), 6)
    noise = np.exp(np.random.default_rng(seed).normal(0, spread, len(size)))
    return Measurements(size=size, error=surface.error_at(size, capacity) * noise,
                        capacity=capacity)  # fmt: skip


def test_epochs_parameters_are_found_again():
    found = fit_surface(grid(EPOCH)).surface
    for name in ("E", "A", "B", "alpha", "beta"):
        assert getattr(found, name) == pytest.approx(getattr(EPOCH, name), rel=1e-3), name
    # Besiroglu et al. 2024 state an exponent of 0.513 for the best capacity.
    assert found.capacity_share == pytest.approx(0.513, abs=1e-3)


def test_intervals_hold_the_truth():
    fit = fit_surface(grid(EPOCH, 0.004, seed=0))
    for name, interval in fit.parameters(0.99).items():
        assert interval.low <= getattr(EPOCH, name) <= interval.high, name
    told = fit.forecast(1e12, 1e10, 0.99)
    assert isinstance(told, Forecast)
    assert told.mean.low <= EPOCH.error_at(1e12, 1e10) <= told.mean.high
    assert told.run.low < told.mean.low < told.mean.high < told.run.high


def test_with_chance_errors_level_off_at_guessing():
    """Rosenfeld et al. 2020: the sum where errors are small, the error of guessing where not."""
    joint = Surface(A=3.0, B=5.0, E=0.01, alpha=0.3, beta=0.4, chance=0.9)
    assert joint.error_at(1e-6, 1e-6) == pytest.approx(0.9, rel=1e-3)
    plain = 0.01 + 3e-4 + 5e-5
    far = Surface(A=3.0, B=5.0, E=0.01, alpha=0.4, beta=0.5, chance=0.9)
    assert far.error_at(1e10, 1e10) == pytest.approx(plain, rel=1e-3)
    data = grid(joint, 0.01, sizes=(100, 1e5), capacities=(1e2, 1e5))
    fit = fit_surface(data, chance=0.9)
    told = fit.forecast(1e6, 1e5, 0.99)
    assert told.mean.low <= joint.error_at(1e6, 1e5) <= told.mean.high


@pytest.mark.parametrize("log_chance", [None, 0.2])
def test_the_gradient_is_the_differences(log_chance):
    rng = np.random.default_rng(0)
    log_n, log_m = rng.normal(size=(2, 12))
    goal, x = rng.normal(size=12) * 0.1, np.array([0.1, -0.5, -1.0, 0.4, 0.3])
    _, slope = surfaces._loss(x, log_n, log_m, goal, log_chance)
    for i in range(5):
        step = np.zeros(5)
        step[i] = 1e-6
        up, down = (surfaces._loss(x + s * step, log_n, log_m, goal, log_chance)[0]
                    for s in (1, -1))  # fmt: skip
        assert slope[i] == pytest.approx((up - down) / 2e-6, rel=1e-3, abs=1e-5)


def test_a_few_wrong_runs_hardly_matter():
    data = grid(EPOCH, 0.002)
    error = data.error.copy()
    error[[3, 17]] *= 1.5
    wrong = Measurements(size=data.size, error=error, capacity=data.capacity)
    found = fit_surface(wrong).surface.error_at(1e12, 1e10)
    assert found == pytest.approx(float(EPOCH.error_at(1e12, 1e10)), rel=0.02)


def test_too_little_is_refused():
    data = grid(EPOCH)
    one = data.capacity == data.capacity[0]
    with pytest.raises(NoAnswerError, match="1 capacity"):
        fit_surface(Measurements(size=data.size[one], error=data.error[one],
                                 capacity=data.capacity[one]))  # fmt: skip
    with pytest.raises(UsageError, match="worse than guessing"):
        fit_surface(data, chance=1.0)


def test_a_forecast_that_says_nothing_is_refused():
    size, capacity = np.repeat([100.0, 110, 120], 3), np.tile([100.0, 110, 120], 3)
    error = np.exp(np.random.default_rng(0).normal(0, 0.5, 9))
    fit = fit_surface(Measurements(size=size, error=error, capacity=capacity))
    assert isinstance(fit.forecast(1e9, 1e9, 0.95), CannotTell)


def test_the_broken_law_is_foretold_beyond_its_break():
    law = BrokenLaw(a=1.0, b=0.05, c=0.02, d=3000, f=0.3, g=0.5)
    size = np.repeat(np.geomspace(100, 1e5, 10).round(), 3)
    rng = np.random.default_rng(0)
    fit = fit_broken(size, law.error_at(size) * np.exp(rng.normal(0, 0.02, len(size))))
    told = forecast(fit, 4e5, 0.95)
    assert told.mean.low <= law.error_at(4e5) <= told.mean.high
    assert told == forecast(fit, 4e5, 0.95)


def test_without_a_break_the_broken_law_is_a_power_law():
    size = np.array([1.0, 1e3, 1e6])
    broken = BrokenLaw(a=2.0, b=0.3, c=0.1, d=50.0, f=0.2, g=0.0)
    assert broken.error_at(size) == pytest.approx(PowerLaw(a=2.0, b=0.3, c=0.1).error_at(size))


def test_before_and_after_its_break_the_broken_law_has_its_exponents():
    law = BrokenLaw(a=1.0, b=0.1, c=0.0, d=1e6, f=0.2, g=0.4)
    early = np.log(law.error_at(10) / law.error_at(100)) / np.log(10)
    late = np.log(law.error_at(1e10) / law.error_at(1e11)) / np.log(10)
    assert (early, late) == (pytest.approx(0.1, abs=1e-3), pytest.approx(0.5, abs=1e-3))
