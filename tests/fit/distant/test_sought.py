"""Questions and facts become what is looked for."""

import json

import pytest

from frugally.errors import UsageError
from frugally.fit.classifier.reading import Skipped
from frugally.fit.distant.names import Names
from frugally.fit.distant.sought import MOST_ANSWERS, Sought, pairs, triples

NAMES = Names({"Q1": ("Paris", "City of Light"), "Q2": ("France",), "/m/9": ("Lyon",)})


def made(kind, rows, path, names=NAMES):
    skipped = Skipped(path)
    found = list(kind(enumerate(rows, start=1), names, skipped))
    said = []
    skipped.tell(said.append)
    return found, said


def test_pairs_of_each_kind(tmp_path):
    rows = [
        {"question": " who  is it?", "answers": ["A  B", "A B", "..."]},
        {"question": "who?", "answers": "C"},
        {"question": "when?", "answers": 1987},
        {"question": "who?", "pattern": "A|B", "id": "7"},
        {"question": "where?", "subject": "Q1", "relation": "P17", "object": "Q2"},
        {"question": "where?", "object": "/m/9"},
    ]
    found, said = made(pairs, rows, tmp_path)
    assert found == [
        Sought(question="who is it?", answers=("A B",)),
        Sought(question="who?", answers=("C",)),
        Sought(question="when?", answers=("1987",)),
        Sought(question="who?", pattern="A|B"),
        Sought(question="where?", answers=("France",), needs=(("Paris", "City of Light"),)),
        Sought(question="where?", answers=("Lyon",)),
    ]
    assert not said


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"question": "who?", "answers": []}, "no answer with a letter or a digit"),
        ({"question": "who?", "answers": ["", "  "]}, "no answer with a letter or a digit"),
        ({"question": "who?", "answers": ["?!", "--"]}, "no answer with a letter or a digit"),
        ({"question": "who?", "answers": None, "object": "Q9"}, "no answer with"),
        ({"question": "who?", "answers": {"a": 1}}, "no answer with"),
        ({"question": "who?"}, "no answer with"),
        ({"question": "who?", "subject": "Q77", "object": "Q2"}, "no name for its subject"),
        ({"question": "who?", "subject": "Q2", "object": "France"}, "no answer with"),
        ({"question": "?", "answers": ["A"]}, "no question"),
        ({"question": None, "answers": ["A"]}, "no question"),
        ({"question": ["who?"], "answers": ["A"]}, "no question"),
    ],
)
def test_pairs_that_lack_something(tmp_path, row, reason):
    found, said = made(pairs, [row], tmp_path)
    assert found == []
    assert reason in said[0]


def test_a_triple_is_asked_from_both_ends(tmp_path):
    rows = [{"subject": "Q1", "relation": "/a/capital_of", "object": "Q2"}]
    found, _ = made(triples, rows, tmp_path)
    assert found == [
        Sought(question="Paris capital of", answers=("France",),
               needs=(("Paris", "City of Light"),)),
        Sought(question="capital of France", answers=("Paris", "City of Light"),
               needs=(("France",),)),
    ]  # fmt: skip


def test_triples_that_ask_the_same_are_one_question(tmp_path):
    rows = [{"subject": name, "relation": "located in", "object": "Q2"} for name in ("Q1", "/m/9")]
    found, _ = made(triples, rows, tmp_path)
    assert [s.question for s in found] == [
        "Paris located in", "located in France", "Lyon located in",
    ]  # fmt: skip
    assert found[1].answers == ("Paris", "City of Light", "Lyon")
    many = [
        {"subject": f"Town {i}", "relation": "in", "object": "Q2"} for i in range(MOST_ANSWERS + 1)
    ]
    assert len(made(triples, many, tmp_path)[0]) == len(many)  # "in France" asks for nothing


def test_triples_that_lack_something(tmp_path):
    rows = [
        {"subject": "Q9", "relation": "in", "object": "Q2"},
        {"subject": "Q1", "relation": "in", "object": ""},
        {"subject": "Q1", "relation": " _ ", "object": "Q2"},
        {"subject": "Q1", "relation": "is", "object": "Paris"},  # asks for what it gives
    ]
    found, said = made(triples, rows, tmp_path)
    assert [s.answers for s in found] == [("City of Light",)]
    assert [line.partition("skipped: ")[2] for line in said] == [
        "no name for its subject (line 1)", "no name for its object (line 2)",
        "no relation (line 3)",
    ]  # fmt: skip


def test_google_re_has_raters_and_addresses(tmp_path):
    def fact(judgments, url="http://en.wikipedia.org/wiki/Jos%C3%A9_Bl%C3%B3_(poet)"):
        return {
            "relation": "/people/person/date_of_birth", "subject": "/m/1x", "object": "1950-03-01",
            "evidences": [{"url": url}], "judgments": [{"judgment": j} for j in judgments],
        }  # fmt: skip

    found, said = made(triples, [fact(["yes", "yes", "no"]), fact(["yes", "no"])], tmp_path)
    assert found[0] == Sought(
        question="José Bló date of birth",
        answers=("March 1, 1950", "1 March 1950", "March 1 1950"),
        needs=(("José Bló",),),
    )
    assert "raters do not confirm" in said[0]
    assert made(triples, [fact(["yes"], url="no address")], tmp_path)[0] == []
    assert made(triples, [{**fact(["yes"]), "evidences": "?"}], tmp_path)[0] == []


def test_names_from_a_file(tmp_path):
    path = tmp_path / "entities.jsonl"
    rows = [
        {"mid": "/m/1", "label": "Denton", "freebase_name": "Denton", "wikidata_id": "Q128306",
         "aliases": ["Denton, Texas", "...", 7, "in", "IN", "Who"]},
        {"id": "x", "name": "X Y"},
        {"mid": "/m/2", "label": ""},
        {"label": "nameless"},
    ]  # fmt: skip
    path.write_text("\n".join(map(json.dumps, rows)))
    said = []
    names = Names.load([path], said.append)
    assert names.of("/m/1") == names.of("Q128306") == ("Denton", "Denton, Texas")
    assert names.of("x") == ("X Y",)
    assert names.of("/m/2") == names.of("Q5") == names.of("P31") == names.of("") == ()
    assert names.of("Kalamazoo_(city)") == ("Kalamazoo",)
    assert names.of("1950-13-01") == ("1950-13-01",)
    assert "2 rows skipped" in said[0]
    path.write_text('{"a": 1}')
    with pytest.raises(UsageError, match="names no entity"):
        Names.load([path], said.append)
