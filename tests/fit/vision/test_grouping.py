"""Convolutions exchanged: fewer multiply-adds, and weights that start close to what they were."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from frugally.errors import UsageError  # noqa: E402
from frugally.fit.vision.grouping import can_be_swapped, swapped  # noqa: E402
from frugally.fit.vision.network import GraphNetwork  # noqa: E402
from frugally.fit.vision.weights import random_weights  # noqa: E402
from frugally.nets.vision.graph import Builder  # noqa: E402
from frugally.nets.vision.layers import Convolution  # noqa: E402
from frugally.nets.vision.registry import make  # noqa: E402


def one_convolution(bias=True, stride=1):
    builder = Builder("one", (3, 9, 9))
    x = builder.convolution(builder.image, 8, 3)
    x = builder.convolution(x, 12, 3, stride=stride, bias=bias)
    builder.head(x, 5)
    return builder.build()


def outputs(graph, weights):
    x = np.random.default_rng(1).normal(size=(4, *graph.input)).astype(np.float32)
    with torch.no_grad():
        return GraphNetwork(graph, weights).eval()(torch.from_numpy(x)).numpy()


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("groups", [2, 4])
def test_a_dense_weight_that_is_in_groups_already_stays_the_same_function(groups, stride):
    graph = one_convolution(stride=stride)
    weights = random_weights(graph, 3)
    # Zero what the groups would not see: output i is of group (its place before the shuffle).
    dense = weights["conv2.weight"]
    for out in range(12):
        place = (out % groups) * (12 // groups) + out // groups
        group = place // (12 // groups)
        inside = np.arange(8) // (8 // groups) == group
        dense[out, ~inside] = 0
    changed, start = swapped(graph, weights, "conv2", "grouped", groups)
    np.testing.assert_allclose(outputs(changed, start), outputs(graph, weights), atol=1e-5)
    assert changed.macs < graph.macs
    assert set(start) == set(changed.weights)


@pytest.mark.parametrize("bias", [True, False])
def test_a_dense_weight_that_is_separable_already_stays_the_same_function(bias):
    graph = one_convolution(bias=bias, stride=2)
    weights = random_weights(graph, 3)
    rng = np.random.default_rng(0)
    kernels, columns = rng.normal(size=(8, 3, 3)), rng.normal(size=(12, 8))
    weights["conv2.weight"] = (columns[:, :, None, None] * kernels).astype(np.float32)
    changed, start = swapped(graph, weights, "conv2", "separable")
    np.testing.assert_allclose(
        outputs(changed, start), outputs(graph, weights), rtol=1e-4, atol=1e-4
    )
    assert set(start) == set(changed.weights)


def test_what_is_kept_is_as_long_as_it_was():
    graph = one_convolution()
    weights = random_weights(graph, 3)
    _, start = swapped(graph, weights, "conv2", "grouped", 4)
    before = np.sort((weights["conv2.weight"] ** 2).sum(axis=(1, 2, 3)))
    np.testing.assert_allclose(np.sort((start["conv2.weight"] ** 2).sum(axis=(1, 2, 3))), before,
                               rtol=1e-4)  # fmt: skip


@pytest.mark.parametrize(("kind", "groups"), [("grouped", 2), ("separable", 1)])
def test_a_whole_network(kind, groups):
    graph = make("resnet-20", size=32, classes=4)
    changed, weights, count = graph, random_weights(graph), 0
    for node in graph.nodes:
        if can_be_swapped(graph, node, kind, groups):
            changed, weights = swapped(changed, weights, node.name, kind, groups)
            count += 1
    assert count == 18
    assert changed.output == (4,)
    assert set(weights) == set(changed.weights)
    assert np.isfinite(outputs(changed, weights)).all()
    assert changed.macs < graph.macs / (1.9 if kind == "grouped" else 4)


def test_what_has_no_such_form():
    graph = one_convolution()
    for name, kind, groups in (
        ("conv2", "grouped", 3), ("conv2", "grouped", 1), ("nothing", "separable", 1),
        ("linear", "grouped", 2), ("conv", "separable", 1),
    ):  # fmt: skip
        with pytest.raises(UsageError, match="form"):
            swapped(graph, random_weights(graph), name, kind, groups)
    changed, weights = swapped(graph, random_weights(graph), "conv2", "separable")
    assert [n.layer.groups for n in changed.nodes if isinstance(n.layer, Convolution)] == [1, 8, 1]
    with pytest.raises(UsageError):
        swapped(changed, weights, "conv2", "separable")
