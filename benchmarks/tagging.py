"""Small taggers on many treebanks, beside a byte-level bidirectional LSTM and spaCy's tagger.

    python -m benchmarks.tagging --data DIR [--only NAME ...] [--kinds small lstm spacy shipped]

DIR (or the environment variable FRUGALLY_DATA) holds ud/NAME/{train,dev,test}.conllu.xz of
Universal Dependencies, https://universaldependencies.org. Every net is fitted on train, chosen on
dev and measured on test, which nothing else has seen. What is done is kept in
benchmarks/results/tagging.json after every net, and skipped the next time; several processes may
share the work by kinds. Those are our nets, the LSTM of frugally/fit/byte_lstm.py (on a GPU if
there is one; without, five minutes of a core a treebank), our nets taught by it on some raw text
(lid/sib200 and lid/ntrex128; what it said stays in the work folder), a blank pipeline with spaCy's
tagger, and the tagger that ships. `speed` times three of them in turns on the same text, one thread
each: the tagger that ships, an LSTM of the same sizes (what its weights are does not matter), and
spaCy's tagger after one pass over the training text.
"""

from __future__ import annotations

import lzma
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import machine
from frugally.budget import Budget
from frugally.fit.conllu import Treebank, load_treebank
from frugally.fit.tagger import fit_tagger
from frugally.fit.tagger.evaluation import scores, seconds_per_token
from frugally.nets.tagger import Tagger
from frugally.text.sentences import sentences

SIZE = 1_000_000
# A sixth of the weights of an LSTM of 900,000.
MOST_WEIGHTS = 148_000
TRIALS = 8
KINDS = ["shipped", "small", "lstm", "taught", "spacy", "speed"]
ROUNDS = 5
SHIPPED = "English-EWT"
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
# Raw text that the LSTM tags for the small net to learn from: codes of SIB-200 and NTREX-128.
CODES = {
    "Hungarian-Szeged": ("hun",),
    "Irish-IDT": ("gle",),
    "Latvian-LVTB": ("lvs", "lav"),
    "Turkish-IMST": ("tur",),
    "Afrikaans-AfriBooms": ("afr",),
    "Lithuanian-ALKSNIS": ("lit",),
    "Norwegian-NynorskLIA": ("nno",),
    "Maltese-MUDT": ("mlt",),
    "Welsh-CCG": ("cym",),
    "Wolof-WTB": ("wol",),
    "Uyghur-UDT": ("uig",),
    "Vietnamese-VTB": ("vie",),
    "Armenian-ArmTDP": ("hye",),
}


def small(folder: Path, bank: Treebank, taught: Sequence[Path] = ()) -> dict[str, Any]:
    """A tagger of at most SIZE bytes and MOST_WEIGHTS weights."""
    out = Path(tempfile.mkdtemp(prefix="tagging-"))
    try:
        begin = time.perf_counter()
        card = fit_tagger(
            folder,
            out / "net",
            budget=Budget(size=SIZE),
            trials=TRIALS,
            most_weights=MOST_WEIGHTS,
            taught=taught,
        )
        took = time.perf_counter() - begin
        return {**measured(Tagger.load(out / "net"), bank), "fit_seconds": round(took)} | {
            "dev": card["scores"]["dev"]["accuracy"],
            "test_float32": card["scores"]["test"]["accuracy_float32"],
            "taught_words": card["data"]["taught_words"],
        }
    finally:
        shutil.rmtree(out)


def measured(tagger: Tagger, bank: Treebank) -> dict[str, Any]:
    """Quality and cost of a tagger on test, from words that it has not met."""
    words = [sentence.words for sentence in bank.test]
    tagger.tag(words[:1])
    size = sum(file["bytes"] for file in tagger.card["files"].values())
    return {
        "test": scores(tagger, bank.test)["accuracy"],
        "bytes": size,
        "weights": tagger.net.shape.weights,
        "flops_per_token": tagger.flops_per_token,
        "flops_new_word": tagger.net.shape.dense_flops,
        "tokens_per_second": round(1 / seconds_per_token(tagger, words)),
    }


def raw_text(data: Path, name: str) -> list[list[str]]:
    """Sentences in the language of a treebank from SIB-200 and NTREX-128, as lists of words."""
    found: dict[str, None] = {}
    for file, column in (("sib200.train", 3), ("sib200.dev", 3), ("ntrex128", 2)):
        with lzma.open(data / "lid" / f"{file}.tsv.xz", "rt", encoding="utf-8") as lines:
            for line in lines:
                columns = line.rstrip("\n").split("\t")
                code = columns[0].removeprefix("newstest2019-ref.").split("_")[0]
                if code in CODES.get(name, ()):
                    found.setdefault(columns[column])
    return [[word.text for word in words] for text in found for words in sentences(text)]


