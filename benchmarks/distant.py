"""Distant supervision: what each source yields, and how readers do on questions of its kinds.

    python -m benchmarks.distant --data DIR --collection FOLDER [--reader FOLDER ...]
        [--keep FOLDER]

DIR (or the environment variable FRUGALLY_DATA) holds qa/ and kg/; the collection is the Simple
English Wikipedia (`frugally index DIR/wiki/simplewiki-2021.jsonl.xz --into FOLDER`). Of the large
sources 3,000 questions are drawn. Readers are asked WebQuestions' and TREC's test questions, and
500 of the held-out triples of either graph, those whose question stands in no training triple; the
shipped one always is. --keep writes the examples there, in the form that `frugally fit reader
--examples` takes. What was measured is kept in benchmarks/results/distant.json, and not again.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import machine
from frugally import Answer, Collection
from frugally.ask.best_documents import BestDocuments
from frugally.errors import NetError
from frugally.fit.distant.examples import save_examples
from frugally.fit.distant.making import Sources, read_sought, shown
from frugally.fit.distant.names import Names
from frugally.fit.distant.patterns import PatternError, PatternMatcher
from frugally.fit.distant.sought import Sought
from frugally.fit.distant.supervision import DOCUMENTS, Yield, answers_in, supervise
from frugally.fit.squad import exact_match
from frugally.nets.reader import LstmReader, shipped_reader
from frugally.nets.reading import Reader

SEED, LIMIT = 1013, 3000
TRIPLES_ASKED = 500
ENTITIES = "kg/fb15k-237/entities.jsonl.xz"
SOURCES: dict[str, tuple[str, str]] = {
    # name: (file, columns if its first line does not say them)
    "WebQuestions": ("qa/webquestions.trainmodel.jsonl", ""),
    "TREC": ("qa/curated-train.tsv", ""),
    "SimpleQuestions": (
        "qa/simplequestions-wikidata.train_answerable.tsv.xz", "subject,relation,object,question"
    ),
    "FB15k-237": ("kg/fb15k-237/train.tsv.xz", ""),
    "DBpedia50": ("kg/dbpedia50/train.tsv.xz", "subject,object,relation"),
    "google-re, birth": ("kg/google-re/20131104-date_of_birth.json.xz", ""),
    "google-re, degree": ("kg/google-re/20131104-education-degree.json.xz", ""),
    "google-re, death": ("kg/google-re/20131104-place_of_death.json.xz", ""),
}  # fmt: skip
HELD_OUT = {
    "WebQuestions": "qa/webquestions.test.jsonl",
    "TREC": "qa/curated-test.tsv",
    "FB15k-237": "kg/fb15k-237/test.tsv.xz",
    "DBpedia50": "kg/dbpedia50/test.tsv.xz",
}
TRIPLES = ("FB15k-237", "DBpedia50")


def load(data: Path, names: Names, name: str, file: str, limit: int | None) -> list[Sought]:
    """The questions of a source's file."""
    columns = SOURCES[name][1]
    sources = Sources(
        files=(), columns=columns.split(",") if columns else None, limit=limit, seed=SEED
    )
    return read_sought(data / file, names, sources, print)


def yields_of(name: str, asked: list[Sought], search: BestDocuments, keep: Path | None) -> Any:
    """What a source yields, its examples written if they are to be kept."""
    counts, examples = Yield(), []
    with PatternMatcher() as matcher:
        for sought in asked:
            examples += supervise(sought, search, matcher, name, counts)
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        file = name.lower().replace(", ", "-") + ".jsonl"
        save_examples(keep / file, examples, {name: shown(counts)})
    return shown(counts)


def held_out(data: Path, names: Names, name: str) -> list[Sought]:
    """The questions that readers are asked: of triples, some that no training triple asks."""
    asked = load(data, names, name, HELD_OUT[name], None)
    if name in TRIPLES:
        known = {s.question for s in load(data, names, name, SOURCES[name][0], None)}
        asked = [s for s in asked if s.question not in known]
        asked = random.Random(SEED).sample(asked, min(TRIPLES_ASKED, len(asked)))
    return asked


