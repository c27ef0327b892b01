"""SQuAD's scores follow the official script; its files are read, and bad ones named."""

import json
import lzma
from pathlib import Path

import pytest

from frugally.errors import SourceError, UsageError
from frugally.fit.squad import auroc, exact_match, f1, load_squad, normalise_answer

SAMPLE = Path(__file__).parent.parent / "data" / "squad_sample"


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("The  Eiffel Tower!", "eiffel tower"),
        ("a an the", ""),
        ("theatre", "theatre"),
        ("U.S.", "us"),
        ("an-other", "another"),
    ],
)
def test_normalisation(text, normal):
    assert normalise_answer(text) == normal


def test_scores_take_the_best_answer():
    assert exact_match("the 1889", ["in 1889", "1889"])
    assert not exact_match("1889", [])
    # Two of two words found, two of three wanted: 2 * 1 * 2/3 / (1 + 2/3).
    assert f1("Gustave Eiffel", ["Alexandre Gustave Eiffel", "nobody"]) == pytest.approx(0.8)
    assert f1("x", ["y"]) == 0.0
    assert f1("x x", ["x"]) == pytest.approx(2 / 3)


def test_auroc_counts_pairs():
    assert auroc([2, 3], [0, 1]) == 1.0
    assert auroc([0, 1], [2, 3]) == 0.0
    assert auroc([1], [1]) == 0.5
    assert auroc([1, 3], [2, 2]) == 0.5


def test_answers_are_where_the_file_says():
    paragraphs = load_squad(SAMPLE, "train-v1.1")
    assert len({p.title for p in paragraphs}) == 8
    questions = [(p, q) for p in paragraphs for q in p.questions]
    assert len(questions) == 72
    for p, q in questions:
        assert q.starts
        assert all(p.context[s : s + len(q.answers[0])] == q.answers[0] for s in q.starts)


def test_xz_equals_plain(tmp_path):
    raw = (SAMPLE / "train-v1.1.json").read_bytes()
    (tmp_path / "train-v1.1.json.xz").write_bytes(lzma.compress(raw))
    assert load_squad(tmp_path, "train-v1.1") == load_squad(SAMPLE, "train-v1.1")


def test_a_missing_file_and_a_bad_one_are_named(tmp_path):
    with pytest.raises(UsageError, match=r"dev-v1\.1"):
        load_squad(tmp_path, "dev-v1.1")
    (tmp_path / "dev-v1.1.json").write_text(json.dumps({"data": [{"title": 1}]}))
    with pytest.raises(SourceError, match=r"dev-v1\.1\.json"):
        load_squad(tmp_path, "dev-v1.1")
    (tmp_path / "dev-v1.1.json").write_text("{")
    with pytest.raises(SourceError):
        load_squad(tmp_path, "dev-v1.1")
