"""Fitting identifiers: what is read, what is drawn, what fits a budget, and that it learns."""

import json
import lzma
import random
import re

import numpy as np
import pytest

pytest.importorskip("torch")

from frugally.budget import Budget
from frugally.errors import BudgetError, UsageError
from frugally.fit import scoring
from frugally.fit.labelled import Texts
from frugally.fit.language import fitting
from frugally.fit.language.allocation import LEAST, Allocation, candidates, least_size, smallest
from frugally.fit.language.draws import Drawer, Words, bags, fixed_examples, word_rows
from frugally.fit.language.examples import read_tsv, split
from frugally.fit.language.fitting import Fit, fit_labelled, fit_language
from frugally.fit.successive_halving import tournament
from frugally.nets.card import CARD, NETWORK
from frugally.nets.language import LanguageIdentifier
from frugally.text.ngrams import letters, ngram_rows

SYLLABLES = {
    "kala": ["ka", "la", "mi", "to", "ne", "su", "ri", "ko", "pa", "ta"],
    "brum": ["brum", "drag", "stok", "grof", "blik", "trap", "knol", "vrees"],
    "жуть": ["жу", "ть", "мо", "ро", "сва", "да", "не", "ко"],
}


def made_up(label, count, seed=0):
    source = random.Random(f"{label}{seed}")
    syllables = SYLLABLES[label]
    return [
        " ".join(
            "".join(source.choices(syllables, k=source.randint(1, 4)))
            for _ in range(source.randint(1, 9))
        )
        for _ in range(count)
    ]


def labelled(count=150):
    return [(label, text) for label in SYLLABLES for text in made_up(label, count)]


QUICK = Fit(steps=120, trial_steps=20, batch=64, learning_rate=2e-2)


def fit_quickly(pairs, out, budget="30KB", fit=QUICK, report=lambda line: None, **more):
    limits = Budget.parse(budget)
    return fit_labelled(
        pairs, out, budget=limits, fit=fit, sources={"t": ""}, report=report, **more
    )


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("language")
    card = fit_quickly(labelled(), folder)
    return folder, card


def test_a_fitted_net_knows_its_languages(fitted):
    folder, card = fitted
    identifier = LanguageIdentifier.load(folder)
    assert identifier.labels == tuple(sorted(SYLLABLES))
    for label in SYLLABLES:
        texts = made_up(label, 50, seed=1)
        guesses = [guess.code for guess in identifier.identify(texts, threshold=0.0)]
        assert guesses.count(label) >= 45, label
    assert card["scores"]["accuracy"]["text"] > 0.9
    assert card["scores"]["f1"].keys() == SYLLABLES.keys()


@pytest.mark.parametrize("budget", ["20KB", "45KB"])
def test_the_folder_never_exceeds_the_budget_and_uses_most_of_it(tmp_path, budget):
    card = fit_quickly(labelled(30), tmp_path, budget)
    limit = Budget.parse(budget).size
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert 0.6 * limit < size <= limit
    kept = json.loads((tmp_path / CARD).read_text())
    assert kept["budget"] == {"size": limit}
    assert kept["cost"]["flops"] == card["cost"]["flops"] > 0


def test_the_same_seed_makes_the_same_net(fitted, tmp_path):
    fit_quickly(labelled(), tmp_path)
    assert (fitted[0] / NETWORK).read_bytes() == (tmp_path / NETWORK).read_bytes()


def test_a_budget_too_small_is_refused_with_the_smallest_that_works(tmp_path):
    with pytest.raises(BudgetError, match=r"smallest takes ([\d,]+) bytes .* % right") as error:
        fit_quickly(labelled(30), tmp_path, "5KB")
    assert not list(tmp_path.iterdir())
    smallest = int(re.search(r"is (\d+)B$", error.value.hint)[1])
    with pytest.raises(BudgetError):
        fit_quickly(labelled(30), tmp_path, f"{smallest - 1}B")
    fit_quickly(labelled(30), tmp_path, f"{smallest}B")
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= smallest


