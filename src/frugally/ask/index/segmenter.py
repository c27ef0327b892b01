"""The segmenter of a collection: kept in its folder, since its words are the index's terms."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from frugally.errors import CorruptionError, NetError, UsageError
from frugally.files import disk
from frugally.nets.card import CARD, NETWORK

if TYPE_CHECKING:
    from frugally.nets.segmenter import Segmenter


def segmenter_digest(segmenter: Segmenter) -> str:
    """A short name of a segmenter: equal digests, equal words."""
    kept = {name: segmenter.card[name] for name in ("features", "files", "scripts", "shape")}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]


def usable_segmenter(source: Path) -> Segmenter:
    """A segmenter that an index can use.

    Raises:
        NetError: there is none, or it is damaged.
        UsageError: it does not say for which scripts it is.
    """
    from frugally.nets.segmenter import Segmenter

    segmenter = Segmenter.load(source)
    if not segmenter.scripts:
        raise UsageError(
            f"the card of {source} names no script without spaces",
            hint="fit the segmenter on a treebank of Chinese, Japanese, Thai, ...",
        )
    return segmenter


def segmenter_name(digest: str) -> str:
    """What a segmenter's folder is called in a collection."""
    return f"segmenter-{digest}"


def keep_segmenter(source: Path, folder: Path, digest: str) -> None:
    """Copy a segmenter into a collection."""
    target = folder / segmenter_name(digest)
    disk.make_folder(target)
    for name in (NETWORK, CARD):
        disk.write_whole(target / name, (source / name).read_bytes())
    disk.sync_folder(folder)


def kept_segmenter(folder: Path, digest: str) -> Segmenter:
    """The segmenter that a collection was built with.

    Raises:
        CorruptionError: it is not there, or not the one.
    """
    place = folder / segmenter_name(digest)
    hint = "restore it from a backup, or index the files again"
    try:
        segmenter = usable_segmenter(place)
    except (NetError, UsageError) as error:
        raise CorruptionError(f"the collection's segmenter: {error}", hint=hint) from error
    if segmenter_digest(segmenter) != digest:
        raise CorruptionError(f"{place} is another segmenter than the index has", hint=hint)
    return segmenter
