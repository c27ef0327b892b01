"""Refusing a budget: it makes no sense, or no net keeps it; with the smallest that one does."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_CEILING, Context

from frugally.budget import Budget, format_flops, format_seconds
from frugally.errors import BudgetError, UsageError
from frugally.fit.timing import Timed
from frugally.nets.feedforward import Shape

_UNITS = (("s", 1), ("ms", 1_000), ("us", 1_000_000))


def size_of(budget: Budget, what: str, like: str) -> int:
    """The bytes that a budget gives `what`; `like` is what to type, the bytes first.

    Raises:
        UsageError: it says nothing of bytes, or something of passages.
    """
    if budget.passages is not None:
        raise UsageError(f"{what} reads no passages", hint=f"a budget like '{like}'")
    if budget.size is None:
        size = like.split(maxsplit=1)[0]
        raise UsageError("the budget says nothing of bytes", hint=f"a budget like '{size}'")
    return budget.size


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


def searched_refusal(
    what: str,
    item: str,
    *,
    budget: Budget,
    fastest: Timed | None,
    smallest: tuple[int, Shape],
    reached: Callable[[Shape], str],
) -> BudgetError:
    """That a search found no `what` within a budget.

    Named as the one that works is the `fastest` of those that only took too long for an `item`, or
    the `smallest`, with its bytes; and what it has `reached`.
    """
    if fastest is not None and budget.seconds is not None:
        seconds, shape = fastest
        message = f"no {what} is as fast as {1e6 * budget.seconds:.2g} us a {item} here"
        least = limit_of("seconds", seconds)
    else:
        size, shape = smallest
        message = f"no {what} keeps within this budget"
        least = f"{size}B {shape.dense_flops}FLOP"
    return BudgetError(
        message,
        hint=f"the smallest that works is {least}, {shape.weights:,} weights, with "
        f"{reached(shape)}",
    )


def limit_of(kind: str, cost: float) -> str:
    """The limit to type for what costs so much, never less: `17723B`, `2914FLOP`, `57.2us`."""
    if kind != "seconds":
        return f"{math.ceil(cost)}{'B' if kind == 'size' else 'FLOP'}"
    unit, factor = next((u for u in _UNITS if cost * u[1] >= 1), _UNITS[-1])
    amount = Context(prec=3, rounding=ROUND_CEILING).create_decimal(repr(cost * factor))
    return f"{amount:f}{unit}"
