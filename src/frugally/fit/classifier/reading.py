"""Texts and labels from CSV, TSV and JSON lines, plain or .xz; what cannot be read is counted."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import json
import lzma
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from frugally.errors import UsageError
from frugally.fit.labelled import Labelled, is_text

Report = Callable[[str], None]
Opened = io.BufferedReader | lzma.LZMAFile

_DELIMITERS = ",;\t|"
_LONGEST_FIELD = 1 << 30
_NOT_UTF8 = "not UTF-8"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ARRAY = re.compile(rb"\s*\[\s*(\{|$)")  # how a JSON array of objects begins
# What errors="surrogateescape" makes of bytes that are not UTF-8.
_ESCAPED = frozenset(map(chr, range(0xDC80, 0xDD00)))


class Skipped:
    """Counts rows of a file that are left out, by reason."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._counts: Counter[str] = Counter()
        self._first: dict[str, int] = {}

    def add(self, reason: str, line: int) -> None:
        """Leave out the row that begins at a line."""
        self._counts[reason] += 1
        self._first.setdefault(reason, line)

    def tell(self, report: Report) -> None:
        """Report each reason, how often, and where first."""
        for reason, count in self._counts.items():
            report(f"{self._path}: {count:,} rows skipped: {reason} (line {self._first[reason]})")


def read_labelled(
    files: Sequence[Path], *, text: str, label: str, report: Report
) -> Iterator[Labelled]:
    """The labels and texts in two columns of files; rows that lack one are counted and left out.

    Raises:
        UsageError: a file cannot be read, is of no known kind, or lacks a column.
    """
    for path in files:
        skipped = Skipped(path)
        for line, (told, labelled) in _rows(path, (text, label), skipped):
            if not told.strip():
                skipped.add("no text", line)
            elif not labelled.strip():
                skipped.add("no label", line)
            elif not is_text(labelled):
                skipped.add("its label is not text", line)
            else:
                yield labelled.strip(), told
        skipped.tell(report)


def read_texts(files: Sequence[Path], *, text: str, report: Report) -> Iterator[str]:
    """The texts in a column of files, or the lines of .txt files; empty ones are left out.

    Raises:
        UsageError: as `read_labelled`.
    """
    for path in files:
        skipped = Skipped(path)
        for line, (told,) in _rows(path, (text,), skipped):
            if told.strip():
                yield told
            else:
                skipped.add("no text", line)
        skipped.tell(report)


