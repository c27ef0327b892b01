"""Whatever order and padding the channels have, the network gives the same."""

import numpy as np
import pytest
from random_network import assert_same, plain_scores, some_images, some_weights

from frugally.errors import NetError
from frugally.fit.vision.channel_layout import LAYOUTS, Relayout, Selection, relaid
from frugally.fit.vision.folding import folded
from frugally.nets.vision import registry
from frugally.nets.vision.graph import Builder
from frugally.nets.vision.layers import (
    ChannelShuffle,
    Concatenation,
    Convolution,
    LocalResponseNorm,
)
from frugally.nets.vision.shufflenet import shufflenet


def named(graph, kind):
    return [node.name for node in graph.nodes if isinstance(node.layer, kind)]


def change(graph, layout, shuffle="folded", **more):
    shuffles = frozenset(named(graph, ChannelShuffle))
    return Relayout(
        dict.fromkeys(named(graph, Convolution), layout),
        folded=shuffles if shuffle == "folded" else frozenset(),
        gathered=shuffles if shuffle == "gathered" else frozenset(),
        regrouped=shuffles if shuffle == "regrouped" else frozenset(),
        **more,
    )


def assert_relaid(graph, how, *, fold=True):
    weights, images = some_weights(graph), some_images(graph)
    expected = plain_scores(graph, weights, images)
    if fold:
        graph, weights = folded(graph, weights)
    graph, weights = relaid(graph, weights, how)
    assert_same(plain_scores(graph, weights, images), expected)
    return graph


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("groups", [1, 2, 3, 8])
def test_folded_shuffles_in_every_layout(groups, layout):
    graph = shufflenet(groups, 0.5, size=32, classes=5)
    made = assert_relaid(graph, change(graph, layout))
    assert not named(made, ChannelShuffle)
    assert not named(made, Selection)
    if layout != "plain":
        shapes = (made.shapes[name] for name in named(made, Convolution))
        assert all(channels % 16 == 0 for channels, *_ in shapes)


@pytest.mark.parametrize("shuffle", ["kept", "gathered", "regrouped"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_shuffles_that_move(layout, shuffle):
    graph = shufflenet(3, 0.5, size=32, classes=5)
    made = assert_relaid(graph, change(graph, layout, shuffle))
    assert bool(named(made, ChannelShuffle)) == (shuffle == "kept")


def test_norms_are_relaid_too():
    graph = shufflenet(3, 0.25, size=32, classes=5)
    assert_relaid(graph, change(graph, "made"), fold=False)


def test_layouts_and_shuffles_mixed_at_random():
    graph = shufflenet(3, 0.5, size=32, classes=5, excite=True)
    random = np.random.default_rng(3)
    convolutions, shuffles = named(graph, Convolution), named(graph, ChannelShuffle)

    def some(names):
        return frozenset(name for name in names if random.random() < 0.5)

    for _ in range(4):
        left_out = some(shuffles)
        how = Relayout(
            {name: str(random.choice(LAYOUTS)) for name in convolutions},
            dense=some(convolutions),
            folded=left_out,
            gathered=some(shuffles) - left_out,
            regrouped=some(shuffles) - left_out,
            ordered=some(named(graph, Concatenation)),
            block=int(random.choice([4, 8, 16])),
        )
        assert_relaid(graph, how)


@pytest.mark.parametrize(
    "name",
    ["mobilenet-0.25x", "mobilenet-v2-0.5x", "resnet-20", "shufflenet-v2-0.5x"],
)
def test_other_families(name):
    graph = registry.make(name, 32, 5)
    assert_relaid(graph, change(graph, "padded"))


def test_layers_that_look_across_channels_get_them_in_order():
    builder = Builder("across", (3, 8, 8))
    x = builder.convolution(builder.image, 10, 3)
    x = builder.add("norm", LocalResponseNorm(alpha=0.5), x)
    x = builder.shuffle(builder.convolution(x, 10, 3, groups=2), 2)
    graph = builder.build()
    made = assert_relaid(graph, change(graph, "made"))
    assert len(named(made, Selection)) == 2  # before the norm, and at the end
    assert made.output == graph.output


def test_a_taken_layout_keeps_a_grouped_convolution_grouped():
    """The first one pays for the shuffle, by being dense."""
    builder = Builder("pair", (12, 4, 4))
    x = builder.shuffle(builder.convolution(builder.image, 12, groups=3), 3)
    builder.head(builder.convolution(x, 12, groups=3), 2)
    graph = builder.build()
    for layout, expected in (("taken", [1, 3]), ("plain", [3, 1])):
        made = assert_relaid(graph, change(graph, layout, block=4))
        found = [node.layer.groups for node in made.nodes if isinstance(node.layer, Convolution)]
        assert found == expected


def test_a_regrouped_shuffle_keeps_both_convolutions_grouped():
    graph = shufflenet(8, 0.5, size=32, classes=5)
    ordered = frozenset(named(graph, Concatenation))
    made = assert_relaid(graph, change(graph, "made", "regrouped", ordered=ordered))
    groups = {
        node.name: (node.layer.groups, node.layer.out)
        for node in made.nodes
        if isinstance(node.layer, Convolution)
    }
    assert groups["stage4.1.conv"] == (8, 8 * 32)
    assert groups["stage4.1.conv3"] == (8, 8 * 96)


def test_dense_is_one_group():
    graph = shufflenet(3, 0.25, size=32, classes=5)
    all_of_them = frozenset(named(graph, Convolution))
    made = assert_relaid(graph, change(graph, "plain", "kept", dense=all_of_them))
    layers = [node.layer for node in made.nodes if isinstance(node.layer, Convolution)]
    assert {layer.groups for layer in layers} == {1} | {one.out for one in layers if one.groups > 1}


def test_nothing_asked_is_nothing_done():
    graph = shufflenet(3, 0.25, size=32, classes=5)
    made, arrays = relaid(graph, some_weights(graph), Relayout({}))
    assert made == graph
    weights = some_weights(graph)
    assert all(np.array_equal(arrays[name], weights[name]) for name in weights)


def test_there_is_no_other_layout():
    graph = shufflenet(3, 0.25, size=32, classes=5)
    with pytest.raises(NetError, match=r"stem.conv cannot have the layout 'round'"):
        relaid(graph, some_weights(graph), Relayout({"stem.conv": "round"}))


def test_a_selection_costs_no_multiply_adds():
    layer = Selection(places=(2, 0, 0))
    assert layer.shape((3, 5, 5)) == (3, 5, 5)
    assert layer.macs((3, 5, 5)) == 0 and not layer.weights((3, 5, 5))
