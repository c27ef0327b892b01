"""The benchmark of distant supervision, over a few sentences: it runs, keeps, and goes on."""

import json
import lzma
import sys

import pytest

from benchmarks import distant, machine
from frugally import Collection, Document
from frugally.fit.distant.patterns import PatternMatcher
from frugally.fit.distant.sought import Sought
from frugally.nets.reading import Span

TEXTS = {
    "Ann Lee": "Ann Lee was born in York, a city of the north.",
    "France": "Paris is the capital of France, and its largest city.",
}


class First:
    """A reader that answers with the first word."""

    def read(self, question, passages):
        return [Span(start=0, end=len(p.split()[0]), score=9.0) for p in passages]

    def flops(self, question, passages):
        return 1

    def confidence(self, score):
        return 0.9


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(distant, "shipped_reader", First)
    folder = tmp_path / "data"
    pairs = json.dumps({"question": "What is the capital of France?", "answers": ["Paris"]})
    trec = "1\tfactoid\tWhere was Ann Lee born?\tYork|Rome\n"
    known, new = ("Paris", "capitalOf", "France"), ("Ann Lee", "born", "York")
    fact = {"pred": "/a/born", "sub": "Ann Lee", "obj": "York", "judgments": []}
    entity = {"mid": "/m/1", "label": "York", "wikidata_id": "Q1"}
    texts = {
        "qa/webquestions.trainmodel.jsonl": pairs,
        "qa/webquestions.test.jsonl": pairs,
        "qa/curated-train.tsv": trec,
        "qa/curated-test.tsv": trec,
        distant.SOURCES["SimpleQuestions"][0]: "France\tR1\tQ1\twhat is in it",
        distant.ENTITIES: json.dumps(entity),
        **{f"kg/fb15k-237/{part}.tsv.xz": "\t".join(known) for part in ("train",)},
        "kg/fb15k-237/test.tsv.xz": "\n".join(map("\t".join, (known, new))),
        "kg/dbpedia50/train.tsv.xz": "Paris\tFrance\tcapital of",
        "kg/dbpedia50/test.tsv.xz": "Ann Lee\tYork\tborn",
        **{distant.SOURCES[f"google-re, {kind}"][0]: json.dumps(fact)
           for kind in ("birth", "degree", "death")},
    }  # fmt: skip
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(lzma.compress(text.encode()) if name.endswith(".xz") else text.encode())
    collection = Collection.create(tmp_path / "c")
    collection.add([Document(id=name, title=name, text=text) for name, text in TEXTS.items()])
    return folder


def run(data, monkeypatch, *more):
    command = ["distant", "--data", str(data), "--collection", str(data.parent / "c"), *more]
    monkeypatch.setattr(sys, "argv", command)
    distant.main()
    return machine.load("distant")


def test_it_measures_keeps_and_goes_on(data, monkeypatch, capsys):
    result = run(data, monkeypatch)
    assert result["yields"]["WebQuestions"]["examples"] == 1
    assert result["yields"]["google-re, birth"]["questions"] == 2
    assert result["asked"]["TREC"] == {"questions": 1, "found": 1.0}
    assert result["asked"]["FB15k-237"]["questions"] == 2  # the known triple is not asked
    assert result["readers"]["shipped reader"]["WebQuestions"] == 1.0
    assert result["readers"]["shipped reader"]["TREC"] == 0.0
    assert "| exact match, shipped reader | 100.0% | 0.0% |" in capsys.readouterr().out
    del result["yields"]["TREC"]
    result["readers"]["shipped reader"]["TREC"] = 0.5
    machine.save("distant", result)
    again = run(data, monkeypatch)
    assert again["yields"]["TREC"]["examples"] == 1
    assert again["readers"]["shipped reader"]["TREC"] == 0.5  # measured before


def test_examples_can_be_kept(data, monkeypatch, tmp_path):
    run(data, monkeypatch, "--keep", str(tmp_path / "kept"))
    assert "google-re-birth.jsonl" in [p.name for p in (tmp_path / "kept").iterdir()]


def test_without_data_it_says_so(tmp_path, monkeypatch):
    with pytest.raises(SystemExit, match="skipped"):
        run(tmp_path, monkeypatch)


def test_answers_are_compared_as_drqa_does():
    with PatternMatcher() as matcher:
        pattern = Sought(question="?", pattern="1951|May 12")
        assert distant.is_right("may 12, 1951", pattern, matcher)
        assert not distant.is_right("in 1951", pattern, matcher)
        assert not distant.is_right("1951", Sought(question="?", pattern="("), matcher)
        assert distant.is_right("the Paris!", Sought(question="?", answers=("Paris",)), matcher)
        assert not distant.is_right(
            "Paris, France", Sought(question="?", answers=("Paris",)), matcher
        )


def test_readers_are_compared_question_by_question():
    alone = [[True, False, False, False], [False, False, False, True]]
    joint = [[True, True, False, False], [True, True, False, True]]
    found = distant.compared(alone, joint)
    assert found["alone"] == [0.25, 0.25]
    assert found["joint"] == [0.5, 0.75]
    assert found["better"] == pytest.approx(0.375)
    each = [0.5, 1.0, 0.0, 0.0]  # of each question, the mean over seeds
    deviation = (sum((x - 0.375) ** 2 for x in each) / 3) ** 0.5
    assert found["interval"] == pytest.approx(1.96 * deviation / 2)
    again = distant.render({"yields": {}, "asked": {}, "readers": {}, "multitask": {"A": found}})
    assert "| A, 4 | 25.0, 25.0 | 50.0, 75.0 | +37.5 ±" in again
