"""Choosing among passages: what search and reader are worth, alone and together; how few suffice.

    python -m benchmarks.choosing --data DIR --collection FOLDER [--questions 1000]

Questions of SQuAD's dev set, drawn with seed 0, over the collection of the retrieval benchmark
(`python -m benchmarks.retrieval --work FOLDER` leaves it in FOLDER/frugally), with nothing but the
question given. The constants are those of `frugally.ask.weighing`, fitted on questions of articles
that the reader's training held out (`python -m benchmarks.weighing`).
"""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import machine
from benchmarks.passages import questions
from benchmarks.weighing import Read, read_all, weighed
from frugally import Collection
from frugally.ask.weighing import DEFAULT_WEIGHING
from frugally.fit.reader.calibration import calibration_error
from frugally.nets.reader import shipped_reader

NEVER = float("inf")
WAYS = {
    "best passage of the search alone": replace(DEFAULT_WEIGHING, passages=1),
    "all passages, reader's score alone": replace(DEFAULT_WEIGHING, ceiling=NEVER, retrieval=0.0),
    "all passages, both scores": replace(DEFAULT_WEIGHING, ceiling=NEVER),
    "best first, until settled": DEFAULT_WEIGHING,
}
SEED, DRAWS = 0, 2000


def interval(differences: NDArray[np.float64]) -> tuple[float, float]:
    """The middle 95 % of the means of samples drawn with replacement."""
    source = np.random.default_rng(SEED)
    means = [source.choice(differences, len(differences)).mean() for _ in range(DRAWS)]
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def area_under_risk(confidence: list[float], right: list[bool]) -> float:
    """The mean share of wrong answers over all coverages, the surest answers first."""
    order = np.argsort(-np.array(confidence), kind="stable")
    wrong = ~np.array(right)[order]
    return float(np.mean(np.cumsum(wrong) / np.arange(1, len(wrong) + 1)))


def measure(reads: list[Read]) -> dict[str, Any]:
    """Every way over the same readings."""
    found: dict[str, Any] = {}
    alone: NDArray[np.float64] | None = None
    for way, weighing in WAYS.items():
        results = [weighed(read, weighing) for read in reads]
        pairs = list(zip(reads, results, strict=True))
        exact = np.array([100.0 * read.right[r.best] for read, r in pairs])
        alone = exact if alone is None else alone
        found[way] = {
            "exact_match": float(exact.mean()),
            "f1": 100 * float(np.mean([read.f1[r.best] for read, r in pairs])),
            "above_first": interval(exact - alone),
            "passages": float(np.mean([r.passages for r in results])),
        }
    confidence = [DEFAULT_WEIGHING.confidence(r.score, r.runner_up) for r in results]
    right = [bool(read.right[r.best]) for read, r in pairs]
    found["confidence"] = {
        "calibration_error": calibration_error(confidence, right),
        "area_under_risk": area_under_risk(confidence, right),
        "risk_at_all": 1 - float(np.mean(right)),
    }
    return found


def render(result: dict[str, Any]) -> str:
    """The table of docs/benchmarks.md."""
    rows = []
    for way in WAYS:
        one = result[way]
        low, high = one["above_first"]
        more = "" if one["passages"] == 1 else f"{low:+.1f} to {high:+.1f}"
        rows.append(
            [way, f"{one['exact_match']:.1f}", f"{one['f1']:.1f}", more, f"{one['passages']:.1f}"]
        )
    head = ["answered from", "exact match", "F1", "above the first, 95 %", "passages read"]
    sure = result["confidence"]
    return (
        f"{machine.table(head, rows)}\n\n"
        f"Confidence, of {result['questions']:,} questions: expected calibration error "
        f"{sure['calibration_error']:.3f}; area under the risk-coverage curve "
        f"{sure['area_under_risk']:.3f} (risk at full coverage {sure['risk_at_all']:.3f})."
    )


def main() -> None:
    """Read, measure, write and print."""
    parser = machine.arguments("Choosing among passages.")
    parser.add_argument("--collection", type=Path, required=True)
    parser.add_argument("--questions", type=int, default=1000)
    options = parser.parse_args()
    data = machine.needs(options.data, "squad")
    asked = random.Random(SEED).sample(questions(data, "dev"), options.questions)
    collection = Collection.open(options.collection)
    reads = read_all(collection, shipped_reader(), [(q.text, q.answers) for q in asked])
    result = {
        "machine": machine.describe("numpy", "onnxruntime"),
        "questions": len(reads),
        **measure(reads),
    }
    machine.save("choosing", result)
    print(render(result))


if __name__ == "__main__":
    main()
