"""The manifest names all that a collection consists of; its rename is the only commit."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from frugally.errors import (
    AnalyserMismatchError,
    CollectionError,
    CorruptionError,
    FormatVersionError,
)
from frugally.files import disk
from frugally.text.recipe import Recipe

FORMAT = 1
NAME = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentEntry:
    """What the manifest says of a segment.

    `files` maps each file's name to its size and SHA-256; `tombstones` names one of them, or is
    empty. `words` is the sum of the lengths of its passages.
    """

    name: str
    documents: int
    passages: int
    words: int
    postings: int
    terms: int
    files: dict[str, tuple[int, str]]
    deleted: int = 0
    tombstones: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One commit of a collection."""

    recipe: Recipe
    commit: int = 0
    next_segment: int = 0
    segments: tuple[SegmentEntry, ...] = field(default=())

    @property
    def passages(self) -> int:
        """All passages, those of deleted documents included."""
        return sum(segment.passages for segment in self.segments)

    def save(self, folder: Path) -> None:
        """Commit: all that is named must be on disk already."""
        body = {
            "format": FORMAT,
            "commit": self.commit,
            "next_segment": self.next_segment,
            "analyser": self.recipe.as_dict(),
            "analyser_digest": self.recipe.digest,
            "segments": [asdict(segment) for segment in self.segments],
        }
        disk.write_whole(folder / NAME, _signed(body))


def _signed(body: dict[str, Any]) -> bytes:
    text = json.dumps(body, indent=1)
    return json.dumps(
        {**body, "sha256": hashlib.sha256(text.encode()).hexdigest()}, indent=1
    ).encode()


def load_manifest(folder: Path) -> Manifest:
    """The last commit of a collection.

    Raises:
        CollectionError: there is no collection here.
        FormatVersionError: it was written by a newer frugally.
        CorruptionError: the manifest is not what was written.
    """
    path = folder / NAME
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise CollectionError(
            f"{folder} is not a collection: it has no {NAME}",
            hint=f"make one: frugally index FILES --into {folder}",
        ) from error
    except (OSError, ValueError) as error:
        raise CorruptionError(f"cannot read {path}: {error}") from error
    try:
        if data["format"] > FORMAT:
            raise FormatVersionError(
                f"{folder} has format {data['format']}, this frugally reads up to {FORMAT}",
                hint="pip install --upgrade frugally",
            )
        signature = data.pop("sha256")
        if json.loads(_signed(data))["sha256"] != signature:
            raise CorruptionError(f"{path} is damaged: its checksum does not match")
        segments = tuple(
            SegmentEntry(**{**s, "files": {n: (f[0], f[1]) for n, f in s["files"].items()}})
            for s in data["segments"]
        )
        return Manifest(
            recipe=Recipe(**data["analyser"]),
            commit=data["commit"],
            next_segment=data["next_segment"],
            segments=segments,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise CorruptionError(f"{path} is damaged: {error!r}") from error


def check_recipe(folder: Path, stored: Recipe, wanted: str | None) -> None:
    """Make sure that terms are made here as they were for a collection, by the analyser wanted.

    Raises:
        AnalyserMismatchError: they are not.
    """
    if wanted is not None and wanted != stored.analyser:
        raise AnalyserMismatchError(
            f"{folder} was built with the analyser {stored.analyser!r}, not {wanted!r}",
            hint="open it without naming an analyser, or index the files again",
        )
    here = Recipe.make(
        stored.analyser,
        bits=stored.bits,
        title_weight=stored.title_weight,
        segmenter=stored.segmenter,
    )
    if here.digest != stored.digest:
        raise AnalyserMismatchError(
            f"{folder} was built with {stored.as_dict()}, here is {here.as_dict()}",
            hint="install the version it was built with, or index the files again",
        )
