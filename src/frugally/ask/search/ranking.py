"""How a passage is scored: BM25 or the seed system's TF-IDF.

BM25 (Robertson and Zaragoza 2009, equation 3.15, with Lucene's idf, which is never negative):
    share(t, d) = w_t ln(1 + (N - n_t + 0.5) / (n_t + 0.5)) tf (k1 + 1) / (tf + K_d),
    K_d = k1 (1 - b + b |d| / avg).
TF-IDF (Chen et al. 2017; facebookresearch/DrQA, scripts/retriever/build_tfidf.py):
    share(t, d) = ln(1 + tf_q) idf_t · ln(1 + tf_d) idf_t,
    idf_t = max(0, ln((N - n_t + 0.5) / (n_t + 0.5))),
    summed (`dot`), or divided by the Euclidean length of the passage's weights (`cosine`).
N counts all passages, deleted ones too until they are merged away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from frugally.errors import UsageError

RANKINGS = ("bm25", "tfidf")
SIMILARITIES = ("dot", "cosine")

LONGEST = (1 << 16) - 1  # longer passages count as this many words long


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """A formula and its constants.

    `bigram` is what a bigram's share is multiplied by, `characters` that of a bigram of letters of
    a script without spaces (bm25 only). `similarity` matters to tfidf only.

    Raises:
        UsageError: a name or a constant that makes no sense.
    """

    name: str = "bm25"
    k1: float = 0.45
    b: float = 0.1
    bigram: float = 0.2
    characters: float = 1.0
    similarity: str = "dot"

    def __post_init__(self) -> None:
        if self.name not in RANKINGS:
            raise UsageError(f"no ranking {self.name!r}", hint=f"known: {', '.join(RANKINGS)}")
        if self.similarity not in SIMILARITIES:
            known = ", ".join(SIMILARITIES)
            raise UsageError(f"no similarity {self.similarity!r}", hint=f"known: {known}")
        if not (self.k1 >= 0 and 0 <= self.b <= 1 and self.bigram >= 0 and self.characters >= 0):
            raise UsageError("k1 and the weights must be at least 0, and b between 0 and 1")

    def weights(
        self, terms: NDArray[np.int64], passages: int, having: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """What each term's share is multiplied by; `having`: how many passages have the term."""
        from frugally.ask.search.kernels import weigh

        _, frequencies, kinds = terms
        weights = np.empty(len(having))
        weigh(
            frequencies, kinds, having, passages, self.name == "bm25", self.bigram,
            self.characters, weights,
        )  # fmt: skip
        return weights

    def norms(self, lengths: NDArray[np.int64], average: float) -> NDArray[np.float64]:
        """K_d of BM25 for passages of these lengths in words."""
        lengths = np.minimum(lengths, LONGEST)
        return np.asarray(self.k1 * (1.0 - self.b + self.b * lengths / max(average, 1e-9)))

    def gains(self, norms: NDArray[np.float64]) -> NDArray[np.float32]:
        """What a weight of 1 gives for each frequency below 256 and norm; shape (256, norms).

        The last frequency stands for any from 255 on. For bounds, so float32 is near enough.
        """
        tf = np.arange(256.0)[:, None]
        tf[255] = 1e9
        if self.name == "bm25":
            gains = tf * (self.k1 + 1.0) / np.maximum(tf + norms, 1e-9)
        else:
            gains = np.log1p(tf) * norms
        return np.asarray(gains, np.float32)
