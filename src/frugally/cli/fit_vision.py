"""`frugally fit vision`: image classifiers inside a budget."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from frugally.budget import Budget, format_bytes
from frugally.cli.fitting import budget_option, needs_torch, out_option, say, seed_option
from frugally.cli.opening import THREADS
from frugally.cli.showing import one_line
from frugally.errors import UsageError


@click.command()
@click.argument("pictures", type=click.Path(path_type=Path, exists=True))
@out_option
@budget_option
@seed_option
@click.option("--network", metavar="NAME", help="This network; without it, the largest that fits.")
@click.option(
    "--family", multiple=True, metavar="NAME",
    help="Families of networks to choose from; without it, quick-resnet.",
)  # fmt: skip
@click.option(
    "--cell", type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The largest network of this cell, a cell.json from `frugally fit architecture`.",
)  # fmt: skip
@click.option(
    "--drop-path", default=0.0, show_default=True, type=click.FloatRange(0, 1, max_open=True),
    help="Share of a cell's paths dropped in the end (ScheduledDropPath).",
)  # fmt: skip
@click.option("--side", type=click.IntRange(16, 512), help="Pixels that the network sees.")
@click.option("--bits", type=click.Choice(["8", "32"]), default="32", show_default=True)
@click.option("--epochs", default=30.0, show_default=True, help="Passes over the pictures.")
@click.option("--batch", default=128, show_default=True, help="Pictures in a step.")
@click.option("--rate", default=0.2, show_default=True, help="Highest learning rate.")
@click.option(
    "--schedule", type=click.Choice(["cosine", "linear"]), default="cosine", show_default=True,
    help="How the learning rate falls.",
)  # fmt: skip
@click.option("--mixup", default=0.0, show_default=True, help="Alpha of mixup; 0 for none.")
@click.option("--cutmix", default=0.0, show_default=True, help="Alpha of cutmix; 0 for none.")
@click.option(
    "--threads", default=2, show_default=True, type=THREADS, help="They share each batch."
)
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
    cell: Path | None,
    drop_path: float,
    side: int | None,
    bits: str,
    epochs: float,
    batch: int,
    rate: float,
    schedule: Literal["cosine", "linear"],
    mixup: float,
    cutmix: float,
    threads: int,
    teacher: Path | None,
    temperature: float,
    teacher_weight: float,
    resume: bool,
) -> None:
    """An image classifier from PICTURES: one folder a class, or a .zip or .tar of them."""
    limits = Budget.parse(budget)
    if family and (network or cell):
        raise UsageError("families are chosen from where no network is named and no cell given")
    needs_torch("Fitting a net")
    from frugally.fit.vision.fitting import DEFAULT_FAMILIES, fit_vision
    from frugally.fit.vision.training import Settings
    from frugally.nets.vision.cells.files import load_cell

    settings = Settings(
        epochs=epochs,
        batch=batch,
        rate=rate,
        schedule=schedule,
        seed=seed,
        threads=threads,
        temperature=temperature,
        distilled=teacher_weight,
    )
    card = fit_vision(
        pictures,
        out,
        budget=limits,
        families=family or DEFAULT_FAMILIES,
        network=network,
        cell=load_cell(cell) if cell else None,
        drop_path=drop_path,
        side=side,
        bits=int(bits),
        settings=settings,
        mixup=mixup,
        cutmix=cutmix,
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

    card = quantise_classifier(classifier, data, out, report=say)
    say(f"{out}: {format_bytes(card['budget']['met'])}")


def _colours(context: click.Context, parameter: click.Parameter, text: str | None) -> Any:
    """Three numbers with commas."""
    if text is None:
        return None
    try:
        red, green, blue = (float(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter("three numbers with commas, like 0.5,0.5,0.5") from None
    return red, green, blue


@click.command()
@click.argument("network")
@click.option(
    "--data", required=True, type=click.Path(path_type=Path, exists=True),
    help="Pictures, one folder a class.",
)  # fmt: skip
@out_option
@click.option(
    "--tolerance", default=0.5, show_default=True, type=click.FloatRange(0, 100),
    help="Points of accuracy that may be lost.",
)  # fmt: skip
@click.option("--epochs", default=5.0, show_default=True, help="Passes of each brief training.")
@click.option("--batch", default=128, show_default=True, help="Pictures in a step.")
@click.option("--rate", default=0.05, show_default=True, help="Highest learning rate.")
@click.option(
    "--threads", default=2, show_default=True, type=THREADS, help="They share each batch."
)
@click.option(
    "--mean", callback=_colours, metavar="R,G,B",
    help="Of the images, from 0 to 1; for an .onnx file or a module.",
)  # fmt: skip
@click.option("--deviation", callback=_colours, metavar="R,G,B", help="The same.")
@click.option("--slower", is_flag=True, help="Exchange what is slower here as well.")
@click.option("--resume", is_flag=True, help="Go on where a conversion in the folder stopped.")
@seed_option
def group(
    network: str,
    data: Path,
    out: Path,
    tolerance: float,
    epochs: float,
    batch: int,
    rate: float,
    threads: int,
    mean: tuple[float, ...] | None,
    deviation: tuple[float, ...] | None,
    slower: bool,
    resume: bool,
    seed: int,
) -> None:
    """NETWORK with grouped convolutions for dense ones, where accuracy and time allow it.

    NETWORK is a folder made by `frugally fit vision`, an .onnx file, or mymodel.py:build, a
    function that returns a torch module with its weights.
    """
    needs_torch("Converting a net")
    from frugally.fit.vision.converting import fit_group
    from frugally.fit.vision.training import Settings

    settings = Settings(epochs=epochs, batch=batch, rate=rate, threads=threads, seed=seed)
    card = fit_group(
        network,
        data,
        out,
        settings,
        tolerance=tolerance / 100,
        mean=mean,
        deviation=deviation,
        slower=slower,
        resume=resume,
        report=say,
    )
    for one in card["conversion"]["exchanges"]:
        was, now = one["macs"], one["milliseconds"]
        form = f"{one['kind']} {one['groups']}" if one["kind"] == "grouped" else one["kind"]
        click.echo(
            f"{one_line(one['node'])}\t{form}\t{one['outcome']}\t"
            f"{one['parameters'][0]:,} -> {one['parameters'][1]:,}\t"
            f"{was[0] / 1e6:.2f} -> {was[1] / 1e6:.2f} MMACs\t{now[0]:.3f} -> {now[1]:.3f} ms"
        )
