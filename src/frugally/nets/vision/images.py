"""From the bytes of a picture to the numbers that a network takes.

What Pillow decodes is PNG, JPEG, WebP, GIF, BMP and TIFF, known by their first bytes, whatever the
file is called. Its other formats are left alone: some start programs of their own.
"""

from __future__ import annotations

import io
import logging
import os
import stat
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from frugally.errors import SourceError

if TYPE_CHECKING:
    from PIL import Image
    from PIL.ImageFile import ImageFile

MOST_PIXELS = 1 << 26
"""The most that are decoded: 8192 x 8192, so that any JPEG there can be fits at one eighth."""
MOST_BYTES = 1 << 28
"""The largest file that is read."""

# A log that nobody has set up goes to stderr, with what Pillow thinks of a broken picture.
logging.getLogger("PIL").addHandler(logging.NullHandler())

_ORIENTATION = 0x0112  # the EXIF tag
_SCALES = (8, 4, 2, 1)  # by which a JPEG can be decoded smaller
_UPRIGHT = ("FLIP_LEFT_RIGHT", "ROTATE_180", "FLIP_TOP_BOTTOM", "TRANSPOSE", "ROTATE_270",
            "TRANSVERSE", "ROTATE_90")  # fmt: skip  # what undoes the orientations 2 to 8


def decode(
    source: bytes | Path, *, at_least: int | None = None, most_pixels: int = MOST_PIXELS
) -> NDArray[np.uint8]:
    """The pixels of a picture, (height, width, 3), red, green and blue; read-only.

    It stands upright, as EXIF says; of an animation it is the first frame. What is transparent is
    laid on white, the page that such pictures are drawn for. Sixteen bits lose the lower eight;
    integers of 32 bits and floats, whose range nothing tells, are stretched from least to most.

    A JPEG may come smaller, by 2, 4 or 8: if `at_least` pixels, twice over, are left of its
    shorter side, or if it has more than `most_pixels` and would be refused.

    Raises:
        SourceError: it is no such picture, is damaged, is too large, or cannot be read.
    """
    return np.asarray(_decoded(source, at_least, most_pixels))


def prepared(
    source: bytes | Path, height: int, width: int, *, most_pixels: int = MOST_PIXELS
) -> NDArray[np.uint8]:
    """A picture as a network of `height` x `width` sees it: decoded, resized and cropped.

    The one way from a file to pixels, in fitting and in running. Returns and raises as `decode`
    and `fit_to`.
    """
    image = _decoded(source, max(height, width), most_pixels)
    return np.asarray(_fitted(image, height, width))


