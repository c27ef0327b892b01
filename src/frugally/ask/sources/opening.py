"""Opening a file, whatever it is compressed with, and reading it in bounded memory."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import BinaryIO, Self, cast

from frugally.ask.sources.encodings import TextDecoder
from frugally.errors import SourceError

HEAD_BYTES = 1 << 16
CHUNK_BYTES = 1 << 20
# Formats that have to be seen whole (a page of HTML, a subtitle file) are read up to here. The
# largest real ones are some tens of megabytes; a compressed file may claim to be anything.
WHOLE_FILE_BYTES = 64 << 20

COMPRESSIONS = (".gz", ".bz2", ".xz")


class SourceFile:
    """One open file: its first bytes, and a stream of all its bytes, decompressed.

    `name` is the path as the user gave it, "-" for standard input, fit for display and for
    document ids. `broken` says why the stream ended before the file's own end, or is "".
    """

    def __init__(self, name: str, file: BinaryIO) -> None:
        self.name = name
        self._file = file
        self._bytes = _Decompressed(file)
        self.head = self._bytes.head
        self.stream = io.BufferedReader(self._bytes, CHUNK_BYTES)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stream.close()

    @property
    def broken(self) -> str:
        """Why the stream ended early, or "" while it has not."""
        return self._bytes.broken

    @property
    def stem(self) -> str:
        """The file's name without folder, compression and format: the title of last resort."""
        base = self.name.rpartition("/")[2]
        for ending in COMPRESSIONS:
            base = base.removesuffix(ending)
        return PurePosixPath(base).stem

    def seekable(self) -> BinaryIO:
        """Return the file itself, for formats that are read from their end.

        Raises SourceError if it is compressed or a pipe.
        """
        if self._bytes.compressed or not self._file.seekable():
            raise SourceError(
                "this format cannot be read compressed or from a pipe",
                hint="unpack it into a file first",
            )
        self._file.seek(0)
        return self._file

    def text(self) -> Iterator[str]:
        """Yield the decoded text in pieces of about a megabyte, lines ending in a line feed.

        After the last piece `decoder.replaced` holds the number of bytes that made no sense.
        """
        self.decoder = TextDecoder(self.head)
        while chunk := self.stream.read(CHUNK_BYTES):
            yield self.decoder.decode(chunk)
        yield self.decoder.decode(b"", final=True)

    def whole(self) -> bytes:
        """Return all bytes. Raises SourceError if there are more than `WHOLE_FILE_BYTES`."""
        data = self.stream.read(WHOLE_FILE_BYTES + 1)
        if len(data) > WHOLE_FILE_BYTES:
            raise SourceError(
                f"is larger than {WHOLE_FILE_BYTES >> 20} MB, too large for its format"
            )
        return data

    def whole_text(self) -> str:
        """Return all text, decoded. Raises SourceError as `whole` does."""
        data = self.whole()
        self.decoder = TextDecoder(self.head)
        return self.decoder.decode(data, final=True)


class _Decompressed(io.RawIOBase):
    """The bytes of a file, decompressed if it is compressed, with its head kept to look at.

    Damage ends the stream instead of raising, and is kept in `broken`: an exception inside a
    buffered read would take with it the good bytes that came before it.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.broken = ""
        self._delivered = 0
        magic = _read_up_to(file, 6)
        opener = next((o for m, o in _OPENERS if magic.startswith(m)), None)
        self.compressed = opener is not None
        self._source: BinaryIO = cast(BinaryIO, _Joined(magic, file))
        if opener is not None:
            self._source = opener(io.BufferedReader(cast(io.RawIOBase, self._source), HEAD_BYTES))
        head = bytearray()
        while len(head) < HEAD_BYTES and (data := self._next(HEAD_BYTES - len(head))):
            head += data
        self.head = bytes(head)
        self._waiting = memoryview(self.head)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        data: memoryview | bytes = self._waiting[: len(view)]
        if data:
            self._waiting = self._waiting[len(data) :]
        else:
            data = self._next(len(view))
        view[: len(data)] = data
        return len(data)

    def _next(self, size: int) -> bytes:
        """Return up to `size` more bytes, none at the end or at the first damage."""
        if self.broken:
            return b""
        try:
            data = self._source.read1(size)  # type: ignore[attr-defined]
        except (EOFError, lzma.LZMAError, zlib.error, OSError) as error:
            what = "the compressed data" if self.compressed else "reading"
            how = "ends early" if isinstance(error, EOFError) else f"breaks ({error})"
            self.broken = f"{what} {how} after {self._delivered:,} bytes"
            return b""
        self._delivered += len(data)
        return cast(bytes, data)


class _Joined(io.RawIOBase):
    """A file whose first bytes were already read: those bytes, then the rest."""

    def __init__(self, start: bytes, rest: BinaryIO) -> None:
        self._start = start
        self._rest = rest

    def readable(self) -> bool:
        return True

    def read1(self, size: int) -> bytes:
        """Return up to `size` bytes after at most one read of the file."""
        if self._start:
            data, self._start = self._start[:size], self._start[size:]
            return data
        return self._rest.read(size)

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        data = self.read1(len(view))
        view[: len(data)] = data
        return len(data)


_OPENERS: tuple[tuple[bytes, Callable[[BinaryIO], BinaryIO]], ...] = (
    (b"\x1f\x8b\x08", lambda file: cast(BinaryIO, gzip.GzipFile(fileobj=file))),
    (b"BZh", lambda file: cast(BinaryIO, bz2.BZ2File(file))),
    (b"\xfd7zXZ\x00", lambda file: cast(BinaryIO, lzma.LZMAFile(file))),  # noqa: SIM115 - closed with the stream
)


def _read_up_to(file: BinaryIO, size: int) -> bytes:
    """Return `size` bytes, fewer only at the end of the file: pipes give what they have."""
    data = b""
    while len(data) < size and (more := file.read(size - len(data))):
        data += more
    return data


def display_name(path: str | Path) -> str:
    r"""Return `path` with forward slashes; bytes that are not UTF-8 are shown as \xNN."""
    posix = path if isinstance(path, str) else path.as_posix()
    return os.fsencode(posix).decode("utf-8", "backslashreplace")


@contextmanager
def open_source(path: str | Path) -> Iterator[SourceFile]:
    """Open `path`, or standard input for "-". Raises OSError if it cannot be opened."""
    with ExitStack() as stack:
        if str(path) == "-":
            # Not closed here: standard input is the caller's.
            file: BinaryIO = sys.stdin.buffer
        else:
            file = stack.enter_context(Path(path).open("rb", buffering=0))
        yield stack.enter_context(SourceFile(display_name(path), file))
