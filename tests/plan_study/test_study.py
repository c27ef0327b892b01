"""A study does the runs that tell most, survives what kills it, and says the same anywhere."""

import csv
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from power_law_trainer import CAPACITIES, PowerLawTrainer

from frugally.errors import BudgetError, UsageError
from frugally.nets.trainer import Run
from frugally.plan.design import Design, Pace, geometric_sizes
from frugally.plan.study import RESULTS, checked_grid, run_study
from frugally.plan.study_folder import ABOUT, RUNS

SIZES = (1_000, 2_000, 4_000, 8_000, 16_000)


def threads():
    return ThreadPoolExecutor(1)


def processes(count=2):
    return ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn"))


def grid(trainer=None, repeats=2, sizes=SIZES, capacities=3):
    about = (trainer or PowerLawTrainer()).about()
    return checked_grid(about, sizes=sizes, capacities=capacities, repeats=repeats, seed=1)


def study(out, trainer=None, **more):
    given = {"seconds": 1e6, "executor": threads, **more}
    return run_study(trainer or PowerLawTrainer(), grid(trainer), out, **given)


def test_every_run_is_done_and_stands_in_the_table(tmp_path):
    done = study(tmp_path / "s")
    assert len(done.outcomes) == 5 * 3 * 2
    assert not done.failed
    assert not done.left
    rows = list(csv.DictReader((tmp_path / "s" / RESULTS).read_text().splitlines()))
    assert [row["capacity"] for row in rows[:10]] == ["small"] * 10
    assert [int(row["n"]) for row in rows[:10:2]] == list(SIZES)
    for row in rows:
        run = Run(
            variant="plain", capacity=row["capacity"], size=int(row["n"]), seed=int(row["seed"])
        )
        assert float(row["error"]) == pytest.approx(done.outcomes[run].error, rel=1e-5)


def test_the_first_runs_of_each_curve_are_its_ends_and_middle(tmp_path):
    trace = tmp_path / "trace"
    study(tmp_path / "s", PowerLawTrainer(trace=trace))
    runs = [line.split() for line in trace.read_text().splitlines()]
    assert runs[0][:2] == ["small", "1000"]  # the cheapest, to learn what runs take
    for name in CAPACITIES:
        sizes = [int(size) for capacity, size, _ in runs if capacity == name]
        assert sorted(sizes[:3]) == [1_000, 4_000, 16_000]
    # All capacities are served before one is gone into.
    assert {capacity for capacity, *_ in runs[:9]} == set(CAPACITIES)
    assert all(sum(c == name for c, *_ in runs[:9]) == 3 for name in CAPACITIES)


def test_gain_is_what_the_determinant_grows_by():
    design = Design(SIZES)
    runs = [Run(variant="v", capacity="c", size=size, seed=0) for size in SIZES]
    before = np.linalg.slogdet(design._matrix(runs[0]))[1]
    for run in (runs[2], runs[0], runs[4], runs[4]):
        gain = design.gain(run)
        design.add(run)
        after = np.linalg.slogdet(design._matrix(run))[1]
        assert gain == pytest.approx(after - before)
        before = after
    other = Run(variant="v", capacity="other", size=1_000, seed=0)
    assert design.gain(other) > max(map(design.gain, runs))


def test_time_is_foretold_from_runs_of_the_same_capacity():
    pace = Pace()
    run = partial(Run, variant="v", seed=0)
    assert pace.seconds(run(capacity="a", size=10)) is None
    pace.add(run(capacity="a", size=100), 5.0)
    assert pace.seconds(run(capacity="b", size=200)) == 10.0  # nothing better is known
    pace.add(run(capacity="b", size=100), 1.0)
    assert pace.seconds(run(capacity="b", size=200)) == 2.0
    assert pace.seconds(run(capacity="b", size=50)) == 1.0


def test_sizes_are_halved():
    assert geometric_sizes(16_000, 5) == list(SIZES)
    assert geometric_sizes(3, 5) == [1, 2, 3]


def test_what_does_not_fit_is_left_and_done_when_there_is_more_time(tmp_path):
    out, trainer = tmp_path / "s", PowerLawTrainer(pause=0.02)
    done = study(out, trainer, seconds=0.25)
    assert 2 <= len(done.outcomes) < 30
    assert len(done.left) == 30 - len(done.outcomes)
    more = study(out, trainer, resume=True)
    assert len(more.outcomes) == 30
    whole = study(tmp_path / "whole")
    assert (out / RESULTS).read_bytes() == (tmp_path / "whole" / RESULTS).read_bytes()
    assert len(whole.outcomes) == 30


def test_a_budget_too_short_for_a_run_is_refused_and_what_was_done_is_kept(tmp_path):
    with pytest.raises(BudgetError, match=r"too short for a single run$"):
        study(tmp_path / "s", seconds=0)
    trainer = PowerLawTrainer(pause=0.05)
    with pytest.raises(BudgetError, match="the cheapest took") as refused:
        study(tmp_path / "t", trainer, seconds=0.01)
    assert "all runs take about" in refused.value.hint
    assert len(study(tmp_path / "t", trainer, resume=True).outcomes) == 30


