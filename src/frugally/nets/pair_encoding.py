"""A question and a passage as one row of tokens, the way a transformer's tokeniser joins them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from frugally.errors import MissingExtraError, NetError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TOKENIZER = "tokenizer.json"


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a text: `ids` (n,) int64, and `places` (n, 2), characters of the text."""

    ids: NDArray[np.int64]
    places: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Row:
    """What the network reads: `ids` and `types` (n,) int64; the passage begins at `first`."""

    ids: NDArray[np.int64]
    types: NDArray[np.int64]
    first: int


class PairEncoder:
    """A Hugging Face tokeniser, and what it puts before, between and after two texts.

    `longest` is the length it truncates to by its own settings, None if it does not say. Threads
    may share it.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        truncation, padding = tokenizer.truncation, tokenizer.padding
        self.longest: int | None = truncation["max_length"] if truncation else None
        self.padding: int = padding["pad_id"] if padding else 0
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        # What stands around the texts is the same whatever they are, so it is learned from one
        # pair, and windows of a long passage need no second pass through the tokeniser.
        pair = tokenizer.encode("a", "b")
        texts = pair.sequence_ids  # 0 and 1 by text, None for [CLS] and its like
        if 0 not in texts or 1 not in texts or texts[0] is not None:
            raise NetError("it puts no [CLS] before a question and a passage")
        ids, types = np.array(pair.ids, np.int64), np.array(pair.type_ids, np.int64)
        begins, after_first = texts.index(0), len(texts) - texts[::-1].index(0)
        second, ends = texts.index(1), len(texts) - texts[::-1].index(1)
        self._before, self._between, self._after = (
            (ids[low:high], types[low:high])
            for low, high in ((0, begins), (after_first, second), (ends, len(ids)))
        )
        self._types = types[begins], types[second]
        self.specials = begins + second - after_first + len(ids) - ends

    @classmethod
    def load(cls, path: Path) -> PairEncoder:
        """Read a `tokenizer.json`; nothing is fetched from anywhere.

        Raises:
            MissingExtraError: the library `tokenizers` is not installed.
            NetError: the file is no tokeniser, or not one for pairs of texts.
        """
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise MissingExtraError("tokenizers", "onnx", "A reader in ONNX") from error
        try:
            data = path.read_bytes()
        except OSError as error:
            raise NetError(f"cannot read {path}: {error.strerror}") from error
        with _failing_as(f"{path} is not a tokeniser that a reader can use"):
            return cls(Tokenizer.from_buffer(data))

    def tokens(self, text: str) -> Tokens:
        """The tokens of one text, without any around it.

        Raises:
            NetError: the tokeniser fails, whatever its file promised.
        """
        # A lone surrogate is no character to the library; "?" takes its place, and no more.
        valid = text.encode("utf-8", "replace").decode()
        with _failing_as("the tokeniser fails"):
            encoding = self._tokenizer.encode(valid, add_special_tokens=False)
        places = np.array(encoding.offsets, np.int64).reshape(-1, 2)
        return Tokens(np.array(encoding.ids, np.int64), places)

    def join(self, question: NDArray[np.int64], passage: NDArray[np.int64]) -> Row:
        """[CLS] question [SEP] passage [SEP], or whatever this tokeniser's marks are."""
        first = len(self._before[0]) + len(question) + len(self._between[0])
        ids = (self._before[0], question, self._between[0], passage, self._after[0])
        types = (
            self._before[1],
            np.full(len(question), self._types[0]),
            self._between[1],
            np.full(len(passage), self._types[1]),
            self._after[1],
        )
        return Row(np.concatenate(ids), np.concatenate(types), first)


@contextmanager
def _failing_as(told: str) -> Iterator[None]:
    """Whatever the library fails with inside becomes a `NetError` that begins so."""
    try:
        yield
    except BaseException as error:
        # Its own kinds share no base class, and a panic of its Rust code is no Exception.
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise NetError(f"{told}: {error}") from error
        raise
