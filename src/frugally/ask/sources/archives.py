"""Zip archives with XML in them: read in bounded memory, parsed without entities or network."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from frugally.errors import SourceError

# The most that one member may unpack to. The text of a 3,000 page book is under 10 MB; the
# declared size bounds what is read, as the zip reader stops there whatever the data goes on to.
LARGEST_MEMBER = 64 << 20


# What zipfile raises for damaged archives, depending on where the damage is.
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, struct.error)


@contextmanager
def open_archive(file: BinaryIO) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive; what goes wrong in it while it is open becomes a SourceError."""
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except _DAMAGE as error:
        raise SourceError(f"cannot be unpacked: {error}") from error
    except RuntimeError as error:  # how zipfile says that a member is encrypted
        raise SourceError(
            f"cannot be unpacked: {error}", hint="save it without a password"
        ) from error


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return the unpacked bytes of a member. Raises SourceError if it is missing or too large."""
    try:
        size = archive.getinfo(name).file_size
    except KeyError as error:
        raise SourceError(f"has no {name} in it") from error
    if size > LARGEST_MEMBER:
        raise SourceError(f"{name} in it unpacks to {size:,} bytes, more than any real one")
    return archive.read(name)


def parse_xml(data: bytes) -> Any:
    """Return the root element. Raises SourceError if it is not XML or brings its own entities."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise SourceError(f"the XML in it is broken: {error.msg}") from error
    refuse_entities(root)
    return root


def refuse_entities(element: Any) -> None:
    """Raise SourceError if the document of `element` declares entities of its own."""
    declared = element.getroottree().docinfo.internalDTD
    if declared is not None and any(True for _ in declared.iterentities()):
        raise SourceError("its XML declares entities of its own, which no real one does")
