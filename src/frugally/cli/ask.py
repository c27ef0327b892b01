"""`frugally ask`: a question in, an answer with its evidence and its cost out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from frugally.budget import Budget
from frugally.cli.opening import in_option, json_option, open_collection
from frugally.cli.showing import one_line, printable
from frugally.errors import NoAnswerError, UsageError

if TYPE_CHECKING:
    from frugally.ask.answer import Answer, NoAnswer
    from frugally.ask.evidence import Evidence


_LEFT = {
    "end": "",
    "settled": " · {} more could not change the answer",
    "limit": " · {} unread: the limit is reached",
}

_EXAMPLES = """
\b
Examples:
  frugally ask "Who introduced the term backpropagation?" --in my.collection
  frugally ask --triple "?, capital, France"              the subject of a fact is asked for
  frugally ask "…" --reader onnx:roberta-squad/           a transformer exported to ONNX
  frugally ask "…" --reader http://localhost:8000/v1      a server with a large model
"""


@click.command(epilog=_EXAMPLES)
@click.argument("question", required=False)
@in_option
@click.option(
    "--max-cost",
    metavar="LIMIT",
    help='What reading may cost: "100ms", "2GFLOP", "20passages", or several.',
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    help="The confidence below which there is no answer.",
)
@click.option(
    "--reader",
    metavar="READER",
    help="Another reader than the shipped one: a folder made by `frugally fit reader`, onnx:PATH, "
    "or the http(s) address of a server (its key: FRUGALLY_API_KEY in the environment).",
)
@click.option("--model", metavar="NAME", help="The server's model; without it, its first.")
@click.option(
    "--context", type=click.IntRange(1), help="Tokens of passages sent to the server (4000)."
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, 86400, min_open=True),
    metavar="SECONDS",
    help="How long the server may take to reply (60).",
)
@click.option(
    "--triple", metavar="TRIPLE", help='Instead of QUESTION: a fact with one place open, "?, …, …".'
)
@json_option
def ask(
    question: str | None,
    where: Path | None,
    max_cost: str | None,
    threshold: float | None,
    reader: str | None,
    model: str | None,
    context: int | None,
    timeout: float | None,
    triple: str | None,
    as_json: bool,
) -> None:
    """Answer QUESTION (`-`: read it from standard input).

    Exits with 3 if the sources hold no answer that the reader trusts.
    """
    question = _asked(question, triple)
    if question == "-":
        question = sys.stdin.buffer.read().decode("utf-8", "replace")
    limit = Budget.parse(max_cost) if max_cost is not None else None
    collection = open_collection(where)
    from frugally.ask.languages import foreign_language
    from frugally.ask.readers.registry import arguments

    chosen = arguments(reader, model=model, context=context, timeout=timeout)
    result = collection.ask(question.strip(), limit=limit, threshold=threshold, **chosen)
    if as_json:
        click.echo(json.dumps(result.as_dict(), ensure_ascii=False, indent=1))
    else:
        _show(result)
        click.echo(f"{result.cost.line()}{_LEFT[result.stopped].format(result.unread)}", err=True)
    if reader is None and (code := foreign_language(question)):
        click.echo(f"this looks like {code!r}; the reader that ships knows English", err=True)
    if result.as_dict()["answer"] is None:
        click.get_current_context().exit(NoAnswerError.exit_code)


def _asked(question: str | None, triple: str | None) -> str:
    """The question, or the one that a triple asks."""
    if (question is None) == (triple is None):
        raise UsageError("ask a QUESTION, or complete a --triple: one of them")
    if triple is None:
        return str(question)
    from frugally.text.triples import parse_triple, triple_question

    return triple_question(*parse_triple(triple))


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
        if result.rivals:
            said = ", ".join(
                f"{one_line(rival.text)!r} ({rival.sources})" for rival in result.rivals[:3]
            )
            click.echo(click.style(f"  {_sources(result.sources)}; others say {said}", dim=True))
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


def _sources(count: int) -> str:
    return "1 source says so" if count == 1 else f"{count} sources say so"


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
