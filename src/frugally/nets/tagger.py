"""The part-of-speech tagger: a small feed-forward net over a window of words and the tags before.

For each word of a sentence, from left to right: the features (`nets/tagging/features.py`) of the
word and of three words on both sides, and the tags given to the words before it, through one
hidden layer to the best of the labels (Botha et al. 2017, "Natural Language Processing with Small
Feed-Forward Networks", section 3.2; the window and greedy decoding follow Chen and Manning 2014).

W h0 is a sum over the slots of the window, and what a word adds from a slot does not depend on the
words beside it. So each distinct word is multiplied once with each slot's columns of W, and the
sums are kept: a word met before costs additions only.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frugally.cost import spend
from frugally.errors import NetError
from frugally.files.tensors import map_tensors
from frugally.nets.card import NETWORK, Card
from frugally.nets.clusters import WordClusters
from frugally.nets.feedforward import FeedForward, Floats, mean_of_rows
from frugally.nets.tagging.features import (
    HALF,
    RECIPE,
    SHAPES,
    SLOTS,
    TAGS,
    known_group,
    outside_bags,
    word_bags,
)
from frugally.text.ngrams import Rows

TASK = "tagger"
CLUSTERS = "clusters."  # the arrays of the words' clusters in the file of the net
# Tokens decoded at a time, and the numbers of kept sums at which they are forgotten (64 MB).
_CHUNK = 1 << 12
_KEPT = 1 << 24


class Tagger:
    """Tags words; threads may share it, one tags at a time."""

    def __init__(
        self, net: FeedForward, card: Card, *, clusters: WordClusters | None = None
    ) -> None:
        """A tagger from its net, and the clusters of words that it was fitted with, if any.

        Raises:
            NetError: the net was made with other features, or with clusters that are not these.
        """
        self.net, self.card = net, card
        self.labels: list[str] = list(card["labels"])
        _check(net, card, clusters)
        self._clusters = clusters
        self._known: dict[str | None, int] = {}
        self._sums: NDArray[np.float32] = np.empty((0, SLOTS, 0), np.float32)
        self._lock = threading.Lock()
        shape = net.shape
        self._groups = [group for group in shape.groups if group.name != TAGS]
        self._width = sum(group.width for group in self._groups)
        per_slot: list[list[Floats]] = [[] for _ in range(SLOTS)]
        columns = np.ascontiguousarray(net.hidden_weight.T)  # [inputs, hidden]
        history = np.zeros((shape.labels + 1, 0, shape.hidden), np.float32)
        start = 0
        for group in shape.groups:
            block = columns[start : start + group.width * group.slots]
            block = block.reshape(group.slots, group.width, shape.hidden)
            start += group.width * group.slots
            if group.name == TAGS:
                history = np.einsum("lw,swh->lsh", net.tables[TAGS].matrix(), block)
            else:
                for slot in range(SLOTS):
                    per_slot[slot].append(block[slot])
        self._weights = np.stack([np.concatenate(blocks) for blocks in per_slot])
        self._history = np.ascontiguousarray(history, np.float32)
        self._output = np.ascontiguousarray(net.output_weight.T)
        self._most_words = max(1 << 10, _KEPT // (SLOTS * shape.hidden))
        self.forget()

    def __repr__(self) -> str:
        size = sum(file["bytes"] for file in self.card.get("files", {}).values())
        return f"Tagger({len(self.labels)} tags, {size:,} bytes)"

    @classmethod
    def load(cls, folder: Path | None = None) -> Tagger:
        """A tagger from its folder; the shipped one for English if none is named.

        Raises:
            NetError: there is no tagger, or it is damaged or of a newer format.
        """
        if folder is None:
            folder = Path(__file__).parent.parent / "shipped" / "tagger"
        net, card = FeedForward.load(folder, TASK)
        if not isinstance(card.get("labels"), list) or card.get("features") != RECIPE:
            raise NetError(
                f"{folder} was made with features {card.get('features')!r}; this frugally has "
                f"{RECIPE!r}",
                hint="fit it again with this version",
            )
        clusters = None
        if "clusters" in card:
            arrays = _arrays_of_clusters(map_tensors(folder / NETWORK))
            clusters = WordClusters.from_arrays(arrays, card["clusters"])
        return cls(net, card, clusters=clusters)

    def tag(self, sentences: Iterable[Sequence[str]]) -> list[list[str]]:
        """The tags of the words of each sentence; a word is any string, spaces and all."""
        return list(self.stream(sentences))

    def stream(self, sentences: Iterable[Sequence[str]]) -> Iterator[list[str]]:
        """As `tag`, but sentence by sentence, with little held at a time."""
        held: list[Sequence[str]] = []
        count = 0
        for sentence in sentences:
            if isinstance(sentence, str):
                raise TypeError("a sentence is a sequence of words, not one string")
            held.append(sentence)
            count += len(sentence)
            if count >= _CHUNK:
                yield from self._tag(held)
                held, count = [], 0
        yield from self._tag(held)

    def numbers(self, sentences: Sequence[Sequence[str]]) -> NDArray[np.uint8]:
        """The numbers of the labels of all words, sentence after sentence, end to end."""
        words: list[str | None] = [None] * HALF
        for sentence in sentences:
            words += sentence
            words += [None] * HALF
        inside = np.fromiter((word is not None for word in words), bool, len(words))
        found: NDArray[np.uint8] = self._decode(words)[inside]
        return found

    def _tag(self, sentences: Sequence[Sequence[str]]) -> Iterator[list[str]]:
        if not sentences:
            return
        names = [self.labels[number] for number in self.numbers(sentences).tolist()]
        start = 0
        for sentence in sentences:
            yield names[start : start + len(sentence)]
            start += len(sentence)

    def _decode(self, words: Sequence[str | None]) -> NDArray[np.uint8]:
        """Tags of all positions; `None` is outside of sentences, HALF of them at both ends."""
        from frugally.nets.tagging.kernels import decode

        net = self.net
        tags = np.full(len(words), net.shape.labels, np.uint8)
        with self._lock:
            for low in range(HALF, len(words) - HALF, _CHUNK):
                high = min(low + _CHUNK, len(words) - HALF)
                begin = low - HALF
                ids = self._number(words[begin : high + HALF])
                decode(
                    ids,
                    HALF,
                    high - begin,
                    self._sums,
                    self._history,
                    net.hidden_bias,
                    self._output,
                    net.output_bias,
                    tags[begin : high + HALF],
                )
        spend(flops=self.flops_per_token * len(words))
        return tags

    @property
    def flops_per_token(self) -> int:
        """Operations for a word whose sums are kept: additions, and the output layer."""
        shape = self.net.shape
        back: int = self._history.shape[1]
        return (SLOTS + back) * shape.hidden + 2 * shape.hidden * shape.labels

    def _number(self, words: Sequence[str | None]) -> NDArray[np.int32]:
        """Rows of the kept sums; those of words not met before are made."""
        if len(self._known) > self._most_words:
            self.forget()
        known = self._known
        new = [word for word in dict.fromkeys(words) if word not in known]
        if new:
            first = len(known)
            known.update(zip(new, range(first, first + len(new)), strict=True))
            if len(known) > len(self._sums):
                most = max(len(known), min(2 * len(known), self._most_words + 2 * _CHUNK))
                room = np.empty((most, *self._sums.shape[1:]), np.float32)
                room[:first] = self._sums[:first]
                self._sums = room
            self._add(self.features([word or "" for word in new]), first)
            spend(flops=2 * len(new) * self._weights.size)
        return np.fromiter(map(known.__getitem__, words), np.int32, len(words))

    def _add(self, features: Floats, first: int) -> None:
        from frugally.nets.kernels import contributions

        contributions(features, self._weights, self._sums[first : first + len(features)])

    def forget(self) -> None:
        """Drop the sums kept of words met before; nothing but speed changes."""
        self._known = {None: 0}
        self._sums = np.empty((64, SLOTS, self.net.shape.hidden), np.float32)
        outside = np.zeros((1, self._width), np.float32)
        start = 0
        for group in self._groups:
            rows = outside_bags(group.name)
            bags = Rows(rows, np.array([len(rows)], np.int64))
            self._mean(group.name, bags, outside[:, start : start + group.width])
            start += group.width
        self._add(outside, 0)

    def features(self, words: Sequence[str]) -> Floats:
        """What a slot of h0 holds for each word [words, width]; the groups' means side by side."""
        out = np.zeros((len(words), self._width), np.float32)
        start = 0
        for group in self._groups:
            bags = word_bags(words, group.name, group.rows, self._clusters)
            self._mean(group.name, bags, out[:, start : start + group.width])
            start += group.width
        return out

    def _mean(self, group: str, bags: Rows, out: Floats) -> None:
        mean_of_rows(self.net.tables[group], bags.rows, bags.ends, out)


