"""The first layers of a network, which bring an image down to what the stages work on."""

from __future__ import annotations

from frugally.nets.vision.graph import Builder

SMALL, MIDDLE = 48, 96


def add_stem(builder: Builder, channels: int, size: int, activation: str = "relu") -> str:
    """Convolution, and for images that are large enough strides.

    The papers' networks for 224 x 224 divide the side by 4 here: a convolution of stride 2 and a
    pooling. Images below MIDDLE keep half of their side, images below SMALL all of it, since
    there is little to lose.
    """
    builder.at("stem")
    x = builder.normalised(
        builder.image, channels, 3, stride=1 if size < SMALL else 2, activation=activation
    )
    if size >= MIDDLE:
        x = builder.pool(x, "max", 3, stride=2, padding=1)
    return x
