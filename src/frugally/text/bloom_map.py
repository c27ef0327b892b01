"""The Bloom map: words to values in about as many bits as the values and the errors allow.

A Bloom map (Talbot and Talbot 2008, "Bloom maps", arXiv 0710.3246) keeps no keys. Each value has a
prefix code, the more frequent the shorter; a key sets the bits of a Bloom filter that stand for it
at the nodes of its value's code; a lookup walks the code tree and follows the branches whose bits
are set. A value whose code has l bits gets l + log2(1/eps) bits of each key, so that a word that
was never put in meets a value with probability

    sum over values of 2^-(l + log2(1/eps)) = eps,

the filter being half full, and n keys take n (log2(1/eps) + H) / ln 2 bits, H being the mean length
of the codes, near the entropy of the values over the keys.

Two things are done here that keep it small and exact:

- Where the bits of a key are asked. Were one bit asked at each node, two values near each other in
  the tree would share most of theirs, and a key would often meet its neighbour's value. Here one
  is asked at each `STRIDE`-th node only, and what is left of the l + log2(1/eps) at the leaf, where
  every value has bits of its own. It is somewhat slower and much less often wrong.
- Corrections. Keys that would meet a wrong value first, found by walking for all of them when the
  map is made, set a few more bits that say "not this value". Such bits can stand by chance where
  they should not; then the next level says "not so", and so on until no key is wrong. All known
  keys have their own value, always.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from frugally.errors import CorruptionError
from frugally.text.word_maps import hash_all

STRIDE = 3  # levels of the code tree between bits that are asked
LEAST_RATE, MOST_RATE = 2.0**-32, 0.5  # of false positives
_SEEDS = 8  # tried before giving up; one is enough but for a pair of words with the same 64 bits


def code_lengths(counts: Sequence[int]) -> list[int]:
    """The lengths of a Huffman code for values of these counts; ties by place.

    One value alone has a code of no bits.
    """
    heap: list[tuple[int, int, tuple[int, ...]]]
    heap = [(count, i, (i,)) for i, count in enumerate(counts)]
    heapq.heapify(heap)
    lengths = [0] * len(counts)
    while len(heap) > 1:
        first, second = heapq.heappop(heap), heapq.heappop(heap)
        for i in (*first[2], *second[2]):
            lengths[i] += 1
        heapq.heappush(heap, (first[0] + second[0], second[1], first[2] + second[2]))
    return lengths


def canonical_codes(lengths: Sequence[int]) -> list[str]:
    """The codes of these lengths as strings of 0 and 1: shorter first, then by place."""
    codes, code, before = [""] * len(lengths), 0, 0
    for length, i in sorted((length, i) for i, length in enumerate(lengths)):
        code <<= length - before
        if length:
            codes[i] = f"{code:0{length}b}"
        code, before = code + 1, length
    return codes


@dataclass(frozen=True, slots=True, eq=False)
class CodeTree:
    """The nodes where bits are asked, in preorder, each array int32.

    `counts` is how many bits; `skips` the node that comes after all that are under this one;
    `values` the value of a leaf and -1 inside. `paths` has the nodes of each value's path end to
    end, from `path_starts` on.
    """

    counts: NDArray[np.int32]
    skips: NDArray[np.int32]
    values: NDArray[np.int32]
    paths: NDArray[np.int32]
    path_starts: NDArray[np.int32]

    @classmethod
    def of(
        cls, values: Sequence[int], lengths: Sequence[int], leaf_bits: int, stride: int
    ) -> CodeTree:
        """The tree of `values` whose codes have `lengths`; `leaf_bits` is log2(1/eps)."""
        codes = canonical_codes(lengths)
        inner = {code[:d] for code in codes for d in range(stride, len(code), stride)}
        leaves = dict(zip(codes, values, strict=True))
        nodes = sorted(inner | set(codes))  # strings with a common start stand together: preorder
        number = {code: i for i, code in enumerate(nodes)}
        counts = np.ones(len(nodes), np.int32)
        paths: list[int] = []
        starts = [0]
        for code in codes:
            above = [number[code[:d]] for d in range(stride, len(code), stride)]
            counts[number[code]] = leaf_bits + len(code) - len(above)
            paths += [*above, number[code]]
            starts.append(len(paths))
        skips = np.arange(1, len(nodes) + 1, dtype=np.int32)
        for i in range(len(nodes) - 1, -1, -1):
            end = i + 1
            while end < len(nodes) and nodes[end].startswith(nodes[i]):
                end = int(skips[end])
            skips[i] = end
        at_nodes = [leaves.get(code, -1) for code in nodes]
        return cls(
            counts, skips, np.array(at_nodes, np.int32), np.array(paths, np.int32),
            np.array(starts, np.int32),
        )  # fmt: skip


def _fill_for(totals: NDArray[np.int64], eps: float) -> float:
    """How full the filter may be that the chance of meeting any value is `eps`."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if (middle**totals).sum() < eps else (low, middle)
    return low


