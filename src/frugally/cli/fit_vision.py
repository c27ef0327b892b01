"""`frugally fit vision`: image classifiers inside a budget."""

from __future__ import annotations

from pathlib import Path

import click

from frugally.budget import Budget, format_bytes
from frugally.cli.fitting import budget_option, needs_torch, out_option, say, seed_option


@click.command()
@click.argument("pictures", type=click.Path(path_type=Path, exists=True))
@out_option
@budget_option
@seed_option
@click.option("--network", metavar="NAME", help="This network; without it, the largest that fits.")
@click.option(
    "--family", multiple=True, default=("shufflenet",), show_default=True,
    help="Families of networks to choose from.",
)  # fmt: skip
@click.option("--side", type=click.IntRange(16, 512), help="Pixels that the network sees.")
@click.option("--bits", type=click.Choice(["8", "32"]), default="32", show_default=True)
@click.option("--epochs", default=30.0, show_default=True, help="Passes over the pictures.")
@click.option("--batch", default=128, show_default=True, help="Pictures in a step.")
@click.option("--rate", default=0.2, show_default=True, help="Highest learning rate.")
@click.option("--threads", default=2, show_default=True, help="Threads that share each batch.")
@click.option(
    "--teacher", type=click.Path(path_type=Path, exists=True),
    help="A classifier's folder, or an ONNX file, to learn from as well.",
)  # fmt: skip
@click.option("--temperature", default=4.0, show_default=True, help="Softens what it says.")
@click.option("--teacher-weight", default=0.7, show_default=True, help="Its part of the loss.")
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint in the folder.")
def vision(
    pictures: Path,
    out: Path,
    budget: str,
    seed: int,
    network: str | None,
    family: tuple[str, ...],
    side: int | None,
    bits: str,
    epochs: float,
    batch: int,
    rate: float,
    threads: int,
    teacher: Path | None,
    temperature: float,
    teacher_weight: float,
    resume: bool,
) -> None:
    """An image classifier from PICTURES: one folder a class, or a .zip or .tar of them."""
    limits = Budget.parse(budget)
    needs_torch("Fitting a net")
    from frugally.fit.vision.fitting import fit_vision
    from frugally.fit.vision.training import Settings

    settings = Settings(
        epochs=epochs,
        batch=batch,
        rate=rate,
        seed=seed,
        threads=threads,
        temperature=temperature,
        distilled=teacher_weight,
    )
    card = fit_vision(
        pictures,
        out,
        budget=limits,
        families=family,
        network=network,
        side=side,
        bits=int(bits),
        settings=settings,
        teacher=teacher,
        resume=resume,
        report=say,
    )
    say(f"{out}: {format_bytes(card['budget']['met'])}")


@click.command()
@click.argument("classifier", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--data", required=True, type=click.Path(path_type=Path, exists=True),
    help="Pictures as it was fitted on.",
)  # fmt: skip
@out_option
def quantise(classifier: Path, data: Path, out: Path) -> None:
    """CLASSIFIER, a folder made by `frugally fit vision`, with 8-bit weights and activations."""
    needs_torch("Quantising a net")
    from frugally.fit.vision.quantising import quantise_classifier

    quantise_classifier(classifier, data, out, report=say)
