"""The network that is trained keeps its budget as it is written, and is not much smaller."""

import numpy as np
import pytest

pytest.importorskip("torch")

from frugally.budget import Budget
from frugally.errors import BudgetError
from frugally.fit.vision import budgeting
from frugally.fit.vision.budgeting import Candidates, Planning
from frugally.fit.vision.forms import Choice, written
from frugally.fit.vision.pictures import Pictures, PictureSet
from frugally.fit.vision.training import Settings
from frugally.nets.vision.image_classifier import Input

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
    and the names of all that were written."""
    seen = []

    def plan(budget, times=1.0, **candidates):
        def optimised(graph, weights):
            seen.append(graph.name)
            choice = Choice(network=graph.name, image=graph.input)
            return written(graph, weights, choice), choice

        monkeypatch.setattr(budgeting, "optimised", optimised)
        monkeypatch.setattr(budgeting, "timed", lambda model, _: times * len(model) * 1e-9)
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
    assert planned.seen == ["resnet-20"]


def test_the_smallest_need_not_be_in_its_quickest_form(planned):
    """That may be larger than it is counted, or than the budget."""
    with pytest.raises(BudgetError) as refused:
        planned("1B")
    needed = refused.value.hint.split("needs ")[1].split()[0]
    exact = planned(needed).graph
    assert exact.name == "quick-resnet-0.25x"
    with pytest.raises(BudgetError):
        planned(f"{int(needed[:-1]) - 200}B")
