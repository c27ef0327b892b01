"""The networks are built as their papers draw them."""

import pytest

from frugally.errors import NetError, UsageError
from frugally.nets.vision.alexnet import alexnet
from frugally.nets.vision.layers import Activation, ChannelShuffle, Convolution, PadChannels, Pool
from frugally.nets.vision.mobilenet import mobilenet, multiple_of_8
from frugally.nets.vision.mobilenet_v2 import mobilenet_v2
from frugally.nets.vision.quick_resnet import STAGES, quick_resnet
from frugally.nets.vision.resnet import resnet, resnet_cifar
from frugally.nets.vision.shufflenet import CHANNELS, shufflenet
from frugally.nets.vision.shufflenet_v2 import CHANNELS as CHANNELS_V2
from frugally.nets.vision.shufflenet_v2 import shufflenet_v2


def layers(net, kind):
    return [one.layer for one in net.nodes if isinstance(one.layer, kind)]


def kinds(net, prefix):
    return [
        one.name.removeprefix(prefix).rstrip("0123456789")
        for one in net.nodes
        if one.name.startswith(prefix)
    ]


def pointwise_groups(net, prefix):
    return [
        one.layer.groups
        for one in net.nodes
        if one.name.startswith(prefix)
        and isinstance(one.layer, Convolution)
        and one.layer.kernel == (1, 1)
    ]


@pytest.mark.parametrize("groups", CHANNELS)
def test_shufflenet_stages_are_those_of_table_1(groups):
    net = shufflenet(groups)
    for stage, (channels, units, side) in enumerate(
        zip(CHANNELS[groups], (4, 8, 4), (28, 14, 7), strict=True), start=2
    ):
        assert net.shapes[f"stage{stage}.{units - 1}.relu2"] == (channels, side, side)
        assert f"stage{stage}.{units}.relu2" not in net.shapes
        assert net.shapes[f"stage{stage}.0.concat"] == (channels, side, side)


def test_shufflenet_units_are_those_of_figure_2():
    net = shufflenet(3)
    first = ["conv", "norm", "relu", "shuffle", "conv", "norm", "conv", "norm"]
    assert kinds(net, "stage3.1.") == [*first, "add", "relu"]
    assert kinds(net, "stage3.0.") == [*first, "relu", "pool", "concat"]
    # The first pointwise convolution has too few channels for groups.
    assert pointwise_groups(net, "stage2.0.") == [1, 3]
    assert pointwise_groups(net, "stage3.0.") == [3, 3]


def test_shufflenet_options():
    shuffles = layers(shufflenet(3), ChannelShuffle)
    assert len(shuffles) == 16
    assert not any(one.random for one in shuffles)
    assert all(one.random for one in layers(shufflenet(3, random=True), ChannelShuffle))
    assert not layers(shufflenet(3, shuffle=False), ChannelShuffle)
    assert not layers(shufflenet(1), ChannelShuffle)
    assert "scale" in kinds(shufflenet(3, excite=True), "stage3.1.")


@pytest.mark.parametrize("scale", CHANNELS_V2)
def test_shufflenet_v2_stages_are_those_of_table_5(scale):
    net = shufflenet_v2(scale)
    assert net.shapes["stem.pool"] == (24, 56, 56)
    places = {"stage2.3.shuffle": 28, "stage3.7.shuffle": 14, "stage4.3.shuffle": 7, "last.relu": 7}
    for (name, side), channels in zip(places.items(), CHANNELS_V2[scale], strict=True):
        assert net.shapes[name] == (channels, side, side)


def test_shufflenet_v2_units_are_those_of_figure_3():
    branch = ["conv", "norm", "relu", "conv", "norm", "conv", "norm", "relu"]
    net = shufflenet_v2()
    unit = kinds(net, "stage3.1.")
    assert unit == ["channels", "channels", *branch, "concat", "shuffle"]
    down = kinds(net, "stage3.0.")
    assert down == ["conv", "norm", "conv", "norm", "relu", *branch, "concat", "shuffle"]
    assert {one.groups for one in layers(net, ChannelShuffle)} == {2}


def test_alexnet_is_that_of_section_3_5():
    net = alexnet(size=227)
    shapes = [net.shapes[f"{number}.conv"] for number in range(1, 6)]
    assert shapes == [(96, 55, 55), (256, 27, 27), (384, 13, 13), (384, 13, 13), (256, 13, 13)]
    assert net.shapes["flat"] == (9216,)
    assert [one.groups for one in layers(net, Convolution)] == [1, 2, 1, 2, 2]
    assert {one.groups for one in layers(alexnet(grouped=False), Convolution)} == {1}
    assert kinds(net, "2.") == ["conv", "relu", "norm", "pool"]
    assert kinds(net, "7.") == ["linear", "relu", "dropout"]
    assert not [one for one in layers(net, Pool) if one.kind == "average"]


