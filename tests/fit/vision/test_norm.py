"""Batch norm with what stands behind it: against float64, against torch, and in networks."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch.nn import functional

from frugally.fit.vision.network import GraphNetwork, chains_of
from frugally.fit.vision.norm import Norm
from frugally.fit.vision.weights import random_weights
from frugally.nets.vision.graph import Builder
from frugally.nets.vision.registry import make

SHAPES = [
    (4, 16, 8, 8),
    (3, 60, 5, 7),
    (2, 1, 9, 9),
    (5, 3, 1, 1),
    (64, 24, 16, 16),
    (1, 480, 2, 2),
]
KINDS = [(False, False), (False, True), (True, False), (True, True)]


def bfloat16(shape, seed, centre=0.0, spread=1.0):
    random = torch.Generator().manual_seed(seed)
    drawn = centre + spread * torch.randn(shape, generator=random)
    return drawn.bfloat16().contiguous(memory_format=torch.channels_last)


def norm_of(channels, seed=1):
    norm = Norm(channels, 1e-5).train()
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        norm.scale.uniform_(0.5, 2, generator=random)
        norm.bias.normal_(generator=random)
    return norm


def reference(norm, x, other, relu, kept=None):
    """In float64; where it is cut is told by `kept`, as rounding moves what is next to 0."""
    mean = x.mean((0, 2, 3), keepdim=True)
    variance = ((x - mean) ** 2).mean((0, 2, 3), keepdim=True)
    scale, bias = (p.view(1, -1, 1, 1) for p in (norm.scale, norm.bias))
    y = scale * (x - mean) / (variance + norm.epsilon).sqrt() + bias
    y = y if other is None else y + other
    return y * kept if relu and kept is not None else functional.relu(y) if relu else y


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("adds", "relu"), KINDS)
def test_it_is_batch_norm_sum_and_relu(shape, adds, relu):
    norm = norm_of(shape[1])
    x, other = bfloat16(shape, 1, 0.7, 3.0), bfloat16(shape, 2) if adds else None
    given = [t.requires_grad_() for t in (x, other) if t is not None]
    y = norm(x, other, relu=relu)
    above = bfloat16(shape, 3)
    found = torch.autograd.grad(y, [*given, norm.scale, norm.bias], above)
    assert y.dtype == torch.bfloat16 and y.is_contiguous(memory_format=torch.channels_last)

    exact = norm_of(shape[1]).double()
    wide = [t.detach().double().requires_grad_() for t in given]
    truth = reference(exact, wide[0], wide[1] if adds else None, relu, kept=(y != 0).double())
    gradients = torch.autograd.grad(truth, [*wide, exact.scale, exact.bias], above.double())
    torch.testing.assert_close(y.double(), truth, rtol=5e-3, atol=1e-5)  # half a unit: 2^-8
    # A gradient is rounded as well; where its parts cancel out, by a unit of the largest.
    for one, other_ in zip(found, gradients, strict=True):
        assert one.dtype == (torch.float32 if one.dim() == 1 else torch.bfloat16)
        largest = other_.abs().max().item()
        torch.testing.assert_close(one.double(), other_, rtol=5e-3, atol=1e-4 * largest + 1e-6)


def test_a_mean_far_from_0_costs_no_digits():
    norm = norm_of(4)
    x = bfloat16((64, 4, 16, 16), 1, centre=40.0, spread=0.5)
    exact = reference(norm_of(4).double(), x.double(), None, False)
    torch.testing.assert_close(norm(x).double(), exact, rtol=1e-2, atol=2e-3)


def test_channels_that_are_not_last_are_put_there():
    norm, x = norm_of(8), bfloat16((2, 8, 4, 4), 1)
    expected = norm(x, relu=True)
    first = x.contiguous(memory_format=torch.contiguous_format)
    assert torch.equal(norm(first, relu=True), expected)
    y = norm(first.requires_grad_())
    above = bfloat16((2, 8, 4, 4), 2)
    other = torch.autograd.grad(norm(x.requires_grad_()), x, above)
    found = torch.autograd.grad(y, first, above.contiguous(memory_format=torch.contiguous_format))
    assert torch.equal(found[0], other[0])


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_what_is_no_number_stays_none(wrong):
    """A training that diverges must not look as if it went on."""
    norm, x = norm_of(2), bfloat16((2, 2, 4, 4), 1)
    x[0, 1, 2, 2] = wrong
    y = norm(x, relu=True)
    assert not y[:, 0].isnan().any() and y[0, 1].isnan().any()


def test_a_channel_of_one_number_has_its_bias():
    norm, x = norm_of(3), torch.full((2, 3, 4, 4), 5.0).bfloat16()
    y = norm(x.requires_grad_())
    torch.testing.assert_close(y[0, :, 0, 0].float(), norm.bias, rtol=1e-2, atol=0)
    below = torch.autograd.grad(y.sum(), x)[0]
    assert below.isfinite().all()


def residual():
    """Norms before a ReLU, a sum with ReLU, two of one sum, a sum without, and none of these."""
    builder = Builder("residual", (3, 8, 8))
    x = builder.normalised(builder.image, 8, 3, activation="relu")
    y = builder.normalised(x, 8, 3)
    x = builder.activation(builder.sum(x, y))
    y = builder.sum(builder.normalised(x, 8, 3), builder.normalised(x, 8))
    y = builder.sum(y, y)
    z = builder.normalised(y, 8)
    x = builder.sum(builder.activation(z), z)
    builder.head(x, 5)
    return builder.build()


def test_chains_are_what_alone_sees_a_norm():
    graph = residual()
    kinds = {node.name: type(node.layer).__name__ for node in graph.nodes}
    found = [[kinds[name] for name in chain.nodes] + [chain.relu] for chain in chains_of(graph)]
    assert found == [
        ["BatchNorm", "Activation", True],
        ["BatchNorm", "Add", "Activation", True],
        ["BatchNorm", "Add", False],
    ]


@pytest.mark.parametrize(
    "name", ["residual", "shufflenet-0.25x-g3", "resnet-20", "quick-resnet-0.25x"]
)
def test_a_network_learns_the_same_in_bfloat16(name):
    graph = residual() if name == "residual" else make(name, 32, 10)
    network = GraphNetwork(graph, random_weights(graph, 1)).train()
    x = torch.randn(16, *graph.input, generator=torch.Generator().manual_seed(1))
    x = x.contiguous(memory_format=torch.channels_last)
    exact = torch.autograd.grad(network(x).square().sum(), list(network.parameters()))
    with torch.autocast("cpu", torch.bfloat16):
        y = network(x)
    found = torch.autograd.grad(y.float().square().sum(), list(network.parameters()))
    ours, theirs = (torch.cat([g.flatten() for g in one]) for one in (found, exact))
    assert functional.cosine_similarity(ours, theirs, dim=0) > 0.95


def test_one_image_of_one_place_is_refused_by_nobody():
    """Its variance is 0: what comes out is the bias."""
    norm, x = norm_of(3), bfloat16((1, 3, 1, 1), 1)
    torch.testing.assert_close(norm(x)[0, :, 0, 0].float(), norm.bias, rtol=1e-2, atol=0)
    assert np.isfinite(norm(x).detach().float().numpy()).all()


def test_vectors_are_normalised_as_images_of_one_place():
    norm, random = Norm(5, 1e-5), torch.Generator().manual_seed(3)
    x = 3 + 2 * torch.randn((40, 5), generator=random)
    norm.begin()
    norm(x)
    norm.end()
    torch.testing.assert_close(norm.mean, x.mean(dim=0))
    torch.testing.assert_close(norm.variance, x.var(dim=0, correction=0))
