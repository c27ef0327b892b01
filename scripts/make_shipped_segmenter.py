"""Fit the segmenter for Thai that ships with frugally.

    python scripts/make_shipped_segmenter.py TREEBANK OUT

TREEBANK is the folder of UD_Thai-TUD (train, dev and test in CoNLL-U, plain or .xz); OUT is
src/frugally/shipped/segmenter-th. Sizes are chosen by chance and dev, training has a seed and one
thread: the same treebank makes the same net. It takes some five minutes of one core.
"""

from __future__ import annotations

from pathlib import Path

import click

from frugally.budget import Budget
from frugally.fit.segmenter import fit_segmenter

ABOUT = {
    "language": "Thai",
    "licence": "CC BY-SA 4.0",
    "attribution": "Thai Universal Dependency Treebank (UD_Thai-TUD), Sriwirote et al. 2024 and "
    "its contributors, https://universaldependencies.org/treebanks/th_tud/, CC BY-SA 4.0; the net "
    "was fitted on it and is under the same licence.",
}


@click.command()
@click.argument("treebank", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
def main(treebank: Path, out: Path) -> None:
    """Fit on TREEBANK and write the folder OUT."""
    fit_segmenter(
        treebank,
        out,
        budget=Budget.parse("1MB"),
        report=click.echo,
        about=ABOUT,
    )


if __name__ == "__main__":
    main()
