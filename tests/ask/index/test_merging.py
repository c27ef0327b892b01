"""Merged segments are what building at once would have made; the policy keeps them few."""

import random

import numpy as np
import pytest

from frugally.ask.collection import Collection
from frugally.ask.document import Document
from frugally.ask.index.manifest import SegmentEntry
from frugally.ask.index.merging import FANOUT, due_for_merging


def documents(texts, first=0):
    return [
        Document(id=f"d{first + i}", title=f"Title {i % 7}", url=f"u{i}", text=text)
        for i, text in enumerate(texts)
    ]


def posting_files(collection):
    folders = [p for p in sorted(collection.path.iterdir()) if p.name.startswith("seg-")]
    return [(f / n).read_bytes() for f in folders for n in ("postings.bin", "terms.bin")]


@pytest.mark.parametrize("piece", [1 << 20, 64])
@pytest.mark.parametrize("removed", [0, 70])
def test_merged_equals_built_at_once(
    tmp_path, zipf_texts, all_postings, monkeypatch, piece, removed
):
    monkeypatch.setattr("frugally.ask.index.merging._PIECE", piece)
    monkeypatch.setattr("frugally.ask.index.occurrences._PIECE", max(piece, 1000))
    docs = documents(
        [t if i % 50 else "\n\n".join([t * 30] * 4) for i, t in enumerate(zipf_texts(400))]
    )
    many = Collection.create(tmp_path / "many")
    for start in range(0, 400, 90):
        many.add(docs[start : start + 90])
    gone = {d.id for d in random.Random(3).sample(docs, removed)} | (
        {docs[0].id} if removed else set()
    )
    if gone:
        many.remove(sorted(gone))
    assert many.status()["segments"] == 5
    many.compact()
    once = Collection.create(tmp_path / "once")
    once.add([d for d in docs if d.id not in gone])
    assert len(many.snapshot.segments) == len(once.snapshot.segments) == 1
    assert posting_files(many) == posting_files(once)
    assert all_postings(many.snapshot.segments) == all_postings(once.snapshot.segments)
    assert np.array_equal(many.snapshot.segments[0].lengths, once.snapshot.segments[0].lengths)
    assert list(many.documents()) == list(once.documents())
    assert many.status()["deleted_passages"] == 0
    assert many.verify() == []
    if not gone:
        samples = [c.snapshot.segments[0].tables["sample"] for c in (many, once)]
        assert np.array_equal(*samples)


def test_terms_at_the_ends_of_32_bits(tmp_path, write_segment, monkeypatch):
    from frugally.ask.index import merging

    monkeypatch.setattr(merging, "_PIECE", 4)
    source = random.Random(2)
    parts, expected = [], {}
    for s in range(3):
        postings = {
            key: {
                d: source.randint(1, 3)
                for d in source.sample(range(200), source.choice([1, 5, 150]))
            }
            for key in source.sample([0, 1, 2, 255, 256, 0xFFFFFFFE, 0xFFFFFFFF], 5)
        }
        parts.append(write_segment(tmp_path / f"s{s}", postings, [5] * 200))
        for key, docs in postings.items():
            expected.setdefault(key, {}).update({200 * s + d: tf for d, tf in docs.items()})
    numbers = [np.arange(200) + 200 * s for s in range(3)]
    found = {}
    for piece in merging._merged(parts, numbers):
        packed, frequencies = piece()
        assert (np.diff(packed.astype(object)) > 0).all()
        assert not set((packed >> np.uint64(32)).tolist()) & set(found)
        for both, tf in zip(packed.tolist(), frequencies.tolist(), strict=True):
            found.setdefault(both >> 32, {})[both & 0xFFFFFFFF] = tf
    assert found == expected


def test_sources_and_places_survive(tmp_path):
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.txt").write_text(f"text of {name}")
    subtitles = "1\n00:00:01,000 --> 00:00:04,000\nhello there\n"
    (tmp_path / "s.srt").write_text(subtitles)
    collection = Collection.create(tmp_path / "c.frugal")
    for name in ("a.txt", "s.srt", "b.txt", "c.txt"):
        collection.add_files([tmp_path / name])
    collection.remove([str(tmp_path / "b.txt")])
    before, sources = list(collection.documents()), collection.sources()
    collection.compact()
    assert [s.document for s in collection.documents()] == [s.document for s in before]
    assert collection.sources() == sources
    assert collection.search("hello")[0].begins == 1.0
    assert collection.add_files([tmp_path / "a.txt", tmp_path / "s.srt"]).unchanged == 2


def entry(passages: int) -> SegmentEntry:
    return SegmentEntry(
        name="", documents=0, passages=passages, words=0, postings=0, terms=0, files={}
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_policy_keeps_segments_few_and_rewrites_little(seed):
    source = random.Random(seed)
    sizes = [source.choice([1, 10, 500, 2000]) for _ in range(3000)]
    segments, rewritten = [], 0
    for size in sizes:
        segments.append(entry(size))
        while run := due_for_merging(segments):
            assert FANOUT <= run <= len(segments)
            merged = sum(s.passages for s in segments[-run:])
            rewritten += merged
            segments[-run:] = [entry(merged)]
        assert len(segments) <= 50
    assert sum(s.passages for s in segments) == sum(sizes)
    assert rewritten < 20 * sum(sizes)


def test_the_policy_leaves_few_segments_alone():
    assert due_for_merging([]) == 0
    assert due_for_merging([entry(5)] * (FANOUT - 1)) == 0
    assert due_for_merging([entry(5)] * FANOUT) == FANOUT
    assert due_for_merging([entry(10**9), *[entry(5)] * FANOUT]) == FANOUT
    assert due_for_merging([entry(60_000), *[entry(5)] * (FANOUT - 1)]) == 0
    assert due_for_merging([*[entry(60_000)] * (FANOUT - 1), entry(5)]) == FANOUT
