import bz2
import gzip
import io
import lzma
import os
import random
import sys
import threading
from functools import partial
from types import SimpleNamespace

import pytest


@pytest.mark.parametrize(
    ("sample", "name"),
    [
        ("enwiki-cut.xml.bz2", "enwiki.xml-p10p30302-shortened.bz2"),
        ("bgwiki-cut.xml.bz2", "dump"),
        ("photosynthesis.pdf", "paper"),
        ("tea.docx", "tea.bin"),
        ("articles.epub", "book.zip"),
        ("photosynthesis.html", "page.php"),
        ("elephants-dream.en.vtt", "captions"),
        ("hf-course-01.en.srt", "captions.sub"),
        ("articles.jsonl", "articles.json"),
        ("tea.txt", "README"),
        ("photosynthesis.pdf", "wrongly-named.txt"),
    ],
)
def test_an_ending_that_says_nothing_leaves_it_to_the_content(
    sample, name, samples, read, read_bytes
):
    expected = read(samples / sample).documents
    documents, problems = read_bytes(name, (samples / sample).read_bytes())
    assert [d.text for d in documents] == [d.text for d in expected]
    assert not problems


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "PNG"),
        (b"\x7fELF" + bytes(100), "program"),
        (b"PK\x03\x04" + bytes(100), "zip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "docx"),
        (b"\0\0\0\x20ftypisom" + bytes(100), "video"),
        (bytes(257) + b"ustar" + bytes(100), "tar"),
        (bytes(1000), "binary"),
        (bytes(range(256)) * 20, "binary"),
    ],
)
@pytest.mark.parametrize("name", ["file", "file.txt", "file.jsonl", "file.html"])
def test_binary_files_are_refused_by_what_they_are(data, word, name, read_bytes):
    documents, (problem,) = read_bytes(name, data)
    assert not documents
    assert problem.kind == "skipped"
    assert word in problem.reason


def test_other_xml_is_refused(read_bytes):
    documents, (problem,) = read_bytes("feed.xml", b"<rss><channel/></rss>")
    assert not documents
    assert "MediaWiki" in problem.reason


def test_what_cannot_be_opened_is_reported(tmp_path, read):
    folder, missing = read(tmp_path), read(tmp_path / "gone.txt")
    assert "directory" in folder.reasons
    assert "No such file" in missing.reasons


@pytest.mark.parametrize(
    ("ending", "compress"),
    [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", partial(lzma.compress, preset=0))],
)
def test_compressed_data_cut_short_keeps_what_came_before(ending, compress, tmp_path, read):
    rng = random.Random(3)
    lines = [b'{"text": "%s"}\n' % rng.randbytes(30).hex().encode() for _ in range(30_000)]
    data = compress(b"".join(lines))
    path = tmp_path / f"lines.jsonl{ending}"
    path.write_bytes(data[: len(data) * 3 // 4])
    documents, problems = read(path)
    assert 5_000 < len(documents) < 30_000
    assert "ends early after" in problems[-1].reason
    assert f"{len(documents):,} documents before that were read" in problems[-1].reason


def test_damaged_compression_is_told_from_a_short_one(samples, read_bytes):
    data = bytearray((samples / "enwiki-cut.xml.bz2").read_bytes())
    data[len(data) // 2 :] = bytes(len(data) // 2)
    _, problems = read_bytes("dump.xml.bz2", bytes(data))
    assert "breaks" in problems[-1].reason


@pytest.fixture
def standard_input(monkeypatch):
    def give(data: bytes):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))

    return give


def test_standard_input_is_text_or_json_lines(standard_input, read):
    standard_input(b"Some words.\nMore words.\n")
    assert read("-").documents[0].id == "-"
    standard_input(b'{"id": 7, "text": "Some words."}\n{"text": "More."}\n')
    assert [d.id for d in read("-").documents] == ["7", "-#2"]
    standard_input(b"")
    assert "empty" in read("-").reasons


def test_a_pipe_is_read_as_it_comes(tmp_path, read):
    path = tmp_path / "pipe"
    os.mkfifo(path)

    def write():
        with path.open("wb", buffering=0) as pipe:
            for word in (b"Some", b" words", b" come", b" late."):
                pipe.write(word)

    writer = threading.Thread(target=write)
    writer.start()
    assert read(path).text == "Some words come late."
    writer.join()


def test_files_of_nothing_but_white_space_are_empty(read_bytes):
    assert "empty" in read_bytes("blank.txt", b" \n\n\t ").reasons
