"""Measured errors over amounts of data, read from CSV: what is wrong is named, not guessed."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from frugally.errors import NoAnswerError, SourceError, UsageError
from frugally.plan.curves import Floats

# Fewer distinct sizes leave a curve of three parameters nothing to be wrong about.
LEAST_SIZES = 4
# From the least to the largest size: two doublings, or there is no curve to speak of.
LEAST_SPAN = 4.0
_LONGEST_FIELD = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """Runs, one a row: size and error (N,), capacity too if the models had several sizes.

    Rows of equal size are repeats. skipped tells of each reason how many rows it left out, with
    the first such row's line.
    """

    size: Floats
    error: Floats
    capacity: Floats | None = None
    skipped: tuple[str, ...] = ()

    @property
    def distinct(self) -> int:
        """How many sizes."""
        return len(np.unique(self.size))

    def up_to(self, size: float) -> Measurements:
        """Those of at most a size."""
        kept = self.size <= size
        return Measurements(size=self.size[kept], error=self.error[kept])

    def above(self, size: float) -> Measurements:
        """Those of more than a size."""
        kept = self.size > size
        return Measurements(size=self.size[kept], error=self.error[kept])


def read_measurements(
    path: Path,
    *,
    size: str,
    error: str | None = None,
    accuracy: str | None = None,
    capacity: str | None = None,
) -> Measurements:
    """The columns of these names of a CSV with a head; one of error and accuracy is given.

    An accuracy is 1 - x, or 100 - x if any is above 1.

    Raises:
        SourceError: the file is no UTF-8 table, or no row of it can be used.
        UsageError: it has no such column.
    """
    outcome = error if error is not None else accuracy
    if outcome is None or (error is not None and accuracy is not None):
        raise UsageError(
            "either errors or accuracies are needed", hint="name a column: --error or --accuracy"
        )
    names = [size, outcome, *([capacity] if capacity is not None else [])]
    kept: list[tuple[float, ...]] = []
    reasons: Counter[str] = Counter()
    first: dict[str, int] = {}
    for line, cells in _rows(path, names):
        values = [_number(cell) for cell in cells]
        reason = next(
            (why for name, value, cell in zip(names, values, cells, strict=True)
             if (why := _wrong(name, value, cell, may_be_zero=name == accuracy))),
            None,
        )  # fmt: skip
        if reason is None:
            kept.append(tuple(value for value in values if value is not None))
        else:
            reasons[reason] += 1
            first.setdefault(reason, line)
    skipped = tuple(
        f"{count:,} row{'s' * (count > 1)} skipped: {reason} (line {first[reason]:,})"
        for reason, count in reasons.items()
    )
    if not kept:
        why = f"; {skipped[0]}" if skipped else ": it has a head and no rows"
        raise SourceError(f"{path} holds no measurement{why}", hint="give rows of size and error")
    table = np.array(kept, np.float64)
    errors = table[:, 1]
    if accuracy is not None:
        errors = _of_accuracy(path, accuracy, errors)
    return Measurements(
        size=table[:, 0],
        error=errors,
        capacity=table[:, 2] if capacity is not None else None,
        skipped=skipped,
    )


def needs_enough(data: Measurements) -> None:
    """Refuse what no curve can be told from.

    Raises:
        NoAnswerError: too few sizes, or too close to one another.
    """
    sizes = np.unique(data.size)
    largest = float(sizes[-1])
    if len(sizes) < LEAST_SIZES:
        more = [f"{largest * 2.0**i:,.0f}" for i in range(1, LEAST_SIZES - len(sizes) + 1)]
        raise NoAnswerError(
            f"cannot tell: {len(sizes)} size{'s' * (len(sizes) > 1)}, and a curve that levels off "
            f"has three parameters; it takes {LEAST_SIZES} sizes to see whether it fits",
            hint=f"measure at {' and '.join(more)}, too, or at smaller sizes; best three runs each",
        )
    if largest < LEAST_SPAN * sizes[0]:
        raise NoAnswerError(
            f"cannot tell: the sizes span a factor of {largest / sizes[0]:.3g}, too little to see "
            "a curve bend",
            hint=f"measure at {largest / 8:,.0f} and {largest / 4:,.0f}, too: small runs are cheap",
        )
    if len(data.size) < LEAST_SIZES + 1:
        raise NoAnswerError(
            f"cannot tell: {len(data.size)} runs for three parameters leave one to judge the "
            "noise by",
            hint="repeat each size with other seeds, three runs each",
        )


def _rows(path: Path, names: list[str]) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(_LONGEST_FIELD)
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            reader = csv.reader(file)
            head = [name.strip() for name in next(reader, [])]
            if not any(head):
                raise SourceError(f"{path} is empty", hint="its first line names the columns")
            places = [_place(path, head, name) for name in names]
            for row in reader:
                if any(cell.strip() for cell in row):
                    yield reader.line_num, [row[i] if i < len(row) else "" for i in places]
        except UnicodeDecodeError as wrong:
            raise SourceError(
                f"{path} is not UTF-8: {wrong.reason} at byte {wrong.start:,}",
                hint="save it as UTF-8 CSV",
            ) from wrong
        except csv.Error as wrong:
            raise SourceError(
                f"{path} is no CSV: {wrong}", hint="commas between columns, one row a line"
            ) from wrong


def _place(path: Path, head: list[str], name: str) -> int:
    if name in head:
        return head.index(name)
    there = ", ".join(column[:40] for column in head[:20])
    close = get_close_matches(name, head, n=1)
    meant = f"; did you mean {close[0]!r}?" if close else ""
    raise UsageError(f"{path} has no column {name!r}{meant}", hint=f"it has: {there}")


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _wrong(name: str, value: float | None, cell: str, *, may_be_zero: bool) -> str | None:
    if not cell.strip():
        return f"{name} is missing"
    if value is None:
        return f"{name} is no number"
    if math.isnan(value):
        return f"{name} is NaN"
    if math.isinf(value):
        return f"{name} is infinite"
    if value < 0:
        return f"{name} is negative"
    if value == 0 and not may_be_zero:
        return f"{name} is zero, which has no logarithm"
    if value > 1e200 or 0 < value < 1e-200:
        return f"{name} is beyond reason"
    return None


def _of_accuracy(path: Path, name: str, values: Floats) -> Floats:
    whole = 1.0 if float(values.max()) <= 1 else 100.0
    errors: Floats = whole - values
    if float(errors.min()) <= 0:
        raise SourceError(
            f"{path}: {name} reaches {float(values.max()):g}, an error of zero or less, which has "
            "no logarithm",
            hint="measure on more or harder test items",
        )
    return errors
