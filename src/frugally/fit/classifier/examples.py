"""Parting labelled texts into what is learnt from, chosen by and scored on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

import numpy as np

from frugally.errors import UsageError
from frugally.fit.labelled import Labelled, Split, Texts, plain

_SHARE = 0.1  # of a class's texts in dev, and again in held
_MOST = 3_000  # texts in dev, and again in held
_LEAST = 5  # texts of a class, for some to be spared


def split(
    labelled: Iterable[Labelled],
    seed: int,
    *,
    tests: Iterable[Labelled] | None = None,
    report: Callable[[str], None],
) -> Split:
    """Part texts at random, class by class; the same text under one label counts once.

    A class with fewer than 5 texts is only learnt from. With `tests`, these are what is held out,
    and none of their texts is learnt from or chosen by.

    Raises:
        UsageError: fewer than two classes have texts, or no test is of a known class.
    """
    held = None if tests is None else list(dict.fromkeys((a, plain(b)) for a, b in tests))
    spared = {text for _, text in held or ()}
    by_label: dict[str, dict[str, None]] = defaultdict(dict)
    counts: Counter[str] = Counter()
    for label, text in labelled:
        one = plain(text)
        if one in spared:
            counts["texts left out: they are among the tests"] += 1
        elif one in by_label[label]:
            counts["texts left out: they stand twice"] += 1
        else:
            by_label[label][one] = None
    names = sorted(label for label, texts in by_label.items() if texts)
    if len(names) < 2:
        known = f"only {names[0]!r}" if names else "none"
        raise UsageError(
            f"texts of at least two classes are needed; there is {known}",
            hint="name the columns with --text and --label",
        )
    numbers = {name: number for number, name in enumerate(names)}
    if held is not None:
        tested = [(numbers[a], b) for a, b in held if a in numbers]
        if len(tested) < len(held):
            counts["tests left out: of a class that is not learnt"] = len(held) - len(tested)
    for reason, count in counts.items():
        report(f"{count:,} {reason}")
    if held is not None and not tested:
        raise UsageError("no test is of a class that is learnt")
    total = sum(map(len, by_label.values()))
    share = min(_SHARE, _MOST / total)
    random = np.random.default_rng(seed)
    parts: list[list[tuple[int, str]]] = [[], [], []]
    for name in names:
        texts = list(by_label[name])
        few = max(1, round(share * len(texts))) if len(texts) >= _LEAST else 0
        order = random.permutation(len(texts))
        stops = (few, few if held is not None else 2 * few)
        chosen = (order[stops[1] :], order[: stops[0]], order[stops[0] : stops[1]])
        for part, places in zip(parts, chosen, strict=True):
            part += [(numbers[name], texts[i]) for i in np.sort(places)]
    if held is not None:
        parts[2] = tested
    train, dev, test = (
        Texts([text for _, text in part], np.array([number for number, _ in part], np.int32))
        for part in parts
    )
    return Split(names=names, train=train, dev=dev, held=test)
