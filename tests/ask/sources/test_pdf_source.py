import io
import logging

import pypdf
import pytest

from frugally.ask.places import page_of
from frugally.ask.sources.pdf import rejoin_lines


def written(**change):
    """A PDF of two empty pages, changed by methods of the writer."""
    writer = pypdf.PdfWriter()
    writer.add_blank_page(200, 200)
    writer.add_blank_page(200, 200)
    for method, argument in change.items():
        getattr(writer, method)(argument)
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def test_a_real_file_keeps_its_pages(samples, read):
    (document,), _ = read(samples / "photosynthesis.pdf")
    assert len(document.pages) == 3
    assert document.pages[0] == 0
    assert page_of(document.pages, document.text.index("chlorophyll")) == 1
    assert page_of(document.pages, document.text.index("terawatts")) == 3
    for start in document.pages[1:]:
        assert document.text[start - 2 : start] == "\n\n"


def test_lines_broken_by_the_margin_are_whole_again(samples, read):
    text = read(samples / "photosynthesis.pdf").text
    assert (
        "They contain chlorophyll, the green pigment that absorbs light energy. "
        "In leaves, palisade cells have chloroplasts to capture light." in text
    )


@pytest.mark.parametrize(
    ("page", "text"),
    [
        (
            "A line as long as a line is be-\nfore it ends",
            "A line as long as a line is before it ends",
        ),
        (
            "A line as long as a line here is\n1. an item\n2. another",
            "A line as long as a line here is\n1. an item\n2. another",
        ),
        ("Title\n\nShort line.\nAnother one.", "Title\nShort line.\nAnother one."),
        ("Introduction . . . . . . . . . . 7", "Introduction … 7"),
        ("", ""),
        ("-\n-a\n,", "-\n-a,"),
    ],
)
def test_lines_are_joined_where_a_sentence_goes_on(page, text):
    assert rejoin_lines(page) == text


def test_pictures_of_text_are_reported(read_bytes):
    documents, (problem,) = read_bytes("scan.pdf", written())
    assert not documents
    assert "2 pages hold no text" in problem.reason


def test_a_locked_file_is_reported(read_bytes):
    documents, (problem,) = read_bytes("locked.pdf", written(encrypt="secret"))
    assert not documents
    assert "password" in problem.reason


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_broken_file_is_reported_in_one_line_and_not_logged(share, samples, read_bytes, caplog):
    whole = (samples / "photosynthesis.pdf").read_bytes()
    with caplog.at_level(logging.WARNING):
        documents, problems = read_bytes("cut.pdf", whole[: int(len(whole) * share)])
    assert documents or "\n" not in problems[0].reason
    assert not [record for record in caplog.records if record.levelno < logging.CRITICAL]


def test_what_is_no_pdf_is_said_to_be_none(read_bytes):
    assert "not a PDF" in read_bytes("x.pdf", b"plain words").reasons
