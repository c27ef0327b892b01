"""Peak memory of a command and all its children: anonymous and shared memory, added up."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Run:
    """What a command printed, how long it took in seconds, and its peak in bytes."""

    output: str
    seconds: float
    peak: int


def run(command: Sequence[str]) -> Run:
    """Run a command to its end, looking at its memory every 20 ms."""
    started = time.perf_counter()
    peak = 0
    with tempfile.TemporaryFile("w+") as printed:
        with subprocess.Popen(command, stdout=printed) as process:
            while process.poll() is None:
                peak = max(peak, sum(map(_memory, _family(process.pid))))
                time.sleep(0.02)
        seconds = time.perf_counter() - started
        printed.seek(0)
        output = printed.read()
    if process.returncode:
        raise RuntimeError(f"{command} failed with {process.returncode}")
    return Run(output, seconds, peak)


def _family(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(c) for t in tasks for c in (t / "children").read_text().split()]
    except (OSError, ValueError):
        return [pid]
    return [pid, *(p for child in children for p in _family(child))]


def _memory(pid: int) -> int:
    # Counters that the kernel keeps: adding up the mappings would hold up their page faults.
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    wanted = ("RssAnon:", "RssShmem:")
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(wanted))
