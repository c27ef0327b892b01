"""Fit the constants of `frugally.ask.weighing`.

    python -m benchmarks.weighing --data DIR --collection FOLDER [--questions 800]

Questions are of SQuAD articles that the reader's training held out; they are asked over the
collection of the retrieval benchmark (`python -m benchmarks.retrieval --work FOLDER` leaves it in
FOLDER/frugally). The weight of the search and the number of passages are those with the highest
exact match; the confidence is a logistic regression on score and margin; the threshold is where
answering and refusing are both as right as can be on benchmarks/questions/shipped-dev.jsonl, over
the collection that ships.
"""

from __future__ import annotations

import json
import random
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import machine
from benchmarks.asking import exactly, load_shipped_questions
from frugally import Answer, Collection
from frugally.ask.weighing import Weighing, lead
from frugally.cli.opening import SHIPPED
from frugally.fit.reader.calibration import calibration_error
from frugally.fit.reader.examples import hold_out
from frugally.fit.reader.fitting import HELD_OUT_SHARE
from frugally.fit.squad import load_squad, normalise_answer
from frugally.nets.reader import LstmReader, shipped_reader

MOST = 30
PASSAGES = (5, 8, 12, 16, 20, 30)
RETRIEVAL = (0.0, 0.3, 0.6, 1.0, 1.4, 1.8, 2.3, 3.0, 4.0)


@dataclass(frozen=True, slots=True)
class Read:
    """What the reader said of the passages of one question, in the order of the search."""

    reader: NDArray[np.float64]
    search: NDArray[np.float64]
    right: NDArray[np.bool_]
    answers: list[str]


def read_all(
    collection: Collection, reader: LstmReader, asked: list[tuple[str, tuple[str, ...]]]
) -> list[Read]:
    """Read the best MOST passages of every question."""
    done = []
    for number, (question, answers) in enumerate(asked):
        hits = collection.search(question, MOST)
        spans = reader.read(question, [hit.text for hit in hits])
        pairs = [(hit, span) for hit, span in zip(hits, spans, strict=True) if span is not None]
        done.append(
            Read(
                np.array([span.score for _, span in pairs]),
                np.array([hit.score for hit, _ in pairs]),
                np.array([exactly(h.text[s.start : s.end], answers) for h, s in pairs], bool),
                [normalise_answer(h.text[s.start : s.end]) for h, s in pairs],
            )
        )
        if number % 100 == 99:
            print(f"{number + 1} of {len(asked)} questions read", file=sys.stderr)
    return done


def weighed(read: Read, weighing: Weighing) -> tuple[float, float | None, bool]:
    """The best score, that of the best other answer, and whether the best is right."""
    n = weighing.passages
    scores = read.reader[:n] + weighing.retrieval * (read.search[:n] - read.search[0])
    best = int(np.argmax(scores))
    others = [s for s, a in zip(scores, read.answers, strict=False) if a != read.answers[best]]
    return float(scores[best]), max(others, default=None), bool(read.right[best])


def fit_confidence(reads: list[Read], weighing: Weighing) -> Weighing:
    """Logistic regression of being right on score and lead, by Newton's method."""
    results = [weighed(read, weighing) for read in reads]
    design = np.array([(score, lead(score, other), 1.0) for score, other, _ in results])
    target = np.array([right for _, _, right in results], float)
    weights = np.zeros(3)
    for _ in range(50):
        p = 1 / (1 + np.exp(-design @ weights))
        curvature = (design * (p * (1 - p))[:, None]).T @ design + 1e-3 * np.eye(3)
        weights += np.linalg.solve(curvature, design.T @ (target - p) - 1e-3 * weights)
    slope, margin, offset = (round(float(w), 4) for w in weights)
    return replace(weighing, slope=slope, margin=margin, offset=offset)


def fit_threshold(weighing: Weighing) -> tuple[float, list[tuple[float, float, float]]]:
    """The threshold with the best mean of exact match and refusals, and the curve it is on."""
    collection = Collection.open(SHIPPED)
    results = [
        (q, collection.ask(q["question"], weighing=weighing, threshold=0.0))
        for q in load_shipped_questions("shipped-dev")
    ]
    curve = []
    for threshold in np.arange(0.0, 0.8, 0.02):
        right = refused = answerable = unanswerable = 0
        for question, result in results:
            said = isinstance(result, Answer) and result.confidence >= threshold
            if question["answers"]:
                answerable += 1
                right += said and exactly(result.text, question["answers"])
            else:
                unanswerable += 1
                refused += not said
        curve.append((round(float(threshold), 2), right / answerable, refused / unanswerable))
    return max(curve, key=lambda point: point[1] + point[2])[0], curve


def main() -> None:
    """Fit everything and print the constants."""
    parser = machine.arguments("Fit how reader and search are weighed.")
    parser.add_argument("--collection", type=Path, required=True)
    parser.add_argument("--questions", type=int, default=800)
    options = parser.parse_args()
    data = machine.needs(options.data, "squad")
    reader = shipped_reader()
    seed = int(reader.card["training"]["seed"])
    _, held = hold_out(load_squad(data / "squad", "train-v1.1"), HELD_OUT_SHARE, seed)
    asked = [(q.text, q.answers) for paragraph in held for q in paragraph.questions]
    asked = random.Random(0).sample(asked, min(options.questions, len(asked)))
    reads = read_all(Collection.open(options.collection), reader, asked)
    best, best_right = Weighing(), -1
    for passages in PASSAGES:
        for retrieval in RETRIEVAL:
            candidate = Weighing(passages=passages, retrieval=retrieval)
            right = sum(weighed(read, candidate)[2] for read in reads)
            print(f"{passages} passages, retrieval {retrieval}: {right / len(reads):.3f}")
            if right > best_right:
                best, best_right = candidate, right
    best = fit_confidence(reads, best)
    results = [weighed(read, best) for read in reads]
    confidence = [best.confidence(score, other) for score, other, _ in results]
    error = calibration_error(confidence, [right for _, _, right in results])
    threshold, curve = fit_threshold(best)
    for point in curve:
        print("threshold {:.2f}: {:.2f} right, {:.2f} refused".format(*point))
    best = replace(best, threshold=threshold)
    result = {
        "machine": machine.describe("numpy", "onnxruntime"),
        "questions": len(reads),
        "exact_match": best_right / len(reads),
        "calibration_error": error,
        "weighing": {name: getattr(best, name) for name in Weighing.__dataclass_fields__},
        "risk_coverage": curve,
    }
    machine.save("weighing", result)
    print(json.dumps(result["weighing"], indent=1))


if __name__ == "__main__":
    main()
