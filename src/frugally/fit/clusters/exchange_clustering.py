"""Word clusters by the exchange algorithm, under the predictive class bigram model.

The model predicts the class of the next word from the word before it, and the word from its class:

    P(w | v) = P(w | c(w)) P(c(w) | v)

(Uszkoreit and Brants 2008, "Distributed Word Clustering for Large Scale Class-Based Language
Modeling in Machine Translation", ACL-08: HLT, on predictive exchange clustering). With relative
frequencies for both, the log likelihood of the text is

    L = sum over v, c of N(v, c) log N(v, c) - sum over c of N(c) log N(c)
      + sum over w of N(w) log N(w) - sum over v of N(v) log N(v),

whose second line no clustering changes. The algorithm is that of Martin, Liermann and Ney 1998
("Algorithms for bigram and trigram word clustering", Speech Communication 24): start from words
dealt out by falling frequency; then take each word in turn out of its cluster and put it where L is
highest. In this model the history is a word and no class, so that moving w touches N(v, c) only for
the words v before w.

Two more words are in the counts and in no cluster: the end of a sentence and, as one, all words too
rare; each is a class of its own that stays as it is.

`exchange_words` is the sequential form: L never falls. `exchange_in_rounds` is the parallel form.
As in the distributed version of Uszkoreit and Brants, words choose their clusters side by side with
the counts of an earlier clustering, and their moves are merged afterwards. Words that are each
right alone may be wrong together: merged as they are, L falls on a whole encyclopedia. So a merge
takes the moves one by one, which is quick, and only those that still gain; and a pass is cut into
rounds, dealt by frequency, with a merge after each. L never falls here either, and what a round
does depends on no order of the threads: any number of them gives the same clusters.
"""

from __future__ import annotations

import math
from concurrent.futures import Executor

import numpy as np
from numpy.typing import NDArray

from frugally.fit.clusters.bigrams import FIRST, Bigrams
from frugally.fit.clusters.kernels import choose, count_followers, exchange, merge, sum_x_log_x

ROUNDS = 16  # merges a pass of the parallel form
_BLOCK = 64  # words a thread takes at a time
_TABLE = 1 << 16  # x log x is looked up below, computed from here on


def _x_log_x(values: NDArray[np.int64]) -> NDArray[np.float64]:
    x = np.asarray(values, np.float64)
    return np.where(x > 0, x * np.log(np.maximum(x, 1.0)), 0.0)


class ExchangeClustering:
    """A clustering of the words of some bigram counts, and the counts that go with it.

    `clusters` (int32, [V]) has the cluster of each word, -1 for those that have none.
    """

    def __init__(self, bigrams: Bigrams, count: int) -> None:
        """Start with words dealt out to `count` clusters in turn, most frequent first."""
        words = np.arange(len(bigrams.words), dtype=np.int32)
        self.bigrams = bigrams
        self.count = min(count, len(words))
        self._table = _x_log_x(np.arange(_TABLE))
        self.assign(words % self.count)

    def assign(self, clusters: NDArray[np.int32]) -> None:
        """Take these clusters (int32, [words], without the first two) instead."""
        of = self.bigrams
        self.clusters = np.full(len(of.frequencies), -1, np.int32)
        self.clusters[FIRST:] = clusters
        self.sizes = np.bincount(
            clusters, weights=of.frequencies[FIRST:], minlength=self.count
        ).astype(np.int64)
        self._follows = np.zeros((len(of.frequencies), self.count), np.uint32)
        count_followers(self.clusters, of.starts, of.befores, of.counts, self._follows)
        alone = of.counts[: of.starts[FIRST]].astype(np.int64)  # what comes before the first two
        # All text lies between boundaries, so each word is a history as often as it is a word, and
        # the second line of L is zero.
        self._constant = float(_x_log_x(alone).sum() - _x_log_x(of.frequencies[:FIRST]).sum())

    def log_likelihood(self) -> float:
        """L of the text, in nats."""
        pairs = float(sum_x_log_x(self._follows, self._table))
        return pairs - float(_x_log_x(self.sizes).sum()) + self._constant

    def perplexity(self) -> float:
        """exp(-L / tokens): that of the text the counts are from, ends of sentences included."""
        return math.exp(-self.log_likelihood() / self.bigrams.tokens)

    def exchange_words(self) -> int:
        """One sequential pass, most frequent word first; returns how many words moved."""
        of = self.bigrams
        order = np.arange(FIRST, len(self.clusters), dtype=np.int32)
        return int(
            exchange(
                order, self.clusters, of.frequencies, of.starts, of.befores, of.counts,
                self._follows, self.sizes, self._table,
            )
        )  # fmt: skip

    def exchange_in_rounds(self, executor: Executor, rounds: int = ROUNDS) -> int:
        """One pass in which the words of a round choose side by side; returns how many moved.

        `executor` runs the blocks of a round; they share this object's memory, so it must be one of
        threads.
        """
        order = np.arange(FIRST, len(self.clusters), dtype=np.int32)
        moved = 0
        for part in range(min(rounds, len(order))):
            words = order[part::rounds]
            starts = range(0, len(words), _BLOCK)
            blocks = executor.map(self._chosen, [words[i : i + _BLOCK] for i in starts])
            moved += self._merge(words, np.concatenate(list(blocks)))
        return moved

    def _chosen(self, words: NDArray[np.int32]) -> NDArray[np.int32]:
        """The best cluster of each word, all the others being where they are."""
        of, chosen = self.bigrams, np.empty(len(words), np.int32)
        choose(
            words, self.clusters, chosen, of.frequencies, of.starts, of.befores, of.counts,
            self._follows, self.sizes, self._table,
        )  # fmt: skip
        return chosen

    def _merge(self, words: NDArray[np.int32], chosen: NDArray[np.int32]) -> int:
        of = self.bigrams
        return int(
            merge(
                words, self.clusters, chosen, of.frequencies, of.starts, of.befores, of.counts,
                self._follows, self.sizes, self._table,
            )
        )  # fmt: skip
