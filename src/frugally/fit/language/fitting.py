"""`frugally fit language`: from labelled texts and a budget to a net in a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from frugally.budget import Budget
from frugally.fit import scoring
from frugally.fit.feedforward import Bags, Net, Settings, logits_of, train
from frugally.fit.labelled import Labelled, Split
from frugally.fit.language.allocation import candidates, least_size, smallest
from frugally.fit.language.draws import Drawer, Words, examples, fixed_examples, word_rows
from frugally.fit.language.examples import read_tsv, split
from frugally.fit.refusal import refusal, size_of
from frugally.fit.saving import in_eight_bits
from frugally.fit.scoring import Guessed
from frugally.fit.successive_halving import describe, tournament
from frugally.fit.text_cost import ITEM, cost_of, excess
from frugally.nets.card import Card
from frugally.nets.feedforward import Shape, save_feedforward
from frugally.nets.language import FEATURES, TASK, LanguageIdentifier
from frugally.text.ngrams import letters, ngram_rows

Report = Callable[[str], None]

_MOST_COUNTED = 5_000  # texts of a label, for how often it is drawn
_NOTHING_HELD = "no label has texts to spare"
_SLACK = 1_024  # bytes: a tensor file's header grows by digits, a card by rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How an identifier is fitted; `trial_steps` train each candidate in the first round."""

    steps: int = 10_000
    trial_steps: int = 400
    batch: int = 512
    learning_rate: float = 8e-3
    seed: int = 1013


def fit_language(
    files: Sequence[Path],
    out: Path,
    *,
    budget: Budget,
    seed: int = 1013,
    steps: int = Fit().steps,
    trial_steps: int = Fit().trial_steps,
    report: Report,
) -> Card:
    """Fit an identifier on label<TAB>text lines, inside a budget; returns the card.

    Lines that cannot be read are counted, reported and left out. The folder `out`, card included,
    is never larger than the budget's size.

    Raises:
        UsageError: the files hold no two labels, or the budget makes no sense here.
        BudgetError: no net fits; the message names the smallest that does, and what it scores.
    """
    return fit_labelled(
        read_tsv(files, report),
        out,
        budget=budget,
        fit=Fit(seed=seed, steps=steps, trial_steps=trial_steps),
        sources={path.name: "" for path in files},
        report=report,
    )


def fit_labelled(
    labelled: Iterable[Labelled],
    out: Path,
    *,
    budget: Budget,
    fit: Fit,
    sources: Mapping[str, str],
    weights: Mapping[str, float] | None = None,
    report: Report,
) -> Card:
    """As `fit_language`, from pairs of label and text.

    `weights` say how often labels are drawn, and how much they count when nets are compared, 1
    where nothing is said; `sources` name the data and its licence on the card.
    """
    size = size_of(budget, "an identifier", "1MB 100kFLOP")
    parts = split(labelled, fit.seed)
    report(f"{len(parts.train.texts):,} texts of {len(parts.names)} labels")
    work = Work(parts, fit, weights or {}, report)
    allowance = _allowance(work, sources)
    least = least_size(len(parts.names))
    if size - allowance < least:
        _refuse(work, "size", least + allowance)
    shapes = candidates(size - allowance, len(parts.names), lambda s: not _excess(work, s, budget))
    if not shapes:
        # Timed again, the smallest may be quick enough.
        shapes = [smallest(len(parts.names))]
        if broken := _excess(work, shapes[0], budget):
            _refuse(work, *broken[0])
    shape, tried = tournament(shapes, work.trial, steps=fit.trial_steps, report=report)
    report(f"training {describe(shape)} for {fit.steps:,} steps")
    net = work.train(shape, fit.steps)
    return finish(work, net, out, budget=budget, sources=sources, tried=tried)


