"""The retrievers we stand beside, each built from the same JSON lines and asked the same questions.

As a script, `python -m benchmarks.peers NAME JSONL FOLDER` builds one, parsing inside the clock,
and prints its seconds. Ours is here too, built by the same script in the same way.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

Search = Callable[[str, int], list[int]]


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            entry = json.loads(line)
            yield entry["title"], entry["text"]


def build_frugally(source: Path, folder: Path) -> None:
    """Our collection, default settings; every line is one passage."""
    from frugally import Collection

    Collection.create(folder).add_files([source], longest=1 << 20)


def open_frugally(folder: Path) -> Search:
    """Our search, default settings."""
    from frugally import Collection

    collection = Collection.open(folder)
    return lambda question, k: [m.passage for m in collection.match(question, k)]


def build_tantivy(source: Path, folder: Path) -> None:
    """The Python writer of tantivy with its defaults; its English stemmer, since we stem too."""
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_integer_field("number", stored=True)
    builder.add_text_field("text", stored=True, tokenizer_name="en_stem")
    folder.mkdir()
    index = tantivy.Index(builder.build(), str(folder))
    writer = index.writer()
    for number, (title, text) in enumerate(_lines(source)):
        document = tantivy.Document()
        document.add_integer("number", number)
        document.add_text("text", f"{title} {text}")
        writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()


def open_tantivy(folder: Path) -> Search:
    """BM25 as tantivy has it, the question's words as a disjunction."""
    import tantivy

    index = tantivy.Index.open(str(folder))
    index.reload()
    searcher = index.searcher()

    def search(question: str, k: int) -> list[int]:
        query = index.parse_query(" ".join(re.findall(r"\w+", question.lower())), ["text"])
        found = searcher.search(query, k).hits
        return [searcher.doc(address)["number"][0] for _, address in found]

    return search


def build_bm25s(source: Path, folder: Path) -> None:
    """bm25s with its defaults and English stop words; it stores no texts."""
    import bm25s

    texts = [f"{title} {text}" for title, text in _lines(source)]
    tokens = bm25s.tokenize(texts, stopwords="en", show_progress=False)
    retriever = bm25s.BM25(backend="numba")
    retriever.index(tokens, show_progress=False)
    retriever.save(folder)


def open_bm25s(folder: Path) -> Search:
    """bm25s with its numba backend, one thread."""
    import bm25s

    retriever = bm25s.BM25.load(folder, backend="numba")

    def search(question: str, k: int) -> list[int]:
        tokens = bm25s.tokenize(question, stopwords="en", return_ids=False, show_progress=False)
        if not tokens[0]:
            return []
        found, _ = retriever.retrieve(tokens, k=k, show_progress=False, n_threads=0)
        return [int(number) for number in found[0]]

    return search


def build_scipy(source: Path, folder: Path) -> None:
    """The seed system's formula: hashed uni- and bigrams, TF-IDF, a sparse matrix; no texts."""
    from scipy import sparse

    from frugally.text import drqa

    numbers: dict[str, int] = {}
    rows, columns, counts = [], [], []
    for number, (title, text) in enumerate(_lines(source)):
        grams = Counter(drqa.ngrams(drqa.tokens(f"{title} {text}")))
        rows.append(np.array([numbers.setdefault(g, len(numbers)) for g in grams], np.int32))
        columns.append(np.full(len(grams), number, np.int32))
        counts.append(np.fromiter(grams.values(), np.float32, len(grams)))
    from frugally.ask.index.writer import hash_ids

    buckets = (hash_ids(numbers) & 0xFFFFFF).astype(np.int32)
    shape = (1 << 24, len(rows))
    matrix = sparse.csr_matrix(
        (np.concatenate(counts), (buckets[np.concatenate(rows)], np.concatenate(columns))), shape
    )
    matrix.sum_duplicates()
    having = np.diff(matrix.indptr)
    idf = np.maximum(0, np.log((shape[1] - having + 0.5) / (having + 0.5))).astype(np.float32)
    matrix.data = np.log1p(matrix.data) * np.repeat(idf, having)
    folder.mkdir()
    sparse.save_npz(folder / "matrix.npz", matrix, compressed=False)
    np.save(folder / "idf.npy", idf)


def open_scipy(folder: Path) -> Search:
    """The seed system's search: a sparse row times the matrix, then a partial sort."""
    from scipy import sparse

    from frugally.text import drqa

    matrix = sparse.load_npz(folder / "matrix.npz")
    idf = np.load(folder / "idf.npy")

    def search(question: str, k: int) -> list[int]:
        grams = Counter(drqa.bucket(g, 24) for g in drqa.ngrams(drqa.tokens(question)))
        if not grams:
            return []
        buckets = np.fromiter(grams, np.int32, len(grams))
        weights = np.log1p(np.fromiter(grams.values(), np.float32, len(grams))) * idf[buckets]
        shape = (1, matrix.shape[0])
        query = sparse.csr_matrix((weights, (np.zeros_like(buckets), buckets)), shape)
        scores = (query @ matrix).toarray()[0]
        best = np.argpartition(-scores, k)[:k]
        return [int(i) for i in best[np.argsort(-scores[best])]]

    return search


PEERS: dict[str, tuple[Any, Any, str]] = {
    "frugally": (build_frugally, open_frugally, "BM25, stems and bigrams; texts stored"),
    "tantivy": (build_tantivy, open_tantivy, "BM25; texts stored"),
    "bm25s (numba)": (build_bm25s, open_bm25s, "BM25; no texts"),
    "seed formula (scipy)": (build_scipy, open_scipy, "TF-IDF of hashed bigrams; no texts"),
}


def main() -> None:
    """Build one peer and print the seconds it took, imports left out."""
    name, source, folder = sys.argv[1:4]
    build, _, _ = PEERS[name]
    if name == "frugally":  # compiled kernels are loaded, as the libraries of the others are
        import frugally.ask.index.kernels
        import frugally.ask.search.kernels
        import frugally.ask.sources.kernels
        import frugally.text.kernels  # noqa: F401
    started = time.perf_counter()
    build(Path(source), Path(folder))
    print(time.perf_counter() - started)


if __name__ == "__main__":
    main()
