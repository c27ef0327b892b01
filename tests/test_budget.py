"""Budgets are read as people write them, and refuse what exceeds them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugally.budget import Budget, format_bytes, format_flops, format_seconds, parse_bytes
from frugally.errors import BudgetError, UsageError


@pytest.mark.parametrize(
    ("text", "size"),
    [("500KB", 500_000), ("1.5 MB", 1_500_000), ("1GiB", 2**30), ("2 kib", 2048), ("7", 7),
     ("8b", 8), (" 3T ", 3 * 10**12), ("0.00001GB", 10_000)],
)  # fmt: skip
def test_bytes(text, size):
    assert parse_bytes(text) == size
    assert text.strip().isdigit() or "T" in text or Budget.parse(text).size == size


@pytest.mark.parametrize("text", ["", "KB", "1XB", "-1KB", "1 2KB", "1KBs", "9" * 400])
def test_nonsense_bytes(text):
    with pytest.raises(UsageError):
        parse_bytes(text)


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("500KB 40MFLOP 5ms", Budget(size=500_000, flops=40_000_000, seconds=0.005)),
        ("5ms,500KB", Budget(size=500_000, seconds=0.005)),
        ("2 GFLOPs", Budget(flops=2 * 10**9)),
        ("1e3flop", Budget(flops=1000)),
        ("20passages", Budget(passages=20)),
        ("1 passage 2h", Budget(passages=1, seconds=7200.0)),
        ("250us", Budget(seconds=250e-6)),
        ("3µs", Budget(seconds=3e-6)),
        ("1.5min", Budget(seconds=90.0)),
        ("1e3KB", Budget(size=1_000_000)),
    ],
)
def test_budgets(text, budget):
    assert Budget.parse(text) == budget


@pytest.mark.parametrize(
    "text",
    ["", "  ", "fast", "5", "5 parsecs", "5KB 6MB", "1s 2h", "5KB, ,", "1FLOP 2flops", "-5ms",
     "1e400FLOP", "1e400s", "5KiFLOP"],
)  # fmt: skip
def test_nonsense_budgets(text):
    with pytest.raises(UsageError) as caught:
        Budget.parse(text)
    assert caught.value.message


@given(st.one_of(st.text(), st.from_regex(r"\d{1,400}(\.\d+)?(e\d+)? ?[a-zµA-Z]{0,6}")))
def test_any_text_is_a_budget_or_a_usage_error(text):
    for read in (Budget.parse, parse_bytes):
        with contextlib.suppress(UsageError):
            read(text)


def test_check_names_the_limit_and_what_would_hold():
    budget = Budget.parse("500KB 40MFLOP 5ms 3passages")
    budget.check(size=500_000, flops=40_000_000, seconds=0.005, passages=3)
    budget.check()
    Budget(size=1).check(flops=10**30)
    for spent, shown in [
        ({"size": 612_000}, "612 kB"),
        ({"flops": 41_000_000}, "41 MFLOP"),
        ({"seconds": 0.0061}, "6.1 ms"),
        ({"passages": 4}, "4 passages"),
    ]:
        with pytest.raises(BudgetError, match=next(iter(spent))) as caught:
            budget.check(**spent)
        assert shown in caught.value.hint


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (format_bytes(0), "0 B"),
        (format_bytes(3_140_000), "3.14 MB"),
        (format_bytes(123_456), "123 kB"),
        (format_bytes(5e15), "5000 TB"),
        (format_flops(4.4e9), "4.4 GFLOP"),
        (format_seconds(0.11), "110 ms"),
        (format_seconds(2.5), "2.5 s"),
        (format_seconds(250), "4 min 10 s"),
        (format_seconds(12e-6), "12 µs"),
    ],
)
def test_amounts_for_people(shown, text):
    assert shown == text


def test_a_budget_shows_its_limits():
    assert str(Budget.parse("5ms 500KB 2passages")) == "500kB 5ms 2passages"


@pytest.mark.parametrize("text", ["60KB/token", "5us/banana", "1MFLOP/foo"])
def test_what_a_limit_is_by_must_make_sense(text):
    with pytest.raises(UsageError, match="is not by the"):
        Budget.parse(text)


def test_bytes_in_words():
    assert Budget.parse("17723 bytes") == Budget(size=17_723)
