"""The shipped reader on SQuAD: quality, knowing when it does not know, and speed.

    python -m benchmarks.reading --data DIR

DIR (or the environment variable FRUGALLY_DATA) holds squad/dev-v1.1.json and dev-v2.0.json, plain
or as .xz, from https://rajpurkar.github.io/SQuAD-explorer/. Neither was used in training or for
any choice. Writes benchmarks/results/reading.json and prints a table.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

from benchmarks import machine
from frugally.cost import metered
from frugally.fit.reader.scoring import answerable_auroc, squad_scores
from frugally.fit.squad import Paragraph, load_squad
from frugally.nets.reader import LstmReader, shipped_reader

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


def run(data: Path) -> dict[str, Any]:
    """All figures, ready for JSON."""
    reader = shipped_reader()
    squad = data / "squad"
    dev = load_squad(squad, "dev-v1.1")
    scores = squad_scores(reader, dev)
    return {
        "machine": machine.describe("numpy", "onnxruntime"),
        "reader": {
            "bytes": reader.card["bytes"],
            "sha256": reader.card["files"]["reader.onnx"]["sha256"],
        },
        "squad_1_1_dev": scores,
        "squad_2_0_dev_answerable_auroc": answerable_auroc(reader, load_squad(squad, "dev-v2.0")),
        "speed": speed(reader, dev),
    }


def render(result: dict[str, Any]) -> str:
    """The table of docs/benchmarks.md."""
    scores, fast = result["squad_1_1_dev"], result["speed"]
    rows = [
        ["SQuAD 1.1 dev, exact match / F1", f"{scores['em']:.1f} / {scores['f1']:.1f}"],
        [
            "SQuAD 2.0 dev, AUROC of the score: answerable or not",
            f"{result['squad_2_0_dev_answerable_auroc']:.3f}",
        ],
        ["files", f"{result['reader']['bytes'] / 1e6:.2f} MB"],
        [f"{fast['passages']} passages of 100 to 140 words", f"{fast['median_ms']:.0f} ms"],
        ["the same, work", f"{fast['gflop']:.1f} GFLOP"],
    ]
    return machine.table(["the shipped reader", ""], rows)


def main() -> None:
    """Measure, write and print."""
    parser = machine.arguments("The shipped reader on SQuAD.")
    result = run(machine.needs(parser.parse_args().data, "squad"))
    machine.save("reading", result)
    print(render(result))


if __name__ == "__main__":
    main()
