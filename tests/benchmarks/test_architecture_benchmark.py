"""The tables of the architecture benchmark say what was kept."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("scipy")

from benchmarks.architecture.tables import render, tau


def test_rank_correlation_has_an_interval():
    random = np.random.default_rng(0)
    truth = random.normal(size=60)
    assert tau(truth, truth)[0] == 1
    value, low, high = tau(truth + random.normal(0, 1, 60), truth)
    assert 0.2 < low < value < high < 0.9
    _, low, high = tau(random.normal(size=60), truth)
    assert low < 0 < high


def test_what_is_not_there_has_no_table():
    assert render({"results": {}}) == ""
    score = {"parameters": 1e5, "macs": 1e6}
    rows = {
        f"correlation {n}": {
            **score,
            **{k: [n / 9, 1.0, 1] for k in ("kernel", "flow", "gradient", "shared", "short")},
            "long": [n / 7, 10.0],
            "random shuffles": 5 - n,
        }
        for n in range(5)
    }
    trained = {"accuracy": 0.5, "milliseconds": 2.0, **score}
    rows |= {"winner ours seed 0": trained, "winner ours seed 1": {**trained, "accuracy": 0.6}}
    rows["winner ours quickest"] = 1.5
    rows["shared weights"] = 5e9
    rows["winner resnet network"] = "too slow"
    told = render({"results": rows})
    assert "| short | 1.00 |" in told
    assert "| fewest random shuffles | 1.00 |" in told
    assert "| ours | 55.00 ± 7.07 | 2 | 0.10 | 1.00 | 2.00 | 1.50 |" in told
    assert "| 1.0 | 1.0e+09 |" in told  # of the training of shared weights, for one of five cells
    assert "too slow" in told


def test_each_strategy_is_compared_with_chance():
    told = {
        f"strategies {name} seed {seed}": {
            "accuracy": accuracy, "parameters": 1e5, "macs": 1e6, "milliseconds": 1.0,
        }
        for name, accuracies in (
            ("evolution", (0.6, 0.62, 0.64)), ("random", (0.5, 0.5, 0.5)),
            ("chance a", (0.5,)), ("chance b", (0.54,)), ("chance c", (0.52,)),
            ("steady b", (0.54,)), ("steady c", (0.52,)),
        )
        for seed, accuracy in enumerate(accuracies)
    }  # fmt: skip
    made = render({"results": told})
    assert "less the mean of 3 random cells within the bound" in made
    # √(2² / 3 + 2² / 3) = 1.63 points, and without a spread of its own 1.15
    assert "| evolution | +10.00 | 1.63 | +6.1 |" in made
    assert "| random | -2.00 | 1.15 | -1.7 |" in made
    assert "less the mean of 2 random cells without random shuffle within the bound" in made
    assert "| random | -3.00 | 1.00 | -3.0 |" in made


def test_what_a_search_takes_is_told_in_core_hours():
    ratio = {"value": 2.0, "chance_low": 0.5, "chance_high": 1.5}
    one = {
        "proposed": 9, "scored": 3, "best": 0.5, "mean": 0.4, "flops": 1e13, "seconds": 1800,
        "finalists": [{"score": 0.6}], "learned": {
            "operations": {"conv_3x3": {**ratio, "value": 1.0}, "identity": ratio},
            "grouped": None, "residual_top": {**ratio, "value": None}, "cells": 30, "top": 5,
            "residual": {"value": -0.01, "chance_low": -0.02, "chance_high": 0.02},
            "pool_after_pool": {"value": 0.3, "chance_low": -0.1, "chance_high": 0.2},
            "pool_after_pool_chance": 0.05,
        },
    }  # fmt: skip
    results = {"search random macs all": one, "learned together": one["learned"]}
    made = render({"results": results, "machine": {"cores": 2}})
    assert (
        "| random macs all | 9 | 3 | 0.500 | 0.400 | 0.600 | 1e+13 | 1.00 | 160,704,000 |" in made
    )
    assert "| `conv_3x3` | 1.00 | 1.00 |\n| `identity` | **2.00** | **2.00** |" in made
    assert "| cells scored, and the best of them | 30, 5 | 30, 5 |" in made
    assert "elsewhere, by | **+0.30** | **+0.30** |" in made
