"""The compiled analyser equals a slow one in plain Python, on any text."""

import struct
import subprocess
import sys
import unicodedata
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import Stemmer
from hypothesis import example, given
from hypothesis import strategies as st

from frugally.errors import UsageError
from frugally.text import unicode_table as table
from frugally.text.analysis import make_analyser
from frugally.text.hashed_analyser import HashedAnalyser
from frugally.text.murmur import murmur3_32
from frugally.text.recipe import Recipe
from frugally.text.stemming import stemmer_digest
from frugally.text.stopwords import STOP_WORDS
from frugally.text.terms import Analyser, Spans, Terms, keys_of

pytestmark = pytest.mark.skipif(
    unicodedata.unidata_version != table.VERSION, reason="this Python has another Unicode"
)


def terms_of(analyser: Analyser, spans: list[bytes], passage: int) -> Terms:
    return analyser.prepare(Spans.of(spans), passage)()


def kind(char: str) -> int:
    shipped = table.unicode_table()
    return int(shipped.entries[int(shipped.pages[ord(char) >> 8]) * 256 + (ord(char) & 255)]) & 7


def in_order(token: str) -> str:
    """Marks sorted by combining class, stably, between characters of class 0."""
    done, run = "", ""
    for char in token:
        if unicodedata.combining(char):
            run += char
        else:
            done += "".join(sorted(run, key=unicodedata.combining)) + char
            run = ""
    return done + "".join(sorted(run, key=unicodedata.combining))


def slow_tokens(data: bytes) -> list[str]:
    tokens, token, alone = [], "", False
    for char in data.decode("utf-8", "replace"):
        for c in table.fold(char):
            k = kind(c)
            if k == table.IGNORABLE:
                continue
            if token and (k in (table.SEPARATOR, table.SOLO) or (alone and k == table.WORD)
                          or len(token) >= 64):  # fmt: skip
                tokens.append(in_order(token))
                token = ""
            if k != table.SEPARATOR:
                alone = k == table.SOLO if not token else alone
                token += c
    return [*tokens, in_order(token)] if token else tokens


def slow_terms(spans: list[bytes], recipe: Recipe, first: int) -> tuple[list[int], list[int]]:
    stem = Stemmer.Stemmer("english").stemWord if recipe.analyser == "english" else str
    mask = (1 << recipe.bits) - 1
    packed, lengths = [], []
    for i, span in enumerate(spans):
        words = slow_tokens(span)
        low = first + i // 2
        repeats = recipe.title_weight if i % 2 == 0 else 1
        if i % 2 == 0:
            lengths.append(0)
        lengths[-1] += repeats * len(words)
        for _ in range(repeats):
            before = None
            for word in words:
                key = murmur3_32(stem(word).encode())
                packed.append((key & mask) << 32 | low)
                if word not in STOP_WORDS:
                    if before is not None:
                        pair = murmur3_32(struct.pack("<II", before, key)) & mask
                        packed.append(pair << 32 | low)
                    before = key
    return packed, lengths


@pytest.fixture(scope="module")
def analyser() -> HashedAnalyser:
    return HashedAnalyser(Recipe.make())


def tokens(analyser: HashedAnalyser, *spans: bytes | str) -> list[list[str]]:
    encoded = [s if isinstance(s, bytes) else s.encode("utf-8", "replace") for s in spans]
    numbers, ends = analyser._tokenise(Spans.of(encoded))
    words = [analyser._word(n)[2] for n in numbers.tolist()]
    return [words[a:b] for a, b in pairwise([0, *ends.tolist()])]


SAMPLES = [
    "The QUICK Straße, naïve café\u0301; don't e-mail x² ﬁnd Å",
    "한국어 텍스트를 찾다", "日本語の文、カタカナとﾊﾝｶｸ。コーヒー", "中文分词，没有空格",
    "ภาษาไทยไม่เว้นวรรค ที่นี่", "हिन्दी में क्षत्रिय", "שָׁלוֹם עולם العربيّة ١٢٣",
    "👩\u200d👩\u200d👧 family ❤️ a\u200db 🏳️\u200d🌈x", "\ufdfa ﷽ ㌀㌖ ½ ㍿",
    "x" * 200, "ก" + "\u0e48" * 130 + "ข", "a\u0e48\u3099\u05b0\u093c b", "\u3099\u0301 \u0301",
    "İstanbul ǅ ΣΑΣ ᾳ", "\u200b", "",
]  # fmt: skip
QUESTION_WORDS = ["run", "running", "the", "of", "who", "Rome", "cats", "漢字", "漢", "字", "ไทย"]
INTERESTING = [*sorted(set("".join(SAMPLES))), "\ud800", "\udfff", "\x00", "\ufffd", "\U0010ffff"]
any_text = st.one_of(
    st.text(st.characters()), st.text(st.sampled_from(INTERESTING)), st.sampled_from(SAMPLES)
)


@given(st.lists(any_text, min_size=1, max_size=4))
@example(SAMPLES)
def test_tokens_equal_the_slow_ones(analyser, texts):
    assert tokens(analyser, *texts) == [slow_tokens(t.encode("utf-8", "replace")) for t in texts]


