"""ShuffleNet v1 (Zhang, Zhou, Lin, Sun 2017, https://arxiv.org/abs/1707.01083).

A unit with stride 1 is

    x + norm( GConv1x1( norm( DWConv3x3( shuffle( ReLU( norm( GConv1x1(x))))))))

with bottleneck of a quarter of its channels, then ReLU; with stride 2 the shortcut is a 3 x 3
average pool and stands beside the rest instead of being added (figure 2). The first pointwise
convolution of stage 2 is not grouped, having few input channels (section 3.2).
"""

from __future__ import annotations

from frugally.errors import UsageError
from frugally.nets.vision.graph import Builder, Graph
from frugally.nets.vision.stem import add_stem

# Channels of stages 2, 3 and 4 at scale 1, by groups: table 1.
CHANNELS = {
    1: (144, 288, 576),
    2: (200, 400, 800),
    3: (240, 480, 960),
    4: (272, 544, 1088),
    8: (384, 768, 1536),
}
UNITS = (4, 8, 4)
# Channels of the first convolution: 24 at scale 1; those of other scales are the official code's.
_FIRST = {0.25: 6, 0.5: 12, 0.75: 18, 1.0: 24, 1.5: 24, 2.0: 48}


def shufflenet(
    groups: int = 3,
    scale: float = 1.0,
    *,
    size: int = 224,
    classes: int = 1000,
    shuffle: bool = True,
    random: bool = False,
    excite: bool = False,
) -> Graph:
    """ShuffleNet `scale` x with so many groups, for images of `size` x `size`.

    Without `shuffle` the groups never meet (table 3); `random` shuffles anew in each step of
    training. `excite` ends each unit of stride 1 with squeeze-and-excite.

    Raises:
        UsageError: the paper has no such number of groups, or the scale leaves no whole groups.
    """
    if groups not in CHANNELS:
        raise UsageError(f"ShuffleNet has 1, 2, 3, 4 or 8 groups, not {groups}")
    first = _FIRST.get(scale, max(2, round(24 * scale)))
    if groups == 8 and scale == 0.5:
        first = 16
    builder = Builder(f"shufflenet-{scale:g}x-g{groups}", (3, size, size))
    x = add_stem(builder, first, size)
    for stage, (channels, units) in enumerate(zip(CHANNELS[groups], UNITS, strict=True), start=2):
        step = 4 * groups
        out = max(step, round(channels * scale / step) * step)
        for number in range(units):
            builder.at(f"stage{stage}.{number}")
            x = _unit(
                builder, x, out, groups, stride=2 if number == 0 else 1,
                first_groups=1 if (stage, number) == (2, 0) else groups,
                shuffle=shuffle, random=random, excite=excite,
            )  # fmt: skip
    builder.at("")
    builder.head(x, classes)
    return builder.build()


def _unit(
    builder: Builder, x: str, out: int, groups: int, *, stride: int, first_groups: int,
    shuffle: bool, random: bool, excite: bool,
) -> str:  # fmt: skip
    middle = out // 4
    added = out - builder.channels(x) if stride == 2 else out
    y = builder.normalised(x, middle, groups=first_groups, activation="relu")
    if shuffle:
        y = builder.shuffle(y, groups, random=random)
    y = builder.normalised(y, middle, 3, stride=stride, groups=middle)
    y = builder.normalised(y, added, groups=groups)
    if stride == 2:
        y = builder.activation(y)
        return builder.concatenation(builder.pool(x, "average", 3, stride=2, padding=1), y)
    if excite:
        y = builder.squeeze_excite(y, max(1, out // 16))
    return builder.activation(builder.sum(x, y))
