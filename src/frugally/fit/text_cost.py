"""What a net over texts takes for one text, and the limits of a budget that it breaks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from frugally.budget import Budget
from frugally.fit.timing import median_seconds
from frugally.nets.text_net import TextNet

ITEM = 100  # characters of the text that costs are stated for
_TEXT = ("classification of some texts " * 4)[:ITEM]

AnyNet = TypeVar("AnyNet", bound=TextNet)
Say = Callable[[AnyNet, list[str]], object]
"""What people call of a net to have texts labelled: `Classifier.classify`."""


def cost_of(ready: AnyNet, say: Say[AnyNet]) -> dict[str, float]:
    """What a card says of one text of `ITEM` characters by itself."""
    return {
        "characters": ITEM,
        "flops": ready.flops(ITEM),
        "microseconds": round(1e6 * _seconds(ready, say), 1),
    }


def excess(budget: Budget, made: Callable[[], AnyNet], say: Say[AnyNet]) -> list[tuple[str, float]]:
    """The limits that a net breaks, whatever is learnt, with what it takes.

    It is only `made` if the budget says something of operations or time.
    """
    found: list[tuple[str, float]] = []
    if budget.flops is None and budget.seconds is None:
        return found
    random = made()
    if budget.flops is not None and random.flops(ITEM) > budget.flops:
        found.append(("flops", random.flops(ITEM)))
    if budget.seconds is not None and (taken := _seconds(random, say)) > budget.seconds:
        found.append(("seconds", taken))
    return found


def _seconds(ready: AnyNet, say: Say[AnyNet]) -> float:
    return median_seconds(lambda: say(ready, [_TEXT]))
