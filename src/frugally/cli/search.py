"""`frugally search`: the passages that match best, and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from frugally.ask.search.ranking import RANKINGS, SIMILARITIES, Ranking
from frugally.cli.opening import in_option, json_option, open_collection
from frugally.cli.showing import one_line, printable
from frugally.cost import metered
from frugally.errors import NoAnswerError

if TYPE_CHECKING:
    from frugally.ask.collection import Collection
    from frugally.ask.hit import Hit

# A prompt of so many tokens holds at most so many passages worth looking at.
_MOST_FOR_PROMPT = 1000


@click.command()
@click.argument("query")
@in_option
@click.option("-k", default=10, show_default=True, type=click.IntRange(1), help="How many.")
@click.option("--ranking", type=click.Choice(RANKINGS), default="bm25", show_default=True)
@click.option(
    "--similarity",
    type=click.Choice(SIMILARITIES),
    default="dot",
    show_default=True,
    help="For tfidf.",
)
@click.option("--language", metavar="CODE", help="Only passages in this language, like de or zh.")
@click.option("--explain", is_flag=True, help="Show each term's share of each score.")
@click.option(
    "--tokens",
    type=click.IntRange(1),
    help="The best passages that fit in so many tokens of a larger model's prompt.",
)
@json_option
def search(
    query: str,
    where: Path | None,
    k: int,
    ranking: str,
    similarity: str,
    language: str | None,
    explain: bool,
    tokens: int | None,
    as_json: bool,
) -> None:
    """Show the passages of a collection that match QUERY best.

    Exits with 3 if no passage has any of its words, or none fits in the tokens.
    """
    collection = open_collection(where)
    how = Ranking(name=ranking, similarity=similarity)
    with metered() as cost:
        most = _MOST_FOR_PROMPT if tokens else k
        if language:
            hits = collection.search_in(language, query, most, ranking=how)
        else:
            hits = collection.search(query, most, ranking=how)
    nothing = "No passage has any of these words."
    if language:
        nothing = f"No passage in this language ({language}) has any of these words."
    if tokens:
        from frugally.ask.prompt import count_tokens, fit_tokens, prompt

        if hits:
            smallest = min(count_tokens(prompt([hit])) for hit in hits)
            nothing = f"No passage fits in {tokens:,} tokens; the smallest takes {smallest:,}."
        hits = fit_tokens(hits, tokens)
        if not as_json:
            click.echo(printable(prompt(hits)), nl=False)
    elif not as_json:
        for number, hit in enumerate(hits, 1):
            _show(collection, query, number, hit, how if explain else None)
    if as_json:
        from frugally.ask.snapshot import with_languages

        hits = with_languages(hits)
        found = [_as_dict(collection, query, hit, how if explain else None) for hit in hits]
        result = {"query": query, "hits": found, "cost": cost.as_dict()}
        click.echo(json.dumps(result, ensure_ascii=False, indent=1))
    else:
        if not hits:
            click.echo(nothing)
        scored = f"scored {cost.postings_scored:,} of {cost.postings_total:,} postings"
        found_in = f"{len(hits)} of {cost.passages_total:,} passages"
        click.echo(f"{found_in} · {scored} · {cost.line().split(' · ')[-1]}", err=True)
    if not hits:
        click.get_current_context().exit(NoAnswerError.exit_code)


def _as_dict(
    collection: Collection, query: str, hit: Hit, explained: Ranking | None
) -> dict[str, Any]:
    result = hit.as_dict()
    if explained is not None:
        result["shares"] = [
            {
                "term": share.term.text,
                "kind": share.term.kind,
                "frequency": share.frequency,
                "passages": share.having,
                "score": share.score,
            }
            for share in collection.explain(query, hit, ranking=explained)
        ]
    return result


def _show(
    collection: Collection, query: str, number: int, hit: Hit, explained: Ranking | None
) -> None:
    click.echo(
        f"{number:2}. {click.style(one_line(hit.where()), bold=True)}  "
        + click.style(f"{hit.score:.3f}  {one_line(hit.url or hit.source)}", dim=True)
    )
    text = one_line(hit.text)
    click.echo(f"    {text[:300]}{'…' if len(text) > 300 else ''}")
    if explained is not None:
        for share in collection.explain(query, hit, ranking=explained):
            click.echo(
                f"    {share.score:8.3f}  {printable(share.term.text)}  "
                f"({share.frequency} × here, in {share.having:,} passages)"
            )
