"""MobileNet (Howard et al. 2017, https://arxiv.org/abs/1704.04861).

A 3 x 3 convolution is taken apart into a depthwise one, which looks at each channel's
neighbourhood, and a pointwise one, which mixes the channels: 1 / out + 1 / 9 of the multiply-adds
(section 3.1). Batch norm and ReLU follow each of them.
"""

from __future__ import annotations

from frugally.errors import UsageError
from frugally.nets.vision.graph import Builder, Graph
from frugally.nets.vision.stem import Size, halvings, image

# (channels, stride) of each pair of convolutions: table 1. There the stride of the last is 2 at
# 7 x 7, which is taken as a slip: its output is 7 x 7 too.
BLOCKS = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2),
    *((512, 1),) * 5, (1024, 2), (1024, 1),
)  # fmt: skip
SCALES = (0.05, 8.0)
"""The smallest and the largest width multiplier."""


def mobilenet(scale: float = 1.0, *, size: Size = 224, classes: int = 1000) -> Graph:
    """MobileNet with a width multiplier (section 3.3), for images of a side or (height, width).

    Channels are rounded to multiples of 8. Small images are spared the first halvings.

    Raises:
        UsageError: the width is not among SCALES.
    """
    if not SCALES[0] <= scale <= SCALES[1]:
        raise UsageError(f"MobileNet has a width from {SCALES[0]} to {SCALES[1]}, not {scale}")
    builder = Builder(f"mobilenet-{scale:g}x", image(size))
    # The first convolution and the first halving block are what a stem is elsewhere.
    spared = 2 - halvings(size)
    builder.at("stem")
    x = builder.normalised(
        builder.image, multiple_of_8(32 * scale), 3, stride=1 if spared == 2 else 2,
        activation="relu",
    )  # fmt: skip
    for number, (channels, stride) in enumerate(BLOCKS):
        builder.at(f"block{number}")
        within = builder.channels(x)
        x = builder.normalised(
            x, within, 3, stride=1 if spared and number == 1 else stride, groups=within,
            activation="relu",
        )  # fmt: skip
        x = builder.normalised(x, multiple_of_8(channels * scale), activation="relu")
    builder.at("")
    builder.head(x, classes)
    return builder.build()


def multiple_of_8(channels: float) -> int:
    """The nearest multiple of 8 that is not more than a tenth less, as in the authors' code."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * channels else nearest + 8
