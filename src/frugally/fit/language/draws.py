"""Training examples of all lengths, drawn from texts: whole, a span, two words, one word.

A text alone would teach only sentences; people also paste a word. The rows of every distinct word
are found once: an n-gram never crosses a space, so the rows of some words are theirs end to end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from frugally.fit.feedforward import Bags, Examples
from frugally.fit.labelled import Texts
from frugally.nets.feedforward import Shape
from frugally.text.ngrams import Rows, letters, ngram_rows

Ints = NDArray[np.int64]

KINDS = ("text", "span", "pair", "word")
SHARES = (0.35, 0.25, 0.20, 0.20)

_LONG = 20  # characters without a space: a script that has none, cut into pieces for short draws
_PIECES = (1, 2, 3, 4, 5, 6)


def _pieces(token: str, random: np.random.Generator) -> list[str]:
    cuts = np.cumsum(random.choice(_PIECES, size=len(token))).tolist()
    starts = [0, *[cut for cut in cuts if cut < len(token)]]
    return [token[a:b] for a, b in zip(starts, [*starts[1:], len(token)], strict=True)]


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """Texts as numbers of words.

    `words` are the distinct ones in UTF-8. Text t has `whole[whole_ends[t - 1]:whole_ends[t]]`, and
    `cut`, the same with runs without spaces cut into pieces; `types[type_ends[l - 1]:type_ends[l]]`
    are the distinct words of label l, cut.
    """

    words: list[bytes]
    whole: Ints
    whole_ends: Ints
    cut: Ints
    cut_ends: Ints
    types: Ints
    type_ends: Ints

    @classmethod
    def of(cls, texts: Texts, labels: int, seed: int) -> Words:
        """Number the words of texts."""
        random = np.random.default_rng(seed)
        numbers: dict[str, int] = {}
        whole: list[int] = []
        cut: list[int] = []
        whole_ends, cut_ends = [], []
        for text in texts.texts:
            for token in text.split():
                number = numbers.setdefault(token, len(numbers))
                whole.append(number)
                if len(token) <= _LONG:
                    cut.append(number)
                else:
                    pieces = _pieces(token, random)
                    cut += [numbers.setdefault(piece, len(numbers)) for piece in pieces]
            whole_ends.append(len(whole))
            cut_ends.append(len(cut))
        cut_array = np.array(cut, np.int64)
        owners = np.repeat(texts.labels.astype(np.int64), np.diff(cut_ends, prepend=0))
        pairs = np.unique(owners * len(numbers) + cut_array)
        words = list(numbers)
        # Words without a letter say nothing.
        table = letters().in_word
        lettered = np.fromiter(
            (any(ord(c) >= len(table) or table[ord(c)] for c in w) for w in words), bool, len(words)
        )
        pairs = pairs[lettered[pairs % len(numbers)]]
        return cls(
            words=[word.encode("utf-8", "surrogatepass") for word in words],
            whole=np.array(whole, np.int64),
            whole_ends=np.array(whole_ends, np.int64),
            cut=cut_array,
            cut_ends=np.array(cut_ends, np.int64),
            types=pairs % len(numbers),
            type_ends=np.searchsorted(pairs // len(numbers), np.arange(labels), side="right"),
        )


def slices(starts: Ints, ends: Ints) -> Ints:
    """The positions of several slices, end to end."""
    sizes = ends - starts
    shifts = np.repeat(starts - np.concatenate([[0], np.cumsum(sizes)[:-1]]), sizes)
    return shifts + np.arange(len(shifts))


def word_rows(words: Words, shape: Shape) -> list[Rows]:
    """The rows of each distinct word, group by group."""
    return [
        ngram_rows(words.words, order, group.rows, letters())
        for order, group in enumerate(shape.groups, start=1)
    ]


def bags(rows: list[Rows], chosen: Ints, ends: Ints) -> Bags:
    """The bags of examples that are the words `chosen`, those of example i up to `ends[i]`."""
    found = []
    for group in rows:
        stops = group.ends[chosen]
        starts = np.where(chosen > 0, group.ends[chosen - 1], 0)
        totals = np.concatenate([[0], np.cumsum(stops - starts)])
        found.append((group.rows[slices(starts, stops)], totals[ends]))
    return found


class Drawer:
    """Draws batches: a label by `prior`, one of its texts, and a part of it."""

    def __init__(self, texts: Texts, words: Words, prior: NDArray[np.float64], seed: int) -> None:
        self._texts = texts
        self._words = words
        self._random = np.random.default_rng(seed)
        self._order = np.argsort(texts.labels, kind="stable")
        self._label_ends = np.searchsorted(
            texts.labels[self._order], np.arange(len(prior)), side="right"
        )
        self._bounds = np.cumsum(prior / prior.sum())

    def draw(self, count: int) -> tuple[Ints, Ints, Ints]:
        """Words of `count` examples, where those of each end, and their labels."""
        random, words = self._random, self._words
        labels = np.searchsorted(self._bounds[:-1], random.random(count), side="right")
        texts = self._order[_within(self._label_ends, labels, random)]
        kinds = random.choice(len(KINDS), size=count, p=SHARES)
        chosen = []
        for kind, label, text in zip(kinds.tolist(), labels.tolist(), texts.tolist(), strict=True):
            if kind == 0:
                chosen.append(_slice(words.whole, words.whole_ends, text))
                continue
            cut = _slice(words.cut, words.cut_ends, text)
            types = _slice(words.types, words.type_ends, label)
            if kind == 1:
                start = int(random.integers(len(cut)))
                chosen.append(cut[start : start + 2 + int(random.integers(6))])
            elif random.random() < 0.5:
                # Of the words of a language the rare ones are most: half of the draws go by them.
                chosen.append(types[random.integers(len(types), size=4 - kind)])
            else:
                start = int(random.integers(max(1, len(cut) - (3 - kind))))
                chosen.append(cut[start : start + 4 - kind])
        ends = np.cumsum([len(part) for part in chosen])
        return np.concatenate(chosen), ends, labels.astype(np.int64)


def _slice(array: Ints, ends: Ints, i: int) -> Ints:
    return array[ends[i - 1] if i else 0 : ends[i]]


def _within(ends: Ints, which: Ints, random: np.random.Generator) -> Ints:
    """A random position of each of some slices."""
    starts = np.concatenate([[0], ends[:-1]])[which]
    found: Ints = starts + (random.random(len(which)) * (ends[which] - starts)).astype(np.int64)
    return found


def examples(rows: list[Rows], drawn: tuple[Ints, Ints, Ints]) -> Examples:
    """A drawn batch as the trainer takes it, all of the same weight."""
    chosen, ends, labels = drawn
    ones = np.ones(len(labels), np.float32)
    return Examples(bags=bags(rows, chosen, ends), labels=labels, weights=ones)


def fixed_examples(texts: Texts, seed: int) -> dict[str, list[bytes]]:
    """Each text whole, and two words and one word drawn from it, for scoring; in UTF-8.

    A text's words are those with a letter; where it has fewer than two, the pair is what it has.
    """
    random = np.random.default_rng(seed)
    table = letters().in_word
    found: dict[str, list[bytes]] = {"text": [], "pair": [], "word": []}
    for text in texts.texts:
        tokens = []
        for token in text.split():
            tokens += [token] if len(token) <= _LONG else _pieces(token, random)
        tokens = [t for t in tokens if any(ord(c) >= len(table) or table[ord(c)] for c in t)]
        start = int(random.integers(max(1, len(tokens) - 1)))
        found["text"].append(text.encode("utf-8", "surrogatepass"))
        found["pair"].append(" ".join(tokens[start : start + 2]).encode("utf-8", "surrogatepass"))
        word = tokens[int(random.integers(len(tokens)))]
        found["word"].append(word.encode("utf-8", "surrogatepass"))
    return found
