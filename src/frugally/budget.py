"""Limits in the user's own terms: `Budget("500KB 40MFLOP 5ms")`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, fields

from frugally.errors import BudgetError, UsageError

_PREFIX = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BINARY = {"ki": 2**10, "mi": 2**20, "gi": 2**30}
_SECONDS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
_ITEMS = ("token", "character", "text", "question", "image")
_TERM = re.compile(r"\s*(\d+(?:\.\d+)?(?:e\d+)?)\s*([a-zA-Zµ]+)(?:/(\w+))?\s*,?")


def parse_bytes(text: str) -> int:
    """Bytes in `500KB`, `1.5 MB`, `1GiB` or a bare number; decimal units unless the `i` is there.

    Raises:
        UsageError: the text is not an amount of bytes.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?(?:e\d+)?)\s*([a-zA-Z]*)\s*", text)
    unit = match[2].lower().removesuffix("b") if match else None
    factor = None if unit is None else {**_PREFIX, **_BINARY}.get(unit)
    amount = float(match[1]) if match else math.inf
    if factor is None or amount == math.inf:
        raise UsageError(f"{text!r} is not an amount of bytes", hint="write it like 500KB or 1GB")
    return int(amount * factor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a result may cost at most; `None` is no limit.

    `size` in bytes, `flops` in floating-point operations, `seconds` of wall-clock, `passages` read.
    """

    size: int | None = None
    flops: int | None = None
    seconds: float | None = None
    passages: int | None = None

    @classmethod
    def parse(cls, text: str) -> Budget:
        """Read `"500KB 40MFLOP 5ms"`; terms in any order, each kind once.

        Raises:
            UsageError: a term has no known unit, or a kind stands twice.
        """
        limits: dict[str, int | float] = {}
        position = 0
        while position < len(text.rstrip()):
            match = _TERM.match(text, position)
            if match is None:
                raise UsageError(
                    f"cannot read {text[position:].strip()!r} in the budget {text!r}",
                    hint="write it like '500KB 40MFLOP 5ms 20passages'",
                )
            kind, value = _limit(match[1], match[2])
            if match[3] and (match[3] not in _ITEMS or kind == "size"):
                raise UsageError(f"{kind} in a budget is not by the {match[3]}")
            if kind in limits:
                raise UsageError(f"the budget {text!r} limits {kind} twice")
            limits[kind] = value
            position = match.end()
        if not limits:
            raise UsageError("the budget is empty", hint="write it like '500KB 40MFLOP 5ms'")
        return cls(**limits)  # type: ignore[arg-type]

    def check(self, **spent: float) -> None:
        """Refuse what exceeds a limit.

        Raises:
            BudgetError: naming the first limit that does not hold, and what would.
        """
        for field in fields(self):
            limit, needed = getattr(self, field.name), spent.get(field.name)
            if limit is not None and needed is not None and needed > limit:
                show = _FORMATS[field.name]
                raise BudgetError(
                    f"{field.name} {show(needed)} exceeds the budget of {show(limit)}",
                    hint=f"the smallest that works is {show(needed)}",
                )

    def __str__(self) -> str:
        shown = ((getattr(self, f.name), _FORMATS[f.name]) for f in fields(self))
        return " ".join(show(limit).replace(" ", "") for limit, show in shown if limit is not None)


def _limit(number: str, unit: str) -> tuple[str, int | float]:
    value, low = float(number), unit.lower()
    if value == math.inf:
        raise UsageError(f"{number}{unit} in a budget is no limit", hint="leave it out")
    if low in _SECONDS:
        return "seconds", value * _SECONDS[low]
    if low in ("passage", "passages"):
        return "passages", int(value)
    # A multiply-add is two operations.
    for suffix, count in (("flops", 1), ("flop", 1), ("macs", 2), ("mac", 2)):
        if low.endswith(suffix) and low.removesuffix(suffix) in _PREFIX:
            return "flops", int(count * value * _PREFIX[low.removesuffix(suffix)])
    if low in ("byte", "bytes"):
        return "size", int(value)
    if low.endswith("b"):
        return "size", parse_bytes(number + unit)
    raise UsageError(
        f"unknown unit {unit!r} in a budget",
        hint="known: B, KB, MB, GB, FLOP, MFLOP, GFLOP, MMAC, us, ms, s, min, h, passages",
    )


def _scaled(value: float, unit: str) -> str:
    for prefix in ("", "k", "M", "G", "T"):
        if value < 1000 or prefix == "T":
            number = f"{value:.3g}" if value < 100 else f"{value:.0f}"
            return f"{number} {prefix}{unit}"
        value /= 1000
    raise AssertionError


def format_bytes(count: float) -> str:
    """`3.1 MB`, decimal units."""
    return _scaled(count, "B")


def format_flops(count: float) -> str:
    """`4.4 GFLOP`."""
    return _scaled(count, "FLOP")


def format_seconds(seconds: float) -> str:
    """`110 ms`, `2.5 s`, `4 min 10 s`."""
    if seconds >= 60:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{seconds * 1000:.3g} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.3g} µs"


_FORMATS: dict[str, Callable[[float], str]] = {
    "size": format_bytes,
    "flops": format_flops,
    "seconds": format_seconds,
    "passages": lambda n: f"{n:g} passages",
}