def test_a_run_that_fails_is_named_and_tried_again_later(tmp_path):
    bad = Run(variant="plain", capacity="middle", size=4_000, seed=2)
    said: list[str] = []
    done = study(tmp_path / "s", PowerLawTrainer(broken=bad), report=said.append)
    assert done.failed == {bad: "ValueError: the loss is no number"}
    assert len(done.outcomes) == 29
    assert any("middle, 4,000 examples, seed 2 failed" in line for line in said)
    assert len(study(tmp_path / "s", resume=True).outcomes) == 30


def test_a_worker_that_dies_costs_its_run_only(tmp_path):
    bad = Run(variant="plain", capacity="small", size=16_000, seed=1)
    trainer = PowerLawTrainer(killed=bad, trace=tmp_path / "trace")
    said: list[str] = []
    done = study(tmp_path / "s", trainer, executor=processes, workers=2, report=said.append)
    assert (tmp_path / "trace.killed").exists()
    assert any("a worker died" in line for line in said)
    assert len(done.outcomes) == 30
    study(tmp_path / "one")
    assert (tmp_path / "s" / RESULTS).read_bytes() == (tmp_path / "one" / RESULTS).read_bytes()


KILLED = """
import sys
sys.path.insert(0, {here!r})
from power_law_trainer import PowerLawTrainer
from test_study import study
study({out!r}, PowerLawTrainer(pause=0.05), report=lambda line: print(line, flush=True))
"""


def test_a_study_that_is_killed_goes_on(tmp_path):
    out = tmp_path / "s"
    code = KILLED.format(here=str(Path(__file__).parent), out=str(out)).replace(
        f"study({str(out)!r}", f"study(__import__('pathlib').Path({str(out)!r})"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for _ in range(4):
        child.stdout.readline()
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    with (out / RUNS).open("ab") as file:
        file.write(b'{"run": {"variant": "pl')  # cut off in the middle of a line
    done = study(out, resume=True)
    assert len(done.outcomes) == 30
    assert len((out / RUNS).read_text().splitlines()) == 30


def test_another_study_in_the_folder_is_not_gone_on_with(tmp_path):
    out = tmp_path / "s"
    study(out)
    with pytest.raises(UsageError, match="holds a study already"):
        study(out)
    with pytest.raises(UsageError, match="examples was 16000, and is 20000"):
        study(out, PowerLawTrainer(examples=20_000), resume=True)
    about = json.loads((out / ABOUT).read_text())
    (out / ABOUT).write_text(json.dumps({**about, "format": 99}))
    with pytest.raises(UsageError, match="format 99"):
        study(out, resume=True)
    (out / ABOUT).write_text("{")
    with pytest.raises(UsageError, match="not what a study writes"):
        study(out, resume=True)


def test_a_damaged_line_is_named(tmp_path):
    out = tmp_path / "s"
    study(out)
    lines = (out / RUNS).read_bytes().splitlines(keepends=True)
    (out / RUNS).write_bytes(lines[0] + b"nothing\n" + b"".join(lines[1:]))
    with pytest.raises(UsageError, match="line 2, is damaged"):
        study(out, resume=True)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"sizes": (5,)}, "at least two sizes"),
        ({"sizes": (5, 20_000)}, "20,000 examples are asked for; there are 16,000"),
        ({"capacities": 4}, "3 capacities"),
        ({"capacities": 0}, "3 capacities"),
    ],
)
def test_a_grid_that_cannot_be_run_is_refused(given, why):
    with pytest.raises(UsageError, match=why):
        grid(**given)


def test_two_capacities_are_the_smallest_and_the_largest():
    assert grid(capacities=2).capacities == ("small", "large")
    assert grid(capacities=1).capacities == ("small",)


@pytest.mark.long
def test_a_cluster_that_loses_a_worker_gives_the_same_table(tmp_path):
    distributed = pytest.importorskip("distributed")
    bad = Run(variant="plain", capacity="large", size=16_000, seed=1)
    trainer = PowerLawTrainer(killed=bad, trace=tmp_path / "trace", pause=0.02)
    here = str(Path(__file__).parent)
    os.environ["PYTHONPATH"] = os.pathsep.join([here, os.environ.get("PYTHONPATH", "")])
    with (
        distributed.LocalCluster(
            n_workers=4, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        begun = time.monotonic()
        done = study(
            tmp_path / "s", trainer, executor=lambda: client.get_executor(pure=False), workers=4
        )
        assert time.monotonic() - begun < 120
    assert (tmp_path / "trace.killed").exists()
    assert not done.failed
    study(tmp_path / "one")
    assert (tmp_path / "s" / RESULTS).read_bytes() == (tmp_path / "one" / RESULTS).read_bytes()
