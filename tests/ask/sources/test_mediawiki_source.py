import bz2
import tracemalloc

import pytest

from frugally.ask.sources import read_documents
from frugally.ask.sources.wikitext import WikitextReader

HEAD = (
    '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/"><siteinfo>'
    "<base>https://x.org/wiki/Main_Page</base><namespaces>"
    '<namespace key="0"/><namespace key="1">Talk</namespace><namespace key="6">Datei</namespace>'
    '<namespace key="14">Kategorie</namespace></namespaces></siteinfo>'
)


def page(title, text, *, ns="<ns>0</ns>", more="", model="wikitext"):
    return (
        f"<page><title>{title}</title>{ns}<id>1</id>{more}<revision><model>{model}</model>"
        f'<text xml:space="preserve">{text}</text></revision></page>'
    )


def dump(*pages):
    return (HEAD + "".join(pages) + "</mediawiki>").encode()


def test_a_real_dump_reads_as_its_articles(samples, read):
    documents, _ = read(samples / "enwiki-cut.xml")
    # The redirect AccessibleComputing and a page of the project are not articles.
    assert [d.title for d in documents] == [
        "Ada",
        "Algorithms (journal)",
        "Affirming the consequent",
        "Transport in Angola",
    ]
    assert documents[1].url == "https://en.wikipedia.org/wiki/Algorithms_(journal)"
    assert documents[1].text == (
        "Algorithms is a peer-reviewed open access mathematics journal concerning design, "
        "analysis, and experiments on algorithms. The journal is published by MDPI and was "
        "established in 2008. Its editor-in-chief is Kazuo Iwama (Kyoto University).\n\n"
        "Abstracting and indexing\n\n"
        "The journal is abstracted and indexed in Chemical Abstracts Service, Compendex, DBLP "
        "Computer Science Bibliography, Inspec, MathSciNet, Scopus, and Zentralblatt MATH.\n\n"
        "See also\n\nAlgorithmica, another journal with similar subject matter"
    )
    for document in documents:
        assert not {"[[", "]]", "{{", "}}", "{|", "|}", "''", "=="} & {
            document.text[i : i + 2] for i in range(len(document.text))
        }
        assert "&" not in document.text.replace("& ", "")


def test_a_dump_in_utf16_and_another_language(samples, read):
    (document,), _ = read(samples / "bgwiki-cut.xml.bz2")
    assert document.title == "Григориански календар"
    assert document.text.startswith("Григорианският календар (понякога")
    assert document.id == document.url
    assert document.url.startswith("https://bg.wikipedia.org/wiki/%D0%93")


def test_what_is_no_article_is_left_out(read_bytes):
    data = dump(
        page("Kept", "Text."),
        page("Talk:Kept", "Text.", ns="<ns>1</ns>"),
        page("Sent on", "#WEITERLEITUNG [[Kept]]"),
        page("Sent on too", "#REDIRECT[[Kept]]", more='<redirect title="Kept"/>'),
        page("Code", "return 1", model="Scribunto"),
        page("Nothing", "{{stub}}"),
        page("A list", "# [[One]]\n# [[Two]]"),
    )
    documents, problems = read_bytes("x.xml", data)
    assert [d.title for d in documents] == ["Kept", "A list"]
    assert not problems


def test_old_dumps_without_numbers_of_namespaces(read_bytes):
    data = dump(page("Kept: a story", "Text.", ns=""), page("Talk:Kept", "Text.", ns=""))
    assert [d.title for d in read_bytes("x.xml", data).documents] == ["Kept: a story"]


def test_of_a_full_history_the_last_revision_is_read(read_bytes):
    old = "<revision><text>Old.</text></revision>"
    documents, _ = read_bytes("x.xml", dump(page("A", "New.", more=old), page("B", "Other.")))
    assert [d.text for d in documents] == ["New.", "Other."]


def test_a_dump_that_does_not_tell_its_site(read_bytes):
    data = b"<mediawiki>" + page("A & B".replace("&", "&amp;"), "Text.").encode() + b"</mediawiki>"
    (document,), _ = read_bytes("x.xml", data)
    assert document.id.endswith("x.xml#A & B")
    assert document.url == ""


