"""What distant supervision looks for: a question, its answers, what a paragraph must also hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from frugally.fit.classifier.reading import Skipped
from frugally.fit.distant.names import Names
from frugally.fit.distant.rows import Row
from frugally.text.triples import OPEN, readable_name, same_name, triple_question

MOST_ANSWERS = 50
"""A question of a triple with more right answers than this asks for nothing in particular."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """A question with its answers as texts, or as one regular expression (`pattern`).

    `needs` are names that a paragraph must hold, each by one of its forms; None means those in the
    question (`frugally.text.entities`).
    """

    question: str
    answers: tuple[str, ...] = ()
    pattern: str | None = None
    needs: tuple[tuple[str, ...], ...] | None = None


def pairs(rows: Iterable[tuple[int, Row]], names: Names, skipped: Skipped) -> Iterator[Sought]:
    """Questions with answers; rows that have not both are counted and left out.

    A row has `answers` (a text or a list), `pattern`, or `object`, an entity whose names are the
    answers; a paragraph must then hold a name of its `subject`, if it has that column. Where the
    subject has no known name the row is left out: of ten examples that were made without, seven had
    nothing to do with their question (docs/distant.md).
    """
    for line, row in rows:
        question = _plain(row.get("question"))
        if not any(map(str.isalnum, question)):
            skipped.add("no question", line)
            continue
        needs = None
        if pattern := _plain(row.get("pattern")):
            yield Sought(question=question, pattern=pattern)
            continue
        if row.get("answers") is not None:
            given = row["answers"]
            listed = given if isinstance(given, list) else [given]
            answers = same_name(_plain(answer) for answer in listed)
        else:
            answers = names.of(_plain(row.get("object")))
            if subject := _plain(row.get("subject")):
                if not (subject_names := names.of(subject)):
                    skipped.add("no name for its subject", line)
                    continue
                needs = (subject_names,)
                # What is asked for is not what is given (Portsmouth was named after Portsmouth).
                answers = tuple(answer for answer in answers if answer not in subject_names)
        if not answers:
            skipped.add("no answer with a letter or a digit", line)
        else:
            yield Sought(question=question, answers=answers, needs=needs)


def triples(rows: Iterable[tuple[int, Row]], names: Names, skipped: Skipped) -> Iterator[Sought]:
    """The questions of triples: each with its object open, and with its subject open.

    Triples that ask the same are one question with all their answers. What the raters of a fact
    (`judgments`, as google-re has them) did not mostly confirm is left out.
    """
    asked: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for line, row in rows:
        if not _confirmed(row.get("judgments")):
            skipped.add("its raters do not confirm it", line)
            continue
        relation = _plain(row.get("relation"))
        subject = names.of(_plain(row.get("subject"))) or _from_address(row.get("evidences"))
        object_ = names.of(_plain(row.get("object")))
        if not any(map(str.isalnum, relation)):
            skipped.add("no relation", line)
        elif not subject or not object_:
            skipped.add(f"no name for its {'object' if subject else 'subject'}", line)
        else:
            tail, head = (subject[0], relation, OPEN), (OPEN, relation, object_[0])
            asked.setdefault((triple_question(*tail), subject), []).extend(object_)
            asked.setdefault((triple_question(*head), object_), []).extend(subject)
    for (question, given), answers in asked.items():
        # As above: (Paris, city, Paris) teaches nothing.
        others = [answer for answer in same_name(answers) if answer not in given]
        if 0 < len(others) <= MOST_ANSWERS:
            yield Sought(question=question, answers=tuple(others), needs=(given,))


def _confirmed(judgments: Any) -> bool:
    """Whether more than half of the raters said yes, or there are none."""
    if not isinstance(judgments, list) or not judgments:
        return True
    said = [entry.get("judgment") for entry in judgments if isinstance(entry, dict)]
    return 2 * said.count("yes") > len(said)


def _from_address(evidences: Any) -> tuple[str, ...]:
    """The name in the Wikipedia address of a fact's evidence, for a subject that has no other."""
    for entry in evidences if isinstance(evidences, list) else ():
        address = entry.get("url") if isinstance(entry, dict) else None
        if isinstance(address, str) and "/wiki/" in address:
            return same_name([readable_name(unquote(address.rpartition("/wiki/")[2]))])
    return ()


def _plain(value: Any) -> str:
    """A text with single spaces; a number as text; nothing for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return " ".join(str(value).split())
