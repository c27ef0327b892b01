"""Word clusters: what a pass takes and gains, beside k-means; what the maps take and get wrong.

    python -m benchmarks.clusters --data DIR

DIR (or the environment variable FRUGALLY_DATA) holds wiki/simplewiki-2021.jsonl.xz, the Simple
English Wikipedia. Writes benchmarks/results/clusters.json and prints two tables. Perplexities are
those of the predictive class bigram on the text the clusters are from, ends of sentences included.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import machine
from frugally.fit.clusters.bigrams import FIRST, Bigrams, count_bigrams, read_texts
from frugally.fit.clusters.exchange_clustering import ROUNDS, ExchangeClustering
from frugally.fit.clusters.fitting import by_frequency
from frugally.nets.cpus import available_cpus
from frugally.nets.ngram_vectors import NgramVectors
from frugally.text.bloom_map import STRIDE, BloomMap
from frugally.text.sorted_map import SortedMap

CLUSTERS, LEAST, PASSES = 256, 3, 8
EPS = 1 / 16
VECTORS = Path(__file__).parent.parent / "src/frugally/shipped/reader/vectors.safetensors"


def exchange(bigrams: Bigrams, rounds: int, threads: int, passes: int) -> tuple[Any, Any]:
    """The clustering after some passes, and seconds, words moved and perplexity of each."""
    clustering = ExchangeClustering(bigrams, CLUSTERS)
    found: dict[str, Any] = {"threads": threads, "perplexities": [clustering.perplexity()]}
    found |= {"rounds": rounds, "seconds": [], "moved": []}
    with ThreadPoolExecutor(threads) as executor:
        for _ in range(passes):
            start = time.perf_counter()
            if rounds:
                moved = clustering.exchange_in_rounds(executor, rounds)
            else:
                moved = clustering.exchange_words()
            found["seconds"].append(round(time.perf_counter() - start, 2))
            found["moved"].append(moved)
            found["perplexities"].append(round(clustering.perplexity(), 3))
    return clustering, found


def k_means(points: NDArray[np.float32], count: int, rounds: int = 20) -> NDArray[np.int32]:
    """Spherical k-means: the nearest of `count` centres of each point by cosine."""
    points = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-9)
    rng = np.random.default_rng(0)
    centres = points[rng.choice(len(points), count, replace=False)]
    nearest = np.zeros(len(points), np.int32)
    for _ in range(rounds):
        nearest = np.argmax(points @ centres.T, axis=1).astype(np.int32)
        sums = np.zeros_like(centres)
        np.add.at(sums, nearest, points)
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(norms > 0, sums / np.maximum(norms, 1e-9), centres)
    return nearest


def k_means_clusters(words: tuple[str, ...]) -> NDArray[np.int32]:
    """Clusters of words by the vectors that ship with the reader, trained on the same text."""
    vectors = NgramVectors.load(VECTORS)
    parts = [
        vectors.vectors([word.lower() for word in words[start : start + 4096]])
        for start in range(0, len(words), 4096)
    ]
    return k_means(np.concatenate(parts), CLUSTERS)


def measure_map(words: tuple[str, ...], values: NDArray[np.int64], form: str) -> dict[str, Any]:
    """Bits a word, errors and speed of one map."""
    number = int(form.rsplit(maxsplit=1)[-1])
    start = time.perf_counter()
    if form.startswith("Bloom"):
        made: Any = BloomMap.build(words, values, false_positives=EPS, stride=number)
    else:
        made = SortedMap.build(words, values, hash_bits=number)
    built = time.perf_counter() - start
    known = set(words)
    unknown = [word for word in (f"{word}{word[::-1]}" for word in words) if word not in known]

    def rate(asked: Any) -> float:
        times = []
        for _ in range(3):
            start = time.perf_counter()
            made.find(asked)
            times.append(time.perf_counter() - start)
        return len(asked) / min(times)

    return {
        "form": form,
        "bits_a_word": 8 * made.nbytes / len(words),
        "wrong_values": int((made.find(words) != values).sum()),
        "false_positives": float((made.find(unknown) >= 0).mean()),
        "known_per_second": rate(words),
        "unknown_per_second": rate(unknown),
        "build_seconds": built,
    }


def run(data: Path) -> dict[str, Any]:
    """All figures, ready for JSON."""
    threads = available_cpus()
    start = time.perf_counter()
    bigrams = count_bigrams(read_texts([data / "wiki/simplewiki-2021.jsonl.xz"], print), LEAST)
    counting = time.perf_counter() - start
    sequential, first = exchange(bigrams, 0, 1, PASSES)
    passes = {"sequential": first}
    for rounds in (1, ROUNDS):
        passes[f"rounds a pass: {rounds}"] = exchange(bigrams, rounds, threads, PASSES)[1]
    other = ExchangeClustering(bigrams, CLUSTERS)
    other.assign(k_means_clusters(bigrams.words))
    values = by_frequency(sequential)
    shares = np.bincount(values) / len(values)
    shares = shares[shares > 0]
    entropy = float(-(shares * np.log2(shares)).sum())
    forms = [f"Bloom map, levels a bit: {n}" for n in (1, 2, STRIDE, 16)]
    forms += ["sorted hashes of 32", "sorted hashes of 64"]
    return {
        "machine": machine.describe("numpy", "numba"),
        "corpus": {
            "tokens": bigrams.tokens,
            "words": len(bigrams.words),
            "in_vocabulary": float(
                bigrams.frequencies[FIRST:].sum() / bigrams.frequencies[1:].sum()
            ),
            "counting_seconds": counting,
        },
        "clusters": CLUSTERS,
        "passes": passes,
        "k_means_perplexity": other.perplexity(),
        "entropy": entropy,
        "false_positives_asked": EPS,
        "bound_bits": 1.5 * (-np.log2(EPS) + entropy),
        "maps": [measure_map(bigrams.words, values, form) for form in forms],
    }


def render(result: dict[str, Any]) -> str:
    """The tables of docs/benchmarks.md."""
    corpus = result["corpus"]
    rows: list[list[object]] = []
    for name, found in result["passes"].items():
        perplexities = [f"{value:.1f}" for value in found["perplexities"]]
        rows.append(
            [
                f"exchange, {name}, threads: {found['threads']}",
                f"{np.median(found['seconds']):.1f} s",
                " ".join(perplexities[:4]),
                f"{perplexities[-1]} ({len(found['seconds'])} passes)",
            ]
        )
    rows.append(["k-means of word vectors", "", "", f"{result['k_means_perplexity']:.1f}"])
    head = ["", "a pass, median", "perplexity at first and after passes 1 to 3", "in the end"]
    maps = [
        [
            found["form"],
            f"{found['bits_a_word']:.1f}",
            found["wrong_values"],
            f"{100 * found['false_positives']:.2f} %",
            f"{found['known_per_second'] / 1e6:.2f} M",
            f"{found['unknown_per_second'] / 1e6:.2f} M",
        ]
        for found in result["maps"]
    ]
    head_maps = ["", "bits a word", "wrong", "false positives", "known/s", "unknown/s"]
    return (
        f"{corpus['tokens'] / 1e6:.1f} million words, {corpus['words']:,} of them different and in "
        f"{result['clusters']} clusters; counted in {corpus['counting_seconds']:.0f} s.\n\n"
        f"{machine.table(head, rows)}\n\n"
        f"The entropy of the clusters over the words is {result['entropy']:.2f} bits; the Bloom "
        f"maps may give {100 * result['false_positives_asked']:.2f} % of unknown words a cluster; "
        f"1.5 × (log2(1/ε) + H) is {result['bound_bits']:.1f} bits.\n\n"
        f"{machine.table(head_maps, maps)}"
    )


def main() -> None:
    """Measure, write and print."""
    parser = machine.arguments("Word clusters.")
    result = run(machine.needs(parser.parse_args().data, "wiki/simplewiki-2021.jsonl.xz"))
    machine.save("clusters", result)
    print(render(result))


if __name__ == "__main__":
    main()
