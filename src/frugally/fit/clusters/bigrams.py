"""Which words follow which in running text, and how often."""

from __future__ import annotations

import json
import lzma
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from frugally.errors import SourceError, UsageError
from frugally.fit.clusters.running_text import sentences_of
from frugally.text.spelling import spelling

BOUNDARY, RARE = 0, 1  # the numbers of a sentence's end and of all words too rare to cluster
FIRST = 2  # the number of the most frequent word

_CHUNK = 1 << 22  # words whose pairs are counted at a time
_NAMED_LINES = 5  # bad lines named one by one before the rest are only counted


@dataclass(frozen=True, slots=True, eq=False)
class Bigrams:
    """N(w) and N(v, w), words numbered from FIRST on by falling frequency, then by spelling.

    `frequencies` (int64, [V]) has BOUNDARY and RARE as well. The words before word w, and how often
    each is, are entries starts[w] to starts[w + 1] of `befores` (int32) and `counts` (uint32).
    """

    words: tuple[str, ...]
    frequencies: NDArray[np.int64]
    starts: NDArray[np.int64]
    befores: NDArray[np.int32]
    counts: NDArray[np.uint32]

    @property
    def tokens(self) -> int:
        """How many words the text has, ends of sentences among them."""
        return int(self.frequencies.sum())


def count_bigrams(texts: Iterable[str], least: int) -> Bigrams:
    """Count what `texts` hold; words seen fewer than `least` times become RARE.

    The same texts in the same order give the same counts and numbers. Raises:
        UsageError: no word is there often enough.
    """
    numbers: dict[str, int] = defaultdict(lambda: len(numbers) + 1)  # 0 is the boundary
    totals = np.zeros(1, np.int64)
    keys, sums = np.empty(0, np.uint64), np.empty(0, np.int64)
    for tokens in _chunks(texts, numbers):
        seen = np.bincount(tokens[1:], minlength=len(numbers) + 1)
        seen[: len(totals)] += totals
        totals = seen
        pairs = tokens[1:].astype(np.uint64) << np.uint64(32) | tokens[:-1].astype(np.uint64)
        if len(pairs):
            new, counts = np.unique(pairs, return_counts=True)
            keys, sums = _summed(np.concatenate([keys, new]), np.concatenate([sums, counts]))
    kept = sorted(
        ((int(totals[n]), word, n) for word, n in numbers.items() if totals[n] >= least),
        key=lambda item: (-item[0], item[1]),
    )
    if not kept:
        raise UsageError(f"no word of the corpus occurs {least} times", hint="give more text")
    renumbered = np.full(len(totals), RARE, np.uint64)
    renumbered[0] = BOUNDARY
    renumbered[[n for _, _, n in kept]] = np.arange(FIRST, FIRST + len(kept), dtype=np.uint64)
    low = np.uint64(0xFFFFFFFF)
    pairs = renumbered[keys >> np.uint64(32)] << np.uint64(32) | renumbered[keys & low]
    pairs, sums = _summed(pairs, sums)
    frequencies = np.zeros(FIRST + len(kept), np.int64)
    np.add.at(frequencies, renumbered.astype(np.int64), totals)
    seconds = (pairs >> np.uint64(32)).astype(np.int64)
    ends = np.cumsum(np.bincount(seconds, minlength=len(frequencies)))
    return Bigrams(
        words=tuple(word for _, word, _ in kept),
        frequencies=frequencies,
        starts=np.concatenate([np.zeros(1, np.int64), ends.astype(np.int64)]),
        befores=(pairs & low).astype(np.int32),
        counts=sums.astype(np.uint32),
    )


def _chunks(texts: Iterable[str], numbers: dict[str, int]) -> Iterator[NDArray[np.int32]]:
    """Yield the text as numbers, a chunk at a time, each beginning with a boundary."""
    chunk = [BOUNDARY]
    for text in texts:
        for sentence in sentences_of(spelling(text)):
            chunk += map(numbers.__getitem__, sentence)
            chunk.append(BOUNDARY)
        if len(chunk) > _CHUNK:
            yield np.array(chunk, np.int32)
            chunk = [BOUNDARY]
    yield np.array(chunk, np.int32)


def _summed(
    keys: NDArray[np.uint64], counts: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Each key once, in order, with the sum of its counts."""
    order = np.argsort(keys, kind="stable")
    keys, counts = keys[order], counts[order]
    first = np.flatnonzero(np.concatenate([np.ones(1, bool), keys[1:] != keys[:-1]]))
    return keys[first], np.add.reduceat(counts, first)


def read_texts(files: Sequence[Path], report: Callable[[str], None]) -> Iterator[str]:
    """Yield the texts of .jsonl files ("text" of each line) and .txt files, each also as .xz.

    Bytes that are not UTF-8 part words; lines that hold no text are skipped; both are counted and
    reported. Raises:
        UsageError: a file is of another kind.
        SourceError: a file cannot be read to its end.
    """
    for path in files:
        kind = Path(path.stem).suffix if path.suffix == ".xz" else path.suffix
        if kind not in (".jsonl", ".txt"):
            raise UsageError(f"{path} is not .jsonl or .txt, nor one of them in .xz")
        lines = _Lines(path, report)
        try:
            with ExitStack() as stack:
                file: Iterable[bytes] = stack.enter_context(path.open("rb"))
                if path.suffix == ".xz":
                    file = stack.enter_context(lzma.open(path))
                for number, line in enumerate(file, 1):
                    text = lines.text(line, number) if kind == ".jsonl" else lines.decode(line)
                    if text:
                        yield text
        except (OSError, lzma.LZMAError, EOFError) as error:
            raise SourceError(f"cannot read {path} to its end: {error}") from error
        lines.finish()


class _Lines:
    """Makes lines of one file text, and counts those it could not."""

    def __init__(self, path: Path, report: Callable[[str], None]) -> None:
        self._path = path
        self._report = report
        self._skipped = 0
        self._damaged = 0

    def decode(self, line: bytes) -> str:
        try:
            return line.decode()
        except UnicodeDecodeError:
            self._damaged += 1
            return line.decode(errors="replace").replace("\ufffd", " ")

    def text(self, line: bytes, number: int) -> str:
        """The text in a line of JSON, empty if there is none."""
        if line.isspace():
            return ""
        try:
            text = json.loads(self.decode(line))["text"]
        except (ValueError, RecursionError, KeyError, TypeError):
            text = None
        if isinstance(text, str):
            # An escape may have made half a surrogate pair, which no UTF-8 holds.
            return text.encode("utf-8", "replace").decode() if b"\\u" in line else text
        self._skipped += 1
        if self._skipped <= _NAMED_LINES:
            self._report(f'{self._path}: line {number} is not JSON with a "text"; skipped')
        return ""

    def finish(self) -> None:
        """Report what was counted and not named."""
        if (more := self._skipped - _NAMED_LINES) > 0:
            self._report(f"{self._path}: {more:,} more lines like these")
        if self._damaged:
            self._report(f"{self._path}: {self._damaged:,} lines are not all UTF-8; bad bytes cut")
