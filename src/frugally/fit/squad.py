"""SQuAD, the Stanford Question Answering Dataset: reading its files and its official scores.

Rajpurkar et al. 2016, "SQuAD: 100,000+ Questions for Machine Comprehension of Text"; version 2.0
adds questions that have no answer (Rajpurkar et al. 2018). The scores follow the official
evaluation script: answers are compared in lower case without punctuation, articles (a, an, the)
and extra spaces.
"""

from __future__ import annotations

import json
import lzma
import re
import string
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from frugally.errors import SourceError, UsageError

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question about one paragraph.

    `answers` are the accepted texts, none if the paragraph does not answer it. `starts` are the
    characters at which the first answer may start: more than one where the source does not say
    which of several occurrences was meant.
    """

    text: str
    answers: tuple[str, ...]
    starts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """A paragraph of an article and the questions asked about it."""

    title: str
    context: str
    questions: tuple[Question, ...]


def load_squad(folder: Path, name: str) -> list[Paragraph]:
    """Read `name` ("train-v1.1", "dev-v1.1", "dev-v2.0") from `.json` or `.json.xz` in `folder`."""
    for path in (folder / f"{name}.json", folder / f"{name}.json.xz"):
        if path.is_file():
            break
    else:
        raise UsageError(
            f"{folder} has no {name}.json or {name}.json.xz",
            hint="SQuAD is at https://rajpurkar.github.io/SQuAD-explorer/",
        )
    try:
        raw = path.read_bytes()
        data = json.loads(lzma.decompress(raw) if path.suffix == ".xz" else raw)["data"]
        return [
            Paragraph(
                title=article["title"],
                context=paragraph["context"],
                questions=tuple(_question(q) for q in paragraph["qas"]),
            )
            for article in data
            for paragraph in article["paragraphs"]
        ]
    except (OSError, ValueError, KeyError, TypeError, lzma.LZMAError) as error:
        raise SourceError(f"{path} is not in SQuAD's form: {error!r}") from error


def _question(q: dict) -> Question:  # type: ignore[type-arg]
    answers = q["answers"]
    starts: Sequence[int] = ()
    if answers:
        first = answers[0]
        starts = first.get("answer_starts") or [first["answer_start"]]
    return Question(
        text=q["question"], answers=tuple(a["text"] for a in answers), starts=tuple(starts)
    )


def normalise_answer(text: str) -> str:
    """Lower case, no punctuation, no articles, single spaces."""
    text = text.lower().translate(_NO_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", text).split())


def exact_match(prediction: str, answers: Iterable[str]) -> bool:
    """Whether the prediction equals one of the answers after normalisation."""
    normal = normalise_answer(prediction)
    return any(normal == normalise_answer(answer) for answer in answers)


def f1(prediction: str, answers: Iterable[str]) -> float:
    """The best harmonic mean of precision and recall of words, over the answers; 0 to 1."""
    return max((_f1(prediction, answer) for answer in answers), default=0.0)


def _f1(prediction: str, answer: str) -> float:
    found, wanted = normalise_answer(prediction).split(), normalise_answer(answer).split()
    shared = sum((Counter(found) & Counter(wanted)).values())
    if not shared:
        return 0.0
    precision, recall = shared / len(found), shared / len(wanted)
    return 2 * precision * recall / (precision + recall)


def auroc(positives: Sequence[float], negatives: Sequence[float]) -> float:
    """The probability that a positive scores above a negative (ties count a half)."""
    scored = sorted([(s, 1) for s in positives] + [(s, 0) for s in negatives])
    rank_sum, i = 0.0, 0
    while i < len(scored):
        j = i
        while j < len(scored) and scored[j][0] == scored[i][0]:
            j += 1
        # Ranks i+1 .. j are tied; each takes their mean.
        rank_sum += (i + 1 + j) / 2 * sum(label for _, label in scored[i:j])
        i = j
    n, m = len(positives), len(negatives)
    return (rank_sum - n * (n + 1) / 2) / (n * m)
