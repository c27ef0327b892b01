"""Learning curves: known parameters found again, larger sizes foretold, advice, the joint form.

    python -m benchmarks.learning_curves

Synthetic cases are drawn by the seeds below; no setting was chosen on them. Measured curves are all
CSV files in benchmarks/curves.
"""

from __future__ import annotations

import csv
import statistics
import time
import warnings
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import machine
from frugally.errors import NoAnswerError
from frugally.plan.advice import advise
from frugally.plan.curve_fitting import Fit, PowerLaws, fit_log, fit_power
from frugally.plan.curve_intervals import Forecast
from frugally.plan.curves import PowerLaw
from frugally.plan.measurements import Measurements
from frugally.plan.noise import grouped, pool
from frugally.plan.outlook import look_ahead
from frugally.plan.power_law import best
from frugally.plan.power_law import law as law_of
from frugally.plan.surfaces import Surface, fit_surface

CURVES = Path(__file__).parent / "curves"
RECOVERY_SEED, ADVICE_SEED, SURFACE_SEED = 20_260_101, 20_260_202, 20_260_303
CASES, ADVISED, BOOTSTRAPPED = 1_000, 300, 100
SIZES, REPEATS, LEVEL = 5, 3, 0.95
# Besiroglu et al. 2024's refit of Hoffmann et al. 2022.
EPOCH = Surface(E=1.817, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658)
QUANTITIES = ("exponent b", "offset c", "error at 4 × the data", "gain of a doubling")


@dataclass(frozen=True)
class Case:
    """A known law, its runs, and the true variance of their log errors."""

    law: PowerLaw
    size: NDArray[np.float64]
    error: NDArray[np.float64]
    variance: NDArray[np.float64]


def drawn_runs(
    rng: np.random.Generator, mean: NDArray[np.float64], items: int, seeds: float
) -> NDArray[np.float64]:
    """Errors on a test set of so many items, of models that differ by seed in proportion."""
    rate = np.clip(mean * np.exp(rng.normal(-(seeds**2) / 2, seeds, len(mean))), 1e-6, 0.999)
    return np.maximum(rng.binomial(items, rate), 1) / items


def drawn_case(rng: np.random.Generator) -> Case:
    """Exponents 0.07 to 0.6, offsets none (half) or up to 60 % of the first error."""
    b = float(np.exp(rng.uniform(np.log(0.07), np.log(0.6))))
    first, span = 10 ** rng.uniform(2, 4), 10 ** rng.uniform(1, 2.3)
    size = np.geomspace(first, first * span, SIZES).round()
    error = rng.uniform(0.1, 0.7)
    c = float(error * rng.uniform(0, 0.6) * rng.integers(2))
    law = PowerLaw(a=float((error - c) * size[0] ** b), b=b, c=c)
    items, seeds = int(10 ** rng.uniform(3, 4)), float(rng.uniform(0.005, 0.04))
    size = np.repeat(size, REPEATS)
    mean = law.error_at(size)
    variance = seeds**2 + (1 - mean) / (mean * items)
    return Case(law, size, drawn_runs(rng, mean, items, seeds), variance)


def truths(law: PowerLaw, largest: float) -> tuple[float, ...]:
    """Of QUANTITIES."""
    now, twice, four = (float(law.error_at(times * largest)) for times in (1, 2, 4))
    return law.b, law.c, four, 1 - twice / now


def ranges(fit: Fit, largest: float) -> list[tuple[float, float]]:
    """Of QUANTITIES, by profile likelihood."""
    laws = fit.laws(LEVEL)
    assert isinstance(laws, PowerLaws)
    now, twice, four = (laws.errors_at(times * largest) for times in (1, 2, 4))
    found = (laws.region.b, laws.region.c, four, 1 - twice / now)
    return [(float(x.min()), float(x.max())) for x in found]


