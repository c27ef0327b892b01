"""Time of items, and which shapes keep a budget's: on clocks that the tests wind themselves."""

import math

import pytest

from frugally.budget import Budget
from frugally.fit import timing
from frugally.fit.timing import median_seconds, quick_enough, seconds_per_item
from frugally.nets.feedforward import Group, Shape


def shape(hidden):
    return Shape(groups=(Group(name="a", rows=16, width=4),), hidden=hidden, labels=2)


@pytest.fixture
def takes(monkeypatch):
    """`takes(seconds, ...)`: a run that takes the next of these each time."""
    now = [0.0]
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])

    def made(*seconds):
        left = iter(seconds)

        def run():
            now[0] += next(left)

        return run

    return made


def test_a_pause_does_not_move_the_median(takes):
    assert median_seconds(takes(2.0, 900.0, 1.0, 3.0, 2.0), times=5) == 2.0


def test_an_item_counts_by_the_best_round_with_all_forgotten_before_each(takes):
    forgotten = []
    run = takes(8.0, 4.0, 6.0)
    assert seconds_per_item(4, run, lambda: forgotten.append(1)) == 1.0
    assert len(forgotten) == 3
    assert math.isnan(seconds_per_item(0, run, lambda: forgotten.append(1)))


def test_too_slow_ones_lead_to_ones_of_half_the_operations():
    asked, said = [], []

    def candidates(flops):
        asked.append(flops)
        most = math.inf if flops is None else flops
        return [s for s in map(shape, (4, 16, 64)) if s.dense_flops <= most]

    budget = Budget(seconds=10.0)
    found, slow = quick_enough(candidates, lambda s: s.hidden, budget, said.append)
    assert [s.hidden for s in found] == [4]
    assert slow is None
    assert asked == [None]
    found, slow = quick_enough(
        candidates,
        lambda s: s.hidden,
        Budget(seconds=1.0, flops=shape(16).dense_flops),
        said.append,
    )
    assert not found
    assert slow is not None
    assert slow == (4, shape(4))
    assert said == [4]
    assert asked[1:] == [shape(16).dense_flops, shape(4).dense_flops // 2]


def test_a_budget_without_time_takes_all_and_times_none():
    def seconds(_):
        raise AssertionError("timed")

    found, slow = quick_enough(lambda _: [shape(4), shape(8)], seconds, Budget(flops=1), print)
    assert len(found) == 2
    assert slow is None
