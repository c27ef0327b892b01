"""The families of learning curves: error as a function of the amount of data.

Errors are positive numbers on any scale (fractions, percent, nats); sizes are counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


class Curve(Protocol):
    """Error over size."""

    family: ClassVar[str]
    parameters: ClassVar[int]

    def error_at(self, size: ArrayLike) -> Floats:
        """The expected error at sizes, in the shape of these."""
        ...

    @property
    def formula(self) -> str:
        """With its numbers."""
        ...

    def as_dict(self) -> dict[str, Any]:
        """By name, for JSON."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerLaw:
    """e(n) = a n^-b + c: Hestness et al. 2017 (arXiv 1712.00409), section 2.

    a, b and c are not negative; c is the error that no amount of data removes.
    """

    family: ClassVar[str] = "power"
    parameters: ClassVar[int] = 3
    a: float
    b: float
    c: float

    def error_at(self, size: ArrayLike) -> Floats:
        """The expected error at sizes, in the shape of these."""
        return self.a * np.asarray(size, np.float64) ** -self.b + self.c

    @property
    def formula(self) -> str:
        """With its numbers."""
        if self.a == 0:
            return f"{self.c:.4g}"
        offset = f" + {self.c:.4g}" if self.c else ""
        return f"{self.a:.4g} n^-{self.b:.4g}{offset}"

    def as_dict(self) -> dict[str, Any]:
        """By name, for JSON."""
        return {"family": self.family, "a": self.a, "b": self.b, "c": self.c}


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLaw:
    """e(n) = a - b ln n: every doubling takes off the same; it is below zero in the end."""

    family: ClassVar[str] = "log"
    parameters: ClassVar[int] = 2
    a: float
    b: float

    def error_at(self, size: ArrayLike) -> Floats:
        """The expected error at sizes, in the shape of these."""
        return self.a - self.b * np.log(np.asarray(size, np.float64))

    @property
    def formula(self) -> str:
        """With its numbers."""
        return f"{self.a:.4g} {'-' if self.b >= 0 else '+'} {abs(self.b):.4g} ln n"

    def as_dict(self) -> dict[str, Any]:
        """By name, for JSON."""
        return {"family": self.family, "a": self.a, "b": self.b}


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenLaw:
    """e(n) = c + a n^-b (1 + (n / d)^(1/f))^(-g f): a power law whose exponent turns at d.

    Caballero et al. 2023 (arXiv 2210.14891), equation 1 with one break: the exponent is b before
    and b + g after it, and a small f makes the turn sharp.
    """

    family: ClassVar[str] = "broken"
    parameters: ClassVar[int] = 6
    a: float
    b: float
    c: float
    d: float
    f: float
    g: float

    def error_at(self, size: ArrayLike) -> Floats:
        """The expected error at sizes, in the shape of these."""
        log_size = np.log(np.asarray(size, np.float64))
        # ln(1 + x) of a huge x: the sum of exponentials must not overflow.
        bend = np.logaddexp(0.0, (log_size - np.log(self.d)) / self.f)
        error: Floats = self.c + self.a * np.exp(-self.b * log_size - self.g * self.f * bend)
        return error

    @property
    def formula(self) -> str:
        """With its numbers."""
        offset = f" + {self.c:.4g}" if self.c else ""
        bend = f"(1 + (n/{self.d:.4g})^{1 / self.f:.4g})^{-self.g * self.f:.4g}"
        return f"{self.a:.4g} n^-{self.b:.4g} {bend}{offset}"

    def as_dict(self) -> dict[str, Any]:
        """By name, for JSON."""
        names = ("a", "b", "c", "d", "f", "g")
        return {"family": self.family, **{name: getattr(self, name) for name in names}}