def test_limits_on_work_hold_too(tmp_path):
    card = fit_quickly(labelled(30), tmp_path, "40KB 4kFLOP")
    assert card["cost"]["flops"] <= 4_000
    with pytest.raises(BudgetError, match="flops") as error:
        fit_quickly(labelled(30), tmp_path, "40KB 10FLOP")
    limit = re.search(r"is (\d+FLOP)$", error.value.hint)[1]
    assert f"{fit_quickly(labelled(30), tmp_path, f'40KB {limit}')['cost']['flops']}FLOP" == limit
    with pytest.raises(BudgetError, match="seconds"):
        fit_quickly(labelled(30), tmp_path, "40KB 0.000001us")


def test_the_smallest_is_made_if_only_its_first_timing_was_too_slow(tmp_path, monkeypatch):
    monkeypatch.setattr(fitting, "candidates", lambda *_: [])
    fit_quickly(labelled(30), tmp_path, "40KB 1s")
    shape = LanguageIdentifier.load(tmp_path)._net.shape
    assert shape == smallest(len(SYLLABLES))


@pytest.mark.parametrize("budget", ["5ms", "3passages 1MB"])
def test_budgets_that_make_no_sense_here_are_usage_errors(tmp_path, budget):
    with pytest.raises(UsageError):
        fit_quickly(labelled(5), tmp_path, budget)


@pytest.mark.parametrize("pairs", [[], [("a", "one")], [("a", "one"), ("b", "123 !")]])
def test_one_label_is_not_enough(tmp_path, pairs):
    with pytest.raises(UsageError, match="at least two labels"):
        fit_quickly(pairs, tmp_path)


def test_a_label_with_one_text_is_learnt_and_not_scored(tmp_path):
    card = fit_quickly([*labelled(40), ("lone", "qoph qaph")], tmp_path)
    assert "lone" in card["labels"]
    assert card["scores"]["f1"]["lone"] is None
    assert "held_out" not in card["data"]


def test_labels_of_few_texts_are_learnt_and_nothing_is_scored(tmp_path):
    said = []
    card = fit_quickly(labelled(10), tmp_path, report=said.append)
    assert said[-1].endswith("nothing was scored: no label has texts to spare")
    assert card["data"]["held_out"] == "none: no label has texts to spare"
    assert card["scores"]["held_out_texts"] == 0
    with pytest.raises(BudgetError, match="could not be scored: no label has texts to spare"):
        fit_quickly(labelled(10), tmp_path, "5KB")


def test_tsv_is_read_and_bad_lines_are_counted(tmp_path):
    plain, packed = tmp_path / "a.tsv", tmp_path / "b.tsv.xz"
    plain.write_bytes(
        b"\xef\xbb\xbfda\tHej\r\n\nno tab\n\tno label\nde\t\xff\nsv\ta\tb\nno again\n"
    )
    packed.write_bytes(lzma.compress(b"fi\tmoi\n"))
    said = []
    assert list(read_tsv([plain, packed], said.append)) == [
        ("da", "Hej"),
        ("sv", "a\tb"),
        ("fi", "moi"),
    ]
    assert [line.split(": ", 1)[1] for line in said] == [
        "2 lines skipped: no tab between label and text (line 3)",
        "1 lines skipped: no label (line 4)",
        "1 lines skipped: not UTF-8 (line 5)",
    ]


def test_files_that_cannot_be_read_are_named(tmp_path):
    broken = tmp_path / "broken.tsv.xz"
    broken.write_bytes(lzma.compress(b"a\tb\n" * 1000)[:-20])
    for path in (broken, tmp_path / "none.tsv"):
        with pytest.raises(UsageError, match=path.name):
            fit_language([path], tmp_path / "o", budget=Budget(size=10**6), report=print)


def test_split_keeps_parts_apart_and_drops_repeats():
    pairs = [("a", f"text {chr(97 + i % 26)}{chr(97 + i // 26)}") for i in range(100)] * 2
    parts = split([*pairs, ("b", "x y"), ("b", "…")], seed=1)
    found = [*parts.train.texts, *parts.dev.texts, *parts.held.texts]
    assert len(found) == len(set(found)) == 101
    assert len(parts.dev.texts) == len(parts.held.texts) == 3
    assert parts.names == ["a", "b"]


