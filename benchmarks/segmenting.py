"""Small segmenters for Chinese, Japanese and Thai, beside a CRF and longest matching.

    python -m benchmarks.segmenting --data DIR [--only NAME ...] [--work FOLDER]

DIR (or the environment variable FRUGALLY_DATA) holds ud/NAME/{train,dev,test}.conllu.xz of
Universal Dependencies, https://universaldependencies.org. Every net is fitted on train, chosen on
dev and measured on test; Thai's is the one that ships. The CRF (CRFsuite, first order, L2) has the
rows of the net's own slots as its features, so that it differs in nothing but how it weighs them;
of two strengths of its prior the best on dev counts. Longest matching takes, from left to right,
the longest word of train. All three keep the net's rules.

The test part of Japanese-GSD is small, so it is measured on dev and test together, too: with a net
and a CRF that were chosen on a tenth of train, and have not seen dev.

What is done is kept in benchmarks/results/segmenting.json, and skipped the next time; nets are kept
in FOLDER.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import machine
from frugally.budget import Budget
from frugally.files.tensors import map_tensors
from frugally.fit.conllu import Treebank, load_treebank
from frugally.fit.segmenter import fit_segmenter
from frugally.fit.segmenter.encoding import Lexicon, Running, pieces_of, spaces_stated
from frugally.fit.segmenter.evaluation import measure, scores, seconds_per_character
from frugally.nets.card import CARD, NETWORK
from frugally.nets.segmenter import Segmenter
from frugally.nets.segmenting.features import (
    REACH,
    WORDS,
    Vocabulary,
    by_rule,
    longest_of,
)
from frugally.nets.segmenting.kernels import ASK, SPLIT
from frugally.nets.zoo import SHIPPED

SIZE = 1_000_000
TREEBANKS = {"Chinese-GSD": None, "Japanese-GSD": None, "Thai-TUD": SHIPPED / "segmenter-th"}
WITH_DEV = "Japanese-GSD"
PRIORS = (0.1, 0.5)
ITERATIONS = 80

Texts = list[list[str]]


def texts_of(bank: Treebank) -> dict[str, Texts]:
    """The pieces of every sentence of train, dev and test, and of dev and test together."""
    spaced = spaces_stated(bank.train)
    parts = {
        part: [pieces_of(sentence, spaced) for sentence in getattr(bank, part)]
        for part in ("train", "dev", "test")
    }
    return {**parts, "dev and test": parts["dev"] + parts["test"]}


def net(folder: Path, texts: dict[str, Texts], parts: list[str]) -> dict[str, Any]:
    """Quality and cost of a net; speed over all of the treebank's text, from a cold start."""
    segmenter = Segmenter.load(folder)
    card = segmenter.card
    known = frozenset(piece for text in texts["train"] for piece in text)
    found = {part: measure(segmenter, texts[part], known) for part in parts}
    running = ["".join(pieces) for part in ("train", "dev", "test") for pieces in texts[part]]
    return {
        **{part: one["f1"] for part, one in found.items()},
        "recall_new": found[parts[-1]]["recall_new"],
        "float32": {part: one["f1_float32"] for part, one in card["scores"].items()},
        "bytes": sum(file["bytes"] for file in card["files"].values()),
        "weights": segmenter.net.shape.weights,
        "flops_per_character": segmenter.flops_per_character,
        "flops_all_new": segmenter.net.shape.dense_flops,
        "characters_per_second": round(1 / seconds_per_character(segmenter, running)),
    }


class Crf:
    """A CRF on the rows of a net's slots."""

    def __init__(self, folder: Path, train: Texts, prior: float) -> None:
        import pycrfsuite

        segmenter = Segmenter.load(folder)
        self._groups = segmenter.net.shape.groups
        self._vocabulary = Vocabulary.from_arrays(
            map_tensors(folder / NETWORK), segmenter.net.shape
        )
        longest = next((longest_of(g) for g in self._groups if g.name == WORDS), 1)
        running = Running.of(train)
        lexicon = Lexicon.of(running, longest, len(self._vocabulary.words))
        trainer = pycrfsuite.Trainer(verbose=False)
        for places, features in self._features(running, lexicon.elsewhere):
            trainer.append(features, ["s" if begins else "a" for begins in running.truth[places]])
        trainer.set_params({"c1": 0, "c2": prior, "max_iterations": ITERATIONS})
        with tempfile.TemporaryDirectory() as work:
            model = str(Path(work) / "model")
            trainer.train(model)
            self.size = Path(model).stat().st_size
            self._tagger = pycrfsuite.Tagger()
            self._tagger.open_inmemory(Path(model).read_bytes())

    def segment(self, texts: Texts) -> Texts:
        """The words of each text, given in pieces that do not matter."""
        running = Running.of(texts)
        split = np.zeros(len(running.codes), np.bool_)
        for places, features in self._features(running, None):
            split[places] = [label == "s" for label in self._tagger.tag(features)]
        return cut(running, split, texts)

    def _features(
        self, running: Running, levels: NDArray[np.uint8] | None
    ) -> Iterator[tuple[NDArray[np.int64], list[list[str]]]]:
        """The places of each sentence and the features of each place."""
        rows = self._vocabulary.rows(
            running.codes,
            running.kinds,
            REACH,
            len(running.codes) - REACH,
            self._groups,
            levels,
        )
        rule = by_rule(running.kinds)
        for number in range(running.sentences.max() + 1):
            places = np.flatnonzero(running.sentences == number)
            yield (
                places,
                [
                    [f"rule {rule[place]}"]
                    + [f"{slot} {row}" for slot, row in enumerate(rows[place - REACH]) if row >= 0]
                    for place in places
                ],
            )


