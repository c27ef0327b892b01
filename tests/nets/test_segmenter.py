"""The segmenter: kernels against slow twins, texts together and alone, any text, bad folders."""

import doctest
import json
import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugally.errors import NetError
from frugally.nets.card import CARD, NETWORK
from frugally.nets.feedforward import Group, Shape, save_feedforward
from frugally.nets.segmenter import LABELS, Segmenter
from frugally.nets.segmenting.features import (
    KIND_COUNT,
    LEVELS,
    OUTSIDE,
    REACH,
    RECIPE,
    Vocabulary,
    by_rule,
    first_of,
    kinds_of,
    longest_of,
    word_slots,
)
from frugally.nets.segmenting.kernels import APPEND, ASK, SPLIT
from frugally.text.murmur import murmur3_32

DOCS = Path(__file__).parent.parent.parent / "docs"
ALPHABET = "กขคเาิ่日本語かカ a1.😀\u200d\ud800ー\n\0"
LONGEST = 3
GROUPS = (
    Group(name="ngrams1", rows=8, width=5, slots=6),
    Group(name="ngrams2", rows=20, width=4, slots=5),
    Group(name="ngrams3", rows=20, width=4, slots=4),
    Group(name="kinds", rows=KIND_COUNT, width=3, slots=6),
    Group(name="words", rows=word_slots(LONGEST) * LEVELS, width=2, slots=word_slots(LONGEST)),
)
TEXTS = st.text(st.sampled_from(ALPHABET), max_size=30)


def hash_of(text):
    return murmur3_32(text.encode("utf-32-le", "surrogatepass"))


def make(folder, *, groups=GROUPS, seed=0, words=("กข", "เาค", "日本", "1", "か")):
    random = np.random.default_rng(seed)
    vocabulary = {}
    for group in groups:
        if group.name.startswith("ngrams"):
            order = int(group.name[-1])
            known = set()
            while len(known) < group.rows:
                known.add("".join(random.choice(list(ALPHABET), order)))
            vocabulary[f"keys.{group.name}"] = np.array(sorted(map(hash_of, known)), np.uint32)
    vocabulary["words"] = np.array(sorted(map(hash_of, words)), np.uint32)
    vocabulary["levels"] = random.integers(1, LEVELS, len(words)).astype(np.uint8)
    net = Shape(groups=groups, hidden=16, labels=2)
    save_feedforward(
        folder,
        net,
        tables={g.name: random.normal(size=(g.rows, g.width)) for g in groups},
        hidden=(random.normal(size=(16, net.inputs)), random.normal(size=16)),
        output=(random.normal(size=(2, 16)), random.normal(size=2)),
        card={"task": "segmenter", "labels": LABELS, "features": RECIPE},
        more=vocabulary,
    )
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make(tmp_path_factory.mktemp("segmenter") / "net")


@pytest.fixture(scope="module")
def segmenter(folder):
    return Segmenter.load(folder)


def slow_words(segmenter, text):
    """Twin of the kernels: strings cut out and looked up, h0 written out for every place."""
    net, vocabulary = segmenter.net, segmenter._vocabulary
    ranks = {name: {k: i for i, k in enumerate(keys.tolist())}
             for name, keys in vocabulary.keys.items()}  # fmt: skip
    levels = dict(zip(vocabulary.words.tolist(), vocabulary.levels.tolist(), strict=True))
    kinds = kinds_of(np.array([ord(c) for c in text], np.int32)).tolist()

    def run(begin, order):
        codes = [ord(text[i]) if 0 <= i < len(text) else OUTSIDE
                 for i in range(begin, begin + order)]  # fmt: skip
        return murmur3_32(b"".join(code.to_bytes(4, "little") for code in codes))

    def level_of(begin, length):
        return levels.get(run(begin, length), 0)

    found, word = [], ""
    for place, char in enumerate(text):
        rule = int(rule_of(kinds, place))
        if rule == ASK:
            inputs = []
            for group in net.shape.groups:
                table = net.tables[group.name].matrix().astype(np.float64)
                for slot in range(group.slots):
                    row = None
                    at = place + first_of(group) + slot
                    if group.name == "kinds":
                        row = kinds[at] if 0 <= at < len(text) else 0
                    elif group.name == "words":
                        begin, length = word_slot(longest_of(group), slot)
                        level = level_of(place + begin, length)
                        row = slot * LEVELS + level if level else None
                    else:
                        row = ranks[group.name].get(run(at, int(group.name[-1])))
                    inputs.append(np.zeros(group.width) if row is None else table[row])
            h1 = net.hidden_weight.astype(np.float64) @ np.concatenate(inputs) + net.hidden_bias
            append, split = net.output_weight.astype(np.float64) @ np.maximum(h1, 0)
            gap = split + net.output_bias[1] - append - net.output_bias[0]
            rule = SPLIT if gap > 0 else APPEND
        if rule == SPLIT and word:
            found.append(word)
            word = ""
        word += char
    return [*found, word] if word else found


