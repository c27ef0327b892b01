"""Sizes that a collection must take: a million tiny documents, in bounded memory."""

import subprocess
import sys

import pytest

ADD = """
import sys
from frugally import Collection
collection = Collection.create(sys.argv[2])
added = collection.add_files([sys.argv[1]], memory=400_000_000)
assert added.documents == 1_000_000 and not added.problems, added
assert [h.id for h in collection.search("nr 777777", k=1)] == ["777777"]
assert collection.verify() == []
"""


@pytest.mark.long
def test_a_million_tiny_documents(tmp_path):
    from benchmarks import memory

    source = tmp_path / "tiny.jsonl"
    with source.open("w") as file:
        for i in range(1_000_000):
            file.write(f'{{"id": "{i}", "text": "nr {i}"}}\n')
    run = memory.run([sys.executable, "-c", ADD, str(source), str(tmp_path / "c")])
    assert run.peak <= 400_000_000


@pytest.mark.long
def test_one_document_of_forty_megabytes(tmp_path):
    source = tmp_path / "large.txt"
    source.write_text("A sentence of some words, again and again.\n" * 1_000_000)
    command = [
        sys.executable,
        "-m",
        "frugally",
        "index",
        str(source),
        "--into",
        str(tmp_path / "c"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "documents added" in done.stdout
