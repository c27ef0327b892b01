"""What a source is: a reader of one format, and the reports it makes of what it left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from frugally.ask.document import Document
from frugally.ask.sources.opening import SourceFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing in `path` that could not be used as it stood.

    `kind` tells a loss from a repair: "skipped" was left out, "repaired" is in, but changed
    (undecodable bytes replaced, impossible times put right). `cut`: the file could not be read to
    its end.
    """

    path: str
    reason: str
    kind: Literal["skipped", "repaired"] = "skipped"
    cut: bool = False


Report = Callable[[Problem], None]


def report_replaced(file: SourceFile, report: Report) -> None:
    """Report how many characters of a decoded `file` made no sense, if any did."""
    if count := file.decoder.replaced:
        reason = f"{count:,} characters are not valid {file.decoder.encoding} and were replaced"
        report(Problem(path=file.name, reason=reason, kind="repaired"))


class Source(Protocol):
    """A reader of one format.

    `suffixes` are lower-case file endings with their dot; the ending of a compression after them
    is the opener's business.
    """

    name: str
    suffixes: tuple[str, ...]

    def recognises(self, head: bytes) -> bool:
        """Whether a file of unknown ending that starts with `head` is of this format."""
        ...

    def documents(self, file: SourceFile, report: Report) -> Iterator[Document]:
        """Yield the documents of `file` in order, holding no more than one of them.

        Reports what it leaves out. Raises SourceError where nothing more can be read; what was
        yielded before stands.
        """
        ...
