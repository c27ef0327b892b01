"""The `frugally` command: one thin file per verb, imported when it is asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import import_module
from io import BytesIO, TextIOWrapper
from typing import Any

import click

from frugally import __version__
from frugally.cli.showing import printable
from frugally.errors import FrugallyError

_COMMANDS = {
    "ask": "Answer a question from a collection (the default command).",
    "search": "Show the passages that match best.",
    "index": "Put files and folders into a collection.",
    "collection": "Look after a collection: status, verify, remove, compact.",
    "fit": "Make a net inside a budget.",
    "run": "Run a small net over lines or images: language, tags, words, classes.",
    "profile": "Show where the time of a network goes.",
    "explain": "Show what in a text spoke for its language.",
    "plan": "See beforehand what compute will and won't reach.",
    "doctor": "Check versions, threads, kernels and what is installed.",
}

_EXAMPLES = """
\b
Examples:
  frugally "What is the capital of Australia?"
  frugally index docs/ lectures/*.srt dump.xml.bz2 --into my.collection
  frugally ask "Who introduced the term backpropagation?" --in my.collection
  frugally search "channel shuffle" --in my.collection -k 10 --explain
"""


@contextmanager
def _until_nobody_reads() -> Iterator[None]:
    """End quietly once the reader of the output has gone (`| head -1`)."""
    try:
        yield
    except BrokenPipeError:  # caught here: click would make it exit code 1
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.exceptions.Exit(0) from None


class _Commands(click.Group):
    """Commands by name, each from its own module; anything else is a question."""

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        with _until_nobody_reads():  # of the help, too
            return super().make_context(*arguments, **more)

    def invoke(self, context: click.Context) -> Any:
        with _until_nobody_reads():
            return super().invoke(context)

    def list_commands(self, context: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        command = getattr(import_module(f"frugally.cli.{name}"), name)
        assert isinstance(command, click.Command)
        return command

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        if args and not args[0].startswith("-") and args[0] not in _COMMANDS:
            close = get_close_matches(args[0], _COMMANDS, n=1)
            if close and " " not in args[0]:
                raise click.UsageError(f"no command {args[0]!r}; did you mean {close[0]!r}?")
            args = ["ask", *args]
        return super().parse_args(context, args)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(
    cls=_Commands,
    epilog=_EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="frugally")
def cli() -> None:
    """Find the little that matters in more text than you could read, and answer from it.

    `frugally "question"` is `frugally ask "question"`.
    """


def main() -> None:
    """Run the command; every error is a line, a hint and an exit code."""
    if sys.stdin is None:  # closed: there is nothing to read
        sys.stdin = TextIOWrapper(BytesIO())
    try:
        # Without standalone mode click returns what a command exits with.
        sys.exit(cli.main(standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; what was saved before is safe", err=True)
        sys.exit(130)
    except FrugallyError as error:
        _explain(error)
        sys.exit(error.exit_code)
    except OSError as error:
        _explain(FrugallyError(f"cannot read or write: {error}"))
        sys.exit(FrugallyError.exit_code)
    except MemoryError as error:
        told = (
            f"there is not enough memory: {error}" if str(error) else "there is not enough memory"
        )
        _explain(FrugallyError(told, hint="ask for less; --memory bounds what indexing takes"))
        sys.exit(FrugallyError.exit_code)


def _explain(error: FrugallyError) -> None:
    click.echo(f"frugally: {printable(error.message)}", err=True)
    if error.hint:
        click.echo(f"hint: {printable(error.hint)}", err=True)
