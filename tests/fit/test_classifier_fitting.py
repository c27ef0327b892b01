"""Fitting classifiers: what is read, how it is parted, what fits a budget, and that it learns."""

import csv
import json
import lzma
import random
import re
import sys

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("torch")

from frugally.budget import Budget
from frugally.cli import cli
from frugally.errors import BudgetError, UsageError
from frugally.fit.classifier import fitting
from frugally.fit.classifier.allocation import (
    LEAST,
    candidates,
    distinct_runs,
    least_size,
    smallest,
)
from frugally.fit.classifier.card import scores_of
from frugally.fit.classifier.draws import Drawer, Pool
from frugally.fit.classifier.examples import split
from frugally.fit.classifier.fitting import fit_classifier, fit_labelled
from frugally.fit.classifier.reading import read_labelled, read_texts
from frugally.fit.classifier.training import Fit
from frugally.fit.distillation import FileTeacher
from frugally.fit.labelled import Texts
from frugally.fit.refusal import limit_of
from frugally.nets.card import CARD, NETWORK
from frugally.nets.classifier import GROUPS, Classifier
from frugally.nets.text_net import utf8

WORDS = {
    "food": ["soup", "bread", "cheese", "spoon", "tasty", "salt", "oven", "baked"],
    "travel": ["train", "ticket", "beach", "hotel", "passport", "flight", "luggage", "island"],
    "a\t“b”": ["violin", "chord", "melody", "drum", "choir", "opera", "rhythm", "singer"],
}
COMMON = ["the", "a", "of", "and", "very", "good", "we", "had", "it", "was", "not", "so"]


def made_up(count, seed=0, labels=tuple(WORDS)):
    source = random.Random(seed)
    return [
        (label, " ".join(source.choices(COMMON, k=6) + source.choices(WORDS[label], k=2)))
        for _ in range(count)
        for label in labels
    ]


QUICK = Fit(steps=60, dropout=0.2, batch=64, learning_rate=2e-2)


def fit_quickly(pairs, out, budget="30KB", report=lambda line: None, **more):
    limits = Budget.parse(budget)
    return fit_labelled(pairs, out, budget=limits, fit=QUICK, sources=["t"], report=report, **more)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("classifier")
    return folder, fit_quickly(made_up(60), folder)


def test_a_fitted_net_knows_its_classes(fitted):
    folder, card = fitted
    classifier = Classifier.load(folder)
    assert classifier.labels == tuple(sorted(WORDS))
    pairs = made_up(60, seed=1)
    guesses = classifier.classify([text for _, text in pairs])
    right = [a.label == label for a, (label, _) in zip(guesses, pairs, strict=True)]
    assert np.mean(right) > 0.9
    scores = card["scores"]["held_out"]
    assert scores["accuracy"] > 0.8
    assert scores["macro_f1"] == pytest.approx(np.mean(list(scores["f1"].values())), abs=1e-3)
    assert 0 <= scores["calibration_error"] < 0.3
    assert scores["texts"] + card["scores"]["dev"]["texts"] + card["data"]["texts"] == 180


@pytest.mark.parametrize("budget", ["20KB", "30KB"])
def test_the_folder_never_exceeds_the_budget(tmp_path, budget):
    card = fit_quickly(made_up(20), tmp_path, budget)
    limit = Budget.parse(budget).size
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert 0.6 * limit < size <= limit
    kept = json.loads((tmp_path / CARD).read_text("utf-8"))
    assert kept["budget"] == {"size": limit, "met": size}
    assert kept["cost"]["flops"] == card["cost"]["flops"] > 0


def test_the_same_seed_makes_the_same_net(fitted, tmp_path):
    fit_quickly(made_up(60), tmp_path)
    assert (fitted[0] / NETWORK).read_bytes() == (tmp_path / NETWORK).read_bytes()


