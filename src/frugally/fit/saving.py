"""Saving a net inside its budget: whole, or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from frugally.budget import Budget
from frugally.files.disk import make_folder, rename
from frugally.nets.card import CARD, NETWORK, Card
from frugally.nets.feedforward import FeedForward, Shape, save_feedforward
from frugally.nets.quantised import Quantised


def save_within(
    out: Path,
    shape: Shape,
    arrays: Mapping[str, Any],
    card: Card,
    budget: Budget,
    *,
    more: Mapping[str, NDArray[Any]] | None = None,
) -> Card:
    """Write the net, see that it keeps the budget, and only then put it in its place.

    `arrays` are those of `fit/feedforward.py`'s net, `more` the task's own. Returns the card, which
    says in `budget.met` how many bytes the folder takes, that number included.

    Raises:
        BudgetError: the folder is larger than the budget.
    """
    # Inside of it: what is beside it may be another disk, or not ours.
    place = out / ".new"
    make_folder(place)
    try:
        card["budget"]["met"] = 0
        while True:
            size = save_feedforward(
                place,
                shape,
                tables=arrays["tables"],
                hidden=arrays["hidden"],
                output=arrays["output"],
                card=card,
                more=more,
            )
            if size == card["budget"]["met"]:
                break
            card["budget"]["met"] = size
        budget.check(size=size)
        for name in (NETWORK, CARD):
            rename(place / name, out / name)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return card


def in_eight_bits(shape: Shape, arrays: Mapping[str, Any]) -> FeedForward:
    """The net that trained weights are once they are written and read again.

    `arrays` are those of `fit/feedforward.py`'s net.
    """
    return FeedForward(
        shape=shape,
        tables={name: Quantised.of(table) for name, table in arrays["tables"].items()},
        hidden_weight=Quantised.of(arrays["hidden"][0]).matrix(),
        hidden_bias=arrays["hidden"][1],
        output_weight=Quantised.of(arrays["output"][0]).matrix(),
        output_bias=arrays["output"][1],
    )
