"""Labelled pictures: from folders or an archive to what is learnt from, chosen by and scored on."""

from __future__ import annotations

import json
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from statistics import median_low

import numpy as np
from numpy.typing import NDArray

from frugally.errors import SourceError, UsageError
from frugally.fit.labelled import is_text
from frugally.fit.vision.layout import Layout, Part, Parts, held_out, numbered
from frugally.fit.vision.members import Member, members
from frugally.fit.vision.picture_cache import Skipped, Skips, decoded
from frugally.nets.vision.images import MOST_PIXELS, size_of

SIDES = (32, 64, 96, 128, 160, 192, 224)
"""The sides that are proposed, in pixels."""

_SHARE = 0.1  # of each class, to be held out where no folder is for that
_SIZED = 2048  # sizes looked at, at most
_NAMED = 10  # classes named in an error
_TOGETHER = 256  # pictures, of which a digest is made
_EVERY = 15.0  # seconds between two words on how many pictures are decoded


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Some rows of a memory-mapped array, as an array that is read where it is looked at.

    `array`: (M, side, side, 3) uint8; `rows`: (N,) int64.
    """

    array: NDArray[np.uint8]
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, places: NDArray[np.int64] | slice) -> NDArray[np.uint8]:
        """A copy of the rows at some places: (places, side, side, 3)."""
        return self.array[self.rows[places]]

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, side, side, 3)."""
        return (len(self.rows), *self.array.shape[1:])


@dataclass(frozen=True, slots=True, eq=False)
class PictureSet:
    """Pictures, (N, side, side, 3) uint8, and the numbers of their classes, (N,) int64.

    Whoever takes them looks at `images[places]`, `places` being a slice or an int64 array.
    """

    images: NDArray[np.uint8] | Rows
    labels: NDArray[np.int64]
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pictures:
    """What is learnt from, chosen by, and only scored on if there is such; what was left out.

    `seed` is that by which pictures were held out, where no folder is for that.
    """

    classes: tuple[str, ...]
    seed: int
    train: PictureSet
    validation: PictureSet
    test: PictureSet | None
    skipped: tuple[Skipped, ...]


def read_pictures(
    path: Path,
    cache: Path,
    *,
    side: int,
    seed: int = 0,
    share: float = _SHARE,
    threads: int | None = None,
    most_pixels: int = MOST_PIXELS,
    report: Callable[[str], None],
) -> Pictures:
    """The pictures of a folder, .zip or .tar (.gz, .bz2, .xz) with one folder a class.

    Folders `train` and `val` (or `valid`, `validation`) or `test` above those of the classes are
    taken as they are; without one for validation, a `share` of each class that is learnt from is
    held out, by `seed`, the same from a folder as from an archive of it. Decoded pictures are
    kept in the folder `cache`. Files that are no pictures are reported, and skipped.

    Raises:
        UsageError: nothing is there, `cache` lies in it, fewer than two classes have pictures, or
            some in validation or test are of a class that has none to learn from.
        SourceError: it is an archive that is damaged or encrypted.
        FrugallyError: `cache` cannot be written to.
    """
    if side < 1 or not 0 < share < 1:
        raise UsageError(f"a side of {side} pixels and a share of {share} held out cannot be")
    if Path(os.path.realpath(cache)).is_relative_to(os.path.realpath(path)):
        raise UsageError(
            f"{cache} lies among the pictures of {path}",
            hint="write to a folder outside of them",
        )
    spoken = time.monotonic()

    def told(_: str, number: int) -> None:
        nonlocal spoken
        if time.monotonic() - spoken > _EVERY:
            report(f"{path}: {number:,} pictures decoded")
            spoken = time.monotonic()

    found = decoded(path, cache, side=side, most_pixels=most_pixels, threads=threads, progress=told)
    skips = Skips(found.skipped)
    placed = _placed(found.names, skips)
    for one in skips.all():
        report(f"{path}: {one}")
    classes = _classes(path, placed)
    sets = {}
    for part, pictures in placed.items():
        if pictures:
            # Folders and archives list files in orders of their own.
            labels, _, rows = zip(*sorted(pictures), strict=True)
            images = Rows(found.pixels, np.array(rows, np.int64))
            sets[part] = PictureSet(images, numbered(classes, labels), classes)
    train = sets["train"]
    for number in np.flatnonzero(np.bincount(train.labels) == 1):
        report(f"{path}: {classes[number]!r} has one picture to learn from")
    if "validation" not in sets:
        kept, spared = held_out(train.labels, share, seed)
        if not len(spared):
            raise UsageError(f"{path} has one picture of each class: none can be held out")
        sets["train"], sets["validation"] = _some(train, kept), _some(train, spared)
    return Pictures(
        classes=classes,
        seed=seed,
        train=sets["train"],
        validation=sets["validation"],
        test=sets.get("test"),
        skipped=skips.all(),
    )


