from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from frugally.ask.batch import Batch
from frugally.ask.document import Document, Passage
from frugally.ask.passages import extent, split_passages
from frugally.ask.sources import Problem, read_batches, read_documents


class Reading(NamedTuple):
    documents: list[Document]
    problems: list[Problem]

    @property
    def reasons(self) -> str:
        return "\n".join(problem.reason for problem in self.problems)

    @property
    def text(self) -> str:
        """The text of the one document."""
        (document,) = self.documents
        return document.text


def in_batches(path: Path | str, longest: int) -> Reading:
    """What is read when short documents come together; they must be short."""
    documents: list[Document] = []
    problems: list[Problem] = []
    for item in read_batches(path, problems.append, longest=longest):
        if isinstance(item, Batch):
            short = list(item.documents())
            assert all(split_passages(d, longest=longest) == [extent_of(d)] for d in short)
            documents += short
        else:
            documents.append(item)
    return Reading(documents, problems)


def extent_of(document: Document) -> Passage:
    start, end = extent(document.text)
    return Passage(start=start, end=end)


@pytest.fixture
def samples() -> Path:
    return Path(__file__).parents[2] / "data" / "sources"


@pytest.fixture
def read() -> Callable[[Path | str], Reading]:
    """Read one path to the end and keep what was reported; the same in batches."""

    def read_all(path: Path | str) -> Reading:
        problems: list[Problem] = []
        reading = Reading(list(read_documents(path, problems.append)), problems)
        if Path(path).is_file():  # a pipe can be read once
            for longest in (5, 1200):
                assert in_batches(path, longest) == reading
        return reading

    return read_all


@pytest.fixture
def read_bytes(tmp_path, read):
    """Read bytes from a file of a given name."""

    def read_from(name: str, data: bytes) -> Reading:
        path = tmp_path / name
        path.write_bytes(data)
        return read(path)

    return read_from
