"""The files of a folder, a zip or a tar, one after another: named, never unpacked to disk."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

from frugally.errors import SourceError, UsageError
from frugally.files import disk
from frugally.nets.vision.images import MOST_BYTES

_CHUNK = 1 << 20
_LONGEST_NAME = 1 << 20  # in a tar, where a header says how long: bytes
_KINDS = "pictures come as a folder, a .zip or a .tar (.gz, .bz2, .xz)"
_IGNORED = ("__macosx", "thumbs.db", "desktop.ini")


@dataclass(frozen=True, slots=True)
class Member:
    """One file: the parts of its name, and its bytes, to be read before the next is asked for.

    `read` raises SourceError where it cannot be used.
    """

    parts: tuple[str, ...]
    read: Callable[[], bytes]

    @property
    def name(self) -> str:
        """The name as it can be shown."""
        return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in self._path)

    @property
    def _path(self) -> str:
        return "/".join(self.parts)


def members(path: Path) -> Iterator[Member]:
    """Yield the files of a folder, sorted, or of a .zip or .tar (also .gz, .bz2, .xz), as they lie.

    Left out are folders, hidden files, and what systems strew about. Links in a folder are
    followed, each folder once; those in an archive never.

    Raises:
        UsageError: nothing is there.
        SourceError: it is no archive, or is damaged or encrypted.
    """
    if _is_folder(path):
        yield from (Member(parts, partial(_read_file, file)) for parts, file in _walk(path))
        return
    for member in _of_archive(path):
        if not any(map(_strewn, member.parts)):
            yield member


def _strewn(part: str) -> bool:
    return (part.startswith(".") and part != "..") or part.lower() in _IGNORED


def digest(path: Path) -> str:
    """What a second run is known by: an archive's bytes, or a folder's names, sizes and times.

    Raises:
        UsageError: nothing is there.
        SourceError: it cannot be read.
    """
    if not _is_folder(path):
        try:
            return disk.digest_of(path)
        except OSError as error:
            raise SourceError(f"{path} cannot be read: {error.strerror}") from error
    total = hashlib.sha256()
    for name, file in _walk(path):
        try:
            status = file.stat()
            state = f"{status.st_size} {status.st_mtime_ns}"
        except OSError:
            state = "unreadable"
        total.update(repr(("/".join(name), state)).encode())
    return total.hexdigest()


def _is_folder(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        raise UsageError(f"{path} does not exist", hint="check the path, or quote it") from error
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        raise UsageError(f"{path} is neither a folder nor a file")
    return stat.S_ISDIR(mode)


def _walk(folder: Path) -> Iterator[tuple[tuple[str, ...], Path]]:
    """Yield the names and paths of all that lies beneath and is no folder, sorted."""
    seen: set[tuple[int, int]] = set()
    waiting: list[tuple[tuple[str, ...], Path]] = [((), folder)]
    while waiting:
        parts, path = waiting.pop()
        try:
            status = path.stat()
            if not stat.S_ISDIR(status.st_mode):
                yield parts, path
            elif (place := (status.st_dev, status.st_ino)) not in seen:
                seen.add(place)
                children = [child for child in path.iterdir() if not _strewn(child.name)]
                children.sort(key=lambda child: os.fsencode(child.name), reverse=True)
                waiting += [((*parts, child.name), child) for child in children]
        except OSError:
            yield parts, path  # reading it will say what is wrong


def _read_file(path: Path) -> bytes:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise SourceError("is a folder that cannot be read")
        if not stat.S_ISREG(status.st_mode):
            raise SourceError("is not a file")
        if status.st_size > MOST_BYTES:
            raise SourceError(f"has more than {MOST_BYTES:,} bytes")
        return path.read_bytes()
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}") from error


def _of_archive(path: Path) -> Iterator[Member]:
    try:
        with path.open("rb") as file:
            head = file.read(6)
            file.seek(0)
            if not head:
                raise SourceError(f"{path} is empty")
            yield from _of_zip(file) if head.startswith(b"PK") else _of_tar(file, head)
    except SourceError as error:
        raise SourceError(_about(path, error), hint=error.hint or _KINDS) from error
    except Exception as error:  # the libraries fail on hostile bytes in any way there is
        raise SourceError(
            f"{path} is no archive that can be read, or is damaged: {error}",
            hint=_KINDS,
        ) from error


def _about(path: Path, error: SourceError) -> str:
    return error.message if str(path) in error.message else f"{path} {error.message}"


def _of_zip(file: BinaryIO) -> Iterator[Member]:
    with zipfile.ZipFile(file) as archive:
        seen: set[str] = set()
        for info in archive.infolist():
            if info.flag_bits & 1:
                raise SourceError("is encrypted", hint="save it without a password")
            # The upper half is the mode of the file where Unix wrote it.
            kind = stat.S_IFMT(info.external_attr >> 16)
            reason = None
            if stat.S_ISLNK(kind):
                reason = "is a link"
            elif info.filename.endswith("/") or stat.S_ISDIR(kind):
                continue
            elif kind and not stat.S_ISREG(kind):
                reason = "is not a file"
            yield _member(
                info.orig_filename,
                info.file_size,
                reason,
                seen,
                partial(_read_zipped, archive, info),
            )


def _read_zipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    try:
        return archive.read(info)
    except Exception as error:
        raise SourceError("is damaged in the archive") from error


def _of_tar(file: BinaryIO, head: bytes) -> Iterator[Member]:
    with (
        _unpacked(file, head) as stream,
        tarfile.open(fileobj=_ending(stream), mode="r|", tarinfo=_Header) as archive,
    ):
        seen: set[str] = set()
        while (info := archive.next()) is not None:
            # tarfile would keep all that it has passed.
            archive.members.clear()  # type: ignore[attr-defined]
            reason = None
            if info.issym() or info.islnk():
                reason = "is a link"
            elif info.isdir():
                continue
            elif not info.isreg():
                reason = "is not a file"
            member = _member(info.name, info.size, reason, seen, bytes)
            if member.read is bytes:  # a stream does not wait: what is to be read is read now
                member = replace(member, read=partial(bytes, _read_tarred(archive, info)))
            yield member
        while stream.read(_CHUNK):
            pass  # the checksums stand at the end


def _read_tarred(archive: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(info)
    data = file.read() if file else b""
    if len(data) < info.size:
        raise EOFError("it ends too early")
    return data


@contextmanager
def _unpacked(file: BinaryIO, head: bytes) -> Iterator[BinaryIO]:
    if head.startswith(b"\x1f\x8b"):
        with gzip.open(file) as stream:
            yield cast(BinaryIO, stream)
    elif head.startswith(b"BZh"):
        with bz2.open(file) as stream:
            yield cast(BinaryIO, stream)
    elif head == b"\xfd7zXZ\0":
        with lzma.open(file) as stream:
            yield cast(BinaryIO, stream)
    else:
        yield file


def _ending(stream: BinaryIO) -> BinaryIO:
    """A stream that fails when it is read on after its end.

    tarfile would pass over a file of 2^80 bytes, in a header that lies, by as many empty reads.
    """
    return cast(BinaryIO, _Ending(stream))


class _Ending:
    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._ended = 0

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._ended += not data
        if self._ended > 2:
            raise EOFError("it ends too early")
        return data


class _Header(tarfile.TarInfo):
    """A header of a tar that says so when it is damaged; tarfile takes that for the end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        try:
            header = super().frombuf(buf, encoding, errors)
        except (tarfile.EOFHeaderError, tarfile.EmptyHeaderError):  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise SourceError(f"is no archive, or is damaged: {error}") from error
        extra = header.type in (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE,
                                tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)  # fmt: skip
        if header.size < 0 or (extra and header.size > _LONGEST_NAME):
            raise SourceError("is damaged: a name in it is longer than any real one")
        return header


def _member(
    name: str, size: int, reason: str | None, seen: set[str], read: Callable[[], bytes]
) -> Member:
    """The file of an archive by its name, which may be one to stay away from."""
    parts = tuple(part for part in name.replace("\\", "/").split("/") if part not in ("", "."))
    plain = "/".join(parts)
    if ".." in parts or name.startswith(("/", "\\")) or name[1:2] == ":" or "\0" in name:
        reason = "has a name that leads out of the archive"
    elif size > MOST_BYTES:
        reason = reason or f"has more than {MOST_BYTES:,} bytes"
    elif plain in seen:
        reason = reason or "stands in the archive twice"
    seen.add(plain)
    return Member(parts, read if reason is None else _refusing(reason))


def _refusing(reason: str) -> Callable[[], bytes]:
    def read() -> bytes:
        raise SourceError(reason)

    return read
