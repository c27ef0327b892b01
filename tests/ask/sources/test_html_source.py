import pytest

from frugally.ask.sources.html import read_html


def page(body: str):
    return read_html(f"<!doctype html><html><body>{body}</body></html>".encode())[0]


def test_a_real_page_reads_without_its_table_of_contents(samples, read):
    (document,), _ = read(samples / "photosynthesis.html")
    assert document.title == "Photosynthesis"
    assert document.text.startswith("Photosynthesis is the process by which plants")
    assert "\n\nThe process\n\nPhotosynthesis has two main sets" in document.text
    assert document.text.endswith("From Simple English Wikipedia, CC BY-SA.")
    # In the page's table of contents and over the section; only the section is text.
    assert document.text.count("The process\n") == 1


def test_a_real_manual_page_reads_without_styles_and_comments(samples, read):
    text = read(samples / "libffi-introduction.html").text
    assert "One such convention is the calling convention." in text
    assert "visibility" not in text
    assert "WARRANTY" not in text


def test_scripts_styles_and_navigation_are_left_out():
    body = (
        "<header><a href=/>Home</a></header><nav><ul><li>Menu</ul></nav>"
        "<script>if (a < b) { document.write('<p>script</p>') }</script>"
        "<style>p { color: red }</style><noscript>Turn it on</noscript>"
        "<div class='sidebar wide'>Aside</div><div role=navigation>Ways</div>"
        "<p hidden>Hidden</p><p aria-hidden=true>Icon</p>"
        "<p>The <b>text</b> itself.</p><!-- comment --><svg><title>Drawing</title></svg>"
        "<footer>Imprint</footer>"
    )
    assert page(body).text == "The text itself."


def test_the_main_part_is_preferred_if_it_is_most_of_the_text():
    main = "<main><h1>Head</h1><p>" + "words " * 30 + "</p></main>"
    assert page("<p>Before</p>" + main).text == "Head\n\n" + ("words " * 30).strip()
    # A frame of nothing: the text is elsewhere.
    text = page("<main></main><p>" + "words " * 30 + "</p>").text
    assert text.startswith("words")


def test_runs_of_links_are_menus_and_single_ones_are_text():
    menu = "".join(f"<li><a href=/{i}>Section {i}</a></li>" for i in range(8))
    text = page(f"<ul>{menu}</ul><p>Some text.</p><p><a href=/x>A source</a></p>").text
    assert text == "Some text.\n\nA source"
    # A page of links and nothing else is what it is.
    assert "Section 3" in page(f"<ul>{menu}</ul>").text


def test_structure_becomes_lines():
    body = (
        "<h2>Head</h2><p>One<br>line,  two\n lines</p><ul><li>a<li>b</ul>"
        "<table><tr><th>k<th>v<tr><td>1<td>2</table>"
        "<pre>x = 1\n  y = 2\n</pre><p>caf&eacute;&nbsp;&#9731;"
    )
    expected = "Head|One line, two lines|a|b|k\tv|1\t2|x = 1\n  y = 2|café ☃"
    assert page(body).text.split("\n\n") == expected.split("|")


def test_a_page_tells_its_title_and_address():
    html = (
        b"<html><head><title> A &amp;\n B </title><link rel=canonical href='https://x.org/a'>"
        b"</head><body><h1>Heading</h1></body></html>"
    )
    got, _ = read_html(html)
    assert (got.title, got.heading, got.url) == ("A & B", "Heading", "https://x.org/a")
    assert read_html(b"<link rel=canonical href='javascript:x'><p>x")[0].url == ""


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ('<meta charset="iso-8859-1">', "latin-1"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">', "cp1251"),
        ('<meta charset="shift_jis">', "shift_jis"),
        ('<?xml version="1.0" encoding="utf-8"?>', "utf-8"),
        ("<meta charset=nonsense>", "utf-8"),
        ("", "utf-16"),
        # A declaration that does not hold is not believed.
        ('<meta charset="utf-8">', "latin-1"),
    ],
)
def test_the_declared_encoding_is_used_where_it_holds(head, encoding):
    words = {"cp1251": "Наука", "shift_jis": "図書館", "utf-16": "naïve ☃"}.get(encoding, "café")
    got, replaced = read_html(f"{head}<p>{words} words</p>".encode(encoding))
    assert got.text == f"{words} words"
    assert replaced == 0


def test_a_page_nested_a_hundred_thousand_deep_is_read():
    depth = 100_000
    assert page("<div>" * depth + "deep" + "</div>" * depth + "<p>after").text == "deep\n\nafter"
    assert page("<b><i>" * depth + "never closed").text == "never closed"


def test_a_page_with_nothing_to_read_is_reported(read_bytes):
    documents, (problem,) = read_bytes("x.html", b"<html><script>let x = 1</script></html>")
    assert not documents
    assert "no text" in problem.reason


def test_a_page_past_the_bound_is_reported(read_bytes, monkeypatch):
    from frugally.ask.sources import opening

    monkeypatch.setattr(opening, "WHOLE_FILE_BYTES", 1 << 20)
    documents, (problem,) = read_bytes("x.html", b"<p>" + b"x" * (1 << 20))
    assert not documents
    assert "larger than 1 MB" in problem.reason
