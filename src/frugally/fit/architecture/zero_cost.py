"""What a network is worth before it is trained: scores of random weights, in seconds.

All are the more the better, and only say which of several networks is the better; how well they do
hangs on the space and on the data.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from frugally.errors import UsageError
from frugally.fit.vision.network import GraphNetwork
from frugally.fit.vision.weights import random_weights
from frugally.nets.vision.graph import Graph
from frugally.nets.vision.layers import Activation


def kernel_score(graph: Graph, images: NDArray[np.float32], seed: int = 0) -> float:
    """NASWOT: log |det K| of how alike a batch's images are to the network's ReLUs.

    An image's code c says for each ReLU whether it is above 0, and K[i, j] counts those that agree
    for images i and j: c c' + (1 - c)(1 - c)'. Images that all look alike to a network give a small
    determinant (Mellor, Turner, Storkey, Crowley 2021, arXiv:2006.04647, section 3). `images` are
    (N, 3, H, W), normalised; the paper takes 128. -inf where two of them look the same.

    Raises:
        UsageError: the network has no ReLU.
    """
    network = GraphNetwork(graph, random_weights(graph, seed)).train()
    kernel = np.zeros((len(images), len(images)))

    def count(_: nn.Module, __: object, output: Tensor) -> None:
        code = (output.detach() > 0).flatten(1).double().numpy()
        kernel[:] += code @ code.T + (1 - code) @ (1 - code).T

    hooks = [
        network.get_submodule(node.name.replace(".", "/")).register_forward_hook(count)
        for node in graph.nodes
        if node.layer == Activation()
    ]
    if not hooks:
        raise UsageError(f"{graph.name} has no ReLU to tell images apart by")
    with torch.no_grad():
        network.draws.generator = torch.Generator().manual_seed(seed)
        network(torch.from_numpy(images))
    _, logarithm = np.linalg.slogdet(kernel)
    return float(logarithm)


def synaptic_flow(graph: Graph, seed: int = 0) -> float:
    """SynFlow: log Σ |w ∂R / ∂w|, where R is the sum of outputs for an image of ones.

    All weights are taken by their size, so that nothing cancels out, and norms do nothing: R is the
    flow along all paths (Tanaka, Kunin, Yamins, Ganguli 2020, arXiv:2006.05467, equation 1). No
    data is needed. In double precision, as the flow of deep networks is large.
    """
    arrays = {name: np.abs(array) for name, array in random_weights(graph, seed).items()}
    # The biases of norms are 0 and their scales 1 in random weights: evaluated, they do nothing.
    network = GraphNetwork(graph, arrays).double().eval()
    flow = network(torch.ones(1, *graph.input, dtype=torch.float64)).sum()
    weights = [p for p in network.parameters() if p.dim() > 1]
    gradients = torch.autograd.grad(flow, weights)
    total = sum(
        float((w.detach() * g).abs().sum()) for w, g in zip(weights, gradients, strict=True)
    )
    return float(np.log(total)) if total > 0 else -float("inf")


def gradient_norm(
    graph: Graph, images: NDArray[np.float32], labels: NDArray[np.int64], seed: int = 0
) -> float:
    """The length of the loss's gradient for one batch: ‖∂L / ∂w‖ over all weights.

    (Abdelfattah, Mehrotra, Dudziak, Lane 2021, arXiv:2101.08134, section 3.1.) `images` are
    (N, 3, H, W), normalised, `labels` (N,).
    """
    network = GraphNetwork(graph, random_weights(graph, seed)).train()
    network.draws.generator = torch.Generator().manual_seed(seed)
    loss = functional.cross_entropy(network(torch.from_numpy(images)), torch.from_numpy(labels))
    gradients = torch.autograd.grad(loss, list(network.parameters()))
    return float(torch.stack([g.square().sum() for g in gradients]).sum().sqrt())