def recovery() -> dict[str, Any]:
    """Coverage and width on cases with known laws, ours and peers'."""
    rng = np.random.default_rng(RECOVERY_SEED)
    held, oracle_held, ratio = (defaultdict(list) for _ in range(3))
    at_zero: list[bool] = []
    refused: Counter[str] = Counter()
    seconds, peers = [], defaultdict(lambda: defaultdict(list))
    for number in range(CASES):
        case = drawn_case(rng)
        data = Measurements(size=case.size, error=case.error)
        largest = float(case.size.max())
        begun = time.process_time()
        fit = fit_power(case.size, case.error)
        ours = ranges(fit, largest)
        seconds.append(time.process_time() - begun)
        true = truths(case.law, largest)
        against_peers(case, number, true, peers)
        reason = why_refused(data, 4 * largest)
        if reason:
            refused[reason] += 1
            continue
        known = fit_power(case.size, case.error, known_variance=case.variance)
        for name, truth, one, ideal in zip(QUANTITIES, true, ours, ranges(known, largest),
                                          strict=True):  # fmt: skip
            inside = one[0] - 1e-9 <= truth <= one[1] + 1e-9
            held[name].append(inside)
            oracle_held[name].append(ideal[0] - 1e-9 <= truth <= ideal[1] + 1e-9)
            ratio[name].append((one[1] - one[0]) / max(ideal[1] - ideal[0], 1e-9))
            if name == "offset c" and truth == 0:
                at_zero.append(inside)
    return {
        "cases": CASES,
        "refused": dict(refused),
        "milliseconds": 1e3 * statistics.median(seconds),
        "held": {name: statistics.fmean(found) for name, found in held.items()},
        "held_by_true_noise": {name: statistics.fmean(x) for name, x in oracle_held.items()},
        "width_ratio": {name: statistics.median(found) for name, found in ratio.items()},
        "offset_held_at_zero": statistics.fmean(at_zero),
        "offsets_at_zero": len(at_zero),
        "peers": {
            peer: {name: [statistics.fmean(x), len(x)] for name, x in found.items()}
            for peer, found in peers.items()
        },
    }


def why_refused(data: Measurements, size: float) -> str:
    """In a word, why the command would not forecast; nothing if it would."""
    try:
        found = look_ahead(data, at=[size], level=LEVEL, family="power")
    except NoAnswerError as refusal:
        return refusal.message.split(",")[0]
    if not found.refused:
        return ""
    reason = found.refused[0].reason
    return "interval too wide" if reason.startswith("at ") else reason.split(":")[0]


def against_peers(case: Case, number: int, true: tuple[float, ...], peers: Any) -> None:
    """scipy's curve_fit with its covariance, and a bootstrap of each size's own repeats."""
    from scipy.optimize import curve_fit

    largest = float(case.size.max())
    first = float(case.size[0])

    def law(n: Any, a: float, b: float, c: float) -> Any:
        return a * (n / first) ** -b + c

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found, covariance = curve_fit(law, case.size, case.error,
                                         p0=(case.error[0], 0.3, 0.01), maxfev=5000)  # fmt: skip
            half = 2.179 * float(np.sqrt(covariance[1, 1]))  # t of 12 degrees of freedom
            peers["curve_fit"][QUANTITIES[0]].append(abs(found[1] - true[0]) <= half)
            step = 1e-6
            slope = np.array([(law(4 * largest, *(found + step * row)) - law(4 * largest, *found))
                              / step for row in np.eye(3)])  # fmt: skip
            half = 2.179 * float(np.sqrt(slope @ covariance @ slope))
            off = abs(law(4 * largest, *found) - true[2])
            peers["curve_fit"][QUANTITIES[2]].append(off <= half)
        except RuntimeError:  # it gave up
            peers["curve_fit"]["gave up"].append(1)
    if number >= BOOTSTRAPPED:
        return
    rng = np.random.default_rng(number)
    table = np.log(case.error).reshape(SIZES, REPEATS)
    distinct, places = grouped(case.size)
    drawn = []
    for _ in range(100):
        pick = np.take_along_axis(table, rng.integers(REPEATS, size=table.shape), 1).ravel()
        again = pool(distinct, pick, places, np.ones(SIZES), np.ones(len(pick)))
        b, a, c, _ = best(again, zooms=3)
        drawn.append((b, float(law_of(again, b, a, c).error_at(4 * largest))))
    for name, column, truth in ((QUANTITIES[0], 0, true[0]), (QUANTITIES[2], 1, true[2])):
        low, high = np.quantile([one[column] for one in drawn], [0.025, 0.975])
        peers["bootstrap of repeats"][name].append(bool(low <= truth <= high))


