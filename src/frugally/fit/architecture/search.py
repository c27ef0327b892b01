"""The search: cells are proposed, kept within bounds, tried, and told to the strategy.

Each cell that was not met before and keeps the bounds climbs a ladder of evaluators (`halving`).
What the evaluators do is handed to any `concurrent.futures.Executor`; a trial that fails, diverges,
hangs or loses its worker is put down as that, and the search goes on. Everything is in the trial
file before the next cell is begun.
"""

from __future__ import annotations

import json
import math
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from frugally.budget import format_seconds
from frugally.errors import FitError, FrugallyError, NetError
from frugally.files.disk import write_whole
from frugally.fit.architecture.bounds import Bounds
from frugally.fit.architecture.evaluator import Score
from frugally.fit.architecture.halving import Ladder
from frugally.fit.architecture.space import Space
from frugally.fit.architecture.strategy import Strategy, replayed
from frugally.fit.architecture.trial_process import (
    Job,
    Measure,
    TrialStartError,
    TrialTimeoutError,
)
from frugally.fit.architecture.trials import Status, Trial, Trials
from frugally.fit.architecture.workplace import PicturesChangedError

_ATTEMPTS = 2  # of a trial that is alone with the worker that dies
_IDLE = 1000  # proposals in a row that need no trial: nothing new is to be had
_STARTS = 5  # processes in a row that could not be started
_LOOK = 60.0  # seconds between looks whether the pictures are still the same

Report = Callable[[str], None]


class Clock:
    """How much of a time has been spent, over all sittings; kept in a file.

    A sitting that is killed loses what came after the last `keep`.
    """

    def __init__(self, path: Path, seconds: float) -> None:
        self._path, self.seconds = path, seconds
        try:
            self._before = float(json.loads(path.read_text("utf-8"))["seconds"])
        except FileNotFoundError:
            self._before = 0.0
        except (ValueError, KeyError, TypeError) as error:
            raise FrugallyError(f"{path} is damaged: {error!r}") from error
        self._began = time.monotonic()

    @property
    def spent(self) -> float:
        """Seconds, over all sittings."""
        return self._before + time.monotonic() - self._began

    @property
    def left(self) -> float:
        """Seconds, at least 0."""
        return max(0.0, self.seconds - self.spent)

    def keep(self) -> None:
        """Put down what was spent."""
        write_whole(self._path, json.dumps({"seconds": round(self.spent, 1)}).encode())


class Workers:
    """An executor that does `count` jobs at once, and is made anew when it breaks."""

    def __init__(self, make: Callable[[], Executor], count: int) -> None:
        self._make, self.count = make, count
        self._executor = make()

    def submit(self, measure: Measure, job: Job) -> Future[Score]:
        """Have a job done."""
        return self._executor.submit(measure, job)

    def renew(self) -> None:
        """Another executor in place of one that broke."""
        self._executor.shutdown(wait=False)
        self._executor = self._make()

    def end(self, *, wait: bool) -> None:
        """Let go of the executor."""
        self._executor.shutdown(wait=wait)


@dataclass(slots=True)
class _Open:
    """A trial under way: what it scored so far and what that took, in `cost`; its rung.

    A `suspect` was under way when a pool of processes broke, which loses all that were: it is done
    again alone, so that who breaks the next one is known. Alone, its worker `died` so often.
    """

    trial: Trial
    cost: dict[str, float]
    rung: int = 0
    seconds: float = 0.0
    died: int = 0
    suspect: bool = False


