"""`fit_tagger`: from a treebank and a budget to a saved tagger.

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
from frugally.fit.conllu import Sentence, Treebank, load_treebank, read_conllu
from frugally.fit.refusal import searched_refusal
from frugally.fit.saving import save_within
from frugally.fit.successive_halving import tournament
from frugally.fit.tagger.allocation import Limits, candidates, distinct_rows, smallest
from frugally.fit.tagger.encoding import Stream
from frugally.fit.tagger.evaluation import scores, seconds_per_token
from frugally.fit.tagger.training import (
    Recipe,
    TaggerNet,
    accuracy,
    assemble,
    exact,
    train_tagger,
)
from frugally.fit.timing import quick_enough
from frugally.nets.card import Card
from frugally.nets.clusters import WordClusters
from frugally.nets.feedforward import Shape
from frugally.nets.tagger import CLUSTERS, TASK, Tagger
from frugally.nets.tagging.features import RECIPE

# What card and header take beside the arrays, at most: in all, and for each label.
CARD_BYTES, LABEL_BYTES = 11_450, 150
CLUSTERS_BYTES = 800
TAUGHT_WEIGHT = 0.5  # of a word that a teacher tagged, beside one of the treebank
DEFAULT_SIZE = 1_000_000


def fit_tagger(
    source: Path | Sequence[Path],
    out: Path,
    *,
    budget: Budget | None = None,
    seed: int = 1013,
    report: Callable[[str], None] = lambda line: None,
    trials: int = 8,
    most_weights: int | None = None,
    clusters: WordClusters | None = None,
    taught: Sequence[Path] = (),
    recipe: Recipe | None = None,
    about: Mapping[str, Any] | None = None,
) -> Card:
    """Fit a tagger on a treebank inside a budget, save it in the folder `out`; returns its card.

    `source` is a folder of CoNLL-U files or the files to train on. Of the budget count `size` (all
    bytes of the folder), `flops` (for one token whose word is new) and `seconds` (for a token, as
    measured here). `trials` candidates are compared; `most_weights` also bounds the learnt numbers.
    `clusters` of words become a feature, and their map a part of the tagger's files. `taught` are
    files of more sentences, tagged by a larger model (its best tags: distillation by hard labels);
    they count less. `about` is added to the card (a licence, an attribution).

    Raises:
        BudgetError: the budget is too small; the hint names the smallest that works.
        UsageError: the treebank has nothing to learn from.
        SourceError: a file is not CoNLL-U.
    """
    bank = load_treebank(source, seed=seed)
    labels = sorted({tag for sentence in bank.train for tag in sentence.tags if tag})
    if not 2 <= len(labels) <= 255:
        raise UsageError(f"{bank.name} has {len(labels)} tags; a tagger takes 2 to 255")
    more = [sentence for path in taught for sentence in read_conllu(path)]
    tokens = sum(map(len, bank.train)) + sum(map(len, more))
    work = _Work(bank, labels, recipe or recipe_for(tokens), seed, clusters, more, report)
    if clusters:
        about_them = len(json.dumps(_clusters_card(clusters)))
        work.card_bytes += clusters.nbytes + about_them + CLUSTERS_BYTES
    # A word of some length about the data goes into what is set aside for the card.
    work.card_bytes += max(0, len(json.dumps(dict(about or {}))) - 2_000)
    budget = budget or Budget(size=DEFAULT_SIZE)
    shape = work.search(budget, trials, most_weights)
    report(f"the best sizes: hidden {shape.hidden}, {shape.weights:,} weights; training in full")
    arrays = work.train(shape, 1.0, report)
    tagger = assemble(shape, labels, arrays, clusters)
    card = work.card(tagger, arrays, budget)
    if clusters:
        card["clusters"] = _clusters_card(clusters)
    if about:
        card["about"] = dict(about)
    maps = clusters.arrays() if clusters else {}
    kept = {CLUSTERS + name: array for name, array in maps.items()}
    return save_within(out, shape, arrays, card, budget, more=kept)


def _clusters_card(clusters: WordClusters) -> Card:
    return {name: clusters.card[name] for name in ("clusters", "spelling", "map", "data")}


def recipe_for(tokens: int) -> Recipe:
    """Small treebanks are gone through more often, in smaller batches."""
    epochs = min(24.0, max(10.0, 1_200_000 / max(tokens, 1)))
    batch = min(512, max(64, tokens // 200))
    return Recipe(epochs=epochs, batch_tokens=batch, input_dropout=0.2 if tokens > 100_000 else 0.3)


class _Work:
    """A treebank as numbers, and trainings on it."""

    def __init__(
        self,
        bank: Treebank,
        labels: Sequence[str],
        recipe: Recipe,
        seed: int,
        clusters: WordClusters | None,
        taught: Sequence[Sentence],
        report: Callable[[str], None],
    ) -> None:
        self.bank, self.labels, self.clusters, self.report = bank, labels, clusters, report
        self.recipe = replace(recipe, seed=seed)
        self.taught = sum(map(len, taught))
        self.train_stream = Stream.of(bank.train, labels, taught, TAUGHT_WEIGHT)
        # Without any dev sentence (a treebank of one) train is all there is to look at.
        self.held_out = bank.dev or bank.train
        self.dev_stream = Stream.of(self.held_out, labels)
        self.dev_words = [sentence.words for sentence in self.held_out]
        self.distinct = distinct_rows(self.train_stream.words)
        self.cluster_count = clusters.count if clusters else 0
        self.card_bytes = CARD_BYTES + LABEL_BYTES * len(labels)

    def score(self, tagger: Tagger) -> float:
        """Accuracy on dev."""
        return accuracy(tagger, self.dev_stream, self.dev_words)

    def train(self, shape: Shape, share: float, report: Callable[[str], None]) -> dict[str, Any]:
        """The arrays of a net trained for a share of the recipe's epochs."""
        net = TaggerNet(shape, replace(self.recipe, epochs=share * self.recipe.epochs))
        train_tagger(
            net,
            self.train_stream,
            self.labels,
            score=self.score,
            report=report,
            clusters=self.clusters,
            evaluations=8 if share == 1.0 else 1,
        )
        return net.arrays()

    def tagger(self, shape: Shape, share: float) -> Tagger:
        """A shortly trained one."""
        arrays = self.train(shape, share, lambda line: None)
        return assemble(shape, self.labels, arrays, self.clusters)

    def seconds(self, shape: Shape) -> float:
        """Wall-clock for a token of dev, with weights of chance."""
        arrays = TaggerNet(shape, self.recipe).arrays()
        tagger = assemble(shape, self.labels, arrays, self.clusters)
        return seconds_per_token(tagger, self.dev_words)

    def shapes(self, budget: Budget, trials: int, most_weights: int | None) -> list[Shape]:
        """Candidates within the budget, its time too.

        Raises:
            BudgetError: there are none.
        """
        limits = Limits(
            size=None if budget.size is None else budget.size - self.card_bytes,
            weights=most_weights,
            flops=budget.flops,
        )
        found, fastest = quick_enough(
            lambda flops: candidates(
                replace(limits, flops=flops),
                len(self.labels),
                self.distinct,
                count=trials,
                seed=self.recipe.seed,
                clusters=self.cluster_count,
            ),
            self.seconds,
            budget,
            lambda seconds: self.report(f"{1e6 * seconds:.1f} us a token at least: smaller ones"),
        )
        if not found:
            least = smallest(len(self.labels), self.distinct, self.cluster_count)
            raise searched_refusal(
                "tagger",
                "token",
                budget=budget,
                fastest=fastest,
                smallest=(least.size + self.card_bytes, least),
                reached=self._reached,
            )
        return found

    def search(self, budget: Budget, trials: int, most_weights: int | None) -> Shape:
        """The best of some shapes within the budget by successive halving.

        Raises:
            BudgetError: there are none.
        """
        best, _ = tournament(
            self.shapes(budget, trials, most_weights),
            lambda shape, parts: self.score(self.tagger(shape, parts / 8)),
            steps=1,
            report=self.report,
        )
        return best

    def _reached(self, shape: Shape) -> str:
        return f"an accuracy of about {100 * self.score(self.tagger(shape, 0.3)):.1f} %"

    def card(self, tagger: Tagger, arrays: Mapping[str, Any], budget: Budget) -> Card:
        """What is known of a tagger."""
        shape = tagger.net.shape
        full = exact(shape, self.labels, arrays, self.clusters)
        found = {"dev": self.held_out, "test": self.bank.test}
        measured = {part: scores(tagger, sentences) for part, sentences in found.items()}
        for part, sentences in found.items():
            measured[part]["accuracy_float32"] = scores(full, sentences)["accuracy"]
        # Details of test only: dev's are of use to who fits, and cost bytes.
        detailed = "test" if self.bank.test else "dev"
        for part in found:
            if part != detailed:
                del measured[part]["by_tag"], measured[part]["confusions"]
        seconds = seconds_per_token(tagger, self.dev_words)
        recipe = asdict(self.recipe)
        seed = recipe.pop("seed")
        return {
            "task": TASK,
            "labels": list(self.labels),
            "features": RECIPE,
            "budget": {"asked": str(budget)},
            "weights": shape.weights,
            "cost": {
                "flops_per_token": tagger.flops_per_token,
                "flops_new_word": shape.dense_flops,
                "us_per_token": round(1e6 * seconds, 2),
            },
            "data": {
                "treebank": self.bank.name,
                "sentences": len(self.bank.train),
                "words": sum(map(len, self.bank.train)),
                "taught_words": self.taught,
                "dev": self.bank.dev_from,
                "seed": seed,
            },
            "recipe": recipe,
            "scores": measured,
        }