def rule_of(kinds, place):
    """Twin of the rules. 1 space, 2 digit, 3 letter, 4 mark, 5 joiner."""
    if place == 0:
        return APPEND
    before, here = kinds[place - 1], kinds[place]
    if 1 in (before, here):
        return APPEND if before == here else SPLIT
    bases = [kind for kind in kinds[:place] if kind != 4] or [0]
    joins = here in (4, 5) or before == 5 or (bases[-1] == here and here in (2, 3))
    return APPEND if joins else ASK


def word_slot(longest, slot):
    """Where the string of a slot begins as seen from the place, and how long it is."""
    ends = [(-n, n) for n in range(1, longest + 1)]
    begins = [(0, n) for n in range(1, longest + 1)]
    over = [(-before, n) for n in range(2, longest + 1) for before in range(1, n)]
    return (ends + begins + over)[slot]


@given(TEXTS)
def test_words_equal_those_of_the_slow_twin(segmenter, text):
    assert segmenter.segment(text) == slow_words(segmenter, text)


def test_without_words_and_with_longer_runs(tmp_path):
    groups = (GROUPS[0], Group(name="ngrams4", rows=30, width=4, slots=3))
    found = Segmenter.load(make(tmp_path / "net", groups=groups, words=()))
    text = ALPHABET * 3
    assert found.segment(text) == slow_words(found, text)


@given(st.text(max_size=40))
def test_the_words_end_to_end_are_the_text(segmenter, text):
    words = segmenter.segment(text)
    assert "".join(words) == text
    assert all(words)


@given(st.lists(TEXTS, max_size=8))
def test_together_or_one_by_one(segmenter, texts):
    assert segmenter.segment_all(texts) == [segmenter.segment(text) for text in texts]


def test_pieces_of_a_long_text_and_forgetting_change_nothing(folder, segmenter, monkeypatch):
    random = np.random.default_rng(1)
    text = "".join(random.choice(list(ALPHABET), 3000))
    expected = segmenter.segment(text)
    monkeypatch.setattr("frugally.nets.segmenter._CHUNK", 64)
    monkeypatch.setattr("frugally.nets.segmenter._PIECE", 100)
    small = Segmenter.load(folder)
    assert small.segment(text) == expected
    small.forget()
    assert small.segment_all([text, "", text[:70]]) == [expected, [], segmenter.segment(text[:70])]


def test_ten_megabytes_in_one_line_take_little_memory(segmenter):
    text = "日本語か" * 840_000
    tracemalloc.start()
    count = sum(map(len, segmenter.words(text)))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == len(text)
    assert most < 30_000_000


def test_nothing_and_strings(segmenter):
    assert segmenter.segment("") == []
    assert segmenter.segment_all([]) == []
    assert segmenter.segment_all([""]) == [[]]
    assert segmenter.segment("x") == ["x"]
    with pytest.raises(TypeError, match="not one string"):
        segmenter.segment_all("a text")


@pytest.mark.parametrize(
    "whole",
    [
        "deep",
        "Ünïcode",
        "Привет",
        "2026",
        "๒๕๖๙",
        "a\u0301b",
        "👩\u200d🚀",
        "👍\U0001f3fd",
    ],
)
def test_what_holds_together_by_rule(segmenter, whole):
    for text in (whole, f"日 {whole} 本"):
        assert whole in segmenter.segment(text)


def test_spaces_stand_apart(segmenter):
    assert segmenter.segment("deep  learning\n2026") == ["deep", "  ", "learning", "\n", "2026"]


def test_kinds_tell_scripts_apart():
    kinds = kinds_of(np.array([ord(c) for c in "a1 か カ日ก เ า ิ。😀\u200d"], np.int32))
    apart = [
        k for k, c in zip(kinds.tolist(), "a1 か カ日ก เ า ิ。😀\u200d", strict=True) if c != " "
    ]
    assert len(set(apart)) == len(apart)
    assert kinds.max() < KIND_COUNT
    beyond = kinds_of(np.array([0x20000, 0x30000, 0xE0100, 0xF0000, OUTSIDE], np.int32)).tolist()
    assert beyond[0] == beyond[1] == kinds[6]
    assert beyond[2] == 4
    assert beyond[4] == 0
    # ー, 々 and half-width katakana are of their scripts.
    assert kinds_of(np.array([0x30FC, 0x3005, 0xFF71], np.int32)).tolist() == [
        kinds[5],
        kinds[6],
        kinds[5],
    ]


