"""Where a distractor may go into a passage, and where the answer's words lie then."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from frugally.text.sentences import sentences


def boundaries(text: str, places: NDArray[np.int32]) -> list[int]:
    """The words of a text before which a sentence may be put: each sentence's first, and the end.

    `places` are the characters of its words (n, 2), which may be cut short; n is always among the
    boundaries.
    """
    starts = [sentence[0].start for sentence in sentences(text)]
    found = np.searchsorted(places[:, 0], starts)
    return sorted({int(word) for word in found} | {len(places)})


def moved(
    spans: Sequence[tuple[int, int]], at: int, count: int, limit: int
) -> list[tuple[int, int]]:
    """Spans of words (first, last) once `count` words stand before word `at`.

    Left out are those that the words would cut in two, and those that end beyond `limit` words.
    """
    found = []
    for first, last in spans:
        if first < at <= last:
            continue
        by = count if first >= at else 0
        if last + by < limit:
            found.append((first + by, last + by))
    return found
