"""Does it read, or match strings? The reader against distractors, and by the answer's place.

    python -m benchmarks.robustness --data DIR [--questions 2000] [--reader FOLDER]

Questions of SQuAD's dev set, drawn with seed 0, each asked of its own paragraph: as it is, and with
a sentence that is like the question and does not answer it (`frugally.fit.reader.distractors`,
after Jia and Liang 2017) at its end or its beginning, or with that of a question about another
article, which is like this one in nothing but its form. Readers may have been trained against the
rules' sentences; so also with a form that no rule makes, the altered question itself in quotation
marks with its answer. And exact match by the sentence of the paragraph that holds the answer.
Prints tables, and for the shipped reader writes
benchmarks/results/robustness.json.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine
from frugally.fit.reader.distractors.making import Distractor, Distractors, reasons
from frugally.fit.squad import Paragraph, Question, exact_match, f1, load_squad, normalise_answer
from frugally.nets.reader import LstmReader, shipped_reader
from frugally.nets.reading import Reader
from frugally.text.sentences import sentences

SEED = 0
PLACES = ("first", "second", "third", "fourth and later")
WAYS = (
    "as it is",
    "another question's distractor at the end",
    "distractor at the end",
    "distractor at the beginning",
    "its question and answer, in words no rule makes",
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read out of one passage: right or not, its F1, and where it came from."""

    exact: float
    f1: float
    in_distractor: bool
    wrong_answer: bool


def mean(values: Sequence[float]) -> dict[str, float]:
    """The mean in percent, and half its 95 % interval by the normal approximation."""
    found = 100 * np.array(values)
    half = 1.96 * found.std(ddof=1) / np.sqrt(len(found)) if len(found) > 1 else float("nan")
    return {"mean": float(found.mean()), "half": float(half), "count": len(found)}


def read(
    reader: Reader, question: Question, passage: str, distractor: Distractor | None, at: int
) -> Reading:
    """One reading; the distractor, if any, stands at character `at` of the passage."""
    span = reader.read(question.text, [passage])[0]
    text = passage[span.start : span.end] if span else ""
    right = exact_match(text, question.answers)
    inside = wrong = False
    if distractor is not None and span is not None:
        inside = at <= span.start < at + len(distractor.text)
        said, fake = normalise_answer(text), normalise_answer(distractor.answer)
        wrong = inside and not right and bool(said) and said in fake
    return Reading(float(right), f1(text, question.answers), inside, wrong)


def ways(
    reader: Reader,
    paragraph: Paragraph,
    question: Question,
    distractor: Distractor,
    unlike: Distractor,
) -> dict[str, Reading]:
    """The readings of one question in all ways; `unlike` is the distractor of another question."""
    context, added = paragraph.context, distractor.text
    told = replace(
        distractor, text=f'Asked "{distractor.question}", people said {distractor.answer}.'
    )
    after = len(context) + 1
    return {
        WAYS[0]: read(reader, question, context, None, 0),
        WAYS[1]: read(reader, question, f"{context} {unlike.text}", unlike, after),
        WAYS[2]: read(reader, question, f"{context} {added}", distractor, after),
        WAYS[3]: read(reader, question, f"{added} {context}", distractor, 0),
        WAYS[4]: read(reader, question, f"{context} {told.text}", told, after),
    }


def place(paragraph: Paragraph, question: Question) -> str | None:
    """Which sentence holds the answer; None if the answer stands at more than one place."""
    if len(question.starts) != 1:
        return None
    ends = [sentence[-1].end for sentence in sentences(paragraph.context)]
    number = next((i for i, end in enumerate(ends) if end > question.starts[0]), len(ends) - 1)
    return PLACES[min(number, len(PLACES) - 1)]


def against_distractors(found: Sequence[dict[str, Reading]]) -> dict[str, Any]:
    """Scores in all ways over the same questions, and what the distractor took."""
    plain = [one[WAYS[0]] for one in found]
    scores: dict[str, Any] = {}
    for way in WAYS:
        readings = [one[way] for one in found]
        scores[way] = {
            "exact_match": mean([r.exact for r in readings]),
            "f1": mean([r.f1 for r in readings]),
            "lost": mean([a.exact - b.exact for a, b in zip(plain, readings, strict=True)]),
            "from_distractor": mean([float(r.in_distractor) for r in readings]),
            "wrong_answer": mean([float(r.wrong_answer) for r in readings]),
        }
    return scores


