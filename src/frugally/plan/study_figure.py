"""The figure of a study: error against data, a line for each capacity, a panel for each variant."""

from __future__ import annotations

from typing import Any

import numpy as np

from frugally.plan.study_report import LEVEL, StudyReport

_POINTS = 80


def draw_study(report: StudyReport, title: str) -> Any:
    """A matplotlib figure on log axes: runs, curves, and what else the runs allow."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    variants = list(report.surfaces)
    figure = Figure(figsize=(1.2 + 5.2 * len(variants), 4.4), dpi=150, layout="constrained")
    panels = figure.subplots(1, len(variants), sharey=True, squeeze=False)[0]
    for axes, variant in zip(panels, variants, strict=True):
        for number, curve in enumerate(report.of(variant)):
            colour = f"C{number}"
            data = curve.data
            label = f"{curve.capacity}, {curve.parameters:,} weights"
            axes.scatter(data.size, data.error, s=14, color=colour, alpha=0.7, linewidth=0)
            if curve.chosen is None:
                sizes = np.unique(data.size)
                means = [data.error[data.size == size].mean() for size in sizes]
                axes.plot(sizes, means, color=colour, linewidth=0.9, linestyle=":",
                          label=f"{label}; no curve")  # fmt: skip
                continue
            fit = curve.chosen.fit
            sizes = np.geomspace(data.size.min(), 2 * data.size.max(), _POINTS)
            laws, best = fit.laws(LEVEL), fit.curve.error_at(sizes)
            ends = np.array([laws.range_of(laws.errors_at(float(size))) for size in sizes])
            floor = 0.3 * float(data.error.min())
            axes.fill_between(
                sizes,
                np.clip(np.minimum(ends[:, 0], best), floor, None),
                np.minimum(np.maximum(ends[:, 1], best), min(1.0, 3 * float(data.error.max()))),
                color=colour,
                alpha=0.13,
                linewidth=0,
            )
            seen = sizes <= data.size.max()
            axes.plot(sizes[seen], best[seen], color=colour, linewidth=1.3, label=label)
            axes.plot(sizes[~seen], best[~seen], color=colour, linewidth=1.3, linestyle="--")
        axes.set(xscale="log", yscale="log", xlabel=f"{report.unit} learnt from")
        if len(variants) > 1:
            axes.set_title(variant, fontsize=10)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:.3g} %"))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_minor_formatter(NullFormatter())
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.25, which="both", linewidth=0.5)
        axes.legend(fontsize=7.5, frameon=False)
    panels[0].set_ylabel("held-out error")
    figure.suptitle(f"{title}; shaded: {100 * LEVEL:.0f} % interval of the mean", fontsize=10)
    return figure