def test_a_budget_too_small_is_refused_with_the_smallest_that_works(tmp_path):
    with pytest.raises(
        BudgetError, match=r"smallest takes ([\d,]+) bytes .* about \d\.\d\d"
    ) as error:
        fit_quickly(made_up(20), tmp_path, "5KB")
    assert not list(tmp_path.iterdir())
    smallest = int(re.search(r"is (\d+)B$", error.value.hint)[1])
    with pytest.raises(BudgetError):
        fit_quickly(made_up(20), tmp_path, f"{smallest - 1}B")
    fit_quickly(made_up(20), tmp_path, f"{smallest}B")
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= smallest


def test_limits_on_work_hold_too(tmp_path):
    card = fit_quickly(made_up(20), tmp_path, "30KB 9kFLOP")
    assert card["cost"]["flops"] <= 9_000
    with pytest.raises(BudgetError, match="flops") as error:
        fit_quickly(made_up(20), tmp_path, "30KB 10FLOP")
    limit = re.search(r"is (\d+FLOP)$", error.value.hint)[1]
    assert f"{fit_quickly(made_up(20), tmp_path, f'30KB {limit}')['cost']['flops']}FLOP" == limit
    with pytest.raises(BudgetError, match="seconds"):
        fit_quickly(made_up(20), tmp_path, "30KB 0.000001us")


def test_the_smallest_is_made_if_only_its_first_timing_was_too_slow(tmp_path, monkeypatch):
    monkeypatch.setattr(fitting, "candidates", lambda *_: [])
    fit_quickly(made_up(20), tmp_path, "30KB 1s")
    parts = split(made_up(20), QUICK.seed, report=lambda line: None)
    distinct = distinct_runs([utf8(text) for text in parts.train.texts])
    assert Classifier.load(tmp_path)._net.shape == smallest(len(WORDS), distinct)


@pytest.mark.parametrize("budget", ["5ms", "3passages 1MB"])
def test_budgets_that_make_no_sense_here_are_usage_errors(tmp_path, budget):
    with pytest.raises(UsageError):
        fit_quickly(made_up(5), tmp_path, budget)


@pytest.mark.parametrize("pairs", [[], [("a", "one")], [("a", "one"), ("a", "two")]])
def test_one_class_is_not_enough(tmp_path, pairs):
    with pytest.raises(UsageError, match="at least two classes"):
        fit_quickly(pairs, tmp_path)


def test_classes_with_one_text_are_learnt_and_not_scored(tmp_path):
    card = fit_quickly([*made_up(20), ("lone", "qoph qaph")], tmp_path)
    assert "lone" in card["labels"]
    assert card["scores"]["held_out"]["f1"]["lone"] is None
    assert "held_out" not in card["data"]
    said = []
    card = fit_quickly([("a", "one"), ("b", "two")], tmp_path, report=said.append)
    assert "no text could be held out; the scores are of the texts learnt from" in said
    assert said[-1].endswith("on 2 texts, those learnt from")
    assert card["data"]["held_out"] == "none: scored on what was learnt from"
    assert "held_out" not in card["scores"]
    assert card["scores"]["dev"]["texts"] == 2
    assert Classifier.load(tmp_path).labels == ("a", "b")


def test_what_is_chosen_or_scored_by_texts_learnt_from_says_so(tmp_path):
    pairs = [("a", "one"), ("b", "two")]
    with pytest.raises(BudgetError, match="on the texts learnt from: none could be held out"):
        fit_quickly(pairs, tmp_path, "5KB")
    card = fit_quickly(pairs, tmp_path, tests=[("a", "three")])
    assert card["data"]["dev"] == "none: chosen by what was learnt from"
    assert "held_out" not in card["data"]
    assert card["scores"]["held_out"]["texts"] == 1


def test_a_text_in_which_nothing_is_visible_is_no_guess_for_the_first_class(fitted):
    right = Texts(["", "\u200b", "soup bread"], np.array([0, 1, 1], np.int32))
    classifier, names = Classifier.load(fitted[0]), sorted(WORDS)
    scores = scores_of(classifier, [utf8(text) for text in right.texts], right, names)
    assert scores["accuracy"] == round(1 / 3, 4)
    assert scores["f1"] == {names[0]: 0.0, "food": 0.667, "travel": None}
    assert sorted(scores["confusions"]) == [f"{names[0]} - 1", "food - 1"]


