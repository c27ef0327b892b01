"""Refusing a budget that no net keeps, with the smallest that one does."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, Context

from frugally.budget import format_flops, format_seconds
from frugally.errors import BudgetError

_UNITS = (("s", 1), ("ms", 1_000), ("us", 1_000_000))


def refusal(what: str, kind: str, cost: float, reached: str) -> BudgetError:
    """That `what` is too large: what its smallest costs of a `kind` of budget, and reaches."""
    if kind == "size":
        exact = f"{cost:,.0f} bytes"
    else:
        exact = format_flops(cost) if kind == "flops" else format_seconds(cost)
    return BudgetError(
        f"no {what} is so small: the smallest takes {exact} ({kind}) and {reached}",
        hint=f"the smallest budget that works is {limit_of(kind, cost)}",
    )


def limit_of(kind: str, cost: float) -> str:
    """The limit to type for what costs so much, never less: `17723B`, `2914FLOP`, `57.2us`."""
    if kind != "seconds":
        return f"{math.ceil(cost)}{'B' if kind == 'size' else 'FLOP'}"
    unit, factor = next((u for u in _UNITS if cost * u[1] >= 1), _UNITS[-1])
    amount = Context(prec=3, rounding=ROUND_CEILING).create_decimal(repr(cost * factor))
    return f"{amount:f}{unit}"
