"""Which class a text is in: means of hashed n-grams of letters and of words, one hidden layer.

    h0 = [mean of E_n over the text's runs of n letters, n = 1 .. 4;
          mean of F_n over its runs of n words, n = 1, 2]

(Botha et al. 2017, "Natural Language Processing with Small Feed-Forward Networks", sections 2 and
3.1; words and pairs of words beside letters are those of Joulin et al. 2016, "Bag of Tricks for
Efficient Text Classification"). What letters and words are, and their rows, is in `text/ngrams`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from frugally.errors import NetError
from frugally.nets.card import Card
from frugally.nets.feedforward import FeedForward, Floats, mean_of_rows
from frugally.nets.text_net import TextNet
from frugally.text.ngrams import HASH_VERSION, NgramTables, Rows, letters, ngram_rows, word_rows

TASK = "classifier"
FEATURES = {"kind": "n-grams of letters and words", "hash": HASH_VERSION}
LETTERS = ("letters1", "letters2", "letters3", "letters4")
WORDS = ("words1", "words2")
GROUPS = (*LETTERS, *WORDS)


@dataclass(frozen=True, slots=True)
class Guess:
    """A label and its probability; "" and 0 where the net knows nothing of the text."""

    label: str
    probability: float


class Classifier(TextNet):
    """A net that says which class a text is in."""

    def __init__(self, net: FeedForward, card: Card) -> None:
        """Make it ready to run.

        Raises:
            NetError: the card and the net do not fit together, or its features are not ours.
        """
        super().__init__(net, card, FEATURES)
        if tuple(group.name for group in net.shape.groups) != GROUPS:
            raise NetError(f"a classifier's groups are {', '.join(GROUPS)}")
        self._letters = NgramTables.of([net.tables[name].matrix() for name in LETTERS])

    @classmethod
    def load(cls, folder: Path) -> Classifier:
        """From a folder made by `frugally fit classifier`.

        Raises:
            NetError: there is none, it is for another task, of a newer format, or damaged.
        """
        return cls(*FeedForward.load(folder, TASK))

    def classify(self, texts: Iterable[str | bytes]) -> list[Guess]:
        """The most probable class of each text; bytes are read as UTF-8.

        A text has the same guess alone and among others.
        """
        return list(self.classify_each(texts))

    def classify_each(self, texts: Iterable[str | bytes]) -> Iterator[Guess]:
        """As `classify`, one after another: the texts may be endless."""
        for chunk in self._best(texts):
            for label, probability in chunk:
                yield Guess(self.labels[label] if label >= 0 else "", probability)

    def _inputs(self, texts: Sequence[bytes]) -> Floats:
        """The means of the n-grams of each text, of letters and then of words."""
        means = self._letters.means(texts)
        shape = self._net.shape
        inputs = np.empty((len(texts), shape.inputs), np.float32)
        start = means.shape[1]
        inputs[:, :start] = means
        for group in shape.groups[len(LETTERS) :]:
            found = text_rows(texts, group.name, group.rows)
            stop = start + group.width
            mean_of_rows(
                self._net.tables[group.name], found.rows, found.ends, inputs[:, start:stop]
            )
            start = stop
        return inputs


def text_rows(texts: Sequence[bytes], group: str, rows: int) -> Rows:
    """The rows of some UTF-8 texts in one of `GROUPS` that has `rows` rows."""
    if group in WORDS:
        return word_rows(texts, WORDS.index(group) + 1, rows)
    return ngram_rows(texts, LETTERS.index(group) + 1, rows, letters())
