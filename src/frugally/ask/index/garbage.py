"""What a crash or a merge leaves behind in a collection, and its removal."""

from __future__ import annotations

import re
from pathlib import Path

from frugally.ask.index.manifest import NAME, Manifest
from frugally.files import disk

# What writers call their folders and files; anything else in the folder is the user's own.
_SEGMENT = re.compile(r"seg-\d{6,}")
_FILE = re.compile(
    r"(postings|terms|tombstones-\d{6,})\.bin|tables\.safetensors|documents\.sqlite(-journal)?"
)


def collect_garbage(folder: Path, manifest: Manifest) -> None:
    """Remove files that the manifest does not name: what a crash or a merge left behind."""
    named = {entry.name: set(entry.files) for entry in manifest.segments}
    litter = [p for p in (folder / (NAME + ".partial"),) if p.exists()]
    empty: list[Path] = []
    for place in sorted(folder.iterdir()):
        if _SEGMENT.fullmatch(place.name) and place.is_dir():
            keep = named.get(place.name, set())
            inside = sorted(place.iterdir())
            ours = [f for f in inside if f.name not in keep and _FILE.fullmatch(f.name)]
            litter += ours
            if len(ours) == len(inside):
                empty.append(place)
    if litter or empty:
        # The manifest's writer may have died before its name was durable: it must be, before
        # what an older one names is gone.
        disk.sync_folder(folder)
    for path in [*litter, *empty]:
        disk.remove(path)
