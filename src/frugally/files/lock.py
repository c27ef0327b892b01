"""The writer lock: held by the operating system, so it dies with its process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from frugally.errors import CollectionError, LockedError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


@contextmanager
def writer_lock(path: Path) -> Iterator[None]:
    """Hold the lock file `path` while inside.

    Raises:
        LockedError: another process holds it.
        CollectionError: the folder cannot be written to.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise CollectionError(
            f"cannot write to {path.parent}: {error.strerror}",
            hint="check that it is there, and who may write to it",
        ) from error
    try:
        try:
            _take(descriptor)
        except OSError as error:
            raise LockedError(
                f"{path.parent} is being written to by another process",
                hint="wait until it is done; readers are not affected",
            ) from error
        yield
    finally:
        os.close(descriptor)  # and with it the lock


def _take(descriptor: int) -> None:
    if fcntl is not None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