@given(any_text.filter(lambda t: "\u0345" not in unicodedata.normalize("NFD", t)))
def test_all_normal_forms_of_a_text_are_one(analyser, text):
    # U+0345 is left out: its folding is a letter, so that its place among other marks matters.
    text = text.encode("utf-8", "replace").decode()
    forms = [unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKC", "NFKD")]
    plain, *others = tokens(analyser, text, *forms)
    if all(len(token) < 64 for token in plain):  # a cut may fall among marks
        assert others == [plain] * 4


@given(st.one_of(st.binary(), st.lists(st.sampled_from(
    [b"a", b"\xc3", b"\xa9", b"\xed\xa0\x80", b"\xc1\x81", b"\xe0\x81\x81", b"\xf0\x80\x81\x81",
     b"\xf4\x90\x80\x80", b"\xff", b"\xe6\xbc", "é漢😀".encode()])).map(b"".join)))  # fmt: skip
def test_bytes_that_are_not_utf8_separate(analyser, data):
    assert tokens(analyser, data, b"b") == [slow_tokens(data), ["b"]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The Café's naïve", "the cafe s naive"),
        ("STRASSE Straße", "strasse strasse"),
        ("漢字かな", "漢 字 か な"),
        ("ที่นี่", "ท\u0e35\u0e48 น\u0e35\u0e48"),
        ("soft\u00adhyphen zero\u200bwidth", "softhyphen zerowidth"),
        ("x86日本", "x86 日 本"),
        ("日x", "日 x"),
        ("\ufdfa", "صلى الله عليه وسلم"),
        ("👍 🏽", ""),
    ],
)
def test_golden_tokens(analyser, text, words):
    assert tokens(analyser, text) == [unicodedata.normalize("NFKD", words).split()]


def test_long_runs_are_cut(analyser):
    assert [len(t) for t in tokens(analyser, "x" * 150)[0]] == [64, 64, 22]


def test_every_code_point_fits_in_the_room_that_is_kept(analyser):
    # The kernel keeps room for two tokens and thirteen bytes of words for each byte of a span.
    for code in range(0x110000):
        if not 0xD800 <= code <= 0xDFFF:
            folded = table.fold(chr(code))
            size = len(chr(code).encode())
            assert len(folded.encode()) <= 13 * size
            assert len(folded) <= 2 * size or len(slow_tokens(chr(code).encode())) <= 2 * size


@pytest.mark.parametrize("shape", [("english", 24, 1), ("plain", 32, 3), ("english", 8, 0)])
@given(spans=st.lists(st.one_of(any_text, st.sampled_from(
    ["running the dogs", "of the", "to be or not to be that is the question", "cats of Rome"])),
    max_size=6))  # fmt: skip