def cut(running: Running, split: NDArray[np.bool_], texts: Texts) -> Texts:
    """The texts cut where a rule says so, or where `split` does and no rule speaks against it."""
    rule = by_rule(running.kinds)
    begins = (rule == SPLIT) | ((rule == ASK) & split)
    found = []
    for number, pieces in enumerate(texts):
        text, places = "".join(pieces), np.flatnonzero(running.sentences == number)
        bounds = [0, *np.flatnonzero(begins[places]).tolist(), len(text)]
        found.append([text[a:b] for a, b in pairwise(bounds) if b > a])
    return found


def crf(folder: Path, texts: dict[str, Texts], tune: str, parts: list[str]) -> dict[str, Any]:
    """The best of some CRFs on the part `tune`."""
    begin = time.perf_counter()
    tried = []
    for prior in PRIORS:
        model = Crf(folder, texts["train"], prior)
        tried.append((scores(model.segment(texts[tune]), texts[tune])["f1"], prior, model))
    best, prior, model = max(tried, key=lambda one: one[0])
    return {
        **{part: scores(model.segment(texts[part]), texts[part])["f1"] for part in parts},
        "tuned": best,
        "prior": prior,
        "bytes": model.size,
        "fit_seconds": round(time.perf_counter() - begin),
    }


def longest_matching(texts: dict[str, Texts], parts: list[str]) -> dict[str, Any]:
    """From left to right the longest word of train, or one character."""
    words = {piece for pieces in texts["train"] for piece in pieces}
    most = max(map(len, words))
    result = {}
    for part in parts:
        running = Running.of(texts[part])
        split = np.zeros(len(running.codes), np.bool_)
        for number, pieces in enumerate(texts[part]):
            text, first = "".join(pieces), int(np.argmax(running.sentences == number))
            at = 0
            while at < len(text):
                split[first + at] = True
                lengths = range(min(most, len(text) - at), 1, -1)
                at += next((n for n in lengths if text[at : at + n] in words), 1)
        result[part] = scores(cut(running, split, texts[part]), texts[part])["f1"]
    return result


def one(
    folder: Path, place: Path, entry: dict[str, Any], tune: str, parts: list[str]
) -> Iterator[None]:
    """A net, a CRF and longest matching on one treebank; `tune` is dev, or a tenth of train.

    `place` is where the net is, or is to be. Fills `entry`, and says so after each of them.
    """
    bank = load_treebank(folder)
    texts = texts_of(bank)
    source: Any = folder
    if tune != "dev":
        source = [folder / "train.conllu.xz"]
        held_out = load_treebank(source)
        of_train = texts_of(held_out)
        texts |= {"train": of_train["train"], tune: of_train["dev"]}
    if not (place / CARD).is_file():
        fit_segmenter(source, place, budget=Budget(size=SIZE), report=print)
    works: dict[str, Callable[[], dict[str, Any]]] = {
        "net": lambda: net(place, texts, parts),
        "crf": lambda: crf(place, texts, tune, parts),
        "longest": lambda: longest_matching(texts, parts),
    }
    for kind, work in works.items():
        if kind not in entry:
            entry[kind] = work()
            print(folder.name, kind, entry[kind], flush=True)
            yield


def run(data: Path, names: list[str], work: Path) -> dict[str, Any]:
    """All figures; what was measured before stays."""
    result = machine.load("segmenting") or {"treebanks": {}}
    result["machine"] = machine.describe("numpy", "numba", "torch", "python-crfsuite")
    works = [(name, name, "dev", ["dev", "test"]) for name in names]
    if WITH_DEV in names:
        title = f"{WITH_DEV}, dev and test"
        works.append((title, WITH_DEV, "a tenth of train", ["dev and test"]))
    for title, name, tune, parts in works:
        entry = result["treebanks"].setdefault(title, {})
        if {"net", "crf", "longest"} <= set(entry):
            continue
        place = TREEBANKS[name] or work / title.replace(", ", "-").replace(" ", "-")
        for _ in one(data / "ud" / name, place, entry, tune, parts):
            machine.save("segmenting", result)
    return result


def render(result: dict[str, Any]) -> str:
    """The table of docs/benchmarks.md."""
    rows = []
    for title, entry in result["treebanks"].items():
        if "longest" not in entry:
            continue
        part = "test" if "test" in entry["net"] else "dev and test"
        own, shipped = entry["net"], TREEBANKS.get(title) is not None
        rows.append(
            [
                title + (" (shipped)" if shipped else ""),
                f"{own[part]:.2f}",
                f"{own['float32']['test']:.2f}" if part == "test" else "",
                f"{entry['crf'][part]:.2f}",
                f"{entry['longest'][part]:.2f}",
                f"{own['dev']:.2f}" if "dev" in own else "",
                f"{entry['crf']['dev']:.2f}" if "dev" in own else "",
                f"{own['recall_new']:.1f}",
                f"{own['bytes']:,}",
                f"{own['flops_per_character']:,}",
                f"{own['characters_per_second']:,}",
            ]
        )
    head = ["treebank", "F1", "32 bits", "CRF", "longest matching", "F1 dev", "CRF dev"]
    head += ["recall of new words", "bytes", "FLOPs", "characters/s"]
    return machine.table(head, rows)


def main() -> None:
    """Measure, write and print."""
    parser = machine.arguments("Small segmenters for Chinese, Japanese and Thai.")
    parser.add_argument("--only", nargs="*", default=list(TREEBANKS))
    parser.add_argument("--work", type=Path, default=Path("runs/segmenting"))
    given = parser.parse_args()
    result = run(machine.needs(given.data, "ud"), list(given.only), given.work)
    machine.save("segmenting", result)
    print(render(result))


if __name__ == "__main__":
    main()
