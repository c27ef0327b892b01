"""DOCX and EPUB, both zip archives of XML."""

import io
import zipfile

import pytest

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
LAUGHS = (
    '<!DOCTYPE lolz [<!ENTITY lol "lol">'
    + "".join(f'<!ENTITY lol{i} "{f"&lol{i - 1 or str()};" * 10}">' for i in range(1, 10))
    + "]>"
)


def zipped(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/"), data)
    return file.getvalue()


def docx(body, doctype=""):
    xml = f'{doctype}<w:document xmlns:w="{W}"><w:body>{body}</w:body></w:document>'
    return zipped(**{"word/document.xml": xml})


def p(text, style=""):
    style = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{style}<w:r><w:t>{text}</w:t></w:r></w:p>"


def test_a_real_word_file_reads_in_order_with_its_table(samples, read):
    (document,), _ = read(samples / "tea.docx")
    assert document.title == "Tea"
    assert document.text.startswith("Tea\nTea is a drink")
    assert "\nTypes of tea\nThere are three main types of tea" in document.text
    assert document.text.endswith(
        "Tea\tMade by\nBlack\tfull oxidation\nOolong\tpartial oxidation\nGreen\tsteaming"
    )


def test_word_text_is_what_a_reader_of_it_sees(read_bytes):
    body = (
        p("Head", "Heading1")
        + "<w:sdt><w:sdtContent>"
        + p("in a control")
        + "</w:sdtContent></w:sdt>"
        + "<w:p><w:del><w:r><w:delText>old</w:delText></w:r></w:del>"
        + "<w:ins><w:r><w:t>new</w:t></w:r></w:ins></w:p>"
        + "<w:p><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t></w:r></w:p>"
        + "<w:tbl><w:tr><w:tc>"
        + p("x")
        + p("y")
        + "</w:tc><w:tc><w:tbl><w:tr><w:tc>"
        + p("in")
        + "</w:tc></w:tr></w:tbl></w:tc></w:tr></w:tbl>"
    )
    (document,), _ = read_bytes("x.docx", docx(body))
    assert document.text == "Head\nin a control\nnew\na\tb\nc\nx y\tin"
    assert document.title == "Head"


def test_word_tables_nested_very_deep_are_reported_or_read(read_bytes):
    body = "<w:tbl><w:tr><w:tc>" * 50_000 + p("deep") + "</w:tc></w:tr></w:tbl>" * 50_000
    documents, problems = read_bytes("x.docx", docx(body))
    assert documents or problems


def test_a_real_book_reads_chapter_by_chapter(samples, read):
    documents, _ = read(samples / "articles.epub")
    titles = [d.title for d in documents]
    assert titles[-3:] == [f"Three Articles: {t}" for t in ("Photosynthesis", "Tea", "Volcano")]
    path = (samples / "articles.epub").as_posix()
    assert documents[-1].id == f"{path}#EPUB/text/ch003.xhtml"
    assert "“hotspots”" in documents[-1].text


CONTAINER = (
    '<container xmlns="urn:x"><rootfiles><rootfile full-path="a/b.opf"/></rootfiles></container>'
)


def epub(chapters, manifest=None, **more):
    items = manifest or "".join(
        f'<item id="c{i}" href="c%20{i}.xhtml" media-type="application/xhtml+xml"/>'
        for i in range(len(chapters))
    )
    spine = "".join(f'<itemref idref="c{i}"/>' for i in reversed(range(len(chapters))))
    package = f'<package xmlns="urn:x"><manifest>{items}</manifest><spine>{spine}</spine></package>'
    files = {f"a/c {i}.xhtml": text for i, text in enumerate(chapters)}
    return zipped(**{"META-INF/container.xml": CONTAINER, "a/b.opf": package}, **files, **more)


def test_the_spine_decides_the_order_and_a_missing_chapter_is_reported(read_bytes):
    manifest = "".join(
        f'<item id="c{i}" href="c%20{i}.xhtml" media-type="application/xhtml+xml"/>'
        for i in (0, 1, 2)
    )
    data = epub(["<p>one</p>", "<p>two</p>", "<p>three</p>"], manifest.replace("%201", "-gone"))
    documents, (problem,) = read_bytes("book.epub", data)
    assert [d.text for d in documents] == ["three", "one"]
    assert "c-gone.xhtml" in problem.reason


def test_a_locked_book_is_reported(read_bytes):
    lock = '<encryption><CipherReference URI="a/c%200.xhtml"/></encryption>'
    documents, (problem,) = read_bytes(
        "x.epub", epub(["<p>x"], **{"META-INF/encryption.xml": lock})
    )
    assert not documents
    assert "copy protection" in problem.reason


@pytest.mark.parametrize("name", ["x.docx", "x.epub"])
def test_archives_of_something_else_are_reported(name, read_bytes):
    documents, (problem,) = read_bytes(name, zipped(**{"a.txt": "x"}))
    assert not documents
    assert "has no" in problem.reason


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.docx", zipped(**{"word/document.xml": bytes(70 << 20)})),
        ("x.epub", epub([bytes(70 << 20)])),
    ],
    ids=["docx", "epub"],
)
def test_archives_that_unpack_to_very_much_are_refused(name, data, read_bytes):
    import tracemalloc

    assert len(data) < 200_000
    tracemalloc.start()
    documents, problems = read_bytes(name, data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert not documents
    assert "unpacks to 73,400,320 bytes" in problems[0].reason
    assert peak < 5_000_000


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.docx", docx(p("&lol9;"), LAUGHS)),
        ("x.epub", zipped(**{"META-INF/container.xml": f"{LAUGHS}<container>&lol9;</container>"})),
        ("x.docx", docx(p("&x;"), '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>')),
    ],
)
def test_entities_of_their_own_are_refused(name, data, read_bytes):
    documents, (problem,) = read_bytes(name, data)
    assert not documents
    assert "entit" in problem.reason