def test_a_dump_cut_short_keeps_the_articles_before(samples, read_bytes):
    whole = (samples / "enwiki-cut.xml").read_bytes()
    documents, (problem,) = read_bytes("x.xml", whole[: whole.index(b"Transport in Angola")])
    assert len(documents) == 3
    assert "the XML breaks in line" in problem.reason
    assert "3 documents before that were read" in problem.reason


def test_entities_of_its_own_are_refused(read_bytes):
    entities = '<!DOCTYPE x [<!ENTITY a "ha">' + "".join(
        f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(9)
    )
    data = (entities + "]><mediawiki>" + page("A", "&j;") + "</mediawiki>").encode()
    documents, (problem,) = read_bytes("x.xml", data)
    assert not documents
    assert "entities" in problem.reason


def test_memory_does_not_grow_with_the_dump(tmp_path):
    path = tmp_path / "x.xml.bz2"
    with bz2.open(path, "wb", compresslevel=1) as file:
        file.write(HEAD.encode())
        for number in range(1000):
            file.write(page(f"P{number}", "Some words of text. " * 300).encode())
        file.write(b"</mediawiki>")
    next(iter(read_documents(path, pytest.fail)))  # what the parsers keep for good
    tracemalloc.start()
    count = sum(1 for _ in read_documents(path, pytest.fail))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 1000
    assert peak < 6_000_000


@pytest.mark.parametrize(
    ("wikitext", "text"),
    [
        ("'''Ada''' is a ''town''.", "Ada is a town."),
        ("A [[target|shown]] and [[plain]] [[Link]]s.", "A shown and plain Links."),
        ("[[Datei:x.png|thumb|A [[nested]] caption]]Text[[Kategorie:Y]][[de:Fremd]]", "Text"),
        ("[[File:x.png|thumb|left]]\n[[:File:x.png]]", "File:x.png"),
        ("{{Infobox|a=b|c={{d}}}}Text<ref name=x>note</ref><ref name=x/>.", "Text."),
        ("Text\n{| class=wikitable\n|-\n! a !! b\n|-\n| 1 || 2\n|}\nmore", "Text\n\nmore"),
        ("It is {{convert|5|km|mi}} and {{lang|fr|bon}}{{snd}}so.", "It is 5 km and bon – so."),
        ("X ({{IPA|x}}; born 1815)", "X (born 1815)"),
        ("X ({{IPA|x}}) is", "X is"),
        ("a&nbsp;b &lt;tag&gt; &eacute;", "a b <tag> é"),
        ("[http://x.org shown] [http://x.org]", "shown"),
        ("* one\n* two\n# three\n: four", "one\ntwo\nthree\nfour"),
        ("Text.\n== Empty ==\n{{reflist}}\n== Full ==\nMore.", "Text.\n\nFull\n\nMore."),
        ("Text.\n== References ==\n<references/>", "Text."),
        ("== A ==\n=== B ===\nText.", "B\n\nText."),
        ("x<br>y<!-- no --> z__NOTOC__", "x\ny z"),
        ("<gallery>\nFile:a.png|b\n</gallery>Text <math>x^2</math>.", "Text."),
        ("{{unclosed [[also", "unclosed also"),
    ],
)
def test_wikitext_reads_as_the_page_does(wikitext, text):
    reader = WikitextReader(file_names=["Datei"], category_names=["Kategorie"])
    assert reader.text(wikitext) == text


@pytest.mark.parametrize("piece", ["{{", "[[", "{|\n|", "<div>", "{{{", "[http://x ", "[[File:a|"])
def test_markup_that_never_ends_is_read_or_reported(piece, read_bytes):
    piece = piece.replace("<", "&lt;").replace(">", "&gt;")
    few, many = page("Few", piece * 100), page("Many", piece * 100_000)
    documents, (problem,) = read_bytes("x.xml", dump(few, many, page("After", "Text.")))
    assert [d.title for d in documents][-1] == "After"
    assert "article 'Many' cannot be read" in problem.reason


def test_much_markup_that_ends_is_read():
    pieces = "[[a|b]] {{c}} <b>d</b> <br> <br/> <!-- e --> {{{f}}}\n"
    assert WikitextReader().text(pieces * 3000).count("b d") == 3000
