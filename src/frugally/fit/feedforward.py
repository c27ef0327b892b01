"""Training small feed-forward nets: cross-entropy, Adam, weights averaged over the run's end.

The net is `nets/feedforward.py`'s. Training runs in one thread, so that a seed makes the same
weights whatever the machine has; several nets may train side by side in processes of their own.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from frugally.errors import FrugallyError
from frugally.fit.distillation import Taught, distilled
from frugally.nets.feedforward import Shape

Bags = Sequence[tuple[NDArray[np.int32], NDArray[np.int64]]]
"""Per group the rows of all bags end to end, and where each ends; an input has a bag a slot."""


class Net(nn.Module):
    """h0 of means of rows, a hidden layer of ReLU, logits; `spread` is of the tables at first."""

    def __init__(self, shape: Shape, seed: int, *, spread: float = 0.5) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.shape = shape
        self.tables = [nn.EmbeddingBag(g.rows, g.width, mode="mean") for g in shape.groups]
        self._registered = nn.ModuleList(self.tables)
        self.hidden = nn.Linear(shape.inputs, shape.hidden)
        self.output = nn.Linear(shape.hidden, shape.labels)
        for table in self.tables:
            nn.init.normal_(table.weight, std=spread)

    def forward(self, bags: Bags) -> Tensor:
        """Logits [inputs, labels]."""
        parts = []
        for group, table, (rows, ends) in zip(self.shape.groups, self.tables, bags, strict=True):
            offsets = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
            means = table(torch.from_numpy(rows).long(), torch.from_numpy(offsets))
            parts.append(means.reshape(-1, group.slots * group.width))
        logits: Tensor = self.output(torch.relu(self.hidden(torch.cat(parts, dim=1))))
        return logits

    def arrays(self) -> dict[str, Any]:
        """The weights as `save_feedforward` takes them: `tables`, `hidden`, `output`."""

        def dense(layer: nn.Linear) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
            return layer.weight.detach().numpy().copy(), layer.bias.detach().numpy().copy()

        tables = {
            group.name: table.weight.detach().numpy().copy()
            for group, table in zip(self.shape.groups, self.tables, strict=True)
        }
        return {"tables": tables, "hidden": dense(self.hidden), "output": dense(self.output)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a net is trained; `averaged` is the share of the last steps whose weights are averaged.

    The learning rate grows over the first steps, the `warm_up`, and then falls along a cosine.
    `patience` evaluations without a better score end the training early.
    """

    steps: int
    learning_rate: float = 4e-3
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    averaged: float = 0.999
    evaluate_every: int = 1000
    patience: int = 10
    warm_up: int = 200
    seed: int = 1013


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """Inputs as bags, a label each (int64), and how much each counts (float32).

    `taught` is what a teacher says of them, if there is one.
    """

    bags: Bags
    labels: NDArray[np.int64]
    weights: NDArray[np.float32]
    taught: Taught | None = None


def train(
    net: Net,
    batch: Callable[[int], Examples],
    settings: Settings,
    *,
    score: Callable[[Net], float],
    report: Callable[[str], None],
) -> float:
    """Train on `batch(step)` for each step; leaves the best averaged weights in the net.

    `score` is asked now and then how good the averaged weights are, higher is better. Returns the
    best score.

    Raises:
        FrugallyError: the loss became NaN or infinite.
    """
    torch.set_num_threads(1)
    optimiser = torch.optim.AdamW(
        net.parameters(),
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
        fused=True,
    )
    averaged = copy.deepcopy(net)
    best, best_state, waited = -math.inf, copy.deepcopy(net.state_dict()), 0
    total = 0.0
    for step in range(settings.steps):
        warm = min(1.0, (step + 1) / settings.warm_up)
        part = 0.5 * (1.0 + math.cos(math.pi * step / settings.steps))
        for group in optimiser.param_groups:
            group["lr"] = settings.learning_rate * warm * part
        examples = batch(step)
        logits = net(examples.bags)
        losses = nn.functional.cross_entropy(
            logits,
            torch.from_numpy(examples.labels),
            reduction="none",
            label_smoothing=settings.label_smoothing,
        )
        if examples.taught is not None:
            losses = distilled(losses, logits, examples.taught)
        loss = (losses * torch.from_numpy(examples.weights)).mean()
        total += float(loss.detach())
        if not math.isfinite(total):
            raise FrugallyError(
                f"the loss is {float(loss.detach())} at step {step}",
                hint="try a lower learning rate",
            )
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        # The first steps count less: the average is not to remember how it began.
        keep = min(settings.averaged, (step + 1) / (step + 10))
        with torch.no_grad():
            for mean, now in zip(averaged.parameters(), net.parameters(), strict=True):
                mean.lerp_(now, 1.0 - keep)
        if (step + 1) % settings.evaluate_every == 0 or step + 1 == settings.steps:
            reached = score(averaged)
            report(
                f"step {step + 1:,}: loss {total / (step % settings.evaluate_every + 1):.4f}, "
                f"score {reached:.4f}"
            )
            total = 0.0
            if reached > best:
                best, best_state, waited = reached, copy.deepcopy(averaged.state_dict()), 0
            else:
                waited += 1
                if waited >= settings.patience:
                    break
    net.load_state_dict(best_state)
    return best


def logits_of(net: Net, bags: Bags) -> NDArray[np.float32]:
    """What a net says, without gradients."""
    with torch.no_grad():
        logits: NDArray[np.float32] = net(bags).numpy()
    return logits
