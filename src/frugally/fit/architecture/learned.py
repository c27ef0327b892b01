"""What a search shows: which operations its best cells choose, and how they wire them.

Intervals are of 95 % by the percentile bootstrap over cells (Efron and Tibshirani 1993, chapter
13), since the operations of one cell belong together. They are too short for few cells, so whether
something is more than chance is told by another range: that of 95 % of groups of as many cells,
drawn by chance from the same space within the same bounds; and for rewards, of what cells exchanged
at random between two groups would give (a permutation test, ibid., chapter 15).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frugally.budget import Budget
from frugally.errors import CorruptionError, UsageError
from frugally.fit.architecture.bounds import Bounds, recalled_bounds
from frugally.fit.architecture.fitting import SEARCH, TRIALS
from frugally.fit.architecture.space import Space
from frugally.fit.architecture.trials import Trial, recorded
from frugally.nets.vision.cells.cell import INPUTS, Cell, Wiring
from frugally.nets.vision.cells.operations import GROUPED

PAGE = "learned.md"
LEAST = 20  # cells that have to be scored
_TOP, _LEAST_TOP = 0.1, 5
_DRAWN = 500  # cells by chance
_RESAMPLED = 2000

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number, its interval, and the range it has by chance; NaN: there is nothing to count."""

    value: float
    low: float
    high: float
    chance_low: float
    chance_high: float

    @property
    def told(self) -> int:
        """1 if the number is above what it is by chance, -1 if below, otherwise 0."""
        return (self.value > self.chance_high) - (self.value < self.chance_low)


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """Of one search: counts, and estimates by name.

    `operations` are the shares of operations in the best cells divided by those by chance;
    `shares` the two shares. `pool_after_pool` is how much likelier a pool is behind a block with a
    pool than behind one without, in the best cells, and `pool_after_pool_chance` the same by
    chance. `residual` is the mean reward of cells with an added identity in their normal cell less
    that of cells without, over all cells, `residual_top` the share of the best that have one by
    that of chance. `rewards` are those of all cells, in order.
    """

    strategy: str
    cells: int
    top: int
    drawn: int
    operations: dict[str, Estimate]
    shares: dict[str, tuple[float, float]]
    grouped: Estimate | None
    pool_after_pool: Estimate
    pool_after_pool_chance: float
    residual: Estimate
    residual_top: Estimate
    residual_counts: tuple[int, int]
    rewards: tuple[float, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON, with None for what is no number."""
        return dict(_finite(asdict(self)))


def learn(folder: Path) -> Learned:
    """What the search in a folder shows.

    Raises:
        UsageError: there is no search, or it has scored too few cells.
        CorruptionError: its trial file is damaged.
    """
    path = folder / TRIALS
    if not path.is_file():
        raise UsageError(
            f"{folder} holds no search", hint="name a folder of `frugally fit architecture`"
        )
    about, trials = recorded(path)
    try:
        space = Space.from_dict(about["space"])
        bounds = _bounds(folder / SEARCH, about)
        strategy = str(about["strategy"])
    except (KeyError, TypeError, AttributeError) as error:
        raise CorruptionError(f"{path} is of no such search: {error!r}") from error
    return learned(trials, space, bounds, strategy)


def learned(trials: Sequence[Trial], space: Space, bounds: Bounds | None, strategy: str) -> Learned:
    """What trials show, of which each cell counts once; `bounds` are those that they had to keep.

    Raises:
        UsageError: they have scored too few cells.
    """
    met = {trial.digest: trial for trial in reversed(trials) if trial.status == "done"}
    done = sorted(met.values(), key=lambda trial: trial.number)
    if len(done) < LEAST:
        raise UsageError(
            f"cells scored so far: {len(done)}; {LEAST} or more are needed to learn from",
            hint="--resume the search with more hours",
        )
    rewards = np.array([trial.reward for trial in done], float)
    order = np.argsort(-rewards, kind="stable")
    best = [done[i].cell for i in order[: max(_LEAST_TOP, round(_TOP * len(done)))]]
    random = np.random.default_rng(0)
    drawn = [space.decode(space.sample(random)).canonical() for _ in range(_DRAWN)]
    if bounds is not None:
        within = [cell for cell in drawn if bounds.need(cell).share(bounds.budget) <= 1]
        drawn = within or drawn
    counts, chance = _counts(best, space.operations), _counts(drawn, space.operations)
    by_chance = chance.sum(axis=0) / chance.sum()
    # As many cells drawn from the best, and from those by chance.
    picks, groups = (
        random.integers(len(cells), size=(_RESAMPLED, len(best))) for cells in (best, drawn)
    )
    shares, null = _shares(counts, picks), _shares(chance, groups)
    mine = counts.sum(axis=0) / counts.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        operations = {
            name: _estimate(*(one / by_chance[i] for one in (mine[i], shares[:, i], null[:, i])))
            for i, name in enumerate(space.operations)
        }
        among = [i for i, name in enumerate(space.operations) if name in GROUPED]
        grouped = None
        if among:
            expected = by_chance[among].sum()
            grouped = _estimate(
                *(one[..., among].sum(axis=-1) / expected for one in (mine, shares, null))
            )
        residual, residual_counts = _residual(done, rewards)
        top, others = (
            np.array([has_residual(cell) for cell in cells], float) for cells in (best, drawn)
        )
        residual_top = _estimate(
            *(one / others.mean()
              for one in (top.mean(), top[picks].mean(axis=1), others[groups].mean(axis=1)))
        )  # fmt: skip
        pools, by_others = _pools(best), _pools(drawn)
        after = _estimate(
            *(_followed(one)
              for one in (pools.sum(axis=0), pools[picks].sum(axis=1),
                          by_others[groups].sum(axis=1)))
        )  # fmt: skip
        after_chance = float(_followed(by_others.sum(axis=0)))
    return Learned(
        strategy=strategy, cells=len(done), top=len(best), drawn=len(drawn),
        operations=operations, grouped=grouped,
        shares={n: (float(mine[i]), float(by_chance[i])) for i, n in enumerate(space.operations)},
        pool_after_pool=after, pool_after_pool_chance=after_chance, residual=residual,
        residual_top=residual_top, residual_counts=residual_counts,
        rewards=tuple(rewards.tolist()),
    )  # fmt: skip


# -- what is counted in cells --------------------------------------------------------------


def _wirings(cell: Cell) -> tuple[Wiring, Wiring]:
    form = cell.canonical()
    return form.normal, form.reduction


def _counts(cells: Sequence[Cell], operations: Sequence[str]) -> Floats:
    """How often each cell has each operation: (cells, operations)."""
    made = [
        [name for w in _wirings(cell) for block in w.blocks for name in block.operations]
        for cell in cells
    ]
    return np.array([[names.count(one) for one in operations] for names in made], float)


def _shares(counts: Floats, picks: NDArray[np.int64]) -> Floats:
    """The share of each operation in resampled cells: (resamples, operations)."""
    summed = counts[picks].sum(axis=1)
    return np.asarray(summed / summed.sum(axis=1, keepdims=True), float)


def _is_pool(operation: str) -> bool:
    return operation.startswith(("max_", "average_"))


def _pools(cells: Sequence[Cell]) -> Floats:
    """Of operations on what blocks made: pools and all behind a block with a pool, and without.

    (cells, 4): pools behind one with, all behind one with, pools behind one without, all.
    """
    found = np.zeros((len(cells), 4))
    for row, cell in zip(found, cells, strict=True):
        for wiring in _wirings(cell):
            pooling = [any(map(_is_pool, block.operations)) for block in wiring.blocks]
            for block in wiring.blocks:
                for state, operation in block.pairs:
                    if state >= INPUTS:
                        first = 0 if pooling[state - INPUTS] else 2
                        row[first : first + 2] += (_is_pool(operation), 1)
    return found


def _followed(counts: Floats) -> Floats:
    """P(pool | behind a pool) - P(pool | behind none) of (…, 4) counts."""
    return np.asarray(counts[..., 0] / counts[..., 1] - counts[..., 2] / counts[..., 3])


def has_residual(cell: Cell) -> bool:
    """Has the normal cell a block that adds a state to what was made of another or the same?"""
    return any(
        block.combine == "add" and block.operations.count("identity") == 1
        for block in cell.canonical().normal.blocks
    )


def _residual(done: Sequence[Trial], rewards: Floats) -> tuple[Estimate, tuple[int, int]]:
    """Mean reward of cells with an added residual less that of those without; how many of each."""
    has = np.array([has_residual(trial.cell) for trial in done])
    counts = int(has.sum()), int((~has).sum())
    random = np.random.default_rng(1)
    if not all(counts):
        none = np.full(1, np.nan)
        return _estimate(np.nan, none, none), counts
    means = [
        rewards[side][random.integers(side.sum(), size=(_RESAMPLED, side.sum()))].mean(axis=1)
        for side in (has, ~has)
    ]
    mixed = random.permuted(np.tile(rewards, (_RESAMPLED, 1)), axis=1)
    null = mixed[:, has].mean(axis=1) - mixed[:, ~has].mean(axis=1)
    gap = rewards[has].mean() - rewards[~has].mean()
    return _estimate(gap, means[0] - means[1], null), counts


def _estimate(value: Any, resampled: Floats, null: Floats) -> Estimate:
    low, high = _middle(resampled)
    chance_low, chance_high = _middle(null)
    return Estimate(
        value=float(value), low=low, high=high, chance_low=chance_low, chance_high=chance_high
    )


def _middle(numbers: Floats) -> tuple[float, float]:
    """What 95 % of those that are numbers lie between."""
    known = numbers[np.isfinite(numbers)]
    if not len(known):
        return np.nan, np.nan
    low, high = np.quantile(known, (0.025, 0.975))
    return float(low), float(high)


def _finite(entry: Any) -> Any:
    if isinstance(entry, dict):
        return {key: _finite(value) for key, value in entry.items()}
    if isinstance(entry, tuple):
        return [_finite(value) for value in entry]
    return None if isinstance(entry, float) and not np.isfinite(entry) else entry


# -- files ---------------------------------------------------------------------------------


def _bounds(path: Path, about: dict[str, Any]) -> Bounds | None:
    kept = recalled_bounds(path)
    if kept is None:
        return None
    budget, classes = Budget(**about["budget"]), len(about["classes"])
    return Bounds(budget=budget, size=about["side"], classes=classes, **kept[1])