def found_share(asked: list[Sought], search: BestDocuments) -> float:
    """The share of questions of which an answer occurs in one of the best five documents."""
    found = 0
    with PatternMatcher() as matcher:
        for sought in asked:
            texts = [document.text for document in search.documents(sought.question, DOCUMENTS)]
            try:
                found += any(answers_in(sought, texts, matcher))
            except PatternError:
                continue
    return found / len(asked)


def score(reader: Reader, asked: list[Sought], collection: Collection) -> float:
    """Exact match: SQuAD's comparison, or a match of the expression at the answer's beginning."""
    right = 0
    with PatternMatcher() as matcher:
        for sought in asked:
            result = collection.ask(sought.question, reader=reader, threshold=0.0)
            said = result.text if isinstance(result, Answer) else ""
            right += bool(said) and is_right(said, sought, matcher)
    return right / len(asked)


def is_right(said: str, sought: Sought, matcher: PatternMatcher) -> bool:
    """Whether an answer is one of those sought; an expression that is given up matches nothing."""
    if sought.pattern is None:
        return exact_match(said, sought.answers)
    try:
        return matcher.matches(sought.pattern, said)
    except PatternError:
        return False


def render(result: dict[str, Any]) -> str:
    """The tables of docs/benchmarks.md."""
    rows = []
    for name, counts in result["yields"].items():
        cells = ("questions", "with_answer", "with_names", "accepted", "examples")
        share = counts["questions_with"] / counts["questions"]
        rows.append([name, *(f"{counts[cell]:,}" for cell in cells), f"{share:.1%}"])
    head = ["source", "questions", "paragraphs with an answer", "with the names too", "accepted",
            "examples", "questions with one"]  # fmt: skip
    tables = [machine.table(head, rows)]
    if result["readers"]:
        sets = list(result["asked"])
        rows = [["an answer in the best five documents",
                 *(f"{result['asked'][name]['found']:.1%}" for name in sets)]]  # fmt: skip
        for reader, scores in result["readers"].items():
            shares = (f"{scores[name]:.1%}" if name in scores else "" for name in sets)
            rows.append([f"exact match, {reader}", *shares])
        head = ["", *(f"{name}, {result['asked'][name]['questions']:,}" for name in sets)]
        tables.append(machine.table(head, rows))
    return "\n\n".join(tables)


def readers(folders: list[Path]) -> dict[str, Callable[[], Reader]]:
    """The shipped reader, and those in folders by the folders' names."""
    found: dict[str, Callable[[], Reader]] = {"shipped reader": shipped_reader}
    for folder in folders:
        found[folder.name] = lambda folder=folder: LstmReader.load(folder)
    return found


def main() -> None:
    """Measure, write and print."""
    parser = machine.arguments(__doc__.splitlines()[0])
    parser.add_argument("--collection", type=Path, required=True, help="Simple English Wikipedia")
    parser.add_argument("--reader", type=Path, action="append", default=[])
    parser.add_argument("--keep", type=Path, help="folder to write the examples to")
    options = parser.parse_args()
    data = machine.needs(options.data, "qa", "kg")
    empty: dict[str, Any] = {"yields": {}, "asked": {}, "readers": {}}
    result = machine.load("distant") or empty
    result["machine"] = machine.describe("numpy", "onnxruntime")
    collection = Collection.open(options.collection)
    search = BestDocuments(collection)
    names = Names.load([data / ENTITIES], print)
    for name, (file, _) in SOURCES.items():
        if name not in result["yields"] or options.keep is not None:
            asked = load(data, names, name, file, LIMIT)
            result["yields"][name] = yields_of(name, asked, search, options.keep)
            print(name, result["yields"][name], flush=True)
            machine.save("distant", result)
    questions = {name: held_out(data, names, name) for name in HELD_OUT}
    for name, asked in questions.items():
        if name not in result["asked"]:
            found = found_share(asked, search)
            result["asked"][name] = {"questions": len(asked), "found": found}
            machine.save("distant", result)
    for reader, opened in readers(options.reader).items():
        scores = result["readers"].setdefault(reader, {})
        missing = [name for name in HELD_OUT if name not in scores]
        try:
            loaded = opened() if missing else None
        except NetError as error:
            print(f"{reader} is left out: {error}")
            continue
        for name in missing:
            scores[name] = score(loaded, questions[name], collection)
            print(reader, name, scores[name], flush=True)
            machine.save("distant", result)
    print(render(result))


if __name__ == "__main__":
    main()
