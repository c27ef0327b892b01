"""The tagger: kernels against slow twins, batches against single sentences, bad folders."""

import doctest
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugally.errors import NetError
from frugally.nets.card import CARD, NETWORK
from frugally.nets.clusters import WordClusters
from frugally.nets.feedforward import FeedForward, Group, Shape, save_feedforward
from frugally.nets.tagger import Tagger, shipped_tagger
from frugally.nets.tagging.features import (
    HALF,
    RECIPE,
    SHAPES,
    SLOTS,
    outside_bags,
    shape,
    word_bags,
)
from frugally.text.murmur import murmur3_32
from frugally.text.sorted_map import SortedMap

DOCS = Path(__file__).parent.parent.parent / "docs"
LABELS = ["ADJ", "NOUN", "PUNCT", "VERB"]
WORDS = ["The", "the", "cat", "sat", ".", "😀", "a\0b", "x" * 300, "", "\ud800", "e-mail", "42"]


CLUSTERED = WordClusters(
    SortedMap.build(["cat", "sat", "mat"], np.array([0, 2, 1])),
    {"clusters": 3, "spelling": 1, "map": {"form": "sorted"}},
)


def make(folder, *, tags=True, clusters=None, seed=0):
    groups = [
        Group(name="ngrams2", rows=50, width=4, slots=SLOTS),
        Group(name="prefix2", rows=20, width=3, slots=SLOTS),
        Group(name="suffix3", rows=20, width=3, slots=SLOTS),
        Group(name="lower", rows=40, width=5, slots=SLOTS),
        Group(name="shape", rows=SHAPES, width=4, slots=SLOTS),
    ]
    if clusters:
        groups.append(Group(name="cluster", rows=4, width=4, slots=SLOTS))
    if tags:
        groups.append(Group(name="tags", rows=len(LABELS) + 1, width=4, slots=2))
    net = Shape(groups=tuple(groups), hidden=16, labels=len(LABELS))
    random = np.random.default_rng(seed)
    save_feedforward(
        folder,
        net,
        tables={g.name: random.normal(size=(g.rows, g.width)) for g in groups},
        hidden=(random.normal(size=(16, net.inputs)), random.normal(size=16)),
        output=(random.normal(size=(len(LABELS), 16)), random.normal(size=len(LABELS))),
        card={"task": "tagger", "labels": LABELS, "features": RECIPE}
        | ({"clusters": clusters.card} if clusters else {}),
        more={f"clusters.{n}": a for n, a in clusters.arrays().items()} if clusters else None,
    )
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make(tmp_path_factory.mktemp("tagger") / "net")


@pytest.fixture(scope="module")
def tagger(folder):
    return Tagger.load(folder)


def slow_tags(net: FeedForward, words):
    """Twin of the decoder: h0 written out for every word, one dot product at a time."""
    said = []
    for place in range(len(words)):
        inputs = []
        for group in net.shape.groups:
            table = net.tables[group.name].matrix().astype(np.float64)
            for slot in range(group.slots):
                if group.name == "tags":
                    before = place - 1 - slot
                    rows = [said[before] if before >= 0 else net.shape.labels]
                else:
                    other = place + slot - HALF
                    if 0 <= other < len(words):
                        rows = word_bags([words[other]], group.name, group.rows).rows
                    else:
                        rows = outside_bags(group.name)
                inputs.append(table[rows].mean(axis=0) if len(rows) else np.zeros(group.width))
        h0 = np.concatenate(inputs)
        h1 = np.maximum(net.hidden_weight.astype(np.float64) @ h0 + net.hidden_bias, 0)
        said.append(int((net.output_weight.astype(np.float64) @ h1 + net.output_bias).argmax()))
    return [LABELS[number] for number in said]


@given(st.lists(st.sampled_from(WORDS), max_size=12))
def test_decoding_equals_the_slow_twin(tagger, words):
    assert tagger.tag([words]) == [slow_tags(tagger.net, words)]


def test_a_net_without_tags_before(tmp_path):
    found = Tagger.load(make(tmp_path / "net", tags=False))
    assert found.tag([WORDS]) == [slow_tags(found.net, WORDS)]


@given(st.lists(st.lists(st.text(max_size=5), max_size=6), max_size=8))
def test_together_or_one_by_one(tagger, sentences):
    assert tagger.tag(sentences) == [tagger.tag([sentence])[0] for sentence in sentences]


def test_pieces_of_a_long_sentence_and_forgetting_change_nothing(folder, monkeypatch):
    random = np.random.default_rng(1)
    sentence = [f"w{n}" for n in random.integers(0, 400, 5000)]
    expected = Tagger.load(folder).tag([sentence, [], sentence[:7]])
    monkeypatch.setattr("frugally.nets.tagger._CHUNK", 64)
    small = Tagger.load(folder)
    small._most_words = 10
    assert small.tag([sentence, [], sentence[:7]]) == expected


