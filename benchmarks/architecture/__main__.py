"""Architecture search on small pictures: what each part of it is worth.

    python -m benchmarks.architecture PART … --data DIR [--work FOLDER] [--minutes 90]
    python -m benchmarks.architecture render

DIR has vision/cifar10.tar.xz and vision/imagenette-96.zip. The parts, in the order in which they
need one another:

    correlation  44 random cells: a longer training, and their scores by every evaluator
    strategies   three searches, nine trainings
    times        predicted against measured milliseconds of 50 cells
    blocks       24 trainings of random cells with one block to five
    winner       a search for cells of two blocks, three short trainings to choose one, three of
                 its network, nine to fifteen of the registry's
    transfer     five trainings on Imagenette
    groups       three searches more, twelve trainings
    repeated     ten random cells' longer trainings once more

Every training is kept when it is done, and saved every four minutes before; a search is kept trial
by trial, and shared weights are saved. After so many minutes no other training is begun, and the
same command goes on. What is timed wants idle cores, and is refused on another processor than it
was begun on. --tiny runs everything on next to nothing, to see that it runs.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks import machine
from benchmarks.architecture import tables
from benchmarks.architecture.evaluators import correlation, repeated
from benchmarks.architecture.networks import blocks, transfer, winner
from benchmarks.architecture.searches import groups, strategies, times
from benchmarks.architecture.trainings import CIFAR, IMAGENETTE, TINY, Bench, Sizes, TimeIsOverError
from frugally.files.lock import writer_lock
from frugally.fit.memory import keep_freed_memory

PARTS = {
    part.__name__: part
    for part in (correlation, strategies, times, blocks, winner, transfer, groups, repeated)
}  # fmt: skip


def main() -> None:
    """Run some parts, or print the tables."""
    parser = machine.arguments(__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="+", choices=[*PARTS, "render"])
    parser.add_argument("--work", type=Path, default=Path("runs"), help="for what is unfinished")
    parser.add_argument("--minutes", type=float, default=90.0)
    parser.add_argument("--tiny", action="store_true", help="on next to nothing")
    options = parser.parse_args()
    name = "architecture_tiny" if options.tiny else "architecture"
    if options.parts == ["render"]:
        print(tables.render(machine.load(name) or {"results": {}}))
        return
    data = machine.needs(options.data, CIFAR, IMAGENETTE)
    work = options.work / name
    work.mkdir(parents=True, exist_ok=True)
    keep_freed_memory()
    with writer_lock(work / "lock"):
        bench = Bench(data, work, options.minutes, TINY if options.tiny else Sizes(), name)
        try:
            for part in options.parts:
                PARTS[part](bench)
        except TimeIsOverError as error:
            print(f"the minutes are over at {error}; the same command goes on")


if __name__ == "__main__":
    main()
