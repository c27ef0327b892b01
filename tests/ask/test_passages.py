import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugally.ask.document import Cue, Document, Passage
from frugally.ask.passages import LONGEST, split_passages, whole_characters


def split(text, **options):
    document = Document(id="x", text=text)
    return [text[p.start : p.end] for p in split_passages(document, **options)]


WORDS = st.lists(
    st.sampled_from(["\n", "\n\n", "word ", "A few words. ", "a" * 30])
    | st.text("abz ABZ.?!\n\t。、字ก\u0301\u200d\U0001f469\U0001f3fd-'\x85\u2028", max_size=40),
    max_size=40,
).map("".join)


def check(text, passages, longest):
    """What holds for the passages of any text."""
    end = 0
    for passage in passages:
        assert passage.start >= end
        assert not text[end : passage.start].strip()
        part = text[passage.start : passage.end]
        assert part and part == part.strip()
        assert len(part) <= longest
        end = passage.end
    assert not text[end:].strip()


@given(WORDS, st.integers(1, 120))
def test_passages_hold_all_text_in_order_and_in_bounds(text, longest):
    check(text, split_passages(Document(id="x", text=text), longest=longest), longest)


@given(st.text(max_size=300), st.integers(1, 50))
def test_so_they_do_for_any_characters(text, longest):
    check(text, split_passages(Document(id="x", text=text), longest=longest), longest)


@given(WORDS.filter(lambda t: t and "\n" not in t and t == t.strip()))
def test_one_short_paragraph_is_one_passage(text):
    got = split_passages(Document(id="x", text=text))
    assert got == [Passage(start=0, end=len(text))]


@given(
    st.lists(st.tuples(st.text("ab. ", max_size=30), st.floats(0, 60)), max_size=30),
    st.integers(5, 60),
)
def test_subtitle_passages_hold_all_text_and_tell_their_times(said, longest):
    text, cues, begins = "", [], 0.0
    for words, lasts in said:
        cues.append(
            Cue(start=len(text), end=len(text) + len(words), begins=begins, ends=begins + lasts)
        )
        text += words + " "
        begins += lasts
    document = Document(id="x", text=text, cues=tuple(cues))
    passages = split_passages(document, longest=longest)
    check(text, passages, longest)
    if cues:
        for passage in passages:
            inside = [c for c in cues if c.start < passage.end and c.end > passage.start]
            assert passage.begins == min(c.begins for c in inside)
            assert passage.ends == max(c.ends for c in inside)


def test_nothing_has_no_passages():
    assert split("") == split(" \n\t\n ") == []


def test_paragraphs_stay_whole_between_blank_lines():
    paragraphs = ["First one. " * 30, "Second\none. " * 30, "Third one. " * 30]
    assert split("\n\n".join(paragraphs)) == [paragraph.strip() for paragraph in paragraphs]


def test_long_lines_are_paragraphs_each():
    lines = ["One long line, as long as a paragraph. " * 8, "Another long line of text. " * 10]
    assert split("\n".join(lines)) == [line.strip() for line in lines]


def test_headings_and_short_items_go_with_what_follows():
    body = "A sentence of the section. " * 20
    text = f"Title\n\n{body}\n\nHeading\n\n- item\n- item\n\n{body}"
    assert split(text) == [
        f"Title\n\n{body}".strip(),
        f"Heading\n\n- item\n- item\n\n{body}".strip(),
    ]


def test_a_heading_leaves_the_list_before_it_for_its_own_section():
    items = "\n\n".join(f"item number {i}, which is short" for i in range(8))
    body = "A sentence of the section. " * 40
    got = split(f"{items}\n\nHeading\n\n{body}")
    assert got == [items, f"Heading\n\n{body}".strip()]


def test_a_short_end_joins_what_is_before_it():
    body = "A sentence of the section. " * 20
    assert split(f"{body}\n\nThe end.") == [f"{body}\n\nThe end."]


def test_long_paragraphs_are_cut_at_sentence_ends_into_similar_parts():
    sentences = " ".join(f"This is sentence number {i} of the paragraph." for i in range(60))
    parts = split(sentences)
    assert " ".join(parts) == sentences
    assert all(part.endswith(".") for part in parts)
    assert max(map(len, parts)) < 1.2 * min(map(len, parts))


def test_a_cut_minds_initials_titles_and_small_letters():
    unit = "He met Dr. Smith and J. R. Jones, i.e. the two of them, at St. Paul's"
    parts = split(
        " ".join([unit] * 6) + ". And so on it went until the very end of it", longest=300
    )
    assert not any(part.endswith((" Dr.", " St.", " J.", " R.", "i.e.")) for part in parts[:-1])


@pytest.mark.parametrize(
    ("sentence", "end"),
    [
        ("人工智能是计算机科学的一个分支。", "。"),
        ("これは長い文章の一つです！", "！"),
        ("हिन्दी एक भाषा है।", "।"),
        ("کیا یہ ایک جملہ ہے؟ ", "؟"),
    ],
)
def test_other_scripts_end_sentences_with_marks_of_their_own(sentence, end):
    parts = split(sentence * 200, longest=200)
    assert all(part.endswith(end) for part in parts)


def test_thai_is_cut_at_spaces():
    phrase = "ภาษาไทยเป็นภาษาที่ไม่มีช่องว่างระหว่างคำ"
    parts = split(" ".join([phrase] * 40), longest=200)
    assert all(part.endswith(phrase) for part in parts)


def test_without_any_space_no_character_is_taken_apart():
    family = "\U0001f469\u200d\U0001f469\u200d\U0001f467"
    for unit in ("e\u0301", family, "\U0001f44d\U0001f3fd", "ก็", "\u1112\u1161\u11ab"):
        for part in split(unit * 300, longest=101):
            assert not unicodedata.category(part[0]).startswith("M")
            assert part[0] == unit[0]
            assert part.endswith(unit[-1])


def test_marks_without_end_are_cut_all_the_same():
    assert max(map(len, split("a" + "\u0301" * 5000))) <= LONGEST


def test_whole_characters_leaves_good_cuts_alone():
    assert whole_characters("abcdef", 3, 0) == 3
    assert whole_characters("abc\u0301\u0302d", 4, 0) == 2
    assert whole_characters("abc", 3, 0) == 3


def test_subtitles_are_cut_by_time_at_sentence_ends():
    texts = [f"Part {i} of it{'.' if i % 4 == 3 else ''}" for i in range(40)]
    cues, start = [], 0
    for i, text in enumerate(texts):
        cues.append(Cue(start=start, end=start + len(text), begins=4.0 * i, ends=4.0 * i + 3))
        start += len(text) + 1
    document = Document(id="x", text=" ".join(texts), cues=tuple(cues))
    passages = split_passages(document)
    assert [(p.begins, p.ends) for p in passages[:2]] == [(0.0, 31.0), (32.0, 63.0)]
    assert all(document.text[p.start : p.end].endswith(".") for p in passages)


def test_a_text_of_millions_of_characters_takes_time_in_proportion():
    for unit in ("x", " ", "a ", "e\u0301", "a\n", "\n \n", "No. "):
        text = unit * (300_000 // len(unit))
        check(text, split_passages(Document(id="x", text=text)), LONGEST)
