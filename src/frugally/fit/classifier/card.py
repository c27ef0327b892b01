"""What a classifier's card says: data, cost, scores; and the bytes that it may take."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from frugally.budget import Budget
from frugally.fit import scoring
from frugally.fit.classifier.training import AT_ONCE, Work
from frugally.fit.labelled import Texts
from frugally.fit.scoring import Guessed
from frugally.fit.text_cost import ITEM
from frugally.nets.card import Card
from frugally.nets.classifier import FEATURES, GROUPS, TASK, Classifier

_SLACK = 3_072  # bytes: the header of the tensors, the shape on the card, rounding
_TRIED = 12  # trainings of a tournament of nine


def scores_of(
    ready: Classifier, texts: Sequence[bytes], right: Texts, names: list[str]
) -> dict[str, Any]:
    """All that a card says of some texts."""
    starts = range(0, len(texts), AT_ONCE)
    shares = np.concatenate([ready.probabilities(texts[i : i + AT_ONCE]) for i in starts])
    best = np.where(shares.any(axis=1), shares.argmax(axis=1), -1)
    guessed = Guessed(right.labels, best.astype(np.int32), shares.max(axis=1, initial=0.0))
    counts = np.bincount(right.labels, minlength=len(names)).astype(np.float64)
    f1 = scoring.f1_by_label([guessed], names)
    return {
        "texts": len(texts),
        "accuracy": round(float(guessed.right.mean()), 4),
        "macro_f1": round(scoring.macro_f1(f1), 4),
        "calibration_error": round(scoring.calibration_error([guessed], counts), 4),
        "confusions": scoring.confusions([guessed], names),
        "f1": f1,
    }


def card_of(
    work: Work,
    budget: Budget,
    about: Mapping[str, Any],
    *,
    found: dict[str, Any],
    cost: dict[str, Any],
    training: dict[str, Any],
) -> Card:
    """A card with what was measured: scores, cost, and how it was trained."""
    return {
        "task": TASK,
        "features": FEATURES,
        "budget": {name: limit for name, limit in asdict(budget).items() if limit is not None},
        "data": dict(about),
        "training": training,
        "cost": cost,
        "scores": found,
        "labels": work.parts.names,
    }


def allowance(work: Work, about: Mapping[str, Any]) -> int:
    """The bytes to leave for the card and the tensor file's header."""
    names = work.parts.names
    sizes = sorted(len(json.dumps(name, ensure_ascii=False).encode()) for name in names)
    pairs = min(scoring.PAIRS, len(names) * (len(names) - 1))
    brief = {"texts": 10**9, "accuracy": 0.1234, "macro_f1": 0.1234}
    full = {
        **brief,
        "calibration_error": 0.1234,
        "confusions": ["x" * (2 * sizes[-1] + 10)] * pairs,
        "f1": dict.fromkeys(names, 0.123),
    }
    shape = ", ".join(f"{name}: 1000000 x 32" for name in GROUPS) + "; 1000 hidden"
    tried = [{"shape": shape, "steps": 10**5, "score": 0.1234}] * _TRIED
    card = card_of(
        work,
        # What fits must not hang on how many digits the limits have.
        Budget(size=10**12, flops=10**12, seconds=1.23456789012345e-06),
        about,
        found={"dev": brief, "held_out": full},
        cost={"characters": ITEM, "flops": 10**9, "microseconds": 1234.5},
        training={**asdict(work.fit), "temperature": 0.123, "tried": tried},
    )
    return len(json.dumps(card, ensure_ascii=False, indent=1).encode()) + _SLACK
