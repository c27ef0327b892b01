"""`frugally profile`: where the time of a network goes."""

from __future__ import annotations

import json
from pathlib import Path

import click

from frugally.cli.opening import THREADS, json_option
from frugally.cli.showing import one_line
from frugally.errors import UsageError

_EXAMPLES = """
\b
Examples:
  frugally profile classifier
  frugally profile model.onnx --size height=480 --size width=640 --threads 2
"""

_DIGITS = 9  # of a size


@click.command(epilog=_EXAMPLES)
@click.argument("network")
@click.option("--threads", default=1, show_default=True, type=THREADS, help="Threads it runs in.")
@click.option(
    "--runs", default=10, show_default=True, type=click.IntRange(1), help="ms is their median."
)
@click.option(
    "--size",
    multiple=True,
    metavar="NAME=N",
    help="Size of a dimension that the file leaves open; else 224 for images' sides, and 1.",
)
@json_option
def profile(network: str, threads: int, runs: int, size: tuple[str, ...], as_json: bool) -> None:
    """Show for each node of NETWORK what it takes and what binds it.

    NETWORK is the folder of an image classifier, one that ships, or an .onnx file. Nodes are those
    that the runtime makes of it, which may fuse them and pad their channels; they run on random
    numbers. They are bound by this machine's arithmetic or by its memory, at a share of what that
    could do; what stays in caches can have more than 100 % of memory's.
    """
    from frugally.nets.vision.image_classifier import NETWORK
    from frugally.nets.vision.profiling import profile as profiled
    from frugally.nets.zoo import find_net

    path = Path(network) if Path(network).exists() else find_net(network)
    path = path / NETWORK if path.is_dir() else path
    if not path.is_file():
        raise UsageError(
            f"{network} holds no {NETWORK}",
            hint="name the folder of an image classifier, or an .onnx file",
        )
    found = profiled(path, threads=threads, runs=runs, dimensions=dict(map(_named, size)))
    if as_json:
        click.echo(json.dumps(found.as_dict(), indent=1))
        return
    rows = [("node", "kind", "parameters", "MMACs", "MB moved", "ms", "%", "bound by", "at")]
    for node in found.nodes:
        rows.append(
            (
                one_line(node.name)[-40:],
                node.kind,
                f"{node.parameters:,}",
                f"{node.macs / 1e6:.2f}",
                f"{node.bytes / 1e6:.2f}",
                f"{node.milliseconds:.3f}",
                f"{node.milliseconds / found.milliseconds:.0%}" if found.milliseconds else "",
                node.binds,
                f"{node.share:.0%}",
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.ljust(width) if i in (0, 1, 7) else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        click.echo("  ".join(cells).rstrip())
    limits = found.ceilings
    sizes = (f"{one_line(n)} {'x'.join(map(str, shape))}" for n, shape in found.inputs.items())
    click.echo(
        f"{', '.join(sizes)} · "
        f"{found.parameters:,} parameters · {found.macs / 1e6:.1f} MMACs · "
        f"{found.milliseconds:.2f} ms · at best {limits.gflops:.0f} GFLOP/s and "
        f"{limits.gigabytes:.1f} GB/s in {threads} thread{'s' * (threads > 1)} here"
    )


def _named(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    if not name or not number.isdecimal() or len(number) > _DIGITS or not int(number):
        raise UsageError(f"{text!r} is no size of a dimension", hint="like --size height=480")
    return name, int(number)
