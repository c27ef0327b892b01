"""A country's share of a field, and the fastest computer: the essay's figures beside the data."""

from __future__ import annotations

import math

from frugally.plan.chart import Chart, Line, band, curve, year_of, years_from
from frugally.plan.exponential import every, steady, two_growing
from frugally.plan.scenario import Scenario


def field(scenario: Scenario, measured: Scenario) -> Chart:
    """The share of one of two that grow, for both readings of "170% growth"."""
    share = scenario["field.start_share"]
    growth, other = scenario["field.growth"].value, scenario["field.growth_of_other"].value
    again = (
        scenario["field.growth_if_factor"].value if "field.growth_if_factor" in scenario else None
    )
    start, end = 2017.0, 2030
    years = years_from(start, end)
    points = tuple((year_of(line), line.value) for _, line in measured.under("papers"))

    def line(growth: float, label: str, dashed: bool) -> Line:
        def grown(since: float, year: float) -> float:
            return two_growing(since, growth / other, year - start)

        return Line(
            label=label,
            dashed=dashed,
            points=curve(years, lambda y: grown(share.value, y)),
            band=band(years, lambda y: grown(share.low, y), lambda y: grown(share.high, y)),
        )

    lines = [line(growth, f"growth x{growth:g} against x{other:g}", False)]
    if again is not None:
        lines.append(line(again, f"growth x{again:g} against x{other:g}", True))
    ratio = growth / other
    bound = two_growing(share.low, ratio, end - start) > 0.98
    odds = 49 / ratio ** (end - start)

    def ends(ratio: float) -> str:
        low, high = (two_growing(s, ratio, end - start) for s in (share.low, share.high))
        return f"{low:.1%} to {high:.1%}"

    return Chart(
        name="field",
        title="Share of one country in a growing field (China, papers)",
        unit="share",
        logarithmic=False,
        lines=(
            *lines,
            Line(label="measured: AI journal papers, China", points=points, measured=True),
            Line(
                label="Dettmers 2017: 98%, 80%, 66%",
                points=((2030.0, 0.98), (2030.0, 0.8), (2030.0, 0.66)),
                said=True,
            ),
        ),
        formulas=(
            f"share = s r^t / (s r^t + 1 - s), r = {growth:g} / {other:g} = {ratio:.4f}, "
            f"t = {end - start:g}: {ends(ratio)} in {end} from "
            f"{share.low:.0%} to {share.high:.0%}",
            f"98% in {end} exactly: s / (1 - s) = 49 / r^{end - start:g}, "
            f"s = {odds / (1 + odds):.1%}",
        ),
        findings=(
            f"With growth of x{growth:g} (China) and x{other:g} (US) a year the share is "
            f"{ends(ratio)} in {end}{', so 98% is a lower bound' * bound}; exactly 98% needs a "
            f"start share of {odds / (1 + odds):.1%}.",
            *([f"With x{again:g} for China: {ends(again / other)}."] if again is not None else []),
            f"The start share, {share.low:.0%} to {share.high:.0%}: {share.source}.",
            f"Measured in {points[-1][0]:.0f}: {points[-1][1]:.0%} of AI journal papers, which "
            "stand in for papers on deep learning.",
        ),
        used=scenario.lines("field"),
        measured=measured.lines("papers"),
        source="Dettmers 2017; Stanford HAI, AI Index 2023",
    )


def supercomputers(scenario: Scenario, measured: Scenario) -> Chart:
    """The fastest computer: the essay's doubling times, and the TOP500."""
    speed, doubling = scenario["supercomputers.speed"], scenario["supercomputers.doubling"]
    base, start = speed.value * 1e15, year_of(speed)

    def line(name: str, since: float, value: float, dashed: bool) -> Line:
        rate = scenario[name]
        years = years_from(since)
        return Line(
            label=f"{every(rate.value)} from {int(since)}", dashed=dashed,
            points=curve(years, lambda y: value * steady(rate.value).factor(since, y)),
            band=band(
                years,
                lambda y: value * steady(rate.high).factor(since, y),
                lambda y: value * steady(rate.low).factor(since, y),
            ) if rate.interval else (),
        )  # fmt: skip

    lines = []
    if "supercomputers.speed_2015" in scenario:
        old = scenario["supercomputers.speed_2015"]
        for name in ("supercomputers.doubling_2015_fast", "supercomputers.doubling_2015_slow"):
            if name in scenario:
                lines.append(line(name, year_of(old), old.value * 1e15, True))
    lines.append(line("supercomputers.doubling", start, base, False))
    points = tuple((year_of(one), one.value * 1e15) for _, one in measured.under("top500"))
    (first, low), (last, high) = points[1], points[-1]
    found = (last - first) / math.log2(high / low)
    end = base * steady(doubling.value).factor(start, 2100)
    return Chart(
        name="supercomputers",
        title="The fastest computer",
        unit="FLOP/s",
        lines=(*lines, Line(label="measured: TOP500", points=points, measured=True)),
        formulas=(
            f"FLOP/s = {base:.3g} in {start:g}, {every(doubling.value)}",
            f"measured doubling = ({last:g} - {first:g}) / log2({high:.4g} / {low:.3g}) "
            f"= {found:.2f} years",
            f"in 2100: {end:.2g} FLOP/s",
        ),
        findings=(
            f"The fastest computer doubled every {found:.2f} years from {int(first)} to "
            f"{int(last)} (TOP500); the scenario says {every(doubling.value)}, "
            f"and so {end:.1g} FLOP/s by 2100.",
            "The essay says that this century will not reach what a brain computes, but not how "
            "much that is.",
        ),
        used=scenario.lines("supercomputers"),
        measured=measured.lines("top500"),
        source="Dettmers 2017; TOP500",
    )
