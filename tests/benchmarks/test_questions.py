"""The questions about the shipped collection agree with its texts."""

from __future__ import annotations

import json
from collections import Counter
from importlib import resources
from pathlib import Path

import pytest

from frugally.ask.collection import Collection

QUESTIONS = Path(__file__).parents[2] / "benchmarks" / "questions"
COUNTS = {
    "shipped": {"answerable": 200, "near miss": 50, "outside": 50},
    "shipped-dev": {"answerable": 60, "near miss": 20, "outside": 20},
}
SPLITS = {"shipped": "test", "shipped-dev": "dev"}
FIELDS = ["question", "answers", "title", "sentence", "kind", "split"]


def read(name: str) -> list[dict]:
    lines = (QUESTIONS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def key(question: str) -> str:
    return "".join(c for c in question.casefold() if c.isalnum())


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    folder = Path(str(resources.files("frugally"))) / "shipped" / "collection"
    if not (folder / "manifest.json").exists():
        pytest.skip("the shipped collection is not built (scripts/make_shipped_collection.py)")
    stored = Collection.open(folder).documents()
    return {s.document.title: s.document.text for s in stored}


@pytest.mark.parametrize("name", COUNTS)
def test_sets_have_the_counts_and_fields_that_are_promised(name):
    rows = read(name)
    assert all(list(row) == FIELDS for row in rows)
    assert Counter(row["kind"] for row in rows) == COUNTS[name]
    assert {row["split"] for row in rows} == {SPLITS[name]}
    assert all(row["question"].endswith("?") for row in rows)


@pytest.mark.parametrize("name", COUNTS)
def test_every_answer_stands_in_its_sentence(name):
    for row in read(name):
        if row["kind"] == "answerable":
            assert row["answers"], row["question"]
            assert len(row["answers"]) == len(set(row["answers"])), row["question"]
            assert all(a and a in row["sentence"] for a in row["answers"]), row["question"]
        else:
            assert (row["answers"], row["sentence"]) == ([], ""), row["question"]
            assert bool(row["title"]) == (row["kind"] == "near miss"), row["question"]


def test_no_question_comes_twice_in_a_set_or_in_both():
    questions = [key(row["question"]) for name in COUNTS for row in read(name)]
    assert [q for q, count in Counter(questions).items() if count > 1] == []


def test_the_sets_ask_about_different_articles():
    test, dev = ({row["title"] for row in read(name) if row["answers"]} for name in COUNTS)
    assert test & dev == set()


@pytest.mark.parametrize("name", COUNTS)
def test_every_sentence_stands_in_its_article(name, texts):
    for row in read(name):
        if row["title"]:
            assert row["title"] in texts, row["question"]
            assert row["sentence"] in texts[row["title"]], row["question"]
