"""What each part of the tagger is worth: left out or replaced, in the English Web Treebank.

    python -m benchmarks.ablation --data DIR [--clusters FOLDER]

DIR (or the environment variable FRUGALLY_DATA) holds ud/English-EWT and, for clusters, the Simple
English Wikipedia in wiki/simplewiki-2021.jsonl.xz; FOLDER has its clusters already, from `frugally
fit clusters`. All nets are trained alike, with three seeds; the accuracy is that of test, which
chose nothing. Beside the clusters of the exchange algorithm stand clusters of vectors by k-means,
and vectors of the most frequent words in as many bytes (those of the reader, trained on the same
text, turned to their 16 main directions and trained on with the rest).
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks import machine
from benchmarks.clusters import VECTORS, k_means_clusters
from frugally.fit.clusters.fitting import fit_clusters
from frugally.fit.conllu import load_treebank
from frugally.fit.tagger.allocation import SHARES, Limits, distinct_rows, largest
from frugally.fit.tagger.encoding import Stream
from frugally.fit.tagger.evaluation import scores
from frugally.fit.tagger.fitting import recipe_for
from frugally.fit.tagger.training import TaggerNet, accuracy, assemble, exact, train_tagger
from frugally.nets.clusters import WordClusters
from frugally.nets.feedforward import Group, Shape
from frugally.nets.ngram_vectors import NgramVectors
from frugally.nets.tagging.features import SLOTS
from frugally.text.bloom_map import BloomMap

TREEBANK = "English-EWT"
SEEDS = (1013, 1014, 1015)
LIMITS = Limits(size=660_000)  # of the arrays: with the clusters' map a net is about a megabyte
SHARE, WIDTH, HIDDEN = "words", 12, 128
VECTOR = 16
SPELT = {"clusters": 0, "spelling": 1, "map": {"form": "bloom"}}


@dataclass(frozen=True, slots=True)
class Variant:
    """A kind of net: its sizes, what it knows of words, and vectors that it begins with."""

    shape: Shape
    clusters: WordClusters | None
    vectors: NDArray[np.float32] | None = None


class Work:
    """The treebank, the clusters, and the kinds of nets."""

    def __init__(self, data: Path, clusters: WordClusters, words: list[str]) -> None:
        self.bank = load_treebank(data / "ud" / TREEBANK)
        self.labels = sorted({tag for s in self.bank.train for tag in s.tags if tag})
        self.train = Stream.of(self.bank.train, self.labels)
        self.dev = Stream.of(self.bank.dev, self.labels)
        self.clusters, self.words = clusters, words

    @cached_property
    def shape(self) -> Shape:
        """The sizes of the whole net."""
        distinct = distinct_rows(self.train.words)
        count = self.clusters.count
        shares = SHARES[SHARE]
        found = largest(LIMITS, shares, WIDTH, HIDDEN, len(self.labels), distinct, count)
        assert found is not None
        return found

    def all_parts(self) -> Variant:
        """N-grams, clusters, eight bits."""
        return Variant(self.shape, self.clusters)

    def without(self, *names: str) -> Shape:
        """The sizes without the groups whose names begin so."""
        groups = tuple(g for g in self.shape.groups if not g.name.startswith(names))
        return replace(self.shape, groups=groups)

    def no_ngrams(self) -> Variant:
        """Whole words, shapes, clusters and tags only."""
        return Variant(self.without("ngrams", "prefix", "suffix"), self.clusters)

    def no_clusters(self) -> Variant:
        """N-grams and words only."""
        return Variant(self.without("cluster"), None)

    def half_width(self) -> Variant:
        """All vectors of n-grams, words and clusters half as wide."""
        groups = tuple(
            g if g.name in ("shape", "tags") else replace(g, width=g.width // 2)
            for g in self.shape.groups
        )
        return Variant(replace(self.shape, groups=groups), self.clusters)

    def k_means(self) -> Variant:
        """Clusters of vectors, as many as those of the exchange algorithm."""
        found = k_means_clusters(tuple(self.words)).astype(np.int64)
        card = {**SPELT, "clusters": self.clusters.count}
        return Variant(self.shape, WordClusters(BloomMap.build(self.words, found), card))

    def embeddings(self) -> Variant:
        """A vector for each of the most frequent words, in the bytes of map and cluster vectors."""
        room = self.clusters.nbytes + (self.clusters.count + 1) * (WIDTH + 2)
        count = room // (VECTOR + 2)
        while True:
            words = BloomMap.build(self.words[:count], np.arange(count))
            if words.nbytes + (count + 1) * (VECTOR + 2) <= room:
                break
            count = int(0.98 * count)
        found = NgramVectors.load(VECTORS).vectors([word.lower() for word in self.words[:count]])
        found = found - found.mean(axis=0)
        _, _, directions = np.linalg.svd(found[:10_000], full_matrices=False)
        turned = found @ directions[:VECTOR].T
        vectors = np.zeros((count + 1, VECTOR), np.float32)
        vectors[1:] = 0.5 * turned / turned.std()
        group = Group(name="cluster", rows=count + 1, width=VECTOR, slots=SLOTS)
        groups = tuple(group if g.name == "cluster" else g for g in self.shape.groups)
        clusters = WordClusters(words, {**SPELT, "clusters": count})
        return Variant(replace(self.shape, groups=groups), clusters, vectors)

    def measure(self, variant: Variant, seed: int) -> dict[str, Any]:
        """One net of a kind, trained: its accuracy on test, in eight bits and in 32."""
        clusters = variant.clusters
        recipe = replace(recipe_for(sum(map(len, self.bank.train))), seed=seed)
        net = TaggerNet(variant.shape, recipe)
        if variant.vectors is not None:
            place = [g.name for g in variant.shape.groups].index("cluster")
            net.tables[place].weight.data.copy_(torch.from_numpy(variant.vectors))
        dev_words = [s.words for s in self.bank.dev]
        dev = train_tagger(
            net,
            self.train,
            self.labels,
            score=lambda tagger: accuracy(tagger, self.dev, dev_words),
            report=lambda line: None,
            clusters=clusters,
        )
        kept = assemble(variant.shape, self.labels, net.arrays(), clusters)
        full = exact(variant.shape, self.labels, net.arrays(), clusters)
        return {
            "dev": round(100 * dev, 2),
            "test": scores(kept, self.bank.test)["accuracy"],
            "float32": scores(full, self.bank.test)["accuracy"],
            "bytes": variant.shape.size + (clusters.nbytes if clusters else 0),
            "float32_bytes": 4 * variant.shape.weights + (clusters.nbytes if clusters else 0),
            "flops": variant.shape.dense_flops,
        }


def kinds(work: Work) -> dict[str, Callable[[], Variant]]:
    """What is compared."""
    return {
        "all parts": work.all_parts,
        "without n-grams": work.no_ngrams,
        "without clusters": work.no_clusters,
        "half width": work.half_width,
        "k-means clusters instead": work.k_means,
        "word vectors instead, same bytes": work.embeddings,
    }


def clusters_of(data: Path, folder: Path | None) -> tuple[WordClusters, list[str]]:
    """The clusters of the Wikipedia's words, and these words, the most frequent first."""
    with tempfile.TemporaryDirectory(prefix="ablation-") as place:
        if folder is None:
            folder = Path(place) / "clusters"
            fit_clusters([data / "wiki" / "simplewiki-2021.jsonl.xz"], folder, report=print)
        lines = folder.with_name(f"{folder.name}.tsv").read_text("utf-8").splitlines()
        return WordClusters.load(folder), [line.split("\t")[0] for line in lines]


