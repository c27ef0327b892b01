"""Labelled texts: read from TSV, parted into what is learnt from and what is held out."""

from __future__ import annotations

import lzma
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from frugally.errors import UsageError
from frugally.fit.labelled import Labelled, Split, Texts
from frugally.text.ngrams import letters


def read_tsv(files: Sequence[Path], report: Callable[[str], None]) -> Iterator[Labelled]:
    """The label<TAB>text lines of files, plain or .xz; lines that are not so are counted and left.

    Raises:
        UsageError: a file cannot be read.
    """
    for path in files:
        wrong: Counter[str] = Counter()
        first: dict[str, int] = {}
        try:
            with lzma.open(path) if path.suffix == ".xz" else path.open("rb") as file:
                for number, line in enumerate(file, start=1):
                    read = _read_line(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line)
                    if isinstance(read, tuple):
                        yield read
                    elif read:
                        wrong[read] += 1
                        first.setdefault(read, number)
        except (OSError, EOFError, lzma.LZMAError) as error:
            raise UsageError(f"cannot read {path}: {error}") from error
        for reason, count in wrong.items():
            report(f"{path}: {count:,} lines skipped: {reason} (line {first[reason]})")


def _read_line(line: bytes) -> Labelled | str:
    """Label and text, or why there are none; nothing for an empty line."""
    try:
        text = line.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        return "not UTF-8"
    if not text.strip():
        return ""
    label, tab, rest = text.partition("\t")
    if not tab:
        return "no tab between label and text"
    if not label.strip():
        return "no label"
    return label.strip(), rest


_SHARE, _MOST = 0.03, 60  # of a label's texts in dev, and again in held


def split(labelled: Iterable[Labelled], seed: int) -> Split:
    """Part texts at random, label by label; the same text under one label counts once.

    A label with fewer than 20 texts is only learnt from: no score could be trusted.

    Raises:
        UsageError: fewer than two labels have texts with letters.
    """
    by_label: dict[str, dict[str, None]] = defaultdict(dict)
    without = 0
    in_word = letters().in_word
    for label, text in labelled:
        if any(ord(char) >= len(in_word) or in_word[ord(char)] for char in text):
            by_label[label][" ".join(text.split())] = None
        else:
            without += 1
    names = sorted(by_label)
    if len(names) < 2:
        raise UsageError(
            f"texts of at least two labels are needed; there are {len(names)}"
            + (f" ({without:,} texts have no letters)" if without else ""),
            hint="each line is a label, a tab and a text",
        )
    random = np.random.default_rng(seed)
    parts: list[tuple[list[str], list[int]]] = [([], []), ([], []), ([], [])]
    for number, name in enumerate(names):
        texts = list(by_label[name])
        held = min(_MOST, int(np.ceil(_SHARE * len(texts)))) if len(texts) >= 20 else 0
        order = random.permutation(len(texts))
        for part, chosen in zip(
            parts, (order[2 * held :], order[:held], order[held : 2 * held]), strict=True
        ):
            part[0].extend(texts[i] for i in np.sort(chosen))
            part[1].extend([number] * len(chosen))
    train, dev, held_out = (Texts(t, np.array(n, np.int32)) for t, n in parts)
    return Split(names=names, train=train, dev=dev, held=held_out)