def test_a_sentence_of_a_hundred_thousand_words(tagger):
    (found,) = tagger.tag([["the", "cat"] * 50_000])
    assert len(found) == 100_000


def test_nothing_and_strings(tagger):
    assert tagger.tag([]) == []
    assert tagger.tag([[]]) == [[]]
    assert len(tagger.tag([["one"]])[0]) == 1
    with pytest.raises(TypeError, match="not one string"):
        tagger.tag(["a sentence"])


@given(st.lists(st.text(max_size=9), min_size=1, max_size=6))
def test_whole_words_are_murmur_hashes(words):
    expected = [murmur3_32(w.encode("utf-8", "surrogatepass")) % 1009 for w in words]
    assert word_bags(words, "word", 1009).rows.tolist() == expected


def test_ends_of_words_are_their_outer_runs():
    runs = word_bags(["cats", "a"], "ngrams3", 5000)
    first, last = word_bags(["cats"], "prefix2", 5000), word_bags(["cats"], "suffix2", 5000)
    cats = runs.rows[: runs.ends[0]]
    assert first.rows.tolist() == [cats[0]]
    assert last.rows.tolist() == [cats[-1]]
    # ^a$ has no run of four: no suffix of three characters.
    assert word_bags(["a", "cats"], "suffix3", 5000).ends.tolist() == [0, 1]


@given(st.text(max_size=6))
def test_shapes_are_within_their_table(word):
    assert 1 <= shape(word) < SHAPES


def test_shapes_tell_kinds_apart():
    words = ["cat", "Cat", "CAT", "caT", "42", "4th", "-", "e-mail", "!", "U.S."]
    # "-" and "!" are both marks only.
    assert len({shape(word) for word in words}) == len(words) - 1


def test_clusters(tmp_path):
    tagger = Tagger.load(make(tmp_path / "net", clusters=CLUSTERED))
    assert word_bags(["Cat", "sat", "?"], "cluster", 4, CLUSTERED).rows.tolist() == [1, 3, 0]
    assert len(tagger.tag([WORDS])[0]) == len(WORDS)
    with pytest.raises(NetError, match="needs the clusters"):
        Tagger(tagger.net, tagger.card)
    fewer = {**CLUSTERED.card, "clusters": 2}
    others = WordClusters(SortedMap.build(["cat"], np.array([0])), fewer)
    with pytest.raises(NetError, match="needs the clusters"):
        Tagger(tagger.net, tagger.card, clusters=others)


def test_damaged_clusters_are_refused(tmp_path):
    other = WordClusters(CLUSTERED._words, {**CLUSTERED.card, "map": {"form": "bloom"}})
    with pytest.raises(NetError, match="not a map of words"):
        Tagger.load(make(tmp_path / "net", clusters=other))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: (f / CARD).unlink(), "holds no net"),
        (lambda f: (f / CARD).write_text("{"), "is not the card"),
        (lambda f: (f / NETWORK).write_bytes((f / NETWORK).read_bytes()[:-9]), "its card says"),
        (lambda f: change(f, format=99), "format 99"),
        (lambda f: change(f, task="language"), "for language"),
        (lambda f: change(f, features="tagger-0"), "'tagger-0'"),
        (lambda f: change(f, labels=["X"]), "1 names for 4 labels"),
    ],
)
def test_damaged_folders_are_refused(folder, tmp_path, damage, words):
    copy = shutil.copytree(folder, tmp_path / "copy")
    damage(copy)
    with pytest.raises(NetError, match=words):
        Tagger.load(copy)


def change(folder, **entries):
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps({**card, **entries}))


def test_the_shipped_tagger():
    tagger = shipped_tagger()
    assert tagger.tag([["The", "cat", "sat", "."], ["Book", "it", "!"]]) == [
        ["DET", "NOUN", "VERB", "PUNCT"],
        ["VERB", "PRON", "PUNCT"],
    ]
    assert tagger.card["budget"]["met"] <= 1_000_000
    assert tagger.card["scores"]["test"]["accuracy"] >= 94.0
    assert "CC BY-SA 4.0" in tagger.card["about"]["attribution"]


def test_the_sessions_of_the_page():
    page = (DOCS / "tagger.md").read_text("utf-8").replace("```", "")
    sessions = doctest.DocTestParser().get_doctest(page, {}, "tagger.md", None, 0)
    assert doctest.DocTestRunner().run(sessions) == (0, len(sessions.examples))
    assert sessions.examples
