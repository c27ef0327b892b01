"""Progress on standard error: shown after a second, silent when it is not a terminal."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

_PATIENCE = 1.0  # seconds
_EVERY = 0.2


class Counting:
    """A line that counts, and names what is being worked on."""

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._shown = 0.0
        self._started = time.monotonic()

    def __enter__(self) -> Counting:
        return self

    def show(self, what: str, count: int) -> None:
        """Show how far it is."""
        now = time.monotonic()
        if not sys.stderr.isatty() or now - self._started < _PATIENCE or now - self._shown < _EVERY:
            return
        self._shown = now
        name = what if len(what) <= 50 else f"…{what[-49:]}"
        print(f"\r\033[K{count:,} {self._unit} · {name!r:.52}", end="", file=sys.stderr, flush=True)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Say what is being done inside, if it takes longer than a second."""
    if not sys.stderr.isatty():
        yield
        return
    notice = threading.Timer(
        _PATIENCE, lambda: print(f"{what} …", end="", file=sys.stderr, flush=True)
    )
    notice.daemon = True
    notice.start()
    try:
        yield
    finally:
        notice.cancel()
        notice.join()
        print("\r\033[K", end="", file=sys.stderr, flush=True)
