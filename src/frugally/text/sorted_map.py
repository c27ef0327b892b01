"""The plain map from words to values: their hashes in order, and a byte beside each.

It takes 40 bits a word where the Bloom map takes some 16, is looked up by halving, and gives an
unknown word a value with probability n / 2^32.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from frugally.errors import CorruptionError
from frugally.text.word_maps import hash_all

_SEEDS = 64


class SortedMap:
    """A map from words to numbers from 0 to 255; other words have none."""

    form = "sorted"

    def __init__(
        self, hashes: NDArray[np.unsignedinteger[Any]], values: NDArray[np.uint8], seed: int
    ) -> None:
        """From sorted hashes, uint32 (the lower half of each) or uint64, and their values."""
        self._hashes, self._values, self._seed = hashes, values, seed
        self._wide = hashes.astype(np.uint64)
        self.keys = len(values)

    def __repr__(self) -> str:
        return f"SortedMap({self.keys:,} words, {self.nbytes:,} bytes)"

    @classmethod
    def build(
        cls,
        words: Sequence[str],
        values: NDArray[np.integer[Any]],
        *,
        hash_bits: int = 32,
        seed: int = 0,
    ) -> Self:
        """The map in which each of `words`, all different, has its value.

        Raises:
            ValueError: a value out of range, a word that is twice there, or too many words for
                hashes of 32 bits.
        """
        if len(values) != len(words) or ((values < 0) | (values > 255)).any():
            raise ValueError("not a value from 0 to 255 for each word")
        kind = {32: np.uint32, 64: np.uint64}[hash_bits]
        for attempt in range(seed, seed + _SEEDS):
            hashes = hash_all(words, attempt).astype(kind)
            order = np.lexsort((values, hashes))
            hashes, ordered = hashes[order], values[order]
            same = hashes[1:] == hashes[:-1]
            # Two words of one hash may share a place if they share a value.
            if not (same & (ordered[1:] != ordered[:-1])).any():
                kept = np.concatenate([np.ones(min(1, len(hashes)), bool), ~same])
                return cls(hashes[kept], ordered[kept].astype(np.uint8), attempt)
        raise ValueError("a word is there twice, or hashes of 64 bits are needed")

    @property
    def nbytes(self) -> int:
        """What the map takes, saved."""
        return sum(array.nbytes for array in self.arrays().values())

    def find(self, words: Sequence[str]) -> NDArray[np.int32]:
        """The value of each word, [n] int32; -1 for none."""
        from frugally.text.word_maps.kernels import find_sorted

        keys = hash_all(words, self._seed).astype(self._hashes.dtype).astype(np.uint64)
        found: NDArray[np.int32] = find_sorted(keys, self._wide, self._values)
        return found

    def get(self, word: str) -> int | None:
        """The value of a word, None if it has none."""
        value = int(self.find([word])[0])
        return None if value < 0 else value

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What `from_arrays` makes it from again."""
        seed = np.array([self._seed], np.int64)
        return {"hashes": self._hashes, "values": self._values, "settings": seed}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """What `arrays` gave.

        Raises:
            CorruptionError: it is not what `arrays` gave.
        """
        try:
            hashes, values, settings = (arrays[name] for name in ("hashes", "values", "settings"))
            if hashes.dtype not in (np.uint32, np.uint64) or values.dtype != np.uint8:
                raise ValueError(f"types {hashes.dtype} and {values.dtype}")
            if settings.dtype != np.int64:
                raise ValueError(f"settings {settings.dtype}")
            if hashes.shape != values.shape or values.ndim != 1 or settings.shape != (1,):
                raise ValueError("sizes that do not agree")
            if (hashes[1:] <= hashes[:-1]).any():
                raise ValueError("hashes out of order")
            return cls(hashes, values, int(settings[0]))
        except (KeyError, ValueError, TypeError) as error:
            raise CorruptionError(f"not the arrays of a sorted map: {error}") from error
