"""Fitting taggers: budgets kept to the byte, refusals, the same weights for the same seed."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from frugally.budget import Budget
from frugally.errors import BudgetError, UsageError
from frugally.fit.conllu import load_treebank
from frugally.fit.tagger import fit_tagger
from frugally.fit.tagger.allocation import Limits, candidates, distinct_rows, largest, smallest
from frugally.fit.tagger.evaluation import scores
from frugally.fit.tagger.training import Recipe
from frugally.nets.clusters import WordClusters
from frugally.nets.tagger import Tagger
from frugally.text.bloom_map import BloomMap

TREEBANK = Path(__file__).parent.parent / "data" / "treebank"
QUICK = Recipe(epochs=6, batch_tokens=64, hidden_dropout=0.2)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    out = tmp_path_factory.mktemp("fit") / "tagger"
    card = fit_tagger(TREEBANK, out, budget=Budget(size=60_000), trials=2, recipe=QUICK)
    return out, card


def test_the_folder_keeps_the_budget_and_says_what_it_took(fitted):
    out, card = fitted
    size = sum(path.stat().st_size for path in out.iterdir())
    assert size == card["budget"]["met"] <= 60_000
    assert json.loads((out / "card.json").read_text())["scores"] == card["scores"]
    assert not [path for path in out.parent.iterdir() if path != out]


def test_it_learns(fitted):
    out, card = fitted
    bank = load_treebank(TREEBANK)
    found = scores(Tagger.load(out), bank.test)
    assert found["accuracy"] == card["scores"]["test"]["accuracy"]
    # The commonest tag alone would get about 18 %.
    assert found["accuracy"] > 55
    assert abs(card["scores"]["test"]["accuracy_float32"] - found["accuracy"]) < 1.0
    assert sum(entry["count"] for entry in found["by_tag"].values()) == found["words"]


def test_the_same_seed_makes_the_same_net(tmp_path):
    for name in ("a", "b"):
        fit_tagger(
            TREEBANK,
            tmp_path / name,
            budget=Budget(size=40_000),
            trials=1,
            recipe=Recipe(epochs=1, batch_tokens=128),
        )
    one, other = ((tmp_path / name / "net.safetensors").read_bytes() for name in "ab")
    assert one == other


def test_clusters_are_part_of_the_tagger(tmp_path):
    words = sorted({word for sentence in load_treebank(TREEBANK).train for word in sentence.words})
    numbers = np.arange(len(words)) % 7
    card = {"clusters": 7, "spelling": 1, "map": {"form": "bloom"}, "data": {"files": ["x"]}}
    clusters = WordClusters(BloomMap.build(words, numbers), card)
    budget = Budget(size=60_000)
    made = fit_tagger(
        TREEBANK, tmp_path / "net", budget=budget, trials=1, recipe=QUICK, clusters=clusters
    )
    assert 50_000 < made["budget"]["met"] <= 60_000
    assert made["clusters"] == card
    tagger = Tagger.load(tmp_path / "net")
    group = next(group for group in tagger.net.shape.groups if group.name == "cluster")
    assert group.rows == 8
    found = scores(tagger, load_treebank(TREEBANK).test)
    assert found["accuracy"] == made["scores"]["test"]["accuracy"] > 55


def test_too_small_a_budget_names_the_smallest(tmp_path):
    quick = Recipe(epochs=2, batch_tokens=64)
    with pytest.raises(BudgetError) as refused:
        fit_tagger(TREEBANK, tmp_path / "x", budget=Budget(size=9_000), recipe=quick)
    hint = refused.value.hint or ""
    assert "the smallest that works is" in hint
    assert "accuracy of about" in hint
    assert not (tmp_path / "x").exists()


def test_too_slow_is_refused(tmp_path):
    quick = Recipe(epochs=1, batch_tokens=128)
    with pytest.raises(BudgetError, match="as fast as") as refused:
        fit_tagger(
            TREEBANK,
            tmp_path / "x",
            budget=Budget(size=40_000, seconds=1e-9),
            recipe=quick,
            trials=1,
        )
    assert "us, " in (refused.value.hint or "")


def test_a_time_budget_leads_to_smaller_nets(monkeypatch):
    from frugally.fit.tagger import fitting

    bank = load_treebank(TREEBANK)
    labels = sorted({tag for sentence in bank.train for tag in sentence.tags if tag})
    work = fitting._Work(bank, labels, QUICK, 1, None, [], lambda line: None)
    # A machine on which a hidden unit takes a microsecond.
    monkeypatch.setattr(fitting._Work, "seconds", lambda self, shape: 1e-6 * shape.hidden)
    found = work.shapes(Budget(size=200_000, seconds=50e-6), 4, None)
    assert found
    assert all(shape.hidden <= 50 for shape in found)
    monkeypatch.setattr(fitting._Work, "tagger", lambda self, shape, share: None)
    monkeypatch.setattr(fitting._Work, "score", lambda self, tagger: 0.5)
    with pytest.raises(BudgetError, match="as fast as 5 us"):
        work.shapes(Budget(size=200_000, seconds=5e-6), 4, None)


def test_the_smallest_named_works(tmp_path):
    quick = Recipe(epochs=1, batch_tokens=128)
    with pytest.raises(BudgetError) as refused:
        fit_tagger(TREEBANK, tmp_path / "x", budget=Budget(size=1), recipe=quick)
    least = Budget.parse((refused.value.hint or "").split(" is ")[1].split(",")[0])
    card = fit_tagger(TREEBANK, tmp_path / "x", budget=least, recipe=quick)
    assert card["budget"]["met"] <= (least.size or 0)


def test_one_tag_is_nothing_to_learn(tmp_path):
    path = tmp_path / "t.conllu"
    path.write_text("1\ta\t_\tX\n\n" * 5)
    with pytest.raises(UsageError, match="1 tags"):
        fit_tagger(path, tmp_path / "x")


@pytest.mark.parametrize("size", [8_000, 30_000, 300_000])
def test_candidates_keep_their_limits(size):
    bank = load_treebank(TREEBANK)
    words = sorted({word for sentence in bank.train for word in sentence.words})
    distinct = distinct_rows(words)
    limits = Limits(size=size, weights=100_000, flops=80_000)
    found = candidates(limits, 17, distinct, count=5, seed=1)
    assert found
    assert all(limits.hold(shape) for shape in found)
    assert all(g.rows <= max(32, 2 * distinct.get(g.name, 999)) for s in found for g in s.groups)
    assert found == candidates(limits, 17, distinct, count=5, seed=1)


def test_more_bytes_make_larger_tables():
    distinct = {"ngrams2": 5000}
    small, large = (
        largest(Limits(size=size), {"ngrams2": 1.0}, 8, 16, 17, distinct)
        for size in (20_000, 40_000)
    )
    assert small is not None
    assert large is not None
    assert small.weights < large.weights
    assert smallest(17, {"ngrams2": 9, "suffix2": 9, "suffix3": 9}).size < small.size