def fit_to(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """An image resized by its shorter side, (height, width, 3), and what juts out cut off evenly.

    `image`: (any, any, 3). The resampling is antialiased and in integers: the same everywhere.
    """
    from PIL import Image

    return np.asarray(_fitted(Image.fromarray(image), height, width))


def size_of(source: bytes | Path) -> tuple[int, int]:
    """The height and width that the head of a picture states, before it is set upright.

    Raises:
        SourceError: as `decode`, where that can be told from the head.
    """
    with _no_warnings:
        width, height = _opened(source).size
    return height, width


def as_input(
    batch: NDArray[np.uint8], mean: ArrayLike, deviation: ArrayLike
) -> NDArray[np.float32]:
    """Images as input of a network: (N, H, W, 3) to (N, 3, H, W), (x / 255 - mean) / deviation.

    `mean` and `deviation`: of the three colours, in a range from 0 to 1.
    """
    levels = np.arange(256)[:, None] / 255
    table = ((levels - np.asarray(mean)) / np.asarray(deviation)).astype(np.float32)
    count, height, width, _ = batch.shape
    out = np.empty((count, 3, height, width), np.float32)
    for colour in range(3):
        out[:, colour] = table[:, colour][batch[..., colour]]
    return out


class _Shared:
    """A state of the whole process that holds while any thread is inside.

    What the first to come in changes, the last to go out puts back.
    """

    def __init__(self, state: Callable[[], AbstractContextManager[None]]) -> None:
        self._state = state
        self._lock = threading.Lock()
        self._inside = 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._held = self._state()
                self._held.__enter__()
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._held.__exit__(None, None, None)


@contextmanager
def _without_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Send what C libraries write to descriptor 2 nowhere."""
    try:
        kept = os.dup(2)
    except OSError:  # it is closed
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(nowhere)
        os.close(kept)


_no_warnings = _Shared(_without_warnings)
_no_stderr = _Shared(_without_stderr)


def _decoded(source: bytes | Path, at_least: int | None, most_pixels: int) -> Image.Image:
    with _no_warnings:
        image = _opened(source)
        _scale_down(image, at_least, most_pixels)
        try:
            # libtiff tells of every error there, and nothing of Pillow's can keep it from that.
            with _no_stderr if image.format == "TIFF" else nullcontext():
                image.load()
            return _rgb(_upright(image))
        except Exception as error:  # a decoder fails on hostile bytes in any way there is
            raise SourceError("is damaged or cut short") from error


def _opened(source: bytes | Path) -> ImageFile:
    """The picture with only its head read, so with its size and kind.

    Its class is called and not `Image.open`, which has a limit of its own that knows no scale.
    """
    from PIL.BmpImagePlugin import BmpImageFile
    from PIL.GifImagePlugin import GifImageFile
    from PIL.JpegImagePlugin import JpegImageFile
    from PIL.PngImagePlugin import PngImageFile
    from PIL.TiffImagePlugin import TiffImageFile
    from PIL.WebPImagePlugin import WebPImageFile

    data = source if isinstance(source, bytes) else _read(source)
    kinds: tuple[tuple[bytes, type[ImageFile]], ...] = (
        (b"\x89PNG\r\n\x1a\n", PngImageFile),
        (b"\xff\xd8\xff", JpegImageFile),
        (b"GIF87a", GifImageFile),
        (b"GIF89a", GifImageFile),
        (b"BM", BmpImageFile),
        (b"II*\0", TiffImageFile),
        (b"MM\0*", TiffImageFile),
        (b"II+\0", TiffImageFile),
        (b"MM\0+", TiffImageFile),
    )
    if not data:
        raise SourceError("is empty")
    kind = next((kind for head, kind in kinds if data.startswith(head)), None)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        kind = WebPImageFile
    if kind is None:
        raise SourceError("is no PNG, JPEG, WebP, GIF, BMP or TIFF")
    try:
        return kind(io.BytesIO(data))
    except Exception as error:
        raise SourceError("is damaged or cut short") from error


def _read(path: Path) -> bytes:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise SourceError("is a folder")
        if not stat.S_ISREG(status.st_mode):
            raise SourceError("is not a file")  # a pipe would be waited on for ever
        if status.st_size > MOST_BYTES:
            raise SourceError(f"has more than {MOST_BYTES:,} bytes")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SourceError(f"cannot be read: {reason}") from error


def _scale_down(image: ImageFile, at_least: int | None, most_pixels: int) -> None:
    """Set a JPEG to be decoded as small as allowed; refuse what stays too large."""
    width, height = image.size
    too_large = SourceError(f"has more than {most_pixels:,} pixels")
    # All of a progressive one is held in memory before it can be made smaller.
    if image.format != "JPEG" or (width * height > most_pixels and "progressive" in image.info):
        if width * height > most_pixels:
            raise too_large
        return
    shorter = min(width, height)
    spared = max((s for s in _SCALES if at_least and shorter >= 2 * s * at_least), default=1)
    fitting = [s for s in _SCALES if -(-width // s) * -(-height // s) <= most_pixels]
    if not fitting or (min(fitting) > 1 and shorter < min(fitting) * (at_least or 1)):
        raise too_large
    scale = max(spared, min(fitting))
    image.draft(None, (max(1, width // scale), max(1, height // scale)))


def _upright(image: Image.Image) -> Image.Image:
    from PIL import Image

    try:
        turned = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # broken notes about a picture do not break it
        return image
    if turned not in range(2, 9):
        return image
    return image.transpose(Image.Transpose[_UPRIGHT[turned - 2]])


def _rgb(image: Image.Image) -> Image.Image:
    from PIL import Image

    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        return Image.fromarray(_stretched(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        page = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(page, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _stretched(values: NDArray[np.int32] | NDArray[np.float32]) -> NDArray[np.uint8]:
    """Values of any range as 0 to 255, their least to their greatest; 0 where they are none."""
    exact = values.astype(np.float64)
    known = np.isfinite(exact)
    least = exact.min(where=known, initial=np.inf)
    span = exact.max(where=known, initial=-np.inf) - least
    if not span > 0:
        return np.zeros(values.shape, np.uint8)
    return np.where(known, (exact - least) * (255 / span) + 0.5, 0).astype(np.uint8)


def _fitted(image: Image.Image, height: int, width: int) -> Image.Image:
    from PIL import Image

    across, down = image.size
    wide = max(1, min(across, down * width // height))
    high = max(1, min(down, across * height // width))
    left, top = (across - wide) // 2, (down - high) // 2
    box = (left, top, left + wide, top + high)
    return image.resize((width, height), Image.Resampling.BILINEAR, box)
