"""Which class and which part each picture is of, as the folders that it lies in say."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from frugally.errors import UsageError

Part = Literal["train", "validation", "test"]
Parts = tuple[str, ...]

_PARTS: dict[str, Part] = {
    "train": "train", "val": "validation", "valid": "validation", "validation": "validation",
    "test": "test",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Layout:
    """How folders are named: how many stand above all, and whether the next names a part."""

    depth: int
    parted: bool

    @classmethod
    def of(cls, names: Iterable[Parts]) -> Layout:
        """The layout of files, each given by the parts of its name.

        What stands above everything is passed over. Then `train` and one of `val` (or `valid`,
        `validation`) and `test` are parts; anything else is a class.

        Raises:
            UsageError: a part has two folders.
        """
        folders = {name[:-1] for name in names}
        depth = 0
        while len({f[depth] for f in folders if len(f) > depth}) == 1 and any(
            len(f) > depth + 1 for f in folders
        ):
            depth += 1
        tops = sorted({f[depth] for f in folders if len(f) > depth})
        named = [(_PARTS[top.casefold()], top) for top in tops if top.casefold() in _PARTS]
        found = {part for part, _ in named}
        if "train" not in found or len(found) == 1:
            return cls(depth, False)
        for part in sorted(found):
            ours = [top for other, top in named if other == part]
            if len(ours) > 1:
                raise UsageError(
                    f"{' and '.join(ours)} both hold pictures for {part}",
                    hint="put them into one folder",
                )
        return cls(depth, True)

    def place(self, name: Parts) -> tuple[Part, str] | None:
        """The part and the class of a file; None if it is in no folder of a class.

        Names of classes are in Unicode's form NFC, as systems differ in how they write them.
        """
        folders = name[self.depth : -1]
        part: Part = "train"
        if self.parted:
            if not folders or folders[0].casefold() not in _PARTS:
                return None
            part, folders = _PARTS[folders[0].casefold()], folders[1:]
        return (part, unicodedata.normalize("NFC", folders[0])) if folders else None


def held_out(
    labels: NDArray[np.int64], share: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places to learn from and to hold out, each sorted: a share of every class, by chance.

    `labels`: (N,). Of a class with two or more at least one goes each way; a single one stays.
    """
    random = np.random.default_rng(seed)
    spared = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        few = min(max(1, round(share * len(places))), len(places) - 1)
        spared[random.permutation(places)[:few]] = True
    return np.flatnonzero(~spared), np.flatnonzero(spared)


def numbered(classes: Sequence[str], labels: Sequence[str]) -> NDArray[np.int64]:
    """The place of each label among the classes."""
    numbers = {name: number for number, name in enumerate(classes)}
    return np.array([numbers[label] for label in labels], np.int64)
