"""Every strategy repeats itself and can be brought back; those that learn beat chance."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from frugally.errors import FitError, UsageError  # noqa: E402
from frugally.fit.architecture import controller, evolution  # noqa: E402
from frugally.fit.architecture.controller import Controller  # noqa: E402
from frugally.fit.architecture.evolution import Evolution  # noqa: E402
from frugally.fit.architecture.fitting import STRATEGIES as SEARCHED  # noqa: E402
from frugally.fit.architecture.random_search import RandomSearch  # noqa: E402
from frugally.fit.architecture.space import Space  # noqa: E402
from frugally.fit.architecture.strategy import replayed  # noqa: E402

SPACE = Space(blocks=2, operations=("identity", "conv_3x3", "separable_3x3", "shuffle_unit"))
FAST = controller.Settings(units=16, rate=0.01, batch=10)
FEW = evolution.Settings(population=20, sample=5)
STRATEGIES = {
    "random": RandomSearch,
    "evolution": lambda space, seed: Evolution(space, seed, FEW),
    "controller": lambda space, seed: Controller(space, seed, FAST),
}


def worth(decisions):
    """The share of operations that are the ShuffleNet unit."""
    cell = SPACE.decode(decisions)
    names = [
        name for wiring in (cell.normal, cell.reduction) for b in wiring.blocks
        for name in b.operations
    ]  # fmt: skip
    return names.count("shuffle_unit") / len(names)


def run(strategy, count):
    """Proposals and rewards; some rewards come late, some never do."""
    events, late = [], []
    for number in range(count):
        decisions = strategy.propose()
        events.append(decisions)
        late.append((decisions, None if number % 7 == 3 else worth(decisions)))
        if number % 3 != 1:
            for one in reversed(late):
                strategy.tell(*one)
                events.append(one)
            late.clear()
    return events


def rewards(strategy, count):
    found = []
    for _ in range(count):
        decisions = strategy.propose()
        found.append(worth(decisions))
        strategy.tell(decisions, found[-1])
    return found


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_same_seed_proposes_the_same(name):
    one, other, changed = (run(STRATEGIES[name](SPACE, seed), 25) for seed in (3, 3, 4))
    assert one == other
    assert one != changed


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_is_brought_back_by_what_happened(name):
    strategy = STRATEGIES[name](SPACE, 3)
    events = run(strategy, 35)
    again = STRATEGIES[name](SPACE, 3)
    replayed(again, events)
    assert run(again, 20) == run(strategy, 20)


@pytest.mark.parametrize("name", STRATEGIES)
def test_what_was_proposed_by_another_is_refused(name):
    events = run(STRATEGIES[name](SPACE, 3), 10)
    with pytest.raises(FitError, match="does not propose what it did"):
        replayed(STRATEGIES[name](SPACE, 4), events)


@pytest.mark.parametrize("name", STRATEGIES)
def test_what_was_never_proposed_can_be_told(name):
    strategy = STRATEGIES[name](SPACE, 3)
    chance = np.random.default_rng(0)
    for _ in range(25):
        strategy.tell(SPACE.sample(chance), 0.5)
    SPACE.decode(strategy.propose())


@pytest.mark.parametrize(("name", "count", "reached"), [("evolution", 300, 0.8),
                                                        ("controller", 300, 0.8)])  # fmt: skip
def test_learning_is_better_than_chance(name, count, reached):
    learnt = rewards(STRATEGIES[name](SPACE, 1), count)
    chance = rewards(RandomSearch(SPACE, 1), count)
    assert np.mean(chance[-100:]) == pytest.approx(0.25, abs=0.05)
    assert np.mean(learnt[:20]) < 0.45
    assert np.mean(learnt[-100:]) > reached


@pytest.mark.parametrize("name", ["evolution", "controller"])
def test_as_a_search_has_them_they_learn_from_some_hundred_cells(name):
    learnt = rewards(SEARCHED[name](SPACE, 1), 300)
    assert np.mean(learnt[-100:]) > 0.7


def test_the_papers_settings_learn_too():
    """Of 100 units, at the paper's rate: slower, but better than chance soon."""
    learnt = rewards(Controller(SPACE, 1), 400)
    assert np.mean(learnt[-100:]) > 0.4


def test_random_search_meets_no_cell_twice():
    search = RandomSearch(Space(blocks=1, operations=("identity", "max_3x3")), 0)
    # Ten pairs of a state and an operation, added or side by side, in each of two cells.
    digests = [search._space.decode(search.propose()).digest for _ in range(200)]
    assert len(set(digests)) == 200


def test_a_space_that_is_used_up_is_no_trap():
    search = RandomSearch(Space(blocks=1, operations=("identity",), combinations=("add",)), 0)
    assert len({search._space.decode(search.propose()).digest for _ in range(12)}) == 9


def test_the_oldest_dies():
    space = Space(blocks=1)
    strategy = Evolution(space, 0, evolution.Settings(population=3, sample=3, unchanged=0.0))
    told = [strategy.propose() for _ in range(3)]
    for decisions, reward in zip(told, (9.0, 1.0, 2.0), strict=True):
        strategy.tell(decisions, reward)
    assert _apart(strategy.propose(), told[0]) == 1  # all three drawn, mostly: the best
    strategy.tell(told[1], 3.0)  # the one with 9 is the oldest
    for _ in range(20):
        child = strategy.propose()
        assert min(_apart(child, one) for one in told[1:]) == 1


def _apart(one, other):
    return sum(a != b for a, b in zip(one, other, strict=True))


def test_a_child_differs_in_one_decision():
    space = Space.paper()
    strategy = Evolution(space, 0, evolution.Settings(population=1, sample=1))
    parent = strategy.propose()
    strategy.tell(parent, 1.0)
    apart = [_apart(strategy.propose(), parent) for _ in range(300)]
    assert set(apart) == {0, 1}
    assert apart.count(0) / 300 == pytest.approx(0.05, abs=0.04)


def test_what_came_to_nothing_has_no_children():
    strategy = Evolution(Space(blocks=1), 0, evolution.Settings(population=2, sample=1))
    for _ in range(5):
        strategy.tell(strategy.propose(), None)
    strategy.propose()
    assert not strategy._population


@pytest.mark.parametrize(
    "settings",
    [lambda: evolution.Settings(sample=0), lambda: evolution.Settings(population=3, sample=4),
     lambda: evolution.Settings(unchanged=1.0), lambda: controller.Settings(batch=0),
     lambda: controller.Settings(rate=0), lambda: controller.Settings(baseline=1.0)],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused(settings):
    with pytest.raises(UsageError):
        settings()