def _arrays_of_clusters(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {
        name.removeprefix(CLUSTERS): array
        for name, array in arrays.items()
        if name.startswith(CLUSTERS)
    }


def _check(net: FeedForward, card: Card, clusters: WordClusters | None) -> None:
    shape = net.shape
    for group in shape.groups:
        slots_fit = group.slots == SLOTS if group.name != TAGS else 1 <= group.slots <= HALF
        least = SHAPES if group.name == "shape" else 1
        if not known_group(group.name) or not slots_fit or group.rows < least:
            raise NetError(
                f"this frugally has no features {group.name!r} x {group.slots} in {group.rows} rows"
            )
        if group.name == "cluster" and (clusters is None or clusters.count != group.rows - 1):
            raise NetError("this tagger needs the clusters of words that it was fitted with")
    tags = next((group for group in shape.groups if group.name == TAGS), None)
    if tags is not None and tags.rows != shape.labels + 1:
        raise NetError(f"{tags.rows} rows for the tags before, with {shape.labels} labels")
    if len(card["labels"]) != shape.labels or shape.labels > 255:
        raise NetError(f"{len(card['labels'])} names for {shape.labels} labels")


@cache
def shipped_tagger() -> Tagger:
    """The tagger for English that comes with frugally."""
    return Tagger.load()