def measured_curves() -> dict[str, Measurements]:
    """All curves of all files."""
    found: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for path in sorted(CURVES.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                sizes, errors = found[f"{path.stem}: {row['curve']}"]
                sizes.append(float(row["size"]))
                errors.append(float(row["error"]))
    return {name: Measurements(size=np.array(n), error=np.array(e))
            for name, (n, e) in found.items()}  # fmt: skip


def extrapolation() -> list[dict[str, Any]]:
    """Each measured curve: from sizes up to a quarter, the error at the full size."""
    rows = []
    for name, data in measured_curves().items():
        full = float(data.size.max())
        seen, unseen = data.up_to(full / 4), data.error[data.size == full]
        usable = seen.error > 0  # the command leaves rows of no error out, and says so
        seen = Measurements(size=seen.size[usable], error=seen.error[usable])
        row: dict[str, Any] = {"curve": name, "sizes": seen.distinct, "size": full,
                               "runs": len(unseen), "measured": float(unseen.mean())}  # fmt: skip
        try:
            found = look_ahead(seen, at=[full], level=0.9)
        except NoAnswerError as refusal:
            rows.append(row | {"refused": refusal.message})
            continue
        told = found.forecasts[0][1]
        row["family"] = found.chosen.family
        row["power"] = float(fit_power(seen.size, seen.error).curve.error_at(full))
        # A line that has passed zero is read as zero, in its favour.
        row["log_linear"] = max(float(fit_log(seen.size, seen.error).curve.error_at(full)), 0.0)
        if isinstance(told, Forecast):
            mean, run = told.mean, told.run
            row |= {"foretold": mean.best, "interval": [mean.low, mean.high],
                    "run_interval": [run.low, run.high],
                    "runs_inside": int(((unseen >= run.low) & (unseen <= (run.high or 1))).sum()),
                    "mean_inside": bool(mean.low <= unseen.mean() <= (mean.high or 1))}  # fmt: skip
        else:
            row["refused"] = told.reason
        rows.append(row)
    return rows


def advice() -> dict[str, dict[str, int]]:
    """Verdicts where more data does not help or cannot be told, and where it clearly pays.

    No help: the mean error is constant, with little noise (half) or much. Noise hides: seeds
    scatter by 10 to 40 % and a doubling takes at most 1.4 % off. Pays: it takes 8 to 34 % off the
    error at the largest size, and seeds scatter by at most 4 %.
    """
    rng = np.random.default_rng(ADVICE_SEED)
    verdicts: dict[str, Counter[str]] = defaultdict(Counter)
    for number in range(2 * ADVISED):
        size = np.geomspace(500, 500 * 10 ** rng.uniform(1, 2.3), SIZES).round()
        first = rng.uniform(0.1, 0.7)
        seeds = float(rng.uniform(0.005, 0.04))
        if number >= ADVISED:
            kind = "more data pays"
            while True:
                c = first * float(rng.uniform(0, 0.6) * rng.integers(2))
                b = float(rng.uniform(0.12, 0.6))
                law = PowerLaw(a=float((first - c) * size[0] ** b), b=b, c=c)
                if truths(law, float(size[-1]))[3] >= 0.08:
                    break
        elif number % 2:
            kind, seeds = "noise hides it", float(rng.uniform(0.1, 0.4))
            b = float(rng.uniform(0, 0.02))
            law = PowerLaw(a=float(first * size[0] ** b), b=b, c=0.0)
        else:
            kind = "more data does not help"
            law = PowerLaw(a=0.0, b=0.3, c=float(first))
        runs = np.repeat(size, REPEATS)
        error = drawn_runs(rng, law.error_at(runs), int(10 ** rng.uniform(3, 4)), seeds)
        verdicts[kind][str(advise(fit_power(runs, error)).verdict)] += 1
    return {kind: dict(found) for kind, found in verdicts.items()}


def joint() -> list[dict[str, Any]]:
    """Epoch's parameters found again, from 240 points made by them: exact, and with noise."""
    rng = np.random.default_rng(SURFACE_SEED)
    parameters = np.exp(rng.uniform(np.log(5e7), np.log(1.6e10), 240))
    tokens = np.maximum(10 ** rng.uniform(18.8, 21.5, 240) / 6 / parameters, 2e8)
    rows = []
    for noise in (0.0, 0.005):
        loss = EPOCH.error_at(tokens, parameters) * np.exp(noise * rng.normal(size=240))
        begun = time.process_time()
        fit = fit_surface(Measurements(size=tokens, error=loss, capacity=parameters))
        taken = time.process_time() - begun
        found = fit.parameters(LEVEL)
        rows.append({
            "noise": noise,
            "seconds": taken,
            "parameters": {name: {"true": getattr(EPOCH, name), **one.as_dict()}
                           for name, one in found.items()},
            "capacity_share": fit.surface.capacity_share,
        })  # fmt: skip
    return rows


def render(result: dict[str, Any]) -> str:
    """The tables of docs/benchmarks.md."""
    return "\n\n".join([
        _recovered(result["recovery"]), _foretold(result["extrapolation"]),
        _advised(result["advice"]), _joined(result["joint"]),
    ])  # fmt: skip


def _recovered(found: dict[str, Any]) -> str:
    rows = []
    for name in QUANTITIES:
        peers = []
        for peer in ("curve_fit", "bootstrap of repeats"):
            share = found["peers"][peer].get(name)
            peers.append(f"{share[0]:.1%} of {share[1]:,}" if share else "")
        rows.append([name, f"{found['held'][name]:.1%}", f"{found['held_by_true_noise'][name]:.1%}",
                     f"{found['width_ratio'][name]:.2f}", *peers])  # fmt: skip
    refused = sum(found["refused"].values())
    made = found["cases"] - refused
    head = [f"95 % intervals of {made:,} power laws ({refused} of {found['cases']:,} refused)",
            "hold the truth", "with the true noise known", "width over that one's, median",
            "scipy curve_fit", "bootstrap of repeats"]  # fmt: skip
    note = (
        f"The offset is zero in {found['offsets_at_zero']} of these, at the edge of what it may "
        f"be, and is held in {found['offset_held_at_zero']:.1%} of them. A fit with its intervals "
        f"takes {found['milliseconds']:.0f} ms of one core."
    )
    return machine.table(head, rows) + "\n\n" + note


def _foretold(rows: list[dict[str, Any]]) -> str:
    lines = []
    for file in sorted({row["curve"].split(":")[0] for row in rows}):
        all_of = [row for row in rows if row["curve"].startswith(file + ":")]
        made = [row for row in all_of if "foretold" in row]
        if not made:
            lines.append([file, f"0 of {len(all_of)}", "", "", "", "", ""])
            continue

        def median(name: str, of: list[dict[str, Any]] = made) -> float:
            return statistics.median(abs(row[name] - row["measured"]) for row in of)

        runs = sum(row["runs"] for row in made)
        inside = sum(row["runs_inside"] for row in made)
        means = sum(row["mean_inside"] for row in made)
        lines.append([file, f"{len(made)} of {len(all_of)}", f"{median('foretold'):.4f}",
                      f"{median('power'):.4f}", f"{median('log_linear'):.4f}",
                      f"{means} of {len(made)}", f"{inside} of {runs}"])  # fmt: skip
    head = ["measured curves", "foretold", "median error of the forecast", "power law alone",
            "log-linear fit", "means in the 90 % interval of the mean",
            "runs in that of a run"]  # fmt: skip
    return machine.table(head, lines)


def _advised(found: dict[str, dict[str, int]]) -> str:
    verdicts = ("pays", "does not pay", "cannot tell")
    rows = [[kind, *(counts.get(verdict, 0) for verdict in verdicts)]
            for kind, counts in found.items()]  # fmt: skip
    return machine.table(["truth", *verdicts], rows)


def _joined(rows: list[dict[str, Any]]) -> str:
    lines = [
        [f"{row['noise']:.1%}", *(f"{one['best']:.5g} ({one['low']:.4g} to {one['high']:.4g})"
                                  for one in row["parameters"].values()),
         f"{row['capacity_share']:.3f}"]
        for row in rows
    ]  # fmt: skip
    names = list(rows[0]["parameters"])
    head = ["noise", *(f"{name}, true {rows[0]['parameters'][name]['true']:g}" for name in names),
            "β / (α + β)"]  # fmt: skip
    return machine.table(head, lines)


def main() -> None:
    """Measure, write and print."""
    result: dict[str, Any] = {"machine": machine.describe("numpy", "scipy", "scikit-learn")}
    for part in (extrapolation, advice, joint, recovery):
        begun = time.perf_counter()
        result[part.__name__] = part()
        print(f"{part.__name__}: {time.perf_counter() - begun:.0f} s", flush=True)
    machine.save("learning_curves", result)
    print(render(result))


if __name__ == "__main__":
    main()
