"""What the maps from words to small numbers share: words as bytes, and their hashes.

A word is the first 64 bits of the MurmurHash3_x64_128 (Austin Appleby, public domain) of its UTF-8
bytes under a seed. What is not in UTF-8, half a surrogate pair, is hashed as it would be written.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def hash_all(words: Sequence[str], seed: int) -> NDArray[np.uint64]:
    """The hash of each word, [n] uint64."""
    from frugally.text.word_maps.kernels import hash_words_64

    text = "".join(words)
    if text.isascii():
        sizes = np.fromiter(map(len, words), np.int64, len(words))
        data = text.encode()
    else:
        encoded = [word.encode("utf-8", "surrogatepass") for word in words]
        sizes = np.fromiter(map(len, encoded), np.int64, len(words))
        data = b"".join(encoded)
    hashes: NDArray[np.uint64] = hash_words_64(
        np.frombuffer(data, np.uint8), np.cumsum(sizes), seed
    )
    return hashes
