"""What is packed is what is read, and the bounds of blocks are bounds."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frugally.ask.index.layout import BLOCK
from frugally.ask.index.postings import (
    LENGTH_FLOORS,
    doc_bits,
    length_codes,
    write_postings,
)
from frugally.ask.search.ranking import Ranking

EDGES = [0, 1, 2, 0xFFFFFFFE, 0xFFFFFFFF]


@st.composite
def posting_lists(draw):
    """Postings by term and passage, with sizes about those at which the layout changes."""
    passages = draw(st.sampled_from([1, 2, 3, 4, 5, 127, 128, 129, 256, 257, 1024, 1025, 4096]))
    source = random.Random(draw(st.integers(0, 1 << 30)))
    many = draw(st.sampled_from([0, 0, 255, 256, 257, 512, 513]))
    if many:
        keys = {*source.sample(range(1 << draw(st.sampled_from([10, 24, 32]))), many)}
        sizes, frequencies = [1, 1, 1, 1, 2], [1, 1, 2, 3]
    else:
        edge = st.one_of(st.sampled_from(EDGES), st.integers(0, 0xFFFFFFFF))
        keys = draw(st.sets(edge, min_size=1, max_size=8))
        sizes = [1, 1, 2, 127, 128, 129, 255, 256, 257, 1000]
        frequencies = draw(st.sampled_from(
            [[1], [1, 2], [1, 2, 3], [1, 3, 9, 250], [254, 255, 256, 70_000], [1, 2**31, 2**32 - 1]]
        ))  # fmt: skip
    postings = {}
    for key in keys:
        size = min(source.choice(sizes), passages)
        start = source.randint(0, passages - size)  # neighbours, or spread over all
        docs = range(start, start + size) if source.random() < 0.3 else range(passages)
        postings[key] = {d: source.choice(frequencies) for d in source.sample(docs, size)}
    lengths = [source.choice([1, 63, 64, 65, 100, 1000, 70_000]) for _ in range(passages)]
    return postings, lengths


@given(posting_lists(), st.integers(1, 3000), st.lists(st.integers(0, 0xFFFFFFFF), max_size=4))
def test_what_is_packed_is_read(tmp_path_factory, write_segment, all_postings, drawn, piece, cuts):
    postings, lengths = drawn
    folder = tmp_path_factory.mktemp("postings")
    segment = write_segment(folder / "a", postings, lengths)
    assert all_postings([segment], piece) == postings
    assert segment.lengths.tolist() == lengths
    keys = np.array(sorted(postings), np.int64)
    rows = segment.look_up(keys)
    assert rows[:, 0].tolist() == keys.tolist()
    assert rows[:, 1].tolist() == [len(postings[k]) for k in keys.tolist()]
    for row in rows:
        docs, tfs = segment.postings_of(row)
        assert dict(zip(docs.tolist(), tfs.tolist(), strict=True)) == postings[int(row[0])]
        assert (np.diff(docs.astype(np.int64)) > 0).all()
    absent = {k + d for k in postings for d in (-1, 1)} | set(EDGES)
    absent = np.array([k for k in absent if k not in postings and 0 <= k < 1 << 32], np.int64)
    assert not segment.look_up(absent)[:, 1].any()
    # The same postings make the same bytes, however they come in pieces.
    again = write_segment(folder / "b", postings, lengths, cuts)
    assert again.entry.files == segment.entry.files


@pytest.mark.parametrize("count", [127, 128, 129, 255, 256, 257])
def test_sizes_of_blocks(tmp_path, write_segment, all_postings, count):
    postings = {7: {d: 1 + d % 5 for d in range(count)}, 9: {count - 1: 2}, 10: {0: 3}}
    segment = write_segment(tmp_path / "s", postings, [10] * count)
    assert all_postings([segment]) == postings
    assert len(segment.tables["skip_last"]) == (0 if count <= BLOCK else -(-count // BLOCK))
    # One passage with one or two occurrences lies in the directory; three do not.
    assert segment.look_up(np.array([9, 10]))[:, 2].astype(bool).tolist() == [False, True]


def test_occurrences_are_counted(tmp_path):
    source = random.Random(4)
    lists = {t: {d: source.randint(1, 4) for d in range(0, 300, 1 + t % 7)} for t in range(50)}
    packed = np.array(
        [t << 32 | d for t, docs in lists.items() for d, n in docs.items() for _ in range(n)],
        np.uint64,
    )
    piece = packed, np.zeros(0, np.uint32)
    written = write_postings(tmp_path, [lambda: piece], np.full(300, 9), {})
    assert written.postings == sum(map(len, lists.values()))
    assert written.terms == 50


def test_an_empty_segment(tmp_path, write_segment, all_postings):
    segment = write_segment(tmp_path / "s", {}, [0])
    assert all_postings([segment]) == {}
    assert not segment.look_up(np.array(EDGES))[:, 1].any()


@given(st.lists(st.integers(0, 1 << 31), min_size=1))
def test_length_codes_round_down(lengths):
    codes = length_codes(np.array(lengths))
    floors = LENGTH_FLOORS[codes]
    assert (floors <= lengths).all()
    inside = codes < 255
    following = LENGTH_FLOORS[np.minimum(codes.astype(int) + 1, 255)]
    assert (following[inside] > np.array(lengths)[inside]).all()


@pytest.mark.parametrize("passages", [1, 2, 3, 4, 5, 1024, 1025])
def test_doc_bits_hold_every_number(passages):
    assert passages - 1 < 1 << doc_bits(passages) <= max(2, 2 * passages - 1)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 1 << 30),
    count=st.integers(BLOCK + 1, 700),
    k1=st.sampled_from([0.0, 0.45, 1.2, 10.0]),
    b=st.sampled_from([0.0, 0.1, 0.75, 1.0]),
)
def test_no_share_is_above_the_bound_of_its_block(
    tmp_path_factory, write_segment, seed, count, k1, b
):
    source = np.random.default_rng(seed)
    lengths = np.maximum(1, source.lognormal(4, 1.5, count)).astype(np.int64)
    tfs = np.maximum(1, source.lognormal(0.5, 2, count)).astype(np.int64)
    postings = {3: dict(enumerate(tfs.tolist()))}
    segment = write_segment(tmp_path_factory.mktemp("bounds") / "s", postings, lengths)
    ranking = Ranking(k1=k1, b=b)
    norms = ranking.norms(lengths, lengths.mean()).astype(np.float32).astype(np.float64)
    code_norms = ranking.norms(LENGTH_FLOORS, lengths.mean())
    tables = segment.tables
    begin = 0
    for block, end in enumerate(tables["impact_ends"].tolist()):
        pairs = tables["impacts"][begin:end].reshape(-1, 2)
        begin = end
        most = np.where(pairs[:, 0] < 255, pairs[:, 0], 1e9)
        bound = (most * (k1 + 1) / (most + code_norms[pairs[:, 1]])).max() * (1 + 1e-6)
        docs = slice(block * BLOCK, (block + 1) * BLOCK)
        assert (tfs[docs] * (k1 + 1) / (tfs[docs] + norms[docs])).max() <= bound
        assert np.log1p(tfs[docs]).max() <= np.log1p(most).max()
        assert len(pairs) == len({tuple(p) for p in pairs.tolist()})
    assert block + 1 == -(-count // BLOCK)
