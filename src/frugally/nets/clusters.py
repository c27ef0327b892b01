"""Word clusters: which of a few hundred classes a word is of, for nets that take it as a feature.

A folder holds `net.safetensors`, a map from words to clusters (`frugally.text.bloom_map` or
`frugally.text.sorted_map`), and `card.json`. It is made by `frugally fit clusters`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from frugally.errors import CorruptionError, NetError
from frugally.files.tensors import map_tensors
from frugally.nets.card import NETWORK, Card, load_card, save_net
from frugally.text.bloom_map import BloomMap
from frugally.text.sorted_map import SortedMap
from frugally.text.spelling import other_spellings, spelling

TASK = "word clusters"
SPELLING = 1  # raised when `frugally.text.spelling` changes what a word is found under

_FORMS = {form.form: form for form in (BloomMap, SortedMap)}


class WordClusters:
    """The clusters of words, numbered from 0, the one with most of the text first.

    `count` is how many there are; `card` what they were made from.
    """

    def __init__(self, words: BloomMap | SortedMap, card: Card) -> None:
        self._words = words
        self.card = card
        self.count = int(card["clusters"])

    def __repr__(self) -> str:
        return f"WordClusters({self.count} clusters, {self._words!r})"

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the clusters that `save_clusters` or `frugally fit clusters` wrote.

        Raises:
            NetError: they are missing, damaged, or of another or a newer kind.
        """
        card = load_card(folder, TASK)
        try:
            return cls.from_arrays(map_tensors(folder / NETWORK), card)
        except (CorruptionError, NetError) as error:
            raise NetError(f"{folder} does not hold word clusters: {error}") from error

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], card: Card) -> Self:
        """What `arrays` gave, with its card.

        Raises:
            NetError: they are damaged, or of another or a newer kind.
        """
        try:
            if card["spelling"] != SPELLING:
                raise NetError("words are spelt otherwise than by this frugally; fit it again")
            return cls(_FORMS[card["map"]["form"]].from_arrays(arrays), card)
        except (CorruptionError, KeyError, TypeError, ValueError) as error:
            raise NetError(f"not a map of words: {error}") from error

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What `from_arrays` makes it from again."""
        return self._words.arrays()

    @property
    def nbytes(self) -> int:
        """What the map takes."""
        return self._words.nbytes

    def of(self, words: Sequence[str]) -> list[int]:
        """The cluster of each word, -1 where there is none.

        A word is looked for as it is written, then by `other_spellings`. A word that was not in
        the text the clusters are from has a chance of a wrong cluster: the map's rate of false
        positives, once for each of its spellings.
        """
        clusters: list[int] = self.array(words).tolist()
        return clusters

    def array(self, words: Sequence[str]) -> NDArray[np.int32]:
        """As `of`, [n] int32."""
        # One call for all words together, unless one of them has a line break in it.
        spelt = spelling("\n".join(words)).split("\n")
        if len(spelt) != len(words):
            spelt = [spelling(word) for word in words]
        found = self._words.find(spelt)
        others, places = [], []
        for i in np.flatnonzero(found < 0).tolist():
            for other in other_spellings(spelt[i]):
                others.append(other)
                places.append(i)
        if others:
            for i, cluster in zip(places, self._words.find(others).tolist(), strict=True):
                if found[i] < 0:
                    found[i] = cluster
        return found


def save_clusters(folder: Path, words: BloomMap | SortedMap, card: Card) -> int:
    """Write a folder as `WordClusters.load` reads it; returns its bytes.

    `card` says how many `clusters` there are; what the map is, is added.
    """
    about = {
        "form": words.form,
        "words": words.keys,
        "bytes": words.nbytes,
        "bits_a_word": round(8 * words.nbytes / max(1, words.keys), 2),
    }
    whole = {"task": TASK, "spelling": SPELLING, **card, "map": about | card.get("map", {})}
    return save_net(folder, words.arrays(), whole)
