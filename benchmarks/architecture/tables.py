"""The tables of `benchmarks.architecture`, from what it kept."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau

from benchmarks import machine

Results = dict[str, Any]
NASNET_DAYS = 2000  # of P100 GPUs: 500 of them for four days (arXiv:1707.07012, section 4)
BY_CHANCE = ("chance", "steady")  # random cells, and those without the random shuffle
P100_FLOPS = 9.3e12  # a second at most, single precision (NVIDIA's data sheet, PCIe)


def tau(one: NDArray[np.float64], other: NDArray[np.float64]) -> tuple[float, float, float]:
    """Kendall's tau-b, and 95 % of bootstrap resamples of the pairs."""
    random = np.random.default_rng(0)
    picks = random.integers(len(one), size=(1000, len(one)))
    taus = [kendalltau(one[p], other[p]).statistic for p in picks]
    known = [t for t in taus if np.isfinite(t)]
    low, high = np.quantile(known, (0.025, 0.975)) if known else (np.nan, np.nan)
    return float(kendalltau(one, other).statistic), float(low), float(high)


def _some(results: Results, start: str) -> Results:
    return {key.removeprefix(start): one for key, one in results.items() if key.startswith(start)}


def correlation(results: Results) -> str:
    """How well each evaluator ranks cells."""
    cells = list(_some(results, "correlation ").values())
    if len(cells) < 3:
        return ""
    long = np.array([one["long"][0] for one in cells])
    learnt = results.get("shared weights", 0) / len(cells)
    counted = {
        "parameters": [one["parameters"] for one in cells],
        "multiply-adds": [one["macs"] for one in cells],
        "fewest random shuffles": [-one["random shuffles"] for one in cells],
    }
    rows = [[name, *_told(np.array(values, float), long), "0", "0"]
            for name, values in counted.items()]  # fmt: skip
    for name in ("kernel", "flow", "gradient", "shared", "short"):
        values, seconds, flops = np.array([one[name] for one in cells], float).T
        taken = flops.mean() + (learnt if name == "shared" else 0)
        told = _told(np.nan_to_num(values, neginf=-1e30), long)
        rows.append([name, *told, f"{np.median(seconds):.1f}", f"{taken:.1e}"])
    again = np.array(list(_some(results, "repeated ").values()), float)
    if len(again) > 2:
        name = f"the longer training itself, of {len(again)} cells"
        rows.append([name, *_told(again[:, 1], again[:, 0]), "", ""])
    seconds = np.median([one["long"][1] for one in cells])
    head = [f"{len(cells)} cells, longer training {seconds:.0f} s", "Kendall's tau", "95 %",
            "seconds a cell, median", "FLOP a cell"]  # fmt: skip
    return machine.table(head, rows)


def _told(one: NDArray[np.float64], other: NDArray[np.float64]) -> tuple[str, str]:
    value, low, high = tau(one, other)
    return f"{value:.2f}", f"{low:.2f} to {high:.2f}"


def _by_name(results: Results, part: str) -> dict[str, list[dict[str, Any]]]:
    """Trainings of a part by what they are of, all seeds together."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for key, one in _some(results, f"{part} ").items():
        match = re.fullmatch(r"(.+) (?:seed|cell) \d+", key)
        if match:
            name = match[1].split()[0] if match[1].startswith(BY_CHANCE) else match[1]
            found[name].append(one)
    return found


def trainings(results: Results, part: str) -> str:
    """Accuracy of what a part trained; the spread is that of seeds, or of cells."""
    rows = []
    quickest = any(key.endswith(" quickest") for key in _some(results, f"{part} "))
    for name, ones in _by_name(results, part).items():
        scores = 100 * np.array([one["accuracy"] for one in ones])
        spread = f" ± {scores.std(ddof=1):.2f}" if len(scores) > 1 else ""
        rows.append([
            name, f"{scores.mean():.2f}{spread}", len(scores),
            *(f"{np.mean([one[k] for one in ones]) / by:.2f}"
              for k, by in (("parameters", 1e6), ("macs", 1e6), ("milliseconds", 1))),
            *([f"{results[f'{part} {name} quickest']:.2f}"] if quickest else []),
        ])  # fmt: skip
    for key, why in _some(results, f"{part} ").items():
        if key.endswith(" network") and isinstance(why, str):  # why there is none
            rows.append([key.removesuffix(" network"), why, *[""] * (4 + quickest)])
    head = [part, "accuracy, %", "trainings", "M parameters", "MMACs", "ms",
            *(["ms, quickest form"] if quickest else [])]  # fmt: skip
    return machine.table(head, rows) if rows else ""


def searches(results: Results, cores: int) -> str:
    """What the searches took, beside NASNet's."""
    rows = []
    theirs = NASNET_DAYS * 86400 * P100_FLOPS
    for name, one in _some(results, "search ").items():
        rows.append([
            name, one["proposed"], one["scored"], f"{one['best']:.3f}", f"{one['mean']:.3f}",
            f"{one['finalists'][0]['score']:.3f}", f"{one['flops']:.2g}",
            f"{cores * one['seconds'] / 3600:.2f}", f"{theirs / one['flops']:,.0f}",
        ])  # fmt: skip
    head = ["search", "cells proposed", "trained", "best of them", "their mean",
            "best finalist, trained longer", "FLOP", "core-hours here, cores by clock",
            "NASNet's FLOP at peak : ours"]  # fmt: skip
    return machine.table(head, rows) if rows else ""


