"""The segmenter: where words begin in text without spaces, by a small feed-forward net.

For each place between two characters: the features around it (`nets/segmenting/features.py`),
through one hidden layer, to one of two labels: the character that follows is appended to the word,
or the text is split before it (Botha et al. 2017, "Natural Language Processing with Small
Feed-Forward Networks", section 3.3, where the features are fewer). Some places are no question:
spaces stand apart, and letters of a word in a script with spaces, digits of a number, and marks
hold together.

W h0 is a sum over slots, and what a run of characters adds from a slot does not depend on what
stands beside it. So each row of a table is multiplied once with each slot's columns of W, when it
is first met, and the products are kept: a place costs additions only. No decision depends on
another, so a text may be cut into pieces anywhere as long as each piece sees REACH characters of
its neighbours.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frugally.cost import spend
from frugally.errors import NetError
from frugally.files.tensors import map_tensors
from frugally.nets.card import NETWORK, Card
from frugally.nets.feedforward import FeedForward, Floats, mean_of_rows
from frugally.nets.segmenting.features import (
    OUTSIDE,
    REACH,
    RECIPE,
    Vocabulary,
    by_rule,
    kinds_of,
    known_group,
)
from frugally.text.unicode_table import SPACELESS

TASK = "segmenter"
LABELS = ["append", "split"]
_CHUNK = 1 << 12  # places decided at a time
_PIECE = 1 << 16  # characters of a text taken at a time


class Segmenter:
    """Finds words; threads may share it, one segments at a time."""

    def __init__(self, net: FeedForward, card: Card, vocabulary: Vocabulary) -> None:
        """A segmenter from its net, and the n-grams and words that it knows.

        Raises:
            NetError: the net was made with other features.
        """
        self.net, self.card, self._vocabulary = net, card, vocabulary
        shape = net.shape
        for group in shape.groups:
            if not known_group(group):
                raise NetError(
                    f"this frugally has no features {group.name!r} x {group.slots} in "
                    f"{group.rows} rows"
                )
        if shape.labels != len(LABELS):
            raise NetError(f"{shape.labels} labels; a segmenter has {len(LABELS)}")
        self._lock = threading.Lock()
        self._output = np.ascontiguousarray(net.output_weight)
        columns = np.ascontiguousarray(net.hidden_weight.T)  # [inputs, hidden]
        self._weights: list[Floats] = []
        starts: list[int] = []
        steps: list[int] = []
        column = cells = 0
        for group in shape.groups:
            block = columns[column : column + group.width * group.slots]
            self._weights.append(block.reshape(group.slots, group.width, shape.hidden))
            column += group.width * group.slots
            starts += range(cells, cells + group.slots)
            steps += [group.slots] * group.slots
            cells += group.rows * group.slots
        self._starts, self._steps = np.array(starts, np.int64), np.array(steps, np.int64)
        # Filled row by row, when a row is first met; what is not filled takes no memory.
        self._sums = np.empty((cells, shape.hidden), np.float32)
        self._met = [np.zeros(group.rows, np.bool_) for group in shape.groups]

    def __repr__(self) -> str:
        size = sum(file["bytes"] for file in self.card.get("files", {}).values())
        return f"Segmenter({len(self._vocabulary.words):,} words, {size:,} bytes)"

    @classmethod
    def load(cls, folder: Path | None = None) -> Segmenter:
        """A segmenter from its folder; the shipped one for Thai if none is named.

        Raises:
            NetError: there is no segmenter, or it is damaged or of a newer format.
        """
        if folder is None:
            folder = Path(__file__).parent.parent / "shipped" / "segmenter-th"
        net, card = FeedForward.load(folder, TASK)
        if card.get("labels") != LABELS or card.get("features") != RECIPE:
            raise NetError(
                f"{folder} was made with features {card.get('features')!r}; this frugally has "
                f"{RECIPE!r}",
                hint="fit it again with this version",
            )
        return cls(net, card, Vocabulary.from_arrays(map_tensors(folder / NETWORK), net.shape))

    @property
    def scripts(self) -> tuple[str, ...]:
        """Scripts without spaces that it was fitted on, by their names in `unicode_table`."""
        named = self.card.get("scripts", ())
        return tuple(script for script in SPACELESS if script in named)

    def segment(self, text: str) -> list[str]:
        """The words of a text, end to end the text itself; a run of white space is one of them."""
        return list(self.words(text))

    def words(self, text: str) -> Iterator[str]:
        """As `segment`, but word by word, with little held at a time."""
        begin = 0
        for low in range(0, len(text), _PIECE):
            high = min(low + _PIECE, len(text))
            before = "".join(text[max(0, low - REACH) : low])
            codes = _codes([before + text[low : high + REACH]])
            # The margin in front is REACH places outside of the text, or what stands there.
            shift = REACH + len(before)
            flags = self._decide(codes, shift, shift + high - low)
            for end in (np.flatnonzero(flags) + low).tolist():
                if end > begin:
                    yield text[begin:end]
                    begin = end
        if begin < len(text):
            yield text[begin:]

    def segment_all(self, texts: Iterable[str]) -> list[list[str]]:
        """The words of each text, as `segment` finds them."""
        return list(self.stream(texts))

    def stream(self, texts: Iterable[str]) -> Iterator[list[str]]:
        """As `segment_all`, but text by text, with little held at a time."""
        if isinstance(texts, str):
            raise TypeError("texts are a sequence of strings, not one string")
        held: list[str] = []
        count = 0
        for text in texts:
            if held and count + len(text) > _PIECE:
                yield from self._segment(held)
                held, count = [], 0
            held.append(text)
            count += len(text) + REACH
        if held:
            yield from self._segment(held)

    def _segment(self, texts: list[str]) -> Iterator[list[str]]:
        if len(texts) == 1:  # it may be as long as it likes
            yield self.segment(texts[0])
            return
        codes = _codes(texts)
        flags = self._decide(codes, REACH, len(codes) - REACH)
        start = 0
        for text in texts:
            ends = np.flatnonzero(flags[start : start + len(text)]).tolist()
            start += len(text) + REACH
            bounds = [0, *(end for end in ends if end), len(text)]
            yield [text[a:b] for a, b in pairwise(bounds) if b > a]

    def _decide(self, codes: NDArray[np.int32], low: int, high: int) -> NDArray[np.uint8]:
        """Whether a word begins at each place from `low` to `high`."""
        from frugally.nets.segmenting.kernels import ASK, decide

        net = self.net
        kinds = kinds_of(codes)
        flags = by_rule(kinds)[low:high]
        with self._lock:
            for start in range(low, high, _CHUNK):
                end = min(start + _CHUNK, high)
                part = flags[start - low : end - low]
                if not (part == ASK).any():
                    continue
                rows = self._vocabulary.rows(codes, kinds, start, end, net.shape.groups)
                self._meet(rows)
                decide(
                    rows,
                    self._starts,
                    self._steps,
                    self._sums,
                    net.hidden_bias,
                    self._output,
                    net.output_bias,
                    part,
                )
        spend(flops=self.flops_per_character * (high - low))
        return flags

    @property
    def flops_per_character(self) -> int:
        """Operations for a place whose rows were met before: additions, and the output layer."""
        shape = self.net.shape
        return (len(self._starts) + 2 * shape.labels) * shape.hidden

    def _meet(self, rows: NDArray[np.int32]) -> None:
        """Multiply the rows not met before with the columns of each of their slots."""
        from frugally.nets.kernels import contributions

        column = cell = 0
        groups = zip(self.net.shape.groups, self._weights, self._met, strict=True)
        for group, weights, met in groups:
            asked = rows[:, column : column + group.slots]
            new = np.unique(asked[(asked >= 0) & ~met[asked]])
            if len(new):
                sums = np.empty((len(new), *weights.shape[::2]), np.float32)
                contributions(self._vectors(group.name, new), weights, sums)
                place = self._sums[cell : cell + group.rows * group.slots]
                place.reshape(group.rows, group.slots, -1)[new] = sums
                met[new] = True
                spend(flops=2 * len(new) * weights.size)
            column += group.slots
            cell += group.rows * group.slots

    def _vectors(self, group: str, rows: NDArray[np.int32]) -> Floats:
        """Some rows of a table [rows, width]."""
        out = np.empty((len(rows), self.net.tables[group].codes.shape[1]), np.float32)
        ends = np.arange(1, len(rows) + 1)
        mean_of_rows(self.net.tables[group], rows, ends, out)
        return out

    def forget(self) -> None:
        """Drop the products of rows met before; nothing but speed changes."""
        for met in self._met:
            met[:] = False


def _codes(texts: list[str]) -> NDArray[np.int32]:
    """The characters of the texts, REACH places OUTSIDE before, between and after them."""
    margin = [OUTSIDE] * REACH
    parts: list[Any] = [margin]
    for text in texts:
        parts.append(np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.int32))
        parts.append(margin)
    return np.concatenate(parts).astype(np.int32)
