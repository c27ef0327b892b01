"""What further measurements would settle a question that these leave open."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from frugally.plan.curve_fitting import Fit, quantile
from frugally.plan.curves import Floats, PowerLaw

_DOUBLINGS = 8  # of the largest size that are thought of
_REPEATS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 64)
_STEP = 1e-4

Quantity = Callable[[PowerLaw], float]


def settling(fit: Fit, quantity: Quantity, width: float, level: float, *, limit: float) -> str:
    """In words: how many repeats, or which larger size, would bring an interval to a width.

    The width is from end to end, in the quantity's unit; sizes stay below limit. It is the normal
    approximation about the curve found: Fisher's information of each design.
    """
    curve = _reference(fit)
    if curve is None:
        return "more sizes, each twice the last, and three runs at each"
    repeats = max(1, round(fit.data.count / len(fit.data.size)))
    largest = float(fit.data.size[-1])
    found = []
    for k in range(1, _DOUBLINGS + 1):
        added = largest * 2.0 ** np.arange(1, k + 1)
        if added[-1] >= limit:
            break
        size = np.append(fit.data.size, added)
        weight = np.append(fit.data.weight, np.full(k, repeats / fit.data.variance[-1]))
        if _width(fit, curve, quantity, size, weight, level) <= width:
            sizes = " and ".join(f"{n:,.0f}" for n in added[-2:])
            more = "sizes up to " if k > 2 else ""
            found.append(f"{repeats} run{'s' * (repeats > 1)} at {more}{sizes}")
            break
    for times in _REPEATS:
        weight = fit.data.weight * times
        if _width(fit, curve, quantity, fit.data.size, weight, level) <= width:
            found.append(f"{times * repeats} runs at each size in place of {repeats}")
            break
    if not found:
        return f"runs at sizes far beyond {largest:,.0f}; repeats at the present ones would not do"
    return ", or ".join(found)


def _reference(fit: Fit) -> PowerLaw | None:
    """A power law about which the design is judged."""
    curve = fit.curve
    if isinstance(curve, PowerLaw) and curve.a > 0 and 0.01 < curve.b < 3:
        return curve
    if isinstance(curve, PowerLaw):  # flat: a gentle slope through the mean
        mean = float(np.exp(fit.data.log_error.mean()))
        middle = float(np.exp(np.log(fit.data.size).mean()))
        return PowerLaw(a=mean * middle**0.05, b=0.05, c=0.0)
    return None


def _width(
    fit: Fit, curve: PowerLaw, quantity: Quantity, size: Floats, weight: Floats, level: float
) -> float:
    # In (ln a, b, c / middle error): parameters of a like scale. An offset of zero is not moved.
    middle = float(curve.error_at(np.sqrt(size[0] * size[-1])))
    centre = float(np.sqrt(size[0] * size[-1]))

    def moved(i: int, step: float) -> PowerLaw:
        b = curve.b + step * (i == 1)
        a = curve.a * np.exp(step * (i == 0)) * centre ** (step * (i == 1))
        return PowerLaw(a=float(a), b=b, c=curve.c + step * middle * (i == 2))

    free = 3 if curve.c > 0 else 2
    log_error = np.log(curve.error_at(size))
    columns = np.stack(
        [(np.log(moved(i, _STEP).error_at(size)) - log_error) / _STEP for i in range(free)]
    )
    here = quantity(curve)
    slope = np.array([(quantity(moved(i, _STEP)) - here) / _STEP for i in range(free)])
    information = (columns * weight) @ columns.T / fit.spread**2
    information += 1e-9 * np.eye(free) * np.trace(information)
    error = float(np.sqrt(slope @ np.linalg.solve(information, slope)))
    return 2 * quantile(level, max(fit.freedom, 8)) * error
