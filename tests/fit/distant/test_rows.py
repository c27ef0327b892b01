"""Rows of questions and facts, from good files and bad ones."""

import json
import lzma

import pytest

from frugally.errors import UsageError
from frugally.fit.classifier.reading import Skipped
from frugally.fit.distant.rows import kind_of, read_rows


def rows(path, columns=None):
    skipped = Skipped(path)
    found = [row for _, row in read_rows(path, columns, skipped)]
    said = []
    skipped.tell(said.append)
    return found, said


def written(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


PAIR = {"question": "who?", "answers": ["A"]}


@pytest.mark.parametrize(
    "encode",
    [
        str.encode,
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.encode("utf-16"),
        lambda text: text.replace("\n", "\r\n").encode(),
    ],
)
@pytest.mark.parametrize("name", ["a.jsonl", "a.tsv", "a.csv"])
def test_encodings(tmp_path, name, encode):
    if name == "a.jsonl":
        text = json.dumps({"question": "wer ist é?", "answer": "Ä"}, ensure_ascii=False) + "\n\n"
    else:
        text = "question,answer\nwer ist é?,Ä\n".replace(",", "\t" if name == "a.tsv" else ",")
    found, said = rows(written(tmp_path, name, encode(text)))
    assert found == [{"question": "wer ist é?", "answers": "Ä"}]
    assert not said


def test_packed_files(tmp_path):
    path = written(tmp_path, "a.jsonl.xz", lzma.compress(json.dumps(PAIR).encode()))
    assert rows(path) == ([PAIR], [])
    with pytest.raises(UsageError, match="cannot read"):
        rows(written(tmp_path, "b.jsonl.xz", lzma.compress(b"x" * 1000)[:40]))


def test_tables_without_names(tmp_path):
    trec = written(tmp_path, "a.tsv", '7\tfactoid\tWho said "no"?\tBob|Rob\n')
    assert rows(trec)[0] == [
        {"id": "7", "type": "factoid", "question": 'Who said "no"?', "pattern": "Bob|Rob"}
    ]
    facts = written(tmp_path, "b.tsv", "Paris\tcapital of\tFrance\n")
    triple = {"subject": "Paris", "relation": "capital of", "object": "France"}
    assert rows(facts)[0] == [triple]
    other = written(tmp_path, "c.tsv", "Paris\tFrance\tcapital of\n")
    assert rows(other, ["subject", "object", "relation"])[0] == [triple]
    named = written(tmp_path, "d.csv", "head,predicate,tail\nParis,capital of,France\n")
    assert rows(named)[0] == [triple]
    assert [kind_of(trec, r) for r in (rows(trec)[0][0], triple)] == ["pairs", "triples"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.jsonl", "", "is empty"),
        ("a.tsv", "\n\n", "is empty"),
        ("a.jsonl", "who? me\n", "not JSON"),
        ("a.jsonl", '[{"question": "who?", "answers": ["A"]}]', "JSON array"),
        ("a.jsonl", "17\n", "not a JSON object"),
        ("a.jsonl", b"\xff\xfe\xfd", "nothing to read"),
        ("a.tsv", b"\xe9\t\xe9\t\xe9", "not UTF-8"),
        ("a.tsv", "one\ttwo\n", "what the 2 columns"),
        ("a.tsv", "one\n", "what the 1 columns"),
        ("a.tsv", "Q1\tR2\tQ3\twho is it\n", "what the 4 columns"),
        ("a.tsv", "a\tb\tc\td\te\n", "what the 5 columns"),
        ("a.txt", "who?", "of no kind"),
        ("a", "who?", "of no kind"),
    ],
)
def test_files_that_hold_no_rows(tmp_path, name, text, message):
    with pytest.raises(UsageError, match=message):
        rows(written(tmp_path, name, text))


def test_bad_rows_are_counted_and_named(tmp_path):
    path = written(tmp_path, "a.tsv", b"a\tb\tc\nd\te\nf\tg\th\ti\n\n\xff\tj\tk\nl\tm\tn\no\tp\n")
    found, said = rows(path)
    assert [row["subject"] for row in found] == ["a", "l"]
    assert said == [
        f"{path}: 2 rows skipped: fewer columns than 3 (line 2)",
        f"{path}: 1 rows skipped: more columns than 3 (line 3)",
        f"{path}: 1 rows skipped: not UTF-8 (line 5)",
    ]


def test_a_quote_without_end_is_no_row(tmp_path):
    path = written(tmp_path, "a.csv", 'question,answer\nwho?,A\nwho?,"B\n"a ""b"", c?",C\n')
    found, said = rows(path)
    assert [row["question"] for row in found] == ["who?", 'a "b", c?']
    assert "not a row of a table (line 3)" in said[0]


def test_one_row_is_enough(tmp_path):
    assert len(rows(written(tmp_path, "a.tsv", "Paris\tcapital of\tFrance"))[0]) == 1


def test_columns_of_neither_kind(tmp_path):
    path = written(tmp_path, "a.jsonl", '{"text": "a", "label": "b"}')
    with pytest.raises(UsageError, match="has 'text', 'label'") as error:
        kind_of(path, rows(path)[0][0])
    assert "--columns" in error.value.hint
    with pytest.raises(UsageError, match="has no columns"):
        kind_of(path, {})
