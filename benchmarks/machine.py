"""What the benchmarks share: where data lies, what machine this is, and how results are kept."""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from frugally.files.disk import write_whole

RESULTS = Path(__file__).parent / "results"


def arguments(description: str) -> argparse.ArgumentParser:
    """A parser with `--data`; its default is FRUGALLY_DATA."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("FRUGALLY_DATA"),
        help="the folder that holds squad/, vision/, … (or set FRUGALLY_DATA)",
    )
    return parser


def needs(folder: Path | None, *names: str) -> Path:
    """The data folder, if it holds these; otherwise end with a clear word."""
    if folder is None:
        sys.exit("skipped: no data folder; give --data DIR or set FRUGALLY_DATA")
    missing = [name for name in names if not (Path(folder) / name).exists()]
    if missing:
        sys.exit(f"skipped: {folder} does not hold {', '.join(missing)}")
    return Path(folder)


def describe(*packages: str) -> dict[str, Any]:
    """The machine, the date, and the versions of some packages."""
    model = "unknown"
    if Path("/proc/cpuinfo").is_file():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), model)
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "processor": model,
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in packages},
    }


def load(name: str) -> dict[str, Any] | None:
    """A kept result, if there is one."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text("utf-8")) if path.is_file() else None


def save(name: str, result: dict[str, Any]) -> None:
    """Keep a result as JSON; one that is interrupted leaves what was kept before."""
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(result, indent=1, ensure_ascii=False)
    write_whole(RESULTS / f"{name}.json", f"{text}\n".encode())


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
