"""The processor count respects a container's quota."""

import os

import pytest

from frugally.nets.cpus import available_cpus


def allowed():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


@pytest.mark.parametrize(("quota", "limit"), [("100000 100000", 1), ("50000 100000", 1)])
def test_cgroup_2_quota_cuts(tmp_path, quota, limit):
    (tmp_path / "cpu.max").write_text(quota + "\n")
    assert available_cpus(tmp_path) == limit


@pytest.mark.parametrize("content", [None, "max 100000\n", "nonsense"])
def test_no_quota_gives_the_affinity(tmp_path, content):
    if content is not None:
        (tmp_path / "cpu.max").write_text(content)
    assert available_cpus(tmp_path) == allowed()


def test_cgroup_1_quota_cuts(tmp_path):
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("100000")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000")
    assert available_cpus(tmp_path) == 1
