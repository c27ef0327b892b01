"""`frugally fit`: train the nets that frugally runs."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from frugally.budget import Budget, format_bytes, parse_bytes
from frugally.cli.examples import examples
from frugally.cli.fit_architecture import architecture
from frugally.cli.fit_reader import reader, vectors
from frugally.cli.fit_vision import group, quantise, vision
from frugally.cli.fitting import (
    FILE,
    FOLDER,
    budget_option,
    needs_torch,
    out_option,
    say,
    seed_option,
)
from frugally.cli.opening import THREADS
from frugally.errors import BudgetError, MissingExtraError, UsageError

_EXAMPLES = """
\b
Examples:
  frugally fit language lid/*.tsv --budget 1MB -o language
  frugally fit tagger UD_English-EWT/ --budget "1MB 20us/token" -o tagger
  frugally fit segmenter UD_Thai-TUD/ --budget 1MB -o segmenter
  frugally fit frontier tagger UD_English-EWT/ --sizes 50KB,100KB,300KB,1MB,3MB -o frontier
  frugally fit classifier reviews.csv --text body --label stars --budget 300KB -o stars
  frugally fit vision photos/ --budget "1MB 40MMAC 5ms" -o birds
  frugally fit architecture photos/ --budget "1MB 5ms" --hours 1 -o found
  frugally fit group mymodel.py:build --data photos/ --tolerance 0.5 -o grouped
  frugally fit clusters corpus.jsonl.xz --clusters 256 -o clusters
  frugally fit vectors wiki.jsonl.xz squad/train-v1.1.json.xz -o vectors
  frugally fit examples webquestions.jsonl --in wiki.collection -o examples.jsonl
  frugally fit reader squad --vectors vectors/vectors.safetensors --minutes 90 -o reader
"""


@click.group(epilog=_EXAMPLES)
def fit() -> None:
    """Train small nets on this machine."""


for command in (architecture, examples, group, quantise, reader, vectors, vision):
    fit.add_command(command)


@fit.command()
@click.argument("files", nargs=-1, required=True, type=FILE)
@out_option
@budget_option
@seed_option
def language(files: tuple[Path, ...], out: Path, budget: str, seed: int) -> None:
    """Language identification from FILES of lines: label, tab, text; also as .xz."""
    needs_torch("Fitting a net")
    from frugally.fit.language.fitting import fit_language

    _made(out, fit_language(files, out, budget=Budget.parse(budget), seed=seed, report=say))


@fit.command()
@click.argument("treebank", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@out_option
@budget_option
@seed_option
@click.option("--clusters", type=FOLDER, help="Word clusters, from `frugally fit clusters`.")
@click.option(
    "--teacher", multiple=True, type=FILE, help="CoNLL-U: more text, tagged by a larger model."
)
def tagger(
    treebank: tuple[Path, ...],
    out: Path,
    budget: str,
    seed: int,
    clusters: Path | None,
    teacher: tuple[Path, ...],
) -> None:
    """A part-of-speech tagger from TREEBANK, a folder or files of CoNLL-U."""
    needs_torch("Fitting a net")
    from frugally.fit.tagger.fitting import fit_tagger
    from frugally.nets.clusters import WordClusters

    card = fit_tagger(
        _whole(treebank),
        out,
        budget=Budget.parse(budget),
        seed=seed,
        clusters=WordClusters.load(clusters) if clusters else None,
        taught=teacher,
        report=say,
    )
    _made(out, card)


@fit.command()
@click.argument("files", nargs=-1, required=True, type=FILE)
@out_option
@budget_option
@seed_option
@click.option("--text", default="text", show_default=True, help="Column of the texts.")
@click.option("--label", default="label", show_default=True, help="Column of their classes.")
@click.option("--test", type=FILE, help="File to score on; by default a tenth of the texts.")
@click.option("--teacher", type=FILE, help="JSON lines: text, and label or probabilities.")
@click.option(
    "--teacher-command", metavar="COMMAND", help="It reads lines of text, and writes as many."
)
@click.option(
    "--teacher-seconds", default=3600.0, show_default=True, help="Time that COMMAND may take."
)
@click.option("--unlabelled", multiple=True, type=FILE, help="More texts for the teacher.")
@click.option("--temperature", default=2.0, show_default=True, help="Softens what it says.")
@click.option("--teacher-weight", default=0.5, show_default=True, help="Its part of the loss.")
def classifier(
    files: tuple[Path, ...],
    out: Path,
    budget: str,
    seed: int,
    text: str,
    label: str,
    test: Path | None,
    teacher: Path | None,
    teacher_command: str | None,
    teacher_seconds: float,
    unlabelled: tuple[Path, ...],
    temperature: float,
    teacher_weight: float,
) -> None:
    """A classifier of texts from FILES, .csv, .tsv or .jsonl, each also as .xz.

    A teacher is a model that knows more: its predictions (--teacher), or a command that reads
    lines of {"text": ...} and writes as many of {"label": ...} or {"probabilities": {...}}.
    """
    needs_torch("Fitting a net")
    from frugally.fit.classifier.fitting import fit_classifier
    from frugally.fit.distillation import CommandTeacher, Distillation, FileTeacher, Teacher

    if teacher and teacher_command is not None:
        raise UsageError("one teacher at a time: --teacher or --teacher-command")
    asked: Teacher | None = FileTeacher(teacher) if teacher else None
    if teacher_command is not None:
        asked = CommandTeacher(teacher_command, teacher_seconds)
    card = fit_classifier(
        files,
        out,
        text=text,
        label=label,
        budget=Budget.parse(budget),
        seed=seed,
        test=test,
        teacher=asked,
        unlabelled=unlabelled,
        distillation=Distillation(temperature=temperature, weight=teacher_weight),
        report=say,
    )
    _made(out, card)


@fit.command()
@click.argument("treebank", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@out_option
@budget_option
@seed_option
def segmenter(treebank: tuple[Path, ...], out: Path, budget: str, seed: int) -> None:
    """A word segmenter from TREEBANK, a folder or files of CoNLL-U."""
    needs_torch("Fitting a net")
    from frugally.fit.segmenter.fitting import fit_segmenter

    card = fit_segmenter(_whole(treebank), out, budget=Budget.parse(budget), seed=seed, report=say)
    _made(out, card)


@fit.command()
@click.argument("corpus", nargs=-1, required=True, type=FILE)
@out_option
@click.option("--clusters", default=256, show_default=True, type=click.IntRange(2))
@click.option("--least", default=3, show_default=True, help="Words met less often are left out.")
@click.option("--passes", default=20, show_default=True, type=click.IntRange(1))
@click.option("--threads", default=1, show_default=True, type=THREADS)
def clusters(
    corpus: tuple[Path, ...], out: Path, clusters: int, least: int, passes: int, threads: int
) -> None:
    """Word clusters of CORPUS by the exchange algorithm: .jsonl with "text", or .txt."""
    from frugally.fit.clusters.fitting import fit_clusters

    card = fit_clusters(
        corpus, out, clusters=clusters, least=least, passes=passes, threads=threads, report=say
    )
    _made(out, card)


@fit.command(context_settings={"ignore_unknown_options": True})
@click.argument("task")
@click.argument("rest", nargs=-1, type=click.UNPROCESSED)
@click.option("--sizes", required=True, help="Sizes to fit, like 50KB,100KB,1MB.")
@out_option
def frontier(task: str, rest: tuple[str, ...], sizes: str, out: Path) -> None:
    """Nets for TASK at several sizes: accuracy, bytes and time as a table and a picture.

    What follows TASK is as for `frugally fit TASK`, without its budget. Every net stays, in a
    folder of its own; one that is there already is not fitted again.
    """
    from frugally.fit.frontier import MEASURES, point_of, save, table
    from frugally.nets.card import CARD

    if task not in MEASURES:
        raise UsageError(f"no frontier of {task!r}", hint=f"one of {', '.join(MEASURES)}")
    if any(given.startswith("--budget") for given in rest):
        raise UsageError("a frontier has sizes instead of a --budget")
    if find_spec("matplotlib") is None:
        raise MissingExtraError("matplotlib", "fit", "Drawing a frontier")
    points = []
    for size in sorted({parse_bytes(entry) for entry in sizes.split(",")}):
        short = format_bytes(size).replace(" ", "")
        folder = out / (short if parse_bytes(short) == size else f"{size}B")
        if (folder / CARD).is_file():
            say(f"{folder} is there already")
        else:
            say(f"{format_bytes(size)}:")
            arguments = [*rest, "--budget", f"{size}B", "--out", str(folder)]
            try:
                fit.commands[task].main(arguments, prog_name=task, standalone_mode=False)
            except BudgetError as refused:
                say(f"{format_bytes(size)}: {refused}; {refused.hint}")
                continue
        points.append(point_of(folder, task, size))
    if not points:
        raise BudgetError(f"no {task} is so small", hint="see what was said of each size")
    click.echo(table(points, task))
    say(", ".join(map(str, save(points, task, out))))


def _whole(treebank: tuple[Path, ...]) -> Path | tuple[Path, ...]:
    """A folder with all parts of a treebank, or files of train."""
    return treebank[0] if len(treebank) == 1 and treebank[0].is_dir() else treebank


def _made(out: Path, card: dict[str, Any]) -> None:
    from frugally.nets.card import CARD, NETWORK

    size = sum(path.stat().st_size for path in (out / NETWORK, out / CARD))
    say(f"{out}: {format_bytes(size)}, a net for {card['task']}")
