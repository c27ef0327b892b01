"""Whether more data pays: the gain of a doubling, with a verdict only where the data give one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from frugally.plan.curve_fitting import Fit
from frugally.plan.curve_intervals import Interval, gain
from frugally.plan.settling import settling

# A doubling that takes less than this share off the error is not worth having, unless the user
# says otherwise.
WORTH = 0.02
# Money is spent on a verdict: it takes more certainty than an interval that is only looked at.
CERTAINTY = 0.997


class Verdict(StrEnum):
    """Does more data pay?"""

    PAYS = "pays"
    DOES_NOT_PAY = "does not pay"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """The gain of doubling from a size, at the level asked for and at the verdict's certainty."""

    size: float
    worth: float
    verdict: Verdict
    gain: Interval
    certain: Interval
    settled_by: str | None

    def as_dict(self) -> dict[str, Any]:
        """By name, for JSON."""
        return {
            "size": self.size,
            "worth": self.worth,
            "verdict": str(self.verdict),
            "gain": self.gain.as_dict(),
            "certainty": CERTAINTY,
            "certain": self.certain.as_dict(),
            "settled_by": self.settled_by,
        }


def advise(
    fit: Fit, size: float | None = None, *, worth: float = WORTH, level: float = 0.95
) -> Advice:
    """Whether doubling the data from a size (the largest measured) takes `worth` off the error.

    It pays if even the least gain that the data allow at the verdict's certainty is worth having,
    it does not if the greatest is not; anything between cannot be told.
    """
    at = float(fit.data.size[-1]) if size is None else size
    certain = gain(fit, at, CERTAINTY)
    verdict, settled = Verdict.CANNOT_TELL, None
    if certain.low >= worth:
        verdict = Verdict.PAYS
    elif certain.high is not None and certain.high < worth:
        verdict = Verdict.DOES_NOT_PAY
    else:
        apart = abs((certain.best or 0.0) - worth)
        settled = settling(
            fit,
            lambda law: float(1 - law.error_at(2 * at) / law.error_at(at)),
            2 * max(apart, worth / 4),
            CERTAINTY,
            limit=float("inf"),
        )
    return Advice(
        size=at,
        worth=worth,
        verdict=verdict,
        gain=gain(fit, at, level),
        certain=certain,
        settled_by=settled,
    )
