"""docs/format.md is enough to read a collection: a slow reader written from that page alone."""

import hashlib
import json
import sqlite3
import struct
import zlib

import numpy as np
import pytest

from frugally.ask.collection import Collection
from frugally.ask.document import Document
from frugally.text.murmur import murmur3_32

SIZES = {"U8": (1, "B"), "U16": (2, "H"), "U32": (4, "I"), "U64": (8, "Q")}
FREQUENCY_BITS = (0, 1, 2, 3, 5, 8, 16, 32)


class Bits:
    """Numbers of some bits each, filled from the low end of each byte."""

    def __init__(self, data: bytes, byte: int) -> None:
        self.data = data
        self.at = byte * 8

    def take(self, width: int) -> int:
        value = 0
        for i in range(width):
            value |= (self.data[self.at >> 3] >> (self.at & 7) & 1) << i
            self.at += 1
        return value

    def whole_byte(self) -> int:
        return (self.at + 7) // 8


def varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            return value, at


def read_tables(path):
    data = path.read_bytes()
    start = 8 + struct.unpack("<Q", data[:8])[0]
    tables = {}
    for name, about in json.loads(data[8:start]).items():
        low, high = about["data_offsets"]
        size, letter = SIZES[about["dtype"]]
        count = (high - low) // size
        assert about["shape"] == [count]
        values = struct.unpack(f"<{count}{letter}", data[start + low : start + high])
        tables[name] = about["dtype"], values
    return tables


def read_list(data, at, count, d):
    """The postings of a list that begins at `at`; where each block begins, and where it ends."""
    docs, frequencies, starts = [], [], []
    while len(docs) < count:
        starts.append(at)
        size = min(128, count - len(docs))
        g, f = data[at] & 31, FREQUENCY_BITS[data[at] >> 5]
        bits = Bits(data, at + 1)
        block = [bits.take(d)]
        for _ in range(size - 1):
            block.append(block[-1] + bits.take(g) + 1)
        docs += block
        frequencies += [bits.take(f) + 1 for _ in range(size)]
        at = bits.whole_byte()
    return dict(zip(docs, frequencies, strict=True)), starts, at


def read_postings(folder, passages):
    """`{term: {passage: frequency}}` of a segment, every claim about the tables checked."""
    tables = {
        name: values for name, (_, values) in read_tables(folder / "tables.safetensors").items()
    }
    directory = (folder / "terms.bin").read_bytes()
    lists = (folder / "postings.bin").read_bytes()
    assert directory[-8:] == lists[-8:] == bytes(8)
    d = max(1, (passages - 1).bit_length())
    found, skip, list_at, pair = {}, 0, 0, 0
    for number, start in enumerate(tables["block_positions"]):
        assert tables["block_postings"][number] == list_at
        assert tables["block_skips"][number] == skip
        count, g = directory[start] + 1, directory[start + 1]
        bits = Bits(directory, start + 2)
        terms = [tables["block_keys"][number]]
        for _ in range(count - 1):
            terms.append(terms[-1] + bits.take(g) + 1)
        inline = [bits.take(1) for _ in terms]
        for term, alone in zip(terms, inline, strict=True):
            if alone:
                payload = bits.take(d + 1)
                found[term] = {payload >> 1: (payload & 1) + 1}
        at = bits.whole_byte()
        for term, alone in zip(terms, inline, strict=True):
            if alone:
                continue
            fewer, at = varint(directory, at)
            size, at = varint(directory, at)
            postings, starts, end = read_list(lists, list_at, fewer + 1, d)
            assert end == list_at + size
            found[term] = postings
            for b in range(len(starts) if fewer + 1 > 128 else 0):
                block = list(postings.items())[128 * b : 128 * b + 128]
                assert tables["skip_last"][skip] == block[-1][0]
                assert tables["skip_position"][skip] == starts[b] - list_at
                stop = tables["impact_ends"][skip]
                flat = tables["impacts"][pair:stop]
                assert list(zip(flat[::2], flat[1::2], strict=True)) == pareto(
                    [(min(tf, 255), code(tables["lengths"][p])) for p, tf in block]
                )
                pair, skip = stop, skip + 1
            list_at = end
        ends = [*tables["block_positions"][1:], len(directory) - 8]
        assert at == ends[number]
    assert list_at == len(lists) - 8
    assert (skip, pair) == (len(tables["skip_last"]), len(tables["impacts"]))
    return found


def code(length):
    floors = [c if c < 64 else int(64 * 1.045 ** (c - 64)) for c in range(256)]
    return max(c for c, floor in enumerate(floors) if floor <= length)


def pareto(pairs):
    """The pairs that no other one beats: as frequent or more, and as short or shorter."""
    best = {
        (tf, c) for tf, c in pairs
        if not any((t, s) != (tf, c) and t >= tf and s <= c for t, s in pairs)
    }  # fmt: skip
    return sorted(best, reverse=True)


@pytest.fixture(scope="module")
def collection(tmp_path_factory, zipf_texts):
    """Two segments: lists of many blocks, high frequencies, odd texts, a deletion each."""
    made = Collection.create(tmp_path_factory.mktemp("format") / "c", bits=12)
    texts = zipf_texts(700, 4)
    texts[3] += " common" * 300
    texts[5] = "a lone surrogate \ud800 stands here"
    texts[6] = "long " * 3000
    documents = [Document(id=f"é{i}", title="t", text=text) for i, text in enumerate(texts)]
    made.add(documents, longest=1 << 15)
    made.add([Document(id="x", text="in another segment"), Document(id="y", text="gone soon")])
    made.remove(["é9", "y"])
    return made


