"""More pictures out of few: random crops, flips, RandAugment, cutout, mixup and cutmix.

All on batches of bytes, (N, H, W, 3), and all drawn from one generator of numpy: the same seed
makes the same pictures. Whatever moves pixels is put together into one affine map for each image,
so that each is resampled once; what lies beyond its rim is its reflection.

Sources: RandAugment, Cubuk et al. 2019 (arXiv:1909.13719), its operations and their ranges those
of AutoAugment (arXiv:1805.09501, table 6); cutout, DeVries and Taylor 2017 (arXiv:1708.04552);
mixup, Zhang et al. 2017 (arXiv:1710.09412); cutmix, Yun et al. 2019 (arXiv:1905.04899).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from frugally.errors import UsageError
from frugally.fit.vision import kernels

Images = NDArray[np.uint8]
Targets = NDArray[np.float32]

_GREY = 128  # what cutout leaves: about the mean, which input is centred on
_FULL = 10.0  # the magnitude at which an operation is at the end of its range
_MOVES = 5  # rotate, shear and translate along each side; the colours come after them, then:
_OPERATIONS = _MOVES + 9  # … one that does nothing
_SMALL = 64  # the longest side of images that are cropped by shifting
_ONE = 1 << 16  # a pixel in the kernel's units


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """What is done to the images of a batch, in this order; what is 0, False or None is not done.

    Attributes:
        padding: pixels by which an image is shifted at most, down and across.
        crop: the least share of an image's area that a random part of it has, which is resized to
            the whole; its width to its height is 3:4 to 4:3.
        flip: mirror every second one, by chance, left to right.
        operations: how many of RandAugment's are done to an image, at `magnitude`, 0 to 10.
        cutout: the side, in pixels, of a square that is greyed; it may jut out.
        mixup: alpha of Beta(alpha, alpha), the weights of two images that are mixed.
        cutmix: the same for the share of an image that a part of another does not cover. If both
            are above 0, a batch has one of them, by chance.
    """

    padding: int = 0
    crop: float | None = None
    flip: bool = False
    operations: int = 0
    magnitude: float = 0.0
    cutout: int = 0
    mixup: float = 0.0
    cutmix: float = 0.0

    def __post_init__(self) -> None:
        counts = (self.padding, self.operations, self.cutout, self.mixup, self.cutmix)
        if not all(0 <= n < math.inf for n in counts) or not 0 <= self.magnitude <= _FULL:
            raise UsageError(
                "augmentation takes nothing below 0 or without end, and a magnitude of at most 10",
                hint="0 turns a part of it off",
            )
        if self.crop is not None and not 0 < self.crop <= 1:
            raise UsageError("a crop keeps a share of the image above 0 and at most 1")

    @classmethod
    def for_side(cls, side: int) -> Augmentation:
        """What suits images of a side: small ones are shifted, of large ones parts are taken."""
        if side <= _SMALL:
            return cls(padding=side // 8, flip=True, cutout=side // 2)
        return cls(crop=0.35, flip=True, operations=2, magnitude=5.0)

    def as_dict(self) -> dict[str, Any]:
        """The settings by name, for a card or a checkpoint."""
        return asdict(self)


NONE = Augmentation()
"""Images as they are."""


def augmented(
    images: Images, labels: NDArray[np.int64], classes: int, how: Augmentation, rng: Generator
) -> tuple[Images, Targets]:
    """Images changed as `how` says, and how much of each class is in each: (N, classes).

    `images`: (N, H, W, 3), left as they are; `labels`: (N,), each below `classes`.
    """
    count, height, width, _ = images.shape
    targets = np.zeros((count, classes), np.float32)
    targets[np.arange(count), labels] = 1
    if not count:
        return images, targets
    chosen, steps = _drawn_operations(count, how, rng)
    maps = _drawn_maps(count, height, width, how, rng)
    if how.operations:
        maps = maps @ _moves(chosen, steps, height, width)
    if how.padding or how.crop or how.flip or how.operations:
        images = _warped(images, maps)
    else:
        images = images.copy()
    if how.operations:
        kernels.recolour(images, *_colours(chosen, steps))
    if how.cutout:
        _cut_out(images, how.cutout, rng)
    if how.mixup and (not how.cutmix or rng.random() < 0.5):
        return _mixed(images, targets, how.mixup, rng)
    if how.cutmix:
        return _cut_and_mixed(images, targets, how.cutmix, rng)
    return images, targets


# Maps are 3 × 3 matrices that take a point of the output, (row, column, 1) from the middle of the
# image, to one of the input.


def _drawn_maps(
    count: int, height: int, width: int, how: Augmentation, rng: Generator
) -> NDArray[np.float64]:
    """The crop, shift and flip of each image: (N, 3, 3)."""
    maps = np.tile(np.eye(3), (count, 1, 1))
    if how.crop:
        area = rng.uniform(how.crop, 1, count)
        root = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3), count) / 2)
        high = np.minimum(np.sqrt(area) / root, 1)
        wide = np.minimum(np.sqrt(area) * root, 1)
        maps[:, 0, 0], maps[:, 1, 1] = high, wide
        maps[:, 0, 2] = (1 - high) * height * rng.uniform(-0.5, 0.5, count)
        maps[:, 1, 2] = (1 - wide) * width * rng.uniform(-0.5, 0.5, count)
    if how.padding:
        maps[:, :2, 2] += rng.integers(-how.padding, how.padding, (count, 2), endpoint=True)
    if how.flip:
        maps[rng.random(count) < 0.5, :, 1] *= -1
    return maps


def _drawn_operations(
    count: int, how: Augmentation, rng: Generator
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Which operations each image has, and how far each goes, -1 to 1: (N, operations) both."""
    shape = (count, how.operations)
    far = how.magnitude / _FULL
    steps = np.where(rng.random(shape) < 0.5, -far, far)
    return rng.integers(0, _OPERATIONS, shape), steps


