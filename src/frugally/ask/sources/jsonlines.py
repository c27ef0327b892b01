"""JSON lines: one object with a `text` a line."""

from __future__ import annotations

import codecs
import io
import json
from collections.abc import Iterator
from functools import partial
from typing import Any, BinaryIO

from frugally.ask.document import Document
from frugally.ask.sources.encodings import with_bom
from frugally.ask.sources.opening import SourceFile
from frugally.ask.sources.source import Problem, Report

LONGEST_LINE = 64 << 20
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
        decoder = json.JSONDecoder()
        source = file.name
        # The hot path of indexing: what is rare is told apart by the cheapest test that finds it.
        for number, line in enumerate(_lines(file), 1):
            if len(line) > LONGEST_LINE:
                _skip_line(file.stream, line)
                faults.add(number, f"longer than {LONGEST_LINE >> 20} MB")
                continue
            try:
                record = _parse(decoder, line.decode())
            except UnicodeDecodeError:
                record = _decode_damaged(line, number, faults)
            except (ValueError, RecursionError) as error:
                if not line.isspace():
                    faults.add(number, f"not JSON ({error})")
                continue
            if type(record) is not dict or type(text := record.get("text")) is not str:
                if record is not None:
                    faults.add(number, 'has no "text"')
                continue
            if not text or text.isspace():
                faults.add(number, 'its "text" is empty')
                continue
            key, title, url = record.get("id"), record.get("title", ""), record.get("url", "")
            # Only an escape can make a NUL or half a surrogate pair of valid JSON.
            if b"\\u" in line:
                text, key = _clean(text), _clean(key)
            if b"\\u" in line or type(title) is not str or type(url) is not str:
                title, url = _clean(title), _clean(url)
            if type(key) is not str:
                key = _clean(key)
            yield Document(
                id=key or f"{source}#{number}", text=text, title=title, url=url, source=source
            )
        faults.finish()


def _parse(decoder: json.JSONDecoder, line: str) -> Any:
    """`decoder.decode(line)`, in half the time where no white space but a line's end is around."""
    try:
        record, end = decoder.scan_once(line, 0)  # type: ignore[attr-defined]
    except StopIteration:
        end = -1
    return record if end >= len(line) - 1 and line[end:] in ("", "\n") else decoder.decode(line)


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


def _lines(file: SourceFile) -> Iterator[bytes]:
    """Return the lines as UTF-8, none read further than one byte past the longest."""
    encoding = with_bom(file.head)
    if encoding in ("", "utf-8-sig"):
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
