"""Searching text without spaces: by pairs of characters, or by the words that a segmenter finds.

    python -m benchmarks.spaceless --data DIR [--work FOLDER]

DIR (or the environment variable FRUGALLY_DATA) holds ud/ and lid/sib200.{train,dev}.tsv.xz,
lid/ntrex128.tsv.xz. The documents are the sentences of a treebank and those of SIB-200 and
NTREX-128 in its language; a question is three words of content of a sentence of the test part,
chosen by seed, in their order, with or without spaces between them; right is that sentence. Thai's
segmenter is the one that ships; those of Chinese and Japanese are fitted by

    python -m benchmarks.segmenting --work FOLDER

and left out without FOLDER. No net has seen the test part; the documents of train it has.
"""

from __future__ import annotations

import lzma
import random
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import machine
from frugally.ask.collection import Collection
from frugally.ask.document import Document
from frugally.fit.conllu import Sentence, load_treebank
from frugally.fit.segmenter.encoding import pieces_of, spaces_stated
from frugally.nets.zoo import find_net

SEED, WORDS = 0, 3
CONTENT = {"NOUN", "VERB", "PROPN", "ADJ", "NUM"}
LANGUAGES = {
    "Thai-TUD": ("tha_Thai", "tha"),
    "Japanese-GSD": ("jpn_Jpan", "jpn"),
    "Chinese-GSD": ("zho_Hant", "zho-TW"),
}
SHIPPED = "Thai-TUD"
FORMS = {"without spaces": "", "with spaces": " "}


def others(data: Path, codes: tuple[str, ...]) -> list[str]:
    """Sentences of SIB-200 and NTREX-128 in a language."""
    found = []
    for file, column in (("sib200.train", 3), ("sib200.dev", 3), ("ntrex128", 2)):
        with lzma.open(data / "lid" / f"{file}.tsv.xz", "rt", encoding="utf-8") as lines:
            for line in lines:
                row = line.rstrip("\n").split("\t")
                if row[0].removeprefix("newstest2019-ref.") in codes:
                    found.append(row[column])
    return found


def asked(sentence: Sentence, source: random.Random) -> list[str] | None:
    """Words of a sentence to find it by, if it has more than are asked for."""
    pairs = zip(sentence.words, sentence.tags, strict=True)
    content = [i for i, (_, tag) in enumerate(pairs) if tag in CONTENT]
    if len(content) <= WORDS:
        return None
    return [sentence.words[i] for i in sorted(source.sample(content, WORDS))]


def measure(name: str, data: Path, net: Path) -> dict[str, Any]:
    """Recall, bytes and time of both kinds of index."""
    bank = load_treebank(data / "ud" / name)
    spaced = spaces_stated(bank.train)
    source = random.Random(SEED)
    questions = []
    texts = []
    for part in (bank.test, bank.dev, bank.train):
        for sentence in part:
            text = "".join(pieces_of(sentence, spaced))
            texts.append(text)
            if part is bank.test and (words := asked(sentence, source)):
                questions.append((text, words))
    texts = list(dict.fromkeys([*texts, *others(data, LANGUAGES[name])]))
    ids = {text: str(number) for number, text in enumerate(texts)}
    documents = [Document(id=ids[text], text=text) for text in texts]
    entry: dict[str, Any] = {"documents": len(texts), "questions": len(questions), "systems": {}}
    for system, segmenter in {"characters": None, "words": net}.items():
        with tempfile.TemporaryDirectory() as folder:
            collection = Collection.create(Path(folder) / "c", segmenter=segmenter)
            began = time.perf_counter()
            collection.add(documents)
            took = time.perf_counter() - began
            found: dict[str, Any] = {
                "index_bytes": collection.status()["index_bytes"],
                "seconds": took,
            }
            for form, between in FORMS.items():
                ranks = []
                for text, words in questions:
                    hits = [hit.id for hit in collection.search(between.join(words), 5)]
                    ranks.append(hits.index(ids[text]) + 1 if ids[text] in hits else 0)
                found[form] = {
                    "recall_1": sum(rank == 1 for rank in ranks) / len(ranks),
                    "recall_5": sum(rank > 0 for rank in ranks) / len(ranks),
                }
            entry["systems"][system] = found
    return entry


def render(result: dict[str, Any]) -> str:
    """The table of docs/benchmarks.md."""
    rows = []
    for name, entry in result["treebanks"].items():
        where = f"{name} ({entry['questions']} questions, {entry['documents']:,} sentences)"
        for system, found in entry["systems"].items():
            cells = [f"{found[form][r]:.3f}" for form in FORMS for r in ("recall_1", "recall_5")]
            size = f"{found['index_bytes'] / 1e6:.2f} MB"
            rows.append([where, system, *cells, size, f"{found['seconds']:.1f} s"])
    head = ["sentences of", "terms", *(f"R@{k}, {form}" for form in FORMS for k in (1, 5)),
            "index", "built in"]  # fmt: skip
    return machine.table(head, rows)


def main() -> None:
    """Measure, write and print."""
    parser = machine.arguments("Searching text without spaces.")
    parser.add_argument("--work", type=Path, help="nets of benchmarks.segmenting")
    given = parser.parse_args()
    data = machine.needs(given.data, "ud", "lid")
    result = machine.load("spaceless") or {"treebanks": {}}
    result["machine"] = machine.describe("numpy", "numba")
    for name in LANGUAGES:
        net = find_net("segmenter-th") if name == SHIPPED else Path(given.work or "") / name
        if net.is_dir() and (name == SHIPPED or given.work):
            result["treebanks"][name] = measure(name, data, net)
            print(name, result["treebanks"][name], flush=True)
            machine.save("spaceless", result)
    print(render(result))


if __name__ == "__main__":
    main()
