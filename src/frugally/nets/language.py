"""Which language a text is in: means of hashed n-grams, one hidden layer, softmax.

    h0 = [mean of E_n over the n-grams of the text, n = 1 .. 4]

(Botha et al. 2017, "Natural Language Processing with Small Feed-Forward Networks", section 3.1).
The n-grams are of letters in lower case, words between marks (`text/ngrams`), so a text without
letters is in no language.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from frugally.errors import NetError
from frugally.nets.card import Card
from frugally.nets.feedforward import FeedForward, Floats
from frugally.nets.text_net import TextNet, utf8
from frugally.text.ngrams import HASH_VERSION, NgramTables, ngrams_of, row_of

TASK = "language"
FEATURES = {"kind": "character n-grams", "characters": "letters", "hash": HASH_VERSION}
SHIPPED = Path(__file__).parent.parent / "shipped" / "language"


@dataclass(frozen=True, slots=True)
class Guess:
    """A language's code and its probability; the code is "" where the net would not say."""

    code: str
    probability: float


@dataclass(frozen=True, slots=True)
class Contribution:
    """What all occurrences of an n-gram together added to the score of a label."""

    ngram: str
    count: int
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a label was chosen: its n-grams, those that spoke for it most first.

    The score is the label's logit above the mean of all labels' logits; it is `rest`, which the
    biases add, and the weights of all n-grams.
    """

    guess: Guess
    runner_up: Guess
    score: float
    rest: float
    contributions: tuple[Contribution, ...]


class LanguageIdentifier(TextNet):
    """A net that says which language a text is in."""

    def __init__(self, net: FeedForward, card: Card) -> None:
        """Make it ready to run.

        Raises:
            NetError: the card and the net do not fit together, or its features are not ours.
        """
        super().__init__(net, card, FEATURES)
        try:
            self.threshold = float(card["threshold"])
        except (KeyError, TypeError, ValueError) as error:
            raise NetError(f"the card of this net says too little: {error!r}") from error
        self._tables = tuple(net.tables[group.name].matrix() for group in net.shape.groups)
        self._joined = NgramTables.of(self._tables)

    @classmethod
    def load(cls, folder: Path | None = None) -> LanguageIdentifier:
        """From a folder, or the one that ships.

        Raises:
            NetError: there is none, it is for another task, of a newer format, or damaged.
        """
        return cls(*FeedForward.load(SHIPPED if folder is None else folder, TASK))

    def identify(
        self, texts: Iterable[str | bytes], *, threshold: float | None = None
    ) -> list[Guess]:
        """The most probable language of each text; bytes are read as UTF-8.

        Where its probability is below the threshold, by default the card's, the code is "". A
        text has the same guess alone and among others.
        """
        return list(self.identify_each(texts, threshold=threshold))

    def identify_each(
        self, texts: Iterable[str | bytes], *, threshold: float | None = None
    ) -> Iterator[Guess]:
        """As `identify`, one after another: the texts may be endless."""
        least = self.threshold if threshold is None else threshold
        for chunk in self._best(texts):
            for label, probability in chunk:
                says = label >= 0 and probability >= least
                yield Guess(self.labels[label] if says else "", probability)

    def explain(self, text: str | bytes) -> Explanation:
        """Which n-grams spoke for the label that is chosen for a text, threshold or not.

        The hidden units that are above zero for this text make the net linear around it, so each
        n-gram's part is exact: its vector, over the count of its n, times the weights through
        these units.
        """
        encoded = utf8(text)
        found = self.probabilities([encoded])[0]
        order = np.argsort(-found, kind="stable")[:2]
        guesses = [Guess(self.labels[i], float(found[i])) for i in order]
        if not found.any():
            nothing = Guess("", 0.0)
            return Explanation(
                guess=nothing, runner_up=nothing, score=0.0, rest=0.0, contributions=()
            )
        h0 = self._joined.means([encoded])[0].astype(np.float64)
        hidden = self._net.hidden_weight @ h0 + self._net.hidden_bias
        output = self._net.output_weight - self._net.output_weight.mean(axis=0)
        bias = self._net.output_bias - self._net.output_bias.mean()
        through = output[order[0]] * (hidden > 0)  # [hidden]
        to_input = through @ self._net.hidden_weight  # [inputs]
        weights: Counter[str] = Counter()
        counts: Counter[str] = Counter()
        start = 0
        for number, table in enumerate(self._tables, start=1):
            stop = start + table.shape[1]
            ngrams = Counter(ngrams_of(encoded, number))
            for ngram, count in ngrams.items():
                vector = table[row_of(ngram, len(table))]
                part = float(vector @ to_input[start:stop]) * count / ngrams.total()
                weights[ngram] += part  # type: ignore[assignment]
                counts[ngram] += count
            start = stop
        rest = float(through @ self._net.hidden_bias + bias[order[0]])
        return Explanation(
            guess=guesses[0],
            runner_up=guesses[1],
            score=rest + sum(weights.values()),
            rest=rest,
            contributions=tuple(
                Contribution(ngram, counts[ngram], weight)
                for ngram, weight in sorted(weights.items(), key=lambda pair: -pair[1])
            ),
        )

    def _inputs(self, texts: Sequence[bytes]) -> Floats:
        """The means of the n-grams of each text."""
        return self._joined.means(texts)


@functools.cache
def shipped_identifier() -> LanguageIdentifier:
    """The net that ships with the package, loaded once."""
    return LanguageIdentifier.load()
