"""What can be done to a state of a cell, each as layers that a `Builder` adds.

The thirteen operations of NASNet (Zoph, Vasudevan, Shlens, Le 2017, arXiv:1707.07012, section 3),
and four more: three with the groups and the shuffle of ShuffleNet (Zhang et al. 2017,
arXiv:1707.01083), and the dilated convolution as DARTS has it (Liu, Simonyan, Yang 2018,
arXiv:1806.09055).

Every convolution is ReLU, convolution, batch norm, so that states are sums of normalised numbers.
An operation gives `out` channels whatever it is given, and with stride 2 halves the sides, rounded
up. Where nothing else changes the channels, a 1 x 1 convolution does (appendix A.4).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from frugally.nets.vision.graph import Builder
from frugally.nets.vision.layers import Convolution, Pair, Pool

Operation = Callable[[Builder, str, int, int], str]
"""(builder, x, out, stride) to the name of what it makes of x."""

GROUPS = 4
"""Groups of the grouped operations, or the most below it that the channels can be put in."""


def squeezed(builder: Builder, x: str, out: int, stride: int = 1) -> str:
    """ReLU, 1 x 1 convolution, batch norm."""
    return builder.normalised(builder.activation(x), out, stride=stride)


def halved(builder: Builder, x: str, out: int) -> str:
    """ReLU, means of 2 x 2, 1 x 1 convolution, batch norm: half the sides, rounded up.

    NASNet's code halves without loss by two convolutions, each of every second pixel and for half
    of the channels; this one has as many weights, and each channel sees all pixels.
    """
    height, width = builder.size(x)
    layer = Pool(
        kind="average", kernel=(2, 2), stride=(2, 2), padding=(0, 0, height % 2, width % 2)
    )
    return builder.normalised(builder.add("halved", layer, builder.activation(x)), out)


def groups_of(*channels: int) -> int:
    """The most groups, at most GROUPS, that all these channels can be put in."""
    return next(g for g in range(GROUPS, 0, -1) if not any(count % g for count in channels))


def _identity(builder: Builder, x: str, out: int, stride: int) -> str:
    if stride == 1 and builder.channels(x) == out:
        return x
    return squeezed(builder, x, out, stride)


def _factored(size: int, builder: Builder, x: str, out: int, stride: int) -> str:
    """1 x size, then size x 1; each halves along its own axis."""
    for kernel, step in (((1, size), (1, stride)), ((size, 1), (stride, 1))):
        x = _convolved(builder, builder.activation(x), out, kernel, step)
        x = builder.norm(x)
    return x


def _convolved(
    builder: Builder, x: str, out: int, kernel: Pair, stride: Pair, *, groups: int = 1,
    dilation: int = 1,
) -> str:  # fmt: skip
    """A convolution that keeps the size but for the stride."""
    down, across = (dilation * (side - 1) // 2 for side in kernel)
    layer = Convolution(
        out=out, kernel=kernel, stride=stride, padding=(down, across, down, across),
        dilation=(dilation, dilation), groups=groups,
    )  # fmt: skip
    return builder.add("conv", layer, x)


def _dense(size: int, dilation: int, builder: Builder, x: str, out: int, stride: int) -> str:
    x = builder.activation(x)
    x = _convolved(builder, x, out, (size, size), (stride, stride), dilation=dilation)
    return builder.norm(x)


def _separable(size: int, builder: Builder, x: str, out: int, stride: int) -> str:
    """Depthwise and pointwise, twice; no norm between the two of a pair (appendix A.4)."""
    for step in (stride, 1):
        x = _depthwise(builder, builder.activation(x), size, step)
        x = builder.normalised(x, out)
    return x


def _depthwise(builder: Builder, x: str, size: int, stride: int, dilation: int = 1) -> str:
    channels = builder.channels(x)
    return _convolved(
        builder, x, channels, (size, size), (stride, stride), groups=channels, dilation=dilation
    )


def _dilated_separable(builder: Builder, x: str, out: int, stride: int) -> str:
    """3 x 3 with every second pixel, depthwise and pointwise, once: DARTS' dil_conv_3x3."""
    return builder.normalised(_depthwise(builder, builder.activation(x), 3, stride, 2), out)


def _pooled(kind: str, size: int, builder: Builder, x: str, out: int, stride: int) -> str:
    """A mean is over what of a window lies inside the image."""
    layer = Pool(
        kind="max" if kind == "max" else "average", kernel=(size, size), stride=(stride, stride),
        padding=(size // 2,) * 4, padded_counts=False,
    )  # fmt: skip
    x = builder.add("pool", layer, x)
    return x if builder.channels(x) == out else builder.normalised(x, out)


def _grouped(random: bool, builder: Builder, x: str, out: int, stride: int) -> str:
    """3 x 3 in groups, shuffle, 1 x 1 in groups.

    With g² channels or more each output channel sees every input channel, as it does after a dense
    3 x 3 convolution, for 10 / (9 g) of its multiply-adds.
    """
    groups = groups_of(builder.channels(x), out)
    x = builder.normalised(builder.activation(x), out, 3, stride=stride, groups=groups)
    x = builder.activation(builder.shuffle(x, groups, random=random))
    return builder.normalised(x, out, groups=groups)


def _shuffle_unit(builder: Builder, x: str, out: int, stride: int) -> str:
    """The unit of ShuffleNet (figure 2 b, c) without its last ReLU, which those who take it have.

    A cell's states have equal channels, where the unit with stride 2 would put nothing beside its
    pooled shortcut: that is added here too.
    """
    groups = groups_of(builder.channels(x), out)
    middle = -(-out // (4 * groups)) * groups
    x = builder.activation(x)
    y = builder.normalised(x, middle, groups=groups, activation="relu")
    y = builder.shuffle(y, groups)
    y = builder.normalised(y, middle, 3, stride=stride, groups=middle)
    y = builder.normalised(y, out, groups=groups)
    if stride == 2:
        x = builder.pool(x, "average", 3, stride=2, padding=1)
    return builder.sum(x if builder.channels(x) == out else builder.normalised(x, out), y)


OPERATIONS: dict[str, Operation] = {
    "identity": _identity,
    "conv_1x3_3x1": partial(_factored, 3),
    "conv_1x7_7x1": partial(_factored, 7),
    "dilated_3x3": partial(_dense, 3, 2),
    "average_3x3": partial(_pooled, "average", 3),
    "max_3x3": partial(_pooled, "max", 3),
    "max_5x5": partial(_pooled, "max", 5),
    "max_7x7": partial(_pooled, "max", 7),
    "conv_1x1": partial(_dense, 1, 1),
    "conv_3x3": partial(_dense, 3, 1),
    "separable_3x3": partial(_separable, 3),
    "separable_5x5": partial(_separable, 5),
    "separable_7x7": partial(_separable, 7),
    "grouped_3x3": partial(_grouped, False),
    "grouped_3x3_random": partial(_grouped, True),
    "shuffle_unit": _shuffle_unit,
    "dilated_separable_3x3": _dilated_separable,
}
"""All operations by name; one that is `_random` shuffles anew in each step of training."""

PAPER = tuple(OPERATIONS)[:13]
"""The operations of NASNet."""

POOLS = ("average_3x3", "max_3x3", "max_5x5", "max_7x7")
"""Those that keep the channels by themselves."""

GROUPED = ("grouped_3x3", "grouped_3x3_random", "shuffle_unit")
"""Group convolution and shuffle."""
