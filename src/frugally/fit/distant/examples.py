"""Distantly supervised examples: their file, and how the reader's training takes them.

A file is JSON lines. A source begins with a line of what became of it, `{"source": …, "yield":
{…}}`, and has a line for each example: `question`, `passage`, `start` and `end` (the characters of
the answer in the passage), `answers` (the answer and others that would be right), `source`, `score`
(how many of the question's words and pairs of words stand near the answer), `document` and `title`.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from frugally.errors import UsageError
from frugally.files.disk import digest_of, write_whole
from frugally.fit.classifier.reading import Report, Skipped
from frugally.fit.distant.rows import Row, read_rows
from frugally.fit.squad import Paragraph, Question


@dataclass(frozen=True, slots=True, kw_only=True)
class DistantExample:
    """A question, a passage that probably answers it, and where the answer stands in it."""

    question: str
    passage: str
    start: int
    end: int
    answers: tuple[str, ...]
    source: str
    score: int
    document: str
    title: str

    @property
    def answer(self) -> str:
        """The answer as the passage has it."""
        return self.passage[self.start : self.end]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleFile:
    """What a file of examples holds: paragraphs with questions, examples by source, yields."""

    name: str
    sha256: str
    paragraphs: tuple[Paragraph, ...]
    counts: dict[str, int]
    yields: tuple[Row, ...]

    def as_card(self) -> dict[str, Any]:
        """What a reader's card says of it."""
        return {"file": self.name, "sha256": self.sha256, "examples": self.counts,
                "yields": list(self.yields)}  # fmt: skip


def save_examples(
    path: Path, examples: Iterable[DistantExample], yields: dict[str, dict[str, Any]]
) -> None:
    """Write a file of examples, source by source; a crash leaves the old file or the new one."""
    by_source: dict[str, list[DistantExample]] = {source: [] for source in yields}
    for example in examples:
        by_source[example.source].append(example)
    lines: list[dict[str, Any]] = []
    for source, group in by_source.items():
        lines += [{"source": source, "yield": yields[source]}, *map(asdict, group)]
    write_whole(path, "".join(map(_line, lines)).encode())


def save_sample(path: Path, examples: Sequence[DistantExample], count: int, seed: int) -> None:
    """Write some examples, drawn with the seed, with the answer marked, to be judged by hand."""
    chosen = sorted(random.Random(seed).sample(range(len(examples)), min(count, len(examples))))
    lines = []
    for example in (examples[i] for i in chosen):
        before, after = example.passage[: example.start], example.passage[example.end :]
        marked = f"{before}«{example.answer}»{after}"
        lines.append({"source": example.source, "question": example.question,
                      "answer": example.answer, "title": example.title, "passage": marked,
                      "verdict": ""})  # fmt: skip
    write_whole(path, "".join(map(_line, lines)).encode())


def _line(entry: dict[str, Any]) -> str:
    text = json.dumps(entry, ensure_ascii=False)
    return text.encode("utf-8", "replace").decode() + "\n"  # lone surrogates of a bad source


def load_examples(path: Path, report: Report) -> ExampleFile:
    """Read a file of examples; lines that are none are counted and left out.

    Raises:
        UsageError: it cannot be read, or holds no example.
    """
    skipped = Skipped(path)
    examples, yields = [], []
    for line, row in read_rows(path, None, skipped):
        if "yield" in row:
            yields.append(row)
        elif (example := _example(row)) is None:
            skipped.add("not an example", line)
        else:
            examples.append(example)
    skipped.tell(report)
    if not examples:
        raise UsageError(
            f"{path} holds no example", hint="`frugally fit examples` makes such files"
        )
    return ExampleFile(
        name=path.name,
        sha256=digest_of(path),
        paragraphs=tuple(as_paragraphs(examples)),
        counts=dict(Counter(example.source for example in examples)),
        yields=tuple(yields),
    )


def _example(row: Row) -> DistantExample | None:
    texts = [row.get(key) for key in ("question", "passage", "source", "document", "title")]
    places = [row.get(key) for key in ("start", "end", "score")]
    answers = row.get("answers")
    if not all(isinstance(text, str) for text in texts) or not isinstance(answers, list):
        return None
    if not all(isinstance(n, int) for n in places) or not all(isinstance(a, str) for a in answers):
        return None
    row = {name: row[name] for name in DistantExample.__slots__}
    example = DistantExample(**{**row, "answers": tuple(answers)})
    inside = 0 <= example.start < example.end <= len(example.passage)
    return example if inside and example.question.strip() else None


def as_paragraphs(examples: Iterable[DistantExample]) -> list[Paragraph]:
    """The examples as SQuAD has them: paragraphs of articles with their questions.

    Other paragraphs of the same document that lack the answer are then what a question may be
    trained not to find it in, where there are any.
    """
    grouped: dict[tuple[str, str], list[Question]] = {}
    for example in examples:
        others = (answer for answer in example.answers if answer != example.answer)
        question = Question(
            text=example.question, answers=(example.answer, *others), starts=(example.start,)
        )
        # A title may be another's too, and SQuAD's: the document's own name keeps them apart.
        article = f"{example.title} ({example.document})"
        grouped.setdefault((article, example.passage), []).append(question)
    return [
        Paragraph(title=title, context=passage, questions=tuple(questions))
        for (title, passage), questions in grouped.items()
    ]
