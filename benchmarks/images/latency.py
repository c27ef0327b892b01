"""Budgets of time: ten networks fitted to milliseconds drawn by chance, and measured again.

    python -m benchmarks.images.latency --data DIR [--work FOLDER] [--minutes M]

DIR (or the environment variable FRUGALLY_DATA) holds vision/imagenette-96.zip, of which some
hundred pictures are taken: `frugally fit vision --family shufflenet`, the family that can be
written in the most ways, chooses, writes, measures and trains, for a few steps only, as what is
learnt does not change what it takes. Times are drawn evenly on a logarithmic scale.
Afterwards the saved folder is loaded anew and timed, one image in one thread, the median of many
runs, in several rounds. What is done is kept in benchmarks/results/image-latency.json after every
network.
"""

from __future__ import annotations

import random
import statistics
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.images.training import IMAGENETTE, Work, kept, parser, work_of
from frugally.budget import Budget
from frugally.errors import BudgetError
from frugally.files.disk import make_folder, remove
from frugally.fit.timing import median_seconds
from frugally.fit.vision.fitting import fit_vision
from frugally.fit.vision.training import Settings
from frugally.nets.vision.image_classifier import ImageClassifier

NAME = "image-latency"
COUNT, SEED = 10, 0
LEAST, MOST = 1.0, 10.0  # milliseconds
SIDE = 96
PICTURES = 240
SETTINGS = Settings(epochs=1, batch=32)
ROUNDS = 5


def budgets() -> list[str]:
    """The budgets, as one types them."""
    source = random.Random(SEED)
    return [f"{LEAST * (MOST / LEAST) ** source.random():.2f}ms" for _ in range(COUNT)]


def some_pictures(archive: Path, folder: Path) -> Path:
    """A folder with some pictures of an archive, evenly spread over it."""
    if not folder.is_dir():
        partial = folder.with_name(f"{folder.name}.partial")
        remove(partial)
        with zipfile.ZipFile(archive) as file:
            names = [name for name in file.namelist() if not name.endswith("/")]
            step = max(1, len(names) // PICTURES)
            for name in names[::step]:
                make_folder((partial / name).parent)
                (partial / name).write_bytes(file.read(name))
        partial.rename(folder)
    return folder


def measure(work: Work, asked: str) -> dict[str, Any]:
    """What a budget gave: the network, what it was said to take, and what it took afterwards."""
    pictures = some_pictures(work.data / IMAGENETTE, work.folder / "some-imagenette")
    out = work.folder / "latency"
    remove(out)
    try:
        card = fit_vision(
            pictures, out, budget=Budget.parse(asked), families=["shufflenet"], side=SIDE,
            settings=SETTINGS, report=lambda line: print(line, flush=True),
        )  # fmt: skip
    except BudgetError as error:
        return {"asked": asked, "refused": f"{error}; {error.hint}"}
    fitted = ImageClassifier.load(out, threads=1)
    image = np.zeros((1, 3, SIDE, SIDE), np.float32)
    fitted.classify(image)
    taken = [1e3 * median_seconds(lambda: fitted.classify(image), times=50) for _ in range(ROUNDS)]
    remove(out)
    return {
        "asked": asked,
        "network": card["network"],
        "macs": fitted.macs,
        "milliseconds": card["milliseconds"],
        "again": statistics.median(taken),
        "rounds": [round(one, 4) for one in taken],
    }


def render(result: dict[str, Any]) -> str:
    """The table of docs/benchmarks.md."""
    rows, exceeded, refused = [], 0, 0
    for one in sorted(result["budgets"], key=_milliseconds):
        if "refused" in one:
            refused += 1
            rows.append([one["asked"], "refused", "", "", ""])
            continue
        over = one["again"] > _milliseconds(one)
        exceeded += over
        rows.append([
            one["asked"], one["network"], f"{one['macs'] / 1e6:.1f}", f"{one['again']:.2f}",
            f"{one['again'] / _milliseconds(one):.0%}{' exceeded' if over else ''}",
        ])  # fmt: skip
    head = ["budget", "network", "MMACs", "ms, measured again", "of the budget"]
    count = len(result["budgets"])
    told = f"Of {count} budgets {exceeded} were exceeded and {refused} refused."
    return f"{machine.table(head, rows)}\n\n{told}"


def _milliseconds(one: dict[str, Any]) -> float:
    seconds = Budget.parse(one["asked"]).seconds
    assert seconds is not None
    return 1e3 * seconds


def main() -> None:
    """Measure, write and print."""
    work = work_of(parser(__doc__.splitlines()[0]).parse_args(), IMAGENETTE)
    result = kept(NAME, budgets=[])
    for asked in budgets()[len(result["budgets"]) :]:
        if work.late:
            break
        result["budgets"].append(measure(work, asked))
        print(result["budgets"][-1], flush=True)
        machine.save(NAME, result)
    print(render(result))


if __name__ == "__main__":
    main()
