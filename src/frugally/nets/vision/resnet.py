"""Residual networks (He, Zhang, Ren, Sun 2015, https://arxiv.org/abs/1512.03385).

A unit is ReLU(x + F(x)), where F is two 3 x 3 convolutions or a bottleneck of 1 x 1, 3 x 3 and
1 x 1, each with batch norm and ReLU between them (figure 5). Where the shape changes, x is
projected by a 1 x 1 convolution (section 3.3, option B), or, in the networks for CIFAR, subsampled
and padded with zero channels (option A).
"""

from __future__ import annotations

from collections.abc import Callable

from frugally.errors import UsageError
from frugally.nets.vision.graph import Builder, Graph
from frugally.nets.vision.layers import PadChannels
from frugally.nets.vision.stem import Size, add_stem, image

# Units in each of the four stages, and the layers of a unit: table 1.
UNITS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}
_BOTTLENECKS = (50,)
CIFAR_DEPTHS = (20, 32, 44, 56)
"""6 n + 2 layers: n units in each of three stages."""

_Shortcut = Callable[[Builder, str, int, int], str]


def resnet(depth: int = 18, *, size: Size = 224, classes: int = 1000) -> Graph:
    """ResNet of 18, 34 or 50 layers, for images of a side or (height, width).

    As in the paper the first convolution of a bottleneck has its stride. Images below a side of 48
    meet a 3 x 3 convolution of stride 1 and no pooling first, as is usual for CIFAR.

    Raises:
        UsageError: there is none of this depth.
    """
    if depth not in UNITS:
        raise UsageError(f"ResNet has 18, 34 or 50 layers, or as resnet_cifar more, not {depth}")
    builder = Builder(f"resnet-{depth}", image(size))
    x = add_stem(builder, 64, size, kernel=7)
    for stage, units in enumerate(UNITS[depth]):
        for number in range(units):
            builder.at(f"stage{stage + 2}.{number}")
            stride = 2 if stage and not number else 1
            unit = _bottleneck if depth in _BOTTLENECKS else _basic
            x = unit(builder, x, 64 << stage, stride, _projection)
    builder.at("")
    builder.head(x, classes)
    return builder.build()


def resnet_cifar(depth: int = 20, *, size: Size = 32, classes: int = 10) -> Graph:
    """ResNet of 20, 32, 44 or 56 layers, of 16, 32 and 64 channels (section 4.2).

    For images of a side or (height, width): the paper's are 32 x 32, larger ones are halved first.

    Raises:
        UsageError: there is none of this depth.
    """
    if depth not in CIFAR_DEPTHS:
        raise UsageError(f"ResNet for CIFAR has 20, 32, 44 or 56 layers, not {depth}")
    builder = Builder(f"resnet-{depth}", image(size))
    x = add_stem(builder, 16, size)
    for stage in range(3):
        for number in range((depth - 2) // 6):
            builder.at(f"stage{stage + 1}.{number}")
            x = _basic(builder, x, 16 << stage, 2 if stage and not number else 1, _padding)
    builder.at("")
    builder.head(x, classes)
    return builder.build()


def _basic(builder: Builder, x: str, out: int, stride: int, shortcut: _Shortcut) -> str:
    y = builder.normalised(x, out, 3, stride=stride, activation="relu")
    y = builder.normalised(y, out, 3)
    return builder.activation(builder.sum(shortcut(builder, x, out, stride), y))


def _bottleneck(builder: Builder, x: str, middle: int, stride: int, shortcut: _Shortcut) -> str:
    y = builder.normalised(x, middle, stride=stride, activation="relu")
    y = builder.normalised(y, middle, 3, activation="relu")
    y = builder.normalised(y, 4 * middle)
    return builder.activation(builder.sum(shortcut(builder, x, 4 * middle, stride), y))


def _projection(builder: Builder, x: str, out: int, stride: int) -> str:
    """Option B."""
    if builder.channels(x) == out and stride == 1:
        return x
    return builder.normalised(x, out, stride=stride)


def _padding(builder: Builder, x: str, out: int, stride: int) -> str:
    """Option A: nothing is learned. A maximum over one pixel is every `stride`th pixel."""
    if stride > 1:
        x = builder.pool(x, "max", 1, stride=stride)
    more = out - builder.channels(x)
    return builder.add("padded", PadChannels(count=more), x) if more else x
