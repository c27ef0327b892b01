"""The languages of what is found and of whole collections."""

import pytest

from frugally.ask.collection import Collection
from frugally.ask.document import Document
from frugally.ask.languages import (
    count_languages,
    foreign_language,
    known_language,
    languages_of,
)
from frugally.ask.snapshot import with_languages
from frugally.errors import UsageError

TEXTS = {
    "de": "Die Katze sitzt auf der Matte und trinkt Milch, die sie mag.",
    "fr": "Le chat est assis sur le tapis et boit du lait. Madame, die Hauptstadt.",
    "en": "The cat sits on the mat and drinks its milk. To die is different.",
    "th": "ฉันกินข้าวที่บ้านกับแม่ของฉัน",
}


@pytest.fixture
def collection(tmp_path):
    made = Collection.create(tmp_path / "c")
    made.add([Document(id=code, text=text) for code, text in TEXTS.items()])
    return made


def test_texts_have_languages_and_nothing_has_none():
    assert list(languages_of([*TEXTS.values(), "", "1234", "😀"])) == [*TEXTS, "", "", ""]
    assert count_languages([TEXTS["de"], TEXTS["en"], TEXTS["de"], "?"]) == {
        "de": 2,
        "en": 1,
        "": 1,
    }
    assert count_languages([]) == {}


def test_hits_in_a_language_are_those_of_all_hits(collection):
    everything = collection.search("die")
    assert {hit.id for hit in everything} == {"de", "fr", "en"}
    assert all(hit.language is None for hit in everything)
    assert {hit.id: hit.language for hit in with_languages(everything)} == {
        "de": "de", "fr": "fr", "en": "en",
    }  # fmt: skip
    (only,) = collection.search_in("de", "die")
    assert (only.id, only.language) == ("de", "de")
    assert only.as_dict()["language"] == "de"
    assert "language" not in everything[0].as_dict()
    assert collection.search_in("th", "die") == []


def test_many_passages_are_looked_at_for_the_few_in_a_language(tmp_path):
    made = Collection.create(tmp_path / "c")
    english = [Document(id=str(i), text=f"The die is cast, number {i}. die") for i in range(300)]
    german = Document(
        id="de", text="Das ist ein langer Satz auf Deutsch, und hier steht am Ende die " * 3
    )
    made.add([*english, german])
    assert [hit.id for hit in made.search_in("de", "die", 5)] == ["de"]


def test_codes_are_read_in_any_form_and_unknown_ones_named(collection):
    assert known_language("deu") == known_language("de-AT") == "de"
    for code in ("xx", "", "German", "\ud800"):
        with pytest.raises(UsageError, match="language"):
            collection.search_in(code, "die")


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ("Wie heißt die Hauptstadt von Australien?", "de"),
        ("Quelle est la capitale de l'Australie ?", "fr"),
        ("Какая столица Австралии?", "ru"),
        ("Was ist die Hauptstadt von Australien?", "de"),
        ("What is the capital of Australia?", None),
        ("who plays ken barlow in coronation street?", None),
        ("capital of Australia", None),
        ("Hauptstadt?", None),
        ("", None),
        ("\ud800 \ud800 \ud800", None),
    ],
)
def test_a_question_in_another_language_is_told(question, code):
    assert foreign_language(question) == code
