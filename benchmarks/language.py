"""Which language: the shipped identifier beside its peers, on texts of three lengths.

    python -m benchmarks.language --data DIR

DIR (or the environment variable FRUGALLY_DATA) holds lid/lingua-testdata.{sentences,word-pairs,
single-words}.tsv.xz, from https://github.com/pemistahl/lingua-py: 79 languages, from the Leipzig
corpora. 100 texts a language are drawn with seed 0; none was used in training, and nets were
chosen on other texts.
Each peer stands beside us over the languages of the test that it knows; all of them may answer any
language they know. gcld3 has no wheels: it is measured where it is installed (it needs protobuf's
compiler and headers). Writes benchmarks/results/language.json and prints a table.
"""

from __future__ import annotations

import importlib.metadata
import lzma
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks import machine
from frugally.nets.language import SHIPPED, LanguageIdentifier
from frugally.text.languages import language_code

FILES = ("sentences", "word-pairs", "single-words")
TEXTS, SEED = 100, 0
ROUNDS = 3

Identify = Callable[[list[str]], list[str]]
"""The codes of some texts."""


def load(path: Path) -> list[tuple[str, str]]:
    """TEXTS texts of each language, or all it has."""
    by_code: dict[str, list[str]] = defaultdict(list)
    with lzma.open(path, "rt", encoding="utf-8", newline="\n") as file:
        for line in file:
            code, _, text = line.rstrip("\n").partition("\t")
            by_code[code].append(text)
    source = random.Random(SEED)
    return [
        (code, text)
        for code, texts in sorted(by_code.items())
        for text in source.sample(texts, min(TEXTS, len(texts)))
    ]


def _plain(code: str) -> str:
    # Where a peer says "no", it means Bokmål, or either: see `right`.
    return language_code(code) or code


def open_py3langid() -> tuple[Identify, set[str]]:
    """py3langid as it comes."""
    from py3langid import langid

    labels = {_plain(code) for code in langid._get_identifier().nb_classes}
    return (lambda texts: [_plain(langid.classify(text)[0]) for text in texts]), labels


def _open_lingua(low: bool) -> tuple[Identify, set[str]]:
    from lingua import LanguageDetectorBuilder

    builder = LanguageDetectorBuilder.from_all_languages().with_preloaded_language_models()
    if low:
        builder = builder.with_low_accuracy_mode()
    detector = builder.build()

    def identify(texts: list[str]) -> list[str]:
        found = [detector.detect_language_of(text) for text in texts]
        return ["" if language is None else _lingua_code(language) for language in found]

    from lingua import Language

    return identify, {_lingua_code(language) for language in Language.all()}


def _lingua_code(language: Any) -> str:
    return _plain(language.iso_code_639_1.name)


def open_gcld3() -> tuple[Identify, set[str]]:
    """CLD3 through its Python binding; short texts allowed."""
    import gcld3

    detector = gcld3.NNetLanguageIdentifier(min_num_bytes=0, max_num_bytes=1000)
    # Its labels, from src/task_context_params.cc of google/cld3; "no" stands for nb and nn.
    labels = """af am ar az be bg bn bs ca ceb co cs cy da de el en eo es et eu fa fi fr fy ga gd gl
        gu ha haw he hi hmn hr ht hu hy id ig is it ja jv ka kk km kn ko ku ky la lb lo lt lv mg mi
        mk ml mn mr ms mt my ne nl no nn pa pl ps pt ro ru sd si sk sl sm sn so sq sr st su sv sw ta
        te tg th tl tr uk ur uz vi xh yi yo zh zu"""
    return (lambda texts: [_plain(detector.FindLanguage(text).language) for text in texts]), set(
        labels.split()
    )


def open_frugally() -> tuple[Identify, set[str]]:
    """Ours, texts one by one in one call; it always answers, as the others do."""
    identifier = LanguageIdentifier.load()
    return (lambda texts: [guess.code for guess in identifier.identify(texts, threshold=0.0)]), set(
        identifier.labels
    )


