"""The quickest form of each convolution in training, found by measuring on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from frugally.fit.vision.convolution import CONVOLUTIONS, fitting_forms
from frugally.nets.vision.graph import Graph
from frugally.nets.vision.layers import Convolution, Shape

_ROUNDS = 5
_CLEARLY = 0.95  # another form than torch's own has to be so much quicker


def quick_forms(graph: Graph, images: int, *, bfloat16: bool = True) -> dict[str, str]:
    """For each node that is quicker in another form than torch's own, that form's name.

    A form is measured forward and backward on so many `images`, a thread's share of a batch, in one
    thread. Equal layers that see equal images are measured once.
    """
    threads_before = torch.get_num_threads()
    torch.set_num_threads(1)
    known: dict[tuple[Convolution, Shape], str] = {}
    chosen: dict[str, str] = {}
    try:
        for node in graph.nodes:
            layer, given = node.layer, graph.given(node)[0]
            if not isinstance(layer, Convolution) or len(fitting_forms(layer)) == 1:
                continue
            if (layer, given) not in known:
                known[layer, given] = _quickest(layer, given, images, bfloat16)
            if known[layer, given] != "torch":
                chosen[node.name] = known[layer, given]
    finally:
        torch.set_num_threads(threads_before)
    return chosen


def _quickest(layer: Convolution, given: Shape, images: int, bfloat16: bool) -> str:
    names = fitting_forms(layer)
    kind = torch.bfloat16 if bfloat16 else torch.float32
    x = torch.randn(images, *given).to(kind).contiguous(memory_format=torch.channels_last)
    x.requires_grad_()
    runs = [_step(CONVOLUTIONS[name](layer, given), x, bfloat16) for name in names]
    taken = np.empty((_ROUNDS, len(runs)))
    for run in runs:
        run()
    for row in taken:
        for i, run in enumerate(runs):
            began = time.thread_time()
            run()
            row[i] = time.thread_time() - began
    seconds = np.median(taken, axis=0)
    best = int(np.argmin(seconds))
    return names[best] if seconds[best] < _CLEARLY * seconds[0] else names[0]


def _step(module: torch.nn.Module, x: Tensor, bfloat16: bool) -> Callable[[], object]:
    parameters = list(module.parameters())
    for parameter in parameters:
        torch.nn.init.normal_(parameter, std=0.1)

    def run() -> object:
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16, cache_enabled=False):
            y = module(x)
        return torch.autograd.grad(y, [x, *parameters], torch.ones_like(y))

    return run
