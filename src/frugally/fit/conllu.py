"""Treebanks in CoNLL-U: the words of each sentence, their universal part-of-speech tags, spaces.

The format is that of https://universaldependencies.org/format.html: a word a line, ten columns
parted by tabs (ID, FORM, LEMMA, UPOS, ...), an empty line after each sentence, comments after `#`.
Of a multiword token (`3-4`) the words count, not the token; empty nodes (`8.1`) are left out.
"""

from __future__ import annotations

import lzma
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from frugally.errors import SourceError, UsageError

_NOT_WORDS = re.compile(r"\d+-\d+|\d+\.\d+")
_PARTS = ("train", "dev", "test")
_SUFFIXES = (".conllu", ".conllu.xz")
_MISC = 9  # the column


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words, and the tag of each; `None` where the treebank gives none (`_`).

    `joined` says of each word whether the next follows without a space (`SpaceAfter=No`).
    """

    words: tuple[str, ...]
    tags: tuple[str | None, ...]
    joined: tuple[bool, ...] = ()

    def __len__(self) -> int:
        return len(self.words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Treebank:
    """The parts of a treebank; `dev` and `test` may be empty.

    `dev_from` says where dev comes from: "its own" file, or "a tenth of train".
    """

    name: str
    train: list[Sentence]
    dev: list[Sentence]
    test: list[Sentence]
    dev_from: str = "its own"


def parse_conllu(text: str, name: str = "the text") -> list[Sentence]:
    """The sentences of a text in CoNLL-U.

    Raises:
        SourceError: a line is not CoNLL-U; the message names the line by `name` and number.
    """
    sentences: list[Sentence] = []
    words: list[str] = []
    tags: list[str | None] = []
    joined: list[bool] = []
    # Where the multiword token being read ends, and whether it is joined to what follows.
    last, last_joined = 0, False
    for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        line = raw.removesuffix("\r")
        if not line.strip():
            if words:
                sentences.append(Sentence(tuple(words), tuple(tags), tuple(joined)))
                words, tags, joined, last = [], [], [], 0
            continue
        if line.startswith("#"):
            continue
        columns = line.split("\t")
        where = f"{name}, line {number}"
        if len(columns) < 4:
            raise SourceError(
                f"{where}: {len(columns)} columns where CoNLL-U has ten",
                hint="columns are parted by tabs; ID, FORM, LEMMA and UPOS are needed",
            )
        close = len(columns) > _MISC and "SpaceAfter=No" in columns[_MISC].split("|")
        if _NOT_WORDS.fullmatch(columns[0]):
            if "-" in columns[0]:
                last, last_joined = int(columns[0].split("-")[1]), close
            continue
        if columns[0] != str(len(words) + 1):
            raise SourceError(
                f"{where}: word {columns[0][:20]!r} where word {len(words) + 1} should stand",
                hint="words of a sentence count from 1; sentences are parted by empty lines",
            )
        if not columns[1] or not columns[3].strip():
            raise SourceError(f"{where}: an empty {'UPOS' if columns[1] else 'FORM'}")
        words.append(columns[1])
        tags.append(None if columns[3] == "_" else columns[3])
        inside = len(words) < last
        joined.append(inside or (last_joined if len(words) == last else close))
    if words:
        sentences.append(Sentence(tuple(words), tuple(tags), tuple(joined)))
    return sentences


def read_conllu(path: Path) -> list[Sentence]:
    """The sentences of a file, plain or `.xz`.

    Raises:
        SourceError: it cannot be read, is not UTF-8, not CoNLL-U, or holds no sentence.
    """
    try:
        raw = path.read_bytes()
        data = lzma.decompress(raw) if path.suffix == ".xz" else raw
    except (OSError, lzma.LZMAError) as error:
        raise SourceError(f"cannot read {path}: {error}") from error
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SourceError(f"{path}, line {line}: not UTF-8") from error
    sentences = parse_conllu(text, str(path))
    if not sentences:
        raise SourceError(f"{path} holds no sentence")
    return sentences


def find_parts(folder: Path) -> dict[str, list[Path]]:
    """The files of train, dev and test in a folder, by their names.

    `en_ewt-ud-train.conllu`, `train.conllu.xz`, `de_hdt-ud-train-a-1.conllu`: the last of the words
    train, dev and test in the name counts.
    """
    parts: dict[str, list[Path]] = {part: [] for part in _PARTS}
    for path in sorted(folder.iterdir()):
        if path.name.endswith(_SUFFIXES):
            found = [word for word in re.split(r"[^a-z]+", path.name.lower()) if word in parts]
            if found:
                parts[found[-1]].append(path)
    return parts


def load_treebank(
    source: Path | Sequence[Path], *, seed: int = 1013, tagged: bool = True
) -> Treebank:
    """A treebank from its folder, or from one or several files to train on.

    Without a dev file every tenth sentence of train, by chance, is dev. One in which no word has a
    tag is refused, unless it need not be `tagged`.

    Raises:
        UsageError: there is nothing to train on.
        SourceError: a file is not CoNLL-U.
    """
    if isinstance(source, Path) and source.is_dir():
        parts = find_parts(source)
        name = source.resolve().name
        if not parts["train"]:
            raise UsageError(
                f"{source} holds no file to train on",
                hint="it is found by its name: *-ud-train.conllu or train.conllu, plain or .xz",
            )
    else:
        files = [source] if isinstance(source, Path) else list(source)
        if not files:
            raise UsageError("no file to train on")
        name = files[0].name.split(".")[0]
        parts = {"train": files, "dev": [], "test": []}
    loaded = {part: [s for path in parts[part] for s in read_conllu(path)] for part in _PARTS}
    train, dev = loaded["train"], loaded["dev"]
    own = bool(dev)
    if not own:
        order = list(range(len(train)))
        random.Random(seed).shuffle(order)
        kept = set(order[: max(1, len(train) // 10)]) if len(train) > 1 else set()
        dev = [train[i] for i in sorted(kept)]
        train = [s for i, s in enumerate(train) if i not in kept]
    if tagged and not any(tag for s in train for tag in s.tags):
        raise UsageError(f"{name} has no tags (column UPOS) to learn from")
    return Treebank(
        name=name,
        train=train,
        dev=dev,
        test=loaded["test"],
        dev_from="its own" if own else "a tenth of train",
    )
