"""Asking: exact match, refusals, latency, cost per question, and the command from a cold shell.

    python -m benchmarks.asking [--data DIR --collection FOLDER] [--questions 300]

Over the collection that ships: 200 questions it answers and 100 it does not
(benchmarks/questions/shipped.jsonl). With --data and --collection (what `python -m
benchmarks.retrieval --work FOLDER` leaves in FOLDER/frugally), also over the 508,684 passages.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.passages import questions
from frugally import Answer, Collection
from frugally.budget import format_flops
from frugally.cli.opening import SHIPPED
from frugally.fit.squad import exact_match

QUESTIONS = Path(__file__).parent / "questions"
FIRST = "What is the capital of Australia?"


def exactly(text: str, answers: Iterable[str]) -> bool:
    """Whether SQuAD's evaluation takes the text for one of the answers."""
    return bool(exact_match(text, tuple(answers)))


def load_shipped_questions(name: str) -> list[dict[str, Any]]:
    """The questions of a set that go with the shipped collection."""
    lines = (QUESTIONS / f"{name}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def ask_shipped() -> dict[str, Any]:
    """Exact match on what the shipped collection answers, refusals on what it does not."""
    collection = Collection.open(SHIPPED)
    right = answered = answerable = refused = unanswerable = 0
    times = []
    for question in load_shipped_questions("shipped"):
        started = time.perf_counter()
        result = collection.ask(question["question"])
        times.append(time.perf_counter() - started)
        said = isinstance(result, Answer)
        if question["answers"]:
            answerable += 1
            answered += said
            right += said and exactly(result.text, question["answers"])
        else:
            unanswerable += 1
            refused += not said
    return {
        "answerable": answerable,
        "answered": answered / answerable,
        "exact_match": right / answerable,
        "unanswerable": unanswerable,
        "refused": refused / unanswerable,
        "median_ms": float(np.median(times)) * 1e3,
    }


def ask_large(data: Path, folder: Path, count: int) -> dict[str, Any]:
    """Latency, cost and exact match over the large collection, warm, nothing read before."""
    collection = Collection.open(folder)
    asked = random.Random(0).sample(questions(data, "dev"), count)
    for question in asked[:5]:
        collection.ask(question.text, threshold=0.0)
    times, flops, right = [], [], 0
    for question in asked:
        started = time.perf_counter()
        result = collection.ask(question.text, threshold=0.0)
        times.append(time.perf_counter() - started)
        flops.append(result.cost.flops)
        right += isinstance(result, Answer) and exactly(result.text, question.answers)
    return {
        "passages": collection.passages,
        "questions": count,
        "exact_match": right / count,
        "median_ms": float(np.median(times)) * 1e3,
        "p99_ms": float(np.percentile(times, 99)) * 1e3,
        "median_flops": float(np.median(flops)),
    }


def cold_command(times: int = 7) -> dict[str, float]:
    """Seconds of `frugally "…"` in a new process, kernels cached; and with no kernel cached."""
    command = [sys.executable, "-m", "frugally", FIRST]
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        taken.append(time.perf_counter() - started)
    with tempfile.TemporaryDirectory() as cache:
        # A cache of its own that is empty, as after installing.
        environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env=environment)
        first = time.perf_counter() - started
    return {"cold_median_s": float(np.median(taken)), "first_after_install_s": first}


def render(result: dict[str, Any]) -> str:
    """The table of docs/benchmarks.md."""
    shipped, command = result["shipped"], result["command"]
    rows = [
        ["exact match, 200 questions that the shipped collection answers",
         f"{shipped['exact_match']:.1%}"],
        ["refused, of 100 that it does not", f"{shipped['refused']:.1%}"],
        ["question to answer there, warm, median", f"{shipped['median_ms']:.0f} ms"],
        ["the command from a cold shell, kernels cached, median",
         f"{command['cold_median_s']:.2f} s"],
        ["the first question after installing", f"{command['first_after_install_s']:.1f} s"],
    ]  # fmt: skip
    if "large" in result:
        large = result["large"]
        where = f"over {large['passages']:,} passages"
        rows += [
            [f"question to answer {where}, warm, median", f"{large['median_ms']:.0f} ms"],
            ["the same, 99th percentile", f"{large['p99_ms']:.0f} ms"],
            ["the same, median cost", format_flops(large["median_flops"])],
            [f"exact match, SQuAD dev questions {where}", f"{large['exact_match']:.1%}"],
        ]
    return machine.table(["what", "figure"], rows)


def main() -> None:
    """Run it, keep the result, print the table."""
    parser = machine.arguments("Asking: quality, latency and cost.")
    parser.add_argument("--collection", type=Path, help="the large collection")
    parser.add_argument("--questions", type=int, default=300)
    options = parser.parse_args()
    result: dict[str, Any] = {"machine": machine.describe("onnxruntime", "numba", "numpy")}
    result["command"] = cold_command()
    result["shipped"] = ask_shipped()
    if options.collection:
        data = machine.needs(options.data, "squad")
        result["large"] = ask_large(data, options.collection, options.questions)
    machine.save("asking", result)
    print(render(result))


if __name__ == "__main__":
    main()
