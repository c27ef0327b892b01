"""Graphs in torch: every form of a convolution is the same function, norms fit their weights."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from frugally.errors import NetError  # noqa: E402
from frugally.fit.vision.convolution import CONVOLUTIONS, fitting_forms  # noqa: E402
from frugally.fit.vision.network import GraphNetwork  # noqa: E402
from frugally.fit.vision.weights import random_weights  # noqa: E402
from frugally.nets.vision.graph import INPUT, Builder  # noqa: E402
from frugally.nets.vision.layers import Convolution, Pool  # noqa: E402
from frugally.nets.vision.registry import make  # noqa: E402
from frugally.nets.vision.shufflenet import shufflenet  # noqa: E402


def drawn(graph, seed=0):
    rng = np.random.default_rng(seed)
    return {
        name: (
            rng.uniform(0.5, 1.5, shape)
            if name.endswith((".scale", ".variance"))
            else rng.normal(0, 0.2, shape)
        ).astype(np.float32)
        for name, shape in graph.weights.items()
    }


@pytest.fixture(scope="module")
def net():
    graph = shufflenet(3, 0.25, size=32, classes=5)
    return graph, drawn(graph)


@pytest.mark.parametrize("form", [name for name in CONVOLUTIONS if name != "torch"])
def test_a_form_is_the_same_function(net, form):
    graph, weights = net
    torch.manual_seed(0)
    x = torch.randn(3, 3, 32, 32)
    forms = {
        node.name: form
        for node in graph.nodes
        if isinstance(node.layer, Convolution) and form in fitting_forms(node.layer)
    }
    # Of 16 units each has a depthwise convolution, the first a pointwise one that is not grouped.
    assert len(forms) == {"dense": 47, "shifted": 16, "batched": 31, "subsampled": 3}[form]
    found = []
    for chosen in ({}, forms):
        network = GraphNetwork(graph, weights, chosen).eval()
        y = network(x)
        found.append((y, *torch.autograd.grad((y**2).sum(), list(network.parameters()))))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-3, atol=1e-4 * one.abs().max().item())


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("padding", [(1, 1, 1, 1), (0, 1, 2, 1), (0, 0, 0, 0)])
def test_forms_with_strides_and_uneven_padding(stride, padding):
    layer = Convolution(
        out=6, kernel=(3, 3), stride=(stride, stride), padding=padding, groups=6, bias=True
    )
    builder = Builder("one", (6, 9, 8))
    builder.add("conv", layer, builder.image)
    graph = builder.build()
    weights, x = drawn(graph), torch.randn(2, 6, 9, 8)
    with torch.no_grad():
        found = [GraphNetwork(graph, weights, {"conv": form})(x) for form in fitting_forms(layer)]
    assert len(found) == (3 if stride == 1 else 4)
    for other in found[1:]:
        assert other.shape[1:] == graph.output
        torch.testing.assert_close(other, found[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dilation", [1, 2, 3])
@pytest.mark.parametrize("groups", [1, 4, 24])
def test_gradients_in_bfloat16_are_those_in_floats(dilation, groups):
    # 24 channels are no multiple of what processors take at once.
    layer = Convolution(
        out=24, kernel=(3, 3), padding=(dilation,) * 4, dilation=(dilation,) * 2, groups=groups
    )
    builder = Builder("one", (24, 33, 33))
    builder.add("conv", layer, builder.image)
    network = GraphNetwork(builder.build(), drawn(builder.build()))
    torch.manual_seed(0)
    x = torch.randn(8, 24, 33, 33).contiguous(memory_format=torch.channels_last)
    found = []
    for whole in (True, False):
        with torch.autocast("cpu", torch.bfloat16, enabled=not whole):
            y = network(x)
        found += torch.autograd.grad((y.float() ** 2).sum(), list(network.parameters()))
    torch.testing.assert_close(found[1], found[0], rtol=0, atol=0.02 * found[0].abs().max().item())


@pytest.mark.parametrize("kernel", [(3, 3), (3, 5), (4, 4)])
@pytest.mark.parametrize("padding", [(0, 0, 0, 0), (1, 1, 1, 1), (0, 1, 1, 1), (2, 1, 2, 1)])
def test_a_maximum_is_of_what_is_there_only(kernel, padding):
    builder = Builder("pool", (2, 7, 8))
    builder.add("pool", Pool(kind="max", kernel=kernel, stride=(2, 1), padding=padding), INPUT)
    x = -1 - torch.rand(1, 2, 7, 8)
    found = GraphNetwork(builder.build(), {})(x)
    (top, left, _, _), (high, wide) = padding, kernel
    for i in range(found.shape[2]):
        for j in range(found.shape[3]):
            rows = slice(max(0, 2 * i - top), 2 * i - top + high)
            columns = slice(max(0, j - left), j - left + wide)
            assert torch.equal(found[0, :, i, j], x[0, :, rows, columns].amax((1, 2)))


def test_arrays_come_back_as_they_went_in(net):
    graph, weights = net
    network = GraphNetwork(graph, weights)
    assert network.arrays().keys() == weights.keys()
    for name, array in network.arrays().items():
        np.testing.assert_array_equal(array, weights[name])
    with pytest.raises(NetError, match="needs"):
        GraphNetwork(graph, {})
    with pytest.raises(NetError, match="needs"):
        GraphNetwork(graph, {**weights, "linear.weight": np.zeros((2, 2), np.float32)})


def test_estimated_norms_are_those_of_the_images(net):
    graph, weights = net
    network = GraphNetwork(graph, weights)
    x = torch.randn(64, 3, 32, 32)
    network.estimate([x[:40], x[40:]])
    with torch.no_grad():
        whole = GraphNetwork(graph, weights).train()(x)
        estimated = network.eval()(x)
    # The first norm sees the same in both; later ones all images instead of two parts.
    assert torch.corrcoef(torch.stack([whole.reshape(-1), estimated.reshape(-1)]))[0, 1] > 0.99


def test_a_random_shuffle_draws_from_its_generator():
    graph = shufflenet(2, 0.25, size=32, classes=5, random=True)
    network = GraphNetwork(graph, drawn(graph)).train()
    x = torch.randn(2, 3, 32, 32)

    def run(seed):
        network.draws.generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            return network(x)

    assert torch.equal(run(1), run(1))
    assert not torch.equal(run(1), run(2))
    network.eval()
    with torch.no_grad():
        assert torch.equal(network(x), GraphNetwork(graph, drawn(graph)).eval()(x))


def test_norms_are_estimated_in_the_order_of_use():
    named = [make(f"shufflenet-0.1x-g2{kind}", 16, 2) for kind in ("", "-random")]
    weights = random_weights(named[0], 1)
    batches = [torch.randn(8, 3, 16, 16, generator=torch.Generator().manual_seed(0))]
    estimated = []
    for graph in named:
        network = GraphNetwork(graph, weights)
        network.estimate(batches)
        assert network.training
        estimated.append(network.arrays())
    for name, array in estimated[0].items():
        np.testing.assert_array_equal(array, estimated[1][name])
