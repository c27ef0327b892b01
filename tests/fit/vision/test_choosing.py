"""The largest network that keeps a budget, against going through all of them."""

import pytest

from frugally.budget import Budget
from frugally.fit.vision.choosing import choose, stored_bytes
from frugally.nets.vision.registry import make

SHUFFLENETS = {
    groups: [make(f"shufflenet-{0.05 * step:.4g}x-g{groups}", 32, 10) for step in range(1, 50)]
    for groups in (1, 2, 3, 4, 8)
}


def largest(keeps):
    """Of those of as many multiply-adds as the most, to within 3 %, the one of most weights."""
    kept = [[one for one in some if keeps(one)][-1] for some in SHUFFLENETS.values()]
    most = max(one.macs for one in kept)
    return max((one for one in kept if one.macs >= 0.97 * most), key=lambda one: one.parameters)


def chosen(budget, *families, bits=32, seconds=lambda _: pytest.fail("measured")):
    return choose(Budget.parse(budget), families, side=32, classes=10, bits=bits, seconds=seconds)


@pytest.mark.parametrize("megas", [1, 5, 20, 44])
def test_multiply_adds_choose_scale_and_groups(megas):
    found = chosen(f"{megas}MMAC", "shufflenet")
    assert found.name == largest(lambda one: one.macs <= 1e6 * megas).name


@pytest.mark.parametrize(("size", "bits"), [(300_000, 32), (300_000, 8), (2_000_000, 32)])
def test_bytes_choose_scale_and_groups(size, bits):
    found = chosen(f"{size}B", "shufflenet", bits=bits)
    assert found.name == largest(lambda one: stored_bytes(one, bits) <= size).name


def test_time_is_measured_where_it_limits():
    measured = []

    def seconds(graph):
        measured.append(graph.name)
        return 1e-9 * graph.macs

    found = chosen("20ms", "shufflenet", seconds=seconds)
    assert found.name == largest(lambda one: one.macs <= 2e7).name
    assert len(measured) < 60


def test_of_families_the_one_with_more_multiply_adds():
    alone = [chosen("500KB", family) for family in ("shufflenet", "quick-resnet", "mobilenet")]
    found = chosen("500KB", "shufflenet", "quick-resnet", "mobilenet")
    most = max(one.macs for one in alone)
    equals = [one for one in alone if one.macs >= 0.97 * most]
    assert found.name == max(equals, key=lambda one: one.parameters).name