def by_place(exact: Sequence[float], places: Sequence[str | None]) -> dict[str, Any]:
    """Exact match by the answer's sentence, and what is lost after the first."""
    groups = {name: [e for e, p in zip(exact, places, strict=True) if p == name] for name in PLACES}
    first, later = mean(groups[PLACES[0]]), mean([e for name in PLACES[1:] for e in groups[name]])
    return {
        "places": {name: mean(values) for name, values in groups.items() if values},
        "lost_after_first": {
            "mean": first["mean"] - later["mean"],
            # The two groups are of different questions, so their variances add.
            "half": float(np.hypot(first["half"], later["half"])),
        },
        "more_than_one_place": sum(name is None for name in places),
    }


def measure(reader: Reader, dev: Sequence[Paragraph], questions: int) -> dict[str, Any]:
    """All figures of one reader."""
    made = list(Distractors(dev).of_all(dev, SEED))
    asked = [(p, q, one) for (p, q), one in zip(_pairs(dev), made, strict=True)]
    chosen = random.Random(SEED).sample(asked, min(questions, len(asked)))
    exact, readings = [], []
    ring = [(p.title, one) for p, _, one in chosen if isinstance(one, Distractor)]
    for paragraph, question, one in chosen:
        if isinstance(one, Distractor):
            # A sentence about another article: what any added sentence costs.
            after = (ring[len(readings) :] + ring)[1:]
            unlike = next(other for title, other in after if title != paragraph.title)
            readings.append(ways(reader, paragraph, question, one, unlike))
            exact.append(readings[-1][WAYS[0]].exact)
        else:
            exact.append(read(reader, question, paragraph.context, None, 0).exact)
    counts: Counter[str] = reasons(made)
    return {
        "questions": len(chosen),
        "distractors": {"of": len(made), **counts},
        "ways": against_distractors(readings),
        **by_place(exact, [place(p, q) for p, q, _ in chosen]),
    }


def _pairs(paragraphs: Sequence[Paragraph]) -> list[tuple[Paragraph, Question]]:
    return [(p, q) for p in paragraphs for q in p.questions]


def _shown(value: dict[str, float]) -> str:
    return f"{value['mean']:.1f} ± {value['half']:.1f}"


def render(result: dict[str, Any]) -> str:
    """The tables of docs/benchmarks.md."""
    rows = []
    for way in WAYS:
        one = result["ways"][way]
        plain = way == WAYS[0]
        rows.append(
            [
                way,
                _shown(one["exact_match"]),
                _shown(one["f1"]),
                "" if plain else _shown(one["lost"]),
                "" if plain else f"{one['from_distractor']['mean']:.1f}",
                "" if plain else f"{one['wrong_answer']['mean']:.1f}",
            ]
        )
    head = [
        "the passage",
        "exact match",
        "F1",
        "exact match lost",
        "answers from the distractor, %",
        "the wrong answer or part of it, %",
    ]
    places = [[name, f"{one['count']:,}", _shown(one)] for name, one in result["places"].items()]
    count = result["ways"][WAYS[0]]["f1"]["count"]
    made, total = result["distractors"]["made"], result["distractors"]["of"]
    return (
        f"{machine.table(head, rows)}\n\n"
        f"{count:,} of {result['questions']:,} questions, those with a distractor "
        f"({100 * made / total:.0f} % of all {total:,}); ± is the 95 % interval.\n\n"
        f"{machine.table(['sentence with the answer', 'questions', 'exact match'], places)}\n\n"
        f"Lost after the first sentence: {_shown(result['lost_after_first'])}. Left out: "
        f"{result['more_than_one_place']:,} questions whose answer stands at more than one place."
    )


def main() -> None:
    """Measure, write and print."""
    parser = machine.arguments("The reader against distractors.")
    parser.add_argument("--questions", type=int, default=2000)
    parser.add_argument("--reader", type=Path, help="a fitted reader; the shipped one if not given")
    options = parser.parse_args()
    data = machine.needs(options.data, "squad")
    reader = LstmReader.load(options.reader) if options.reader else shipped_reader()
    result = {
        "machine": machine.describe("numpy", "onnxruntime"),
        "reader": reader.card["files"]["reader.onnx"]["sha256"],
        **measure(reader, load_squad(data / "squad", "dev-v1.1"), options.questions),
    }
    if options.reader is None:
        machine.save("robustness", result)  # what is kept is about the reader that ships
    print(render(result))


if __name__ == "__main__":
    main()
