"""What holds for every format: one table, all sources."""

import bz2
import gzip
import lzma
import random
import subprocess
import sys

import pytest

from frugally.ask.passages import split_passages
from frugally.ask.sources import SOURCES

SAMPLES = {
    "text": ["tea.txt"],
    "markdown": ["volcano.md"],
    "html": ["photosynthesis.html", "libffi-introduction.html"],
    "pdf": ["photosynthesis.pdf"],
    "docx": ["tea.docx"],
    "epub": ["articles.epub"],
    "jsonl": ["articles.jsonl"],
    "mediawiki": ["enwiki-cut.xml", "enwiki-cut.xml.bz2", "bgwiki-cut.xml.bz2"],
    "subtitles": [
        "hf-course-01.en.srt",
        "hf-course-03-sbv.fr.srt",
        "elephants-dream.en.vtt",
        "elephants-dream.ja.vtt",
    ],
}
FILES = [name for names in SAMPLES.values() for name in names]
# These are read from their end, and cannot be decompressed on the way.
PACKED = ("pdf", "docx", "epub")


def test_every_source_has_a_sample_and_suffixes_of_its_own():
    assert {source.name for source in SOURCES} == set(SAMPLES)
    suffixes = [suffix for source in SOURCES for suffix in source.suffixes]
    assert len(suffixes) == len(set(suffixes))
    assert all(suffix.startswith(".") and suffix.islower() for suffix in suffixes)


@pytest.mark.parametrize("name", FILES)
def test_a_sample_becomes_documents_fit_to_store(name, samples, read):
    documents, problems = read(samples / name)
    assert documents
    assert not problems
    assert len({document.id for document in documents}) == len(documents)
    for document in documents:
        assert document.source == (samples / name).as_posix()
        assert document.id
        assert document.title
        assert document.text.strip()
        assert not set("\0\r") & set(document.text)
        document.text.encode("utf-8")
        assert split_passages(document)


@pytest.mark.parametrize("name", FILES)
def test_reading_again_gives_the_same(name, samples, read):
    assert read(samples / name) == read(samples / name)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.97])
def test_a_file_cut_short_is_read_or_reported(name, share, samples, read_bytes):
    whole = (samples / name).read_bytes()
    documents, problems = read_bytes(name, whole[: int(len(whole) * share)])
    assert documents or problems


@pytest.mark.parametrize("name", FILES)
def test_damage_in_the_middle_is_read_or_reported(name, samples, read_bytes):
    rng = random.Random(7)
    whole = (samples / name).read_bytes()
    for _ in range(5):
        data = bytearray(whole)
        for _ in range(20):
            data[rng.randrange(len(data))] = rng.randrange(256)
        documents, problems = read_bytes(name, bytes(data))
        assert documents or problems
        for document in documents:
            document.text.encode("utf-8")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed_files_of_text_open_by_content(name, compress, samples, read, read_bytes):
    kind = next(kind for kind, names in SAMPLES.items() if name in names)
    data = (samples / name).read_bytes()
    ending = {gzip.compress: ".gz", bz2.compress: ".bz2", lzma.compress: ".xz"}[compress]
    if name.endswith(".bz2"):
        pytest.skip("compressed already")
    documents, problems = read_bytes(name + ending, compress(data))
    if kind in PACKED:
        assert not documents
        assert "unpack it" in problems[0].reason
    else:
        assert [d.text for d in documents] == [d.text for d in read(samples / name).documents]


@pytest.mark.parametrize("suffix", [suffix for source in SOURCES for suffix in source.suffixes])
def test_nothing_and_binary_files_are_refused_with_a_reason(suffix, read_bytes):
    empty = read_bytes(f"empty{suffix}", b"")
    assert not empty.documents
    assert "empty" in empty.reasons
    noise = read_bytes(f"noise{suffix}", random.Random(1).randbytes(50_000))
    assert not noise.documents
    assert len(noise.problems) == 1


def test_no_parser_is_loaded_before_a_file_needs_it():
    code = (
        "import sys, frugally.ask.sources; print({*sys.modules} & "
        "{'pypdf', 'docx', 'lxml', 'mwparserfromhell', 'charset_normalizer'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
