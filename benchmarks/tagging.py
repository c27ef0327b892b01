"""Small taggers on many treebanks, beside a byte-level bidirectional LSTM and spaCy's tagger.

    python -m benchmarks.tagging --data DIR [--only NAME ...] [--lstm] [--spacy]

DIR (or the environment variable FRUGALLY_DATA) holds ud/NAME/{train,dev,test}.conllu.xz of
Universal Dependencies, https://universaldependencies.org. Every net is fitted on train, chosen on
dev and measured on test, which nothing else has seen. What is done is kept in
benchmarks/results/tagging.json after every net, and skipped the next time. --lstm also trains the
LSTM of frugally/fit/byte_lstm.py (a GPU is used if there is one; without, it takes hours a
treebank), --spacy a blank pipeline with spaCy's tagger.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import machine
from frugally.budget import Budget
from frugally.fit.conllu import Treebank, load_treebank
from frugally.fit.tagger import fit_tagger
from frugally.fit.tagger.evaluation import scores, seconds_per_token
from frugally.nets.tagger import Tagger

SIZE = 1_000_000
# A sixth of the weights of an LSTM of 900,000.
MOST_WEIGHTS = 148_000
TRIALS = 2
TREEBANKS = [
    "English-EWT",
    "Hungarian-Szeged",
    "Irish-IDT",
    "Greek-GDT",
    "French-Sequoia",
    "Indonesian-GSD",
    "Basque-BDT",
    "Turkish-IMST",
    "Latvian-LVTB",
    "Swedish-LinES",
    "Dutch-LassySmall",
    "Italian-ParTUT",
    "Afrikaans-AfriBooms",
    "Lithuanian-ALKSNIS",
    "Norwegian-NynorskLIA",
    "Maltese-MUDT",
    "Welsh-CCG",
    "Wolof-WTB",
    "Uyghur-UDT",
    "Vietnamese-VTB",
    "Russian-Taiga",
    "Estonian-EWT",
    "Korean-GSD",
    "Chinese-GSD",
    "Japanese-GSD",
    "Thai-TUD",
    "Portuguese-Bosque",
    "Armenian-ArmTDP",
]


def small(folder: Path, bank: Treebank) -> dict[str, Any]:
    """A tagger of at most SIZE bytes and MOST_WEIGHTS weights."""
    out = Path(tempfile.mkdtemp(prefix="tagging-"))
    try:
        begin = time.perf_counter()
        card = fit_tagger(
            folder, out / "net", budget=Budget(size=SIZE), trials=TRIALS, most_weights=MOST_WEIGHTS
        )
        took = time.perf_counter() - begin
        return {**measured(Tagger.load(out / "net"), bank), "fit_seconds": round(took)} | {
            "dev": card["scores"]["dev"]["accuracy"],
            "test_float32": card["scores"]["test"]["accuracy_float32"],
        }
    finally:
        shutil.rmtree(out)


def measured(tagger: Tagger, bank: Treebank) -> dict[str, Any]:
    """Quality and cost of a tagger on test, from words that it has not met."""
    sentences = [sentence.words for sentence in bank.test]
    tagger.tag(sentences[:1])
    size = sum(file["bytes"] for file in tagger.card["files"].values())
    return {
        "test": scores(tagger, bank.test)["accuracy"],
        "bytes": size,
        "weights": tagger.net.shape.weights,
        "flops_per_token": tagger.flops_per_token,
        "flops_new_word": tagger.net.shape.dense_flops,
        "tokens_per_second": round(1 / seconds_per_token(tagger, sentences)),
    }


def lstm(bank: Treebank) -> dict[str, Any]:
    """The yardstick."""
    import torch

    from frugally.fit.byte_lstm import bytes_per_word, lstm_accuracy, train_byte_lstm

    labels = sorted({tag for sentence in bank.train for tag in sentence.tags if tag})
    device = "cuda" if torch.cuda.is_available() else "cpu"
    begin = time.perf_counter()
    net, dev = train_byte_lstm(bank.train, bank.dev, labels, report=print, device=device)
    return {
        "dev": round(100 * dev, 2),
        "test": round(100 * lstm_accuracy(net, bank.test, labels), 2),
        "weights": net.weights,
        "flops_per_token": round(net.flops_per_word(bytes_per_word(bank.test))),
        "fit_seconds": round(time.perf_counter() - begin),
    }


def spacy_tagger(bank: Treebank) -> dict[str, Any]:
    """A blank pipeline with spaCy's tagger and its own defaults, ten epochs, the best on dev."""
    import random

    import spacy
    from spacy.tokens import Doc
    from spacy.training import Example

    nlp = spacy.blank("xx")
    pipe = nlp.add_pipe("tagger")
    parts = {}
    for part in ("train", "dev", "test"):
        parts[part] = []
        for sentence in getattr(bank, part):
            doc = Doc(nlp.vocab, words=list(sentence.words))
            tags = [tag or "" for tag in sentence.tags]
            parts[part].append(Example.from_dict(doc, {"tags": tags}))
    optimiser = nlp.initialize(lambda: parts["train"])
    source = random.Random(1013)
    best, test = 0.0, 0.0
    for _ in range(10):
        source.shuffle(parts["train"])
        for batch in spacy.util.minibatch(parts["train"], size=32):
            nlp.update(batch, sgd=optimiser)
        dev = nlp.evaluate(parts["dev"])["tag_acc"]
        if dev > best:
            best = dev
            begin = time.perf_counter()
            test = nlp.evaluate(parts["test"])["tag_acc"]
            took = time.perf_counter() - begin
    words = sum(map(len, bank.test))
    weights = sum(
        node.get_param(name).size
        for node in pipe.model.walk()
        for name in node.param_names
        if node.has_param(name)
    )
    return {
        "dev": round(100 * best, 2),
        "test": round(100 * test, 2),
        "weights": int(weights),
        "tokens_per_second": round(words / took),
    }


