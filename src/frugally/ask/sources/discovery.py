"""From the paths a user names to the files to read, always in the same order."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from frugally.ask.sources.opening import display_name
from frugally.ask.sources.source import Problem, Report
from frugally.errors import UsageError


def discover(paths: Iterable[str | Path], report: Report) -> Iterator[Path]:
    """Return the files at `paths`, those of folders sorted by the bytes of their names.

    Folders are read to any depth, each one once even if links lead to it again. Hidden files
    and folders are left out unless named. Links that lead nowhere and unreadable folders are
    reported. "-" is standard input. Raises UsageError at once if one of `paths` does not exist.
    """
    named = [Path(path) for path in paths]
    for path in named:
        # lexists: a named link that leads nowhere gets its own words when it is opened.
        if str(path) != "-" and not os.path.lexists(path):
            raise UsageError(
                f"{display_name(path)} does not exist", hint="check the path, or quote it"
            )
    return _files(named, report)


def _files(paths: list[Path], report: Report) -> Iterator[Path]:
    """Yield the files at and under `paths`."""
    seen: set[tuple[int, int]] = set()
    given: set[str] = set()
    waiting = paths[::-1]
    while waiting:
        path = waiting.pop()
        if str(path) in given:
            continue  # named twice, or named and in a folder that is
        given.add(str(path))
        if str(path) == "-":
            yield path
            continue
        try:
            status = path.stat()
        except OSError as error:
            report(Problem(path=display_name(path), reason=_described(path, error)))
            continue
        if not stat.S_ISDIR(status.st_mode):
            # A pipe in a folder would be waited on for ever; one that was named is meant.
            if stat.S_ISREG(status.st_mode) or path in paths:
                yield path
            else:
                report(Problem(path=display_name(path), reason="is not a file"))
        elif (place := (status.st_dev, status.st_ino)) not in seen:
            seen.add(place)
            waiting += reversed(_children(path, report))


def _children(folder: Path, report: Report) -> list[Path]:
    """Return what is in a folder and not hidden, sorted; reports one that cannot be read."""
    try:
        found = list(folder.iterdir())
    except OSError as error:
        report(Problem(path=display_name(folder), reason=_described(folder, error)))
        return []
    seen = (path for path in found if not path.name.startswith("."))
    return sorted(seen, key=lambda path: os.fsencode(path.name))


def _described(path: Path, error: OSError) -> str:
    """Return why `path` cannot be read."""
    if path.is_symlink():
        return "is a link that leads nowhere"
    return f"cannot be read: {error.strerror}"
