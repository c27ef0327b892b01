"""`frugally ask`: a question in, an answer with its evidence and its cost out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from frugally.cli.opening import in_option, json_option, open_collection
from frugally.cli.showing import one_line, printable
from frugally.errors import NoAnswerError

if TYPE_CHECKING:
    from frugally.ask.answer import Answer, Evidence, NoAnswer


@click.command()
@click.argument("question")
@in_option
@click.option(
    "--passages", type=click.IntRange(1, 1000), help="How many passages are read at most."
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    help="The confidence below which there is no answer.",
)
@json_option
def ask(
    question: str,
    where: Path | None,
    passages: int | None,
    threshold: float | None,
    as_json: bool,
) -> None:
    """Answer QUESTION (`-`: read it from standard input).

    Exits with 3 if the sources hold no answer that the reader trusts.
    """
    if question == "-":
        question = sys.stdin.buffer.read().decode("utf-8", "replace")
    collection = open_collection(where)
    result = collection.ask(question.strip(), passages=passages, threshold=threshold)
    if as_json:
        click.echo(json.dumps(result.as_dict(), ensure_ascii=False, indent=1))
    else:
        _show(result)
        click.echo(result.cost.line(), err=True)
    if result.as_dict()["answer"] is None:
        click.get_current_context().exit(NoAnswerError.exit_code)


def _show(result: Answer | NoAnswer) -> None:
    from frugally.ask.answer import Answer

    if isinstance(result, Answer):
        click.echo(
            click.style(one_line(result.text), bold=True) + f"  ({result.confidence:.0%} sure)"
        )
        for evidence in result.evidence[:3]:
            click.echo(f"  {_marked(evidence)}")
            click.echo(click.style(f"  — {_where(evidence)}", dim=True))
        more = len(result.evidence) - 3
        if more > 0:
            click.echo(click.style(f"  and {more} more that say the same", dim=True))
        return
    click.echo("No answer in these sources.")
    if result.best:
        click.echo(
            f"  The best guess, {one_line(result.best)!r}, is only {result.confidence:.0%} likely."
        )
    for hit in result.nearest:
        text = one_line(hit.text)
        click.echo(f"  near: {text[:160]}{'…' if len(text) > 160 else ''}")
        click.echo(click.style(f"  — {one_line(hit.where())}", dim=True))


def _marked(evidence: Evidence) -> str:
    """The sentence, on one line, with the answer in it marked."""
    hit, sentence = evidence.hit, evidence.sentence
    start, end = evidence.start - hit.start, evidence.end - hit.start
    # The sentence may stand in the passage twice, and the answer in the sentence.
    begin = hit.text.rfind(sentence, 0, start + len(sentence))
    if begin < 0 or not begin <= start <= end <= begin + len(sentence):
        return one_line(sentence)
    parts = (
        sentence[: start - begin],
        sentence[start - begin : end - begin],
        sentence[end - begin :],
    )
    before, found, after = map(printable, parts)
    marked = f"{before}{click.style(found, bold=True, underline=True)}{after}"
    return " ".join(marked.split())


def _where(evidence: Evidence) -> str:
    hit = evidence.hit
    parts = [hit.title or hit.id, evidence.place, hit.url or hit.source]
    return one_line(", ".join(dict.fromkeys(part for part in parts if part)))