class Work:
    """The data of a fit as the trainer and the scores need it."""

    def __init__(
        self, parts: Split, fit: Fit, weights: Mapping[str, float], report: Report
    ) -> None:
        self.parts = parts
        self.fit = fit
        self.report = report
        labels = len(parts.names)
        self.weights = np.array([weights.get(name, 1.0) for name in parts.names])
        self.words = Words.of(parts.train, labels, fit.seed)
        counts = np.bincount(parts.train.labels, minlength=labels)
        self.prior = self.weights * np.sqrt(np.minimum(counts, _MOST_COUNTED))
        self.dev = fixed_examples(parts.dev, fit.seed)
        self.held = fixed_examples(parts.held, fit.seed)

    def train(self, shape: Shape, steps: int, *, trial: bool = False) -> Net:
        """A net of a shape, trained; the best of its evaluations on dev."""
        net, _ = self._train(shape, steps, trial=trial)
        return net

    def trial(self, shape: Shape, steps: int) -> float:
        """What a net of a shape scores on dev after a short training."""
        _, reached = self._train(shape, steps, trial=True)
        return reached

    def _train(self, shape: Shape, steps: int, *, trial: bool) -> tuple[Net, float]:
        fit = self.fit
        drawer = Drawer(self.parts.train, self.words, self.prior, fit.seed)
        rows = word_rows(self.words, shape)
        net = Net(shape, fit.seed)
        every = steps if trial else max(50, steps // 10)
        dev = {kind: bags_of(texts, shape) for kind, texts in self.dev.items()}

        def score(trained: Net) -> float:
            if not len(self.parts.dev.labels):
                return 0.0
            found = [
                _guessed(logits_of(trained, bags), self.parts.dev.labels) for bags in dev.values()
            ]
            return float(np.mean([scoring.accuracy(g, self.weights) for g in found]))

        settings = Settings(
            steps=steps,
            learning_rate=fit.learning_rate,
            averaged=0.99 if trial else 0.999,
            evaluate_every=every,
            seed=fit.seed,
        )
        reached = train(
            net,
            lambda step: examples(rows, drawer.draw(fit.batch)),
            settings,
            score=score,
            report=(lambda line: None) if trial else self.report,
        )
        return net, reached


def finish(
    work: Work,
    net: Net,
    out: Path,
    *,
    budget: Budget,
    sources: Mapping[str, str],
    tried: list[dict[str, object]],
) -> Card:
    """Calibrate a trained net, write it in eight bits with its card, and score what was written."""
    shape, names = net.shape, work.parts.names
    arrays = net.arrays()
    for table, rows in zip(arrays["tables"].values(), word_rows(work.words, shape), strict=True):
        # A row that no word of the training texts has is as it was drawn: noise.
        table[np.bincount(rows.rows, minlength=len(table)) == 0] = 0
    dev = [logits_of(net, bags_of(texts, shape)) for texts in work.dev.values()]
    cooled = scoring.temperature(dev, work.parts.dev.labels, work.weights)
    arrays["output"] = tuple(array / np.float32(cooled) for array in arrays["output"])
    ready = _identifier(shape, arrays, names)
    threshold = scoring.best_threshold(
        _all_guessed(ready, work.dev, work.parts.dev.labels), work.weights
    )
    by_length = dict(
        zip(work.held, _all_guessed(ready, work.held, work.parts.held.labels), strict=True)
    )
    card = _card(
        work,
        budget,
        sources,
        threshold=threshold,
        found=scoring.scores(by_length, names, work.weights),
        cost=cost_of(ready, LanguageIdentifier.identify),
        training={"temperature": round(cooled, 3), "tried": tried},
    )
    written = save_feedforward(out, shape, **arrays, card=card)
    assert budget.size is not None
    if written > budget.size:  # only if the allowance was too small; the net is worth more
        card["scores"].pop("confusions")
        card["training"].pop("tried")
        written = save_feedforward(out, shape, **arrays, card=card)
        budget.check(size=written)
    scored = f"accuracy {card['scores']['accuracy_weighted']}"
    if not work.parts.held.texts:
        scored = f"nothing was scored: {_NOTHING_HELD}"
    work.report(f"{out}: {written:,} bytes, {scored}")
    return card


def _card(
    work: Work,
    budget: Budget,
    sources: Mapping[str, str],
    *,
    threshold: float,
    found: dict[str, Any],
    cost: dict[str, Any],
    training: dict[str, Any],
) -> Card:
    kinds, counts = np.unique(work.weights, return_counts=True)
    nothing = {} if work.parts.held.texts else {"held_out": f"none: {_NOTHING_HELD}"}
    return {
        "task": TASK,
        "features": FEATURES,
        "threshold": threshold,
        "budget": {name: limit for name, limit in asdict(budget).items() if limit is not None},
        "data": {
            "sources": dict(sources),
            "texts": len(work.parts.train.texts),
            **nothing,
            "labels_by_weight": {
                f"{kind:g}": int(count) for kind, count in zip(kinds, counts, strict=True)
            },
        },
        "training": {**asdict(work.fit), **training},
        "cost": cost,
        "scores": found,
        "labels": work.parts.names,
    }


def _allowance(work: Work, sources: Mapping[str, str]) -> int:
    """The bytes to leave for the card and the tensor file's header."""
    names = work.parts.names
    longest = sorted(names, key=lambda name: -len(name.encode()))[0]
    found = {
        "held_out_texts": 10**9,
        "accuracy": dict.fromkeys(work.held, 0.1234),
        "accuracy_weighted": dict.fromkeys(work.held, 0.1234),
        "calibration_error": 0.1234,
        "confusions": [f"{longest} {longest} 1000"] * 20,
        "f1": dict.fromkeys(names, 0.123),
    }
    wide = "1: 1000000 x 32, 2: 1000000 x 32, 3: 1000000 x 32, 4: 1000000 x 32; 1000 hidden"
    tried = [{"shape": wide, "steps": 10**6, "score": 0.1234}] * 20
    card = _card(
        work,
        # What fits must not hang on how many digits the limits have.
        Budget(size=10**12, flops=10**12, seconds=1.23456789012345e-06),
        sources,
        threshold=0.123,
        found=found,
        cost={"characters": ITEM, "flops": 10**9, "microseconds": 1234.5},
        training={"temperature": 0.123, "tried": tried},
    )
    # The card also gets the shape and the checksum of the tensors, the tensors their header.
    return len(json.dumps(card, ensure_ascii=False, indent=1).encode()) + 3 * _SLACK


def _excess(work: Work, shape: Shape, budget: Budget) -> list[tuple[str, float]]:
    """The limits that a net of a shape breaks, whatever is learnt, with what it takes."""

    def random() -> LanguageIdentifier:
        return _identifier(shape, Net(shape, work.fit.seed).arrays(), work.parts.names)

    return excess(budget, random, LanguageIdentifier.identify)


def _refuse(work: Work, kind: str, cost: float) -> NoReturn:
    labels = len(work.parts.names)
    if work.parts.dev.texts:
        reached = work.trial(smallest(labels), 2 * work.fit.trial_steps)
        scored = f"gets about {100 * reached:.0f} % right"
    else:
        scored = f"could not be scored: {_NOTHING_HELD}"
    raise refusal(f"identifier of {labels} labels", kind, cost, scored)


def bags_of(texts: Sequence[bytes], shape: Shape) -> Bags:
    """The rows of each table of a net that texts look up."""
    found = []
    for order, group in enumerate(shape.groups, start=1):
        rows = ngram_rows(texts, order, group.rows, letters())
        found.append((rows.rows, rows.ends))
    return found


def _guessed(logits: NDArray[np.float32], labels: NDArray[np.int32]) -> Guessed:
    guessed = logits.argmax(axis=1).astype(np.int32)
    sure = 1.0 / np.exp(logits - logits.max(axis=1, keepdims=True)).sum(axis=1)
    return Guessed(labels, guessed, sure)


def _all_guessed(
    ready: LanguageIdentifier, texts: Mapping[str, list[bytes]], labels: NDArray[np.int32]
) -> list[Guessed]:
    found = []
    for kind in texts.values():
        shares = ready.probabilities(kind)
        found.append(
            Guessed(labels, shares.argmax(axis=1).astype(np.int32), shares.max(axis=1, initial=0.0))
        )
    return found


def _identifier(
    shape: Shape, arrays: Mapping[str, Any], names: Sequence[str]
) -> LanguageIdentifier:
    """The identifier that these weights are once they are written."""
    card = {"labels": list(names), "threshold": 0.0, "features": FEATURES}
    return LanguageIdentifier(in_eight_bits(shape, arrays), card)
