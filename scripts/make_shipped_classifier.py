"""Fit the image classifier that ships with frugally.

    python scripts/make_shipped_classifier.py PICTURES WORK OUT

PICTURES is Imagenette (https://github.com/fastai/imagenette) at 96 x 96, a folder or archive with
`train` and `val`, each with a folder for each class; WORK is a folder for the training, which goes
on where it was interrupted; OUT is src/frugally/shipped/classifier. It takes some 25 minutes of two
cores. At a side below 96 the network halves images once, not twice, before its stages.
"""

from __future__ import annotations

from pathlib import Path
from shutil import copyfile

import click

from frugally.budget import Budget
from frugally.files.disk import make_folder
from frugally.fit.vision.fitting import fit_vision
from frugally.fit.vision.training import Settings
from frugally.nets.card import CARD
from frugally.nets.vision.image_classifier import NETWORK

ABOUT = {
    "attribution": "Fitted on Imagenette (Jeremy Howard, https://github.com/fastai/imagenette, "
    "Apache-2.0), 9,469 pictures of ten classes of ImageNet (Deng et al. 2009, "
    "https://image-net.org); the rights in the pictures are their photographers', and ImageNet "
    "gives them for research. The file holds none of them.",
}


@click.command()
@click.argument("pictures", type=click.Path(exists=True, path_type=Path))
@click.argument("work", type=click.Path(file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
def main(pictures: Path, work: Path, out: Path) -> None:
    """Fit on PICTURES in the folder WORK and write the folder OUT."""
    fit_vision(
        pictures,
        work,
        budget=Budget.parse("1.5MB"),
        families=["quick-resnet"],
        side=88,
        bits=8,
        settings=Settings(epochs=90),
        resume=True,
        report=click.echo,
        about=ABOUT,
    )
    make_folder(out)
    for name in (NETWORK, CARD):
        copyfile(work / name, out / name)


if __name__ == "__main__":
    main()