def test_the_manifest_signs_itself(collection):
    data = json.loads((collection.path / "manifest.json").read_bytes())
    signature = data.pop("sha256")
    assert hashlib.sha256(json.dumps(data, indent=1).encode()).hexdigest() == signature
    assert set(data) == {
        "format", "commit", "next_segment", "analyser", "analyser_digest", "segments"
    }  # fmt: skip
    recipe = json.dumps(data["analyser"], sort_keys=True).encode()
    assert data["analyser_digest"] == hashlib.sha256(recipe).hexdigest()[:16]
    for entry in data["segments"]:
        for name, (size, digest) in entry["files"].items():
            content = (collection.path / entry["name"] / name).read_bytes()
            assert (len(content), hashlib.sha256(content).hexdigest()) == (size, digest)


def test_postings_read_by_the_page_are_those_that_search_sees(collection, all_postings):
    searched = all_postings(collection.snapshot.segments)
    base, read = 0, {}
    for segment in collection.snapshot.segments:
        for term, postings in read_postings(segment.folder, segment.entry.passages).items():
            read.setdefault(term, {}).update({base + p: tf for p, tf in postings.items()})
        base += segment.entry.passages
    assert read == searched
    assert max(len(p) for p in read.values()) > 256  # lists of several blocks were among them
    assert max(max(p.values()) for p in read.values()) > 255


def test_a_segment_of_one_passage_has_numbers_of_one_bit(write_segment, all_postings, tmp_path):
    segment = write_segment(tmp_path / "s", {7: {0: 1}, 9: {0: 2}, 11: {0: 3}}, [6])
    assert read_postings(segment.folder, 1) == all_postings([segment])


def test_tables_have_the_dtypes_of_the_page(collection):
    for segment in collection.snapshot.segments:
        tables = read_tables(segment.folder / "tables.safetensors")
        assert {name: dtype for name, (dtype, _) in tables.items()} == {
            "block_keys": "U32", "block_positions": "U64", "block_postings": "U64",
            "block_skips": "U32", "skip_last": "U32", "skip_position": "U32", "impacts": "U8",
            "impact_ends": "U32", "lengths": "U16", "id_hashes": "U32", "id_passages": "U32",
            "sample": "U64",
        }  # fmt: skip
        for both in tables["sample"][1]:
            assert both >> 32 == both & 0xFFF
            assert both >> 32 & 1023 == 0


def read_block(first, block):
    """First passage, id, text as it is stored, and whether that is compressed, per document."""
    (count,) = struct.unpack_from("<I", block)
    end = 4 + 24 * count
    for row in range(count):
        passages, *sizes, text, details = struct.unpack_from("<6I", block, 4 + 24 * row)
        fields = []
        for size in (*sizes, text & 0x7FFFFFFF, details):
            fields.append(block[end : end + size])
            end += size
        yield first, fields[0].decode(), fields[3], bool(text >> 31)
        if passages == 1 and not details:
            assert not text >> 31 or zlib.decompress(fields[3]).strip()
        else:
            assert len(json.loads(fields[4])["passages"]) == passages
        first += passages
    assert end == len(block)


def test_documents_ids_and_tombstones(collection):
    dead = set()
    for segment in collection.snapshot.segments:
        tables = read_tables(segment.folder / "tables.safetensors")
        hashes, firsts = tables["id_hashes"][1], tables["id_passages"][1]
        assert list(hashes) == sorted(hashes)
        (tombstones,) = segment.folder.glob("tombstones-*.bin")
        bitmap = tombstones.read_bytes()
        assert len(bitmap) == (segment.entry.passages + 7) // 8
        database = sqlite3.connect(segment.folder / "documents.sqlite")
        blocks = database.execute("SELECT passage, source, documents FROM blocks").fetchall()
        database.close()
        rows = [row for first, _, block in blocks for row in read_block(first, block)]
        assert len(rows) == segment.entry.documents
        for first, name, text, compressed in rows:
            assert (murmur3_32(name.encode()), first) in set(zip(hashes, firsts, strict=True))
            if bitmap[first >> 3] >> (first & 7) & 1:
                dead.add(name)
            whole = (zlib.decompress(text) if compressed else text).decode()
            assert compressed == (len(whole.encode()) >= 2048)
            assert "?" in whole or name != "é5"
    assert dead == {"é9", "y"}


def test_sources_may_have_names_that_are_not_utf8(tmp_path):
    made = Collection.create(tmp_path / "c")
    name = tmp_path / "caf\udce9.txt"
    name.write_text("tea")
    made.add_files([name])
    made.add([Document(id="z", text="coffee", source="a name")])
    found = {}
    for segment in made.snapshot.segments:
        database = sqlite3.connect(segment.folder / "documents.sqlite")
        found.update(database.execute("SELECT path, size FROM sources").fetchall())
        database.close()
    assert found == {bytes(name): 3, "a name": -1}


def test_a_term_is_the_hash_of_its_stem(collection):
    (term,) = collection.snapshot.query("running")
    assert term.key == murmur3_32(b"run") & 0xFFF
    pair = collection.snapshot.query("running dogs")[-1]
    both = struct.pack("<II", murmur3_32(b"run"), murmur3_32(b"dog"))
    assert pair.key == murmur3_32(both) & 0xFFF
    assert np.uint32(murmur3_32(b"test")) == 0xBA6BD213
