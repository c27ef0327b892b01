"""`fit_segmenter`: from a treebank and a budget to a saved segmenter.

The sizes are searched: candidates that fill the budget (`allocation.py`) are trained shortly, the
better third longer, and so on (`fit/successive_halving.py`); the best is trained in full.
Everything is chosen on dev; test is looked at once, for the card.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from frugally.budget import Budget
from frugally.errors import UsageError
from frugally.fit.conllu import Treebank, load_treebank
from frugally.fit.refusal import searched_refusal
from frugally.fit.saving import save_within
from frugally.fit.segmenter.allocation import (
    SHARES,
    Known,
    Limits,
    array_bytes,
    candidates,
    smallest,
    words_within,
)
from frugally.fit.segmenter.encoding import (
    Lexicon,
    Running,
    count_ngrams,
    longest_word,
    pieces_of,
    scripts_of,
    spaces_stated,
)
from frugally.fit.segmenter.evaluation import measure, seconds_per_character
from frugally.fit.segmenter.training import (
    Material,
    Recipe,
    SegmenterNet,
    assemble,
    exact,
    train_segmenter,
)
from frugally.fit.successive_halving import tournament
from frugally.fit.timing import quick_enough
from frugally.nets.card import Card
from frugally.nets.feedforward import Shape
from frugally.nets.segmenter import LABELS, TASK, Segmenter
from frugally.nets.segmenting.features import RECIPE, WORDS

CARD_BYTES = 5_000  # what card and header take beside the arrays, at most
DEFAULT_SIZE = 1_000_000


def fit_segmenter(
    source: Path | Sequence[Path],
    out: Path,
    *,
    budget: Budget | None = None,
    seed: int = 1013,
    report: Callable[[str], None] = lambda line: None,
    trials: int = 6,
    recipe: Recipe | None = None,
    about: Mapping[str, Any] | None = None,
) -> Card:
    """Fit a segmenter on a treebank inside a budget, save it in the folder `out`; returns its card.

    `source` is a folder of CoNLL-U files or the files to train on. Of the budget count `size` (all
    bytes of the folder), `flops` (for a place where every n-gram is new) and `seconds` (for a
    character, as measured here). `trials` candidates are compared. `about` is added to the card (a
    licence, an attribution).

    Raises:
        BudgetError: the budget is too small; the hint names the smallest that works.
        UsageError: the treebank has nothing to learn from.
        SourceError: a file is not CoNLL-U.
    """
    bank = load_treebank(source, seed=seed, tagged=False)
    work = _Work(bank, replace(recipe or recipe_for(bank), seed=seed), report)
    # A word of some length about the data goes into what is set aside for the card.
    work.card_bytes += max(0, len(json.dumps(dict(about or {}))) - 1_000)
    budget = budget or Budget(size=DEFAULT_SIZE)
    shape, words = work.search(budget, trials)
    report(f"the best sizes: hidden {shape.hidden}, {shape.weights:,} weights; training in full")
    net, material = work.train(shape, words, 1.0, report)
    arrays = net.arrays()
    card = work.card(shape, arrays, material, budget)
    if about:
        card["about"] = dict(about)
    return save_within(out, shape, arrays, card, budget, more=material.vocabulary.arrays())


def recipe_for(bank: Treebank) -> Recipe:
    """Small treebanks are gone through more often, in smaller batches, with more hidden."""
    characters = sum(len(word) for sentence in bank.train for word in sentence.words)
    small = characters < 200_000
    return Recipe(
        epochs=min(12.0, max(6.0, 2_000_000 / max(characters, 1))),
        batch_places=min(512, max(64, characters // 200)),
        input_dropout=0.4 if small else 0.3,
        hidden_dropout=0.5 if small else 0.3,
    )


class _Work:
    """A treebank as numbers, and trainings on it."""

    def __init__(self, bank: Treebank, recipe: Recipe, report: Callable[[str], None]) -> None:
        self.bank, self.recipe, self.report = bank, recipe, report
        spaced = spaces_stated(bank.train)
        texts = {
            part: [pieces_of(sentence, spaced) for sentence in getattr(bank, part)]
            for part in ("train", "dev", "test")
        }
        self.texts = texts
        # Without any dev sentence (a treebank of one) train is all there is to look at.
        self.held_out = texts["dev"] or texts["train"]
        self.running = Running.of(texts["train"])
        labels = self.running.truth[self.running.asked]
        if labels.all() or not labels.any():
            raise UsageError(
                f"{bank.name} has no places where words begin and others where none does"
            )
        orders = sorted({order for shares in SHARES.values() for order in shares})
        self.counted = {order: count_ngrams(self.running, order) for order in orders}
        self.longest = longest_word(texts["train"])
        self.known_words = frozenset(piece for text in texts["train"] for piece in text)
        lexicon = Lexicon.of(self.running, self.longest, len(self.known_words))
        self.known = Known(
            ngrams={order: len(found.hashes) for order, found in self.counted.items()},
            words=len(lexicon.words),
            longest=self.longest,
        )
        self.card_bytes = CARD_BYTES

    def score(self, segmenter: Segmenter) -> float:
        """F1 on dev, of 1."""
        return (measure(segmenter, self.held_out)["f1"] or 0.0) / 100

    def material(self, shape: Shape, words: int) -> Material:
        """The treebank for nets of a shape that know so many words, if it has room for any."""
        words = words if any(group.name == WORDS for group in shape.groups) else 0
        lexicon = Lexicon.of(self.running, self.longest, words)
        return Material.of(self.running, shape, self.counted, lexicon, self.recipe.rare_ngrams)

    def train(
        self, shape: Shape, words: int, share: float, report: Callable[[str], None]
    ) -> tuple[SegmenterNet, Material]:
        """A net trained for a share of the recipe's epochs."""
        material = self.material(shape, words)
        recipe = replace(self.recipe, epochs=share * self.recipe.epochs)
        net = SegmenterNet(shape, recipe, material.chances)
        train_segmenter(
            net,
            material,
            score=self.score,
            report=report,
            evaluations=8 if share == 1.0 else 1,
        )
        return net, material

    def trained(self, shape: Shape, words: int, share: float) -> float:
        """What a shortly trained net scores on dev."""
        net, material = self.train(shape, words, share, lambda line: None)
        return self.score(assemble(shape, net.arrays(), material.vocabulary))

    def seconds(self, shape: Shape, words: int) -> float:
        """Wall-clock for a character of dev, with weights of chance."""
        material = self.material(shape, words)
        arrays = SegmenterNet(shape, self.recipe, material.chances).arrays()
        return self._timed(assemble(shape, arrays, material.vocabulary))

    def _timed(self, segmenter: Segmenter) -> float:
        return seconds_per_character(segmenter, ["".join(text) for text in self.held_out])

    def shapes(self, budget: Budget, trials: int) -> tuple[list[Shape], int]:
        """Candidates within the budget, its time too, and how many words they know.

        Raises:
            BudgetError: there are none.
        """
        size = None if budget.size is None else budget.size - self.card_bytes
        limits = Limits(size=size, flops=budget.flops)
        words = words_within(limits, self.known)
        found, fastest = quick_enough(
            lambda flops: candidates(
                replace(limits, flops=flops), self.known, count=trials, seed=self.recipe.seed
            ),
            lambda shape: self.seconds(shape, words),
            budget,
            lambda seconds: self.report(
                f"{1e6 * seconds:.2f} us a character at least: smaller ones"
            ),
        )
        if not found:
            least = smallest(self.known)
            raise searched_refusal(
                "segmenter",
                "character",
                budget=budget,
                fastest=fastest,
                smallest=(array_bytes(least, 0) + self.card_bytes, least),
                reached=lambda shape: f"an F1 of about {100 * self.trained(shape, 0, 1.0):.1f} %",
            )
        return found, words

    def search(self, budget: Budget, trials: int) -> tuple[Shape, int]:
        """The best of some shapes within the budget, and how many words it knows.

        Raises:
            BudgetError: there are none.
        """
        shapes, words = self.shapes(budget, trials)
        best, _ = tournament(
            shapes,
            lambda shape, parts: self.trained(shape, words, parts / 8),
            steps=1,
            report=self.report,
        )
        return best, words

    def card(
        self, shape: Shape, arrays: Mapping[str, Any], material: Material, budget: Budget
    ) -> Card:
        """What is known of a segmenter."""
        segmenter = assemble(shape, arrays, material.vocabulary)
        full = exact(shape, arrays, material.vocabulary)
        scores = {}
        for part, texts in (("dev", self.held_out), ("test", self.texts["test"])):
            scores[part] = measure(segmenter, texts, self.known_words)
            scores[part]["f1_float32"] = measure(full, texts)["f1"]
        recipe = asdict(self.recipe)
        seed = recipe.pop("seed")
        return {
            "task": TASK,
            "labels": LABELS,
            "features": RECIPE,
            "scripts": scripts_of(self.texts["train"]),
            "budget": {"asked": str(budget)},
            "weights": shape.weights,
            "cost": {
                "flops_per_character": segmenter.flops_per_character,
                "flops_all_new": shape.dense_flops,
                "us_per_character": round(1e6 * self._timed(segmenter), 3),
            },
            "data": {
                "treebank": self.bank.name,
                "sentences": len(self.bank.train),
                "words": sum(map(len, self.bank.train)),
                "dev": self.bank.dev_from,
                "seed": seed,
            },
            "recipe": recipe,
            "scores": scores,
        }
