"""One step of training from the shares of a batch, each computed by a thread of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from frugally.errors import FitError

Part = tuple[float, Sequence[Tensor]]
"""The loss of a share, as a part of the batch's, and its gradient for each parameter."""


def take_step(
    parts: Sequence[Part],
    parameters: Sequence[torch.nn.Parameter],
    averages: Sequence[Tensor],
    optimiser: torch.optim.Optimizer,
    *,
    step: int,
    clip: float,
    average: float,
) -> float:
    """Add up the gradients, shorten them to `clip`, and let the optimiser take a step.

    The `averages` follow the parameters, keeping a share `average` of themselves. Returns the loss.

    Raises:
        FitError: the loss or the gradient is no number; nothing was changed.
    """
    value = sum(value for value, _ in parts)
    with torch.no_grad():
        gradients = list(parts[0][1])
        for _, more in parts[1:]:
            torch._foreach_add_(gradients, list(more))
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        norm = float(torch.nn.utils.clip_grad_norm_(parameters, clip))
        if not (math.isfinite(value) and math.isfinite(norm)):
            raise FitError(
                f"training stopped at step {step:,}: its loss is {value}, "
                f"its gradient's norm {norm}",
                hint="the weights before it are saved: --resume goes on without these examples",
            )
        optimiser.step()
        # Early on the average follows quickly, or the first weights would linger in it.
        keep = min(average, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(averages), list[Tensor](parameters), 1 - keep)
    return value
