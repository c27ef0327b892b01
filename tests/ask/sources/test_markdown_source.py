import pytest

from frugally.ask.places import line_of
from frugally.ask.sources.markdown import from_markdown


def test_a_real_file_keeps_words_and_loses_marks(samples, read):
    (document,), _ = read(samples / "volcano.md")
    assert document.title == "Volcano"
    assert document.text.strip().startswith("A volcano is a mountain")
    assert "movement of tectonic plates." in document.text
    for mark in ("**", "##", "](", "---"):
        assert mark not in document.text


def test_lines_stay_where_they_were(samples, read):
    source = (samples / "volcano.md").read_text()
    text = read(samples / "volcano.md").text
    for words in ("The Tamu Massif extends", "Volcanologists are scientists"):
        assert line_of(text, text.index(words)) == line_of(source, source.index(words))


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("# Head #", "Head"),
        ("## C# {#anchor}", "C#"),
        ("Head\n====", "Head\n"),
        ("**bold** *it* __bold__ _it_ ~~gone~~ ***both***", "bold it bold it gone both"),
        ("snake_case_name and 2*3*4 and a * b", "snake_case_name and 2*3*4 and a * b"),
        ("[text](http://x.org/a_(b) 'title') and [this][ref]", "text and this"),
        ("![alt](pic.png) [![badge](b.svg)](http://x.org)", "alt badge"),
        ("[ref]: http://x.org", ""),
        ("`*code*` and ``a ` b``", "*code* and a ` b"),
        ("```python\ndef f(**k): # no\n```\nafter", "\ndef f(**k): # no\n\nafter"),
        ("~~~\n```\n~~~\n*x*", "\n```\n\nx"),
        ("    *indented* code", "    *indented* code"),
        ("> quoted *words*", "quoted words"),
        ("- [ ] a task\n* item\n1. first", "a task\nitem\n1. first"),
        ("| a | b |\n|---|:-:|\n| 1 | 2 |", "a\tb\n\n1\t2"),
        ("a<br/>b &amp; <http://x.org>", "ab & http://x.org"),
        (r"\*not emphasis\*", "*not emphasis*"),
        ("a <!-- one\ntwo --> b", "a\nb"),
        ("---\n***\n___", "\n\n"),
        ("---\ntitle: 'T'\n---\nx", "\n\n\nx"),
    ],
)
def test_marks_are_taken_off(source, text):
    assert from_markdown(source)[1] == text


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ('---\ntitle: "A: B"\n---\n# Other', "A: B"),
        ("+++\ntitle = 'T'\n+++\n", "T"),
        ("text\n\n## First *one*\n# Second", "First one"),
        ("Under\n-----\n", "Under"),
        ("nothing", ""),
    ],
)
def test_the_title_is_found(source, title):
    assert from_markdown(source)[0] == title


def test_marks_without_end_take_no_time():
    for source in (
        "[" * 20_000,
        "*" * 20_000,
        "`" * 20_001,
        "_a " * 20_000,
        "<!--" * 20_000,
        "__a " * 20_000,
        "-" * 50_000 + "x",
        "# a" + " " * 50_000 + "b",
        "`` ` " * 5000,
    ):
        from_markdown(source)
