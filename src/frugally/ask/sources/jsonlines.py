"""JSON lines: one object with a `text` a line."""

from __future__ import annotations

import codecs
import io
import json
from collections.abc import Iterator
from functools import partial
from typing import Any, BinaryIO

import numpy as np

from frugally.ask.batch import SHORT, Batch
from frugally.ask.document import Document
from frugally.ask.sources.encodings import with_bom
from frugally.ask.sources.opening import CHUNK_BYTES, SourceFile
from frugally.ask.sources.source import Problem, Report

LONGEST_LINE = 64 << 20
_MOST_SHORT = 1 << 14  # documents in a batch
# Bad lines named one by one before the rest are only counted: a file may be bad from end to end.
NAMED_LINES = 20


class JsonLines:
    """Objects with `text`, and `id`, `title` and `url` if they like; other keys are ignored."""

    name = "jsonl"
    suffixes: tuple[str, ...] = (".jsonl", ".ndjson")

    def recognises(self, head: bytes) -> bool:
        """Whether the first line is an object with a text, as far as `head` shows it."""
        line, ended, _ = head.lstrip().partition(b"\n")
        if not line.startswith(b"{"):
            return False
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            # A first line longer than the head cannot be parsed, only looked at.
            return not ended and len(line) > 60_000 and b'"text"' in line
        return isinstance(record, dict) and isinstance(record.get("text"), str)

    def documents(self, file: SourceFile, report: Report) -> Iterator[Document]:
        """Yield a document a line. A line that holds none is reported by number and skipped."""
        faults = _Faults(file.name, report)
        for number, line in enumerate(_lines(file), 1):
            if (document := _document(line, number, file, faults)) is not None:
                yield document
        faults.finish()

    def batches(
        self, file: SourceFile, report: Report, *, longest: int
    ) -> Iterator[Document | Batch]:
        """As `documents`, but runs of short documents as one; `longest` is in characters."""
        if not _is_utf8(file):
            yield from self.documents(file, report)
            return
        faults = _Faults(file.name, report)
        parser = _ShortDocuments(file.name, longest)
        number = 1
        for lines in _runs_of_lines(file):
            position = 0
            while position < len(lines):
                position, number, batch = parser.read(lines, position, number)
                if batch is not None:
                    yield batch
                elif position < len(lines):
                    end = lines.find(b"\n", position) + 1 or len(lines)
                    document = _document(lines[position:end], number, file, faults)
                    position, number = end, number + 1
                    if document is not None:
                        yield document
        faults.finish()


def _document(line: bytes, number: int, file: SourceFile, faults: _Faults) -> Document | None:
    """The document in a line; None, and a fault, if there is none."""
    # What is rare is told apart by the cheapest test that finds it.
    if len(line) > LONGEST_LINE:
        _skip_line(file.stream, line)
        faults.add(number, f"longer than {LONGEST_LINE >> 20} MB")
        return None
    try:
        record = _parse(line.decode())
    except UnicodeDecodeError:
        record = _decode_damaged(line, number, faults)
    except (ValueError, RecursionError) as error:
        if not line.isspace():
            faults.add(number, f"not JSON ({error})")
        return None
    if type(record) is not dict or type(text := record.get("text")) is not str:
        if record is not None:
            faults.add(number, 'has no "text"')
        return None
    if not text or text.isspace():
        faults.add(number, 'its "text" is empty')
        return None
    key, title, url = record.get("id"), record.get("title", ""), record.get("url", "")
    # Only an escape can make a NUL or half a surrogate pair of valid JSON.
    if b"\\u" in line:
        text, key = _clean(text), _clean(key)
    if b"\\u" in line or type(title) is not str or type(url) is not str:
        title, url = _clean(title), _clean(url)
    if type(key) is not str:
        key = _clean(key)
    name = key or f"{file.name}#{number}"
    return Document(id=name, text=text, title=title, url=url, source=file.name)


