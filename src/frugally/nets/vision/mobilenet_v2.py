"""MobileNet v2 (Sandler et al. 2018, https://arxiv.org/abs/1801.04381).

An inverted residual has a wide middle between narrow ends,

    x + norm(Conv1x1( ReLU6(norm(DWConv3x3( ReLU6(norm(Conv1x1(x))))))))

whose first convolution makes t times as many channels (table 1); x is added only where the shape
stays. Its end is linear: a ReLU would lose what few channels hold (section 3.2).
"""

from __future__ import annotations

from frugally.errors import UsageError
from frugally.nets.vision.graph import Builder, Graph
from frugally.nets.vision.mobilenet import SCALES, multiple_of_8
from frugally.nets.vision.stem import Size, halvings, image

# (t, channels, units, stride of the first): table 2.
STAGES = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
    (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
)  # fmt: skip


def mobilenet_v2(scale: float = 1.0, *, size: Size = 224, classes: int = 1000) -> Graph:
    """MobileNet v2 with a width multiplier, for images of a side or (height, width).

    A width below 1 leaves the last convolution's 1280 channels (section 5). Small images are
    spared the first halvings.

    Raises:
        UsageError: the width is not among SCALES of MobileNet.
    """
    if not SCALES[0] <= scale <= SCALES[1]:
        raise UsageError(f"MobileNet v2 has a width from {SCALES[0]} to {SCALES[1]}, not {scale}")
    builder = Builder(f"mobilenet-v2-{scale:g}x", image(size))
    spared = 2 - halvings(size)
    builder.at("stem")
    x = builder.normalised(
        builder.image, multiple_of_8(32 * scale), 3, stride=1 if spared == 2 else 2,
        activation="relu6",
    )  # fmt: skip
    for stage, (wider, channels, units, stride) in enumerate(STAGES):
        for number in range(units):
            builder.at(f"stage{stage}.{number}")
            halved = number == 0 and stride == 2 and not (spared and stage == 1)
            x = _unit(builder, x, multiple_of_8(channels * scale), wider, 2 if halved else 1)
    builder.at("last")
    x = builder.normalised(x, multiple_of_8(1280 * max(1.0, scale)), activation="relu6")
    builder.at("")
    builder.head(x, classes, dropout=0.2)
    return builder.build()


def _unit(builder: Builder, x: str, out: int, wider: int, stride: int) -> str:
    middle = builder.channels(x) * wider
    y = x if wider == 1 else builder.normalised(x, middle, activation="relu6")
    y = builder.normalised(y, middle, 3, stride=stride, groups=middle, activation="relu6")
    y = builder.normalised(y, out)
    return builder.sum(x, y) if stride == 1 and builder.channels(x) == out else y
