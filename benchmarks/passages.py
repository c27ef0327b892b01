"""The passages and questions of the retrieval benchmark.

All 20,963 paragraphs of SQuAD 1.1 (train, then dev) and every paragraph of at least 80 characters
of the Simple English Wikipedia of 2021: 508,684 passages. A question's hit is its own paragraph.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SHORTEST = 80


@dataclass(frozen=True, slots=True)
class Question:
    """A question of SQuAD, the number of its paragraph, and the answers that count."""

    text: str
    passage: int
    answers: tuple[str, ...]


def _squad(data: Path, split: str) -> Any:
    with lzma.open(data / "squad" / f"{split}-v1.1.json.xz", "rt", encoding="utf-8") as file:
        return json.load(file)["data"]


def passages(data: Path) -> Iterator[tuple[str, str]]:
    """Title and text of each passage, in order."""
    for split in ("train", "dev"):
        for article in _squad(data, split):
            title = article["title"].replace("_", " ")
            for paragraph in article["paragraphs"]:
                yield title, paragraph["context"].replace("\n", " ").strip()
    path = data / "wiki" / "simplewiki-2021.jsonl.xz"
    with lzma.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            article = json.loads(line)
            for paragraph in article["text"].split("\n"):
                if len(paragraph) >= SHORTEST:
                    yield article["title"], paragraph.strip()


def questions(data: Path, split: str) -> list[Question]:
    """The questions of a split of SQuAD 1.1."""
    found = []
    number = 0
    for part in ("train", "dev"):
        for article in _squad(data, part):
            for paragraph in article["paragraphs"]:
                if part == split:
                    for q in paragraph["qas"]:
                        answers = tuple(a["text"] for a in q["answers"])
                        found.append(Question(q["question"].strip(), number, answers))
                number += 1
    return found


def write_jsonl(data: Path, path: Path, *, times: int = 1) -> int:
    """Write the passages as JSON lines (`id`, `title`, `text`); returns how many.

    With `times` above 1 the collection is so many times as large: the further copies are made of
    the same sentences, shuffled among the passages of 64 neighbouring ones, so that words keep
    their frequencies and their topics while no two passages are the same.
    """
    import random

    everything = list(passages(data))
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for copy in range(times):
            chosen: list[tuple[str, str]] = everything
            if copy:
                chosen = list(_shuffled(everything, random.Random(copy)))
            for title, text in chosen:
                entry = {"id": str(count), "title": title, "text": text}
                file.write(json.dumps(entry, ensure_ascii=False) + "\n")
                count += 1
    return count


def _shuffled(originals: list[tuple[str, str]], source: Any) -> Iterator[tuple[str, str]]:
    for start in range(0, len(originals), 64):
        group = originals[start : start + 64]
        sentences = [text.split(". ") for _, text in group]
        pool = [sentence for parts in sentences for sentence in parts]
        source.shuffle(pool)
        at = 0
        for (title, _), parts in zip(group, sentences, strict=True):
            yield title, ". ".join(pool[at : at + len(parts)])
            at += len(parts)