class BloomMap:
    """A map from words to numbers from 0 to 65,535; other words mostly have none."""

    form = "bloom"

    def __init__(
        self,
        bits: NDArray[np.uint64],
        values: NDArray[np.uint16],
        lengths: NDArray[np.uint8],
        settings: NDArray[np.int64],
    ) -> None:
        self._bits, self._values, self._lengths, self._settings = bits, values, lengths, settings
        self._seed, self._leaf_bits, self._stride, self.keys = (int(x) for x in settings)
        self._tree = CodeTree.of(values.tolist(), lengths.tolist(), self._leaf_bits, self._stride)

    def __repr__(self) -> str:
        return f"BloomMap({self.keys:,} words, {self.nbytes:,} bytes)"

    @classmethod
    def build(
        cls,
        words: Sequence[str],
        values: NDArray[np.integer[Any]],
        *,
        false_positives: float = 1 / 16,
        seed: int = 0,
        stride: int = STRIDE,
    ) -> Self:
        """The map in which each of `words`, all different, has its value.

        The same words in any order, values and seed make the same map.

        Raises:
            ValueError: a rate outside of 2^-32 to 1/2, a value out of range, or a word that is
                twice there.
        """
        if not LEAST_RATE <= false_positives <= MOST_RATE:
            raise ValueError(f"a rate of false positives of {false_positives}, not 2^-32 to 1/2")
        if len(values) != len(words) or ((values < 0) | (values >= 1 << 16)).any():
            raise ValueError("not a value from 0 to 65,535 for each word")
        for attempt in range(seed, seed + _SEEDS):
            keys = hash_all(words, attempt)
            if len(np.unique(keys)) == len(keys):
                return cls._build(keys, values, false_positives, attempt, stride)
        raise ValueError("a word is there twice")

    @classmethod
    def _build(
        cls,
        keys: NDArray[np.uint64],
        values: NDArray[np.integer[Any]],
        eps: float,
        seed: int,
        stride: int,
    ) -> Self:
        from frugally.text.word_maps.kernels import correct, set_bits

        order = np.argsort(keys)
        keys, values = keys[order], values[order]
        kinds, which, counts = np.unique(values, return_inverse=True, return_counts=True)
        lengths = np.array(code_lengths(counts.tolist()), np.uint8)
        leaf_bits = max(1, round(-math.log2(eps)))
        totals = lengths.astype(np.int64) + leaf_bits
        fill = _fill_for(totals, eps) if len(kinds) else 0.5
        needed = int((totals * counts).sum())
        spent = 0
        settings = np.array([seed, leaf_bits, stride, len(keys)], np.int64)
        while True:
            size = -(-math.ceil((needed + spent) / -math.log1p(-fill)) // 64) or 1
            found = cls(np.zeros(size, np.uint64), kinds.astype(np.uint16), lengths, settings)
            tree, bits = found._tree, found._bits
            set_bits(
                keys, which.astype(np.int32), tree.path_starts, tree.paths, tree.counts, bits,
                64 * size,
            )  # fmt: skip
            leaves = tree.paths[tree.path_starts[1:] - 1][which]
            added, total = 1, 0
            while added > 0:
                added = correct(
                    keys, leaves, bits, 64 * size, tree.counts, tree.skips, tree.values,
                    found._veto_bits,
                )  # fmt: skip
                total += added
            if added == 0 and found.fill <= fill:
                return found
            # A fuller filter needs more corrections: what this one took is too many for the next.
            spent += max((total - spent) // 2, needed // 2000, 1)

    @property
    def _veto_bits(self) -> int:
        return self._leaf_bits + 1

    @property
    def fill(self) -> float:
        """The part of the bits that are set."""
        return float(np.bitwise_count(self._bits).sum()) / (64 * len(self._bits))

    @property
    def nbytes(self) -> int:
        """What the map takes, saved: the filter, the values and the lengths of their codes."""
        return sum(array.nbytes for array in self.arrays().values())

    def find(self, words: Sequence[str]) -> NDArray[np.int32]:
        """The value of each word, [n] int32; -1 for none."""
        from frugally.text.word_maps.kernels import find_values

        tree = self._tree
        found: NDArray[np.int32] = find_values(
            hash_all(words, self._seed), self._bits, 64 * len(self._bits), tree.counts, tree.skips,
            tree.values, self._veto_bits,
        )  # fmt: skip
        return found

    def get(self, word: str) -> int | None:
        """The value of a word, None if it has none."""
        value = int(self.find([word])[0])
        return None if value < 0 else value

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What `from_arrays` makes it from again."""
        return {
            "bits": self._bits, "values": self._values, "lengths": self._lengths,
            "settings": self._settings,
        }  # fmt: skip

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """What `arrays` gave.

        Raises:
            CorruptionError: it is not what `arrays` gave.
        """
        try:
            bits, values, lengths = (arrays[name] for name in ("bits", "values", "lengths"))
            settings = arrays["settings"]
            kinds = [bits.dtype, values.dtype, lengths.dtype, settings.dtype]
            if kinds != [np.uint64, np.uint16, np.uint8, np.int64]:
                raise ValueError(f"types {kinds}")
            whole = sum(2.0 ** -int(n) for n in lengths)
            if len(values) != len(lengths) or whole not in (0.0, 1.0) or not len(bits):
                raise ValueError("its codes are not a whole tree")
            if settings.shape != (4,) or not 1 <= settings[1] <= 64 or not 1 <= settings[2] <= 256:
                raise ValueError(f"settings {settings.tolist()}")
            return cls(bits, values, lengths, settings)
        except (KeyError, ValueError, TypeError) as error:
            raise CorruptionError(f"not the arrays of a Bloom map: {error}") from error
