"""ShuffleNet as one writes it in torch: modules of `torch.nn`, a whole batch at a time.

What `benchmarks.images.training_speed` compares with. The network is the paper's (Zhang, Zhou,
Lin, Sun 2017, arXiv:1707.01083), for images of 32 x 32, with the weights of our graph of it.
"""

from __future__ import annotations

import time

import torch
from torch import Tensor, nn
from torch.nn import functional

from frugally.fit.vision.training import Settings
from frugally.nets.vision.shufflenet import CHANNELS, UNITS


class _Unit(nn.Module):
    """Figures 2b and 2c of the paper."""

    def __init__(self, given: int, out: int, groups: int, stride: int, first_groups: int) -> None:
        super().__init__()
        middle, added = out // 4, out - given if stride == 2 else out
        self.groups, self.stride = groups, stride
        self.first = nn.Conv2d(given, middle, 1, groups=first_groups, bias=False)
        self.first_norm = nn.BatchNorm2d(middle)
        self.depthwise = nn.Conv2d(middle, middle, 3, stride, 1, groups=middle, bias=False)
        self.depthwise_norm = nn.BatchNorm2d(middle)
        self.last = nn.Conv2d(middle, added, 1, groups=groups, bias=False)
        self.last_norm = nn.BatchNorm2d(added)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.first_norm(self.first(x)))
        count, channels, high, wide = y.shape
        y = y.view(count, self.groups, channels // self.groups, high, wide)
        y = y.transpose(1, 2).reshape(count, channels, high, wide)
        y = self.last_norm(self.last(self.depthwise_norm(self.depthwise(y))))
        if self.stride == 1:
            return functional.relu(x + y)
        return functional.relu(torch.cat([functional.avg_pool2d(x, 3, 2, 1), y], 1))


class PlainShuffleNet(nn.Module):
    """Images (N, 3, 32, 32) to outputs (N, classes)."""

    def __init__(self, groups: int, scale: float, classes: int = 10) -> None:
        super().__init__()
        given = -(-round(24 * scale) // groups) * groups
        layers: list[nn.Module] = [
            nn.Conv2d(3, given, 3, padding=1, bias=False), nn.BatchNorm2d(given), nn.ReLU()
        ]  # fmt: skip
        for stage, (channels, units) in enumerate(zip(CHANNELS[groups], UNITS, strict=True)):
            out = round(channels * scale / (4 * groups)) * 4 * groups
            for number in range(units):
                first_groups = 1 if stage == number == 0 else groups
                layers.append(_Unit(given, out, groups, 1 if number else 2, first_groups))
                given = out
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(given, classes)

    def forward(self, x: Tensor) -> Tensor:
        """The outputs of the last layer."""
        scores: Tensor = self.head(self.features(x).mean((2, 3)))
        return scores


def images_per_second(
    network: PlainShuffleNet, settings: Settings, steps: int, *, expert: bool
) -> float:
    """How quickly steps are taken on one batch that lies ready: no picture is made for it.

    As torch does by itself, in float32 with channels first; as an `expert` has it, in bfloat16 by
    autocast with channels last.
    """
    order = torch.channels_last if expert else torch.contiguous_format
    network = network.to(memory_format=order).train()  # type: ignore[call-overload]
    x = torch.randn(settings.batch, 3, 32, 32).contiguous(memory_format=order)
    labels = torch.arange(settings.batch) % network.head.out_features
    optimiser = torch.optim.SGD(
        network.parameters(), settings.rate, settings.momentum,
        weight_decay=settings.decay, nesterov=True,
    )  # fmt: skip
    threads_before = torch.get_num_threads()
    torch.set_num_threads(settings.threads)
    try:
        for step in range(steps + 1):
            if step == 1:  # the first sets up what the others have
                began = time.perf_counter()
            with torch.autocast("cpu", torch.bfloat16, enabled=expert):
                scores = network(x)
            optimiser.zero_grad()
            functional.cross_entropy(scores.float(), labels).backward()
            optimiser.step()
        return steps * settings.batch / (time.perf_counter() - began)
    finally:
        torch.set_num_threads(threads_before)
