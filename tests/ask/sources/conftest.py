from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from frugally.ask.document import Document
from frugally.ask.sources import Problem, read_documents


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


@pytest.fixture
def samples() -> Path:
    return Path(__file__).parents[2] / "data" / "sources"


@pytest.fixture
def read() -> Callable[[Path | str], Reading]:
    """Read one path to the end and keep what was reported."""

    def read_all(path: Path | str) -> Reading:
        problems: list[Problem] = []
        return Reading(list(read_documents(path, problems.append)), problems)

    return read_all


@pytest.fixture
def read_bytes(tmp_path, read):
    """Read bytes from a file of a given name."""

    def read_from(name: str, data: bytes) -> Reading:
        path = tmp_path / name
        path.write_bytes(data)
        return read(path)

    return read_from