def _moves(
    chosen: NDArray[np.int64], steps: NDArray[np.float64], height: int, width: int
) -> NDArray[np.float64]:
    """Those of an image's operations that move it, one after another: (N, 3, 3)."""
    maps = np.tile(np.eye(3), (len(chosen), 1, 1))
    for kind, step in zip(chosen.T, steps.T, strict=True):
        one = np.tile(np.eye(3), (len(chosen), 1, 1))
        angle = np.where(kind == 0, np.radians(30) * step, 0)
        one[:, 0, 0] = one[:, 1, 1] = np.cos(angle)
        one[:, 0, 1] = -np.sin(angle) + np.where(kind == 1, 0.3 * step, 0)
        one[:, 1, 0] = np.sin(angle) + np.where(kind == 2, 0.3 * step, 0)
        one[:, 0, 2] = np.where(kind == 3, 0.45 * step * height, 0)
        one[:, 1, 2] = np.where(kind == 4, 0.45 * step * width, 0)
        maps = maps @ one
    return maps


def _colours(
    chosen: NDArray[np.int64], steps: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The kernel's operations, -1 where there is none, and its levels: (N, operations) both."""
    kinds = np.where(chosen < _OPERATIONS - 1, chosen - _MOVES, -1)
    kinds = np.maximum(kinds, -1)
    far = np.abs(steps)
    levels = np.rint(256 * (1 + 0.9 * steps))
    levels = np.where(kinds == kernels.POSTERISE, 8 - np.rint(4 * far), levels)
    levels = np.where(kinds == kernels.SOLARISE, np.rint(256 * (1 - far)), levels)
    return kinds, levels.astype(np.int64)


def _warped(images: Images, maps: NDArray[np.float64]) -> Images:
    """Images under maps from the middle, as maps from the corner in whole units."""
    middle = (np.array([*images.shape[1:3], 1]) - 1) / 2
    maps = maps[:, :2] * 1.0
    maps[:, :, 2] += middle[:2] - maps[:, :, :2] @ middle[:2]
    out = np.empty(images.shape, np.uint8)
    whole = np.rint(maps * _ONE).astype(np.int64).reshape(-1, 6)
    kernels.warp(np.ascontiguousarray(images), whole, out)
    return out


def _cut_out(images: Images, side: int, rng: Generator) -> None:
    count, height, width, _ = images.shape
    tops = rng.integers(0, height, count) - side // 2
    lefts = rng.integers(0, width, count) - side // 2
    for n, (top, left) in enumerate(np.stack([tops, lefts], axis=1).tolist()):
        images[n, max(top, 0) : top + side, max(left, 0) : left + side] = _GREY


def _mixed(
    images: Images, targets: Targets, alpha: float, rng: Generator
) -> tuple[Images, Targets]:
    """x = λ x_i + (1 - λ) x_j, and so the targets; λ in steps of 1/256, to stay in bytes."""
    others = rng.permutation(len(images))
    weights = np.rint(rng.beta(alpha, alpha, len(images)) * 256).astype(np.uint16)
    ours = weights[:, None, None, None]
    mixed = (images * ours + images[others] * (256 - ours) + np.uint16(128)) >> np.uint16(8)
    return mixed.astype(np.uint8), _shared(targets, others, weights / 256)


def _cut_and_mixed(
    images: Images, targets: Targets, alpha: float, rng: Generator
) -> tuple[Images, Targets]:
    """A box of (1 - λ) of the area, cut at the rim, comes from another image; targets by area."""
    count, height, width, _ = images.shape
    others = rng.permutation(count)
    cut = np.sqrt(1 - rng.beta(alpha, alpha, count))
    rows, columns = rng.integers(0, height, count), rng.integers(0, width, count)
    high, wide = (height * cut).astype(np.int64), (width * cut).astype(np.int64)
    tops, lefts = rows - high // 2, columns - wide // 2
    bottoms, rights = np.minimum(tops + high, height), np.minimum(lefts + wide, width)
    tops, lefts = np.maximum(tops, 0), np.maximum(lefts, 0)
    mixed = images.copy()
    boxes = np.stack([others, tops, bottoms, lefts, rights], axis=1).tolist()
    for n, (other, top, bottom, left, right) in enumerate(boxes):
        mixed[n, top:bottom, left:right] = images[other, top:bottom, left:right]
    kept = 1 - (bottoms - tops) * (rights - lefts) / (height * width)
    return mixed, _shared(targets, others, kept)


def _shared(targets: Targets, others: NDArray[np.int64], kept: NDArray[np.float64]) -> Targets:
    ours = kept[:, None].astype(np.float32)
    return ours * targets + (1 - ours) * targets[others]
