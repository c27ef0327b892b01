"""Scale: memory with five times the input, latency with ten times the collection.

    python -m benchmarks.scale --data DIR --work FOLDER [--memory-times 5] [--latency-times 10]

The larger collections are made of the same sentences, shuffled among neighbouring passages.
"""

from __future__ import annotations

import random
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine, memory
from benchmarks.passages import Question, questions, write_jsonl
from frugally import Collection
from frugally.budget import format_bytes
from frugally.cost import metered


def build(source: Path, folder: Path) -> memory.Run:
    """Build a collection in a process of its own."""
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "-m", "benchmarks.peers", "frugally", str(source), str(folder)]
    return memory.run(command)


def ask(folder: Path, asked: list[Question]) -> dict[str, float]:
    """Latency in ms and share of postings scored, warm, k = 5."""
    collection = Collection.open(folder)
    for question in asked[:100]:
        collection.match(question.text, 5)
    times, scored = [], []
    for question in asked:
        started = time.perf_counter()
        with metered() as cost:
            collection.match(question.text, 5)
        times.append(time.perf_counter() - started)
        scored.append(cost.postings_scored / max(1, cost.postings_total))
    return {
        "median_ms": float(np.median(times)) * 1e3,
        "p99_ms": float(np.percentile(times, 99)) * 1e3,
        "scored": float(np.median(scored)),
    }


def render(result: dict[str, Any]) -> str:
    """The table of docs/benchmarks.md."""
    base = result["sizes"][0]
    rows = [
        [
            f"{entry['times']} ×, {entry['passages']:,} passages",
            f"{entry['build_seconds']:.0f} s",
            f"{format_bytes(entry['peak_bytes'])} "
            f"({entry['peak_bytes'] / base['peak_bytes']:.2f} ×)",
            f"{entry['median_ms']:.2f} ms ({entry['median_ms'] / base['median_ms']:.2f} ×)",
            f"{entry['p99_ms']:.2f} ms",
            f"{entry['scored']:.1%}",
        ]
        for entry in result["sizes"]
    ]
    head = ["collection", "build", "peak memory", "query median", "99th percentile", "scored"]
    return machine.table(head, rows)


def main() -> None:
    """Run it, keep the result, print the table."""
    parser = machine.arguments("Scale: memory and latency of larger collections.")
    parser.add_argument("--work", type=Path, required=True, help="what is built is kept here")
    parser.add_argument("--memory-times", type=int, default=5)
    parser.add_argument("--latency-times", type=int, default=10)
    options = parser.parse_args()
    data = machine.needs(options.data, "squad", "wiki")
    options.work.mkdir(parents=True, exist_ok=True)
    asked = random.Random(0).sample(questions(data, "dev"), 1000)
    result: dict[str, Any] = {"machine": machine.describe("numba", "numpy"), "sizes": []}
    for times in sorted({1, options.memory_times, options.latency_times}):
        source = options.work / f"passages-{times}.jsonl"
        count = write_jsonl(data, source, times=times)
        folder = options.work / f"collection-{times}"
        built = build(source, folder)
        source.unlink()
        entry: dict[str, Any] = {
            "times": times,
            "passages": count,
            "build_seconds": float(built.output.split()[-1]),
            "peak_bytes": built.peak,
            **ask(folder, asked),
        }
        result["sizes"].append(entry)
    machine.save("scale", result)
    print(render(result))


if __name__ == "__main__":
    main()
