"""A trial in a process of its own: killed when it hangs, told when it dies, gone with its user."""

import os
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("torch")

from small_cells import SMALL, uniform

from frugally.errors import FitError
from frugally.fit.architecture.trial_process import (
    InProcess,
    Job,
    TrialDiedError,
    TrialStartError,
    TrialTimeoutError,
    end_all,
)
from frugally.fit.architecture.workplace import PicturesChangedError, Workplace
from frugally.fit.vision.training import Settings
from frugally.nets.vision.cells.stacking import Stack

PLACE = Workplace(
    path="nowhere", cache="nowhere", folder="nowhere", side=16, seed=1, digest="0", stack=SMALL,
    settings=Settings(),
)  # fmt: skip
CHILD = """
import json, os, sys, time
sys.stdin.readline()
print(json.dumps({ready}), flush=True)
for line in sys.stdin:
    how = json.loads(line)["evaluator"]
    if how == "hangs":
        time.sleep(60)
    if how == "dies":
        sys.exit("out of memory")
    if how == "babbles":
        print("{{", flush=True)
    answers = {{
        "diverges": {{"error": "FitError", "message": "no number"}},
        "fails": {{"error": "OSError", "message": "no space"}},
    }}
    answer = answers.get(how, {{"value": 0.5, "seconds": float(os.getpid()), "flops": 7}})
    print(json.dumps(answer), flush=True)
"""


@pytest.fixture
def measure(tmp_path):
    def of(ready='{"ready": True}', seconds=20):
        path = tmp_path / "child.py"
        path.write_text(textwrap.dedent(CHILD.format(ready=ready)))
        return InProcess(place=PLACE, seconds=seconds, command=(sys.executable, str(path)))

    yield of
    end_all(PLACE.folder)


def job(how, stack=None):
    return Job(cell=uniform("conv_1x1"), evaluator=how, seed=1, passes=0.5, stack=stack)


def test_one_process_does_many_jobs(measure):
    do = measure()
    first, second = do(job("well")), do(job("well"))
    assert (first.value, first.flops) == (0.5, 7)
    assert first.seconds == second.seconds != os.getpid()


def test_what_hangs_is_killed_and_the_next_has_a_new_one(measure):
    do = measure(seconds=5)
    before = do(job("well")).seconds
    began = time.monotonic()
    with pytest.raises(TrialTimeoutError, match="longer than 5 s"):
        do(job("hangs"))
    assert time.monotonic() - began < 30
    assert do(job("well")).seconds != before


def test_what_dies_says_its_last_words(measure):
    do = measure()
    with pytest.raises(TrialDiedError, match="out of memory"):
        do(job("dies"))
    with pytest.raises(TrialDiedError):
        do(job("babbles"))
    assert do(job("well")).value == 0.5


def test_errors_are_what_they_were(measure):
    do = measure()
    with pytest.raises(FitError, match="no number"):
        do(job("diverges"))
    with pytest.raises(RuntimeError, match="OSError: no space"):
        do(job("fails"))


def test_what_cannot_start_is_told(measure):
    with pytest.raises(PicturesChangedError):
        measure('{"error": "PicturesChangedError", "message": "others"}')(job("well"))
    with pytest.raises(TrialStartError, match="UsageError: nothing is there"):
        measure('{"error": "UsageError", "message": "nothing is there"}')(job("well"))
    missing = InProcess(place=PLACE, seconds=5, command=("/no/such/program",))
    with pytest.raises(TrialStartError, match="No such file"):
        missing(job("well"))


def test_those_of_other_searches_go_on(measure):
    do = measure()
    before = do(job("well")).seconds
    end_all("elsewhere")
    assert do(job("well")).seconds == before
    end_all(PLACE.folder)
    assert do(job("well")).seconds != before


def test_each_thread_has_its_own_and_all_can_be_ended(measure):
    do = measure(seconds=30)
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(do, job("hangs")) for _ in range(2)]
        time.sleep(1)
        end_all(PLACE.folder)
        for one in both:
            with pytest.raises((TrialDiedError, TrialTimeoutError)):
                one.result(timeout=20)


def test_jobs_and_workplaces_travel():
    for one in (job("short"), job("short", Stack(cells=2, filters=12))):
        assert Job.from_dict(one.as_dict()) == one
    assert Workplace.from_dict(PLACE.as_dict()) == PLACE


def test_it_ends_when_nobody_is_there():
    command = (sys.executable, "-m", "frugally.fit.architecture.trial_process")
    child = subprocess.run(command, input=b"", capture_output=True, timeout=120, check=False)
    assert child.returncode == 0
    assert child.stdout == b""
