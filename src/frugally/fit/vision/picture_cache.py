"""Decoded pictures, kept: one file of pixels that is memory-mapped, one that says what is in it."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from frugally.errors import SourceError
from frugally.files import disk
from frugally.files.lock import writer_lock
from frugally.files.tensors import map_bytes
from frugally.fit.vision.layout import Parts
from frugally.fit.vision.members import Member, digest, members
from frugally.nets.cpus import available_cpus
from frugally.nets.vision.images import prepared, size_of

Progress = Callable[[str, int], None]

VERSION = 1  # of what is kept, and of how a picture becomes pixels
_SHOWN = 5  # names of skipped files
_AHEAD = 4  # files a thread may be ahead of the writing
_LARGE = 1 << 22  # pixels
_large = threading.Lock()


@dataclass(frozen=True, slots=True)
class Skipped:
    """Files that were left out for one reason: how many, and the names of the first few."""

    reason: str
    count: int
    names: tuple[str, ...]

    def __str__(self) -> str:
        more = ", …" if self.count > len(self.names) else ""
        return f"{self.count:,} skipped: {self.reason} ({', '.join(self.names)}{more})"


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """All pictures of a folder or an archive in its order: pixels (N, side, side, 3), read-only."""

    pixels: NDArray[np.uint8]
    names: list[Parts]
    skipped: tuple[Skipped, ...]


class Skips:
    """Counts files that are left out, by reason."""

    def __init__(self, skipped: Iterable[Skipped] = ()) -> None:
        self._by_reason = {one.reason: one for one in skipped}

    def add(self, reason: str, name: str) -> None:
        """Leave out one more."""
        old = self._by_reason.get(reason, Skipped(reason, 0, ()))
        names = (*old.names, name)[:_SHOWN]
        self._by_reason[reason] = Skipped(reason, old.count + 1, names)

    def all(self) -> tuple[Skipped, ...]:
        """Every reason, in the order in which they first came."""
        return tuple(self._by_reason.values())


def decoded(
    path: Path,
    folder: Path,
    *,
    side: int,
    most_pixels: int,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Decoded:
    """The pictures at `path` as `side` x `side`, from `folder` where an earlier run kept them.

    Order and pixels are the same whatever the number of threads (None: as many as there are
    processors). The file that names what is in the pixels is the last to be put in place: an
    interruption leaves pixels that nothing names, and the next run writes them anew. `progress` is
    called with the name of each file that is done, and how many are.

    Raises:
        UsageError: nothing is at `path`.
        SourceError: it is an archive that is damaged or encrypted.
        LockedError: another process is writing there.
        FrugallyError: the folder cannot be written to.
    """
    state = f"{VERSION} {digest(path)} {side} {most_pixels}"
    stem = hashlib.sha256(state.encode()).hexdigest()[:32]
    pixels, index = folder / f"{stem}.pixels", folder / f"{stem}.json"
    if (found := _kept(pixels, index, side)) is not None:
        return found
    disk.make_folder(folder)
    with writer_lock(folder / "lock"):
        names: list[Parts] = []
        skips = Skips()
        partial = pixels.with_name(pixels.name + ".partial")
        with disk.NewFile(partial) as file:
            images = _images(members(path), side, most_pixels, threads)
            for number, (member, image) in enumerate(images, start=1):
                if isinstance(image, SourceError):
                    skips.add(image.message, member.name)
                else:
                    file.write(np.ascontiguousarray(image).reshape(-1).data)
                    names.append(member.parts)
                if progress is not None:
                    progress(member.name, number)
        disk.rename(partial, pixels)
        disk.sync_folder(folder)
        entry = {
            "side": side,
            "names": ["/".join(name) for name in names],
            "skipped": [asdict(one) for one in skips.all()],
        }
        disk.write_whole(index, json.dumps(entry).encode())
    return Decoded(_mapped(pixels, len(names), side), names, skips.all())


def _kept(pixels: Path, index: Path, side: int) -> Decoded | None:
    """What an earlier run wrote, if it is all there."""
    try:
        entry = json.loads(index.read_bytes())
        names = [tuple(str(name).split("/")) for name in entry["names"]]
        skipped = tuple(
            Skipped(str(one["reason"]), int(one["count"]), tuple(map(str, one["names"])))
            for one in entry["skipped"]
        )
        if pixels.stat().st_size != len(names) * side * side * 3:
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Decoded(_mapped(pixels, len(names), side), names, skipped)


def _mapped(path: Path, count: int, side: int) -> NDArray[np.uint8]:
    if not count:
        return np.zeros((0, side, side, 3), np.uint8)  # an empty file cannot be mapped
    return map_bytes(path).reshape(count, side, side, 3)


def _images(
    found: Iterable[Member], side: int, most_pixels: int, threads: int | None
) -> Iterator[tuple[Member, NDArray[np.uint8] | SourceError]]:
    """Yield files in their order, decoded; reading stays a few ahead of the threads."""
    count = threads or available_cpus()
    waiting: deque[tuple[Member, Future[NDArray[np.uint8] | SourceError]]] = deque()
    with ThreadPoolExecutor(count) as pool:
        for member in found:
            try:
                data = member.read()
            except SourceError as error:
                failed: Future[NDArray[np.uint8] | SourceError] = Future()
                failed.set_result(error)
                waiting.append((member, failed))
            else:
                waiting.append((member, pool.submit(_image, data, side, most_pixels)))
            if len(waiting) > _AHEAD * count:
                first, image = waiting.popleft()
                yield first, image.result()
        for member, image in waiting:
            yield member, image.result()


def _image(data: bytes, side: int, most_pixels: int) -> NDArray[np.uint8] | SourceError:
    try:
        height, width = size_of(data)
        # Decoding takes up to 16 bytes a pixel: of large ones one at a time, or memory would end.
        with _large if height * width > _LARGE else nullcontext():
            return prepared(data, side, side, most_pixels=most_pixels)
    except SourceError as error:
        return error
