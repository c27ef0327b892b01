"""How documents lie in a segment: blocks of records, each some bytes and a row of sizes."""

from __future__ import annotations

import json
import operator
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frugally.ask.batch import SHORT
from frugally.ask.document import Cue, Document, Passage
from frugally.ask.passages import extent

# Columns of the sizes, all uint32; bytes, but for the first.
PASSAGES, ID, TITLE, URL, TEXT, DETAILS = range(6)
COLUMNS = 6
COMPRESSED = 1 << 31  # a bit of a text's size
Sizes = NDArray[np.uint32]

_COUNT = np.dtype("<u4")


def make_record(document: Document, passages: Sequence[Passage]) -> tuple[list[int], bytes]:
    """The row and the bytes of a document: id, title, url, text and details, end to end.

    Of a compressed text the size has the bit COMPRESSED set. Details are empty if the document is
    one passage: its text, less the white space around it.
    """
    text = document.text.encode("utf-8", "replace")
    compressed = len(text) >= SHORT
    if compressed:
        text = zlib.compress(text, 6)
    details = b""
    plain = len(passages) == 1 and not document.pages and not document.cues
    if not plain or (passages[0].start, passages[0].end) != extent(document.text):
        details = json.dumps(
            {
                "passages": [(p.start, p.end) for p in passages],
                "pages": document.pages,
                "cues": [(c.start, c.end, c.begins, c.ends) for c in document.cues],
                "times": [(p.begins, p.ends) for p in passages] if document.cues else None,
            },
            separators=(",", ":"),
        ).encode()
    name, title, url = (
        s.encode("utf-8", "replace") for s in (document.id, document.title, document.url)
    )
    row = [
        len(passages), len(name), len(title), len(url), len(text) | compressed * COMPRESSED,
        len(details),
    ]  # fmt: skip
    return row, b"".join((name, title, url, text, details))


def bytes_of(sizes: Sizes) -> NDArray[np.int64]:
    """How many bytes each record takes."""
    columns = sizes.astype(np.int64)
    columns[:, TEXT] &= COMPRESSED - 1
    total: NDArray[np.int64] = columns[:, ID:].sum(axis=1)
    return total


def pack_block(sizes: Sizes, data: bytes | memoryview) -> bytes:
    """Several records as one piece of bytes: their number, their sizes, themselves."""
    return b"".join((len(sizes).to_bytes(4, "little"), sizes.astype(_COUNT).tobytes(), data))


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Records of neighbouring documents of one source; `passage` is the first one's first."""

    passage: int
    source: int
    sizes: Sizes
    data: memoryview

    @classmethod
    def unpack(cls, passage: int, source: int, packed: bytes) -> Block:
        """A block as it was packed.

        Raises:
            ValueError: the bytes are not one.
        """
        count = int.from_bytes(packed[:4], "little")
        end = 4 + count * COLUMNS * 4
        if not 0 < count <= (len(packed) - 4) // (COLUMNS * 4):
            raise ValueError("a block without its sizes")
        sizes = np.frombuffer(packed, _COUNT, count * COLUMNS, 4).reshape(count, COLUMNS)
        if int(bytes_of(sizes).sum()) != len(packed) - end or not sizes[:, PASSAGES].all():
            raise ValueError("a block of another size than it says")
        return cls(passage, source, sizes, memoryview(packed)[end:])

    @property
    def firsts(self) -> NDArray[np.int64]:
        """The first passage of each document."""
        counts = self.sizes[:, PASSAGES].astype(np.int64)
        return self.passage + np.cumsum(counts) - counts

    def record(self, i: int) -> tuple[list[int], memoryview]:
        """The row and the bytes of one document."""
        ends = np.cumsum(bytes_of(self.sizes[: i + 1]))
        start = int(ends[i - 1]) if i else 0
        return self.sizes[i].tolist(), self.data[start : int(ends[i])]

    def selected(self, kept: NDArray[np.bool_]) -> tuple[Sizes, bytes]:
        """The rows and the bytes of some of the documents."""
        if kept.all():
            return self.sizes, bytes(self.data)
        ends = np.cumsum(bytes_of(self.sizes)).tolist()
        starts = [0, *ends[:-1]]
        pieces = [self.data[starts[i] : ends[i]] for i in np.flatnonzero(kept).tolist()]
        return self.sizes[kept], b"".join(pieces)

    def ids(self, documents: NDArray[np.int64]) -> list[str]:
        """The ids of some documents.

        Raises:
            ValueError: one is not UTF-8.
        """
        sizes = bytes_of(self.sizes)
        starts = (np.cumsum(sizes) - sizes)[documents]
        ends = starts + self.sizes[documents, ID]
        return [
            str(self.data[start:end], "utf-8")
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
        ]


def read_record(
    row: Sequence[int], data: memoryview, source: str
) -> tuple[Document, list[Passage]]:
    """A document and its passages from its row and bytes; `source` is the path it came from.

    Raises:
        ValueError, TypeError, AttributeError, zlib.error: the record is damaged.
    """
    fields = []
    end = 0
    for size in (*row[ID:TEXT], row[TEXT] & (COMPRESSED - 1), row[DETAILS]):
        start, end = end, end + size
        fields.append(data[start:end])
    name, title, url = (str(field, "utf-8") for field in fields[:3])
    stored = zlib.decompress(fields[3]) if row[TEXT] & COMPRESSED else fields[3]
    text = str(stored, "utf-8")
    details: Any = json.loads(bytes(fields[4])) if row[DETAILS] else {"passages": [extent(text)]}
    bounds = details.get("passages", ())
    if len(bounds) != row[PASSAGES]:
        raise ValueError(f"{len(bounds)} passages instead of {row[PASSAGES]}")
    times = details.get("times") or [(None, None)] * len(bounds)
    document = Document(
        id=name,
        text=text,
        title=title,
        url=url,
        source=source,
        pages=tuple(details.get("pages", ())),
        cues=tuple(Cue(start=a, end=b, begins=c, ends=d) for a, b, c, d in details.get("cues", ())),
    )
    return document, [
        Passage(start=operator.index(a), end=operator.index(b), begins=c, ends=d)
        for (a, b), (c, d) in zip(bounds, times, strict=True)
    ]
