"""What a piece of work took: seconds, bytes, floating-point operations, passages, postings."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass

from frugally.budget import format_bytes, format_flops, format_seconds


@dataclass(slots=True, kw_only=True)
class Cost:
    """Counters of one piece of work.

    `passages_read` is how many passages went through the reader, of `passages_total` in the
    collection; `postings_scored` of `postings_total` in the lists of the query's terms;
    `bytes_read` is text and postings unpacked; `flops` are floating-point operations
    (a multiply-add counts as two), computed from shapes, not measured.
    """

    seconds: float = 0.0
    bytes_read: int = 0
    flops: int = 0
    passages_read: int = 0
    passages_total: int = 0
    postings_scored: int = 0
    postings_total: int = 0

    def line(self) -> str:
        """One line for people: `read 12 of 508,684 passages · 3.1 MB · 4.4 GFLOP · 110 ms`."""
        parts = []
        if self.passages_total:
            parts.append(f"read {self.passages_read:,} of {self.passages_total:,} passages")
        if self.bytes_read:
            parts.append(format_bytes(self.bytes_read))
        if self.flops:
            parts.append(format_flops(self.flops))
        parts.append(format_seconds(self.seconds))
        return " · ".join(parts)

    def as_dict(self) -> dict[str, float | int]:
        """The counters by name, for JSON."""
        return asdict(self)


_current: ContextVar[Cost | None] = ContextVar("frugally_cost", default=None)


@contextmanager
def metered() -> Iterator[Cost]:
    """Collect the cost of everything done inside; scopes nest, the outer one gets the sum."""
    cost = Cost()
    token = _current.set(cost)
    start = time.perf_counter()
    try:
        yield cost
    finally:
        cost.seconds += time.perf_counter() - start
        _current.reset(token)
        # The outer scope's own clock already covers these seconds.
        spend(**{name: n for name, n in asdict(cost).items() if name != "seconds"})


def spend(**counters: int) -> None:
    """Add to the counters of the innermost scope; nothing happens outside any scope.

    Of `passages_total` the largest counts: one collection searched twice is not two.
    """
    cost = _current.get()
    if cost is not None:
        for name, amount in counters.items():
            known = getattr(cost, name)
            total = max(known, amount) if name == "passages_total" else known + amount
            setattr(cost, name, total)
