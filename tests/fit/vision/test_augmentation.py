"""What augmentation does is what its papers say, the same for the same seed, and in bounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageOps

from frugally.errors import UsageError
from frugally.fit.vision import kernels
from frugally.fit.vision.augmentation import NONE, Augmentation, augmented

ONE = 1 << 16


def batch(count=6, height=9, width=7, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def done(images, seed=0, labels=None, classes=10, **how):
    labels = np.arange(len(images)) % classes if labels is None else labels
    return augmented(images, labels, classes, Augmentation(**how), np.random.default_rng(seed))


def warped_slowly(images, maps):
    out = np.empty_like(images)
    padded = 64
    for n, image in enumerate(images):
        wide = np.pad(image, [(padded, padded)] * 2 + [(0, 0)], mode="reflect").astype(np.int64)
        a, b, c, d, e, f = maps[n].tolist()
        for i in range(image.shape[0]):
            for j in range(image.shape[1]):
                (y, v), (x, u) = (divmod(p, ONE) for p in (a * i + b * j + c, d * i + e * j + f))
                v, u, y, x = v // 256, u // 256, y + padded, x + padded
                above = wide[y, x] * (256 - u) + wide[y, x + 1] * u
                below = wide[y + 1, x] * (256 - u) + wide[y + 1, x + 1] * u
                out[n, i, j] = (above * (256 - v) + below * v + ONE // 2) // ONE
    return out


@given(st.integers(1, 8), st.integers(1, 8), st.data())
def test_warp_is_what_its_slow_twin_is(height, width, draw):
    images = batch(2, height, width)
    slopes = st.integers(-2 * ONE, 2 * ONE)
    shifts = st.integers(-20 * ONE, 20 * ONE)
    row = st.tuples(slopes, slopes, shifts, slopes, slopes, shifts)
    maps = np.array(draw.draw(st.tuples(row, row)), np.int64)
    out = np.empty_like(images)
    kernels.warp(images, maps, out)
    assert (out == warped_slowly(images, maps)).all()


def blended(base, image, factor):
    return np.clip((base * 256 + (image - base) * factor + 128) // 256, 0, 255)


def recoloured_slowly(image, operation, level):
    image = image.astype(np.int64)
    grey = (image @ [19595, 38470, 7471] + 32768) // 65536
    match operation:
        case kernels.BRIGHTNESS:
            return blended(0, image, level)
        case kernels.CONTRAST:
            return blended((2 * grey.sum() + grey.size) // (2 * grey.size), image, level)
        case kernels.SATURATION:
            return blended(grey[..., None], image, level)
        case kernels.SHARPNESS:
            blurred = image.copy()
            for i in range(1, image.shape[0] - 1):
                for j in range(1, image.shape[1] - 1):
                    near = image[i - 1 : i + 2, j - 1 : j + 2].sum(axis=(0, 1))
                    blurred[i, j] = (near + 4 * image[i, j] + 6) // 13
            return np.where(blurred == image, image, blended(blurred, image, level))
        case kernels.POSTERISE:
            return image // 2 ** (8 - level) * 2 ** (8 - level)
        case kernels.SOLARISE:
            return np.where(image < level, image, 255 - image)
    picture = Image.fromarray(image.astype(np.uint8))
    if operation == kernels.EQUALISE:
        return np.asarray(ImageOps.equalize(picture))
    if operation == kernels.AUTOCONTRAST:
        low, high = image.min(axis=(0, 1)), image.max(axis=(0, 1))
        return np.where(high > low, (image - low) * 255 // np.maximum(high - low, 1), image)
    return image


LEVELS = {kernels.POSTERISE: st.integers(0, 8), kernels.SOLARISE: st.integers(0, 256)}


@given(
    st.integers(1, 20), st.integers(1, 20), st.integers(0, 255), st.sampled_from(range(-1, 8)),
    st.data(),
)  # fmt: skip
def test_recolour_is_what_its_slow_twin_is(height, width, most, operation, draw):
    images = np.minimum(batch(1, height, width), np.uint8(most))
    level = draw.draw(LEVELS.get(operation, st.integers(0, 512)))
    out = images.copy()
    kernels.recolour(out, np.array([[operation]]), np.array([[level]]))
    assert (out[0] == recoloured_slowly(images[0], operation, level)).all()


@pytest.mark.parametrize(
    ("operation", "level", "pillow", "off"),
    [
        (kernels.BRIGHTNESS, 384, lambda p: ImageEnhance.Brightness(p).enhance(1.5), 1),
        (kernels.CONTRAST, 128, lambda p: ImageEnhance.Contrast(p).enhance(0.5), 1),
        (kernels.SATURATION, 384, lambda p: ImageEnhance.Color(p).enhance(1.5), 1),
        (kernels.SHARPNESS, 384, lambda p: ImageEnhance.Sharpness(p).enhance(1.5), 1),
        (kernels.POSTERISE, 3, lambda p: ImageOps.posterize(p, 3), 0),
        (kernels.SOLARISE, 100, lambda p: ImageOps.solarize(p, 100), 0),
        (kernels.EQUALISE, 0, ImageOps.equalize, 0),
        (kernels.AUTOCONTRAST, 0, ImageOps.autocontrast, 1),
    ],
)
def test_colours_are_those_of_pillow(operation, level, pillow, off):
    images = batch(1, 60, 50) // 2 + 30
    out = images.copy()
    kernels.recolour(out, np.array([[operation]]), np.array([[level]]))
    wanted = np.asarray(pillow(Image.fromarray(images[0])))
    assert abs(out[0].astype(int) - wanted).max() <= off


ALL = {"padding": 2, "crop": 0.3, "flip": True, "operations": 3, "magnitude": 9.0, "cutout": 3}


@pytest.mark.parametrize("mix", [{}, {"mixup": 0.4}, {"cutmix": 1.0}, {"mixup": 1, "cutmix": 1}])
def test_the_seed_decides_and_the_batch_stays(mix):
    images = batch()
    before = images.copy()
    first, targets = done(images, 3, **ALL, **mix)
    again, same = done(images, 3, **ALL, **mix)
    assert (first == again).all()
    assert (targets == same).all()
    assert (done(images, 4, **ALL, **mix)[0] != first).any()
    assert (images == before).all()
    assert (first.dtype, targets.dtype) == (np.uint8, np.float32)
    assert first.shape == images.shape
    assert first.flags.c_contiguous
    np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-6)
    assert (targets >= 0).all()


def test_nothing_is_done_unasked():
    images = batch()
    same, targets = augmented(images, np.arange(6), 6, NONE, np.random.default_rng(0))
    assert (same == images).all()
    assert same is not images
    assert (targets == np.eye(6)).all()


def test_a_batch_may_be_empty_or_of_one():
    for images in (batch(0), batch(1), batch(1, 1, 1)):
        changed, targets = done(images, **ALL, cutmix=1.0)
        assert changed.shape == images.shape
        assert targets.shape == (len(images), 10)
    assert done(batch(1), mixup=1.0)[0].tolist() == batch(1).tolist()


def test_flips_are_flips_of_half():
    images = batch(400)
    flipped = done(images, flip=True)[0]
    turned = (flipped == images[:, :, ::-1]).all(axis=(1, 2, 3))
    assert (turned | (flipped == images).all(axis=(1, 2, 3))).all()
    assert 150 < turned.sum() < 250


def test_padding_crops_a_reflected_image_anywhere():
    images = np.tile(batch(1), (500, 1, 1, 1))
    wide = np.pad(images[0], [(2, 2), (2, 2), (0, 0)], mode="reflect")
    crops = {wide[i : i + 9, j : j + 7].tobytes() for i in range(5) for j in range(5)}
    assert {image.tobytes() for image in done(images, padding=2)[0]} == crops


def test_a_resized_crop_lies_within():
    ramp = np.zeros((300, 41, 41, 3), np.uint8)
    ramp[..., 0] = np.arange(41)[:, None] * 6
    ramp[..., 1] = np.arange(41) * 6
    crops = done(ramp, crop=0.25)[0].astype(int)
    down, across = (
        (crops[:, -1, 0, 0] - crops[:, 0, 0, 0]),
        (crops[:, 0, -1, 1] - crops[:, 0, 0, 1]),
    )
    area = down * across / 240**2
    assert 0.2 < area.min() < 0.35
    assert 0.9 < area.max() <= 1
    ratio = across / down
    assert 0.7 < ratio.min() < 0.8
    assert 1.25 < ratio.max() < 1.4
    assert (np.diff(crops[..., 0], axis=1) >= 0).all()  # no reflection
    assert (np.diff(crops[..., 1], axis=2) >= 0).all()
    middle = crops[:, 20, 20, 0]
    assert middle.min() < 90
    assert middle.max() > 150


def test_operations_grow_with_magnitude():
    images = np.tile(np.linspace(20, 230, 32, dtype=np.uint8)[:, None], (200, 1, 32, 1))
    images = np.repeat(images, 3, axis=3)
    far = [abs(done(images, operations=1, magnitude=m)[0].astype(int) - images).mean()
           for m in (0.0, 3.0, 9.0)]  # fmt: skip
    assert far[0] < far[1] < far[2]
    many = done(images, operations=2, magnitude=9.0)[0]
    assert len({image.tobytes() for image in many}) > 50


def test_cutout_greys_a_square():
    images = np.zeros((400, 9, 7, 3), np.uint8)
    cut = done(images, cutout=4)[0]
    assert set(np.unique(cut)) == {0, 128}
    grey = (cut == 128).all(axis=3)
    areas = grey.sum(axis=(1, 2))
    assert areas.max() == 16
    assert 4 <= areas.min() < 16
    boxes = grey.any(axis=2).sum(axis=1) * grey.any(axis=1).sum(axis=1)
    assert (boxes == areas).all()
    assert (done(images, cutout=100)[0] == 128).all()


def test_mixup_is_the_sum_that_its_targets_say():
    images = batch(50)
    mixed, targets = done(images, labels=np.arange(50), classes=50, mixup=0.5)
    wanted = np.tensordot(targets, images.astype(float), 1)
    assert abs(mixed - wanted).max() <= 0.51
    shares = targets.max(axis=1)
    assert shares.min() < 0.7
    assert shares.max() > 0.95


def test_cutmix_shares_are_areas():
    images = np.repeat(np.arange(60, dtype=np.uint8), 9 * 7 * 3).reshape(60, 9, 7, 3)
    mixed, targets = done(images, labels=np.arange(60), classes=60, cutmix=1.0)
    for n, image in enumerate(mixed):
        values, counts = np.unique(image[..., 0], return_counts=True)
        np.testing.assert_allclose(targets[n][values], counts / 63, atol=1e-6)
        box = image[..., 0] != n
        assert box.sum() == box.any(axis=1).sum() * box.any(axis=0).sum()
    shares = targets[np.arange(60), np.arange(60)]
    assert shares.min() < 0.3
    assert shares.max() > 0.9


def test_of_two_ways_to_mix_a_batch_has_one():
    images = np.repeat(np.array([0, 100], np.uint8), 9 * 7 * 3).reshape(2, 9, 7, 3)
    seen = set()
    for seed in range(40):
        mixed = done(images, seed, mixup=1.0, cutmix=1.0)[0]
        inside = set(np.unique(mixed).tolist()) - {0, 100}
        seen.add(bool(inside))
        assert len(inside) <= 2
    assert seen == {True, False}


@pytest.mark.parametrize("side", [32, 64, 96, 224])
def test_presets_and_their_record(side):
    how = Augmentation.for_side(side)
    assert how.flip
    assert bool(how.padding) == (side <= 64)
    assert Augmentation(**how.as_dict()) == how
    assert done(batch(2, side, side), **how.as_dict())[0].shape == (2, side, side, 3)


@pytest.mark.parametrize(
    "wrong",
    [{"padding": -1}, {"magnitude": 11}, {"mixup": -0.1}, {"crop": 0.0}, {"crop": 2.0},
     {"operations": -1}, {"cutout": -5}],
)  # fmt: skip
def test_settings_that_cannot_be(wrong):
    with pytest.raises(UsageError):
        Augmentation(**wrong)
