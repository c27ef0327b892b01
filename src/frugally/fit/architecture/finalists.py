"""The last round of a search: its best cells once more, each in a network that fills the budget."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frugally.budget import Budget
from frugally.errors import BudgetError, FitError, NetError
from frugally.files.disk import write_whole
from frugally.fit.architecture.trial_process import InProcess, Job
from frugally.fit.architecture.trials import Trial, Trials
from frugally.fit.architecture.workplace import PicturesChangedError, Workplace
from frugally.fit.vision.budgeting import measured_seconds
from frugally.fit.vision.cell_stacks import largest_stack
from frugally.nets.cpus import available_cpus
from frugally.nets.vision.cells.cell import Cell
from frugally.nets.vision.cells.stacking import Stack, stacked

if TYPE_CHECKING:
    from frugally.fit.architecture.fitting import How

FINALISTS = "finalists.json"
_LONGER = 2.0  # times the passes of a short training
_SLACK = 0.9  # of a budget's time is used: machines are noisy
_PATIENCE = 6.0  # times the seconds of a trial: the networks are larger

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalist:
    """A cell, the stack in which it fills the budget, what that takes and scored.

    `accuracy` is None if its training came to nothing; `note` says why.
    """

    cell: Cell
    trial: int
    stack: Stack
    milliseconds: float
    parameters: int
    macs: int
    accuracy: float | None = None
    seconds: float = 0.0
    flops: int = 0
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        entry = {name: getattr(self, name) for name in self.__slots__}
        return {**entry, "cell": self.cell.as_dict(), "stack": asdict(self.stack)}

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> Finalist:
        """What `as_dict` gave."""
        cell, stack = Cell.from_dict(entry["cell"]), Stack(**entry["stack"])
        return cls(**{**entry, "cell": cell, "stack": stack})


def winner_of(
    trials: Trials, how: How, place: Workplace, budget: Budget, classes: int, out: Path, *,
    report: Report,
) -> tuple[Finalist, ...]:  # fmt: skip
    """The best cells of a search, the winner first.

    Each is stacked as high and wide as the budget lets it, by counting and by measuring anew, and
    trained for twice as long as a short training. What is done is kept in `out`.

    Raises:
        BudgetError: none of them keeps the budget once it is measured.
        FitError: all of their trainings came to nothing.
    """
    known = _recalled(out / FINALISTS)
    refused: BudgetError | None = None
    found: list[Finalist] = []
    threads = available_cpus()
    measure = InProcess(
        place=replace(place, settings=replace(place.settings, threads=threads)),
        seconds=_PATIENCE * how.seconds_each,
    )
    seconds = measured_seconds()
    within = replace(budget, seconds=None if budget.seconds is None else _SLACK * budget.seconds)
    for trial in _best(trials):
        if len(found) == how.finalists:
            break
        if trial.digest not in known:
            try:
                stack = largest_stack(
                    trial.cell, within, side=place.side, classes=classes, seconds=seconds
                )
            except BudgetError as error:
                refused = error
                report(f"cell {trial.digest[:8]}: {error.message}")
                continue
            graph = stacked(trial.cell, stack, place.side, classes)
            one = Finalist(
                cell=trial.cell, trial=trial.number, stack=stack, parameters=graph.parameters,
                milliseconds=1e3 * seconds(graph), macs=graph.macs,
            )  # fmt: skip
            known[trial.digest] = _trained(one, measure, _LONGER * how.passes)
            entry = {digest: one.as_dict() for digest, one in known.items()}
            write_whole(out / FINALISTS, json.dumps(entry).encode())
        one = known[trial.digest]
        report(
            f"finalist {trial.digest[:8]}, {one.parameters:,} parameters, "
            f"{one.milliseconds:.2f} ms: "
            + (one.note if one.accuracy is None else f"accuracy {one.accuracy:.4f}")
        )
        found.append(one)
    if not found and refused is not None:
        raise refused
    if all(one.accuracy is None for one in found):
        raise FitError(f"the trainings of the best cells came to nothing: {found[-1].note}")
    return tuple(sorted(found, key=lambda one: -1.0 if one.accuracy is None else one.accuracy,
                        reverse=True))  # fmt: skip


def _best(trials: Trials) -> list[Trial]:
    """All that are done, the best first, each cell once."""
    cells: dict[str, Trial] = {}
    for trial in trials.best(len(trials)):
        cells.setdefault(trial.digest, trial)
    return list(cells.values())


def _trained(one: Finalist, measure: InProcess, passes: float) -> Finalist:
    job = Job(
        cell=one.cell, evaluator="short", seed=measure.place.seed, passes=passes, stack=one.stack
    )
    try:
        score = measure(job)
    except PicturesChangedError:
        raise
    except Exception as error:
        return replace(one, note=str(error) or type(error).__name__)
    return replace(one, accuracy=score.value, seconds=score.seconds, flops=score.flops)


def _recalled(path: Path) -> dict[str, Finalist]:
    try:
        entries = json.loads(path.read_text("utf-8"))
        found = {digest: Finalist.from_dict(entry) for digest, entry in entries.items()}
        # What came to nothing is tried again: who resumes may have given it more time.
        return {digest: one for digest, one in found.items() if one.accuracy is not None}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NetError(f"{path} is damaged: {error!r}") from error
