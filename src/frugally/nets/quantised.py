"""Numbers in eight bits with a scale a row, and what a net costs in bytes when it is kept so.

    s_i = max over j of |e_ij| / (b - 1),   q_ij = floor(1/2 + e_ij / s_i + b),   b = 128,

and back, e_ij = (q_ij - b) s_i (Botha et al. 2017, section 2.1). The scale has 16 bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BIAS = 128


@dataclass(frozen=True, slots=True, eq=False)
class Quantised:
    """A matrix: `codes` (uint8, [rows, columns]) and `scales` (float16, [rows])."""

    codes: NDArray[np.uint8]
    scales: NDArray[np.float16]

    @classmethod
    def of(cls, matrix: NDArray[Any]) -> Quantised:
        """The nearest in eight bits; infinities and NaN are refused.

        Raises:
            ValueError: a number is not finite, or too large for a 16-bit scale.
        """
        if not np.isfinite(matrix).all():
            raise ValueError("a matrix with numbers that are not finite")
        exact = np.abs(matrix).max(axis=1, initial=0.0) / (BIAS - 1)
        with np.errstate(over="ignore"):
            scales = exact.astype(np.float16)
            # Rounded down it would put the largest number out of range.
            scales = np.where(scales < exact, np.nextafter(scales, np.float16(np.inf)), scales)
        if not np.isfinite(scales).all():
            raise ValueError("a matrix with numbers too large for eight bits")
        divisors = np.where(scales > 0, scales, 1).astype(np.float64)[:, None]
        codes = np.floor(0.5 + matrix / divisors + BIAS).astype(np.uint8)
        return cls(codes, scales)

    def matrix(self) -> NDArray[np.float32]:
        """The matrix in 32 bits."""
        centred = self.codes.astype(np.float32) - np.float32(BIAS)
        whole: NDArray[np.float32] = centred * self.scales.astype(np.float32)[:, None]
        return whole

    @staticmethod
    def size(rows: int, columns: int) -> int:
        """The bytes that such a matrix takes."""
        return rows * (columns + 2)
