"""What a study found: a curve for each capacity, error over both, and who still gains."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np

from frugally.errors import NoAnswerError
from frugally.nets.trainer import Outcome, Run
from frugally.plan.advice import Advice, Verdict, advise
from frugally.plan.curve_choice import Chosen, choose
from frugally.plan.measurements import Measurements
from frugally.plan.surfaces import SurfaceFit, fit_surface

LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class StudyCurve:
    """The runs of one variant and capacity; the curve and its advice, or why there is none."""

    variant: str
    capacity: str
    parameters: int
    data: Measurements
    chosen: Chosen | None
    advice: Advice | None
    refused: str | None

    def as_dict(self) -> dict[str, Any]:
        """By name, for JSON."""
        return {
            "variant": self.variant,
            "capacity": self.capacity,
            "parameters": self.parameters,
            "runs": len(self.data.size),
            "mean_error_at_largest": self.at_largest,
            "curve": None if self.chosen is None
            else {**self.chosen.fit.curve.as_dict(), "formula": self.chosen.fit.curve.formula},
            "advice": None if self.advice is None else self.advice.as_dict(),
            "refused": self.refused,
        }  # fmt: skip

    @property
    def at_largest(self) -> float:
        """The mean error of the runs with most data."""
        return float(self.data.error[self.data.size == self.data.size.max()].mean())


@dataclass(frozen=True, kw_only=True)
class StudyReport:
    """All curves, smallest capacity first, and of each variant the surface if there is one."""

    unit: str
    curves: list[StudyCurve]
    surfaces: dict[str, SurfaceFit | str]

    def as_dict(self) -> dict[str, Any]:
        """By name, for JSON."""
        return {
            "unit": self.unit,
            "curves": [curve.as_dict() for curve in self.curves],
            "surfaces": {
                variant: {"refused": fit} if isinstance(fit, str)
                else {**fit.surface.as_dict(), "formula": fit.surface.formula,
                      "parameters": {k: v.as_dict() for k, v in fit.parameters(LEVEL).items()}}
                for variant, fit in self.surfaces.items()
            },
            "findings": self.findings(),
        }  # fmt: skip

    def of(self, variant: str) -> list[StudyCurve]:
        """The curves of a variant."""
        return [curve for curve in self.curves if curve.variant == variant]

    def findings(self) -> list[str]:
        """In words: for each variant, which capacities still gain from more data."""
        said = []
        for variant in self.surfaces:
            curves = self.of(variant)
            by_verdict: dict[str, list[str]] = defaultdict(list)
            for curve in curves:
                verdict = Verdict.CANNOT_TELL if curve.advice is None else curve.advice.verdict
                by_verdict[verdict].append(curve.capacity)
            parts = [
                f"{_listed(names)}: {_WORDS[Verdict(verdict)]}"
                for verdict, names in by_verdict.items()
            ]
            said.append(f"{variant}, twice the {self.unit} for " + "; ".join(parts))
            best = min(curves, key=lambda c: c.at_largest)
            if best is not curves[-1]:
                said.append(f"{variant}: {best.capacity} is the best with all {self.unit}, "
                            f"not the largest, {curves[-1].capacity}")  # fmt: skip
        return said


_WORDS = {
    Verdict.PAYS: "still pays",
    Verdict.DOES_NOT_PAY: "no longer pays",
    Verdict.CANNOT_TELL: "cannot be told to pay",
}


def report_of(outcomes: dict[Run, Outcome], unit: str, *, level: float = LEVEL) -> StudyReport:
    """Fit the outcomes of a study."""
    groups: dict[tuple[str, str], list[tuple[Run, Outcome]]] = defaultdict(list)
    for run, outcome in sorted(outcomes.items()):
        groups[run.variant, run.capacity].append((run, outcome))
    curves = [_curve(*key, rows, level) for key, rows in groups.items()]
    curves.sort(key=lambda curve: (curve.variant, curve.parameters))
    variants = dict.fromkeys(curve.variant for curve in curves)
    surfaces = {v: _surface([c for c in curves if c.variant == v]) for v in variants}
    return StudyReport(unit=unit, curves=curves, surfaces=surfaces)


def _curve(
    variant: str, capacity: str, rows: list[tuple[Run, Outcome]], level: float
) -> StudyCurve:
    size = np.array([float(run.size) for run, _ in rows])
    # Of no errors at all half of one is taken: what is above zero has a logarithm.
    error = np.array([max(o.error, 0.5 / max(o.held_out, 1)) for _, o in rows])
    data = Measurements(size=size, error=error)
    chosen, advice, refused = None, None, None
    try:
        chosen = choose(data)
        advice = advise(chosen.fit, level=level)
    except NoAnswerError as why:
        refused = why.message
    return StudyCurve(
        variant=variant,
        capacity=capacity,
        parameters=max(outcome.parameters for _, outcome in rows),
        data=data,
        chosen=chosen,
        advice=advice,
        refused=refused,
    )


def _surface(curves: list[StudyCurve]) -> SurfaceFit | str:
    capacity = [np.full(len(c.data.size), float(c.parameters)) for c in curves]
    data = Measurements(
        size=np.concatenate([c.data.size for c in curves]),
        error=np.concatenate([c.data.error for c in curves]),
        capacity=np.concatenate(capacity),
    )
    try:
        return fit_surface(data)
    except NoAnswerError as why:
        return why.message


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