def test_rows_of_words_end_to_end_are_those_of_the_text():
    texts = Texts(["Dette er en test", "日本語 okay don't", "x"], np.array([0, 1, 1], np.int32))
    words = Words.of(texts, 2, seed=0)
    shape = LEAST.shape(20_000, 2)
    whole = bags(word_rows(words, shape), words.whole, words.whole_ends)
    for order, (rows, ends) in enumerate(whole, start=1):
        expected = ngram_rows(
            [t.encode() for t in texts.texts], order, shape.groups[order - 1].rows, letters()
        )
        assert rows.tolist() == expected.rows.tolist()
        assert ends.tolist() == expected.ends.tolist()


def test_draws_are_of_all_lengths_and_by_prior():
    texts = Texts([" ".join("abcdefgh"), " ".join("zyxwvuts")], np.array([0, 1], np.int32))
    words = Words.of(texts, 2, seed=0)
    _, ends, labels = Drawer(texts, words, np.array([3.0, 1.0]), seed=5).draw(4000)
    sizes = np.diff(ends, prepend=0)
    assert abs((labels == 0).mean() - 0.75) < 0.03
    assert (sizes == 8).mean() > 0.3
    assert 0.15 < (sizes == 1).mean() < 0.3


def test_scripts_without_spaces_are_cut_for_short_draws():
    text = "这是一个没有空格的很长的句子需要切成小块才能学习单词"
    words = Words.of(Texts([text], np.array([0], np.int32)), 1, seed=0)
    assert len(words.whole) == 1
    assert len(words.cut) > 4
    assert b"".join(words.words[i] for i in words.cut).decode() == text
    fixed = fixed_examples(Texts([text], np.array([0], np.int32)), seed=0)
    assert len(fixed["word"][0].decode()) <= 6


@pytest.mark.parametrize("size", [3_000, 10_000, 100_000, 1_000_000, 20_000_000])
@pytest.mark.parametrize("labels", [2, 80, 500])
def test_candidates_fill_the_bytes_and_no_more(size, labels):
    shapes = candidates(size, labels, lambda shape: True)
    assert bool(shapes) == (least_size(labels) <= size)
    for shape in shapes:
        assert 0.9 * size < shape.size <= size or size == 20_000_000
    assert LEAST.shape(least_size(labels) - 1, labels) is None


def test_the_tournament_ends_with_the_best_of_the_longest():
    shapes = [
        Allocation(width=w, hidden=24, shares=(1, 1, 1, 1)).shape(9000, 2) for w in (4, 8, 12)
    ]
    by_shape = {id(shape): score for shape, score in zip(shapes, (0.1, 0.9, 0.5), strict=True)}
    best, tried = tournament(
        shapes, lambda shape, steps: by_shape[id(shape)], steps=10, report=lambda line: None
    )
    assert best is shapes[1]
    assert [entry["steps"] for entry in tried] == [10, 10, 10]


def guessed(labels, said, sure):
    return scoring.Guessed(
        np.array(labels, np.int32), np.array(said, np.int32), np.array(sure, np.float32)
    )


def test_scores_by_hand():
    found = guessed([0, 0, 0, 1], [0, 0, 1, 1], [0.9, 0.8, 0.6, 0.7])
    names = ["a", "b", "c"]
    assert scoring.accuracy(found, np.array([1.0, 1.0, 1.0])) == pytest.approx((2 / 3 + 1) / 2)
    assert scoring.accuracy(found, np.array([3.0, 1.0, 1.0])) == pytest.approx(0.75)
    assert scoring.f1_by_label([found], names) == {"a": 0.8, "b": 0.667, "c": None}
    assert scoring.confusions([found], names) == ["a b 1"]
    assert scoring.best_threshold([found], np.array([3.0, 1.0, 1.0])) == pytest.approx(0.7)


def test_temperature_finds_what_logits_were_multiplied_by():
    source = np.random.default_rng(0)
    logits = source.normal(size=(4000, 5)).astype(np.float32) * 2
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (shares.cumsum(axis=1) < source.random((4000, 1))).sum(axis=1).astype(np.int32)
    found = scoring.temperature([logits * 3], np.minimum(labels, 4), np.ones(5))
    assert found == pytest.approx(3.0, rel=0.15)


def test_calibration_error_by_hand():
    found = guessed([0, 0, 0, 0], [0, 0, 1, 1], [0.95, 0.95, 0.95, 0.95])
    assert scoring.calibration_error([found], np.ones(2)) == pytest.approx(0.45)