def advantage(results: Results) -> str:
    """How far each strategy's cell is above the mean random cell, in standard errors of it."""
    scores = {name: 100 * np.array([one["accuracy"] for one in ones])
              for name, ones in _by_name(results, "strategies").items()}  # fmt: skip
    found = {name: some for name, some in scores.items() if name not in BY_CHANCE}
    told = []
    for name, what in zip(
        BY_CHANCE, ("random cells", "random cells without random shuffle"), strict=True
    ):
        chance = scores.get(name, np.array([]))
        if not found or len(chance) < 2:
            continue
        rows = []
        for strategy, some in found.items():
            gap = some.mean() - chance.mean()
            error = np.sqrt(sum(s.var(ddof=1) / len(s) for s in (some, chance) if len(s) > 1))
            rows.append([strategy, f"{gap:+.2f}", f"{error:.2f}", f"{gap / error:+.1f}"])
        head = [f"less the mean of {len(chance)} {what} within the bound", "points",
                "standard error", "standard errors"]  # fmt: skip
        told.append(machine.table(head, rows))
    return "\n\n".join(told)


def chosen(results: Results) -> str:
    """What the best cells of each search have, against chance."""
    found = {
        name: one["learned"] for name, one in _some(results, "search ").items() if one["learned"]
    }
    if results.get("learned together"):
        found["the first three together"] = results["learned together"]
    if not found:
        return ""
    names = list(dict.fromkeys(name for one in found.values() for name in one["operations"]))

    def cell(estimate: dict[str, Any] | None, form: str = ".2f") -> str:
        if estimate is None or estimate["value"] is None:
            return ""
        outside = not estimate["chance_low"] <= estimate["value"] <= estimate["chance_high"]
        return f"**{estimate['value']:{form}}**" if outside else f"{estimate['value']:{form}}"

    rows = [[f"`{name}`", *(cell(one["operations"].get(name)) for one in found.values())]
            for name in names]  # fmt: skip
    rows.append(["groups and shuffle, all", *(cell(one["grouped"]) for one in found.values())])
    rows.append(["cells with an added residual",
                 *(cell(one["residual_top"]) for one in found.values())])  # fmt: skip
    often = machine.table(["in the best cells, times as often as by chance", *found], rows)
    rows = [
        ["cells scored, and the best of them",
         *(f"{one['cells']}, {one['top']}" for one in found.values())],
        ["a pool is likelier behind a pool than elsewhere, by",
         *(cell(one["pool_after_pool"], "+.2f") for one in found.values())],
        ["the same by chance",
         *(f"{one['pool_after_pool_chance']:+.2f}" for one in found.values())],
        ["reward with an added residual less that without",
         *(cell(one["residual"], "+.3f") for one in found.values())],
    ]  # fmt: skip
    return (f"{often}\n\n{machine.table(['', *found], rows)}"
            "\n\nIn bold: beyond 95 % of what chance gives.")  # fmt: skip


def times(results: Results) -> str:
    """Predicted against measured milliseconds."""
    pairs = np.array(list(_some(results, "times ").values()), float)
    if len(pairs) < 3:
        return ""
    errors = np.abs(pairs[:, 0] / pairs[:, 1] - 1)
    value, low, high = tau(pairs[:, 0], pairs[:, 1])
    return machine.table(
        ["cells", "measured, ms", "median error", "90th percentile", "Kendall's tau", "95 %"],
        [[len(pairs), f"{pairs[:, 1].min():.2f} to {pairs[:, 1].max():.2f}",
          f"{np.median(errors):.1%}", f"{np.quantile(errors, 0.9):.1%}", f"{value:.2f}",
          f"{low:.2f} to {high:.2f}"]],
    )  # fmt: skip


def render(kept: Results) -> str:
    """All tables for which there is something."""
    results, cores = kept["results"], kept.get("machine", {}).get("cores", 1)
    tables: Sequence[str] = (
        correlation(results), searches(results, cores),
        trainings(results, "strategies"),
        advantage(results), chosen(results), times(results), trainings(results, "blocks"),
        trainings(results, "winner"), trainings(results, "transfer"), trainings(results, "groups"),
    )  # fmt: skip
    return "\n\n".join(table for table in tables if table)
