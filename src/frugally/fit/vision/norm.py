"""Batch norm in training, with the addition and the ReLU that stand behind it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from frugally.fit.vision.norm_kernels import norm_backward, norm_forward

_NONE = np.zeros((0, 1), np.uint16)


class Norm(nn.Module):
    """Batch norm by the batch in training, by the estimated mean and variance otherwise.

    What is in bfloat16 is normalised by our own kernels in training (see `norm_kernels`).
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, channels: int, epsilon: float) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.scale = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))
        self._sums: list[Tensor] | None = None
        self._count = 0

    def begin(self) -> None:
        """From now on collect sums of what comes through."""
        self._sums = [torch.zeros_like(self.scale, dtype=torch.float64) for _ in range(2)]
        self._count = 0

    def end(self) -> None:
        """Set mean and variance to those of what came through."""
        assert self._sums is not None
        mean = self._sums[0] / self._count
        self.mean.copy_(mean)
        self.variance.copy_((self._sums[1] / self._count - mean**2).clamp_min(0))
        self._sums = None

    def forward(self, x: Tensor, other: Tensor | None = None, *, relu: bool = False) -> Tensor:
        """(N, C, H, W) or (N, C) to the same; plus another such, and cut at 0, if asked."""
        if self._sums is not None:
            seen = x.detach().float()
            others = [dim for dim in range(x.dim()) if dim != 1]
            self._sums[0] += seen.sum(dim=others, dtype=torch.float64)
            self._sums[1] += (seen**2).sum(dim=others, dtype=torch.float64)
            self._count += x.numel() // x.shape[1]
        elif self.training and _is_ours(x) and (other is None or _is_ours(other)):
            return _Norm.apply(  # type: ignore[no-untyped-call, no-any-return]
                x, other, self.scale, self.bias, self.epsilon, relu
            )
        by_batch = self.training or self._sums is not None
        mean, variance = (None, None) if by_batch else (self.mean, self.variance)
        y = functional.batch_norm(
            x, mean, variance, self.scale, self.bias, by_batch, 0.0, self.epsilon
        )
        if other is not None:
            y = y + other
        return functional.relu(y) if relu else y


def _is_ours(x: Tensor) -> bool:
    return x.dtype == torch.bfloat16 and x.dim() == 4


class _Norm(torch.autograd.Function):
    """Norm, sum and ReLU of bfloat16, forward and backward."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, other: Tensor | None, scale: Tensor, bias: Tensor, epsilon: float,
        relu: bool,
    ) -> Tensor:  # fmt: skip
        out = _empty(x)
        mean, inverse = torch.empty_like(scale), torch.empty_like(scale)
        norm_forward(
            _rows(x), _NONE if other is None else _rows(other), scale.numpy(), bias.numpy(),
            epsilon, relu, _rows(out), mean.numpy(), inverse.numpy(),
        )  # fmt: skip
        ctx.save_for_backward(x, out if relu else None, scale, mean, inverse)
        ctx.relu, ctx.adds = relu, other is not None
        return out

    @staticmethod
    def backward(ctx: Any, *above: Tensor) -> tuple[Tensor | None, ...]:
        x, out, scale, mean, inverse = ctx.saved_tensors
        kept = _empty(x) if ctx.adds and ctx.relu else None
        below, to_scale, to_bias = _empty(x), torch.empty_like(scale), torch.empty_like(scale)
        norm_backward(
            _rows(x), _NONE if out is None else _rows(out), _rows(above[0]), scale.numpy(),
            mean.numpy(), inverse.numpy(), ctx.relu, _NONE if kept is None else _rows(kept),
            _rows(below), to_scale.numpy(), to_bias.numpy(),
        )  # fmt: skip
        to_other = (kept if ctx.relu else above[0]) if ctx.adds else None
        return below, to_other, to_scale, to_bias, None, None


def _empty(x: Tensor) -> Tensor:
    """A tensor like x, with channels last."""
    count, channels, high, wide = x.shape
    return x.new_empty((count, high, wide, channels)).permute(0, 3, 1, 2)


def _rows(x: Tensor) -> NDArray[np.uint16]:
    """(N, C, H, W) as (N H W, C), the bits of each bfloat16; no copy if channels are last."""
    last = x.detach().permute(0, 2, 3, 1).contiguous()
    rows: NDArray[np.uint16] = last.view(torch.int16).numpy().view(np.uint16)
    return rows.reshape(-1, x.shape[1])
