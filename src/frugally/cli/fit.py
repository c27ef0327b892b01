"""`frugally fit`: train the nets that frugally runs."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import click

from frugally.errors import MissingExtraError

_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


def _say(line: str) -> None:
    click.echo(line, err=True)


@click.group()
def fit() -> None:
    r"""Train small nets on this machine.

    \b
    frugally fit vectors wiki.jsonl.xz squad/train-v1.1.json.xz -o vectors
    frugally fit reader squad --vectors vectors/vectors.safetensors --minutes 90 -o reader
    """


@fit.command()
@click.argument("corpus", nargs=-1, required=True, type=_FILE)
@click.option("-o", "--out", required=True, type=_FOLDER, help="Folder to write to.")
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
@click.option("-o", "--out", required=True, type=_FOLDER, help="Folder to write to.")
@click.option("--vectors", required=True, type=_FILE, help="File made by `frugally fit vectors`.")
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), help="Minutes to train.")
@click.option("--steps", type=click.IntRange(min=1), help="Steps to train, instead of minutes.")
@click.option("--seed", default=1013, show_default=True)
@click.option("--threads", default=2, show_default=True, help="Threads that share each batch.")
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint in the folder.")
def reader(
    data: Path,
    out: Path,
    vectors: Path,
    minutes: float | None,
    steps: int | None,
    seed: int,
    threads: int,
    resume: bool,
) -> None:
    """A question-answering reader from DATA, a folder with SQuAD 1.1's train-v1.1.json."""
    if find_spec("torch") is None:
        raise MissingExtraError("torch", "fit", "Fitting a reader")
    from frugally.fit.reader.fitting import fit_reader
    from frugally.fit.reader.training import Settings

    if minutes is None and steps is None:
        minutes = 90.0
    settings = Settings(minutes=minutes, steps=steps, seed=seed, threads=threads)
    card = fit_reader(data, out, vectors, settings, resume=resume, report=_say)
    scores = card["scores"]
    _say(
        f"{out}: {card['bytes'] / 1e6:.2f} MB, held-out EM {scores['held_out_em']:.1f}, "
        f"F1 {scores['held_out_f1']:.1f}"
    )
