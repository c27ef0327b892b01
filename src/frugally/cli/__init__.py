"""The `frugally` command: one thin file per verb, imported when it is asked for."""

from __future__ import annotations

import os
import sys
from difflib import get_close_matches
from importlib import import_module

import click

from frugally import __version__
from frugally.errors import FrugallyError

_COMMANDS = {
    "ask": "Answer a question from a collection (the default command).",
    "search": "Show the passages that match best.",
    "index": "Put files and folders into a collection.",
    "collection": "Look after a collection: status, verify, remove, compact.",
    "fit": "Make a net inside a budget.",
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


class _Commands(click.Group):
    """Commands by name, each from its own module; anything else is a question."""

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
    try:
        # Without standalone mode click returns what a command exits with.
        sys.exit(cli.main(standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; what was committed before is safe", err=True)
        sys.exit(130)
    except FrugallyError as error:
        click.echo(f"frugally: {error.message}", err=True)
        if error.hint:
            click.echo(f"hint: {error.hint}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of the output has gone (`| head`); nothing more to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
