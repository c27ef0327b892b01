"""Rows of questions or facts from JSON lines, CSV and TSV, by the names of their columns."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from frugally.errors import UsageError
from frugally.fit.classifier.reading import Opened, Skipped, opened

Row = dict[str, Any]

# What others call our columns.
_SYNONYMS = {
    "answer": "answers", "regex": "pattern", "sub": "subject", "head": "subject",
    "pred": "relation", "predicate": "relation", "obj": "object", "tail": "object",
}  # fmt: skip
TREC = ("id", "type", "question", "pattern")
TRIPLE = ("subject", "relation", "object")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_NOT_UTF8 = "not UTF-8"


def read_rows(
    path: Path, columns: Sequence[str] | None, skipped: Skipped
) -> Iterator[tuple[int, Row]]:
    """The rows of a file with the numbers of their lines; what is no row is counted in `skipped`.

    `columns` names the columns of a table without a line of names. Without it, four columns of
    which the third is a text are TREC's (id, type, question, expression), and three are subject,
    relation and object.

    Raises:
        UsageError: the file cannot be read, is empty or of no known kind, or what its columns are
            is not known.
    """
    suffix = Path(path.name.lower().removesuffix(".xz")).suffix
    empty = True
    with opened(path) as file:
        lines = _lines(file)
        if suffix in (".jsonl", ".ndjson", ".json"):
            rows = _json_lines(lines, path, skipped)
        elif suffix in (".tsv", ".csv"):
            rows = _table(lines, path, suffix == ".csv", columns, skipped)
        else:
            raise UsageError(
                f"{path} is of no kind that is read here",
                hint="name it .jsonl, .tsv or .csv, each also with .xz",
            )
        for line, row in rows:
            empty = False
            yield line, row
    if empty:
        skipped.tell(_refuse)
        raise UsageError(f"{path} is empty")


def _refuse(said: str) -> None:
    raise UsageError(f"nothing to read in {said}")


def kind_of(path: Path, row: Row) -> str:
    """`pairs` or `triples`, by the columns.

    Raises:
        UsageError: they are neither's.
    """
    if "question" in row and row.keys() & {"answers", "pattern", "object"}:
        return "pairs"
    if row.keys() >= set(TRIPLE):
        return "triples"
    raise UsageError(
        f"{path} has {', '.join(map(repr, row)) or 'no columns'}",
        hint="needed: question with answers, pattern or object; or subject, relation and object; "
        "--columns names the columns of a file without a line of names",
    )


def _lines(file: Opened) -> Iterator[tuple[int, str | None]]:
    """The lines, numbered, without a mark or a line end; None for what is not UTF-8."""
    if file.peek(2)[:2] in _UTF16:
        recoded = io.TextIOWrapper(file, "utf-16", errors="replace", newline="\n")
        for number, text in enumerate(recoded, start=1):
            yield number, text.rstrip("\r\n")
        recoded.detach()
        return
    for number, raw in enumerate(file, start=1):
        line = raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw
        try:
            yield number, line.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            yield number, None


def _json_lines(
    lines: Iterator[tuple[int, str | None]], path: Path, skipped: Skipped
) -> Iterator[tuple[int, Row]]:
    begun = False
    for number, line in lines:
        if line is None:
            skipped.add(_NOT_UTF8, number)
            continue
        if not line.strip():
            continue
        if not begun and line.lstrip().startswith("["):
            raise UsageError(
                f"{path} is a JSON array; what is read is JSON lines",
                hint="a line is an object: no brackets around them all, no commas between them",
            )
        begun = True
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            skipped.add("not JSON", number)
            continue
        if isinstance(entry, dict):
            yield number, _named(entry.items())
        else:
            skipped.add("not a JSON object", number)


def _named(items: Any) -> Row:
    return {_SYNONYMS.get(name.strip().lower(), name.strip().lower()): v for name, v in items}


def _table(
    lines: Iterator[tuple[int, str | None]],
    path: Path,
    commas: bool,
    columns: Sequence[str] | None,
    skipped: Skipped,
) -> Iterator[tuple[int, Row]]:
    names = list(columns) if columns is not None else None
    for number, line in lines:
        if line is None:
            skipped.add(_NOT_UTF8, number)
            continue
        if not line.strip():
            continue
        # A quote in a TSV is a quote. A row of a CSV is one line: questions have no line breaks.
        try:
            cells = next(csv.reader([line], strict=True)) if commas else line.split("\t")
        except csv.Error:
            skipped.add("not a row of a table", number)
            continue
        if names is None:
            names, is_header = _columns_of(path, cells)
            if is_header:
                continue
        if len(cells) != len(names):
            kind = "fewer" if len(cells) < len(names) else "more"
            skipped.add(f"{kind} columns than {len(names)}", number)
            continue
        yield number, _named(zip(names, cells, strict=True))


def _columns_of(path: Path, cells: Sequence[str]) -> tuple[list[str], bool]:
    """What the columns are, by a table's first line, and whether that line says it."""
    said = set(_named((cell, None) for cell in cells))
    if said >= set(TRIPLE) or ("question" in said and said & {"answers", "pattern", "object"}):
        return list(cells), True
    if len(cells) == 4 and " " in cells[2].strip():
        return list(TREC), False
    if len(cells) == 3:
        return list(TRIPLE), False
    raise UsageError(
        f"what the {len(cells)} columns of {path} are is not clear",
        hint="name them: --columns subject,relation,object,question",
    )
