"""`frugally explain`: what in a text spoke for what a net says."""

from __future__ import annotations

import json

import click

from frugally.cli.opening import json_option
from frugally.cli.showing import printable
from frugally.errors import NetError

_SHOWN = 12


_EXAMPLES = """
\b
Examples:
  frugally explain language "Dette er en test"
"""


@click.command(epilog=_EXAMPLES)
@click.argument("net")
@click.argument("text")
@click.option(
    "-k",
    default=_SHOWN,
    show_default=True,
    type=click.IntRange(1),
    help="N-grams shown; all with --json.",
)
@json_option
def explain(net: str, text: str, k: int, as_json: bool) -> None:
    """Show which n-grams of TEXT spoke for the language that NET tells."""
    from frugally.nets.language import LanguageIdentifier
    from frugally.nets.zoo import find_net, task_of

    folder = find_net(net)
    if task_of(folder) != "language":
        raise NetError(f"{folder} holds a net for {task_of(folder)}", hint="only language explains")
    told = LanguageIdentifier.load(folder).explain(text)
    if as_json:
        entry = {
            "language": told.guess.code or None,
            "probability": told.guess.probability,
            "runner_up": {
                "language": told.runner_up.code or None,
                "probability": told.runner_up.probability,
            },
            "score": told.score,
            "rest": told.rest,
            "contributions": [
                {"ngram": c.ngram, "count": c.count, "weight": c.weight} for c in told.contributions
            ],
        }
        click.echo(json.dumps(entry, ensure_ascii=False, indent=1))
        return
    best, second = told.guess, told.runner_up
    if not best.code:
        click.echo("-  (nothing in it is a letter)")
        return
    click.echo(
        f"{best.code}  ({best.probability:.0%}; next {second.code}, {second.probability:.0%})"
    )
    for part in told.contributions[:k]:
        times = f"  {part.count} ×" if part.count > 1 else ""
        click.echo(f"  {part.weight:+7.3f}  {printable(part.ngram)}{times}")
