"""A collection with a segmenter: its words are the terms, and it goes where the collection goes."""

import json
import shutil
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frugally.ask.collection import Collection
from frugally.ask.document import Document
from frugally.errors import CorruptionError, NetError, UsageError
from frugally.files import disk
from frugally.nets.card import CARD, NETWORK
from frugally.nets.zoo import find_net
from frugally.text.analysis import make_analyser
from frugally.text.recipe import Recipe
from frugally.text.terms import Spans
from frugally.text.unicode_table import SPACELESS, WORD_BREAK, covering, unicode_table

THAI = find_net("segmenter-th")
TEXTS = ["ฉันกินข้าวที่บ้าน", "ราคา 250 บาท", "The cat sat on the mat.", "他在家吃饭"]


class Pairs:
    """Every two characters of Thai are a word."""

    scripts = ("Thai",)

    def segment_all(self, texts):
        return [[text[i : i + 2] for i in range(0, len(text), 2)] for text in texts]


@pytest.fixture
def made(tmp_path):
    collection = Collection.create(tmp_path / "c", segmenter=THAI)
    collection.add([Document(id=str(i), text=text) for i, text in enumerate(TEXTS)])
    return collection


def texts_of(collection, question):
    return [(term.text, term.kind) for term in collection.snapshot.query(question)]


def test_words_are_terms_and_other_scripts_are_as_ever(made):
    assert texts_of(made, "กินข้าว") == [("กิน", "word"), ("ข้าว", "word"), ("กิน ข้าว", "bigram")]
    assert ("吃饭", "characters") not in texts_of(made, "吃饭")
    assert [hit.id for hit in made.search("กินข้าว")] == ["0"]
    assert [hit.id for hit in made.search("กิน")] == ["0"]
    assert [hit.id for hit in made.search("吃饭")] == ["3"]
    assert [hit.id for hit in made.search("บาท")] == ["1"]
    assert [hit.id for hit in made.search("cats")] == ["2"]
    # Letters that are no word of the text, as a pair of characters would have found.
    assert made.search("ินข") == []


def test_it_is_found_again_when_opened_moved_added_to_and_compacted(made, tmp_path):
    shutil.move(made.path, tmp_path / "moved")
    again = Collection.open(tmp_path / "moved")
    assert again.snapshot.manifest.recipe.segmenter
    again.add([Document(id="new", text="เขากินข้าวแล้ว")])
    again.compact()
    assert {hit.id for hit in again.search("กินข้าว")} == {"0", "new"}
    assert again.status()["analyser"]["segmenter"] == again.snapshot.manifest.recipe.segmenter


def test_without_one_nothing_of_it_stands_in_the_recipe(tmp_path):
    collection = Collection.create(tmp_path / "c")
    assert "segmenter" not in collection.status()["analyser"]
    assert {path.name for path in collection.path.iterdir()} == {"lock", "manifest.json"}


def test_a_damaged_or_missing_segmenter_is_named(made):
    (folder,) = made.path.glob("segmenter-*")
    card = (folder / CARD).read_text()
    (folder / CARD).write_text(card.replace('"Thai"', '"Lao"', 1))
    with pytest.raises(CorruptionError, match="segmenter"):
        Collection.open(made.path)
    (folder / CARD).write_text(card)
    data = bytearray((folder / NETWORK).read_bytes())
    data[-1] ^= 1
    (folder / NETWORK).write_bytes(data)
    with pytest.raises(CorruptionError, match="checksum"):
        Collection.open(made.path)
    shutil.rmtree(folder)
    with pytest.raises(CorruptionError, match="segmenter"):
        Collection.open(made.path)


def test_what_is_no_segmenter_makes_no_collection(tmp_path):
    with pytest.raises(NetError):
        Collection.create(tmp_path / "c", segmenter=tmp_path)
    with pytest.raises(NetError, match="language"):
        Collection.create(tmp_path / "c", segmenter=find_net("language"))
    with pytest.raises(UsageError, match="drqa"):
        Collection.create(tmp_path / "c", analyser="drqa", segmenter=THAI)
    other = shutil.copytree(THAI, tmp_path / "other")
    card = json.loads((other / CARD).read_text())
    del card["scripts"]
    (other / CARD).write_text(json.dumps(card))
    with pytest.raises(UsageError, match="script"):
        Collection.create(tmp_path / "c", segmenter=other)
    assert not (tmp_path / "c").exists()