def test_terms_equal_the_slow_ones(shape, spans):
    name, bits, title_weight = shape
    recipe = Recipe.make(name, bits=bits, title_weight=title_weight)
    encoded = [s.encode("utf-8", "replace") for s in spans[: len(spans) // 2 * 2]]
    found = terms_of(make_analyser(recipe), encoded, 7)
    packed, lengths = slow_terms(encoded, recipe, 7)
    assert found.packed.tolist() == packed
    assert found.lengths.tolist() == lengths


def test_bigrams_skip_stop_words_and_stay_in_their_span():
    analyser = make_analyser(Recipe.make(bits=32))
    keys = {t.text: t.key for t in analyser.query("flight of the bumblebee")}
    assert "flight bumblebee" in keys
    inside = terms_of(analyser, [b"", b"flight of the bumblebee"], 0).packed >> np.uint64(32)
    across = terms_of(analyser, [b"flight", b"bumblebee"], 0).packed >> np.uint64(32)
    assert keys["flight bumblebee"] in inside.tolist()
    assert keys["flight bumblebee"] not in across.tolist()


def test_sample_holds_one_hash_in_1024():
    text = " ".join(f"w{i}" for i in range(100_000)).encode()
    found = terms_of(make_analyser(Recipe.make("plain", bits=20)), [b"", text], 0)
    cut, whole = found.sample >> np.uint64(32), found.sample & np.uint64(0xFFFFFFFF)
    kept = np.unique(found.packed >> np.uint64(32))
    assert sorted(set(cut.tolist())) == [k for k in kept.tolist() if k % 1024 == 0]
    assert (cut == whole % (1 << 20)).all()


def test_the_table_of_words_grows_and_is_forgotten():
    analyser = HashedAnalyser(Recipe.make("plain", bits=32))
    words = [f"word{i}" for i in range(200_000)]
    for start in range(0, len(words), 50_000):
        part = words[start : start + 50_000]
        spans = [w.encode() for word in part for w in ("", word)]
        assert (terms_of(analyser, spans, 0).packed >> np.uint64(32)).tolist() == [
            murmur3_32(w.encode()) for w in part
        ]
    again = terms_of(analyser, [b"", " ".join(words).encode()], 0)
    assert int(analyser._state[0]) == len(words)
    assert again.lengths.tolist() == [len(words)]
    analyser.forget()
    assert int(analyser._state[0]) == 0
    assert np.array_equal(
        terms_of(analyser, [b"", " ".join(words).encode()], 0).packed, again.packed
    )


@pytest.mark.parametrize("name", ["english", "plain", "drqa"])
@given(question=any_text)
def test_a_question_finds_its_own_text(name, question):
    analyser = make_analyser(Recipe.make(name))
    asked = analyser.query(question)
    text = question.encode("utf-8", "replace")
    stored = Counter((terms_of(analyser, [b"", text], 0).packed >> np.uint64(32)).tolist())
    if stored or name != "drqa":  # whose index has no stop words
        assert {t.key for t in asked} <= set(stored)
    assert len({t.key for t in asked}) == len(asked)


@pytest.mark.parametrize("name", ["english", "plain", "drqa"])
@given(
    bits=st.sampled_from([8, 9, 24, 32]),
    questions=st.lists(
        st.one_of(
            any_text,
            st.lists(st.sampled_from(QUESTION_WORDS), max_size=40).map(" ".join),
            st.integers(0, 400).map(lambda n: " ".join(f"w{i}" for i in range(n))),
        ),
        max_size=4,
    ),
)
def test_keys_of_a_question_are_those_of_its_terms(name, bits, questions):
    lean, whole = (make_analyser(Recipe.make(name, bits=bits)) for _ in range(2))
    for question in questions:
        keys = lean.query_keys(question)
        np.testing.assert_array_equal(keys, keys_of(whole.query(question)))
        assert keys.dtype == np.int64
        assert keys.shape[0] == 3


def query(question: str, name: str = "english") -> dict[str, tuple[str, int]]:
    return {t.text: (t.kind, t.frequency) for t in make_analyser(Recipe.make(name)).query(question)}


def test_stop_words_count_when_there_is_nothing_else():
    assert query("to be or not to be") == {
        "to": ("word", 2), "be": ("word", 2), "or": ("word", 1), "not": ("word", 1)
    }  # fmt: skip
    assert query("who is the king") == {"king": ("word", 1)}


def test_the_seed_systems_stop_words_are_asked_but_never_stored():
    assert query("who is it?", "drqa") == {
        "who": ("word", 1), "is": ("word", 1), "it": ("word", 1)
    }  # fmt: skip
    assert query("who is the king?", "drqa") == {"king": ("word", 1)}
    assert query("?! …", "drqa") == {}
    stored = terms_of(make_analyser(Recipe.make("drqa")), [b"", b"who is it?"], 0)
    assert not len(stored.packed)


def test_spellings_with_one_stem_are_one_term():
    (term,) = make_analyser(Recipe.make()).query("run running")[:1]
    assert term.frequency == 2


def test_scripts_without_spaces_are_asked_by_characters_and_pairs():
    assert query("漢字") == {
        "漢": ("word", 1), "字": ("word", 1), "漢 字": ("characters", 1)
    }  # fmt: skip
    assert query("ไทย ok")["ท ย"] == ("characters", 1)
    assert query("ไทย ok")["ย ok"] == ("bigram", 1)


@pytest.mark.parametrize(
    "bad", [{"analyser": "french"}, {"bits": 7}, {"bits": 33}, {"title_weight": 17}]
)
def test_recipes_that_make_no_sense(bad):
    with pytest.raises(UsageError):
        Recipe.make(**bad)


def test_a_recipe_names_what_the_stemmer_does_and_not_its_release(monkeypatch):
    assert stemmer_digest() == "snowball-english 31ef0cf53880"  # PyStemmer 3.1
    monkeypatch.setattr(Stemmer, "version", lambda: "99.0")
    stemmer_digest.cache_clear()
    assert Recipe.make().stemmer == "snowball-english 31ef0cf53880"

    class Other:
        def __init__(self, language, size):
            pass

        def stemWords(self, words):
            return list(words)

    monkeypatch.setattr(Stemmer, "Stemmer", Other)
    stemmer_digest.cache_clear()
    assert Recipe.make().stemmer != "snowball-english 31ef0cf53880"
    monkeypatch.undo()
    stemmer_digest.cache_clear()


def test_digests_differ_with_the_terms():
    recipes = [
        Recipe.make(),
        Recipe.make("plain"),
        Recipe.make(bits=20),
        Recipe.make(title_weight=2),
    ]
    assert len({r.digest for r in recipes}) == 4
    assert Recipe.make().digest == Recipe.make().digest


def test_nothing_compiled_is_loaded_with_the_package():
    code = (
        "import sys, frugally, frugally.text.analysis, frugally.text.drqa, frugally.text.murmur\n"
        "import frugally.ask.collection\n"
        "print([m for m in ('numba', 'torch', 'onnxruntime') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_words_of_questions_do_not_pile_up(monkeypatch):
    monkeypatch.setattr("frugally.text.hashed_analyser._MOST_REMEMBERED", 10)
    analyser = make_analyser(Recipe.make())
    first = analyser.query("alpha beta gamma")
    for i in range(50):
        analyser.query(f"word{i} more{i}")
    assert analyser._state[0] < 20
    assert analyser.query("alpha beta gamma") == first