def run(data: Path, names: list[str], *, with_lstm: bool, with_spacy: bool) -> dict[str, Any]:
    """All figures; what was measured before stays."""
    result = machine.load("tagging") or {"treebanks": {}}
    result["machine"] = machine.describe("numpy", "numba", "torch")
    for name in names:
        folder = data / "ud" / name
        entry = result["treebanks"].setdefault(name, {})
        bank = load_treebank(folder)
        if name == "English-EWT" and "shipped" not in entry:
            entry["shipped"] = measured(Tagger.load(), bank)
        works = {"small": lambda f=folder, b=bank: small(f, b)}
        if with_lstm:
            works["lstm"] = lambda b=bank: lstm(b)
        if with_spacy:
            works["spacy"] = lambda b=bank: spacy_tagger(b)
        for kind, work in works.items():
            if kind not in entry:
                entry[kind] = work()
                print(name, kind, entry[kind], flush=True)
            machine.save("tagging", result)
    return result


def render(result: dict[str, Any]) -> str:
    """The table of docs/benchmarks.md."""

    def cell(entry: dict[str, Any] | None, name: str, form: str = "{:,}") -> str:
        return form.format(entry[name]) if entry and entry.get(name) is not None else ""

    rows = []
    for name, entry in result["treebanks"].items():
        for kind, title in (("shipped", " (shipped)"), ("small", "")):
            if kind in entry:
                net = entry[kind]
                other = entry if kind == "small" else {}
                rows.append(
                    [
                        name + title,
                        cell(net, "test", "{:.2f}"),
                        cell(other.get("lstm"), "test", "{:.2f}"),
                        cell(other.get("spacy"), "test", "{:.2f}"),
                        cell(net, "bytes"),
                        cell(net, "weights"),
                        cell(net, "flops_new_word"),
                        cell(net, "tokens_per_second"),
                    ]
                )
    both = [e for e in result["treebanks"].values() if "small" in e]
    if both:
        compared = [e for e in both if "lstm" in e]
        rows.append(
            [
                f"mean of {len(both)}",
                f"{statistics.mean(e['small']['test'] for e in both):.2f}",
                *[""] * 6,
            ]
        )
        if compared:
            rows.append(
                [
                    f"mean of {len(compared)} with the LSTM",
                    f"{statistics.mean(e['small']['test'] for e in compared):.2f}",
                    f"{statistics.mean(e['lstm']['test'] for e in compared):.2f}",
                    *[""] * 5,
                ]
            )
    head = ["treebank", "accuracy", "byte LSTM", "spaCy", "bytes", "weights", "FLOPs", "tokens/s"]
    return machine.table(head, rows)


def main() -> None:
    """Measure, write and print."""
    parser = machine.arguments("Small taggers on many treebanks.")
    parser.add_argument("--only", nargs="*", default=TREEBANKS)
    parser.add_argument("--lstm", action="store_true")
    parser.add_argument("--spacy", action="store_true")
    given = parser.parse_args()
    data = machine.needs(given.data, "ud")
    result = run(data, list(given.only), with_lstm=given.lstm, with_spacy=given.spacy)
    machine.save("tagging", result)
    print(render(result))


if __name__ == "__main__":
    main()
