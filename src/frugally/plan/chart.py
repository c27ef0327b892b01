"""A chart as numbers: its lines, formulas and findings, before anything is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Point = tuple[float, float]


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
    """One figure: its lines, the formulas with their numbers, and what is to be learnt from it."""

    name: str
    title: str
    unit: str
    lines: tuple[Line, ...]
    formulas: tuple[str, ...]
    findings: tuple[str, ...]
    source: str
    logarithmic: bool = True

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
