"""`frugally fit classifier`: from texts, labels and a budget to a net in a folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from frugally.budget import Budget
from frugally.errors import UsageError
from frugally.fit import scoring
from frugally.fit.classifier.allocation import candidates, least_size, smallest
from frugally.fit.classifier.card import allowance, card_of, scores_of
from frugally.fit.classifier.draws import Pool
from frugally.fit.classifier.examples import split
from frugally.fit.classifier.reading import read_labelled, read_texts
from frugally.fit.classifier.training import Fit, Report, Work, forget_unseen
from frugally.fit.distillation import Distillation, Taught, Teacher, shares_of
from frugally.fit.feedforward import Net
from frugally.fit.labelled import Labelled, Split, plain
from frugally.fit.refusal import refusal, size_of
from frugally.fit.saving import in_eight_bits, save_within
from frugally.fit.successive_halving import describe, tournament
from frugally.fit.text_cost import cost_of, excess
from frugally.nets.card import Card
from frugally.nets.classifier import FEATURES, Classifier
from frugally.nets.feedforward import Shape
from frugally.nets.text_net import utf8


def fit_classifier(
    files: Sequence[Path],
    out: Path,
    *,
    text: str = "text",
    label: str = "label",
    budget: Budget,
    seed: int = 1013,
    test: Path | None = None,
    teacher: Teacher | None = None,
    unlabelled: Sequence[Path] = (),
    distillation: Distillation | None = None,
    report: Report,
) -> Card:
    """Fit a classifier on two columns of CSV, TSV or JSON lines; returns its card.

    Rows that cannot be read are counted, reported and left out. `test` is a file to score on, by
    default a tenth of the texts. A `teacher` is asked about the texts and those of `unlabelled`.
    The folder `out`, card included, is never larger than the budget's size.

    Raises:
        UsageError: the files hold no two classes, or the budget or the teacher make no sense.
        BudgetError: no net fits; the message names the smallest that does, and what it scores.
    """
    if unlabelled and teacher is None:
        raise UsageError(
            "texts without labels teach nothing by themselves", hint="name a teacher for them"
        )
    tests = None if test is None else read_labelled([test], text=text, label=label, report=report)
    return fit_labelled(
        read_labelled(files, text=text, label=label, report=report),
        out,
        budget=budget,
        seed=seed,
        sources=[path.name for path in files],
        tests=tests,
        teacher=teacher,
        unlabelled=read_texts(unlabelled, text=text, report=report),
        distillation=distillation or Distillation(),
        report=report,
    )


def fit_labelled(
    labelled: Iterable[Labelled],
    out: Path,
    *,
    budget: Budget,
    sources: Sequence[str],
    seed: int = 1013,
    fit: Fit | None = None,
    tests: Iterable[Labelled] | None = None,
    teacher: Teacher | None = None,
    unlabelled: Iterable[str] = (),
    distillation: Distillation | None = None,
    report: Report,
) -> Card:
    """As `fit_classifier`, from pairs of label and text; `fit` is by default `Fit.of`."""
    size = size_of(budget, "a classifier", "300KB 20us")
    parts = split(labelled, seed, tests=tests, report=report)
    names = parts.names
    report(f"{len(parts.train.texts):,} texts of {len(names)} classes to learn from")
    if teacher is None:
        pool, lesson = _pool(parts), None
    else:
        settings = distillation or Distillation()
        pool = _taught_pool(parts, teacher, unlabelled, settings, report)
        lesson = {**asdict(settings), "texts_without_label": len(pool.texts) - len(pool.labels)}
    fit = fit or Fit.of(len(pool.texts), seed)
    work = Work(parts, pool, fit, report)
    about = {"sources": list(sources), "texts": len(parts.train.texts), "teacher": lesson}
    if not parts.held.texts:
        report("no text could be held out; the scores are of the texts learnt from")
        about["held_out"] = "none: scored on what was learnt from"
    elif not parts.dev.texts:
        report("no text could be spared to choose by; those learnt from are chosen by")
        about["dev"] = "none: chosen by what was learnt from"
    reserved = allowance(work, about)
    least = least_size(len(names), work.distinct)
    if size - reserved < least:
        _refuse(work, "size", least + reserved)
    shapes = candidates(
        size - reserved, len(names), work.distinct, lambda shape: not _excess(work, shape, budget)
    )
    if not shapes:
        # Timed again, the smallest may be quick enough.
        shapes = [smallest(len(names), work.distinct)]
        if broken := _excess(work, shapes[0], budget):
            _refuse(work, *broken[0])
    shape, tried = tournament(shapes, work.trial, steps=fit.trial_steps, report=report)
    report(f"training {describe(shape)} for {fit.steps:,} steps")
    net = work.train(shape, fit.steps)
    return _finish(work, net, out, budget=budget, about=about, tried=tried)


def _pool(parts: Split) -> Pool:
    return Pool(
        texts=[utf8(text) for text in parts.train.texts],
        labels=parts.train.labels.astype(np.int64),
        names=len(parts.names),
    )


def _taught_pool(
    parts: Split,
    teacher: Teacher,
    unlabelled: Iterable[str],
    distillation: Distillation,
    report: Report,
) -> Pool:
    """What is learnt from with a teacher: its answers to all texts, those without labels too."""
    known = parts.train.texts
    kept = {*known, *parts.dev.texts, *parts.held.texts}
    found = dict.fromkeys(plain(text) for text in (*teacher.texts(), *unlabelled))
    more = [text for text in found if text and text not in kept]
    answers = teacher.answers([*known, *more])
    heard = [answer is not None for answer in answers[: len(known)]]
    said = [answer is not None for answer in answers[len(known) :]]
    more = [text for text, is_said in zip(more, said, strict=True) if is_said]
    report(
        f"the teacher knows {sum(heard):,} of the {len(known):,} texts, and {len(more):,} more "
        "without a label"
    )
    if not any(heard) and not more:
        raise UsageError("the teacher says nothing of any text that is learnt from")
    asked = [*answers[: len(known)], *(answer for answer in answers[len(known) :] if answer)]
    shares = shares_of((answer or {} for answer in asked), parts.names)
    weights = np.concatenate([distillation.weight * np.array(heard), np.ones(len(more))])
    pool = _pool(parts)
    return Pool(
        texts=[*pool.texts, *map(utf8, more)],
        labels=pool.labels,
        names=pool.names,
        taught=Taught.of(shares, weights.astype(np.float32), distillation.temperature),
        said=shares[len(known) :].mean(axis=0, dtype=np.float64) if more else None,
    )


def _finish(
    work: Work,
    net: Net,
    out: Path,
    *,
    budget: Budget,
    about: Mapping[str, Any],
    tried: list[dict[str, object]],
) -> Card:
    """Calibrate a trained net, write it in eight bits with its card, and score what was written."""
    shape, names = net.shape, work.parts.names
    arrays = net.arrays()
    forget_unseen(arrays["tables"], work.pool.texts, shape)
    counts = np.bincount(work.dev.labels, minlength=len(names)).astype(np.float64)
    cooled = np.float32(scoring.temperature([work.logits(net, shape)], work.dev.labels, counts))
    weight, bias = arrays["output"]
    arrays["output"] = (weight / cooled, (bias + work.bias) / cooled)
    ready = _classifier(shape, arrays, names)
    training = {**asdict(work.fit), "temperature": round(float(cooled), 3), "tried": tried}
    found = {"dev": scores_of(ready, work.dev_texts, work.dev, names)}
    if work.held_texts:
        found["held_out"] = scores_of(ready, work.held_texts, work.parts.held, names)
    # The details of dev are of use to who fits, and cost bytes.
    if "held_out" in found:
        found["dev"] = {name: found["dev"][name] for name in ("texts", "accuracy", "macro_f1")}
    card = card_of(
        work,
        budget,
        about,
        found=found,
        cost=cost_of(ready, Classifier.classify),
        training=training,
    )
    save_within(out, shape, arrays, card, budget)
    scored = found.get("held_out", found["dev"])
    work.report(
        f"{card['budget']['met']:,} bytes, accuracy {scored['accuracy']:.3f}, macro F1 "
        f"{scored['macro_f1']:.3f} on {scored['texts']:,} texts"
        + ("" if "held_out" in found else ", those learnt from")
    )
    return card


def _excess(work: Work, shape: Shape, budget: Budget) -> list[tuple[str, float]]:
    """The limits that a net of a shape breaks, whatever is learnt, with what it takes."""

    def random() -> Classifier:
        return _classifier(shape, Net(shape, work.fit.seed).arrays(), work.parts.names)

    return excess(budget, random, Classifier.classify)


def _refuse(work: Work, kind: str, cost: float) -> NoReturn:
    labels = len(work.parts.names)
    reached = work.trial(smallest(labels, work.distinct), 2 * work.fit.trial_steps)
    which = "" if work.parts.dev.texts else ", on the texts learnt from: none could be held out"
    scored = f"scores about {reached:.2f}, the mean of accuracy and macro F1{which}"
    raise refusal(f"classifier of {labels} classes", kind, cost, scored)


def _classifier(shape: Shape, arrays: Mapping[str, Any], names: Sequence[str]) -> Classifier:
    """The classifier that these weights are once they are written."""
    return Classifier(in_eight_bits(shape, arrays), {"labels": list(names), "features": FEATURES})
