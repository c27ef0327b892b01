"""Every kind of picture becomes pixels; whatever is none says why, and nothing else happens."""

import io
import os
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from frugally.errors import SourceError
from frugally.nets.vision.images import as_input, decode, fit_to, prepared, size_of

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def quarters(size=(32, 48)):
    """Red and green above blue and white."""
    pixels = np.empty((*size, 3), np.uint8)
    high, wide = size[0] // 2, size[1] // 2
    pixels[:high, :wide], pixels[:high, wide:] = RED, GREEN
    pixels[high:, :wide], pixels[high:, wide:] = BLUE, WHITE
    return pixels


def saved(kind, image=None, **settings):
    file = io.BytesIO()
    (image or Image.fromarray(quarters())).save(file, kind, **settings)
    return file.getvalue()


def animated(kind, **settings):
    other = Image.new("RGB", (48, 32), "black")
    return saved(kind, save_all=True, append_images=[other, other], **settings)


def rotated(kind):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    return saved(kind, Image.fromarray(quarters()).transpose(Image.Transpose.ROTATE_90), exif=exif)


def drawn(mode):
    return Image.fromarray(quarters()).convert(mode)


def two_layered_tiff():
    return saved("TIFF", save_all=True, append_images=[Image.new("RGB", (9, 9))])


IN_COLOUR = {
    "png": saved("PNG"),
    "png palette": saved("PNG", drawn("P")),
    "png alpha": saved("PNG", drawn("RGBA")),
    "png animated": animated("PNG"),
    "jpeg": saved("JPEG", quality=95, subsampling=0),
    "jpeg progressive": saved("JPEG", quality=95, subsampling=0, progressive=True),
    "jpeg cmyk": saved("JPEG", drawn("CMYK"), quality=95),
    "webp": saved("WEBP", quality=95),
    "webp lossless": saved("WEBP", lossless=True),
    "webp animated": animated("WEBP", lossless=True),
    "gif": saved("GIF"),
    "gif animated": animated("GIF"),
    "bmp": saved("BMP"),
    "bmp palette": saved("BMP", drawn("P")),
    "tiff": saved("TIFF"),
    "tiff lzw": saved("TIFF", compression="tiff_lzw"),
    "tiff cmyk": saved("TIFF", drawn("CMYK")),
    "tiff of two": two_layered_tiff(),
    "jpeg rotated": rotated("JPEG"),
    "png rotated": rotated("PNG"),
    "webp rotated": rotated("WEBP"),
    "tiff rotated": rotated("TIFF"),
}


@pytest.mark.parametrize("kind", IN_COLOUR)
def test_every_kind_is_the_same_picture(kind, tmp_path):
    (tmp_path / "picture").write_bytes(IN_COLOUR[kind])
    for source in (IN_COLOUR[kind], tmp_path / "picture"):
        pixels = decode(source)
        assert pixels.dtype == np.uint8
        assert pixels.shape == (32, 48, 3)
        corners = pixels[[4, 4, 28, 28], [4, 44, 4, 44]].astype(int)
        assert abs(corners - [RED, GREEN, BLUE, WHITE]).max() < 25


@pytest.mark.parametrize(
    ("turned", "stored"),  # where row 0 and column 0 of what is stored are seen: EXIF 2.32, page 31
    [
        (1, lambda seen: seen),
        (2, lambda seen: seen[:, ::-1]),
        (3, lambda seen: seen[::-1, ::-1]),
        (4, lambda seen: seen[::-1]),
        (5, lambda seen: seen.transpose(1, 0, 2)),
        (6, lambda seen: seen.transpose(1, 0, 2)[::-1]),
        (7, lambda seen: seen.transpose(1, 0, 2)[::-1, ::-1]),
        (8, lambda seen: seen.transpose(1, 0, 2)[:, ::-1]),
    ],
)
def test_every_orientation_is_undone(turned, stored):
    exif = Image.Exif()
    exif[0x0112] = turned
    picture = Image.fromarray(np.ascontiguousarray(stored(quarters())))
    for kind in ("PNG", "TIFF"):
        assert (decode(saved(kind, picture, exif=exif)) == quarters()).all()


def test_broken_exif_does_not_break_a_picture():
    for exif in (b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + bytes(40), b"Exif\0\0junk", b"Exif\0\0"):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert decode(saved("JPEG", exif=exif)).shape == (32, 48, 3)
        assert not caught


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGBA", "P", "PA", "CMYK", "YCbCr", "LAB"])
def test_every_mode_is_read(mode):
    picture = Image.new(mode, (5, 4)) if mode == "LAB" else drawn(mode)
    pixels = decode(saved("TIFF", picture))
    assert pixels.shape == (picture.height, picture.width, 3)
    assert pixels.dtype == np.uint8


