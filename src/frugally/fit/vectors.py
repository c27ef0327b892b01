"""`frugally fit vectors`: word vectors from hashed character n-grams, from a corpus of text.

The training is floret's skip-gram with negative sampling (https://github.com/explosion/floret);
what is kept is the table alone, in 8 bits.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from frugally.errors import MissingExtraError, SourceError, UsageError
from frugally.files.disk import make_folder
from frugally.nets.ngram_vectors import NgramRecipe, NgramVectors
from frugally.text.words import words

# A line of fewer words teaches a skip-gram nothing.
_FEWEST_WORDS = 5


def fit_vectors(
    corpus: Sequence[Path],
    out: Path,
    *,
    rows: int = 40_000,
    dim: int = 96,
    epochs: int = 3,
    threads: int = 1,
    fewest: int = 5,
    recipe: NgramRecipe | None = None,
    report: Callable[[str], None] = lambda _: None,
    progress: bool = False,
) -> NgramVectors:
    """Train word vectors on `corpus` and write `out`/vectors.safetensors.

    `rows` and `dim` are the size of the table; a word seen fewer than `fewest` times is no target
    of training (it has a vector all the same). One thread gives the same table every time; more
    are faster and do not. With `progress` floret writes its own, with the time left, to stderr.
    """
    try:
        import floret
    except ImportError as error:
        raise MissingExtraError("floret", "fit", "Fitting word vectors") from error
    recipe = recipe or NgramRecipe()
    make_folder(out)
    with TemporaryDirectory(dir=out) as folder:
        text = Path(folder, "corpus.txt")
        count = write_corpus(corpus, text)
        if not count:
            raise UsageError("the corpus has no text")
        report(f"training on {count:,} words, {epochs} times")
        model = floret.train_unsupervised(
            str(text), model="skipgram", mode="floret", bucket=rows, dim=dim,
            hashCount=recipe.hash_count, minn=recipe.min_chars, maxn=recipe.max_chars,
            minCount=fewest, epoch=epochs, thread=threads, lr=0.05, ws=5, neg=5, t=1e-4,
            verbose=2 if progress else 0,
        )  # fmt: skip
    # The rows before the last `rows` are floret's words' own, which its vectors do not use.
    vectors = NgramVectors.quantise(model.get_input_matrix()[-rows:], recipe)
    vectors.save(out / "vectors.safetensors")
    report(f"wrote {out / 'vectors.safetensors'}")
    return vectors


def write_corpus(corpus: Sequence[Path], target: Path) -> int:
    """Write one paragraph a line, lower-case words apart by spaces; returns the words written."""
    count = 0
    with target.open("w", encoding="utf-8") as file:
        for path in corpus:
            for text in _texts(path):
                for line in text.split("\n"):
                    found = [word for word, _, _ in words(line.lower())]
                    if len(found) >= _FEWEST_WORDS:
                        file.write(" ".join(found) + "\n")
                        count += len(found)
    return count


def _texts(path: Path) -> Iterator[str]:
    """Texts of .jsonl ("text" of each line), SQuAD's .json, or plain .txt; each may be .xz."""
    kind = Path(path.stem).suffix if path.suffix == ".xz" else path.suffix
    try:
        with lzma.open(path, "rt") if path.suffix == ".xz" else path.open(encoding="utf-8") as file:
            if kind == ".jsonl":
                for line in file:
                    yield json.loads(line)["text"]
            elif kind == ".json":
                for article in json.load(file)["data"]:
                    for paragraph in article["paragraphs"]:
                        yield paragraph["context"]
                        yield from (q["question"] for q in paragraph["qas"])
            elif kind == ".txt":
                yield from file
            else:
                raise UsageError(f"{path} is not .jsonl, .json or .txt, nor one of them in .xz")
    except (OSError, ValueError, KeyError, TypeError, lzma.LZMAError, EOFError) as error:
        raise SourceError(f"cannot read {path}: {error!r}") from error