SYSTEMS: dict[str, tuple[str, Callable[[], tuple[Identify, set[str]]]]] = {
    "frugally": ("frugally", open_frugally),
    "py3langid": ("py3langid", open_py3langid),
    "lingua, high accuracy": ("lingua-language-detector", lambda: _open_lingua(low=False)),
    "lingua, low accuracy": ("lingua-language-detector", lambda: _open_lingua(low=True)),
    "gcld3": ("gcld3", open_gcld3),
}


def right(code: str, found: str) -> bool:
    """Whether an answer is right; "no" is, for both written forms of Norwegian."""
    return found == code or (found == "no" and code in ("nb", "nn"))


def accuracy(codes: list[str], found: list[str], over: set[str]) -> float:
    """The mean of the languages' shares of right answers."""
    by_code: dict[str, list[bool]] = defaultdict(list)
    for code, answer in zip(codes, found, strict=True):
        if code in over:
            by_code[code].append(right(code, answer))
    return statistics.fmean(statistics.fmean(answers) for answers in by_code.values())


def _opened() -> Iterator[tuple[str, str, Identify, set[str]]]:
    for name, (package, opener) in SYSTEMS.items():
        try:
            if package != "frugally":
                importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            print(f"{name} is not installed: left out")
            continue
        yield name, package, *opener()


def run(data: Path) -> dict[str, Any]:
    """All figures, ready for JSON."""
    tests = {name: load(data / "lid" / f"lingua-testdata.{name}.tsv.xz") for name in FILES}
    codes = {name: [code for code, _ in pairs] for name, pairs in tests.items()}
    sentences = [text for _, text in tests["sentences"]]
    size = sum(len(text.encode()) for text in sentences)
    systems = list(_opened())
    found: dict[str, dict[str, list[str]]] = {}
    times: dict[str, list[float]] = defaultdict(list)
    for name, _, identify, _ in systems:
        identify(sentences[:100])
        found[name] = {file: identify([text for _, text in tests[file]]) for file in FILES}
    for _ in range(ROUNDS):  # in turns, so that a busy machine is busy for all
        for name, _, identify, _ in systems:
            started = time.process_time()
            identify(sentences)
            times[name].append(time.process_time() - started)
    tested = set(codes["sentences"])
    rows = []
    for name, _, _, labels in systems:
        known = {c for c in tested if c in labels or (c in ("nb", "nn") and "no" in labels)}
        rows.append(
            {
                "name": name,
                "known": len(known),
                "unknown": sorted(tested - known),
                "accuracy": {f: accuracy(codes[f], found[name][f], known) for f in FILES},
                "ours": {f: accuracy(codes[f], found["frugally"][f], known) for f in FILES},
                "mb_per_second": size / 1e6 / min(times[name]),
            }
        )
    packages = {package for _, package, _, _ in systems if package != "frugally"}
    return {
        "machine": machine.describe("numpy", "numba", *sorted(packages)),
        "bytes": sum(path.stat().st_size for path in SHIPPED.iterdir() if path.is_file()),
        "texts": {name: len(pairs) for name, pairs in tests.items()},
        "systems": rows,
    }


def render(result: dict[str, Any]) -> str:
    """The table of docs/benchmarks.md."""
    fastest = result["systems"][0]["mb_per_second"]
    rows = []
    for row in result["systems"]:
        speed = row["mb_per_second"]
        beside = [
            f"{row['accuracy'][f]:.3f}"
            + ("" if row["name"] == "frugally" else f" ({row['ours'][f]:.3f})")
            for f in FILES
        ]
        rows.append([row["name"], row["known"], *beside, f"{speed:.2f} ({fastest / speed:.1f} ×)"])
    return machine.table(
        [
            "accuracy (ours over the same languages)",
            "of the 79",
            "sentences",
            "word pairs",
            "single words",
            "MB/s, one core (ours is faster)",
        ],
        rows,
    )


def main() -> None:
    """Measure, write and print."""
    parser = machine.arguments("The shipped language identifier beside its peers.")
    result = run(machine.needs(parser.parse_args().data, "lid"))
    machine.save("language", result)
    print(render(result))


if __name__ == "__main__":
    main()
