"""Many short documents as one piece of bytes: no object each, from the source to the disk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from frugally.ask.document import Document

SHORT = 2048  # bytes; longer texts gain by being compressed


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """Documents of one source, each a single passage: a text of one line and under `SHORT` bytes.

    `data` holds id, title, url and text of each document end to end, in valid UTF-8; the rows of
    `sizes` (uint32, shape [documents, 4]) say how many bytes each of them takes.
    """

    data: bytes
    sizes: NDArray[np.uint32]
    source: str

    def __len__(self) -> int:
        """How many documents there are."""
        return len(self.sizes)

    def documents(self) -> Iterator[Document]:
        """Each document by itself."""
        end = 0
        for sizes in self.sizes.tolist():
            fields = []
            for size in sizes:
                start, end = end, end + size
                fields.append(self.data[start:end].decode())
            name, title, url, text = fields
            yield Document(id=name, title=title, url=url, text=text, source=self.source)