@pytest.mark.parametrize(
    ("kind", "cost", "text"),
    [
        ("size", 17_723, "17723B"),
        ("flops", 2_914.2, "2915FLOP"),
        ("seconds", 57.123e-6, "57.2us"),
        ("seconds", 4.2e-8, "0.0420us"),
        ("seconds", 0.0012341, "1.24ms"),
        ("seconds", 1234.5, "1240s"),
    ],
)
def test_a_limit_to_type_is_never_too_small(kind, cost, text):
    assert limit_of(kind, cost) == text
    assert getattr(Budget.parse(text), kind) >= cost * (1 - 1e-12)


def test_rare_classes_are_not_forgotten_and_probabilities_are_of_the_real_shares(tmp_path):
    pairs = made_up(300, labels=("food",)) + made_up(15, seed=2, labels=("travel",))
    card = fit_quickly(pairs, tmp_path)
    assert card["scores"]["held_out"]["f1"]["travel"] > 0.4
    (blank,) = Classifier.load(tmp_path).probabilities(["the"])
    assert blank[0] > 0.7


def test_draws_are_by_the_root_of_a_class_and_the_bias_takes_it_back():
    labels = np.array([0] * 90 + [1] * 10)
    pool = Pool(texts=[b"a b c"] * 100, labels=labels, names=2)
    np.testing.assert_allclose(pool.prior(), [0.75, 0.25])
    np.testing.assert_allclose(np.exp(pool.bias()) * pool.prior(), [0.9, 0.1], rtol=1e-5)
    shape = LEAST.shape(5_000, 2, dict.fromkeys(GROUPS, 50))
    drawn = Drawer(pool, shape, dropout=0.5, seed=3).draw(4_000)
    assert abs(drawn.labels.mean() - 0.25) < 0.03
    rows, ends = drawn.bags[GROUPS.index("words1")]
    assert len(ends) == 4_000
    assert len(rows) == ends[-1] == pytest.approx(6_000, rel=0.1)


def test_long_texts_are_seen_through_windows():
    pool = Pool(texts=[b"word " * 10_000, b"x"], labels=np.array([0, 1]), names=2)
    shape = LEAST.shape(5_000, 2, dict.fromkeys(GROUPS, 50))
    rows, _ = Drawer(pool, shape, dropout=0.0, seed=3).draw(20).bags[4]
    assert len(rows) < 20 * 210


@pytest.mark.parametrize("size", [4_000, 20_000, 200_000, 3_000_000])
@pytest.mark.parametrize("labels", [2, 400])
def test_candidates_keep_within_the_bytes_and_waste_no_rows(size, labels):
    distinct = {name: 40 * 5**i for i, name in enumerate(GROUPS)}
    shapes = candidates(size, labels, distinct, lambda shape: True)
    assert bool(shapes) == (least_size(labels, distinct) <= size)
    for shape in shapes:
        assert shape.size <= size
        full = all(g.rows == 2 * distinct[g.name] for g in shape.groups)
        assert full or shape.size > 0.9 * size
    assert LEAST.shape(least_size(labels, distinct) - 1, labels, distinct) is None


def test_distinct_runs_are_counted():
    found = distinct_runs([b"a b", b"b a b"] * 3, at_once=2)
    assert (found["words1"], found["words2"]) == (2, 2)
    assert (found["letters1"], found["letters2"], found["letters4"]) == (4, 4, 0)


def test_split_keeps_parts_apart_and_drops_repeats():
    said = []
    parts = split([*made_up(50), *made_up(2)], 1, report=said.append)
    found = [*parts.train.texts, *parts.dev.texts, *parts.held.texts]
    assert len(found) == len(set(found)) == 150
    assert len(parts.dev.texts) == len(parts.held.texts) == 15
    assert said == ["6 texts left out: they stand twice"]


