"""`frugally fit`: train the nets that frugally runs."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from frugally.budget import Budget, format_bytes, parse_bytes
from frugally.cli.examples import examples
from frugally.errors import BudgetError, MissingExtraError, UsageError

_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


def _say(line: str) -> None:
    try:
        click.echo(line, err=True)
    except BrokenPipeError:  # what a fit makes is a folder: it goes on when nobody reads
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def _writable(context: click.Context, parameter: click.Parameter, out: Path) -> Path:
    """The folder, if something can be written there: better said before a long training."""
    from frugally.files.disk import make_folder, remove, write_whole

    there = out.exists()
    make_folder(out)
    write_whole(out / ".writable", b"")
    remove(out / ".writable" if there else out)
    return out


_EXAMPLES = """
\b
Examples:
  frugally fit language lid/*.tsv --budget 1MB -o language
  frugally fit tagger UD_English-EWT/ --budget "1MB 20us/token" -o tagger
  frugally fit segmenter UD_Thai-TUD/ --budget 1MB -o segmenter
  frugally fit frontier tagger UD_English-EWT/ --sizes 50KB,100KB,300KB,1MB,3MB -o frontier
  frugally fit classifier reviews.csv --text body --label stars --budget 300KB -o stars
  frugally fit clusters corpus.jsonl.xz --clusters 256 -o clusters
  frugally fit vectors wiki.jsonl.xz squad/train-v1.1.json.xz -o vectors
  frugally fit examples webquestions.jsonl --in wiki.collection -o examples.jsonl
  frugally fit reader squad --vectors vectors/vectors.safetensors --minutes 90 -o reader
"""


@click.group(epilog=_EXAMPLES)
def fit() -> None:
    """Train small nets on this machine."""


fit.add_command(examples)


def _needs_torch(what: str) -> None:
    if find_spec("torch") is None:
        raise MissingExtraError("torch", "fit", what)


_budget = click.option(
    "--budget", required=True, metavar="BUDGET", help='What it may cost: "1MB", "300KB 20us".'
)
_out = click.option(
    "-o", "--out", required=True, type=_FOLDER, callback=_writable, help="Folder to write to."
)
_seed = click.option("--seed", default=1013, show_default=True)


@fit.command()
@click.argument("files", nargs=-1, required=True, type=_FILE)
@_out
@_budget
@_seed
def language(files: tuple[Path, ...], out: Path, budget: str, seed: int) -> None:
    """Language identification from FILES of lines: label, tab, text; also as .xz."""
    _needs_torch("Fitting a net")
    from frugally.fit.language.fitting import fit_language

    _made(out, fit_language(files, out, budget=Budget.parse(budget), seed=seed, report=_say))


@fit.command()
@click.argument("treebank", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@_out
@_budget
@_seed
@click.option("--clusters", type=_FOLDER, help="Word clusters, from `frugally fit clusters`.")
@click.option(
    "--teacher", multiple=True, type=_FILE, help="CoNLL-U: more text, tagged by a larger model."
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
    _needs_torch("Fitting a net")
    from frugally.fit.tagger.fitting import fit_tagger
    from frugally.nets.clusters import WordClusters

    card = fit_tagger(
        _whole(treebank),
        out,
        budget=Budget.parse(budget),
        seed=seed,
        clusters=WordClusters.load(clusters) if clusters else None,
        taught=teacher,
        report=_say,
    )
    _made(out, card)


@fit.command()
@click.argument("files", nargs=-1, required=True, type=_FILE)
@_out
@_budget
@_seed
@click.option("--text", default="text", show_default=True, help="Column of the texts.")
@click.option("--label", default="label", show_default=True, help="Column of their classes.")
@click.option("--test", type=_FILE, help="File to score on; by default a tenth of the texts.")
@click.option("--teacher", type=_FILE, help="JSON lines: text, and label or probabilities.")
@click.option(
    "--teacher-command", metavar="COMMAND", help="It reads lines of text, and writes as many."
)
@click.option(
    "--teacher-seconds", default=3600.0, show_default=True, help="Time that COMMAND may take."
)
@click.option("--unlabelled", multiple=True, type=_FILE, help="More texts for the teacher.")
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
    _needs_torch("Fitting a net")
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
        report=_say,
    )
    _made(out, card)


@fit.command()
@click.argument("treebank", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@_out
@_budget
@_seed
def segmenter(treebank: tuple[Path, ...], out: Path, budget: str, seed: int) -> None:
    """A word segmenter from TREEBANK, a folder or files of CoNLL-U."""
    _needs_torch("Fitting a net")
    from frugally.fit.segmenter.fitting import fit_segmenter

    card = fit_segmenter(_whole(treebank), out, budget=Budget.parse(budget), seed=seed, report=_say)
    _made(out, card)


@fit.command()
@click.argument("corpus", nargs=-1, required=True, type=_FILE)
@_out
@click.option("--clusters", default=256, show_default=True, type=click.IntRange(2))
@click.option("--least", default=3, show_default=True, help="Words met less often are left out.")
@click.option("--passes", default=20, show_default=True, type=click.IntRange(1))
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1))
def clusters(
    corpus: tuple[Path, ...], out: Path, clusters: int, least: int, passes: int, threads: int
) -> None:
    """Word clusters of CORPUS by the exchange algorithm: .jsonl with "text", or .txt."""
    from frugally.fit.clusters.fitting import fit_clusters

    card = fit_clusters(
        corpus, out, clusters=clusters, least=least, passes=passes, threads=threads, report=_say
    )
    _made(out, card)


@fit.command(context_settings={"ignore_unknown_options": True})
@click.argument("task")
@click.argument("rest", nargs=-1, type=click.UNPROCESSED)
@click.option("--sizes", required=True, help="Sizes to fit, like 50KB,100KB,1MB.")
@_out
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
            _say(f"{folder} is there already")
        else:
            _say(f"{format_bytes(size)}:")
            arguments = [*rest, "--budget", f"{size}B", "--out", str(folder)]
            try:
                fit.commands[task].main(arguments, prog_name=task, standalone_mode=False)
            except BudgetError as refused:
                _say(f"{format_bytes(size)}: {refused}; {refused.hint}")
                continue
        points.append(point_of(folder, task, size))
    if not points:
        raise BudgetError(f"no {task} is so small", hint="see what was said of each size")
    click.echo(table(points, task))
    _say(", ".join(map(str, save(points, task, out))))


def _whole(treebank: tuple[Path, ...]) -> Path | tuple[Path, ...]:
    """A folder with all parts of a treebank, or files of train."""
    return treebank[0] if len(treebank) == 1 and treebank[0].is_dir() else treebank


def _made(out: Path, card: dict[str, Any]) -> None:
    from frugally.nets.card import CARD, NETWORK

    size = sum(path.stat().st_size for path in (out / NETWORK, out / CARD))
    _say(f"{out}: {format_bytes(size)}, a net for {card['task']}")


@fit.command()
@click.argument("corpus", nargs=-1, required=True, type=_FILE)
@_out
@click.option("--rows", default=40_000, show_default=True, help="Rows of the hash table.")
@click.option("--dim", default=96, show_default=True, help="Numbers in a vector.")
@click.option("--epochs", default=3, show_default=True, help="Passes over the corpus.")
@click.option("--threads", default=1, show_default=True, help="1 is repeatable; more are faster.")
def vectors(
    corpus: tuple[Path, ...], out: Path, rows: int, dim: int, epochs: int, threads: int
) -> None:
    """Word vectors from CORPUS: .jsonl with "text", SQuAD .json, or .txt, each also as .xz."""
    from frugally.fit.vectors import fit_vectors

    fit_vectors(
        corpus,
        out,
        rows=rows,
        dim=dim,
        epochs=epochs,
        threads=threads,
        report=_say,
        progress=sys.stderr.isatty(),
    )


@fit.command()
@click.argument("data", type=click.Path(path_type=Path, exists=True, file_okay=False))
@_out
@click.option("--vectors", required=True, type=_FILE, help="File made by `frugally fit vectors`.")
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), help="Minutes to train.")
@click.option("--steps", type=click.IntRange(min=1), help="Steps to train, instead of minutes.")
@click.option("--seed", default=1013, show_default=True)
@click.option("--threads", default=2, show_default=True, help="Threads that share each batch.")
@click.option(
    "--tune",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Learning rate of the word vectors, as a share of the network's.",
)
@click.option(
    "--negatives",
    default=0.27,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Share of the questions that are asked of a passage without the answer.",
)
@click.option(
    "--distractors",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Share of the passages that get a sentence like the answer's that does not answer.",
)
@click.option(
    "--altered",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Share of the questions that are asked about something else, which has no answer.",
)
@click.option(
    "--shared",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Share of the passages that are read with another beside them, scores normalised as one.",
)
@click.option(
    "--in",
    "where",
    type=_FOLDER,
    metavar="COLLECTION",
    help="Where passages are searched that look like the answer's and are not.",
)
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint in the folder.")
@click.option(
    "--examples", multiple=True, type=_FILE, help="More to train on, from `frugally fit examples`."
)
def reader(
    data: Path,
    out: Path,
    vectors: Path,
    minutes: float | None,
    steps: int | None,
    seed: int,
    threads: int,
    tune: float,
    negatives: float,
    distractors: float,
    altered: float,
    shared: float,
    where: Path | None,
    resume: bool,
    examples: tuple[Path, ...],
) -> None:
    """A question-answering reader from DATA, a folder with SQuAD 1.1's train-v1.1.json."""
    _needs_torch("Fitting a reader")
    from frugally.fit.distant.examples import load_examples
    from frugally.fit.reader.fitting import fit_reader
    from frugally.fit.reader.training import Settings

    if minutes is None and steps is None:
        minutes = 90.0
    settings = Settings(
        minutes=minutes,
        steps=steps,
        seed=seed,
        threads=threads,
        tune=tune,
        negatives=negatives,
        distractors=distractors,
        altered=altered,
        shared=shared,
    )
    more = [load_examples(path, _say) for path in examples]
    search = None
    if where is not None:
        from frugally.cli.opening import open_collection

        collection = open_collection(where)

        def search(question: str, count: int) -> list[str]:
            return [hit.text for hit in collection.search(question, count)]

    card = fit_reader(
        data, out, vectors, settings, more=more, search=search, resume=resume, report=_say
    )
    scores = card["scores"]
    _say(
        f"{out}: {card['bytes'] / 1e6:.2f} MB, held-out EM {scores['held_out_em']:.1f}, "
        f"F1 {scores['held_out_f1']:.1f}"
    )