class _ShortDocuments:
    """Reads runs of short documents, in memory of its own."""

    def __init__(self, source: str, longest: int) -> None:
        self._source = source
        self._longest = longest
        self._prefix = np.frombuffer(f"{source}#".encode(), np.uint8)
        self._sizes = np.empty((_MOST_SHORT, 4), np.uint32)
        self._out = np.empty(0, np.uint8)

    def read(self, lines: bytes, position: int, number: int) -> tuple[int, int, Batch | None]:
        """The run that begins at `position`; where it ends, and the number of the line there.

        There may be none: then the line at `position` is for someone else.
        """
        from frugally.ask.sources.kernels import parse_lines

        room = len(lines) + len(self._sizes) * (len(self._prefix) + 20)
        if room > len(self._out):
            self._out = np.empty(room, np.uint8)
        position, number, count, written = parse_lines(
            np.frombuffer(lines, np.uint8), position, number, self._longest, SHORT, self._prefix,
            self._out, self._sizes,
        )  # fmt: skip
        if not count:
            return position, number, None
        data, sizes = self._out[:written].tobytes(), self._sizes[:count].copy()
        return position, number, Batch(data=data, sizes=sizes, source=self._source)


def _parse(line: str) -> Any:
    """`json.loads(line)`, in half the time where no white space but a line's end is around."""
    try:
        record, end = _DECODER.scan_once(line, 0)  # type: ignore[attr-defined]
    except StopIteration:
        end = -1
    return record if end >= len(line) - 1 and line[end:] in ("", "\n") else _DECODER.decode(line)


_DECODER = json.JSONDecoder()


class _Faults:
    """Reports the first bad lines by number and counts the others."""

    def __init__(self, path: str, report: Report) -> None:
        self._path = path
        self._report = report
        self._skipped = 0
        self._damaged = 0

    def add(self, number: int, reason: str) -> None:
        """Count line `number` as skipped."""
        self._skipped += 1
        if self._skipped <= NAMED_LINES:
            self._report(Problem(path=self._path, reason=f"line {number}: {reason}"))

    def damaged(self) -> None:
        """Count a line that was read although some of its bytes are not UTF-8."""
        self._damaged += 1

    def finish(self) -> None:
        """Report what was counted and not named."""
        if (more := self._skipped - NAMED_LINES) > 0:
            self._report(Problem(path=self._path, reason=f"{more:,} more lines like these"))
        if self._damaged:
            reason = f"{self._damaged:,} lines are not valid UTF-8; bad bytes were replaced"
            self._report(Problem(path=self._path, reason=reason, kind="repaired"))


def _is_utf8(file: SourceFile) -> bool:
    return with_bom(file.head) in ("", "utf-8-sig")


def _runs_of_lines(file: SourceFile) -> Iterator[bytes]:
    """Yield about a megabyte of whole lines at a time; only one longer than any may is cut."""
    if with_bom(file.head):
        file.stream.read(len(codecs.BOM_UTF8))
    while lines := file.stream.read(CHUNK_BYTES):
        yield lines if lines.endswith(b"\n") else lines + file.stream.readline(LONGEST_LINE + 1)


def _lines(file: SourceFile) -> Iterator[bytes]:
    """Return the lines as UTF-8, none read further than one byte past the longest."""
    encoding = with_bom(file.head)
    if _is_utf8(file):
        if encoding:
            file.stream.read(len(codecs.BOM_UTF8))
        return iter(partial(file.stream.readline, LONGEST_LINE + 1), b"")
    text = io.TextIOWrapper(file.stream, encoding, errors="replace", newline="\n")
    return (
        line.encode("utf-8", "replace")
        for line in iter(partial(text.readline, LONGEST_LINE // 4), "")
    )


def _skip_line(stream: BinaryIO, line: bytes) -> None:
    """Read on to the end of the line that began with `line`."""
    while line and not line.endswith(b"\n"):
        line = stream.readline(1 << 20)


def _decode_damaged(line: bytes, number: int, faults: _Faults) -> object:
    """Return the value of a line that is not valid UTF-8, None (and a fault) if it has none."""
    try:
        record: object = json.loads(line.decode(errors="replace"))
    except (ValueError, RecursionError) as error:
        faults.add(number, f"not JSON ({error})")
        return None
    faults.damaged()
    return record


def _clean(value: object) -> str:
    """Return a string that can be stored: numbers spelt out, no NUL, no half surrogate pair."""
    if type(value) is int or type(value) is float:
        return str(value)
    if type(value) is not str:
        return ""
    return value.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
