"""`frugally fit examples`, `fit reader --examples` and `ask --triple`, as a user meets them."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from frugally import Collection, Document
from frugally.cli import cli
from frugally.errors import UsageError
from frugally.nets.reading import Span

SAMPLE = Path(__file__).parent.parent / "data" / "squad_sample"
TEXTS = {
    "Ann Lee": "Ann Lee was born in York, a city of the north.\nAnn Lee died long after, in Paris.",
    "France": "Paris is the capital of France, and its largest city.\nFrance is in Europe.",
}


def run(*args):
    return CliRunner().invoke(cli, [str(arg) for arg in args], standalone_mode=False)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    collection = Collection.create("c")
    collection.add([Document(id=name, title=name, text=text) for name, text in TEXTS.items()])
    pairs = {"question": "Where was Ann Lee born?", "answers": ["York"]}
    Path("pairs.jsonl").write_text(json.dumps(pairs) + "\n")
    Path("facts.tsv").write_text("Paris\tFrance\tcapitalOf\n")
    return tmp_path


def test_examples_are_made_and_sampled(folder):
    result = run("fit", "examples", "pairs.jsonl", "--in", "c", "-o", "e.jsonl", "--sample", "s")
    assert result.exception is None
    assert "1 questions · 1 documents · 1 paragraphs with an answer" in result.stderr
    assert "e.jsonl: 1 examples" in result.stderr
    assert json.loads(Path("e.jsonl").read_text().splitlines()[1])["document"] == "Ann Lee"
    assert "«York»" in Path("s").read_text("utf-8")


def test_the_order_of_columns_can_be_said(folder):
    result = run("fit", "examples", "facts.tsv", "--in", "c", "-o", "e.jsonl",
                 "--columns", "subject, object,relation")  # fmt: skip
    assert result.exception is None
    lines = [json.loads(line) for line in Path("e.jsonl").read_text().splitlines()]
    assert [line["question"] for line in lines[1:]] == ["Paris capital of", "capital of France"]


def test_what_cannot_be_read_is_said(folder):
    Path("bad.jsonl").write_text("who? me!\n")
    result = run("fit", "examples", "pairs.jsonl", "bad.jsonl", "--in", "c", "-o", "e.jsonl")
    assert isinstance(result.exception, UsageError)
    assert not Path("e.jsonl").exists()


def test_a_reader_is_trained_on_squad_and_examples(folder):
    pytest.importorskip("torch")
    from frugally.nets.ngram_vectors import NgramRecipe, NgramVectors

    table = np.random.default_rng(0).normal(0, 1.0, (300, 8)).astype(np.float32)
    NgramVectors.quantise(table, NgramRecipe()).save(Path("vectors"))
    run("fit", "examples", "pairs.jsonl", "--in", "c", "-o", "e.jsonl")
    arguments = ["fit", "reader", SAMPLE, "--vectors", "vectors", "--steps", 2, "--threads", 1]
    result = run(*arguments, "--examples", "e.jsonl", "-o", "more")
    assert result.exception is None, result.exception
    assert f"e.jsonl: 1 examples from {folder.name}/pairs" in result.stderr or (
        "e.jsonl: 1 examples from pairs" in result.stderr
    )
    assert run(*arguments, "-o", "less").exception is None
    more, less = (json.loads(Path(f, "card.json").read_text())["data"] for f in ("more", "less"))
    assert more["questions"] == less["questions"] + 1
    assert more["held_out_questions"] == less["held_out_questions"]
    assert list(more["more"][0]["examples"].values()) == [1]
    assert more["more"][0]["yields"][0]["yield"]["accepted"] == 1
    assert "more" not in less


class Echo:
    """A reader that answers with the beginning of a passage, and remembers the question."""

    asked: list = []  # noqa: RUF012

    def read(self, question, passages):
        self.asked.append(question)
        return [Span(start=0, end=5, score=40.0) for _ in passages]

    def flops(self, question, passages):
        return 1

    def confidence(self, score):
        return 0.9


def test_a_triple_is_asked_as_its_two_other_places(folder, monkeypatch):
    monkeypatch.setattr("frugally.nets.reader.shipped_reader", Echo)
    result = run("ask", "--triple", "(?, capitalOf, France)", "--in", "c")
    assert result.exception is None, result.exception
    assert Echo.asked[-1] == "capital of France"
    assert result.stdout.startswith("Paris")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "one of them"),
        (["who?", "--triple", "?, a, b"], "one of them"),
        (["--triple", "?, a"], "has 2 parts"),
        (["--triple", "a, b, c"], "no triple with one open place"),
        (["--triple", ""], "has 1 part"),
    ],
)
def test_what_asks_nothing(folder, arguments, message):
    result = run("ask", *arguments, "--in", "c")
    assert isinstance(result.exception, UsageError)
    assert message in str(result.exception)
