"""A residual network for small images that is quick to train on a CPU.

Its units are the basic ones of He, Zhang, Ren, Sun 2015 (https://arxiv.org/abs/1512.03385, figure
5, left) with projections where the shape changes. Dense 3 x 3 convolutions of many channels come
nearest to what a processor can do, and what norms and sums take grows with places times channels:
so there are few channels where the image is large, and many where it is small. That units may be
few where they are wide is from Zagoruyko and Komodakis 2016 (https://arxiv.org/abs/1605.07146),
that most of the work may be done below full size from the networks of quick trainings on CIFAR-10
(Jordan 2024, https://arxiv.org/abs/2404.00498).
"""

from __future__ import annotations

from frugally.errors import UsageError
from frugally.nets.vision.graph import Builder, Graph
from frugally.nets.vision.mobilenet import multiple_of_8
from frugally.nets.vision.stem import Size, add_stem, image

STAGES = ((16, 1), (40, 2), (88, 2), (144, 2))
"""Channels at scale 1, and units, of each stage; each but the first halves the image."""
SCALES = (0.05, 8.0)
"""The smallest and the largest scale."""


def quick_resnet(scale: float = 1.0, *, size: Size = 32, classes: int = 10) -> Graph:
    """The network with `scale` times its channels, for images of a side or (height, width).

    Channels are rounded to multiples of 8.

    Raises:
        UsageError: the scale is not among SCALES.
    """
    if not SCALES[0] <= scale <= SCALES[1]:
        raise UsageError(f"a quick ResNet has a scale from {SCALES[0]} to {SCALES[1]}, not {scale}")
    builder = Builder(f"quick-resnet-{scale:g}x", image(size))
    x = add_stem(builder, multiple_of_8(STAGES[0][0] * scale), size)
    for stage, (channels, units) in enumerate(STAGES, start=1):
        for number in range(units):
            builder.at(f"stage{stage}.{number}")
            stride = 2 if stage > 1 and number == 0 else 1
            x = _unit(builder, x, multiple_of_8(channels * scale), stride)
    builder.at("")
    builder.head(x, classes)
    return builder.build()


def _unit(builder: Builder, x: str, out: int, stride: int) -> str:
    """ReLU(x + norm(Conv3x3(ReLU(norm(Conv3x3(x))))))."""
    y = builder.normalised(x, out, 3, stride=stride, activation="relu")
    y = builder.normalised(y, out, 3)
    if stride > 1 or builder.channels(x) != out:
        x = builder.normalised(x, out, stride=stride)
    return builder.activation(builder.sum(x, y))
