"""A chart as numbers: its lines, formulas and findings, before anything is drawn."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from frugally.plan.scenario import Assumption

Point = tuple[float, float]
LAST = 2035
_TOP = 1e200  # a curve stops here: what lies above is no picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A curve, or points that were `measured`, or that the essay `said`.

    `band` is (lowest, highest) at each of a curve's years.
    """

    label: str
    points: tuple[Point, ...]
    measured: bool = False
    said: bool = False
    dashed: bool = False
    band: tuple[Point, ...] = ()

    @property
    def curve(self) -> bool:
        """Is it computed from assumptions?"""
        return not (self.measured or self.said)

    def at(self, year: float) -> float | None:
        """Its value in a year: a point of that year, and of none but a curve's."""
        near = min(self.points, key=lambda point: abs(point[0] - year), default=None)
        reach = 0.01 if self.curve else 0.75
        return near[1] if near is not None and abs(near[0] - year) <= reach else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One figure: its lines, the formulas with their numbers, and what is to be learnt from it.

    `used` are the scenario's assumptions behind it, `measured` those of what was measured.
    """

    name: str
    title: str
    unit: str
    lines: tuple[Line, ...]
    formulas: tuple[str, ...]
    findings: tuple[str, ...]
    source: str
    logarithmic: bool = True
    used: tuple[Assumption, ...] = ()
    measured: tuple[Assumption, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name, "title": self.title, "unit": self.unit,
            "lines": [
                {
                    "label": line.label, "measured": line.measured, "said": line.said,
                    "points": line.points, **({"band": line.band} if line.band else {}),
                }
                for line in self.lines
            ],
            "formulas": self.formulas, "findings": self.findings, "source": self.source,
        }  # fmt: skip


def years_from(start: float, end: float = LAST) -> list[float]:
    """A start, and each whole year after it."""
    first = math.ceil(start)
    return [start] * (start < first) + [float(year) for year in range(first, int(end) + 1)]


def curve(years: list[float], value: Callable[[float], float]) -> tuple[Point, ...]:
    """The points of a function that can be drawn."""
    found = ((year, value(year)) for year in years)
    return tuple((year, y) for year, y in found if 1 / _TOP < y < _TOP)


def band(
    years: list[float], low: Callable[[float], float], high: Callable[[float], float]
) -> tuple[Point, ...]:
    """(lowest, highest) in each year; none if they are the same throughout."""

    def kept(y: float) -> float:
        return max(1 / _TOP, min(_TOP, y))

    found = tuple((kept(low(year)), kept(high(year))) for year in years)
    return found if any(least < most for least, most in found) else ()


def year_of(line: Assumption) -> float:
    """When it was measured; the essay's year if it does not say."""
    return line.year if line.year is not None else 2017.0
