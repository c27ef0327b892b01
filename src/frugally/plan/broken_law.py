"""Fit the smoothly broken power law, with intervals by a pooled parametric bootstrap."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from frugally.plan import curve_fitting
from frugally.plan.curve_fitting import Fit
from frugally.plan.curves import BrokenLaw, Floats
from frugally.plan.noise import Pooled
from frugally.plan.power_law import centre_of

LEAST_SIZES = 7  # for six parameters
_REPLICATES = 400
_STEPS, _POLISH = 60, 25
_DIFFERENCE = 1e-5
# Parameters, all free: ln a, ln b, ln (b + g), ln c, ln d, ln f. A faint pull towards these keeps
# what the data do not tell from running off; relative to the centre and the first error.
_PULL = np.array([0.0, 0.05, 0.05, 0.02, 0.1, 0.3])
_HOME = np.array([0.0, np.log(0.3), np.log(0.3), -3.0, 0.0, np.log(0.3)])


@dataclass(frozen=True, slots=True)
class BrokenLaws:
    """Refits of curves drawn from the fitted one: (p, 6) of the free parameters."""

    free: Floats
    centre: float
    level: float

    def errors_at(self, size: float | Floats) -> Floats:
        """The error of each law, (p,)."""
        log_size = np.log(np.broadcast_to(np.asarray(size) / self.centre, len(self.free)))
        errors: Floats = np.exp(_log_curve(self.free, log_size[:, None])[:, 0])
        return errors

    def range_of(self, values: Floats) -> tuple[float, float]:
        """The central share of the replicates."""
        tail = (1 - self.level) / 2
        # The nearest replicate, not a point between two: one of them may be infinite.
        low, high = np.quantile(values, [tail, 1 - tail], method="nearest")
        return float(low), float(high)


def fit_broken(size: Floats, error: Floats) -> Fit:
    """A power law with one smooth break: sizes and positive errors of N runs, (N,) each."""
    data, exponent = curve_fitting.pooled(size, np.log(error), _level)
    free = _best(data)
    squares = _squares(data, free)
    spread, freedom, misfit = curve_fitting.scatter(data, squares, BrokenLaw.parameters)
    return Fit(
        curve=_curve(free, centre_of(data)),
        data=data,
        noise_exponent=exponent,
        spread=spread,
        freedom=freedom,
        misfit=misfit,
        squares=squares,
        allowing=partial(_drawn, free=free),
    )


def _log_curve(free: Floats, log_size: Floats) -> Floats:
    """Log errors, (m, k), of free parameters (m, 6) at log sizes over the centre (m or 1, k)."""
    a, b, late, c, d, f = (free[:, i, None] for i in range(6))
    b, late, f = np.exp(b), np.exp(late), np.exp(f)
    bend = np.logaddexp(0.0, (log_size - d) / f)
    falling: Floats = a - b * log_size - (late - b) * f * bend
    return np.logaddexp(falling, c)


def _residuals(data: Pooled, goal: Floats, free: Floats) -> Floats:
    """Weighted residuals and the faint pull, (m, k + 6)."""
    log_size = np.log(data.size / centre_of(data))[None]
    off = np.sqrt(data.weight) * (goal - _log_curve(free, log_size))
    home = _HOME + np.array([1, 0, 0, 1, 0, 0]) * data.log_error.mean()
    scale = 0.02 * np.sqrt(data.weight.mean())  # as if an error were known to 2 %
    return np.concatenate([off, scale * _PULL * (free - home)], 1)


def _refined(data: Pooled, goal: Floats, free: Floats, steps: int) -> tuple[Floats, Floats]:
    """Levenberg-Marquardt on all starts at once: free (m, 6), goals (m or 1, k)."""
    residual = _residuals(data, goal, free)
    cost = (residual**2).sum(1)
    damping = np.full(len(free), 1e-2)
    for _ in range(steps):
        slope = np.stack(
            [
                (_residuals(data, goal, free + _DIFFERENCE * np.eye(6)[i]) - residual) / _DIFFERENCE
                for i in range(6)
            ],
            2,
        )  # (m, k + 6, 6)
        normal = np.einsum("mki,mkj->mij", slope, slope)
        diagonal = np.einsum("mii->mi", normal)
        damped = normal + (damping[:, None] * diagonal + 1e-12)[:, None, :] * np.eye(6)
        step = -np.linalg.solve(damped, np.einsum("mki,mk->mi", slope, residual)[..., None])[..., 0]
        tried = free + np.clip(step, -1.0, 1.0)
        there = _residuals(data, goal, tried)
        lower = (there**2).sum(1) < cost
        free = np.where(lower[:, None], tried, free)
        residual = np.where(lower[:, None], there, residual)
        cost = (residual**2).sum(1)
        damping = np.clip(np.where(lower, damping / 3, damping * 4), 1e-9, 1e6)
    return free, cost


def _best(data: Pooled) -> Floats:
    """From breaks at every size, and shapes before and after it: (6,)."""
    log_size = np.log(data.size / centre_of(data))
    top = float(data.log_error.max())
    starts = [
        [top - 0.5, np.log(b), np.log(late), c, d, np.log(f)]
        for d in log_size[1:-1:max(1, len(log_size) // 8)]
        for b, late in ((0.03, 0.5), (0.5, 0.03), (0.3, 0.3), (0.1, 1.0))
        for c in (float(data.log_error.min()) - 2.0, float(data.log_error.min()) - 0.2)
        for f in (0.1, 0.5)
    ]  # fmt: skip
    found, cost = _refined(data, data.log_error[None], np.array(starts), _STEPS)
    best: Floats = found[int(np.argmin(cost))]
    return best


def _level(data: Pooled) -> Floats:
    log_size = np.log(data.size / centre_of(data))
    level: Floats = _log_curve(_best(data)[None], log_size[None])[0]
    return level


def _squares(data: Pooled, free: Floats) -> float:
    log_size = np.log(data.size / centre_of(data))
    off = data.log_error - _log_curve(free[None], log_size[None])[0]
    return float((data.weight * off**2).sum())


def _drawn(fit: Fit, level: float, *, free: Floats) -> BrokenLaws:
    """Laws refitted to sizes' means drawn about the fitted curve with the pooled noise.

    The noise is one for all sizes, and itself uncertain (a t distribution): three repeats of each
    size alone would understate it.
    """
    draw = np.random.default_rng(0)
    data = fit.data
    log_size = np.log(data.size / centre_of(data))
    scale = fit.spread * np.sqrt(fit.freedom / draw.chisquare(fit.freedom, (_REPLICATES, 1)))
    noise = scale * draw.normal(size=(_REPLICATES, len(data.size))) / np.sqrt(data.weight)
    goal = _log_curve(free[None], log_size[None]) + noise
    refit, _ = _refined(data, goal, np.tile(free, (_REPLICATES, 1)), _POLISH)
    return BrokenLaws(refit, centre_of(data), level)


def _curve(free: Floats, centre: float) -> BrokenLaw:
    a, b, late, c, d, f = (float(value) for value in free)
    before = float(np.exp(b))
    return BrokenLaw(
        a=float(np.exp(a)) * centre**before,
        b=before,
        c=float(np.exp(c)),
        d=float(np.exp(d)) * centre,
        f=float(np.exp(f)),
        g=float(np.exp(late)) - before,
    )
