"""`frugally fit architecture`: search a cell for one's pictures, and say what was learned by it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from frugally.budget import Budget, format_bytes, format_flops, format_seconds
from frugally.cli.cluster import cluster_executor
from frugally.cli.fitting import FOLDER, needs_torch, say, seed_option
from frugally.cli.opening import json_option
from frugally.cli.showing import printable
from frugally.errors import MissingExtraError, NetError, UsageError

_ASKED = "asked.json"
_MOST = 5  # blocks of a cell, as in the paper
_OF_ONE_SITTING = ("out", "resume", "learned", "as_json")
_EXAMPLES = """
\b
Examples:
  frugally fit architecture photos/ --budget "1MB 5ms" --hours 1 -o found
  frugally fit architecture --resume found --hours 3
  frugally fit architecture --learned found
  frugally fit vision other/ --cell found/cell.json --budget "2MB 10ms" -o other-net
"""


@click.command(epilog=_EXAMPLES)
@click.argument("pictures", required=False, type=click.Path(path_type=Path, exists=True))
@click.option("-o", "--out", type=FOLDER, help="Folder to write to.")
@click.option("--budget", metavar="BUDGET", help='What the network may cost: "1MB 5ms".')
@click.option("--hours", type=float, help="Time for the search; the winner's training is extra.")
@click.option(
    "--strategy", type=click.Choice(["evolution", "controller", "random"]), default="evolution",
    show_default=True, help="Who proposes cells.",
)  # fmt: skip
@click.option(
    "--evaluator", default="short", show_default=True, metavar="NAME,...",
    help="Who scores them: proxy, shared, short; of several each scores the best of the one "
    "before.",
)  # fmt: skip
@click.option(
    "--operations", type=click.Choice(["all", "paper"]), default="all", show_default=True,
    help="NASNet's operations, or groups and shuffle as well.",
)  # fmt: skip
@click.option(
    "--blocks", type=int,
    help=f"Blocks of a cell.  [default: {_MOST}, or fewer in a small budget]",
)  # fmt: skip
@click.option("--passes", default=1.0, show_default=True, help="Over the pictures, for a cell.")
@click.option("--pictures-each", default=8192, show_default=True, help="That a cell learns from.")
@click.option("--trial-minutes", default=10.0, show_default=True, help="That a cell may take.")
@click.option("--filters", default=16, show_default=True, help="Of the networks that are tried.")
@click.option("--finalists", default=3, show_default=True, help="Cells trained once more.")
@click.option("--epochs", default=30.0, show_default=True, help="Of the winner's training.")
@click.option("--batch", default=128, show_default=True, help="Pictures in a step of it.")
@click.option("--rate", default=0.2, show_default=True, help="Its highest learning rate.")
@click.option("--side", type=click.IntRange(16, 512), help="Pixels that the networks see.")
@click.option(
    "--resume", is_flag=True,
    help="Go on with the search in the folder; named alone, it knows the other options.",
)  # fmt: skip
@click.option(
    "--workers", default=1, show_default=True, type=click.IntRange(1),
    help="Cells tried at once, each in a process of its own.",
)  # fmt: skip
@click.option("--cluster", metavar="ADDRESS", help="A Dask cluster to run on: tcp://host:8786.")
@click.option(
    "--learned", type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Only say what the search in this folder shows of operations.",
)  # fmt: skip
@json_option
@seed_option
@click.pass_context
def architecture(
    context: click.Context,
    pictures: Path | None,
    out: Path | None,
    budget: str | None,
    hours: float | None,
    strategy: str,
    evaluator: str,
    operations: str,
    blocks: int | None,
    passes: float,
    pictures_each: int,
    trial_minutes: float,
    filters: int,
    finalists: int,
    epochs: float,
    batch: int,
    rate: float,
    side: int | None,
    resume: bool,
    workers: int,
    cluster: str | None,
    learned: Path | None,
    as_json: bool,
    seed: int,
) -> None:
    """Search the best cell for PICTURES inside a budget, and fit a classifier of it.

    PICTURES has one folder a class, or is a .zip or .tar of such folders. The folder that is made
    is a classifier as `frugally fit vision` makes it, with cell.json, cell.png and trials.sqlite.
    """
    if learned is not None:
        _learned(learned, as_json)
        return
    if resume and out is None and pictures is not None and (pictures / _ASKED).is_file():
        context.invoke(architecture, **_as_it_began(context, pictures))
        return
    if pictures is None or out is None or budget is None or hours is None:
        raise UsageError(
            "a search takes PICTURES, --budget, --hours and -o",
            hint='frugally fit architecture photos/ --budget "1MB 5ms" --hours 1 -o found',
        )
    limits = Budget.parse(budget)
    needs_torch("Searching an architecture")
    from frugally.fit.architecture.fitting import SUMMARY, How, fit_architecture
    from frugally.fit.architecture.space import Space
    from frugally.fit.vision.training import Settings
    from frugally.nets.cpus import available_cpus
    from frugally.nets.vision.cells.stacking import Stack

    cpus = available_cpus()
    counts = range(_MOST, 0, -1) if blocks is None else [blocks]
    how = How(
        strategy=strategy,
        evaluators=tuple(name.strip() for name in evaluator.split(",")),
        stack=Stack(cells=1, filters=filters),
        passes=passes,
        learnt=pictures_each,
        seconds_each=60 * trial_minutes,
        finalists=finalists,
        threads=max(1, cpus // workers),
    )
    with ExitStack() as stack:
        executor, count = _executor(stack, workers, cluster, out)
        card = fit_architecture(
            pictures, out, budget=limits, seconds=3600 * hours,
            spaces=[Space.paper(grouped=operations == "all", blocks=n) for n in counts], how=how,
            final=Settings(epochs=epochs, batch=batch, rate=rate, seed=seed, threads=cpus),
            executor=executor, workers=count, side=side, resume=resume, asked=_asked(context),
            report=lambda line: say(printable(line)),
        )  # fmt: skip
    found = json.loads((out / SUMMARY).read_text("utf-8"))
    if as_json:
        click.echo(json.dumps(found, indent=1))
    else:
        _show(found)
    say(f"{out}: {format_bytes(card['budget']['met'])}, with cell.json, cell.png, trials.sqlite")


def _asked(context: click.Context) -> dict[str, Any]:
    """The options of a search, for JSON."""
    kept = {name: value for name, value in context.params.items() if name not in _OF_ONE_SITTING}
    return {**kept, "pictures": str(kept["pictures"].resolve())}


def _as_it_began(context: click.Context, folder: Path) -> dict[str, Any]:
    """The options that the search in a folder began with, but for those that are given now.

    Raises:
        NetError: they are damaged.
    """
    path = folder / _ASKED
    try:
        entry = json.loads(path.read_text("utf-8"))
        kept = {name: entry[name] for name in context.params if name not in _OF_ONE_SITTING}
        kept["pictures"] = Path(kept["pictures"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NetError(
            f"{path} is damaged: {error!r}", hint="give PICTURES, -o and the options again"
        ) from error
    given = {
        name: value
        for name, value in context.params.items()
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }
    return {**context.params, **kept, **given, "pictures": kept["pictures"], "out": folder}


def _show(found: dict[str, Any]) -> None:
    counts = found["trials"]
    click.echo(
        f"{sum(counts.values()):,} cells: "
        + ", ".join(f"{count:,} {status}" for status, count in sorted(counts.items()))
    )
    for one in found["finalists"]:
        scored = one["note"] if one["accuracy"] is None else f"{one['accuracy']:.4f}"
        click.echo(
            f"trial {one['trial']}: {one['parameters']:,} parameters, {one['macs'] / 1e6:.1f} "
            f"MMACs, {one['milliseconds']:.2f} ms, accuracy after a short training {scored}"
        )
    click.echo(
        f"{found['network']}: accuracy {found['accuracy']:.4f}, {found['milliseconds']:.2f} ms; "
        f"the search took {format_seconds(found['search_seconds'])}, "
        f"{format_flops(found['search_flops'])}"
    )


def _learned(folder: Path, as_json: bool) -> None:
    for package in ("torch", "matplotlib"):
        if find_spec(package) is None:
            raise MissingExtraError(package, "fit", "Looking at a search")
    from frugally.fit.architecture.learned import PAGE, learn
    from frugally.fit.architecture.learned_page import write

    found = learn(folder)
    write(folder, found)
    if as_json:
        click.echo(json.dumps(found.as_dict(), indent=1))
    else:
        click.echo((folder / PAGE).read_text("utf-8").rstrip())
    say(f"{folder}: {PAGE}")


def _executor(
    stack: ExitStack, workers: int, cluster: str | None, out: Path
) -> tuple[Callable[[], Executor], int]:
    """What makes an executor, and how many cells it tries at once."""
    os.environ["OMP_NUM_THREADS"] = "1"  # training shares its batches among threads of its own
    if cluster is None:
        # Each thread has a spawned process of its own: see `trial_process`.
        return lambda: ThreadPoolExecutor(workers, "trial"), workers
    from frugally.fit.architecture.trial_process import end_all

    end = partial(end_all, str(out.resolve()))
    return cluster_executor(stack, cluster, "A search on a cluster", end)
