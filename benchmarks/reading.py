"""The shipped reader on SQuAD: quality, knowing when it does not know, and speed.

    python -m benchmarks.reading --data DIR

DIR (or the environment variable FRUGALLY_DATA) holds squad/dev-v1.1.json and dev-v2.0.json, plain
or as .xz, from https://rajpurkar.github.io/SQuAD-explorer/. Neither was used in training or for
any choice. Writes benchmarks/results/reading.json and prints a table.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from frugally.cost import metered
from frugally.fit.reader.scoring import answerable_auroc, squad_scores
from frugally.fit.squad import Paragraph, load_squad
from frugally.nets.cpus import available_cpus
from frugally.nets.reader import LstmReader, shipped_reader

RESULTS = Path(__file__).parent / "results" / "reading.json"

PASSAGES = 12
LEAST_WORDS, MOST_WORDS = 100, 140


def speed(reader: LstmReader, paragraphs: list[Paragraph], rounds: int = 60) -> dict[str, float]:
    """Milliseconds and FLOPs of one question that reads PASSAGES passages not read before."""
    fitting = [p for p in paragraphs if LEAST_WORDS <= len(p.context.split()) <= MOST_WORDS]
    times, flops = [], []
    for start in range(0, min(rounds * PASSAGES, len(fitting) - PASSAGES), PASSAGES):
        chosen = fitting[start : start + PASSAGES]
        with metered() as cost:
            begin = time.perf_counter()
            reader.read(chosen[0].questions[0].text, [p.context for p in chosen])
            times.append(1000 * (time.perf_counter() - begin))
        flops.append(cost.flops)
    # The first call warms the processor's caches and onnxruntime's memory.
    return {
        "passages": PASSAGES,
        "median_ms": statistics.median(times[1:]),
        "fastest_ms": min(times),
        "ms_per_passage": statistics.median(times[1:]) / PASSAGES,
        "gflop": statistics.median(flops) / 1e9,
    }


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = names[0].split(":", 1)[1].strip() if names else model
    return {"processor": model, "processors_used": available_cpus(), "system": platform.system()}


def run(data: Path) -> dict[str, Any]:
    """All figures, ready for JSON."""
    reader = shipped_reader()
    squad = data / "squad"
    dev = load_squad(squad, "dev-v1.1")
    scores = squad_scores(reader, dev)
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("frugally", "numpy", "onnxruntime")},
        },
        "reader": {
            "bytes": reader.card["bytes"],
            "sha256": reader.card["files"]["reader.onnx"]["sha256"],
        },
        "squad_1_1_dev": scores,
        "squad_2_0_dev_answerable_auroc": answerable_auroc(reader, load_squad(squad, "dev-v2.0")),
        "speed": speed(reader, dev),
    }


def table(results: dict[str, Any]) -> str:
    """The results as a markdown table."""
    scores, fast = results["squad_1_1_dev"], results["speed"]
    rows = [
        ("SQuAD 1.1 dev, exact match", f"{scores['em']:.2f} %"),
        ("SQuAD 1.1 dev, F1", f"{scores['f1']:.2f} %"),
        (
            "SQuAD 2.0 dev, AUROC of the score: answerable or not",
            f"{results['squad_2_0_dev_answerable_auroc']:.3f}",
        ),
        ("files", f"{results['reader']['bytes'] / 1e6:.2f} MB"),
        (f"{fast['passages']} passages of 100 to 140 words", f"{fast['median_ms']:.0f} ms"),
        ("the same, work", f"{fast['gflop']:.1f} GFLOP"),
    ]
    lines = ["| the shipped reader | |", "|---|---|", *(f"| {a} | {b} |" for a, b in rows)]
    where = results["machine"]
    lines.append(
        f"\n{where['processor']}, {where['processors_used']} processors, {results['date']}"
    )
    return "\n".join(lines)


def main() -> None:
    """Measure, write and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = os.environ.get("FRUGALLY_DATA")
    parser.add_argument("--data", type=Path, default=default, required=default is None)
    results = run(Path(parser.parse_args().data))
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(table(results))


if __name__ == "__main__":
    main()