def _rows(
    path: Path, columns: tuple[str, ...], skipped: Skipped
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The values of some columns of each row, and the line at which it begins."""
    suffix = Path(path.name.lower().removesuffix(".xz")).suffix
    with opened(path) as file:
        if suffix in (".csv", ".tsv"):
            yield from _table(file, path, columns, suffix == ".tsv", skipped)
        elif suffix in (".jsonl", ".ndjson"):
            yield from _json_lines(file, path, columns, skipped)
        elif suffix == ".txt" and len(columns) == 1:
            for number, line in _lines(file):
                yield number, (line.decode("utf-8", "replace"),)
        else:
            raise UsageError(
                f"{path} is of no kind that is read here",
                hint="name it .csv, .tsv or .jsonl, each also with .xz",
            )


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """A file, unpacked if it is .xz.

    Raises:
        UsageError: it cannot be read, at once or inside.
    """
    try:
        with lzma.open(path) if path.suffix == ".xz" else path.open("rb") as file:
            yield file
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error


def _lines(file: Opened) -> Iterator[tuple[int, bytes]]:
    """The lines of a file, numbered, in UTF-8 and without a mark; those of UTF-16 are recoded."""
    if file.peek(2)[:2] not in _UTF16:
        for number, line in enumerate(file, start=1):
            yield number, line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
        return
    recoded = io.TextIOWrapper(file, "utf-16", errors="replace", newline="\n")
    try:
        for number, text in enumerate(recoded, start=1):
            yield number, text.encode()
    finally:
        recoded.detach()


def _table(
    file: Opened, path: Path, columns: tuple[str, ...], tabs: bool, skipped: Skipped
) -> Iterator[tuple[int, tuple[str, ...]]]:
    wide = file.peek(2)[:2] in _UTF16
    lines = io.TextIOWrapper(
        file,
        "utf-16" if wide else "utf-8-sig",
        errors="replace" if wide else "surrogateescape",
        newline="",
    )
    csv.field_size_limit(_LONGEST_FIELD)
    try:
        read = [lines.readline()]
        # In tab-separated values a quote is a quote, unless the names of the columns are in quotes.
        quoted = not tabs or '"' in read[0]
        delimiter = "\t" if tabs else _delimiter(lines, read, columns)
        records = _records(itertools.chain(read, lines), path, delimiter, quoted)
        names = [name.strip() for name in next(records, (1, []))[1]]
        places = _places(path, names, columns)
        for line, row in records:
            if not row:
                continue
            if len(row) != len(names):
                kind = "fewer" if len(row) < len(names) else "more"
                skipped.add(f"{kind} columns than the {len(names)} of the header", line)
                continue
            values = tuple(row[place] for place in places)
            if any(not _ESCAPED.isdisjoint(value) for value in values):
                skipped.add(_NOT_UTF8, line)
            else:
                yield line, values
    finally:
        lines.detach()


def _records(
    lines: Iterable[str], path: Path, delimiter: str, quoted: bool
) -> Iterator[tuple[int, list[str]]]:
    """The rows of a table, each with the line at which it begins."""
    ended = False

    def source() -> Iterator[str]:
        nonlocal ended
        yield from lines
        ended = True

    reader = csv.reader(
        source(),
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
    )
    line = 1
    try:
        for row in reader:
            # For a row that is whole nothing is looked for behind the last line.
            if ended:
                raise UsageError(
                    f"{path}: the row that begins at line {line} has a quote that nothing closes",
                    hint='close it; within quotes a quote is written twice: ""',
                )
            yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise UsageError(f"cannot read {path}: line {line}: {error}") from error


def _delimiter(lines: Iterable[str], read: list[str], columns: tuple[str, ...]) -> str:
    """What parts the columns: a header that has ours, or else the most.

    A header may go on over line breaks; lines read for it are added to those `read`.
    """

    def again() -> Iterator[str]:
        yield from read
        for line in lines:
            read.append(line)
            yield line

    found = []
    for delimiter in _DELIMITERS:
        names = [name.strip() for name in next(csv.reader(again(), delimiter=delimiter), [])]
        found.append((set(columns) <= set(names), len(names), delimiter))
    return max(found, key=lambda entry: entry[:2])[2]


def _places(path: Path, names: list[str], columns: tuple[str, ...]) -> list[int]:
    for column in columns:
        if column not in names:
            raise _missing(path, column, names)
        if names.count(column) > 1:
            raise UsageError(
                f"{path} has {names.count(column)} columns {column!r}",
                hint="rename all but one of them in the header",
            )
    return [names.index(column) for column in columns]


def _missing(path: Path, column: str, names: Sequence[str]) -> UsageError:
    shown = ", ".join(map(repr, itertools.islice(names, 20))) or "none"
    return UsageError(
        f"{path} has no column {column!r}; it has {shown}",
        hint="name the columns with --text and --label",
    )


def _json_lines(
    file: Opened, path: Path, columns: tuple[str, ...], skipped: Skipped
) -> Iterator[tuple[int, tuple[str, ...]]]:
    first: list[str] | None = None
    lacking: set[str] = set(columns)
    begun = False
    for number, line in _lines(file):
        if not line.strip():
            continue
        if not begun and _ARRAY.match(line):
            raise UsageError(
                f"{path} is a JSON array; what is read is JSON lines",
                hint="a line is an object: no brackets around them all, no commas between them",
            )
        begun = True
        try:
            entry = json.loads(line.decode("utf-8"))
        except UnicodeDecodeError:
            skipped.add(_NOT_UTF8, number)
            continue
        except (ValueError, RecursionError):
            skipped.add("not JSON", number)
            continue
        if not isinstance(entry, dict):
            skipped.add("not a JSON object", number)
            continue
        first = list(entry) if first is None else first
        lacking -= entry.keys()
        values = tuple(_plain(entry.get(column)) for column in columns)
        if None in values:
            column = columns[values.index(None)]
            skipped.add(f"{column!r} is not a string or a number", number)
        else:
            yield number, values  # type: ignore[misc]
    if first is not None and lacking:
        raise _missing(path, next(c for c in columns if c in lacking), first)


def _plain(value: Any) -> str | None:
    """A value of JSON as a CSV would have it; None for what is no single value."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, bool | int | float) else None