class Search:
    """One sitting of a search; `measure` does jobs, `pictures_changed` looks at the pictures."""

    def __init__(
        self,
        space: Space,
        strategy: Strategy,
        trials: Trials,
        bounds: Bounds,
        ladder: Ladder,
        measure: Measure,
        clock: Clock,
        *,
        seed: int = 0,
        report: Report = lambda _: None,
        pictures_changed: Callable[[], bool] = lambda: False,
    ) -> None:
        self.space, self.strategy, self.trials, self.bounds = space, strategy, trials, bounds
        self.ladder, self.measure, self.clock, self.seed = ladder, measure, clock, seed
        self._report, self._pictures_changed = report, pictures_changed
        self._looked = time.monotonic()
        self._took: dict[int, list[float]] = defaultdict(list)  # by how far they came
        self._not_started = 0
        self._known: dict[str, Trial] = {}
        self._waiting: dict[str, list[Trial]] = {}  # trials of a cell that is on trial already
        self._ready: deque[_Open] = deque()
        self._suspects: deque[_Open] = deque()
        self._recall()

    def _recall(self) -> None:
        """Take up what the trial file knows."""
        replayed(self.strategy, self.trials.events())
        ended = [trial for trial in self.trials if trial.ended is not None]
        for trial in sorted(ended, key=lambda one: one.ended or 0):
            if trial.digest in self._known:
                continue
            self._known[trial.digest] = trial
            for rung, one in enumerate(self.ladder.rungs):
                if one.evaluator in trial.cost:
                    self.ladder.add(rung, trial.cost[one.evaluator])
            if trial.status == "done":
                self._took[self._reached(trial.cost)].append(trial.seconds)
        for trial in self.trials.running():
            self._admit(trial)

    def _reached(self, cost: Mapping[str, float]) -> int:
        """The last rung that a trial was scored on."""
        return sum(rung.evaluator in cost for rung in self.ladder.rungs) - 1

    # -- the run ---------------------------------------------------------------------------

    def run(self, workers: Workers) -> str:
        """Try cells until the time is over; says why it ended.

        Raises:
            PicturesChangedError: the pictures are not those that the search began with.
            FitError: no process for trials could be started.
        """
        flying: dict[Future[Score], _Open] = {}
        why = "the time is over"
        try:
            while True:
                lost: list[_Open] = []  # with an executor that broke
                while len(flying) < workers.count and not lost and not self._alone(flying):
                    one = self._next(bool(flying))
                    if one is None:
                        break
                    if isinstance(one, str):
                        why = one
                        break
                    try:
                        flying[workers.submit(self.measure, self._job(one))] = one
                    except (BrokenExecutor, OSError):
                        lost.append(one)
                if not flying and not lost:
                    return why
                finished, _ = wait(flying, timeout=_LOOK, return_when=FIRST_COMPLETED)
                for future in sorted(finished, key=lambda f: flying[f].trial.number):
                    one = flying.pop(future)
                    if not self._took_in(one, future):
                        lost.append(one)
                if lost:
                    self._lost([*lost, *flying.values()])
                    flying = {}
                    workers.renew()
                self._look_at_pictures()
        finally:
            for future in flying:  # of a sitting that was interrupted
                future.cancel()
            self.clock.keep()

    def _alone(self, flying: Mapping[Future[Score], _Open]) -> bool:
        """Is a trial under way that nothing else may be under way with?"""
        return any(one.suspect for one in flying.values())

    def _job(self, one: _Open) -> Job:
        rung = self.ladder.rungs[one.rung]
        return Job(
            cell=one.trial.cell, evaluator=rung.evaluator, seed=one.trial.seed, passes=rung.passes
        )

    def _look_at_pictures(self) -> None:
        if time.monotonic() - self._looked >= _LOOK:
            if self._pictures_changed():
                raise PicturesChangedError("this search")
            self.clock.keep()
            self._looked = time.monotonic()

    # -- what is tried next ----------------------------------------------------------------

    def _next(self, busy: bool) -> _Open | str | None:
        """A trial to go on with or to begin; None to wait for others, or why there is none."""
        if self._suspects:
            return None if busy else self._suspects.popleft()
        if self._ready:
            return self._ready.popleft()
        if not self._fits(0):
            return None if busy else "the time is over"
        for _ in range(_IDLE):
            decisions = self.strategy.propose()
            cell = self.space.decode(decisions)
            self._admit(self.trials.begin(decisions, cell, self.seed))
            if self._ready:
                return self._ready.popleft()
            if not self._fits(0):
                break
        else:
            return f"{_IDLE:,} cells proposed in a row were met before or break the bounds"
        return None if busy else "the time is over"

    def _fits(self, rung: int, spent: float = 0.0) -> bool:
        """Whether what trials mostly took that came so far, less what is spent, is left."""
        took = self._took[rung]
        return self.clock.left > (median(took) - spent if took else 0.0)

    def _admit(self, trial: Trial) -> None:
        """Let a trial begin, unless its cell was met before or breaks a bound."""
        known = self._known.get(trial.digest)
        if known is not None:
            self._end(trial, known.status, known.reward, cost=known.cost,
                      note=f"as trial {known.number}")  # fmt: skip
            return
        if trial.digest in self._waiting:
            self._waiting[trial.digest].append(trial)
            return
        try:
            need = self.bounds.need(trial.cell)
        except NetError as error:
            self._end(trial, "failed", None, note=str(error))
            return
        cost: dict[str, float] = {"bytes": need.size, "macs": need.flops // 2}
        if need.seconds is not None:
            cost["milliseconds"] = 1e3 * need.seconds
        if need.share(self.bounds.budget) > 1:
            why = self.bounds.broken(trial.cell) or ""
            self._end(trial, "out of bounds", None, cost=cost, note=why)
            return
        self._waiting[trial.digest] = []
        self._ready.append(_Open(trial, cost))

    # -- what came of it -------------------------------------------------------------------

    def _took_in(self, one: _Open, future: Future[Score]) -> bool:
        """Put down what came of a job; False if the executor broke."""
        not_started, self._not_started = self._not_started, 0
        try:
            score = future.result()
        except BrokenExecutor:
            return False
        except PicturesChangedError:
            raise
        except TrialStartError as error:  # which says nothing of the cell
            self._not_started = not_started + 1
            if self._not_started == _STARTS:
                raise FitError(f"no process for trials can be started: {error}") from error
            self._ready.appendleft(one)
            return True
        except FitError as error:
            self._finish(one, "diverged", note=str(error))
        except TrialTimeoutError as error:
            self._finish(one, "timed out", note=str(error))
        except Exception as error:
            if type(error).__name__ == "KilledWorker":  # of a cluster, which tried several times
                self._finish(one, "failed", note="its worker died each time")
            else:
                self._finish(one, "failed", note=str(error) or type(error).__name__)
        else:
            self._scored(one, score)
        return True

    def _scored(self, one: _Open, score: Score) -> None:
        name = self.ladder.rungs[one.rung].evaluator
        one.suspect, one.died = False, 0
        one.seconds += score.seconds
        one.cost["flops"] = one.cost.get("flops", 0) + score.flops
        if not math.isfinite(score.value):
            self._finish(one, "diverged", note=f"its score by {name} is {score.value}")
            return
        one.cost[name] = score.value
        self.ladder.add(one.rung, score.value)
        more = one.rung + 1
        if self.ladder.goes_on(one.rung, score.value) and self._fits(more, one.seconds):
            one.rung = more
            self._ready.appendleft(one)
            return
        self._finish(one, "done", self.ladder.reward(one.rung, score.value))

    def _lost(self, trials: Sequence[_Open]) -> None:
        """What becomes of trials that were under way when a worker died."""
        for one in trials:
            one.suspect = True
            one.died += len(trials) == 1
            if one.died < _ATTEMPTS:
                self._report(f"a worker died; trial {one.trial.number} is done again")
                self._suspects.append(one)
            else:
                self._finish(one, "failed", note="its worker died each time")

    def _finish(
        self, one: _Open, status: Status, reward: float | None = None, note: str = ""
    ) -> None:
        """End a trial, and those of equal cells that waited for it."""
        if status == "done":
            self._took[one.rung].append(one.seconds)
        self._end(one.trial, status, reward, seconds=one.seconds, cost=one.cost, note=note)
        rung = self.ladder.rungs[one.rung].evaluator
        told = f"{one.cost[rung]:.4f} by {rung}" if status == "done" else f"{status}: {note}"
        best = self.trials.best()
        self._report(
            f"trial {one.trial.number}, cell {one.trial.digest[:8]}: {told}"
            + (f" · best: {best[0].digest[:8]}" if best else "")
            + f" · {format_seconds(self.clock.left)} left"
        )
        for other in self._waiting.pop(one.trial.digest, []):
            self._end(other, status, reward, cost=one.cost, note=f"as trial {one.trial.number}")
        self.clock.keep()

    def _end(
        self, trial: Trial, status: Status, reward: float | None, *, seconds: float = 0.0,
        cost: Mapping[str, float] | None = None, note: str = "",
    ) -> None:  # fmt: skip
        ended = self.trials.end(
            trial.number, status, reward=reward, seconds=seconds, cost=cost, note=note
        )
        self._known.setdefault(trial.digest, ended)
        self.strategy.tell(trial.decisions, reward)
