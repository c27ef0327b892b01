"""Fitting segmenters: budgets kept to the byte, refusals, the same weights for the same seed."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from frugally.budget import Budget
from frugally.errors import BudgetError, UsageError
from frugally.fit.conllu import Sentence, load_treebank, parse_conllu
from frugally.fit.segmenter import fit_segmenter, fitting
from frugally.fit.segmenter.allocation import Known, Limits, candidates, largest, smallest
from frugally.fit.segmenter.encoding import (
    Lexicon,
    Running,
    Strings,
    count_ngrams,
    level,
    pieces_of,
    spaces_stated,
)
from frugally.fit.segmenter.evaluation import measure, scores, spans
from frugally.fit.segmenter.training import Recipe
from frugally.nets.segmenter import Segmenter
from frugally.nets.segmenting.features import REACH
from frugally.text.murmur import murmur3_32

TREEBANK = Path(__file__).parent.parent / "data" / "segmenting"
QUICK = Recipe(epochs=12, batch_places=64, rare_ngrams=0.5)
BRIEF = Recipe(epochs=1, batch_places=128)
KNOWN = Known(ngrams={1: 900, 2: 9_000, 3: 12_000, 4: 14_000}, words=5_000, longest=5)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    out = tmp_path_factory.mktemp("fit") / "segmenter"
    card = fit_segmenter(TREEBANK, out, budget=Budget(size=40_000), trials=2, recipe=QUICK)
    return out, card


def test_the_folder_keeps_the_budget_and_says_what_it_took(fitted):
    out, card = fitted
    size = sum(path.stat().st_size for path in out.iterdir())
    assert size == card["budget"]["met"] <= 40_000
    assert json.loads((out / "card.json").read_text())["scores"] == card["scores"]
    assert not [path for path in out.parent.iterdir() if path != out]


def test_it_learns(fitted):
    out, card = fitted
    bank = load_treebank(TREEBANK, tagged=False)
    texts = [pieces_of(sentence, True) for sentence in bank.test]
    found = measure(Segmenter.load(out), texts)["f1"]
    assert found == card["scores"]["test"]["f1"]
    # A word at every place gets 5, whole stretches between spaces less.
    assert found > 55
    assert abs(card["scores"]["test"]["f1_float32"] - found) < 2.0


def test_the_same_seed_makes_the_same_net(tmp_path):
    for name in ("a", "b"):
        fit_segmenter(TREEBANK, tmp_path / name, budget=Budget(size=30_000), trials=1, recipe=BRIEF)
    one, other = ((tmp_path / name / "net.safetensors").read_bytes() for name in "ab")
    assert one == other


def test_too_small_a_budget_names_the_smallest(tmp_path):
    with pytest.raises(BudgetError) as refused:
        fit_segmenter(TREEBANK, tmp_path / "x", budget=Budget(size=3_000), recipe=BRIEF)
    hint = refused.value.hint or ""
    assert "the smallest that works is" in hint
    assert "F1 of about" in hint
    assert not (tmp_path / "x").exists()


def test_the_smallest_named_works(tmp_path):
    with pytest.raises(BudgetError) as refused:
        fit_segmenter(TREEBANK, tmp_path / "x", budget=Budget(size=1), recipe=BRIEF)
    least = Budget.parse((refused.value.hint or "").split(" is ")[1].split(",")[0])
    card = fit_segmenter(TREEBANK, tmp_path / "x", budget=least, recipe=BRIEF)
    assert card["budget"]["met"] <= (least.size or 0)


def test_too_slow_is_refused(tmp_path):
    with pytest.raises(BudgetError, match="as fast as") as refused:
        fit_segmenter(
            TREEBANK,
            tmp_path / "x",
            budget=Budget(size=40_000, seconds=1e-10),
            recipe=BRIEF,
            trials=1,
        )
    assert "us, " in (refused.value.hint or "")


def test_a_time_budget_leads_to_smaller_nets(monkeypatch):
    work = fitting._Work(load_treebank(TREEBANK, tagged=False), QUICK, lambda line: None)
    # A machine on which a hidden unit takes a microsecond.
    monkeypatch.setattr(fitting._Work, "seconds", lambda self, shape, words: 1e-6 * shape.hidden)
    found, _ = work.shapes(Budget(size=200_000, seconds=40e-6), 4)
    assert found
    assert all(shape.hidden <= 40 for shape in found)
    monkeypatch.setattr(fitting._Work, "trained", lambda self, shape, words, share: 0.5)
    with pytest.raises(BudgetError, match="as fast as 5 us"):
        work.shapes(Budget(size=200_000, seconds=5e-6), 4)


def test_one_kind_of_place_is_nothing_to_learn(tmp_path):
    path = tmp_path / "t.conllu"
    path.write_text("1\t日\t_\t_\n2\t本\t_\t_\n\n" * 5)
    with pytest.raises(UsageError, match="no places where words begin"):
        fit_segmenter(path, tmp_path / "x")


@pytest.mark.parametrize("size", [8_000, 30_000, 300_000])
def test_candidates_keep_their_limits(size):
    limits = Limits(size=size, flops=60_000)
    found = candidates(limits, KNOWN, count=5, seed=1)
    assert found
    assert all(shape.dense_flops <= 60_000 for shape in found)
    assert all(g.rows <= KNOWN.ngrams[int(g.name[-1])]
               for s in found for g in s.groups if g.name.startswith("ngrams"))  # fmt: skip
    assert found == candidates(limits, KNOWN, count=5, seed=1)


def test_more_bytes_make_larger_tables():
    small, large = (largest(Limits(size=n), {1: 0.2, 2: 0.8}, 8, 16, KNOWN, 0)
                    for n in (20_000, 40_000))  # fmt: skip
    assert small is not None
    assert large is not None
    assert small.weights < large.weights
    assert smallest(KNOWN).size < small.size


def test_sentences_as_they_are_written():
    text = "1\tไป\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No\n2\tมา\t_\t_\t_\t_\t_\t_\t_\t_\n3\t2\t_\t_\n"
    (sentence,) = parse_conllu(text)
    assert spaces_stated([sentence])
    assert pieces_of(sentence, True) == ["ไป", "มา", " ", "2"]
    plain = Sentence(("看似", "簡單"), (None, None), (False, False))
    assert not spaces_stated([plain])
    assert pieces_of(plain, False) == ["看似", "簡單"]


def test_multiword_tokens_are_joined_inside():
    text = "1-2\tdu\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No\n1\tde\t_\t_\n2\tle\t_\t_\n3\t.\t_\t_\n"
    assert parse_conllu(text)[0].joined == (True, True, False)


TEXTS = [["ab", "c", " ", "ab"], ["ab", "abc"], ["a", "bc"]]


def test_places_of_running_text():
    running = Running.of(TEXTS)
    inside = running.sentences >= 0
    assert "".join(map(chr, running.codes[inside])) == "abc abababcabc"
    begins = [int(i == 0) for pieces in TEXTS for piece in pieces for i in range(len(piece))]
    assert running.truth[inside].astype(int).tolist() == begins
    # Letters of one word are no question, nor are the ends of sentences.
    assert not len(running.asked)


def test_levels_come_from_other_sentences():
    running = Running.of(TEXTS)
    strings = Strings.of(running, 2)
    hash_ab = murmur3_32("ab".encode("utf-32-le"))
    number = strings.hashes.tolist().index(hash_ab)
    # "ab" is there five times: three times a word, twice of them in the first sentence.
    assert (strings.words[number], strings.strings[number]) == (3, 5)
    known = np.array([hash_ab], np.uint32)
    found = strings.levels_elsewhere(known)[REACH:]
    assert found[0] == level(np.array([1]), np.array([3]))[0] == 1
    last = len(running.codes) - 2 * REACH - 3
    assert found[last] == level(np.array([3]), np.array([4]))[0]
    assert not strings.levels_elsewhere(np.zeros(0, np.uint32)).any()


def test_levels_rise_with_the_share():
    words, strings = np.array([0, 1, 2, 2, 4, 9]), np.array([5, 1, 9, 4, 5, 9])
    assert level(words, strings).tolist() == [0, 1, 2, 3, 4, 5]


def test_the_lexicon_has_the_most_frequent_words():
    running = Running.of(TEXTS)
    whole = Lexicon.of(running, 4, 100)
    words = {"ab", "c", "abc", "a", "bc"}
    assert set(whole.words.tolist()) == {murmur3_32(w.encode("utf-32-le")) for w in words}
    one = Lexicon.of(running, 4, 1)
    assert one.words.tolist() == [murmur3_32("ab".encode("utf-32-le"))]
    assert one.levels.tolist() == [level(np.array([3]), np.array([5]))[0]]
    assert not Lexicon.of(running, 4, 0).elsewhere.any()


def test_ngrams_are_counted_the_most_frequent_first():
    counted = count_ngrams(Running.of(TEXTS), 2)
    assert (np.diff(counted.counts) <= 0).all()
    assert counted.counts.min() >= 2
    some = counted.first(3)
    assert (np.diff(some.hashes.astype(np.int64)) > 0).all()
    assert set(some.hashes) == set(counted.hashes[:3])


def test_scores_count_words_whose_both_ends_are_right():
    truth = [["ab", "c", " ", "d"], ["e", "f"]]
    found = [["ab", "c", " ", "d"], ["ef"]]
    assert spans(truth[0]) == {(0, 2), (2, 3), (4, 5)}
    got = scores(found, truth, frozenset({"ab", "d"}))
    assert (got["words"], got["precision"], got["recall"]) == (5, 75.0, 60.0)
    assert got["f1"] == 66.67
    assert (got["new_words"], got["recall_new"]) == (3, 33.33)
