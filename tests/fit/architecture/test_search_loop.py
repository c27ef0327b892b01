"""The search tries cells once, never those out of bounds, and outlives whatever goes wrong."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")

from fake_measures import Counted, Counting, worth

from frugally.budget import Budget
from frugally.errors import FitError, FrugallyError, UsageError
from frugally.fit.architecture.bounds import Bounds
from frugally.fit.architecture.evolution import Evolution, Settings
from frugally.fit.architecture.halving import Ladder, Rung, rungs_of
from frugally.fit.architecture.random_search import RandomSearch
from frugally.fit.architecture.search import Clock, Search, Workers
from frugally.fit.architecture.space import Space
from frugally.fit.architecture.trial_process import TrialStartError
from frugally.fit.architecture.trials import Trials
from frugally.fit.architecture.workplace import PicturesChangedError
from frugally.nets.vision.cells.stacking import Stack

SPACE = Space(blocks=2)
ONE = (Rung(evaluator="short"),)
WIDE = Bounds(budget=Budget(size=10**9), stack=Stack(cells=0, filters=4), size=8)


def threads(count=1):
    return Workers(lambda: ThreadPoolExecutor(count), count)


def evolution(space=SPACE):
    return Evolution(space, 5, Settings(population=6, sample=3))


def search(folder, jobs=10, *, wrong=None, workers=None, rungs=ONE, bounds=WIDE, space=SPACE,
           strategy=None, measured=None, **more):  # fmt: skip
    """The trials of a search that is over after so many jobs, and what was measured."""
    measure = (measured or Counted)(folder / "trace", wrong or {})
    workers = workers or threads()
    with Trials(folder / "trials.sqlite", {"seed": 5}) as trials:
        one = Search(
            space, strategy or evolution(space), trials, bounds, Ladder(rungs), measure,
            Counting(measure, jobs), **more,
        )  # fmt: skip
        try:
            why = one.run(workers)
        finally:
            workers.end(wait=True)
        return list(trials), measure.jobs, why


def cells_of(trials):
    """Different ones, in order."""
    return list({trial.digest: trial.cell for trial in trials})


def test_each_cell_is_tried_once_and_told(tmp_path):
    trials, jobs, why = search(tmp_path, 25)
    assert why == "the time is over"
    assert len(jobs) == 25
    assert len({digest for digest, _ in jobs}) == 25
    assert all(trial.status == "done" for trial in trials)
    for trial in trials:
        assert trial.reward == worth(trial.cell)
        assert trial.seconds == (0.0 if trial.note else 0.5)
        assert {"bytes", "macs", "flops", "short"} == set(trial.cost)
    copies = [trial for trial in trials if trial.note.startswith("as trial")]
    assert len(trials) == 25 + len(copies)


def test_a_cell_out_of_bounds_is_never_trained(tmp_path):
    trials, _, _ = search(tmp_path, 12, strategy=RandomSearch(SPACE, 1))
    needs = sorted(trial.cost["macs"] for trial in trials)
    (tmp_path / "b").mkdir()
    limit = 2 * int(needs[len(needs) // 2])
    bounds = Bounds(budget=Budget(flops=limit), stack=Stack(cells=0, filters=4), size=8)
    trials, jobs, _ = search(tmp_path / "b", 12, bounds=bounds, strategy=RandomSearch(SPACE, 1))
    out = {trial.digest for trial in trials if trial.status == "out of bounds"}
    assert out
    assert not out & {digest for digest, _ in jobs}
    for trial in trials:
        assert (2 * trial.cost["macs"] > limit) == (trial.status == "out of bounds")
        assert trial.status == "done" or "exceeds the budget" in trial.note


@pytest.mark.parametrize(
    "how, status, note",
    [
        ("diverges", "diverged", "loss was no number"),
        ("nan", "diverged", "score by short is nan"),
        ("hangs", "timed out", "longer than 5 s"),
        ("fails", "failed", "no such thing"),
    ],
)
def test_what_goes_wrong_is_put_down_and_the_search_goes_on(tmp_path, how, status, note):
    first, _, _ = search(tmp_path, 6, strategy=RandomSearch(SPACE, 1))
    (tmp_path / "b").mkdir()
    wrong = {first[2].digest: how}
    trials, jobs, _ = search(tmp_path / "b", 6, wrong=wrong, strategy=RandomSearch(SPACE, 1))
    assert [t.status for t in trials] == ["done", "done", status, "done", "done", "done"]
    assert note in trials[2].note
    assert trials[2].reward is None
    assert len(jobs) == 6


def test_a_process_that_cannot_start_costs_no_cell(tmp_path):
    class Late(Counted):
        def __call__(self, job):
            score = super().__call__(job)
            if len(self.jobs) in (2, 3, 5):
                raise TrialStartError("LockedError: somebody is at it")
            return score

    class Never(Counted):
        def __call__(self, job):
            raise TrialStartError("MemoryError: no memory")

    trials, jobs, _ = search(tmp_path, 9, measured=Late)
    assert [trial.status for trial in trials] == ["done"] * len(trials)
    assert len({digest for digest, _ in jobs}) == 6
    (tmp_path / "b").mkdir()
    with pytest.raises(FitError, match="no process for trials can be started: MemoryError"):
        search(tmp_path / "b", 9, measured=Never)
    with Trials(tmp_path / "b" / "trials.sqlite", {"seed": 5}) as left:
        assert [trial.status for trial in left] == ["running"]


def test_no_cell_climbs_for_which_there_is_no_time(tmp_path):
    class Slow(Counted):
        def __call__(self, job):
            score = super().__call__(job)
            return replace(score, seconds=100.0 if job.evaluator == "short" else 1.0)

    class Ending(Counting):
        left = property(lambda self: 1000.0 if len(self.measure.jobs) < self.jobs else 60.0)

    with Trials(tmp_path / "trials.sqlite", {"seed": 5}) as trials:
        measure = Slow(tmp_path / "trace")
        one = Search(
            SPACE, RandomSearch(SPACE, 1), trials, WIDE, Ladder(rungs_of(["proxy", "short"], 1.0)),
            measure, Ending(measure, 30),
        )  # fmt: skip
        stopped = threading.Timer(3, lambda: setattr(Ending, "left", 0.0))
        stopped.start()
        one.run(threads())
        stopped.join()
    climbed = [number for number, (_, name) in enumerate(measure.jobs) if name == "short"]
    assert climbed
    assert max(climbed) <= 30 < len(measure.jobs)


def test_a_worker_that_dies_costs_its_trial_only(tmp_path, monkeypatch):
    first, _, _ = search(tmp_path, 6, strategy=RandomSearch(SPACE, 1))
    (tmp_path / "b").mkdir()
    spawn = multiprocessing.get_context("spawn")
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    workers = Workers(lambda: ProcessPoolExecutor(2, mp_context=spawn), 2)
    said = []
    trials, _, _ = search(
        tmp_path / "b", 8, wrong={first[2].digest: "kills"}, workers=workers,
        strategy=RandomSearch(SPACE, 1), report=said.append,
    )  # fmt: skip
    ended = {trial.digest: trial for trial in trials}
    killed = ended.pop(first[2].digest)
    assert (killed.status, killed.note) == ("failed", "its worker died each time")
    assert {trial.status for trial in ended.values()} == {"done"}
    # Others are done again, too, if they were under way: how many, the clock decides.
    assert f"a worker died; trial {killed.number} is done again" in said


def test_a_search_that_was_left_goes_on_as_if_it_had_not_been(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
    whole, _, _ = search(tmp_path / "a", 30)
    search(tmp_path / "b", 11)
    parts, jobs, _ = search(tmp_path / "b", 30)
    assert [(t.decisions, t.status, t.reward) for t in parts] == [
        (t.decisions, t.status, t.reward) for t in whole
    ]
    assert len({digest for digest, _ in jobs}) == len(jobs) == 30


KILLED = """
import sys
sys.path.insert(0, {here!r})
from pathlib import Path
import test_search_loop
from fake_measures import Counted
test_search_loop.Counted = lambda trace, wrong: Counted(trace, wrong, 0.1)
test_search_loop.search(Path({out!r}), 30, report=lambda line: print(line, flush=True))
"""


def test_a_search_that_is_killed_goes_on(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
    code = KILLED.format(here=str(Path(__file__).parent), out=str(tmp_path / "b"))
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for _ in range(7):
        child.stdout.readline()
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    with Trials(tmp_path / "b" / "trials.sqlite", {"seed": 5}) as left:
        assert len(left.running()) <= 1
        assert 7 <= len(left) < 30
    trials, jobs, _ = search(tmp_path / "b", 20)
    assert not [trial for trial in trials if trial.status == "running"]
    whole, _, _ = search(tmp_path / "a", 20)
    tried = [trial.decisions for trial in trials]
    assert tried[:15] == [trial.decisions for trial in whole][:15]
    assert len({digest for digest, _ in jobs}) >= len(jobs) - 1  # the one it was at, twice


def test_cells_that_are_equal_wait_for_one_another(tmp_path, monkeypatch):
    monkeypatch.setattr("frugally.fit.architecture.search._IDLE", 60)
    # One block of one operation: two states for each half, so few different cells.
    space = Space(blocks=1, operations=("conv_1x1",), combinations=("add",))
    begun = threading.Event()

    class Slow(Counted):
        def __call__(self, job):
            begun.wait(0.2)
            return super().__call__(job)

    measure = Slow(tmp_path / "trace")
    workers = threads(4)
    strategy = Evolution(space, 5, Settings(population=50, sample=3))
    with Trials(tmp_path / "trials.sqlite", {}) as trials:
        why = Search(
            space, strategy, trials, WIDE, Ladder(ONE), measure, Counting(measure, 10**6)
        ).run(workers)  # fmt: skip
        workers.end(wait=True)
        assert "met before or break the bounds" in why
        assert len(measure.jobs) == len({trial.digest for trial in trials}) == 9
        rewards = {trial.digest: {other.reward for other in trials if other.digest == trial.digest}
                   for trial in trials}  # fmt: skip
        assert {len(found) for found in rewards.values()} == {1}


def test_pictures_that_change_end_the_search(tmp_path, monkeypatch):
    monkeypatch.setattr("frugally.fit.architecture.search._LOOK", 0.0)
    with pytest.raises(PicturesChangedError, match="not those that the search began with"):
        search(tmp_path, 10, pictures_changed=lambda: len(Counted(tmp_path / "trace").jobs) > 3)
    with Trials(tmp_path / "trials.sqlite", {"seed": 5}) as trials:
        assert len(trials) in (4, 5)


# -- halving -------------------------------------------------------------------------------


def test_only_the_best_climb(tmp_path):
    rungs = rungs_of(["proxy", "shared", "short"], 1.0)
    trials, jobs, _ = search(tmp_path, 60, rungs=rungs)
    by = {name: [d for d, n in jobs if n == name] for name in ("proxy", "shared", "short")}
    assert len(by["proxy"]) > len(by["shared"]) > len(by["short"]) > 0
    assert set(by["short"]) <= set(by["shared"]) <= set(by["proxy"])
    first = jobs[0][0]
    assert jobs[:3] == [(first, "proxy"), (first, "shared"), (first, "short")]
    for trial in trials:
        came = max(i for i, name in enumerate(by) if trial.digest in by[name])
        assert came / 3 <= trial.reward <= (came + 1) / 3
        assert set(trial.cost) & set(by) == set(list(by)[: came + 1])


def test_a_ladder_keeps_a_third():
    ladder = Ladder(rungs_of(["proxy", "short"], 1.0))
    on = []
    for score in range(30, 0, -1):  # from the best to the worst
        ladder.add(0, score)
        on.append(ladder.goes_on(0, score))
    assert sum(on) == 1
    assert not ladder.goes_on(1, 0.9)
    assert ladder.reward(1, 0.5) == 0.75
    assert ladder.reward(0, 16) == pytest.approx(15 / 30 / 2)
    assert Ladder(ONE).reward(0, 0.3) == 0.3


@pytest.mark.parametrize("names", [[], ["nothing"], ["short", "short"]])
def test_evaluators_that_are_not_there_are_refused(names):
    with pytest.raises(UsageError, match="not scored by"):
        rungs_of(names, 1.0)
    with pytest.raises(UsageError, match="more than 0 passes"):
        rungs_of(["short"], 0.0)


def test_a_clock_counts_over_all_sittings(tmp_path):
    path = tmp_path / "time.json"
    first = Clock(path, 10.0)
    time.sleep(0.15)
    first.keep()
    again = Clock(path, 10.0)
    assert 0.1 <= again.spent < 5
    assert again.left < 9.95
    assert Clock(path, 0.05).left == 0
    path.write_text("[]")
    with pytest.raises(FrugallyError, match="damaged"):
        Clock(path, 1.0)


@pytest.mark.long
def test_a_cluster_that_loses_a_worker_goes_on(tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")
    first, _, _ = search(tmp_path, 6, strategy=RandomSearch(SPACE, 1))
    (tmp_path / "b").mkdir()
    here = str(Path(__file__).parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([here, os.environ.get("PYTHONPATH", "")]))
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        workers = Workers(lambda: client.get_executor(pure=False), 2)
        trials, _, _ = search(
            tmp_path / "b", 12, wrong={first[2].digest: "kills"}, workers=workers,
            strategy=RandomSearch(SPACE, 1),
        )  # fmt: skip
    ended = {trial.digest: trial for trial in trials}
    killed = ended.pop(first[2].digest)
    assert (killed.status, killed.note) == ("failed", "its worker died each time")
    assert {trial.status for trial in ended.values()} == {"done"}
