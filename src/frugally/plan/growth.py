"""The essay's figures drawn again: what assumptions give, beside what was measured since."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from frugally.errors import UsageError
from frugally.plan.chart import Chart, Line, Point
from frugally.plan.exponential import steady, two_growing, year_text
from frugally.plan.scenario import Assumption, Scenario

LAST = 2035
_BEST = ("gtx-1080-ti", "rtx-3090", "rtx-4090", "rtx-5090")
_TOP = 1e200  # a curve stops here: what lies above is no picture


def charts(scenario: Scenario, measured: Scenario) -> tuple[Chart, ...]:
    """All figures: the scenario's curves, with points from the lines of `measured`."""
    return tuple(make(scenario, measured) for make in CHARTS.values())


def chart(name: str, scenario: Scenario, measured: Scenario) -> Chart:
    """One of them by its name.

    Raises:
        UsageError: there is none.
    """
    if name not in CHARTS:
        raise UsageError(f"there is no figure {name!r:.40}", hint=f"one of {', '.join(CHARTS)}")
    return CHARTS[name](scenario, measured)


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"


def _count(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _years(start: float, end: float = LAST) -> list[float]:
    first = math.ceil(start)
    return [start] * (start < first) + [float(year) for year in range(first, int(end) + 1)]


def _curve(years: list[float], value: Callable[[float], float]) -> tuple[Point, ...]:
    found = ((year, value(year)) for year in years)
    return tuple((year, y) for year, y in found if 1 / _TOP < y < _TOP)


def _band(
    years: list[float], low: Callable[[float], float], high: Callable[[float], float]
) -> tuple[Point, ...]:
    def kept(y: float) -> float:
        return max(1 / _TOP, min(_TOP, y))

    found = tuple((kept(low(year)), kept(high(year))) for year in years)
    return found if any(least < most for least, most in found) else ()


def _start(scenario: Scenario) -> float:
    return min(scenario["clock.start"].value, LAST - 1.0)


def frames(rate: float, per_second: float) -> float:
    """Frames a second of so many hours of video a minute: streams that play at once, times fps."""
    return rate * 60 * per_second


def _year(line: Assumption) -> float:
    return line.year if line.year is not None else 2017.0


def _youtube(scenario: Scenario, measured: Scenario) -> Chart:
    rate, fps, speed = (scenario[n] for n in ("data.rate", "data.frames", "gpu.speed"))
    start, data = _start(scenario), scenario.growth("data.phases")

    def needed(year: float, bound: str = "value") -> float:
        # Fewest: fewest frames, the fastest GPU, the shortest doubling of compute.
        other = {"low": "high", "high": "low"}.get(bound, bound)
        now = frames(rate.value, float(getattr(fps, bound))) / float(getattr(speed, other))
        compute = scenario.growth("compute.phases", bound).factor(start, year)
        return now * data.factor(start, year) / compute

    years, stock = _years(start), steady(scenario["machines.doubling"].value)
    gpus = [measured[f"inference.{name}"] for name in _BEST]
    official = frames(measured["data.rate"].value, measured["data.frames"].value)
    points = tuple((_year(gpu), official / gpu.value) for gpu in gpus)
    first, last = needed(start), needed(LAST)
    return Chart(
        name="youtube",
        title="GPUs needed for all new YouTube video, frame by frame",
        unit="GPUs of the year",
        lines=(
            Line(
                label=f"scenario {Path(scenario.name).name}",
                points=_curve(years, needed),
                band=_band(years, lambda y: needed(y, "low"), lambda y: needed(y, "high")),
            ),
            Line(
                label=f"over a stock that doubles every {scenario['machines.doubling'].value:g} y",
                points=_curve(years, lambda y: needed(y) / stock.factor(start, y)),
                dashed=True,
            ),
            Line(label="measured", points=points, measured=True),
        ),
        formulas=(
            f"GPUs = {rate.value:g} h/min x 60 x {fps.value:g} frames/s / {speed.value:,.5g} "
            f"images/s = {_count(first)} in {start:g}",
            f"in {LAST}: x 2^{data.doublings(start, LAST):.2f} of data / "
            f"2^{scenario.growth('compute.phases').doublings(start, LAST):.2f} of compute "
            f"= {_count(last)}",
            f"one's own stock of machines: x 2^({LAST} - {start:g})/"
            f"{scenario['machines.doubling'].value:g} = "
            f"{stock.factor(start, LAST):.2f}, a line of its own",
            f"measured: {measured['data.rate'].value:g} h/min x 60 x "
            f"{measured['data.frames'].value:g} / {gpus[-1].value:,.0f} = {points[-1][1]:,.0f}",
        ),
        findings=(
            f"The scenario has {_count(first)} GPUs in {start:g} become {_count(last)} in {LAST}; "
            f"measured were {_count(points[0][1])} in 2017 and {_count(points[-1][1])} in 2025.",
        ),
        source="Dettmers 2017; YouTube; cnn-benchmarks; pytorch-image-models",
    )


def _gap(scenario: Scenario, measured: Scenario) -> Chart:
    start, years = _start(scenario), _years(_start(scenario))
    data, stock = scenario.growth("data.phases"), steady(scenario["machines.doubling"].value)

    def part(year: float, bound: str = "value") -> float:
        compute = scenario.growth("compute.phases", bound)
        return math.exp2(
            max(-600, min(600, compute.doublings(start, year) - data.doublings(start, year)))
        )

    gpus = [measured[f"inference.{name}"] for name in _BEST]
    price, training = measured["compute.doubling"].value, measured["demand.training"].value
    lag = math.exp2(8 / price) / training**8
    since = [y for y in _years(2017) if y <= 2025]
    best = gpus[-1].value / gpus[0].value
    return Chart(
        name="gap",
        title="Share of the data that one GPU can process, relative to the start",
        unit="times the start",
        lines=(
            Line(
                label=f"scenario {Path(scenario.name).name}",
                points=_curve(years, part),
                # A longer doubling time leaves less.
                band=_band(years, lambda y: part(y, "high"), lambda y: part(y, "low")),
            ),
            Line(
                label=f"stock doubles every {scenario['machines.doubling'].value:g} y",
                points=_curve(years, lambda y: part(y) * stock.factor(start, y)),
                dashed=True,
            ),
            Line(
                label="measured: best consumer GPU, YouTube",
                points=tuple((_year(gpu), gpu.value / gpus[0].value) for gpu in gpus),
                measured=True,
            ),
            Line(
                label="measured rates: a dollar's share of a notable training run",
                points=_curve(
                    since, lambda y: math.exp2((y - 2017) / price) / training ** (y - 2017)
                ),
                measured=True,
                dashed=True,
            ),
        ),
        formulas=(
            f"share = 2^(doublings of compute - doublings of data) = "
            f"2^({scenario.growth('compute.phases').doublings(start, LAST):.2f} - "
            f"{data.doublings(start, LAST):.2f}) = {part(LAST):.3g} in {LAST}",
            f"with a growing stock: x 2^({LAST - start:g}/{scenario['machines.doubling'].value:g})"
            f" = {part(LAST) * stock.factor(start, LAST):.3g}",
            f"measured: {gpus[-1].value:,.0f} / {gpus[0].value:.0f} images/s = {best:.1f}, "
            "over data that stayed at 500 h/min",
            f"a dollar against a notable model, 2017 to 2025: 2^(8/{price:g}) / {training:g}^8 "
            f"= {lag:.2g}",
        ),
        findings=(
            f"The share becomes {part(LAST):.3g} times what it is by {LAST}, "
            f"{part(LAST) * stock.factor(start, LAST):.3g} times with a stock of machines that "
            f"grows; measured from 2017 to 2025 it rose {best:.0f}-fold, since the data stopped "
            "growing.",
            f"What did run away is training: a dollar buys {lag:.1g} of the share of a notable "
            "model that it bought in 2017.",
        ),
        source="Dettmers 2017; YouTube; pytorch-image-models; Epoch AI",
    )


def _base(scenario: Scenario, measured: Scenario) -> Chart:
    part, doubling, rate = (scenario[name] for name in ("base.share", "base.doubling", "data.rate"))
    start, growth = _start(scenario), steady(scenario["base.doubling"].value)
    lag = doubling.value * math.log2(1 / part.value)
    official = [(_year(line), line.value) for _, line in measured.under("youtube")]
    recent = tuple((year, value) for year, value in official if year >= 2014)
    years = _years(start)
    share = measured["base.share"].value
    found = (
        f"The lag is {lag:.2f} years: what all is in {start:g}, the informative part is in "
        f"{year_text(start + lag)}."
        if lag < math.inf
        else "What does not grow never catches up with what it is a part of."
    )
    return Chart(
        name="base",
        title=f"A base of {_percent(part.value)} and its lag",
        unit="hours of video a minute",
        lines=(
            Line(
                label="all" if lag == math.inf else f"all, doubling every {doubling.value:g} y",
                points=_curve(years, lambda y: rate.value * growth.factor(start, y)),
            ),
            Line(
                label=f"the informative {_percent(part.value)}",
                points=_curve(years, lambda y: part.value * rate.value * growth.factor(start, y)),
                dashed=True,
            ),
            Line(label="measured, all", points=recent, measured=True),
            Line(
                label=f"{_percent(share)} of the measured",
                points=tuple((year, share * value) for year, value in recent),
                measured=True,
                dashed=True,
            ),
            Line(label="Dettmers 2017: 800 of it by 2025", points=((2025.0, 800.0),), said=True),
        ),
        formulas=(
            f"lag = D log2(1 / share) = {doubling.value:g} x log2({1 / part.value:g}) = "
            f"{lag:.2f} years (the essay: about 8)",
            f"8 years would take D = 8 / log2(100) = {8 / math.log2(100):.2f} years, or a base of "
            f"2^(-8/1.5) = {2 ** (-8 / 1.5):.3f}",
        ),
        findings=(
            f"{found} Measured in 2025: {recent[-1][1]:g} h/min, of which {_percent(share)} is "
            f"{share * recent[-1][1]:g}.",
        ),
        source="Dettmers 2017; YouTube",
    )


def _field(scenario: Scenario, measured: Scenario) -> Chart:
    share = scenario["field.start_share"]
    growth, other = scenario["field.growth"].value, scenario["field.growth_of_other"].value
    again = (
        scenario["field.growth_if_factor"].value if "field.growth_if_factor" in scenario else None
    )
    start, end = 2017.0, 2030
    years = _years(start, end)
    points = tuple((_year(line), line.value) for _, line in measured.under("papers"))

    def line(growth: float, label: str, dashed: bool) -> Line:
        def grown(since: float, year: float) -> float:
            return two_growing(since, growth / other, year - start)

        return Line(
            label=label,
            dashed=dashed,
            points=_curve(years, lambda y: grown(share.value, y)),
            band=_band(years, lambda y: grown(share.low, y), lambda y: grown(share.high, y)),
        )

    lines = [line(growth, f"growth x{growth:g} against x{other:g}", False)]
    if again is not None:
        lines.append(line(again, f"growth x{again:g} against x{other:g}", True))
    ratio = growth / other
    odds = 49 / ratio ** (end - start)
    low, high = (two_growing(s, ratio, end - start) for s in (share.low, share.high))
    return Chart(
        name="field",
        title="Share of one country in a growing field (China, papers)",
        unit="share",
        logarithmic=False,
        lines=(
            *lines,
            Line(label="measured: AI journal papers", points=points, measured=True),
            Line(
                label="Dettmers 2017: 98%, 80%, 66%",
                points=((2030.0, 0.98), (2030.0, 0.8), (2030.0, 0.66)),
                said=True,
            ),
        ),
        formulas=(
            f"share = s r^t / (s r^t + 1 - s), r = {growth:g} / {other:g} = {ratio:.4f}, "
            f"t = {end - start:g}: {low:.1%} to {high:.1%} in {end} from "
            f"{share.low:.0%} to {share.high:.0%}",
            f"98% in {end} exactly: s / (1 - s) = 49 / r^{end - start:g}, "
            f"s = {odds / (1 + odds):.1%}",
        ),
        findings=(
            f"98% by {end} is a lower bound ({low:.1%} to {high:.1%}); exactly 98% needs a start "
            f"share of {odds / (1 + odds):.1%}. Measured: {points[-1][1]:.0%} in "
            f"{points[-1][0]:.0f}.",
        ),
        source="Dettmers 2017; AI Index 2023",
    )


def _supercomputers(scenario: Scenario, measured: Scenario) -> Chart:
    speed, doubling = scenario["supercomputers.speed"], scenario["supercomputers.doubling"]
    base, start = speed.value * 1e15, _year(speed)

    def line(name: str, since: float, value: float, dashed: bool) -> Line:
        rate = scenario[name]
        years = _years(since)
        return Line(
            label=f"doubling every {rate.value:g} y from {int(since)}", dashed=dashed,
            points=_curve(years, lambda y: value * steady(rate.value).factor(since, y)),
            band=_band(
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
                lines.append(line(name, _year(old), old.value * 1e15, True))
    lines.append(line("supercomputers.doubling", start, base, False))
    points = tuple((_year(one), one.value * 1e15) for _, one in measured.under("top500"))
    (first, low), (last, high) = points[1], points[-1]
    found = (last - first) / math.log2(high / low)
    end = base * steady(doubling.value).factor(start, 2100)
    return Chart(
        name="supercomputers",
        title="The fastest computer",
        unit="FLOP/s",
        lines=(*lines, Line(label="measured: TOP500", points=points, measured=True)),
        formulas=(
            f"FLOP/s = {base:.3g} x 2^((year - {start:g}) / {doubling.value:g})",
            f"measured doubling = ({last:g} - {first:g}) / log2({high:.4g} / {low:.3g}) "
            f"= {found:.2f} years",
            f"in 2100: {end:.2g} FLOP/s",
        ),
        findings=(
            f"The fastest computer doubled every {found:.2f} years from {int(first)} to "
            f"{int(last)}; the scenario has {doubling.value:g}, and so {end:.1g} FLOP/s by 2100. "
            "(What it takes to be a brain, the essay's text does not say.)",
        ),
        source="Dettmers 2017; TOP500",
    )


CHARTS: dict[str, Callable[[Scenario, Scenario], Chart]] = {
    "youtube": _youtube,
    "gap": _gap,
    "base": _base,
    "field": _field,
    "supercomputers": _supercomputers,
}
