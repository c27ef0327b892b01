"""Triples with an open place as questions, and names made readable."""

import pytest

from frugally.errors import UsageError
from frugally.text.triples import (
    parse_triple,
    readable_name,
    readable_relation,
    same_name,
    triple_question,
)


@pytest.mark.parametrize(
    ("triple", "question"),
    [
        (("?", "capital", "France"), "capital France"),
        (("Paris", "capital of", "?"), "Paris capital of"),
        (("France", "?", "Paris"), "France Paris"),
        (("?", "/people/person/place_of_birth", "Detroit"), "place of birth Detroit"),
        ((" ?", "birthPlace", " New  York "), "birth place New York"),
    ],
)
def test_the_open_place_is_asked_for_by_the_others(triple, question):
    assert triple_question(*triple) == question


@pytest.mark.parametrize(
    "triple", [("?", "capital", "?"), ("Paris", "capital", "France"), ("?", "", "France")]
)
def test_one_place_is_open(triple):
    with pytest.raises(UsageError, match="no triple with one open place"):
        triple_question(*triple)


def test_triples_are_read_with_commas_or_bars():
    assert parse_triple("?, capital, France") == ("?", "capital", "France")
    assert parse_triple("(X, president of, ?)") == ("X", "president of", "?")
    assert parse_triple("Paris, Texas | located in | ?") == ("Paris, Texas", "located in", "?")
    for wrong in ("", "?", "?, capital", "Paris, Texas, located in, ?"):
        with pytest.raises(UsageError, match="not three"):
            parse_triple(wrong)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("place of birth", "place of birth"),
        ("/people/person/place_of_birth", "place of birth"),
        ("/tv/tv_program/regular_cast./tv/regular_tv_appearance/actor", "regular cast actor"),
        ("/people/person/spouse_s./people/marriage/type_of_union", "spouse type of union"),
        ("/film/actor/film./film/performance/film", "film"),
        ("http://dbpedia.org/ontology/birthPlace", "birth place"),
        ("http://example.org/terms#isPartOf", "is part of"),
        ("neighboringMunicipality", "neighboring municipality"),
        ("isbnCode", "isbn code"),
        ("hasISBNCode", "has ISBN code"),
        ("P19", "P19"),
    ],
)
def test_relations_as_words(name, words):
    assert readable_relation(name) == words


def test_names_as_words():
    assert readable_name("Starting_Over_(Raspberries_album)") == "Starting Over"
    assert readable_name("Orson,_Pennsylvania") == "Orson, Pennsylvania"
    assert readable_name("A (b) c") == "A (b) c"
    assert same_name(["  A  b", "A b", "...", "", "!?", "C"]) == ("A b", "C")
