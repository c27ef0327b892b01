"""`frugally fit clusters`: word clusters from files of text, as a folder that ships."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from frugally.errors import UsageError
from frugally.files.disk import write_whole
from frugally.fit.clusters.bigrams import FIRST, Bigrams, count_bigrams, read_texts
from frugally.fit.clusters.exchange_clustering import ExchangeClustering
from frugally.nets.card import Card
from frugally.nets.clusters import TASK, save_clusters
from frugally.text.bloom_map import LEAST_RATE, MOST_RATE, BloomMap
from frugally.text.sorted_map import SortedMap

_ENOUGH = 2e-4  # a pass that lowers the perplexity by a smaller part is the last
_MOST_PLAIN = 256  # clusters that fit the byte of a sorted map


def fit_clusters(
    files: Sequence[Path],
    out: Path,
    *,
    clusters: int = 256,
    least: int = 3,
    passes: int = 20,
    threads: int = 1,
    seed: int = 0,
    false_positives: float = 1 / 16,
    report: Callable[[str], None] = lambda _: None,
) -> Card:
    """Cluster the words of `files` that occur at least `least` times; write `out` and its card.

    At most `passes` are made over the words, fewer if they gain no more. With one thread a pass is
    sequential; with more it is in rounds, whose result is the same for any number of threads from
    two on. `seed` is that of the hashes. `false_positives` is the chance that a word that was not
    there has a cluster; 0 keeps a plain sorted map, larger, in which hardly any has. Beside the
    folder, a `.tsv` of its name lists word, cluster and count for people; nothing reads it again.

    Raises:
        UsageError: a number is out of range, or no word of the files occurs `least` times.
        SourceError: a file cannot be read.
    """
    started = time.monotonic()
    out = out.resolve()  # it needs a name of its own, for the list beside it
    _check(clusters, least, passes, threads, false_positives)
    bigrams = count_bigrams(read_texts(files, report), least)
    report(
        f"{bigrams.tokens:,} words, {len(bigrams.words):,} of them different and seen {least} "
        f"times or more, {len(bigrams.counts):,} different pairs"
    )
    clustering = ExchangeClustering(bigrams, clusters)
    perplexities = _exchange(clustering, passes, threads, report)
    ids = by_frequency(clustering)
    words: BloomMap | SortedMap
    if false_positives:
        words = BloomMap.build(bigrams.words, ids, false_positives=false_positives, seed=seed)
    else:
        words = SortedMap.build(bigrams.words, ids, seed=seed)
    card: Card = {
        "task": TASK,
        "clusters": clustering.count,
        "map": {"false_positives": false_positives},
        "data": {
            "files": [path.name for path in files],
            "tokens": bigrams.tokens,
            "words": len(bigrams.words),
            "least": least,
        },
        "training": {
            "passes": len(perplexities) - 1,
            "form": "sequential" if threads == 1 else "rounds",
            "seed": seed,
        },
        "scores": {"perplexities": [round(value, 3) for value in perplexities]},
        "cost": {"seconds": round(time.monotonic() - started, 1), "threads": threads},
    }
    size = save_clusters(out, words, card)
    write_whole(out.with_name(f"{out.name}.tsv"), _listing(bigrams, ids))
    report(f"wrote {out}: {size:,} bytes, {8 * words.nbytes / len(bigrams.words):.1f} bits a word")
    return card


def _check(clusters: int, least: int, passes: int, threads: int, false_positives: float) -> None:
    for name, value in {"clusters": clusters, "least": least, "threads": threads}.items():
        if value < 1:
            raise UsageError(f"{name} is {value}; it must be at least 1")
    if passes < 0:
        raise UsageError(f"passes is {passes}; it must be at least 0")
    if false_positives and not LEAST_RATE <= false_positives <= MOST_RATE:
        raise UsageError(
            f"a rate of false positives of {false_positives}; it is 0, or 2^-32 to 1/2"
        )
    if clusters > (1 << 16 if false_positives else _MOST_PLAIN):
        raise UsageError(f"{clusters:,} clusters are more than the map has room for")


def _exchange(
    clustering: ExchangeClustering, passes: int, threads: int, report: Callable[[str], None]
) -> list[float]:
    """Make the passes; returns the perplexity before and after each."""
    perplexities = [clustering.perplexity()]
    with ThreadPoolExecutor(threads) as executor:
        for number in range(1, passes + 1):
            started = time.monotonic()
            if threads == 1:
                moved = clustering.exchange_words()
            else:
                moved = clustering.exchange_in_rounds(executor)
            perplexities.append(clustering.perplexity())
            report(
                f"pass {number}: {moved:,} words moved, perplexity {perplexities[-1]:.2f}, "
                f"{time.monotonic() - started:.1f} s"
            )
            if perplexities[-1] > perplexities[-2] * (1 - _ENOUGH):
                break
    return perplexities


def by_frequency(clustering: ExchangeClustering) -> NDArray[np.int64]:
    """The cluster of each word, [words], clusters numbered by how much of the text they make."""
    order = np.argsort(-clustering.sizes, kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return place[clustering.clusters[FIRST:]]


def _listing(bigrams: Bigrams, ids: NDArray[np.int64]) -> bytes:
    rows = zip(bigrams.words, ids.tolist(), bigrams.frequencies[FIRST:].tolist(), strict=True)
    return "".join(f"{word}\t{cluster}\t{count}\n" for word, cluster, count in rows).encode()