def test_what_is_transparent_is_white():
    picture = Image.new("RGBA", (2, 1), (200, 0, 0, 255))
    picture.putpixel((1, 0), (9, 9, 9, 0))
    for data in (
        saved("PNG", picture),
        saved("WEBP", picture, lossless=True),
        saved("GIF", picture),
    ):
        assert decode(data).tolist() == [[[200, 0, 0], [255, 255, 255]]]
    half = saved("PNG", Image.new("LA", (1, 1), (0, 128)))
    assert decode(half).tolist() == [[[127, 127, 127]]]
    keyed = saved("PNG", Image.new("RGB", (1, 1), (1, 2, 3)), transparency=(1, 2, 3))
    assert decode(keyed).tolist() == [[[255, 255, 255]]]


def test_sixteen_bits_lose_the_lower_eight():
    levels = np.array([[0, 255, 256, 0x8000, 0xFFFF]], np.uint16)
    for kind in ("PNG", "TIFF"):
        grey = decode(saved(kind, Image.fromarray(levels)))
        assert grey[0, :, 0].tolist() == [0, 0, 1, 128, 255]
        assert (grey == grey[..., :1]).all()


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        (np.array([[-1.0, 0.0, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[np.nan, 0.5, np.inf, 1.5]], np.float32), [0, 0, 0, 255]),
        (np.array([[7, 7]], np.int32), [0, 0]),
        (np.array([[-(2**31), 2**31 - 1]], np.int32), [0, 255]),
        (np.array([[np.nan]], np.float32), [0]),
    ],
)
def test_values_without_a_range_are_stretched(values, shown):
    assert decode(saved("TIFF", Image.fromarray(values)))[0, :, 0].tolist() == shown


