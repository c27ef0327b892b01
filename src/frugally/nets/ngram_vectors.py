"""Word vectors from hashed character n-grams: a small table that has a vector for every word.

A word w is written `<w>` and cut into its character n-grams of `min_chars` to `max_chars`, and
itself. Each of these strings s is hashed `hash_count` times into the rows of one table E, and the
vector of the word is the mean of the rows hit:

    e(w) = 1 / (|S| k) * sum over s in S, i < k of E[h_i(s) mod rows]

This is the "floret" form (https://github.com/explosion/floret) of fastText's subword vectors
(Bojanowski et al. 2017, "Enriching Word Vectors with Subword Information", section 3.2): no row
belongs to a whole word, so the table is small and no word is unknown. h_i is the i-th 32-bit
quarter of MurmurHash3_x64_128 (Austin Appleby, public domain) of the UTF-8 bytes.

The table is kept in 8 bits with one scale a row, as in Botha et al. 2017 ("Natural Language
Processing with Small Feed-Forward Networks", section 2.1).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from frugally.errors import NetError
from frugally.files.disk import write_whole

FORMAT = 1

_MASK = 0xFFFFFFFFFFFFFFFF
_C1 = 0x87C37B91114253D5
_C2 = 0x4CF5AD432745937F
_BLOCK = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class NgramRecipe:
    """How words become rows: n-gram lengths in characters, hashes a string, and the seed."""

    min_chars: int = 3
    max_chars: int = 5
    hash_count: int = 2
    seed: int = 2166136261


def murmur3_x64_128(data: bytes, seed: int) -> tuple[int, int, int, int]:
    """MurmurHash3_x64_128 of `data` as four 32-bit numbers, lowest first."""
    h1 = h2 = seed
    whole = len(data) // _BLOCK * _BLOCK
    for i in range(0, whole, _BLOCK):
        h1 ^= _scramble1(int.from_bytes(data[i : i + 8], "little"))
        h1 = ((_rotate(h1, 27) + h2) * 5 + 0x52DCE729) & _MASK
        h2 ^= _scramble2(int.from_bytes(data[i + 8 : i + 16], "little"))
        h2 = ((_rotate(h2, 31) + h1) * 5 + 0x38495AB5) & _MASK
    h1 ^= _scramble1(int.from_bytes(data[whole : whole + 8], "little"))
    h2 ^= _scramble2(int.from_bytes(data[whole + 8 :], "little"))
    h1 ^= len(data)
    h2 ^= len(data)
    h1 = (h1 + h2) & _MASK
    h2 = (h2 + h1) & _MASK
    h1 = _finish(h1)
    h2 = _finish(h2)
    h1 = (h1 + h2) & _MASK
    h2 = (h2 + h1) & _MASK
    return h1 & 0xFFFFFFFF, h1 >> 32, h2 & 0xFFFFFFFF, h2 >> 32


def _rotate(x: int, by: int) -> int:
    return ((x << by) | (x >> (64 - by))) & _MASK


def _scramble1(k: int) -> int:
    return (_rotate(k * _C1 & _MASK, 31) * _C2) & _MASK


def _scramble2(k: int) -> int:
    return (_rotate(k * _C2 & _MASK, 33) * _C1) & _MASK


def _finish(k: int) -> int:
    k ^= k >> 33
    k = k * 0xFF51AFD7ED558CCD & _MASK
    k ^= k >> 33
    k = k * 0xC4CEB9FE1A85EC53 & _MASK
    return k ^ (k >> 33)


def murmur3_x64_128_short(
    padded: NDArray[np.uint64], lengths: NDArray[np.uint64], seed: int
) -> NDArray[np.uint32]:
    """The same hash for many strings of fewer than 16 bytes at once.

    `padded` is (n, 2) uint64: the bytes of each string, zeros after, read as little-endian;
    `lengths` is (n,), in bytes. Returns (n, 4) uint32. Such strings have no whole block, so only
    the tail and the finish of the function remain, which numpy does without a loop over strings.
    """
    k1 = padded[:, 0] * np.uint64(_C1)
    k1 = (k1 << np.uint64(31) | k1 >> np.uint64(33)) * np.uint64(_C2)
    k2 = padded[:, 1] * np.uint64(_C2)
    k2 = (k2 << np.uint64(33) | k2 >> np.uint64(31)) * np.uint64(_C1)
    h1 = np.uint64(seed) ^ k1 ^ lengths
    h2 = np.uint64(seed) ^ k2 ^ lengths
    h1 = h1 + h2
    h2 = h2 + h1
    h1 = _finish_many(h1)
    h2 = _finish_many(h2)
    h1 = h1 + h2
    h2 = h2 + h1
    return np.stack([h1, h2], axis=1).astype("<u8").view("<u4").astype(np.uint32, copy=False)


def _finish_many(k: NDArray[np.uint64]) -> NDArray[np.uint64]:
    shift = np.uint64(33)
    k = (k ^ (k >> shift)) * np.uint64(0xFF51AFD7ED558CCD)
    k = (k ^ (k >> shift)) * np.uint64(0xC4CEB9FE1A85EC53)
    return k ^ (k >> shift)


def ngrams(word: str, recipe: NgramRecipe) -> list[str]:
    """`<word>` and then its character n-grams, shortest first, each in order of place."""
    marked = f"<{word}>"
    found = [marked]
    for n in range(recipe.min_chars, recipe.max_chars + 1):
        found += [marked[i : i + n] for i in range(len(marked) - n + 1)]
    return found


def hash_ngrams(strings: Sequence[str], recipe: NgramRecipe) -> NDArray[np.uint32]:
    """The first `hash_count` hashes of each string, (n, hash_count) uint32."""
    data = [s.encode("utf-8", "surrogatepass") for s in strings]
    lengths = np.fromiter(map(len, data), dtype=np.uint64, count=len(data))
    padded = np.frombuffer(b"".join([d[:_BLOCK].ljust(_BLOCK, b"\0") for d in data]), dtype="<u8")
    hashes = murmur3_x64_128_short(
        padded.reshape(-1, 2).astype(np.uint64, copy=False), lengths, recipe.seed
    )
    for i in np.flatnonzero(lengths >= _BLOCK):
        hashes[i] = murmur3_x64_128(data[i], recipe.seed)
    return hashes[:, : recipe.hash_count]


def quantise_rows(table: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
    """Eight bits an entry and one scale a row.

    s_i = max_j |e_ij| / 127 and q = floor(1/2 + e / s + 128), so that e is about s (q - 128):
    Botha et al. 2017, section 2.1, with 127 in place of their b - 1 = 128 so that q stays in
    1..255. The scale is rounded to float16 before it is used, so the error of an entry is at most
    s_i / 2.
    """
    scale = (np.abs(table).max(axis=1, initial=0.0) / 127).astype(np.float16)
    # Rounding to float16 may have made the scale a hair too small for the largest entry, or zero.
    scale = np.maximum(scale, np.float16(2**-24))
    q = np.floor(0.5 + table / scale.astype(np.float32)[:, None] + 128)
    return np.clip(q, 1, 255).astype(np.uint8), scale


class NgramVectors:
    """A vector for any word, from an 8-bit table of hashed character n-grams.

    `table` is (rows, dim) uint8, `scale` is (rows,) float16.
    """

    def __init__(
        self, table: NDArray[np.uint8], scale: NDArray[np.float16], recipe: NgramRecipe
    ) -> None:
        self.table = table
        self.scale = scale
        self.recipe = recipe

    def __repr__(self) -> str:
        return f"NgramVectors({self.rows:,} rows x {self.dim}, {self.recipe})"

    @property
    def rows(self) -> int:
        """How many rows the table has."""
        return int(self.table.shape[0])

    @property
    def dim(self) -> int:
        """How many numbers a vector has."""
        return int(self.table.shape[1])

    @classmethod
    def quantise(cls, table: NDArray[np.float32], recipe: NgramRecipe) -> NgramVectors:
        """From a trained table, (rows, dim) float32."""
        return cls(*quantise_rows(table), recipe)

    def digest(self) -> str:
        """SHA-256 over table, scales and recipe: two equal digests give equal vectors."""
        sha = hashlib.sha256(repr((FORMAT, self.table.shape, self.recipe)).encode())
        sha.update(np.ascontiguousarray(self.table).tobytes())
        sha.update(np.ascontiguousarray(self.scale, dtype="<f2").tobytes())
        return sha.hexdigest()

    def vectors(self, words: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of `words`, (len(words), dim) float32; an equal word has an equal vector."""
        if not words:
            return np.zeros((0, self.dim), np.float32)
        hits, starts = self.hits(words)
        sums = np.add.reduceat(self._values(hits), starts, axis=0)
        per_word = np.diff(starts, append=len(hits))
        return np.asarray(sums / per_word[:, None], dtype=np.float32)

    def hits(self, words: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The rows whose mean is a word's vector, all words end to end, and where each begins."""
        cut = [ngrams(word, self.recipe) for word in words]
        flat = [s for strings in cut for s in strings]
        rows = hash_ngrams(flat, self.recipe) % np.uint32(self.rows)
        counts = np.fromiter(map(len, cut), dtype=np.int64, count=len(cut))
        per_word = counts * self.recipe.hash_count
        return rows.reshape(-1).astype(np.int64), np.cumsum(per_word) - per_word

    def matrix(self) -> NDArray[np.float32]:
        """The whole table in full numbers, (rows, dim) float32."""
        return self._values(np.arange(self.rows))

    def _values(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        values = self.table[rows].astype(np.float32)
        values -= 128
        values *= self.scale[rows].astype(np.float32)[:, None]
        return values

    def save(self, path: Path) -> None:
        """Write one safetensors file that holds the table, the scales and the recipe."""
        recipe = self.recipe
        data = save(
            {"table": np.ascontiguousarray(self.table), "scale": np.ascontiguousarray(self.scale)},
            metadata={
                "format": str(FORMAT),
                "min_chars": str(recipe.min_chars),
                "max_chars": str(recipe.max_chars),
                "hash_count": str(recipe.hash_count),
                "seed": str(recipe.seed),
            },
        )
        write_whole(path, data)

    @classmethod
    def load(cls, path: Path) -> NgramVectors:
        """Read what `save` wrote; `NetError` if it is missing, damaged or of a newer format."""
        try:
            with safe_open(path, framework="numpy") as file:
                meta = file.metadata() or {}
                if int(meta["format"]) > FORMAT:
                    raise NetError(
                        f"{path} has format {meta['format']}; this frugally reads up to {FORMAT}",
                        hint="pip install --upgrade frugally",
                    )
                recipe = NgramRecipe(
                    min_chars=int(meta["min_chars"]),
                    max_chars=int(meta["max_chars"]),
                    hash_count=int(meta["hash_count"]),
                    seed=int(meta["seed"]),
                )
                table, scale = file.get_tensor("table"), file.get_tensor("scale")
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise NetError(f"cannot read the word vectors {path}: {error}") from error
        if table.ndim != 2 or table.dtype != np.uint8 or scale.shape != table.shape[:1]:
            raise NetError(f"{path} does not hold a table of word vectors")
        return cls(table, scale, recipe)