def test_what_a_crash_leaves_is_no_hindrance(tmp_path, monkeypatch):
    class Stopped(BaseException):
        pass

    steps = 0
    stop_at = -1

    def observe(phase, name, path):
        nonlocal steps
        steps += 1
        if steps == stop_at:
            raise Stopped

    monkeypatch.setattr(disk, "observer", observe)
    for stop_at in range(1, 60):
        steps = 0
        folder = tmp_path / str(stop_at)
        try:
            Collection.create(folder, segmenter=THAI)
        except Stopped:
            stop_at = -1
            Collection.create(folder, segmenter=THAI) if not (
                folder / "manifest.json"
            ).exists() else Collection.open(folder)
            continue
        assert steps < stop_at
        break
    else:
        pytest.fail("it takes more steps than were tried")


@given(st.lists(st.text("กขิ่ๆ 1a日é\u200b.", max_size=12), min_size=1, max_size=6))
@settings(max_examples=200)
def test_terms_are_those_of_the_words_with_spaces_between_them(texts):
    """What a segmenter finds counts as if somebody had written spaces there."""
    recipe = Recipe.make("plain", segmenter="0" * 16)
    thai = covering(["Thai"])

    def spaced(text):
        text = text.replace(WORD_BREAK, "\u2029")
        words = Pairs().segment_all([text])[0] if thai.search(text) else [text]
        parts = words[:1]
        for before, after in pairwise(words):
            parted = thai.match(before[-1]) or thai.match(after[0])
            parts += ["\u2029" * bool(parted), after]
        return "".join(parts)

    def terms(texts):
        spans = Spans.of([piece.encode() for text in texts for piece in ("", text)])
        found = make_analyser(recipe, Pairs()).prepare(spans, 0)()
        return sorted(found.packed.tolist()), found.lengths.tolist()

    class Whole:
        scripts = ("Thai",)

        def segment_all(self, texts):
            return [[text] for text in texts]

    def plainly(texts):
        spans = Spans.of([piece.encode() for text in texts for piece in ("", spaced(text))])
        found = make_analyser(recipe, Whole()).prepare(spans, 0)()
        return sorted(found.packed.tolist()), found.lengths.tolist()

    assert terms(texts) == plainly(texts)
    analyser = make_analyser(recipe, Pairs())
    keys = {term.key for text in texts for term in analyser.query(text)}
    stored = {packed >> 32 for packed in terms(texts)[0]}
    assert keys <= stored


def test_a_table_with_words_differs_in_these_scripts_alone():
    usual = unicode_table()
    changed = usual.with_words_in(["Thai"])
    thai = range(*SPACELESS["Thai"][0])
    for code in range(0x110000):
        if 0xD800 <= code < 0xE000:
            continue
        char = chr(code)
        if code in thai:
            assert changed.kind(char) in (usual.kind(char), 1)
            assert changed.kind(char) != 2
        elif char != WORD_BREAK:
            assert changed.kind(char) == usual.kind(char)
    assert (usual.kind(WORD_BREAK), changed.kind(WORD_BREAK)) == (3, 0)
    assert {usual.kind(chr(code)) for code in thai} >= {2}


def test_every_letter_that_stands_alone_is_of_a_script_with_a_name_or_of_a_rare_one():
    table = unicode_table()
    named = covering(SPACELESS)
    alone = [chr(code) for code in range(0x30000) if not 0xD800 <= code < 0xE000
             and table.kind(chr(code)) == 2]  # fmt: skip

    rare = {unicodedata.name(char).split()[0] for char in alone if not named.match(char)}
    assert rare <= {"TAI", "NEW", "BALINESE", "YI"}
