"""Every write, fsync, rename and removal that the safety of stored data rests on.

All of them go through here and are announced to `observer` before and after, which is where the
crash tests stand: they stop the process at each step and drop what was not yet synced.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType

from frugally.errors import FrugallyError

Observer = Callable[[str, str, Path], None]

observer: Observer | None = None
"""Called as `observer(phase, step, path)`: phase `before` or `after`; step `write`, `sync`,
`sync-folder`, `rename` or `remove`."""


@contextmanager
def _step(name: str, path: Path) -> Iterator[None]:
    if observer is not None:
        observer("before", name, path)
    try:
        yield
    except OSError as error:
        raise _explained(error, path) from error
    if observer is not None:
        observer("after", name, path)


def _explained(error: OSError, path: Path) -> FrugallyError:
    hints = {
        errno.ENOSPC: "free some space and run the same command again; nothing stored was lost",
        errno.EDQUOT: "the quota is used up; nothing stored was lost",
        errno.EACCES: "check who owns the folder and its permissions",
        errno.EROFS: "the file system is mounted read-only",
    }
    reason = error.strerror or str(error)
    return FrugallyError(f"cannot write {path}: {reason}", hint=hints.get(error.errno or 0))


class NewFile:
    """A file being written: counts its bytes and their SHA-256, and is synced when closed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._hash = hashlib.sha256()
        with ExitStack() as if_interrupted:
            with _step("write", path):
                self._file = if_interrupted.enter_context(path.open("wb"))
            if_interrupted.pop_all()

    def write(self, data: bytes | memoryview) -> None:
        """Append some bytes."""
        with _step("write", self.path):
            self._file.write(data)
        self._hash.update(data)
        self.size += len(data)

    @property
    def digest(self) -> str:
        """SHA-256 of what was written, in hexadecimal."""
        return self._hash.hexdigest()

    def __enter__(self) -> NewFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                with _step("sync", self.path):
                    self._file.flush()
                    os.fsync(self._file.fileno())
        finally:
            with suppress(OSError):  # closing flushes: what could not be written fails again
                self._file.close()


def sync_file(path: Path) -> None:
    """Make the contents of a file that something else wrote survive a power cut."""
    with _step("sync", path):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Make the names in a folder survive a power cut."""
    with _step("sync-folder", path):
        if os.name == "nt":
            return  # Windows has no handle for it; its renames are journalled
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def rename(source: Path, target: Path) -> None:
    """Put one file in place of another, as one step."""
    with _step("rename", target):
        source.replace(target)


def make_folder(path: Path) -> None:
    """Create a folder, and those above it."""
    with _step("write", path):
        path.mkdir(parents=True, exist_ok=True)


def remove(path: Path) -> None:
    """Remove a file, or a folder with all in it; nothing happens if it is gone."""
    if path.is_dir() and not path.is_symlink():
        for child in sorted(path.iterdir()):
            remove(child)
        with _step("remove", path):
            path.rmdir()
        return
    with _step("remove", path):
        path.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that a crash leaves the old one or the new one, never a part."""
    partial = path.with_name(path.name + ".partial")
    with NewFile(partial) as file:
        file.write(data)
    rename(partial, path)
    sync_folder(path.parent)


def digest_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
