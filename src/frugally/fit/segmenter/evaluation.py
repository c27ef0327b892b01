"""What a segmenter's card says of its quality and its speed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from frugally.fit.scoring import percent
from frugally.fit.timing import seconds_per_item
from frugally.nets.segmenter import Segmenter

Texts = Sequence[Sequence[str]]


def spans(pieces: Sequence[str]) -> set[tuple[int, int]]:
    """Where the words of a text begin and end; white space is no word."""
    ends = list(accumulate(map(len, pieces)))
    bounds = zip([0, *ends], ends, pieces, strict=False)
    return {(start, end) for start, end, piece in bounds if not piece.isspace()}


def scores(
    found: Texts, truth: Texts, known: frozenset[str] = frozenset()
) -> dict[str, float | int | None]:
    """Precision, recall and F1 of words in percent: right where both ends are.

    `recall_new` is the recall of words that are not among the `known` ones of the training text.
    """
    right = said = true = new = new_right = 0
    for pieces, expected in zip(found, truth, strict=True):
        mine, theirs = spans(pieces), spans(expected)
        both = mine & theirs
        right, said, true = right + len(both), said + len(mine), true + len(theirs)
        text = "".join(expected)
        unseen = {span for span in theirs if text[slice(*span)] not in known}
        new, new_right = new + len(unseen), new_right + len(unseen & both)
    return {
        "words": true,
        "precision": percent(right, said),
        "recall": percent(right, true),
        "f1": percent(2 * right, said + true),
        "new_words": new,
        "recall_new": percent(new_right, new),
    }


def measure(
    segmenter: Segmenter, texts: Texts, known: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """The scores of a segmenter on texts cut into their words and spaces."""
    found = segmenter.segment_all(["".join(pieces) for pieces in texts])
    return scores(found, texts, known)


def seconds_per_character(segmenter: Segmenter, texts: Sequence[str]) -> float:
    """Wall-clock for a character, from a segmenter that has met none: the best of rounds."""
    count = sum(map(len, texts))
    return seconds_per_item(count, lambda: segmenter.segment_all(texts), segmenter.forget)
