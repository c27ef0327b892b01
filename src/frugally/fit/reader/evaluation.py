"""Exact match and F1 of a torch network on SQuAD-like examples, before it is exported."""

from __future__ import annotations

from concurrent.futures import Executor

import numpy as np
import torch

from frugally.fit.reader.examples import Example, Examples
from frugally.fit.reader.network import ReaderNetwork
from frugally.fit.squad import exact_match, f1
from frugally.nets.spans import best_span


def predict(
    network: ReaderNetwork, vectors: torch.Tensor, examples: Examples, chosen: list[Example]
) -> list[tuple[str, float]]:
    """The best span's text and score for each example."""
    batch = examples.batch(chosen)
    with torch.inference_mode():
        scores = network(vectors, batch)
    start, end = scores.start.numpy(), scores.end.numpy()
    null = scores.null.sum(dim=1).numpy()
    found = []
    for b, example in enumerate(chosen):
        length = int(batch.passage_lengths[b])
        first, last, score = best_span(start[:length, b], end[:length, b])
        places = examples.places[example.paragraph]
        context = examples.paragraphs[example.paragraph].context
        found.append((context[places[first, 0] : places[last, 1]], score - float(null[b])))
    return found


def evaluate(
    network: ReaderNetwork,
    vectors: torch.Tensor,
    examples: Examples,
    pool: Executor,
    limit: int = 1000,
) -> dict[str, float]:
    """EM and F1, in percent, of at most `limit` questions spread evenly over the examples."""
    every = max(1, len(examples) // limit)
    chosen = [Example(q, examples.home[q], True) for q in range(0, len(examples), every)][:limit]
    groups = examples.batches(chosen, 32, np.random.default_rng(0))
    em = score = 0.0
    for group, answers in zip(
        groups,
        pool.map(lambda g: predict(network, vectors, examples, g), groups),
        strict=True,
    ):
        for example, (text, _) in zip(group, answers, strict=True):
            em += exact_match(text, examples.answers[example.question])
            score += f1(text, examples.answers[example.question])
    return {"em": 100 * em / len(chosen), "f1": 100 * score / len(chosen)}
