"""Costs add up, through nested scopes and nothing else."""

import asyncio

import pytest

from frugally.cost import Cost, metered, spend


def test_one_scope_adds_up_but_for_the_size_of_the_collection():
    with metered() as cost:
        spend(flops=2, passages_total=10)
        spend(flops=1, bytes_read=3, passages_total=10)
    assert (cost.flops, cost.bytes_read, cost.passages_total) == (3, 3, 10)


def test_scopes_nest():
    spend(flops=1)  # outside of any: nothing happens
    with metered() as outer:
        spend(flops=1, passages_total=10)
        with metered() as inner:
            spend(flops=2, bytes_read=5, passages_total=30)
        with metered():
            spend(flops=4, passages_total=20)
    assert (inner.flops, inner.bytes_read) == (2, 5)
    assert (outer.flops, outer.bytes_read) == (7, 5)
    assert outer.passages_total == 30  # the same collection is not counted twice
    assert outer.seconds >= inner.seconds > 0


def test_a_failing_scope_still_counts():
    with metered() as outer:
        with pytest.raises(KeyError), metered():
            spend(flops=3)
            raise KeyError
        spend(flops=1)
    assert outer.flops == 4


def test_scopes_of_tasks_are_apart():
    async def work(amount):
        with metered() as cost:
            spend(flops=amount)
            await asyncio.sleep(0)
            spend(flops=amount)
        return cost.flops

    async def both():
        return await asyncio.gather(work(1), work(10))

    assert asyncio.run(both()) == [2, 20]


def test_one_line_for_people():
    cost = Cost(seconds=0.11, bytes_read=3_100_000, flops=4_400_000_000, passages_read=12,
                passages_total=508_684)  # fmt: skip
    assert cost.line() == "read 12 of 508,684 passages · 3.1 MB · 4.4 GFLOP · 110 ms"
    assert Cost(seconds=2).line() == "2.0 s"
    assert cost.as_dict()["flops"] == 4_400_000_000
