"""Small classifiers beside TF-IDF and logistic regression, and what a teacher adds.

    python -m benchmarks.classifying --data DIR [--only TASK ...]

DIR (or the environment variable FRUGALLY_DATA) holds squad/train-v1.1.json.xz and
lid/sib200.{train,dev}.tsv.xz. Tasks:

- articles: which of the 442 articles of SQuAD's train part a question is about; a fifth of the
  questions, by seed, are the test.
- topics: which of seven topics a sentence of SIB-200 is about, in ten languages together; its dev
  part, other sentences in the same languages, is the test.
- distillation: the 100 articles with the most questions. A student of 100 KB has 5 labelled
  questions of each; a teacher, logistic regression, was fitted on 40 % of all questions, and
  answers with probabilities (or only its label) about another 40 % that have no label. A fifth is
  the test.

The peers are scikit-learn's TfidfVectorizer and LogisticRegression (C = 10; 100 iterations, 30
for articles, each of which takes seconds) on words, and for topics on runs of 1 to 4 letters
within words too (with 442 classes these would be 40 million weights); the teacher's are on words
and pairs of words, met at least twice. Their bytes are those of their arrays (the weights, the
biases, the idf of each word) and of their words in UTF-8, each with one byte to part it from the
next. Speeds are of one thread and one call for all texts of the test. What is done is kept in
benchmarks/results/classifying.json after every net, and skipped the next time.
"""

from __future__ import annotations

import json
import lzma
import random
import shutil
import statistics
import sys
import tempfile
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine
from frugally.budget import Budget
from frugally.fit.classifier.fitting import fit_labelled
from frugally.fit.distillation import CommandTeacher
from frugally.fit.labelled import Labelled
from frugally.nets.classifier import Classifier

SEED = 0
SIZES = {"100 KB": 100_000, "300 KB": 300_000, "1 MB": 1_000_000}
LANGUAGES = (
    *("eng_Latn", "deu_Latn", "fra_Latn", "spa_Latn", "rus_Cyrl"),
    *("arb_Arab", "zho_Hans", "jpn_Jpan", "hin_Deva", "swh_Latn"),
)
ARTICLES, LABELLED, STUDENT = 100, 5, 100_000
SEEDS = (1013, 1014, 1015)
TASKS = ("topics", "articles", "distillation")
WAYS = {"labels alone": "", "teacher's labels": "hard", "teacher's probabilities": "soft"}

Parts = tuple[list[Labelled], list[Labelled]]
"""What is learnt from, and the test."""


def questions(data: Path) -> list[Labelled]:
    """Article and text of each question, in random order."""
    with lzma.open(data / "squad" / "train-v1.1.json.xz", "rt", encoding="utf-8") as file:
        articles = json.load(file)["data"]
    found = {
        (article["title"], " ".join(entry["question"].split())): None
        for article in articles
        for paragraph in article["paragraphs"]
        for entry in paragraph["qas"]
    }
    pairs = list(found)
    random.Random(SEED).shuffle(pairs)
    return pairs


