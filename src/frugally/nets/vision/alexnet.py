"""AlexNet (Krizhevsky, Sutskever, Hinton 2012, "ImageNet Classification with Deep CNNs").

Five convolutions and three linear layers (section 3.5). The second, fourth and fifth convolution
have two groups, one on each of the paper's two GPUs; the first two are normalised over neighbouring
channels (section 3.3); overlapping pooling follows them and the fifth (section 3.4); the outputs of
the first two linear layers are dropped out (section 4.2).
"""

from __future__ import annotations

from frugally.nets.vision.graph import Builder, Graph
from frugally.nets.vision.layers import Dropout, Flatten, Linear, LocalResponseNorm, Pool
from frugally.nets.vision.stem import Size, halvings, image

_SEEN = 6
"""The linear layers see 6 x 6 places at the paper's size."""


def alexnet(*, grouped: bool = True, size: Size = 224, classes: int = 1000) -> Graph:
    """AlexNet, for images of a side or (height, width), with or without the two groups.

    A side of 227 gives the paper's 55 x 55 places without padding, 224 with a padding of 2.

    Larger images end in more than 6 x 6 places. The linear layers then see the means of 6 x 6
    windows, and have the weights and the cost that they have in the paper. Of the ways to read
    AlexNet at another size this takes the fewest multiply-adds, so no network looks faster than it
    for work that need not be done: at 720 x 1280 linear layers over all places would make it 1.06
    times as many, and sliding them over the places as convolutions 3.4 times. Nor was the
    ShuffleNet paper's AlexNet slid: at 480 x 640 and 720 x 1280 it took 6.3 and 19.7 times as long
    as at 224 (table 8), for 6.1 and 18.4 times the multiply-adds here.

    Small images, which lose less before the stages of the other networks too, have a first
    convolution of 5 x 5 and stride 2, or 3 x 3 and stride 1, and linear layers over fewer places.

    Raises:
        UsageError: there is no such image.
        NetError: the image is too small.
    """
    builder = Builder("alexnet" if grouped else "alexnet-ungrouped", image(size))
    groups = 2 if grouped else 1
    kernel, stride = ((3, 1), (5, 2), (11, 4))[halvings(size)]
    padding = {11: 2, 5: 2, 3: 1}[kernel] if image(size)[1:] != (227, 227) else 0
    x = _convolution(builder, "1", builder.image, 96, kernel, stride=stride, padding=padding)
    x = _normed_and_pooled(builder, x)
    x = _convolution(builder, "2", x, 256, 5, groups=groups)
    x = _normed_and_pooled(builder, x)
    x = _convolution(builder, "3", x, 384, 3)
    x = _convolution(builder, "4", x, 384, 3, groups=groups)
    x = _convolution(builder, "5", x, 256, 3, groups=groups)
    x = builder.pool(x, "max", 3, stride=2)
    builder.at("")
    x = builder.add("flat", Flatten(), _at_most(builder, x, _SEEN))
    for name in ("6", "7"):
        builder.at(name)
        x = builder.activation(builder.add("linear", Linear(out=4096), x))
        x = builder.add("dropout", Dropout(share=0.5), x)
    builder.at("8")
    builder.add("linear", Linear(out=classes), x)
    return builder.build()


def _convolution(
    builder: Builder, name: str, x: str, out: int, kernel: int, *,
    stride: int = 1, padding: int | None = None, groups: int = 1,
) -> str:  # fmt: skip
    builder.at(name)
    x = builder.convolution(
        x, out, kernel, stride=stride, padding=padding, groups=groups, bias=True
    )
    return builder.activation(x)


def _normed_and_pooled(builder: Builder, x: str) -> str:
    # The paper's k = 2, n = 5, α = 1e-4 and β = 0.75; our alpha is divided by the 5 channels.
    norm = LocalResponseNorm(size=5, alpha=5e-4, beta=0.75, bias=2.0)
    return builder.pool(builder.add("norm", norm, x), "max", 3, stride=2)


def _at_most(builder: Builder, x: str, most: int) -> str:
    """Means over at most `most` x `most` windows of one size, which leave nothing out."""
    height, width = builder.size(x)
    if height <= most and width <= most:
        return x
    steps = (max(1, height // most), max(1, width // most))
    kernel = tuple(
        side - step * (min(side, most) - 1)
        for side, step in zip((height, width), steps, strict=True)
    )
    return builder.add("mean", Pool(kind="average", kernel=(kernel[0], kernel[1]), stride=steps), x)
