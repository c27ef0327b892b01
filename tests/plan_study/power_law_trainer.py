"""A trainer that trains nothing: errors of a power law with noise, as a study sees them."""

from __future__ import annotations

import os
import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from frugally.nets.trainer import Outcome, Run

CAPACITIES = {"small": (1_000, 0.20), "middle": (10_000, 0.12), "large": (100_000, 0.08)}


@dataclass(frozen=True)
class PowerLawTrainer:
    """`broken` runs raise; the first time that `killed` is run its process dies."""

    examples: int = 16_000
    pause: float = 0.0
    broken: Run | None = None
    killed: Run | None = None
    trace: Path | None = None
    name: str = "power law"

    def about(self):
        return {
            "task": self.name,
            "examples": self.examples,
            "capacities": list(CAPACITIES),
            "variants": ["plain"],
            "unit": "examples",
        }

    def train(self, run: Run) -> Outcome:
        time.sleep(self.pause)
        if self.trace is not None:
            with self.trace.open("a") as file:
                file.write(f"{run.capacity} {run.size} {run.seed}\n")
        if run == self.broken:
            raise ValueError("the loss is no number")
        if run == self.killed and self.trace is not None:
            there = self.trace.with_suffix(".killed")
            if not there.exists():
                there.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        parameters, floor = CAPACITIES[run.capacity]
        noise = random.Random(repr(run)).gauss(0, 0.002)
        return Outcome(
            error=floor + 3 * run.size**-0.5 + noise,
            held_out=1000,
            parameters=parameters,
            seconds=run.size * parameters / 1e9,
        )
