"""Fit the constants of `frugally.ask.weighing`.

    python -m benchmarks.weighing --data DIR --collection FOLDER [--questions 2000]

Questions are of SQuAD articles that the reader's training held out; they are asked over the
collection of the retrieval benchmark (`python -m benchmarks.retrieval --work FOLDER` leaves it in
FOLDER/frugally). The passages are the fewest with which exact match is within WORTH of the highest,
the weight of the search that with which it is highest then; the ceiling, which settles answers
early, is the lowest that loses no more than ALLOWED of it;
the confidence is a logistic regression on score and margin; the threshold is where answering and
refusing are both as right as can be on benchmarks/questions/shipped-dev.jsonl, over the collection
that ships.
"""

from __future__ import annotations

import json
import math
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
from frugally.fit.reader.examples import hold_out
from frugally.fit.reader.fitting import HELD_OUT_SHARE
from frugally.fit.squad import f1, load_squad, normalise_answer
from frugally.nets.reader import LstmReader, shipped_reader

MOST = 30
PASSAGES = (5, 8, 12, 16, 20, 30)
RETRIEVAL = (0.0, 0.3, 0.6, 1.0, 1.4, 1.8, 2.3, 3.0, 4.0)
CEILINGS = tuple(range(0, 41))
WORTH = 0.005  # of exact match, that reading more passages is worth
ALLOWED = 0.001  # of it, that settling an answer early may lose


@dataclass(frozen=True, slots=True)
class Read:
    """What the reader said of the passages of one question, in the order of the search."""

    reader: NDArray[np.float64]
    search: NDArray[np.float64]
    right: NDArray[np.bool_]
    f1: NDArray[np.float64]
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
        if not pairs:  # nothing shares a word with the question
            continue
        done.append(
            Read(
                np.array([span.score for _, span in pairs]),
                np.array([hit.score for hit, _ in pairs]),
                np.array([exactly(h.text[s.start : s.end], answers) for h, s in pairs], bool),
                np.array([f1(h.text[s.start : s.end], answers) for h, s in pairs]),
                [normalise_answer(h.text[s.start : s.end]) for h, s in pairs],
            )
        )
        if number % 100 == 99:
            print(f"{number + 1} of {len(asked)} questions read", file=sys.stderr)
    return done


@dataclass(frozen=True, slots=True)
class Result:
    """The best passage by its place, its score, the best other answer's, and how many were read."""

    best: int
    score: float
    runner_up: float | None
    passages: int


def weighed(read: Read, weighing: Weighing) -> Result:
    """What reading best first comes to, as `frugally.ask.reading` does it."""
    most = min(weighing.passages, len(read.reader))
    gaps = read.search - read.search[0]
    scores = read.reader + weighing.retrieval * gaps
    n = size = 0
    while n < most:
        size += weighing.together
        n = min(most, n + size)
        if n < most and scores[:n].max() > weighing.highest(float(gaps[n])):
            break
    best = int(np.argmax(scores[:n]))
    others = [s for s, a in zip(scores[:n], read.answers, strict=False) if a != read.answers[best]]
    return Result(best, float(scores[best]), max(others, default=None), n)


def exact(reads: list[Read], weighing: Weighing) -> float:
    """The share of questions that are answered right."""
    return float(np.mean([read.right[weighed(read, weighing).best] for read in reads]))


def fit_choice(reads: list[Read]) -> Weighing:
    """How many passages, what the search weighs, and when an answer is settled."""
    whole = [
        Weighing(passages=passages, retrieval=retrieval, ceiling=math.inf)
        for passages in PASSAGES
        for retrieval in RETRIEVAL
    ]
    scores = {candidate: exact(reads, candidate) for candidate in whole}
    goal = max(scores.values()) - WORTH
    fewest = min(candidate.passages for candidate in whole if scores[candidate] >= goal)
    best = max((c for c in whole if c.passages == fewest), key=scores.__getitem__)
    least = scores[best] - ALLOWED
    ceilings = (replace(best, ceiling=float(ceiling)) for ceiling in CEILINGS)
    return next((early for early in ceilings if exact(reads, early) >= least), best)


def fit_confidence(reads: list[Read], weighing: Weighing) -> Weighing:
    """Logistic regression of being right on score and lead, by Newton's method.

    These questions have one reference answer each. Somebody else might have marked a word more or
    less, as the three of a dev question show: so it is the F1 with the one that is taken for the
    chance of being right.
    """
    results = [weighed(read, weighing) for read in reads]
    design = np.array([(r.score, lead(r.score, r.runner_up), 1.0) for r in results])
    target = np.array([read.f1[r.best] for read, r in zip(reads, results, strict=True)])
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
    parser.add_argument("--questions", type=int, default=2000)
    options = parser.parse_args()
    data = machine.needs(options.data, "squad")
    reader = shipped_reader()
    seed = int(reader.card["training"]["seed"])
    _, held = hold_out(load_squad(data / "squad", "train-v1.1"), HELD_OUT_SHARE, seed)
    asked = [(q.text, q.answers) for paragraph in held for q in paragraph.questions]
    asked = random.Random(0).sample(asked, min(options.questions, len(asked)))
    reads = read_all(Collection.open(options.collection), reader, asked)
    best = fit_confidence(reads, fit_choice(reads))
    results = [weighed(read, best) for read in reads]
    right = [bool(read.right[r.best]) for read, r in zip(reads, results, strict=True)]
    threshold, curve = fit_threshold(best)
    for point in curve:
        print("threshold {:.2f}: {:.2f} right, {:.2f} refused".format(*point))
    best = replace(best, threshold=threshold)
    result = {
        "machine": machine.describe("numpy", "onnxruntime"),
        "questions": len(reads),
        "exact_match": sum(right) / len(reads),
        "passages_read": float(np.mean([r.passages for r in results])),
        "weighing": {name: getattr(best, name) for name in Weighing.__dataclass_fields__},
        "risk_coverage": curve,
    }
    machine.save("weighing", result)
    print(json.dumps(result["weighing"], indent=1))


if __name__ == "__main__":
    main()
