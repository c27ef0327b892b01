"""A net that gives texts labels: what telling languages and classes have in common.

A text becomes h0 in the task's own way; from there on it is `nets/feedforward.py`'s net.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frugally.cost import spend
from frugally.errors import NetError
from frugally.nets.card import Card
from frugally.nets.feedforward import FeedForward, Floats

_CHUNK = 1 << 16  # bytes of texts taken together, so that memory stays small


class TextNet(ABC):
    """A net over texts, each worked through alone: it gets the same alone and among others."""

    def __init__(self, net: FeedForward, card: Card, features: Mapping[str, Any]) -> None:
        """Make it ready to run; `features` are those that `_inputs` makes.

        Raises:
            NetError: the card and the net do not fit together, or its features are not ours.
        """
        self.card = card
        self._net = net
        try:
            self.labels: tuple[str, ...] = tuple(map(str, card["labels"]))
            found = card["features"]
        except (KeyError, TypeError) as error:
            raise NetError(f"the card of this net says too little: {error!r}") from error
        if found != features:
            raise NetError(
                f"this net reads {found}; this frugally makes {features}",
                hint="pip install --upgrade frugally",
            )
        groups = net.shape.groups
        if len(self.labels) != net.shape.labels or any(group.slots != 1 for group in groups):
            raise NetError("the card of this net is of another")
        self._hidden = np.ascontiguousarray(net.hidden_weight.T)
        self._output = np.ascontiguousarray(net.output_weight.T)

    def probabilities(self, texts: Sequence[str | bytes]) -> Floats:
        """The probability of every label, in the order of `labels`, of each text.

        [texts, labels]; rows of zeros for texts in which there is nothing that the net knows.
        """
        logits, known = self._logits([utf8(text) for text in texts])
        shares: Floats = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        return shares * known[:, None]

    def flops(self, characters: int) -> int:
        """Floating-point operations for a text of so many characters, at most."""
        widths = sum(group.width for group in self._net.shape.groups)
        return self._net.shape.dense_flops + characters * widths

    def _best(self, texts: Iterable[str | bytes]) -> Iterator[Iterator[tuple[int, float]]]:
        """Chunk by chunk the most probable label of each text, -1 if none, and its probability."""
        for chunk in _chunks(texts):
            logits, known = self._logits(chunk)
            best = np.where(known, logits.argmax(axis=1), -1)
            logits -= logits.max(axis=1, keepdims=True)
            highest = np.where(known, 1.0 / np.exp(logits).sum(axis=1), 0.0)
            yield zip(best.tolist(), highest.tolist(), strict=True)

    def _logits(self, texts: Sequence[bytes]) -> tuple[Floats, NDArray[np.bool_]]:
        """Logits [texts, labels], and in which texts there is something that the net knows."""
        from frugally.nets.kernels import dense_logits

        inputs = self._inputs(texts)
        logits = np.empty((len(texts), len(self.labels)), np.float32)
        dense_logits(
            inputs,
            self._hidden,
            self._net.hidden_bias,
            self._output,
            self._net.output_bias,
            logits,
        )
        spend(
            flops=sum(map(self.flops, map(len, texts))),
            bytes_read=sum(map(len, texts)),
        )
        known: NDArray[np.bool_] = np.any(inputs != 0, axis=1)
        return logits, known

    @abstractmethod
    def _inputs(self, texts: Sequence[bytes]) -> Floats:
        """h0 of some UTF-8 texts, [texts, inputs]; zeros where there is nothing known."""


def utf8(text: str | bytes) -> bytes:
    """A text in UTF-8, whatever it holds: what is no character is not worth an error."""
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")


def _chunks(texts: Iterable[str | bytes]) -> Iterator[list[bytes]]:
    chunk: list[bytes] = []
    size = 0
    for text in texts:
        chunk.append(utf8(text))
        size += len(chunk[-1]) + 64
        if size > _CHUNK:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
