"""The network that is trained keeps its budget as it is written, and is not much smaller."""

import numpy as np
import pytest

pytest.importorskip("torch")

from frugally.budget import Budget
from frugally.errors import BudgetError
from frugally.fit.vision import budgeting
from frugally.fit.vision.budgeting import Candidates, Planning
from frugally.fit.vision.choosing import stored_bytes
from frugally.fit.vision.forms import Choice, written
from frugally.fit.vision.pictures import Pictures, PictureSet
from frugally.fit.vision.training import Settings
from frugally.nets.vision.cells.references import reference
from frugally.nets.vision.image_classifier import Input
from frugally.nets.vision.layers import DropPath

SIDE = 32


def some(count):
    images = np.zeros((count, SIDE, SIDE, 3), np.uint8)
    return PictureSet(images, np.arange(count) % 2, ("a", "b"))


PICTURES = Pictures(
    classes=("a", "b"), seed=0, train=some(8), validation=some(4), test=None, skipped=()
)


@pytest.fixture
def planned(monkeypatch):
    """`planned(budget, times)`: the network, written to take so many `times` its time as counted,
    and the names of all of which the quickest form was looked for. That is so many times `larger`
    and `quicker`, and its choice has threads=2."""
    seen = []

    def plan(budget, times=1.0, larger=1, quicker=1.0, **candidates):
        seen.clear()
        quickest = {}

        def optimised(graph, weights):
            seen.append(graph.name)
            choice = Choice(network=graph.name, image=graph.input, threads=2)
            model = written(graph, weights, choice)
            quickest[larger * model] = len(model) / quicker
            return larger * model, choice

        def timed(model, _):
            return times * 1e-9 * quickest.get(model, len(model))

        monkeypatch.setattr(budgeting, "optimised", optimised)
        monkeypatch.setattr(budgeting, "timed", timed)
        monkeypatch.setattr(budgeting, "quick_forms", lambda *_, **__: {})
        asked = {
            "families": ("quick-resnet",), "network": None, "cell": None, "drop": 0.0,
            "side": SIDE, "classes": 2, "bits": 32,
            "seconds": lambda graph: 4e-9 * graph.parameters,
        }  # fmt: skip
        planning = Planning(
            budget=Budget.parse(budget), pictures=PICTURES, given=Input(height=SIDE, width=SIDE),
            settings=Settings(), told={}, bits=32, report=lambda _: None,
        )  # fmt: skip
        return planning.planned(Candidates(**{**asked, **candidates}))

    plan.seen = seen
    return plan


@pytest.mark.parametrize("times", [0.2, 1.0, 5.0])
def test_time_as_it_is_written_decides(planned, times):
    """Whether that is less or more than what networks were chosen by."""
    found = planned("2ms", times)
    assert 0.7 * 1.8e-3 < found.seconds <= 1.8e-3
    assert len(planned.seen) <= 6


def test_bytes_and_time_are_kept_at_once(planned):
    found = planned("400KB 2ms", 0.2)
    assert 60_000 < found.graph.parameters < 100_000
    assert len(planned.seen) == 1


def test_a_named_network_is_written_once(planned):
    with pytest.raises(BudgetError, match="resnet-20 does not keep within") as refused:
        planned("1us", network="resnet-20")
    assert planned.seen == ["resnet-20"]
    assert refused.value.hint.startswith("it needs")
    with pytest.raises(BudgetError):
        planned("1kFLOP", network="resnet-20")
    assert planned.seen == []


def test_the_smallest_need_not_be_in_its_quickest_form(planned):
    """That may be larger than it is counted, or than the budget."""
    with pytest.raises(BudgetError) as refused:
        planned("1B")
    needed = refused.value.hint.split("needs ")[1].split()[0]
    exact = planned(needed, larger=2)
    assert exact.graph.name == "quick-resnet-0.05x"
    assert exact.choice.threads == 1
    with pytest.raises(BudgetError):
        planned(f"{int(needed[:-1]) - 200}B")


def test_its_quickest_form_may_keep_what_the_smallest_as_counted_does_not(planned):
    milliseconds = 1e3 * planned("1s", network="quick-resnet-0.05x").seconds
    budget = f"{0.8 * milliseconds:.6f}ms"
    for asked in ({"network": "quick-resnet-0.05x"}, {}):
        found = planned(budget, quicker=2.0, **asked)
        assert (found.graph.name, found.choice.threads) == ("quick-resnet-0.05x", 2)
        with pytest.raises(BudgetError) as refused:
            planned(f"{0.4 * milliseconds:.6f}ms", quicker=2.0, **asked)
        needed = refused.value.hint.split()[-1]
        assert planned(needed, quicker=2.0, **asked).graph.name == "quick-resnet-0.05x"
        assert Budget.parse(needed).seconds < 0.7e-3 * milliseconds


def test_bytes_are_not_given_for_a_speed_that_nobody_asked_for(planned):
    """A network of a third would be in its quickest form."""
    as_counted, threefold = planned("400KB"), planned("400KB", larger=3)
    assert threefold.graph == as_counted.graph
    assert (as_counted.choice.threads, threefold.choice.threads) == (2, 1)


def test_paths_that_are_dropped_take_no_bytes(planned):
    """Of networks that are too large with their card, too."""
    cell = reference("nasnet-a")
    for largest in range(500_000, 1_000_000, 100_000):
        size = stored_bytes(planned(f"{largest}B", cell=cell).graph, 32)
        without, dropped = (planned(f"{size}B", cell=cell, drop=drop) for drop in (0.0, 0.2))
        assert without.graph.parameters == dropped.graph.parameters
        assert planned.seen
        assert any(isinstance(node.layer, DropPath) for node in dropped.graph.nodes)