def lstm(bank: Treebank, raw: list[list[str]], work: Path) -> dict[str, Any]:
    """The yardstick; what it says of raw text is written to be learnt from."""
    import torch

    from frugally.fit.byte_lstm import (
        bytes_per_word,
        lstm_accuracy,
        lstm_tags,
        train_byte_lstm,
    )

    labels = sorted({tag for sentence in bank.train for tag in sentence.tags if tag})
    device = "cuda" if torch.cuda.is_available() else "cpu"
    begin = time.perf_counter()
    net, dev = train_byte_lstm(bank.train, bank.dev, labels, report=print, device=device)
    work.mkdir(parents=True, exist_ok=True)
    lines = []
    for sentence in lstm_tags(net, raw, labels):
        pairs = zip(sentence.words, sentence.tags, strict=True)
        lines += [f"{i}\t{word}\t_\t{tag}" for i, (word, tag) in enumerate(pairs, 1)] + [""]
    if lines:
        (work / f"{bank.name}.conllu").write_text("\n".join([*lines, ""]), "utf-8")
    return {
        "dev": round(100 * dev, 2),
        "test": round(100 * lstm_accuracy(net, bank.test, labels), 2),
        "weights": net.weights,
        "flops_per_token": round(net.flops_per_word(bytes_per_word(bank.test))),
        "fit_seconds": round(time.perf_counter() - begin),
    }


def speed(bank: Treebank) -> dict[str, Any]:
    """Tokens a second of the test part, the medians of rounds in which each takes its turn."""
    import torch

    from frugally.fit.byte_lstm import ByteLstm, LstmSettings, lstm_tags

    labels = sorted({tag for sentence in bank.train for tag in sentence.tags if tag})
    words = [sentence.words for sentence in bank.test]
    torch.set_num_threads(1)
    net = ByteLstm(len(labels), LstmSettings())
    nlp, parts = blank_spacy(bank)
    learn(nlp, parts["train"], random.Random(1013))
    docs = [example.reference for example in parts["test"]]
    works: dict[str, Callable[[], object]] = {
        "known": lambda: tagger.tag(words),
        "lstm": lambda: lstm_tags(net, words, labels),
        "spacy": lambda: list(nlp.pipe(doc.copy() for doc in docs)),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ("shipped", *works)}
    for _ in range(1 + ROUNDS):
        tagger = Tagger.load()
        begin = time.perf_counter()
        tagger.tag(words)
        seconds["shipped"].append(time.perf_counter() - begin)
        for name, work in works.items():
            begin = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - begin)
    tokens = sum(map(len, words))
    return {name: round(tokens / statistics.median(took[1:])) for name, took in seconds.items()}


def blank_spacy(bank: Treebank) -> tuple[Any, dict[str, list[Any]]]:
    """A blank pipeline with spaCy's tagger and its own defaults, and the treebank as examples."""
    import spacy
    from spacy.tokens import Doc
    from spacy.training import Example

    nlp = spacy.blank("xx")
    nlp.add_pipe("tagger")
    parts: dict[str, list[Any]] = {}
    for part in ("train", "dev", "test"):
        parts[part] = []
        for sentence in getattr(bank, part):
            doc = Doc(nlp.vocab, words=list(sentence.words))
            tags = [tag or "" for tag in sentence.tags]
            parts[part].append(Example.from_dict(doc, {"tags": tags}))
    nlp.initialize(lambda: parts["train"])
    return nlp, parts


def learn(nlp: Any, examples: list[Any], source: random.Random) -> None:
    """One pass over the examples."""
    import spacy

    source.shuffle(examples)
    for batch in spacy.util.minibatch(examples, size=32):
        nlp.update(batch)


def spacy_tagger(bank: Treebank) -> dict[str, Any]:
    """spaCy's tagger after ten epochs, the best on dev."""
    nlp, parts = blank_spacy(bank)
    source = random.Random(1013)
    best, test = 0.0, 0.0
    for _ in range(10):
        learn(nlp, parts["train"], source)
        dev = nlp.evaluate(parts["dev"])["tag_acc"]
        if dev > best:
            best = dev
            begin = time.perf_counter()
            test = nlp.evaluate(parts["test"])["tag_acc"]
            took = time.perf_counter() - begin
    words = sum(map(len, bank.test))
    weights = sum(
        node.get_param(name).size
        for node in nlp.get_pipe("tagger").model.walk()
        for name in node.param_names
        if node.has_param(name)
    )
    return {
        "dev": round(100 * best, 2),
        "test": round(100 * test, 2),
        "weights": int(weights),
        "tokens_per_second": round(words / took),
    }