@pytest.mark.parametrize("size", [(480, 640), (720, 1280), (224, 640), 256, 300, 512])
def test_alexnet_means_leave_no_place_out(size):
    net = alexnet(size=size)
    if net.shapes["5.pool"][1:] == (6, 6):
        assert "mean" not in net.shapes
        return
    (mean,) = (one for one in layers(net, Pool) if one.kind == "average")
    assert net.shapes["mean"] == (256, 6, 6)
    for axis, places in enumerate(net.shapes["5.pool"][1:]):
        assert mean.kernel[axis] >= mean.stride[axis]
        assert 5 * mean.stride[axis] + mean.kernel[axis] == places


@pytest.mark.parametrize("depth, convolutions", [(18, 17 + 3), (34, 33 + 3), (50, 49 + 4)])
def test_resnet_has_its_depth_and_a_projection_where_the_shape_changes(depth, convolutions):
    net = resnet(depth)
    assert len(layers(net, Convolution)) == convolutions
    widest = 2048 if depth == 50 else 512
    assert net.shapes["mean"] == (widest, 1, 1)
    assert net.shapes["stem.pool"] == (64, 56, 56)
    assert layers(net, Convolution)[0].kernel == (7, 7)
    assert layers(resnet(depth, size=32), Convolution)[0].stride == (1, 1)


@pytest.mark.parametrize("depth", [20, 32, 44, 56])
def test_resnet_for_cifar_has_its_depth_and_shortcuts_without_weights(depth):
    net = resnet_cifar(depth)
    assert len(layers(net, Convolution)) == depth - 1
    assert not [one for one in layers(net, Convolution) if one.kernel == (1, 1)]
    assert [one.count for one in layers(net, PadChannels)] == [16, 32]
    assert net.shapes["mean"] == (64, 1, 1)
    assert net.shapes["stage3.0.add"] == (64, 8, 8)


@pytest.mark.parametrize("size, side", [(224, 7), (32, 4), (64, 4), ((480, 640), (15, 20))])
def test_mobilenets_halve_small_images_less_often(size, side):
    end = (side, side) if isinstance(side, int) else side
    assert mobilenet(size=size).shapes["block12.relu2"] == (1024, *end)
    assert mobilenet_v2(size=size).shapes["last.relu6"] == (1280, *end)


def test_mobilenet_v2_is_that_of_table_2():
    net = mobilenet_v2()
    assert kinds(net, "stage2.1.") == [
        "conv", "norm", "relu", "conv", "norm", "relu", "conv", "norm", "add",
    ]  # fmt: skip
    # Neither a unit that changes its channels nor one that halves adds its input.
    assert "add" not in kinds(net, "stage2.0.")
    assert "add" not in kinds(net, "stage4.0.")
    assert net.shapes["stage2.1.conv"] == (192, 28, 28)
    assert len([one for one in net.nodes if one.name.endswith(".add")]) == 10
    assert {one.kind for one in layers(net, Activation)} == {"relu6"}


@pytest.mark.parametrize(
    "channels, rounded", [(1, 8), (12, 16), (11.9, 16), (33.6, 32), (44.8, 48)]
)
def test_channels_are_rounded_to_multiples_of_8(channels, rounded):
    assert multiple_of_8(channels) == rounded


@pytest.mark.parametrize(
    "make, arguments",
    [
        (shufflenet, {"groups": 5}),
        (shufflenet, {"scale": 0.0}),
        (shufflenet, {"scale": float("nan")}),
        (shufflenet, {"scale": 1e9}),
        (shufflenet_v2, {"scale": 1.25}),
        (resnet, {"depth": 19}),
        (resnet_cifar, {"depth": 18}),
        (mobilenet, {"scale": -1.0}),
        (mobilenet_v2, {"scale": float("inf")}),
        (alexnet, {"size": 0}),
    ],
)
def test_what_no_paper_has_is_refused(make, arguments):
    with pytest.raises(UsageError):
        make(**arguments)


def test_an_image_that_is_too_small_is_refused():
    with pytest.raises(NetError, match="too small"):
        alexnet(size=8)


def test_quick_resnet_has_many_channels_only_where_images_are_small():
    net = quick_resnet()
    sides = (32, 16, 8, 4)
    for stage, ((channels, units), side) in enumerate(zip(STAGES, sides, strict=True), start=1):
        last = f"stage{stage}.{units - 1}"
        assert net.shapes[f"{last}.relu2"] == (channels, side, side)
        assert f"stage{stage}.{units}.relu2" not in net.shapes
    assert all(layer.groups == 1 for layer in layers(net, Convolution))
    # The limits of the benchmark that it was made for.
    assert net.parameters <= 1_000_000
    assert net.macs <= 45_000_000


def test_quick_resnet_projects_where_the_shape_changes_and_is_as_wide_as_its_scale():
    net = quick_resnet(1.5)
    first = ["conv", "norm", "relu", "conv", "norm"]
    assert kinds(net, "stage2.0.") == [*first, "conv", "norm", "add", "relu"]
    assert kinds(net, "stage2.1.") == [*first, "add", "relu"]
    assert net.name == "quick-resnet-1.5x"
    assert net.shapes["stage4.1.relu2"][0] == multiple_of_8(1.5 * STAGES[-1][0])
    with pytest.raises(UsageError, match="scale"):
        quick_resnet(0.04)
