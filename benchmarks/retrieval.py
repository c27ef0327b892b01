"""Retrieval: quality, build speed, memory, size and latency beside tantivy, bm25s and the seed.

python -m benchmarks.retrieval --data DIR [--questions 1000] [--work FOLDER]
"""

from __future__ import annotations

import random
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine, memory
from benchmarks.passages import Question, questions, write_jsonl
from benchmarks.peers import PEERS, Search
from frugally.budget import format_bytes


def ask_all(search: Search, asked: list[Question]) -> dict[str, float]:
    """Share of questions whose paragraph is first, or among five; latency in ms, warm, k = 5."""
    for question in asked[:50]:
        search(question.text, 5)
    first = among = 0
    times = []
    for question in asked:
        started = time.perf_counter()
        found = search(question.text, 5)
        times.append(time.perf_counter() - started)
        first += found[:1] == [question.passage]
        among += question.passage in found
    return {
        "r1": first / len(asked),
        "r5": among / len(asked),
        "median_ms": float(np.median(times)) * 1e3,
        "p99_ms": float(np.percentile(times, 99)) * 1e3,
    }


def folder_size(folder: Path, *, texts: bool = True) -> int:
    """Bytes of all files; without `texts`, those that store documents are left out."""
    files = [p for p in folder.rglob("*") if p.is_file()]
    stored = ("documents.sqlite", ".store")
    return sum(p.stat().st_size for p in files if texts or not p.name.endswith(stored))


def build_all(work: Path, source: Path) -> dict[str, list[memory.Run]]:
    """Build every peer in a process of its own; the quick ones three times, in turns."""
    built: dict[str, list[memory.Run]] = {name: [] for name in PEERS}
    for turn in range(3):
        for name in PEERS:
            if turn and name not in ("frugally", "tantivy"):
                continue
            folder = work / name.split()[0]
            shutil.rmtree(folder, ignore_errors=True)
            command = [sys.executable, "-m", "benchmarks.peers", name, str(source), str(folder)]
            built[name].append(memory.run(command))
    return built


def measure(
    work: Path, source: Path, asked: list[Question], slow: list[Question]
) -> dict[str, Any]:
    """Build and ask every peer in turn; the slow one is asked a sample."""
    results: dict[str, Any] = {}
    for name, runs in build_all(work, source).items():
        _, open_peer, what = PEERS[name]
        folder = work / name.split()[0]
        sample = slow if name.startswith("seed") else asked
        seconds = [float(run.output.split()[-1]) for run in runs]
        results[name] = {
            "what": what,
            "build_seconds": statistics.median(seconds),
            "builds": seconds,
            "build_peak_bytes": max(run.peak for run in runs),
            "bytes": folder_size(folder),
            "index_bytes": folder_size(folder, texts=False),
            "questions": len(sample),
            **ask_all(open_peer(folder), sample),
        }
        print(name, results[name], file=sys.stderr)
    return results


def render(result: dict[str, Any]) -> str:
    """The table of docs/benchmarks.md."""
    base = result["systems"]["tantivy"]["build_seconds"]
    rows = [
        [
            name,
            f"{r['r1']:.3f} / {r['r5']:.3f}",
            f"{r['build_seconds']:.1f} s ({base / r['build_seconds']:.1f} ×)",
            format_bytes(r["build_peak_bytes"]),
            format_bytes(r["index_bytes"]),
            f"{r['median_ms']:.2f} / {r['p99_ms']:.2f} ms",
            r["what"],
        ]
        for name, r in result["systems"].items()
    ]
    head = ["", "R@1 / R@5", "build (× tantivy)", "peak", "index", "query median / p99", ""]
    return machine.table(head, rows)


def main() -> None:
    """Run it, keep the result, print the table."""
    parser = machine.arguments(__doc__ or "")
    parser.add_argument("--questions", type=int, help="ask a sample (seed 0) instead of all")
    parser.add_argument("--work", type=Path, help="keep what is built here")
    options = parser.parse_args()
    data = machine.needs(options.data, "squad", "wiki")
    asked = questions(data, "dev")
    sample = random.Random(0).sample(asked, 1000)
    if options.questions:
        asked = random.Random(0).sample(asked, options.questions)
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        source = work / "passages.jsonl"
        count = write_jsonl(data, source)
        result = {
            "machine": machine.describe("tantivy", "bm25s", "scipy", "numba", "numpy"),
            "passages": count,
            "systems": measure(work, source, asked, sample),
        }
    machine.save("retrieval", result)
    print(render(result))


if __name__ == "__main__":
    main()
