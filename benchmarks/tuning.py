"""The constants of the search: buckets, weight of titles, BM25's k1 and b, weight of bigrams.

python -m benchmarks.tuning --data DIR [--questions 3000] [--work FOLDER]

All on train questions of SQuAD over the passages of the retrieval benchmark, which reports what is
chosen here on dev questions.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.passages import Question, questions, write_jsonl
from frugally import Collection, Ranking
from frugally.budget import format_bytes

SEED = 2
DEFAULT = (24, 1)
RECIPES = (DEFAULT, (26, 1), (32, 1), (24, 0), (24, 2))
"""Bits of a term, and how often a title counts."""
K1 = (0.3, 0.45, 0.6, 0.9)
B = (0.1, 0.2, 0.4)
BIGRAMS = (0.0, 0.1, 0.2, 0.3, 0.5, 1.0)


def recalls(
    collection: Collection, asked: Sequence[Question], ranking: Ranking | None = None
) -> dict[str, float]:
    """Share of questions whose paragraph is first, or among five."""
    first = among = 0
    for question in asked:
        found = [m.passage for m in collection.match(question.text, 5, ranking=ranking)]
        first += found[:1] == [question.passage]
        among += question.passage in found
    return {"r1": first / len(asked), "r5": among / len(asked)}


def measure(work: Path, source: Path, asked: Sequence[Question]) -> dict[str, Any]:
    """Build a collection a recipe and ask it; the default one with every ranking, too."""
    result: dict[str, Any] = {"collections": [], "grid": [], "bigrams": []}
    for bits, title_weight in RECIPES:
        folder = work / f"bits-{bits}-title-{title_weight}"
        shutil.rmtree(folder, ignore_errors=True)
        collection = Collection.create(folder, bits=bits, title_weight=title_weight)
        collection.add_files([source], longest=1 << 20)
        status = collection.status()
        row = {
            "bits": bits,
            "title_weight": title_weight,
            "index_bytes": status["index_bytes"],
            "colliding_terms_expected": status["colliding_terms_expected"],
            "colliding_terms_measured": status["colliding_terms_measured"],
            **recalls(collection, asked),
        }
        result["collections"].append(row)
        print(row, file=sys.stderr)
        if (bits, title_weight) == DEFAULT:
            for k1 in K1:
                for b in B:
                    row = {"k1": k1, "b": b, **recalls(collection, asked, Ranking(k1=k1, b=b))}
                    result["grid"].append(row)
                    print(row, file=sys.stderr)
            for weight in BIGRAMS:
                row = {"bigram": weight, **recalls(collection, asked, Ranking(bigram=weight))}
                result["bigrams"].append(row)
                print(row, file=sys.stderr)
        del collection
        shutil.rmtree(folder)
    return result


def render(result: dict[str, Any]) -> str:
    """The tables of docs/benchmarks.md."""
    collections = [
        [
            f"2^{r['bits']}",
            r["title_weight"],
            _both(r),
            format_bytes(r["index_bytes"]),
            f"{r['colliding_terms_expected']:.1%}",
        ]
        for r in result["collections"]
    ]
    cells = {(r["k1"], r["b"]): _both(r) for r in result["grid"]}
    ours = Ranking()
    return "\n\n".join(
        [
            f"R@1 / R@5 on {result['questions']:,} train questions.",
            machine.table(
                ["buckets", "a title counts", "R@1 / R@5", "index", "terms that share a bucket"],
                collections,
            ),
            machine.table(
                ["", *(f"b = {b}" for b in B)],
                [[f"k1 = {k1}", *(cells[k1, b] for b in B)] for k1 in K1],
            ),
            machine.table(
                ["weight of a bigram", *(r["bigram"] for r in result["bigrams"])],
                [["R@1 / R@5", *map(_both, result["bigrams"])]],
            ),
            f"The defaults: 2^{DEFAULT[0]} buckets, a title counts {DEFAULT[1]} ×, "
            f"k1 = {ours.k1}, b = {ours.b}, bigrams {ours.bigram}.",
        ]
    )


def _both(row: dict[str, float]) -> str:
    return f"{row['r1']:.3f} / {row['r5']:.3f}"


def main() -> None:
    """Run it, keep the result, print the tables."""
    parser = machine.arguments(__doc__ or "")
    parser.add_argument("--questions", type=int, default=3000, help="how many (seed 2)")
    parser.add_argument("--work", type=Path, help="where to build; collections are removed again")
    options = parser.parse_args()
    data = machine.needs(options.data, "squad", "wiki")
    asked = random.Random(SEED).sample(questions(data, "train"), options.questions)
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        source = work / "passages.jsonl"
        count = write_jsonl(data, source)
        result = {
            "machine": machine.describe("numba", "numpy"),
            "passages": count,
            "questions": len(asked),
            **measure(work, source, asked),
        }
    machine.save("tuning", result)
    print(render(result))


if __name__ == "__main__":
    main()