def articles(data: Path) -> Parts:
    """Questions and their articles."""
    pairs = questions(data)
    test = pairs[: len(pairs) // 5]
    asked = {text for _, text in test}
    return [pair for pair in pairs[len(test) :] if pair[1] not in asked], test


def topics(data: Path) -> Parts:
    """Sentences and their topics."""
    parts = []
    for part in ("train", "dev"):
        with lzma.open(data / "lid" / f"sib200.{part}.tsv.xz", "rt", encoding="utf-8") as file:
            rows = [line.rstrip("\n").split("\t") for line in file]
        parts.append([(topic, text) for code, _, topic, text in rows if code in LANGUAGES])
    return parts[0], parts[1]


def quality(right: list[Labelled], said: list[str]) -> dict[str, float]:
    """Accuracy and macro F1."""
    labels = [label for label, _ in right]
    hits = Counter(a for a, b in zip(labels, said, strict=True) if a == b)
    true, told = Counter(labels), Counter(said)
    return {
        "accuracy": sum(hits.values()) / len(labels),
        "macro_f1": statistics.fmean(2 * hits[x] / (true[x] + told[x]) for x in true),
    }


def timed(texts: list[str], classify: Callable[[list[str]], list[str]]) -> tuple[list[str], float]:
    """What is said of texts, and how many of them a second of a processor."""
    said = classify(texts)
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        classify(texts)
        best = min(best, time.process_time() - started)
    return said, len(texts) / best


def ours(parts: Parts, size: int, **more: Any) -> dict[str, Any]:
    """A classifier inside a budget."""
    learnt, test = parts
    texts = [text for _, text in test]
    folder = Path(tempfile.mkdtemp(prefix="classifying-"))
    try:
        began = time.perf_counter()
        fit_labelled(
            learnt,
            folder,
            budget=Budget(size=size),
            sources=[],
            tests=test,
            report=lambda line: None,
            **more,
        )
        took = time.perf_counter() - began
        net = Classifier.load(folder)
        said, speed = timed(texts, lambda some: [guess.label for guess in net.classify(some)])
        return {
            **quality(test, said),
            "bytes": sum(path.stat().st_size for path in folder.iterdir()),
            "texts_per_second": speed,
            "fit_seconds": took,
            "calibration_error": net.card["scores"]["held_out"]["calibration_error"],
        }
    finally:
        shutil.rmtree(folder)


WORDS: dict[str, Any] = {}
LETTERS: dict[str, Any] = {"analyzer": "char_wb", "ngram_range": (1, 4)}
ITERATIONS = {"topics": 100, "articles": 30}
PAIRS: dict[str, Any] = {"ngram_range": (1, 2), "min_df": 2}


def unfitted(features: dict[str, Any], iterations: int = 100) -> Any:
    """TF-IDF and logistic regression that have seen nothing."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    return make_pipeline(
        TfidfVectorizer(**features, sublinear_tf=True),
        LogisticRegression(C=10, max_iter=iterations),
    )


def regression(learnt: list[Labelled], features: dict[str, Any], iterations: int = 100) -> Any:
    """TF-IDF and logistic regression, fitted."""
    from sklearn.exceptions import ConvergenceWarning

    model = unfitted(features, iterations)
    with warnings.catch_warnings():
        # Of topics, five times the iterations change the accuracy by 0.003.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit([text for _, text in learnt], [label for label, _ in learnt])


def numbers(model: Any) -> dict[str, Any]:
    """The arrays that were learnt."""
    vectorizer, classifier = model[0], model[-1]
    return {
        "idf": vectorizer.idf_,
        "weights": classifier.coef_,
        "biases": classifier.intercept_,
    }


def stored(model: Any) -> int:
    """The bytes of the arrays and of the words, each word with one more."""
    words = sum(len(word.encode()) + 1 for word in model[0].vocabulary_)
    return words + sum(array.nbytes for array in numbers(model).values())


def write(model: Any, path: Path) -> None:
    """Keep what was learnt as a .npz of plain arrays."""
    words = model[0].get_feature_names_out().astype(str)
    np.savez(path, words=words, classes=model.classes_, **numbers(model))


def read(path: Path, features: dict[str, Any]) -> Any:
    """The model that was written; `features` are those that it was fitted with."""
    with np.load(path, allow_pickle=False) as kept:
        model = unfitted({**features, "vocabulary": kept["words"].tolist()})
        model[0].idf_ = kept["idf"]
        model[-1].classes_ = kept["classes"]
        model[-1].coef_, model[-1].intercept_ = kept["weights"], kept["biases"]
    return model


def peer(parts: Parts, features: dict[str, Any], iterations: int = 100) -> dict[str, Any]:
    """The same figures of a peer."""
    began = time.perf_counter()
    model = regression(parts[0], features, iterations)
    took = time.perf_counter() - began
    texts = [text for _, text in parts[1]]
    said, speed = timed(texts, lambda some: model.predict(some).tolist())
    return {
        **quality(parts[1], said),
        "bytes": stored(model),
        "texts_per_second": speed,
        "fit_seconds": took,
    }


def teach(model: Any, kind: str) -> None:
    """Answer lines of {"text": ...} with the model's probabilities, or only its label."""
    texts = [json.loads(line)["text"] for line in sys.stdin]
    names = model.classes_.tolist()
    for row in model.predict_proba(texts).tolist():
        shares = {name: round(share, 5) for name, share in zip(names, row, strict=True)}
        best = max(shares, key=lambda name: shares[name])
        kept = {name: share for name, share in shares.items() if share > 0}
        print(json.dumps({"probabilities": kept} if kind == "soft" else {"label": best}))


def lesson(data: Path) -> tuple[list[Labelled], list[Labelled], list[str], list[Labelled]]:
    """What the teacher learns from, the student's few, texts without labels, and the test."""
    pairs = questions(data)
    most = {name for name, _ in Counter(label for label, _ in pairs).most_common(ARTICLES)}
    pairs = [pair for pair in pairs if pair[0] in most]
    fifth = len(pairs) // 5
    test, taught, rest = pairs[:fifth], pairs[fifth : 3 * fifth], pairs[3 * fifth :]
    counts: dict[str, int] = defaultdict(int)
    few, more = [], []
    for label, text in rest:
        counts[label] += 1
        if counts[label] <= LABELLED:
            few.append((label, text))
        else:
            more.append(text)
    return taught, few, more, test


def distillation(data: Path, entry: dict[str, Any], save: Callable[[], None]) -> None:
    """The student with and without its teacher, by seed."""
    taught, few, more, test = lesson(data)
    entry["texts"] = [len(part) for part in (taught, few, more, test)]
    for name, learnt, features in (("without", few, WORDS), ("teacher", taught, PAIRS)):
        if name not in entry:
            entry[name] = peer((learnt, test), features)
            save()
    left = [
        (seed, way) for seed in SEEDS for way in WAYS if str(seed) not in entry.setdefault(way, {})
    ]
    if not left:
        return
    work = Path(tempfile.mkdtemp(prefix="teacher-"))
    try:
        model = work / "teacher.npz"
        write(regression(taught, PAIRS), model)
        for seed, way in left:
            how: dict[str, Any] = {}
            if kind := WAYS[way]:
                command = f"{sys.executable} -m benchmarks.classifying --teach {model}"
                how = {"teacher": CommandTeacher(f"{command} --kind {kind}"), "unlabelled": more}
            entry[way][str(seed)] = ours((few, test), STUDENT, seed=seed, **how)
            print("distillation", way, seed, entry[way][str(seed)], flush=True)
            save()
    finally:
        shutil.rmtree(work)


def run(data: Path, only: list[str]) -> dict[str, Any]:
    """All figures; what was measured before stays."""
    result = machine.load("classifying") or {"tasks": {}}
    result["machine"] = machine.describe("numpy", "numba", "torch", "scikit-learn")
    save = partial(machine.save, "classifying", result)
    for name, load in {"topics": topics, "articles": articles}.items():
        if name not in only:
            continue
        parts = load(data)
        entry = result["tasks"].setdefault(name, {})
        entry["texts"] = [len(part) for part in parts]
        entry["classes"] = len({label for label, _ in parts[0]})
        works: dict[str, Callable[[], dict[str, Any]]] = {
            f"frugally, {shown}": partial(ours, parts, size) for shown, size in SIZES.items()
        }
        works["TF-IDF of words"] = partial(peer, parts, WORDS, ITERATIONS[name])
        if name == "topics":
            works["TF-IDF of letters"] = partial(peer, parts, LETTERS)
        for system, work in works.items():
            if system not in entry.setdefault("systems", {}):
                entry["systems"][system] = work()
                print(name, system, entry["systems"][system], flush=True)
                save()
    if "distillation" in only:
        distillation(data, result["tasks"].setdefault("distillation", {}), save)
    return result


def render(result: dict[str, Any]) -> str:
    """The tables of docs/benchmarks.md."""
    rows: list[list[object]] = []
    for name in ("topics", "articles"):
        entry = result["tasks"].get(name, {})
        for system, found in entry.get("systems", {}).items():
            rows.append(
                [
                    f"{name} ({entry['classes']} classes, {entry['texts'][0]:,} texts)",
                    system,
                    f"{found['accuracy']:.3f}",
                    f"{found['macro_f1']:.3f}",
                    f"{found['bytes']:,}",
                    f"{found['texts_per_second']:,.0f}",
                    f"{found['fit_seconds']:.0f} s",
                ]
            )
    head = ["task", "", "accuracy", "macro F1", "bytes", "texts/s", "fit"]
    tables = [machine.table(head, rows)]
    entry = result["tasks"].get("distillation", {})
    if entry:
        rows = []
        for name in WAYS:
            runs = list(entry.get(name, {}).values())
            if len(runs) > 1:
                scores = [100 * found["accuracy"] for found in runs]
                spread = f"{statistics.fmean(scores):.1f} ± {statistics.stdev(scores):.1f}"
                rows.append([name, spread, f"{max(found['bytes'] for found in runs):,}"])
        for shown, name in {
            "labels alone, TF-IDF of words": "without",
            "the teacher itself": "teacher",
        }.items():
            if found := entry.get(name):
                rows.append([shown, f"{100 * found['accuracy']:.1f}", f"{found['bytes']:,}"])
        head = [f"student of {LABELLED} labels a class", "accuracy, %", "bytes"]
        tables.append(machine.table(head, rows))
    return "\n\n".join(tables)


def main() -> None:
    """Measure, write and print; with --teach, be the teacher."""
    parser = machine.arguments("Small classifiers beside TF-IDF and logistic regression.")
    parser.add_argument("--only", nargs="*", default=TASKS)
    parser.add_argument("--teach", type=Path, help="be the teacher that was written there")
    parser.add_argument("--kind", choices=("soft", "hard"), default="soft")
    given = parser.parse_args()
    if given.teach:
        teach(read(given.teach, PAIRS), given.kind)
        return
    result = run(machine.needs(given.data, "squad", "lid"), list(given.only))
    machine.save("classifying", result)
    print(render(result))


if __name__ == "__main__":
    main()
