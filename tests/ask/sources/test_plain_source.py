import gzip
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugally.ask.sources import read_documents
from frugally.ask.sources.plain import LONGEST_DOCUMENT, bounded_parts


def test_text_is_kept_as_it_stands(read_bytes):
    documents, _ = read_bytes("notes.txt", b"  One.\r\n\r\nTwo.\r\n")
    assert documents[0].text == "  One.\n\nTwo.\n"
    assert documents[0].title == "notes"


@given(st.lists(st.text(alphabet="ab \n\t", max_size=40)), st.integers(8, 50))
def test_parts_are_bounded_and_lose_nothing_but_blanks(pieces, longest):
    parts = list(bounded_parts(pieces, longest))
    assert all(0 < len(part) <= longest and not part.isspace() for part in parts)
    assert "".join("".join(parts).split()) == "".join("".join(pieces).split())


def test_parts_end_at_white_space_if_there_is_some():
    parts = list(bounded_parts(["words of text " * 100], 100))
    assert all(part.endswith(" ") for part in parts[:-1])


def test_a_part_never_ends_inside_a_character():
    parts = list(bounded_parts(["e\u0301" * 200], 101))
    assert all(len(part) % 2 == 0 and part[0] == "e" for part in parts)


def _read_one_line(path, megabytes, line):
    """Write one line of many megabytes and read it: all of it, in parts, in little memory."""
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(megabytes):
            file.write(line)
    tracemalloc.start()
    documents = [(d.id, len(d.text)) for d in read_documents(path, pytest.fail)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [i for i, _ in documents[:3]] == [path.as_posix(), f"{path}#2", f"{path}#3"]
    assert sum(length for _, length in documents) == megabytes * len(line)
    assert max(length for _, length in documents) <= LONGEST_DOCUMENT
    assert peak < 18_000_000


@pytest.mark.parametrize("line", [b"x" * 1_000_000, b"wordy " * 170_000])
def test_one_long_line_is_read_in_bounded_memory(tmp_path, line):
    _read_one_line(tmp_path / "line.txt.gz", 20, line)


@pytest.mark.long
def test_one_line_of_a_gigabyte_is_read_in_bounded_memory(tmp_path):
    _read_one_line(tmp_path / "line.txt.gz", 1000, b"x" * 1_000_000)