def render(result: dict[str, Any]) -> str:
    """The table of docs/benchmarks.md."""

    def spread(values: list[float]) -> str:
        deviation = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
        return f"{statistics.mean(values):.2f}{deviation}"

    rows = []
    for kind, runs in result["kinds"].items():
        found = list(runs.values())
        test = [run["test"] for run in found]
        rows.append([kind, spread(test), f"{found[0]['bytes']:,}", f"{found[0]['flops']:,}"])
        if kind == "all parts":
            full = [run["float32"] for run in found]
            size = f"{found[0]['float32_bytes']:,}"
            rows.append(["without eight bits", spread(full), size, rows[-1][3]])
    return machine.table(["net", "accuracy", "bytes", "FLOPs for a new word"], rows)


def main() -> None:
    """Measure, write and print."""
    parser = machine.arguments(__doc__.splitlines()[0])
    parser.add_argument("--clusters", type=Path, help="clusters made before")
    given = parser.parse_args()
    data = machine.needs(given.data, "ud", "wiki")
    work = Work(data, *clusters_of(data, given.clusters))
    result = machine.load("ablation") or {"kinds": {}}
    result["machine"] = machine.describe("numpy", "numba", "torch")
    for seed in SEEDS:
        for kind, make in kinds(work).items():
            runs = result["kinds"].setdefault(kind, {})
            if f"{seed}" not in runs:
                runs[f"{seed}"] = work.measure(make(), seed)
                print(kind, seed, runs[f"{seed}"], flush=True)
                machine.save("ablation", result)
    print(render(result))


if __name__ == "__main__":
    main()