def test_texts_of_the_tests_are_not_learnt():
    said = []
    pairs = made_up(10)
    parts = split(pairs, 1, tests=[*pairs[:6], ("other", "x")], report=said.append)
    assert parts.held.texts == [text for _, text in pairs[:6]]
    assert not {*parts.train.texts, *parts.dev.texts} & set(parts.held.texts)
    assert said == [
        "6 texts left out: they are among the tests",
        "1 tests left out: of a class that is not learnt",
    ]
    with pytest.raises(UsageError, match="no test"):
        split(pairs, 1, tests=[("other", "x")], report=said.append)


def read(path, text="text", label="label"):
    said = []
    pairs = list(read_labelled([path], text=text, label=label, report=said.append))
    return pairs, [line.split(": ", 1)[1] for line in said]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_with_quotes_over_line_breaks(tmp_path, delimiter):
    path = tmp_path / "a.csv"
    rows = [["id", "label", "text"], ["1", "a,;\t|b", 'two\nlines, "so"'], ["2", " é ", "x"]]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    assert read(path) == ([("a,;\t|b", 'two\nlines, "so"'), ("é", "x")], [])


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_header_over_line_breaks(tmp_path, delimiter):
    path = tmp_path / "a.csv"
    with path.open("w", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([["id", "la\nbel", "text"], [1, "a", "b"]])
        file.write("short\n")
    pairs, said = read(path, label="la\nbel")
    assert pairs == [("a", "b")]
    assert said == ["1 rows skipped: fewer columns than the 3 of the header (line 4)"]


def test_rows_over_line_breaks_are_named_by_their_first_line(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('text,label\n"two\nlines",a\n\n"three\n\nlines",a,more\nx,\n')
    assert read(path) == (
        [("a", "two\nlines")],
        [
            "1 rows skipped: more columns than the 2 of the header (line 5)",
            "1 rows skipped: no label (line 8)",
        ],
    )


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('text,label\n"two\nlines",a\n"open,b\nx,a\ny,b\n', 4),
        ('text,label\nx,"a', 2),
        ('"text,label\nx,a\n', 1),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_quote_that_nothing_closes_is_an_error(tmp_path, content, line, encoding):
    path = tmp_path / "a.csv"
    path.write_text(content, encoding=encoding)
    with pytest.raises(UsageError, match=f"begins at line {line} has a quote that nothing closes"):
        read(path)


@pytest.mark.parametrize("wanted", ["text", "label"])
def test_a_column_that_stands_twice_is_an_error(tmp_path, wanted):
    path = tmp_path / "a.csv"
    path.write_text(f"text,label,other,{wanted} ,other\na,b,c,d,e\n")
    with pytest.raises(UsageError, match=f"2 columns '{wanted}'"):
        read(path)


def test_rows_that_cannot_be_read_are_counted(tmp_path):
    path = tmp_path / "a.csv.xz"
    lines = b"text,label\nfine,a\n\n,b\n  ,b\nno label,\nbad \xff,a\nshort\na,b,c\n\x00nul,a\n"
    path.write_bytes(lzma.compress(lines))
    assert read(path) == (
        [("a", "fine"), ("a", "\x00nul")],
        [
            "2 rows skipped: no text (line 4)",
            "1 rows skipped: no label (line 6)",
            "1 rows skipped: not UTF-8 (line 7)",
            "1 rows skipped: fewer columns than the 2 of the header (line 8)",
            "1 rows skipped: more columns than the 2 of the header (line 9)",
        ],
    )


def test_tab_separated_values_have_no_quotes_unless_the_header_has(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text('label\ttext\na\t"open\nb\tx\n')
    assert read(path)[0] == [("a", '"open'), ("b", "x")]
    path.write_text('"label"\t"text"\na\t"open\nshut"\n')
    assert read(path)[0] == [("a", "open\nshut")]


def test_utf16_with_its_mark(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label\nüber,ä\n", encoding="utf-16")
    assert read(path) == ([("ä", "über")], [])
    path = tmp_path / "a.jsonl.xz"
    lines = '{"text": "über\u2028\u0a0a", "label": "ä"}\n\n{"text": "x"}\n'
    path.write_bytes(lzma.compress(lines.encode("utf-16")))
    assert read(path) == ([("ä", "über\u2028\u0a0a")], ["1 rows skipped: no label (line 3)"])
    path = tmp_path / "a.txt"
    path.write_text("über\nx\n", encoding="utf-16")
    assert list(read_texts([path], text="text", report=print)) == ["über\n", "x\n"]


def test_json_lines(tmp_path):
    path = tmp_path / "a.jsonl"
    entries = [
        {"body": "t\tu", "stars": 5},
        {"body": "v", "stars": True},
        {"body": 7, "stars": "a"},
    ]
    entries += [{"body": "w", "stars": None}, {"body": ["w"], "stars": "a"}, {"stars": "a"}, [1]]
    text = "\n".join(map(json.dumps, entries))
    path.write_bytes(b"\xef\xbb\xbf" + text.encode() + b'\n\nnot json\n{"body": "\xff"}\n')
    assert read(path, "body", "stars") == (
        [("5", "t\tu"), ("true", "v"), ("a", "7")],
        [
            "1 rows skipped: no label (line 4)",
            "1 rows skipped: 'body' is not a string or a number (line 5)",
            "1 rows skipped: no text (line 6)",
            "1 rows skipped: not a JSON object (line 7)",
            "1 rows skipped: not JSON (line 9)",
            "1 rows skipped: not UTF-8 (line 10)",
        ],
    )


def test_half_a_surrogate_pair_is_no_label(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"text": "x", "label": "\\ud83e"}\n{"text": "\\ud83e", "label": "\\ud83e\\udd8a"}\n'
    )
    assert read(path) == ([("🦊", "\ud83e")], ["1 rows skipped: its label is not text (line 1)"])


@pytest.mark.parametrize(
    "content",
    ['[{"text": "x", "label": "a"}]', '\n [\n{"text": "x", "label": "a"}\n]\n', "\ufeff[\n{}]"],
)
def test_a_json_array_is_not_json_lines(tmp_path, content):
    path = tmp_path / "a.jsonl"
    path.write_text(content, "utf-8")
    with pytest.raises(UsageError, match="is a JSON array") as error:
        read(path)
    assert "a line is an object" in error.value.hint


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "body,stars\nx,1\n"),
        ("a.tsv", "body\tstars\nx\t1\n"),
        ("a.jsonl", '{"body": "x", "stars": 1}\n'),
    ],
)
def test_a_column_that_is_missing_is_named_beside_those_that_are_not(tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(UsageError, match="no column 'text'; it has 'body', 'stars'"):
        read(path)
    with pytest.raises(UsageError, match="no column 'label'"):
        read(path, text="body")


def test_files_that_cannot_be_read_are_named(tmp_path):
    broken = tmp_path / "broken.csv.xz"
    broken.write_bytes(lzma.compress(b"text,label\n" + b"x,a\n" * 9000)[:-40])
    odd = tmp_path / "odd.xlsx"
    odd.write_bytes(b"PK")
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    for path in (broken, odd, empty, tmp_path / "none.csv"):
        with pytest.raises(UsageError, match=path.name):
            fit_classifier([path], tmp_path / "o", budget=Budget(size=10**6), report=print)


def test_texts_without_labels(tmp_path):
    table, lines = tmp_path / "a.csv", tmp_path / "b.txt"
    table.write_text("id,text\n1,x\n2,\n")
    lines.write_text("\ufeffy\n\n", "utf-8")
    said = []
    assert list(read_texts([table, lines], text="text", report=said.append)) == ["x", "y\n"]
    assert len(said) == 2


@pytest.fixture
def questions(tmp_path):
    """Which of 8 articles a real question is about."""
    from tests.conftest import DATA

    articles = json.loads((DATA / "squad_sample" / "train-v1.1.json").read_text("utf-8"))["data"]
    path = tmp_path / "questions.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["article", "question"])
        for article in articles:
            for paragraph in article["paragraphs"]:
                table.writerows([article["title"], q["question"]] for q in paragraph["qas"])
    return path


def call(*arguments, given=None):
    return CliRunner().invoke(cli, list(map(str, arguments)), input=given)


def test_the_commands(questions, tmp_path, monkeypatch):
    monkeypatch.setattr(Fit, "of", lambda texts, seed: QUICK)
    out = tmp_path / "articles"
    columns = ("--text", "question", "--label", "article")
    done = call("fit", "classifier", questions, *columns, "--budget", "40KB", "-o", out)
    assert done.exit_code == 0, done.output
    assert "a net for classifier" in done.stderr
    done = call("run", out, given="What is Brasília known for?\n\n")
    assert done.exit_code == 0
    first, second = done.stdout.splitlines()
    assert re.fullmatch(r"\w+\t[01]\.\d\d\tWhat is Brasília known for\?", first)
    assert second == "-\t0.00\t"
    (told,) = call("run", out, "--json", given="Glass?").stdout.splitlines()
    assert json.loads(told).keys() == {"label", "probability", "text"}


def test_a_command_as_teacher(questions, tmp_path, monkeypatch):
    monkeypatch.setattr(Fit, "of", lambda texts, seed: QUICK)
    program, more = tmp_path / "teacher.py", tmp_path / "more.txt"
    program.write_text('import sys\nfor line in sys.stdin: print(\'{"label": "Glass"}\')')
    more.write_text("What is it made of?\nHow hot is the furnace?\n")
    columns = ("--text", "question", "--label", "article", "--budget", "40KB")
    how = ("--teacher-command", f"{sys.executable} {program}", "--unlabelled", more)
    done = call("fit", "classifier", questions, *columns, *how, "-o", tmp_path / "o")
    assert done.exit_code == 0, done.output
    assert "the teacher knows 56 of the 56 texts, and 2 more without a label" in done.stderr
    teacher = json.loads((tmp_path / "o" / CARD).read_text("utf-8"))["data"]["teacher"]
    assert teacher == {"temperature": 2.0, "weight": 0.5, "texts_without_label": 2}
    program.write_text("raise SystemExit('out of memory')")
    done = call("fit", "classifier", questions, *columns, *how, "-o", tmp_path / "o")
    assert done.exit_code == 1
    assert "failed: exit code 1: out of memory" in str(done.exception)


def test_commands_that_make_no_sense(questions, tmp_path):
    base = ("fit", "classifier", questions, "--budget", "40KB", "-o", tmp_path / "o")
    columns = ("--text", "question", "--label", "article")
    done = call(*base)
    assert "no column 'text'; it has 'article', 'question'" in str(done.exception)
    done = call(*base, *columns, "--unlabelled", questions)
    assert "name a teacher" in done.exception.hint
    both = ("--teacher", questions, "--teacher-command", sys.executable)
    assert "one teacher" in str(call(*base, *columns, *both).exception)


def test_with_a_teacher_for_texts_without_labels(tmp_path):
    few, many = made_up(2), made_up(60, seed=3)
    path = tmp_path / "said.jsonl"
    soft = [
        {"text": text, "probabilities": {**dict.fromkeys(WORDS, 0.1), label: 0.8}}
        for label, text in [*few[:3], *many]
    ]
    path.write_text("\n".join(map(json.dumps, soft)))
    tests = made_up(30, seed=4)
    said = []
    card = fit_quickly(
        few, tmp_path / "a", tests=tests, teacher=FileTeacher(path), report=said.append
    )
    alone = fit_quickly(few, tmp_path / "b", tests=tests)
    assert "the teacher knows 3 of the 6 texts, and 180 more without a label" in said
    assert card["data"]["teacher"]["texts_without_label"] == 180
    scores = [c["scores"]["held_out"]["accuracy"] for c in (card, alone)]
    assert scores[0] > 0.85
    assert scores[0] > scores[1]


def test_a_teacher_who_says_nothing_of_the_texts(tmp_path):
    path = tmp_path / "said.jsonl"
    path.write_text("")
    with pytest.raises(UsageError, match="says nothing"):
        fit_quickly(made_up(5), tmp_path / "a", teacher=FileTeacher(path))
