"""Networks without the layers that can be folded give what they gave with them."""

import numpy as np
import pytest
from random_network import assert_same, plain_scores, some_images, some_weights

from frugally.fit.vision.folding import folded
from frugally.nets.vision.graph import Builder
from frugally.nets.vision.layers import BatchNorm, Dropout
from frugally.nets.vision.shufflenet import shufflenet


def kinds(graph):
    return {type(node.layer) for node in graph.nodes}


def assert_folded(graph):
    weights, images = some_weights(graph), some_images(graph)
    short, arrays = folded(graph, weights)
    expected = plain_scores(graph, weights, images)
    assert_same(plain_scores(short, arrays, images), expected)
    return short


@pytest.mark.parametrize("groups", [2, 3, 8])
def test_norms_after_convolutions_go(groups):
    graph = shufflenet(groups, 0.5, size=32, classes=5)
    short = assert_folded(graph)
    assert BatchNorm in kinds(graph) and BatchNorm not in kinds(short)
    assert short.macs == graph.macs


def test_a_bias_and_dropout_too():
    builder = Builder("biased", (3, 6, 6))
    x = builder.norm(builder.convolution(builder.image, 4, 3, bias=True))
    builder.head(x, 3, dropout=0.5)
    short = assert_folded(builder.build())
    assert not {BatchNorm, Dropout} & kinds(short)


def test_norms_elsewhere_stay():
    builder = Builder("before", (3, 6, 6))
    x = builder.convolution(builder.norm(builder.image), 4, 3)  # no convolution before it
    builder.head(builder.sum(x, builder.norm(x)), 3)  # the sum sees what is not normalised
    assert sum(isinstance(n.layer, BatchNorm) for n in assert_folded(builder.build()).nodes) == 2


def test_the_weights_given_are_left_alone():
    graph = shufflenet(3, 0.25, size=32, classes=5)
    weights = some_weights(graph)
    before = {name: array.copy() for name, array in weights.items()}
    _, arrays = folded(graph, weights)
    assert all(np.array_equal(before[name], weights[name]) for name in weights)
    assert arrays.keys() != weights.keys()
