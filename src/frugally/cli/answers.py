"""How an answer, its evidence and its explanation look on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from frugally.cli.showing import one_line, printable

if TYPE_CHECKING:
    from frugally.ask.answer import Answer, NoAnswer
    from frugally.ask.evidence import Evidence
    from frugally.nets.reader_explanation import AlignedWord, ReaderExplanation

_AROUND = 4  # words of the passage shown on either side of the answer
_ASKED = 8  # words of the question shown
_RIVALS = 3


def show_answer(result: Answer | NoAnswer) -> None:
    """Print an answer with its evidence, or that there is none and what came close."""
    from frugally.ask.answer import Answer

    if isinstance(result, Answer):
        click.echo(
            click.style(one_line(result.text), bold=True) + f"  ({result.confidence:.0%} sure)"
        )
        for evidence in result.evidence[:3]:
            click.echo(f"  {marked(evidence)}")
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


def marked(evidence: Evidence) -> str:
    """The sentence of some evidence, on one line, with the answer in it marked."""
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


def show_explanation(result: Answer | NoAnswer, why: ReaderExplanation) -> None:
    """Print what a reader computed on its way to an answer, and the runners-up."""
    first = result.evidence[0]
    low, high = first.start - first.hit.start, first.end - first.hit.start
    inside = [i for i, word in enumerate(why.words) if low <= word.at < high]
    heavy = sorted(why.asked, key=lambda one: -one[1])[:_ASKED]
    click.echo(f"  passage: {one_line(first.hit.text)}")
    click.echo(
        "  question: " + ", ".join(f"{printable(word)} {share:.0%}" for word, share in heavy)
    )
    click.echo(
        f"  score: {first.score:.2f} = reader {first.reader_score:.2f}, "
        f"search {first.score - first.reader_score:+.2f}"
    )
    if inside:
        start, end = why.words[inside[0]].start, why.words[inside[-1]].end
        click.echo(f"  reader: start {start:.2f} + end {end:.2f} - not here {why.null:.2f}")
        near = range(max(0, inside[0] - _AROUND), min(len(why.words), inside[-1] + 1 + _AROUND))
        _show_words([(why.words[i], i in inside) for i in near])
    spans = (why.best, *why.runners_up)
    click.echo("  spans here: " + ", ".join(f"{one_line(s.text)!r} {s.score:.2f}" for s in spans))
    rivals = [one.evidence[0] for one in getattr(result, "rivals", ())[:_RIVALS]]
    if rivals:
        said = ", ".join(f"{one_line(rival.text)!r} {rival.score:.2f}" for rival in rivals)
        click.echo(f"  elsewhere: {said}")


def _show_words(words: Sequence[tuple[AlignedWord, bool]]) -> None:
    """A line a word: the word of the question that it is most like, its scores as start and end."""
    rows = [("", "word", "most like", "start", "end")]
    for word, chosen in words:
        like = f"{printable(word.asked)} {word.share:.0%}"
        scores = (f"{word.start:.2f}", f"{word.end:.2f}")
        rows.append((">" if chosen else "", printable(word.word), like, *scores))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    for mark, name, like, start, end in rows:
        click.echo(
            f"  {mark:{widths[0]}} {name:{widths[1]}}  {like:{widths[2]}}  "
            f"{start:>{widths[3]}}  {end:>{widths[4]}}"
        )
