"""Parameters and multiply-adds of the published networks are the published ones.

Exact parameters are of the widely used implementations (torchvision; for ShuffleNet, MobileNet and
widths that torchvision does not have, imgclsmob); multiply-adds are of the papers, in millions.
"""

from math import prod

import pytest

from frugally.nets.vision.alexnet import alexnet
from frugally.nets.vision.mobilenet import mobilenet
from frugally.nets.vision.mobilenet_v2 import mobilenet_v2
from frugally.nets.vision.resnet import resnet, resnet_cifar
from frugally.nets.vision.shufflenet import shufflenet
from frugally.nets.vision.shufflenet_v2 import CHANNELS, shufflenet_v2


@pytest.mark.parametrize(
    "scale, groups, parameters, millions",
    [
        (1, 1, 1_531_936, 143.08),
        (1, 2, 1_733_848, 140.84),
        (1, 3, 1_865_728, 137.46),
        (1, 4, 1_968_344, 134.34),
        (1, 8, 2_434_768, 138.37),
        (0.25, 1, 209_746, 11.0),
        (0.25, 3, 305_902, 11.0),
        (0.5, 1, 534_484, 38.5),
        (0.5, 3, 718_324, 37.6),
        (0.75, 3, 1_238_266, 79.7),
        (1.5, 3, 3_442_168, 292.4),
        (2, 3, 5_450_776, 524.0),
        (2, 8, 6_522_232, 521.9),
    ],
)
def test_shufflenet(scale, groups, parameters, millions):
    net = shufflenet(groups, scale)
    assert net.parameters == parameters
    digits = len(str(millions).partition(".")[2])
    assert round(net.macs / 1e6, digits) == millions


@pytest.mark.parametrize(
    "scale, groups, parameters, millions",
    [(2, 3, 5.4, 524), (2, 8, 6.5, 522), (1.5, 3, 3.4, 292), (1.5, 8, 4.3, 290), (1, 3, 1.9, 138),
     (1, 8, 2.4, 138), (0.5, 3, 0.7, 38), (0.5, 8, 1.0, 40)],
)  # fmt: skip
def test_shufflenet_as_its_authors_released_it(scale, groups, parameters, millions):
    net = shufflenet(groups, scale)
    assert net.parameters / 1e6 == pytest.approx(parameters, abs=0.06)
    assert net.macs / 1e6 == pytest.approx(millions, abs=1)


@pytest.mark.parametrize("groups", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("scale, millions", [(0.25, 13), (0.5, 38), (1, 140)])
def test_shufflenets_of_table_2_cost_about_the_same_for_all_groups(scale, groups, millions):
    assert shufflenet(groups, scale).macs / 1e6 == pytest.approx(millions, rel=0.2)


def test_shuffling_is_free_and_exciting_nearly():
    plain = shufflenet(3, 2.0)
    assert shufflenet(3, 2.0, shuffle=False).macs == plain.macs
    assert shufflenet(3, 2.0, shuffle=False).weights == plain.weights
    assert shufflenet(3, 2.0, random=True).weights == plain.weights
    # table 5: 524 and 527
    assert 0 < shufflenet(3, 2.0, excite=True).macs - plain.macs < 3.5e6


@pytest.mark.parametrize(
    "scale, parameters, millions",
    [(0.5, 1_366_792, 41), (1, 2_278_604, 146), (1.5, 3_503_624, 299), (2, 7_393_996, 591)],
)
def test_shufflenet_v2(scale, parameters, millions):
    net = shufflenet_v2(scale)
    assert net.parameters == parameters
    # The authors split the first unit of stage 2 unevenly, 24 channels to the left.
    half = CHANNELS[scale][0] // 2
    uneven = 28 * 28 * (half - 24) ** 2
    assert (net.macs + uneven) / 1e6 == pytest.approx(millions, abs=0.55)


def test_alexnet():
    net = alexnet()
    assert net.parameters == 60_965_224
    # The ShuffleNet paper, table 8, has 720.
    assert round(net.macs / 1e6) == 724
    assert alexnet(size=227).macs == net.macs
    assert alexnet(grouped=False).parameters == 62_378_344


@pytest.mark.parametrize("size, measured", [((480, 640), 1156.7), ((720, 1280), 3633.9)])
def test_alexnet_at_other_sizes_grows_as_its_measured_times_do(size, measured):
    net = alexnet(size=size)
    assert net.weights == alexnet().weights
    assert net.macs / alexnet().macs == pytest.approx(measured / 184.0, rel=0.1)
    linear = [one for one in net.nodes if type(one.layer).__name__ == "Linear"]
    assert sum(one.layer.macs(*net.given(one)) for one in linear) == 58_621_952


# Multiply-adds of table 1, in thousand millions.
@pytest.mark.parametrize(
    "depth, parameters, macs",
    [(18, 11_689_512, 1.8), (34, 21_797_672, 3.6), (50, 25_557_032, 3.8)],
)
def test_resnet(depth, parameters, macs):
    net = resnet(depth)
    assert net.parameters == parameters
    assert net.macs / 1e9 == pytest.approx(macs, abs=0.07)


def test_resnet_18_for_cifar_as_it_is_usual():
    net = resnet(18, size=32, classes=10)
    assert net.parameters == 11_173_962
    assert round(net.macs / 1e6) == 555


# Table 6, in millions.
@pytest.mark.parametrize("depth, millions", [(20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85)])
def test_resnet_for_cifar(depth, millions):
    assert round(resnet_cifar(depth).parameters / 1e6, 2) == millions


def test_resnet_20_exactly():
    # 3 x 3 convolutions and their norms, and the linear layer; the shortcuts learn nothing.
    convolutions = 3 * 16 + 6 * 16 * 16 + 16 * 32 + 5 * 32 * 32 + 32 * 64 + 5 * 64 * 64
    norms = 2 * (7 * 16 + 6 * 32 + 6 * 64)
    assert resnet_cifar(20).parameters == 9 * convolutions + norms + 650 == 269_722


# Tables 6 and 7.
@pytest.mark.parametrize(
    "scale, parameters, millions",
    [(1, 4_231_976, 569), (0.75, 2_585_560, 325), (0.5, 1_331_592, 149), (0.25, 470_072, 41)],
)
def test_mobilenet(scale, parameters, millions):
    net = mobilenet(scale)
    assert net.parameters == parameters
    assert net.macs / 1e6 == pytest.approx(millions, abs=0.51)


@pytest.mark.parametrize("size, millions", [(192, 418), (160, 290), (128, 186)])
def test_mobilenet_at_other_sizes(size, millions):
    assert mobilenet(size=size).macs / 1e6 == pytest.approx(millions, abs=1)


def test_mobilenet_v2():
    net = mobilenet_v2()
    assert net.parameters == 3_504_872
    assert net.macs / 1e6 == pytest.approx(300, abs=1)
    # Table 4 of the paper.
    assert mobilenet_v2(1.4).macs / 1e6 == pytest.approx(585, abs=3)


def test_a_separable_convolution_costs_what_the_paper_says():
    net = mobilenet()
    depthwise, pointwise = (
        one for one in net.nodes if one.name in ("block4.conv", "block4.conv2")
    )  # 256 to 256 at 28 x 28
    cost = sum(one.layer.macs(*net.given(one)) for one in (depthwise, pointwise))
    dense = 9 * 256 * prod(net.shapes["block4.conv2"])
    assert cost / dense == pytest.approx(1 / 256 + 1 / 9)
