"""A treebank as numbers: one stream of positions, with places outside between the sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from frugally.fit.conllu import Sentence
from frugally.nets.clusters import WordClusters
from frugally.nets.tagging.features import HALF, SLOTS, outside_bags, word_bags
from frugally.text.ngrams import Rows

UNTAGGED = -1
WHOLE_WORDS = ("word", "lower", "cluster", "shape")
_OFFSETS = np.arange(-HALF, HALF + 1)


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """Sentences end to end, HALF places outside before, between and after them.

    `ids` numbers the word of each position in `words`, 0 outside; `labels` its tag, UNTAGGED
    outside and where the treebank has none; `starts` and `ends` bound the sentences; `weights` is
    how much each position counts.
    """

    words: list[str]
    ids: NDArray[np.int32]
    labels: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    counts: NDArray[np.int64]
    weights: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        sentences: Sequence[Sentence],
        labels: Sequence[str],
        taught: Sequence[Sentence] = (),
        weight: float = 1.0,
    ) -> Stream:
        """Number words and tags; a tag that is not among the labels counts as none.

        `taught` are more sentences, whose words count `weight` each.
        """
        numbers: dict[str, int] = {}
        known = {label: i for i, label in enumerate(labels)}
        ids, tags, starts, ends = [0] * HALF, [UNTAGGED] * HALF, [], []
        for sentence in (*sentences, *taught):
            starts.append(len(ids))
            ids += [numbers.setdefault(word, len(numbers) + 1) for word in sentence.words]
            tags += [UNTAGGED if t is None else known.get(t, UNTAGGED) for t in sentence.tags]
            ends.append(len(ids))
            ids += [0] * HALF
            tags += [UNTAGGED] * HALF
        numbered = np.array(ids, np.int32)
        weights = (np.array(tags) != UNTAGGED).astype(np.float32)
        if taught:
            weights[starts[len(sentences)] :] *= np.float32(weight)
        return cls(
            words=list(numbers),
            ids=numbered,
            labels=np.array(tags, np.int64),
            starts=np.array(starts, np.int64),
            ends=np.array(ends, np.int64),
            counts=np.bincount(numbered, minlength=len(numbers) + 1),
            weights=weights,
        )

    def positions(self, sentences: NDArray[np.int64]) -> NDArray[np.int64]:
        """All positions of some sentences."""
        return np.concatenate(
            [np.arange(self.starts[s], self.ends[s], dtype=np.int64) for s in sentences]
        )

    def windows(self, positions: NDArray[np.int64]) -> NDArray[np.int32]:
        """The ids around each position [positions, SLOTS]."""
        found: NDArray[np.int32] = self.ids[positions[:, None] + _OFFSETS]
        return found


assert len(_OFFSETS) == SLOTS


class Bags:
    """The rows of every word of a stream in one group; word 0 is outside."""

    def __init__(
        self, words: Sequence[str], group: str, rows: int, clusters: WordClusters | None
    ) -> None:
        found: Rows = word_bags(words, group, rows, clusters)
        outside = outside_bags(group)
        self.whole = group in WHOLE_WORDS
        self._rows = np.concatenate([outside, found.rows])
        self._starts = np.concatenate([[0], [len(outside)], found.ends[:-1] + len(outside)])
        self._sizes = np.diff(np.concatenate([self._starts, [len(self._rows)]]))

    def of(
        self, ids: NDArray[np.int32], hidden: float, random: np.random.Generator
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """The rows of some words end to end, and where those of each begin.

        Runs of characters are hidden by chance, a share of `hidden`.
        """
        sizes = self._sizes[ids]
        ends = np.cumsum(sizes)
        begins = ends - sizes
        places = np.arange(int(ends[-1])) + np.repeat(self._starts[ids] - begins, sizes)
        if self.whole or not hidden:
            return self._rows[places], begins
        shown = random.random(len(places)) >= hidden
        before = np.concatenate([np.zeros(1, np.int64), np.cumsum(shown)])
        return self._rows[places[shown]], before[begins]
