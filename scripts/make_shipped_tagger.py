"""Fit the tagger for English that ships with frugally.

    python scripts/make_shipped_tagger.py TREEBANK CORPUS OUT

TREEBANK is the folder of UD_English-EWT (train, dev and test in CoNLL-U, plain or .xz); CORPUS is
simplewiki-2021.jsonl.xz, whose words are clustered first; OUT is src/frugally/shipped/tagger. Sizes
are chosen by chance and dev, training has a seed and one thread: the same data make the same net.
It takes some seven minutes of one core.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from frugally.budget import Budget
from frugally.fit.clusters.fitting import fit_clusters
from frugally.fit.tagger import fit_tagger
from frugally.nets.clusters import WordClusters

ABOUT = {
    "licence": "CC BY-SA 4.0",
    "attribution": "Universal Dependencies English Web Treebank (UD_English-EWT), Silveira et al. "
    "2014 and its contributors, https://universaldependencies.org/treebanks/en_ewt/, CC BY-SA 4.0; "
    "word clusters from the Simple English Wikipedia, CC BY-SA 4.0, by its authors, "
    "https://simple.wikipedia.org; the net was fitted on them and is under the same licence.",
}


@click.command()
@click.argument("treebank", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("corpus", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
def main(treebank: Path, corpus: Path, out: Path) -> None:
    """Fit on TREEBANK, with clusters of the words of CORPUS, and write the folder OUT."""
    with tempfile.TemporaryDirectory(prefix="tagger-") as place:
        clusters = Path(place) / "clusters"
        fit_clusters([corpus], clusters, report=click.echo)
        fit_tagger(
            treebank,
            out,
            budget=Budget.parse("1MB"),
            trials=4,
            clusters=WordClusters.load(clusters),
            report=click.echo,
            about=ABOUT,
        )


if __name__ == "__main__":
    main()
