"""How repeats scatter, pooled over sizes: what a fit weighs by and what intervals rest on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from frugally.plan.curves import Floats

# More distinct sizes than these are pooled with their neighbours: the curve is smooth.
MOST_SIZES = 96

_EXPONENTS = np.array([0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75])
# Proportional noise (seeds) is exponent 0, binomial noise of a small error (test items) is 1/2.
# Most studies have some of both, and three repeats a size tell little: a prior between them.
_PRIOR_MEAN, _PRIOR_SPREAD = 0.25, 0.25
_HUBER = 3.0  # standard deviations; normal noise passes it three times in a thousand


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """Measurements by distinct size, k of them: what the likelihood needs of N rows.

    size, log_error (weighted means) and weight are of shape (k,); weights are counts over relative
    variances. within is the weighted sum of squares of log errors about their size's mean.
    """

    size: Floats
    log_error: Floats
    weight: Floats
    variance: Floats
    count: int
    within: float

    @property
    def within_freedom(self) -> int:
        """Degrees of freedom of what repeats alone tell of the noise."""
        return self.count - len(self.size)


def grouped(size: Floats) -> tuple[Floats, np.ndarray]:
    """Distinct sizes, ascending, and which of them each row has; neighbours share if many."""
    distinct, places = np.unique(size, return_inverse=True)
    if len(distinct) <= MOST_SIZES:
        return distinct, places
    span = np.log(distinct)
    bins = ((span - span[0]) / (span[-1] - span[0]) * (MOST_SIZES - 1e-6)).astype(int)
    _, bins = np.unique(bins, return_inverse=True)
    places = bins[places]
    counts = np.bincount(places)
    return np.exp(np.bincount(places, np.log(size)) / counts), places


def variance_exponent(log_error: Floats, places: np.ndarray, level: Floats) -> float:
    """g of var(log e) proportional to e^-2g, from repeats: the most probable after a prior.

    The likelihood is the normal one of the deviations from each size's mean with the common
    variance profiled out; log_error is (N,), level the smooth log error of each size (k,).
    """
    counts = np.bincount(places)
    means = np.bincount(places, log_error) / counts
    squares = np.bincount(places, (log_error - means[places]) ** 2)
    freedom = counts - 1
    total = freedom.sum()
    if total < 2 or not squares.sum() > 0:
        return _PRIOR_MEAN
    log_variance = -2 * _EXPONENTS[:, None] * (level - level.mean())  # (g, k)
    pooled = (squares * np.exp(-log_variance)).sum(1) / total
    fit = -0.5 * (total * np.log(pooled) + (freedom * log_variance).sum(1))
    prior = -0.5 * ((_EXPONENTS - _PRIOR_MEAN) / _PRIOR_SPREAD) ** 2
    return float(_EXPONENTS[np.argmax(fit + prior)])


def relative_variance(level: Floats, exponent: float) -> Floats:
    """The variance of one log error at each size, about 1 on average: (k,)."""
    variance: Floats = np.exp(-2 * exponent * (level - level.mean()))
    return variance


def huber_weights(residual: Floats) -> Floats:
    """Weights of an M-estimate: 1, or less beyond three robust standard deviations (Huber 1964)."""
    spread = 1.4826 * float(np.median(np.abs(residual)))
    # With a median of nothing, most rows agree exactly: nothing is an outlier by any measure.
    if spread <= 0:
        return np.ones_like(residual)
    weights: Floats = np.minimum(1.0, _HUBER * spread / np.maximum(np.abs(residual), 1e-300))
    return weights


def pool(
    size: Floats, log_error: Floats, places: np.ndarray, variance: Floats, weights: Floats
) -> Pooled:
    """Rows (N,) by size: size and relative variance are (k,), weights the robust ones (N,)."""
    counts = np.bincount(places, weights)
    means = np.bincount(places, weights * log_error) / counts
    deviation = weights * (log_error - means[places]) ** 2 / variance[places]
    return Pooled(
        size=size,
        log_error=means,
        weight=counts / variance,
        variance=variance,
        count=len(log_error),
        within=float(deviation.sum()),
    )
