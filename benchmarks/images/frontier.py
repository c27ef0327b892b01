"""Accuracy against multiply-adds and against milliseconds, for every network that was trained.

    python -m benchmarks.images.frontier

Nothing is trained or timed: the points are those of the kept results of cifar, mixing, teaching,
converting and imagenette, and what is made of them is benchmarks/results/image-frontier.json and
docs/images/image-frontier.png, which leaves out what is right on less than 65 %. Milliseconds are
for one image in one thread, each network in the quickest form found; a network trained with several
seeds stands with its mean.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.images import cifar, converting, imagenette, mixing, teaching
from benchmarks.images.training import kept
from frugally.files.disk import make_folder
from frugally.files.figure import save_figure

NAME = "image-frontier"
FIGURE = Path(__file__).parents[2] / "docs" / "images" / "image-frontier.png"
CIFAR, NETTE = "CIFAR-10", "Imagenette"
SEEN = 65.0  # per cent, the least that is drawn
# Of the names in the figure: points of accuracy that a line takes, how many times the cost another
# point must have for its name to stand clear, and what the names at the right take of the axis.
_LINE, _BESIDE, _ROOM = 0.5, 3.0, 0.35
# Okabe and Ito's colours, told apart by most eyes.
MARKS = {
    "best in 1 M parameters": ("#d55e00", "o"),
    "ways of mixing": ("#0072b2", "s"),
    "distillation": ("#009e73", "^"),
    "conversion": ("#cc79a7", "D"),
    "Imagenette, 88 x 88": ("#000000", "*"),
}


def points() -> list[dict[str, Any]]:
    """What each kept result tells of each network."""
    found: list[dict[str, Any]] = []

    def add(group: str, network: str, accuracy: float, one: dict[str, Any], ms: Any) -> None:
        if ms is not None:
            data = NETTE if group == list(MARKS)[-1] else CIFAR
            found.append({
                "group": group, "network": network, "data": data, "accuracy": round(accuracy, 2),
                "macs": one["macs"], "milliseconds": round(ms, 4),
                "machine": result["machine"]["processor"],
            })  # fmt: skip

    best, mixed, taught, converted, nette = MARKS
    result = machine.load(cifar.NAME) or {}
    for name, one in result.get("networks", {}).items():
        speed = result.get("speed", {})
        ms = speed.get(name, one)["milliseconds"]
        add(best, name, one["accuracy"], one, ms)
        if f"{name}-8" in speed:
            small = one["eight_bits"]["accuracy"]
            add(best, f"{name}, 8 bits", small, one, speed[f"{name}-8"]["milliseconds"])
    result = machine.load(mixing.NAME) or {}
    for title, kind in result.get("kinds", {}).items():
        if kind["runs"]:
            mean = statistics.mean(run["accuracy"] for run in kind["runs"].values())
            add(mixed, title, mean, kind, result.get("milliseconds", {}).get(title))
    result = machine.load(teaching.NAME) or {}
    for kind, runs in result.get("runs", {}).items():
        if runs:
            mean = statistics.mean(run["accuracy"] for run in runs.values())
            student = result["student"]
            add(taught, f"{student['name']}, {kind}", mean, student, student.get("milliseconds"))
    result = machine.load(converting.NAME) or {}
    for place, (key, title) in enumerate((("before", "dense"), ("after", "exchanged"))):
        if key in result:
            done = result.get("after", {}).get("conversion")
            ms = done["milliseconds"][place] if done else result[key]["milliseconds"]
            one = result[key]
            add(converted, f"ResNet-18, half width, {title}", one["accuracy"], one, ms)
    result = machine.load(imagenette.NAME) or {}
    if one := result.get("classifier"):
        add(nette, f"{one['network']}, 8 bits", one["accuracy"], one, one["milliseconds"])
    return found


def frontier(found: list[dict[str, Any]], cost: str) -> set[str]:
    """The networks for CIFAR-10 of which none that costs no more is more accurate."""
    some = [one for one in found if one["data"] == CIFAR]
    return {
        one["network"]
        for one in some
        if not any(
            other[cost] <= one[cost] and other["accuracy"] > one["accuracy"] for other in some
        )
    }


def render(result: dict[str, Any]) -> str:
    """The table of docs/benchmarks.md."""
    found = result["points"]
    best = {cost: frontier(found, cost) for cost in ("macs", "milliseconds")}

    def cell(one: dict[str, Any], cost: str, text: str) -> str:
        on = one["data"] == CIFAR and one["network"] in best[cost]
        return f"**{text}**" if on else text

    rows = [
        [
            one["network"], one["group"], f"{one['accuracy']:.2f}",
            cell(one, "macs", f"{one['macs'] / 1e6:.1f}"),
            cell(one, "milliseconds", f"{one['milliseconds']:.2f}"), one["machine"],
        ]
        for one in sorted(found, key=lambda one: (one["data"], -one["accuracy"]))
    ]  # fmt: skip
    head = ["network", "trained for", "accuracy", "MMACs", "ms, one image", "measured on"]
    table = machine.table(head, rows)
    return f"{table}\n\nIn bold: no other network for CIFAR-10 that costs no more is more accurate."


def _heights(found: list[dict[str, Any]], cost: str) -> list[tuple[dict[str, Any], float]]:
    """At which accuracy the name of each point is written, so that none stands on another."""
    placed: list[tuple[dict[str, Any], float]] = []
    for one in sorted(found, key=lambda one: -one["accuracy"]):
        height = one["accuracy"]
        for other, taken in placed:
            if 1 / _BESIDE < other[cost] / one[cost] < _BESIDE:
                height = min(height, taken - _LINE)
        placed.append((one, height))
    return placed


def draw(found: list[dict[str, Any]]) -> Any:
    """A matplotlib figure of two panels: accuracy over multiply-adds, and over milliseconds."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, MultipleLocator, NullFormatter

    found = [one for one in found if one["accuracy"] >= SEEN]
    figure = Figure(figsize=(12, 6), dpi=150, layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    costs = (
        ("macs", 1e6, "million multiply-adds"),
        ("milliseconds", 1, "ms for one image, one thread"),
    )
    for axes, (cost, unit, label) in zip(panels, costs, strict=True):
        for group, (colour, mark) in MARKS.items():
            some = [one for one in found if one["group"] == group]
            axes.scatter(
                [one[cost] / unit for one in some], [one["accuracy"] for one in some],
                s=70 if mark == "*" else 34, c=colour, marker=mark, label=group if some else None,
                edgecolors="white", linewidths=0.6, zorder=3,
            )  # fmt: skip
        for one, height in _heights(found, cost):
            axes.annotate(
                one["network"], (one[cost] / unit, one["accuracy"]), fontsize=6.5, va="bottom",
                xytext=(one[cost] / unit * 1.06, height), color="#444444",
            )  # fmt: skip
        best = frontier(found, cost)
        line = sorted(
            (one[cost] / unit, one["accuracy"])
            for one in found
            if one["network"] in best and one["data"] == CIFAR
        )
        if line:
            xs, ys = zip(*line, strict=True)
            axes.step(xs, ys, where="post", color="#999999", linewidth=1, zorder=1)
        axes.set_xscale("log")
        least, most = (pick(one[cost] / unit for one in found) for pick in (min, max))
        axes.set_xlim(least / 1.15, most * (most / least) ** _ROOM)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel(label)
        axes.grid(alpha=0.25, linewidth=0.5)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("accuracy, %")
    panels[0].yaxis.set_major_locator(MultipleLocator(5))
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, fontsize=8
    )
    return figure


def main() -> None:
    """Gather, write, draw and print."""
    result = {**kept(NAME), "points": points()}
    if not result["points"]:
        print("skipped: no network was trained yet")
        return
    machine.save(NAME, result)
    make_folder(FIGURE.parent)
    save_figure(draw(result["points"]), FIGURE)
    print(render(result))


if __name__ == "__main__":
    main()
