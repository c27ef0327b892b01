"""The word vectors of a reader in training: frozen, or a table that learns with the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from frugally.fit.reader.examples import Batch
from frugally.nets.ngram_vectors import NgramVectors


class WordVectors(nn.Module):
    """Vectors of numbered lower-cased words, means of rows of a table of hashed n-grams.

    Where the table learns, a batch has the vectors of its own words made anew, so that gradients
    reach the rows; since rows are shared, words that the training never meets move, too.
    """

    def __init__(self, table: NgramVectors, words: Sequence[str], tune: float, half: bool) -> None:
        super().__init__()
        self._table, self._half = table, half
        self.matrix: nn.Parameter | None = None
        self._vectors: Tensor | None = None
        if not tune:
            self._vectors = torch.from_numpy(table.vectors(words))
            self._working = self._vectors.bfloat16() if half else self._vectors
            return
        self.matrix = nn.Parameter(torch.from_numpy(table.matrix()))
        hits, starts = table.hits(words)
        self._hits = torch.from_numpy(hits)
        self._bounds = torch.from_numpy(np.append(starts, len(hits)))

    def of(self, batch: Batch) -> tuple[Tensor, Batch]:
        """Vectors of words, (n, dim), and the batch with its words numbered in them."""
        if self.matrix is None:
            return self._working, batch
        everything = np.concatenate([batch.passage.ravel(), batch.question.ravel()])
        numbers, found = np.unique(everything, return_inverse=True)
        places: NDArray[np.int32] = found.astype(np.int32)
        cut = batch.passage.size
        vectors = self._made(torch.from_numpy(numbers.astype(np.int64)))
        return vectors.bfloat16() if self._half else vectors, replace(
            batch,
            passage=places[:cut].reshape(batch.passage.shape),
            question=places[cut:].reshape(batch.question.shape),
        )

    def all(self) -> Tensor:
        """Vectors of all words, (words, dim) float32."""
        if self._vectors is not None:
            return self._vectors
        with torch.no_grad():
            return self._made(torch.arange(len(self._bounds) - 1))

    def quantised(self) -> NgramVectors:
        """The table as it is now, in eight bits."""
        if self.matrix is None:
            return self._table
        return NgramVectors.quantise(self.matrix.detach().numpy(), self._table.recipe)

    def _made(self, numbers: Tensor) -> Tensor:
        """The means of the rows of some words, (n, dim)."""
        assert self.matrix is not None
        starts, ends = self._bounds[numbers], self._bounds[numbers + 1]
        counts = ends - starts
        offsets = torch.cumsum(counts, 0) - counts
        flat = torch.arange(int(counts.sum())) + torch.repeat_interleave(starts - offsets, counts)
        with torch.autocast("cpu", enabled=False):
            return functional.embedding_bag(self._hits[flat], self.matrix, offsets, mode="mean")
