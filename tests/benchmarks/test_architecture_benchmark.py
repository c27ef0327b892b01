"""The tables of the architecture benchmark say what was kept."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("scipy")

from benchmarks.architecture_tables import render, tau


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
            "long": [n / 7, 10.0, 5],
        }
        for n in range(5)
    }
    trained = {"accuracy": 0.5, "milliseconds": 2.0, **score}
    rows |= {"winner ours seed 0": trained, "winner ours seed 1": {**trained, "accuracy": 0.6}}
    rows["winner resnet refused"] = "too slow"
    told = render({"results": rows})
    assert "| short | 1.00 |" in told
    assert "| ours | 55.00 ± 7.07 | 2 | 0.10 | 1.00 | 2.00 |" in told
    assert "too slow" in told
