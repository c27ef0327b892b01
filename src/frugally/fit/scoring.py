"""What guessed labels score: accuracy, F1 a class, confusions, calibration, and a threshold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.int32]

_BINS = 15
PAIRS = 20


def percent(part: int, whole: int) -> float | None:
    """A share in percent, two digits; None of nothing."""
    return round(100.0 * part / whole, 2) if whole else None


def balanced(labels: Labels, weights: Floats) -> Floats:
    """How much each text counts so that each label counts its weight, all together 1."""
    shares = weights / np.maximum(np.bincount(labels, minlength=len(weights)), 1)
    found: Floats = shares[labels]
    return found / found.sum() if len(found) else found


@dataclass(frozen=True, slots=True, eq=False)
class Guessed:
    """For some texts of one length: the right labels, those guessed (-1: none), and how sure."""

    labels: Labels
    guessed: Labels
    sure: NDArray[np.float32]

    @property
    def right(self) -> NDArray[np.bool_]:
        """Which guesses are right."""
        right: NDArray[np.bool_] = self.labels == self.guessed
        return right


def accuracy(guessed: Guessed, weights: Floats) -> float:
    """The share guessed right, labels counting by their weight."""
    return float((guessed.right * balanced(guessed.labels, weights)).sum())


def f1_by_label(guessed: list[Guessed], names: list[str]) -> dict[str, float | None]:
    """F1 of each label over texts of all lengths; None for a label none is held out of."""
    labels = np.concatenate([g.labels for g in guessed])
    said = np.concatenate([g.guessed for g in guessed])
    size = len(names)
    true = np.bincount(labels, minlength=size)
    positive = np.bincount(said[said >= 0], minlength=size)
    both = np.bincount(labels[labels == said], minlength=size)
    return {
        name: round(2 * int(both[i]) / int(true[i] + positive[i]), 3) if true[i] else None
        for i, name in enumerate(names)
    }


def macro_f1(by_label: Mapping[str, float | None]) -> float:
    """The mean F1 of the labels that have one."""
    known = [value for value in by_label.values() if value is not None]
    return float(np.mean(known)) if known else 0.0


def confusions(guessed: list[Guessed], names: list[str]) -> list[str]:
    """The commonest mistakes over texts of all lengths: `bs hr 41`, right, guessed, how often.

    Where no label was guessed, `-` stands for it.
    """
    pairs: Counter[tuple[int, int]] = Counter()
    for part in guessed:
        wrong = ~part.right
        pairs.update(zip(part.labels[wrong].tolist(), part.guessed[wrong].tolist(), strict=True))
    return [
        f"{names[a]} {names[b] if b >= 0 else '-'} {count}"
        for (a, b), count in pairs.most_common(PAIRS)
    ]


def calibration_error(guessed: list[Guessed], weights: Floats) -> float:
    """Expected calibration error: how far probabilities are from the share that is right.

    (Guo et al. 2017, "On Calibration of Modern Neural Networks", eq. 3), 15 bins.
    """
    sure = np.concatenate([g.sure for g in guessed])
    right = np.concatenate([g.right for g in guessed])
    counted = np.concatenate([balanced(g.labels, weights) for g in guessed]) / len(guessed)
    bins = np.minimum((sure * _BINS).astype(np.int64), _BINS - 1)
    gaps = np.bincount(bins, weights=counted * (right - sure), minlength=_BINS)
    return float(np.abs(gaps).sum())


def best_threshold(guessed: list[Guessed], weights: Floats) -> float:
    """The probability below which a guess is more often wrong than right."""
    sure = np.concatenate([g.sure for g in guessed])
    right = np.concatenate([g.right for g in guessed])
    counted = np.concatenate([balanced(g.labels, weights) for g in guessed])
    if not len(sure):
        return 0.0
    order = np.argsort(-sure, kind="stable")
    gain = np.cumsum(counted[order] * np.where(right[order], 1.0, -1.0))
    return round(float(sure[order][int(gain.argmax())]), 3)


def temperature(logits: list[NDArray[np.float32]], labels: Labels, weights: Floats) -> float:
    """What logits are best divided by: the likelihood of the labels is highest (Guo et al. 2017).

    Golden-section search between 1/4 and 4.
    """
    counted = balanced(labels, weights)
    rows = np.arange(len(labels))

    def loss(power: float) -> float:
        total = 0.0
        for part in logits:
            scaled = part * np.float32(2.0**-power)
            scaled -= scaled.max(axis=1, keepdims=True)
            likelihood = scaled[rows, labels] - np.log(np.exp(scaled).sum(axis=1))
            total -= float((likelihood * counted).sum())
        return total

    low, high, ratio = -2.0, 2.0, (5**0.5 - 1) / 2
    for _ in range(16):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, right) if loss(left) < loss(right) else (left, high)
    return float(2.0 ** ((low + high) / 2)) if len(labels) else 1.0


def scores(by_length: dict[str, Guessed], names: list[str], weights: Floats) -> dict[str, Any]:
    """All that a card says of the held-out texts."""
    guessed = list(by_length.values())
    plain = np.ones(len(names))
    return {
        "held_out_texts": len(guessed[0].labels),
        "accuracy": {name: round(accuracy(g, plain), 4) for name, g in by_length.items()},
        "accuracy_weighted": {
            name: round(accuracy(g, weights), 4) for name, g in by_length.items()
        },
        "calibration_error": round(calibration_error(guessed, weights), 4),
        "confusions": confusions(guessed, names),
        "f1": f1_by_label(guessed, names),
    }