@given(st.text(max_size=12))
def test_rules_equal_the_slow_twin(text):
    kinds = kinds_of(np.array([ord(c) for c in text], np.int32))
    expected = [rule_of(kinds.tolist(), place) for place in range(len(text))]
    assert by_rule(kinds).tolist() == expected


def test_rows_of_known_runs():
    """The places of ^a, the and 日本$ among their hashes, whose values the docs give."""
    keys = np.array([0x24D12937, 0x3C7958DE, 0x9F46A006], np.uint32)
    vocabulary = Vocabulary({"ngrams3": keys}, np.zeros(0, np.uint32), np.zeros(0, np.uint8))
    groups = (Group(name="ngrams3", rows=3, width=1, slots=4),)
    text = "\0" * REACH + "the日本$" + "\0" * REACH
    codes = np.array([ord(c) for c in text], np.int32)
    rows = vocabulary.rows(codes, kinds_of(codes), REACH, REACH + 6, groups)
    # Slots begin 3, 2, 1 and 0 characters before the place.
    assert rows[3].tolist() == [2, -1, -1, 1]
    assert (rows[0, :3] == -1).all()
    assert rows[0, 3] == 2


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: (f / CARD).unlink(), "holds no net"),
        (lambda f: (f / CARD).write_text("{"), "is not the card"),
        (lambda f: (f / NETWORK).write_bytes((f / NETWORK).read_bytes()[:-9]), "its card says"),
        (lambda f: change(f, format=99), "format 99"),
        (lambda f: change(f, task="tagger"), "for tagger"),
        (lambda f: change(f, features="segmenter-0"), "'segmenter-0'"),
        (lambda f: change(f, labels=["X"]), "made with features"),
    ],
)
def test_damaged_folders_are_refused(folder, tmp_path, damage, words):
    copy = shutil.copytree(folder, tmp_path / "copy")
    damage(copy)
    with pytest.raises(NetError, match=words):
        Segmenter.load(copy)


def change(folder, **entries):
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps({**card, **entries}))


@pytest.mark.parametrize(
    "group",
    [
        Group(name="ngrams9", rows=8, width=4, slots=4),
        Group(name="ngrams1", rows=8, width=4, slots=17),
        Group(name="kinds", rows=3, width=4, slots=6),
        Group(name="words", rows=90, width=4, slots=7),
        Group(name="tags", rows=8, width=4, slots=1),
    ],
)
def test_groups_that_are_not_known_are_refused(tmp_path, group):
    with pytest.raises(NetError, match=r"has no features|says nothing of"):
        Segmenter.load(make(tmp_path / "net", groups=(GROUPS[0], group)))


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"keys.ngrams1": np.zeros(7, np.uint32)}, "not as many as its rows"),
        ({"words": np.zeros(5, np.int64)}, "not as many"),
        ({"levels": np.full(5, 9, np.uint8)}, "5 words with 5 levels"),
        ({"levels": np.ones(4, np.uint8)}, "5 words with 4 levels"),
        ({"words": None}, "says nothing of 'words'"),
    ],
)
def test_vocabularies_that_do_not_fit_are_refused(segmenter, arrays, words):
    given = {**segmenter._vocabulary.arrays(), **arrays}
    with pytest.raises(NetError, match=words):
        Vocabulary.from_arrays(
            {k: v for k, v in given.items() if v is not None}, segmenter.net.shape
        )


def test_the_shipped_segmenter():
    segmenter = Segmenter.load()
    assert segmenter.segment("ฉันกินข้าวที่บ้าน") == ["ฉัน", "กิน", "ข้าว", "ที่", "บ้าน"]
    assert segmenter.card["budget"]["met"] <= 1_000_000
    # Longest matching over the words of the training text gets 82.
    assert segmenter.card["scores"]["test"]["f1"] >= 88.5
    assert "CC BY-SA 4.0" in segmenter.card["about"]["attribution"]


def test_the_sessions_of_the_page():
    page = (DOCS / "segmenter.md").read_text("utf-8").replace("```", "")
    sessions = doctest.DocTestParser().get_doctest(page, {}, "segmenter.md", None, 0)
    assert doctest.DocTestRunner().run(sessions) == (0, len(sessions.examples))
    assert sessions.examples