def digest_of_pictures(*sets: PictureSet) -> str:
    """SHA-256, in hexadecimal, of sets of pictures, their labels and their classes, in order."""
    whole = sha256()
    for pictures in sets:
        whole.update(json.dumps([len(pictures), *pictures.classes]).encode())
        whole.update(pictures.labels.astype("<i8").tobytes())
        for start in range(0, len(pictures), _TOGETHER):
            images = pictures.images[start : start + _TOGETHER]
            whole.update(json.dumps(images.shape).encode())
            whole.update(images.tobytes())
    return whole.hexdigest()


def proposed_side(path: Path) -> int:
    """The largest of `SIDES` that half of the pictures fill, or the least of them.

    Only the heads of at most some thousands are read, spread evenly over all. Raises as
    `read_pictures`, and UsageError if none is a picture.
    """
    shorter: list[int] = []
    step = 1
    for number, member in enumerate(members(path)):
        if number % step:
            continue
        try:
            shorter.append(min(size_of(member.read())))
        except SourceError:
            continue
        if len(shorter) == _SIZED:
            shorter = shorter[::2]
            step *= 2
    if not shorter:
        raise _no_pictures(path)
    middle = median_low(shorter)
    return max((side for side in SIDES if side <= middle), default=SIDES[0])


def _some(pictures: PictureSet, places: NDArray[np.int64]) -> PictureSet:
    assert isinstance(pictures.images, Rows)
    images = Rows(pictures.images.array, pictures.images.rows[places])
    return PictureSet(images, pictures.labels[places], pictures.classes)


def _placed(names: list[Parts], skips: Skips) -> dict[Part, list[tuple[str, Parts, int]]]:
    """The class, name and row of each picture, by the part that it is in."""
    layout = Layout.of(names)
    placed: dict[Part, list[tuple[str, Parts, int]]] = defaultdict(list)
    for row, name in enumerate(names):
        place = layout.place(name)
        if place is None:
            skips.add("is in no folder of a class", Member(name, bytes).name)
        elif not is_text(place[1]):
            skips.add("its class is not text", Member(name, bytes).name)
        else:
            placed[place[0]].append((place[1], name[layout.depth :], row))
    return placed


def _classes(path: Path, placed: dict[Part, list[tuple[str, Parts, int]]]) -> tuple[str, ...]:
    known = Counter(label for label, _, _ in placed["train"])
    if not any(placed.values()):
        raise _no_pictures(path)
    for part in ("validation", "test"):
        unknown = sorted({label for label, _, _ in placed[part]} - known.keys())
        if unknown:
            more = ", …" if len(unknown) > _NAMED else ""
            raise UsageError(
                f"{path}: pictures for {part} are of classes that have none to learn from: "
                f"{', '.join(map(repr, unknown[:_NAMED]))}{more}",
                hint="put pictures of them into train, or take them out",
            )
    if len(known) < 2:
        raise UsageError(
            f"pictures of at least two classes are needed; {path} has only {next(iter(known))!r}",
            hint="put the pictures of each class into a folder of its name",
        )
    return tuple(sorted(known))


def _no_pictures(path: Path) -> UsageError:
    return UsageError(
        f"{path} has no pictures in folders of classes",
        hint="put the pictures of each class into a folder of its name",
    )