def png_of(width, height, data=b""):
    def chunk(name, body):
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def jpeg_of(width, height, **settings):
    """A JPEG whose head claims another size."""
    data = bytearray(saved("JPEG", **settings))
    start = data.index(b"\xff\xc2" if settings.get("progressive") else b"\xff\xc0")
    data[start + 5 : start + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def bmp_of(width, height):
    data = bytearray(saved("BMP"))
    data[18:26] = struct.pack("<ii", width, height)
    return bytes(data)


def tiff_of(width, height):
    data = saved("TIFF")
    for tag, old, new in ((256, 48, width), (257, 32, height)):
        data = data.replace(
            struct.pack("<HHII", tag, 4, 1, old), struct.pack("<HHII", tag, 4, 1, new)
        )
    return data


def gif_of(width, height):
    return b"GIF89a" + struct.pack("<HH", width, height) + saved("GIF")[10:]


@pytest.mark.parametrize(
    "bomb",
    [
        png_of(100_000, 100_000), bmp_of(100_000, 100_000), tiff_of(100_000, 100_000),
        jpeg_of(65_500, 65_500, progressive=True), png_of(1 << 26, 2), gif_of(65_535, 65_535),
    ],
)  # fmt: skip
def test_bombs_are_refused_by_their_head(bomb):
    with pytest.raises(SourceError, match="has more than 67,108,864 pixels"):
        decode(bomb)


def test_the_limit_can_be_set():
    data = saved("PNG")
    assert decode(data, most_pixels=32 * 48).shape == (32, 48, 3)
    with pytest.raises(SourceError, match="more than 1,535 pixels"):
        decode(data, most_pixels=32 * 48 - 1)


def test_a_jpeg_over_the_limit_is_decoded_smaller():
    data = saved("JPEG", quality=95)
    assert decode(data, most_pixels=400).shape == (16, 24, 3)
    assert decode(data, most_pixels=24).shape == (4, 6, 3)
    assert decode(data, at_least=16, most_pixels=400).shape == (16, 24, 3)
    for settings in ({"most_pixels": 23}, {"most_pixels": 400, "at_least": 17}):
        with pytest.raises(SourceError, match="pixels"):
            decode(data, **settings)


def test_a_jpeg_far_larger_than_needed_is_decoded_smaller():
    data = saved("JPEG", Image.fromarray(quarters((400, 600))))
    assert decode(data, at_least=100).shape == (200, 300, 3)
    assert decode(data, at_least=101).shape == (400, 600, 3)
    assert decode(data, at_least=10).shape == (50, 75, 3)


CUTS = [name for name in IN_COLOUR if "rotated" not in name]


@pytest.mark.parametrize("kind", CUTS)
def test_a_picture_cut_anywhere_is_a_picture_or_has_a_reason(kind, capfd):
    data = IN_COLOUR[kind]
    refused = 0
    for cut in sorted({*range(0, len(data), max(1, len(data) // 60)), 1, 2, 9, 20, len(data) - 3}):
        try:
            decode(data[:cut])
        except SourceError as error:
            assert error.message in ("is empty", "is damaged or cut short",
                                     "is no PNG, JPEG, WebP, GIF, BMP or TIFF")  # fmt: skip
            refused += 1
    assert refused > 20
    assert capfd.readouterr() == ("", "")


@given(st.sampled_from(sorted(IN_COLOUR)), st.data())
def test_damage_never_raises_anything_else(kind, draw):
    data = bytearray(IN_COLOUR[kind])
    for _ in range(draw.draw(st.integers(1, 8))):
        place = draw.draw(st.integers(0, len(data) - 1))
        data[place] = draw.draw(st.integers(0, 255))
    with suppress(SourceError):
        assert decode(bytes(data)).shape[2] == 3


def test_what_libraries_say_of_damage_is_not_heard(capfd):
    data = bytearray(saved("TIFF", drawn("1"), compression="group4"))
    for place in range(8, len(data)):
        broken = bytes(data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :])
        with suppress(SourceError):
            decode(broken)
    assert capfd.readouterr() == ("", "")
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"


def test_threads_leave_warnings_and_stderr_as_they_were(capfd):
    before = list(warnings.filters)
    sources = [IN_COLOUR["tiff lzw"], IN_COLOUR["jpeg"]] * 40
    with ThreadPoolExecutor(4) as pool:
        shapes = set(pool.map(lambda data: decode(data).shape, sources))
    assert shapes == {(32, 48, 3)}
    assert warnings.filters == before
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b"hello", "is no PNG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is no PNG"),
        (b"P6 1 1 255 abc", "is no PNG"),
        (b"RIFF\0\0\0\0WAVE", "is no PNG"),
        (png_of(0, 0), "is damaged"),
        (b"BM" + bytes(100), "is damaged"),
    ],
)
def test_what_is_no_picture_says_so(data, reason, tmp_path):
    (tmp_path / "x.jpg").write_bytes(data)
    for source in (data, tmp_path / "x.jpg"):
        for action in (decode, lambda source: prepared(source, 8, 8)):
            with pytest.raises(SourceError, match=reason):
                action(source)


def test_what_is_no_file_says_so(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, reason in [
        (tmp_path, "is a folder"),
        (tmp_path / "pipe", "is not a file"),
        (tmp_path / "none.jpg", "cannot be read: No such file"),
    ]:
        with pytest.raises(SourceError, match=reason):
            decode(path)
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(SourceError, match="bytes"):
        decode(tmp_path / "huge.png")


def test_the_size_is_known_from_the_head():
    assert size_of(IN_COLOUR["gif animated"]) == (32, 48)
    assert size_of(png_of(100_000, 90_000)) == (90_000, 100_000)


def test_fitting_keeps_the_middle():
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = (1, 2, 3)
    assert (fit_to(wide, 10, 10) == [1, 2, 3]).all()
    assert (fit_to(wide.transpose(1, 0, 2), 10, 10) == [1, 2, 3]).all()
    assert fit_to(wide, 5, 15).shape == (5, 15, 3)
    assert (fit_to(wide, 10, 30) == wide).all()


@given(*[st.integers(1, 40)] * 4)
def test_any_size_fits_any_other(high, wide, height, width):
    assert (fit_to(np.full((high, wide, 3), 77, np.uint8), height, width) == 77).all()
    assert fit_to(np.zeros((high, wide, 3), np.uint8), height, width).shape == (height, width, 3)


def test_a_smaller_picture_is_the_mean_of_a_larger_one():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 200  # without antialiasing all of them, or none, would be left
    assert abs(fit_to(stripes, 8, 8)[:, 1:-1].astype(int) - 100).max() <= 3


def test_prepared_is_decoded_and_fitted():
    data = saved("JPEG", Image.fromarray(quarters((400, 600))))
    by_hand = fit_to(decode(data, at_least=50), 40, 50)
    assert (prepared(data, 40, 50) == by_hand).all()


def test_input_of_a_network():
    batch = np.random.default_rng(0).integers(0, 256, (3, 4, 5, 3), dtype=np.uint8)
    mean, deviation = (0.5, 0.4, 0.3), (0.2, 0.25, 0.5)
    given = as_input(batch, mean, deviation)
    assert given.dtype == np.float32
    assert given.flags.c_contiguous
    by_hand = ((batch / 255 - mean) / deviation).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(given, by_hand, rtol=1e-6, atol=1e-6)