def run(data: Path, work: Path, names: list[str], kinds: list[str]) -> dict[str, Any]:
    """All figures; what was measured before stays."""
    result = _kept()
    for name in names:
        folder = data / "ud" / name
        bank = load_treebank(folder)
        works: dict[str, Callable[[], dict[str, Any]]] = {
            "small": lambda f=folder, b=bank: small(f, b),
            "lstm": lambda b=bank: lstm(b, raw_text(data, b.name), work),
            "spacy": lambda b=bank: spacy_tagger(b),
        }
        told = work / f"{name}.conllu"
        if told.is_file():
            works["taught"] = lambda f=folder, b=bank, t=told: small(f, b, [t])
        if name == SHIPPED:
            works["shipped"] = lambda b=bank: measured(Tagger.load(), b)
            works["speed"] = lambda b=bank: speed(b)
        for kind in kinds:
            if kind in works and kind not in result["treebanks"].get(name, {}):
                found = works[kind]()
                print(name, kind, found, flush=True)
                # Read anew: another process may have written meanwhile.
                result = _kept()
                result["treebanks"].setdefault(name, {})[kind] = found
                machine.save("tagging", result)
    return result


def _kept() -> dict[str, Any]:
    result = machine.load("tagging") or {"treebanks": {}}
    return {**result, "machine": machine.describe("numpy", "numba", "torch")}


def render(result: dict[str, Any]) -> str:
    """The table of docs/benchmarks.md."""

    def cell(entry: dict[str, Any] | None, name: str, form: str = "{:,}") -> str:
        return form.format(entry[name]) if entry and entry.get(name) is not None else ""

    accuracies = ["taught", "lstm", "spacy"]
    rows = []
    for name, entry in result["treebanks"].items():
        for kind, title in (("shipped", " (shipped)"), ("small", "")):
            if kind in entry:
                net = entry[kind]
                # The one that ships has learnt from word clusters, not from a teacher.
                whole = kind == "small" or "small" not in entry
                others = [entry.get(other) if whole else None for other in accuracies]
                rows.append(
                    [
                        name + title,
                        cell(net, "test", "{:.2f}"),
                        *(cell(other, "test", "{:.2f}") for other in others),
                        cell(net, "bytes"),
                        cell(net, "weights"),
                        cell(net, "flops_new_word"),
                        cell(net, "tokens_per_second"),
                    ]
                )
    both = [e for e in result["treebanks"].values() if "small" in e]
    for kind, title in (("taught", "with a teacher"), ("lstm", "with the LSTM")):
        compared = [e for e in both if kind in e]
        if compared:
            shown = [k for k in ("small", *accuracies) if all(k in e for e in compared)]
            means = {k: statistics.mean(e[k]["test"] for e in compared) for k in shown}
            cells = [f"{means[k]:.2f}" if k in means else "" for k in ("small", *accuracies)]
            more = ["", "", "", ""]
            if kind == "lstm":
                weights, flops = (
                    statistics.mean(e["lstm"][lstms] / e["small"][ours] for e in compared)
                    for lstms, ours in (
                        ("weights", "weights"),
                        ("flops_per_token", "flops_new_word"),
                    )
                )
                more = ["", f"{weights:.1f} × fewer", f"{flops:.0f} × fewer", ""]
            rows.append([f"mean of {len(compared)} {title}", *cells, *more])
    timed = result["treebanks"].get(SHIPPED, {}).get("speed")
    told = (
        ""
        if timed is None
        else f"\n\nTokens a second on the test part of {SHIPPED}, in the same run, one thread: "
        f"the tagger that ships {timed['shipped']:,} ({timed['known']:,} once it met the words), "
        f"the byte LSTM {timed['lstm']:,} "
        f"({timed['shipped'] / timed['lstm']:.0f} × slower), spaCy's tagger {timed['spacy']:,} "
        f"({timed['shipped'] / timed['spacy']:.1f} × slower)."
    )
    head = ["treebank", "accuracy", "taught by the LSTM", "byte LSTM", "spaCy", "bytes", "weights",
            "FLOPs", "tokens/s"]  # fmt: skip
    return machine.table(head, rows) + told


def main() -> None:
    """Measure, write and print."""
    parser = machine.arguments("Small taggers on many treebanks.")
    parser.add_argument("--only", nargs="*", default=TREEBANKS)
    parser.add_argument("--work", type=Path, default=Path("runs/tagging"), help="teachers' words")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    given = parser.parse_args()
    data = machine.needs(given.data, "ud")
    print(render(run(data, given.work, list(given.only), list(given.kinds))))


if __name__ == "__main__":
    main()
