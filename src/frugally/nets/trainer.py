"""What a study asks of whoever trains nets: one net, on so much of the data, and its error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Run:
    """One training: the kind of study, which of the capacities, how many examples, which seed."""

    variant: str
    capacity: str
    size: int
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`error` is the share of `held_out` examples that a net of `parameters` numbers gets wrong."""

    error: float
    held_out: int
    parameters: int
    seconds: float


class Trainer(Protocol):
    """Trains nets of several capacities. It is sent to other processes, so it must be picklable."""

    def about(self) -> dict[str, Any]:
        """Task, data with its digests and settings, for JSON: a study goes on with nothing else.

        `examples` is how many there are to learn from, `capacities` the names of the nets, the
        smallest first, `variants` the kinds of study, and `unit` what an example is.
        """
        ...

    def train(self, run: Run) -> Outcome:
        """Train one net; the same outcome whenever and wherever it is asked for, but for seconds.

        The examples of a smaller size are among those of a larger one with the same seed.
        """
        ...
