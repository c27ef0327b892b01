"""What a search shows is told by chance, and found where it was put."""

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from PIL import Image

from frugally.errors import CorruptionError, UsageError
from frugally.fit.architecture.fitting import TRIALS
from frugally.fit.architecture.learned import LEAST, has_residual, learn
from frugally.fit.architecture.learned_page import OPERATIONS, findings, page, write
from frugally.fit.architecture.space import Space
from frugally.fit.architecture.trials import Trials
from frugally.nets.vision.cells.cell import Block, Cell, Wiring

SPACE = Space.paper(grouped=True, blocks=3)
ABOUT = {"space": SPACE.as_dict(), "strategy": "random"}


def tried(folder, reward, count=300, space=SPACE):
    """Trials of random cells, with rewards that a function gives."""
    random = np.random.default_rng(0)
    with Trials(folder / TRIALS, {**ABOUT, "space": space.as_dict()}) as trials:
        trials._database.execute("PRAGMA synchronous=OFF")
        for _ in range(count):
            decisions = space.sample(random)
            cell = space.decode(decisions)
            trial = trials.begin(decisions, cell, 1)
            trials.end(trial.number, "done", reward=reward(cell, random))


def operations(cell):
    return [o for w in (cell.normal, cell.reduction) for b in w.blocks for o in b.operations]


def test_what_was_put_in_is_found(tmp_path):
    def reward(cell, random):
        names = operations(cell.canonical())
        return (
            0.5 + random.normal(0, 0.02) + 0.1 * names.count("grouped_3x3")
            - 0.1 * names.count("conv_3x3") + 0.3 * has_residual(cell)
        )  # fmt: skip

    tried(tmp_path, reward)
    found = learn(tmp_path)
    assert (found.cells, found.top) == (300, 30)
    assert found.operations["grouped_3x3"].told == 1
    assert found.operations["conv_3x3"].told == -1
    assert found.grouped is not None
    assert found.grouped.told == 1
    assert found.residual.told == 1
    assert found.residual.low < 0.3 < found.residual.high + 0.1
    assert sum(found.residual_counts) == 300
    assert found.residual_top.told == 1
    told = "\n".join(findings(found))
    for words in ("convolution is avoided", "chosen more often than by chance", "connections help"):
        assert words in told
    json.loads(json.dumps(found.as_dict(), allow_nan=False))
    write(tmp_path, found)
    assert (tmp_path / "learned.md").read_text() == page(found)
    with Image.open(tmp_path / OPERATIONS) as drawn:
        assert drawn.size[0] > 500


def test_noise_is_not_told_for_a_finding(tmp_path):
    tried(tmp_path, lambda cell, random: random.normal())
    found = learn(tmp_path)
    assert sum(one.told != 0 for one in found.operations.values()) <= 3
    assert found.residual.told == 0
    for name, (mine, chance) in found.shares.items():
        assert chance == pytest.approx(1 / 16, abs=0.02), name
        assert mine == pytest.approx(chance * found.operations[name].value)


def test_pools_that_follow_pools_are_seen(tmp_path):
    pools = {"max_3x3", "max_5x5", "max_7x7", "average_3x3"}

    def reward(cell, random):
        form = cell.canonical()
        return random.normal(0, 0.1) + sum(
            not (set(wiring.blocks[state - 2].operations) & pools and name in pools)
            for wiring in (form.normal, form.reduction)
            for block in wiring.blocks
            for state, name in block.pairs
            if state >= 2
        )

    tried(tmp_path, reward, 400)
    assert learn(tmp_path).pool_after_pool.value < learn(tmp_path).pool_after_pool_chance


def test_residuals_are_identities_added_to_something_else():
    def normal(*blocks):
        plain = Wiring((Block((0, 1), ("conv_1x1", "conv_1x1")),))
        return Cell(Wiring(blocks), plain)

    assert has_residual(normal(Block((1, 1), ("identity", "conv_3x3"))))
    assert not has_residual(normal(Block((1, 0), ("identity", "identity"))))
    assert not has_residual(normal(Block((1, 0), ("identity", "conv_3x3"), "concat")))
    assert not has_residual(normal(Block((1, 0), ("max_3x3", "conv_3x3"))))


def test_a_space_without_some_operations(tmp_path):
    space = replace(SPACE, operations=("conv_1x1", "separable_3x3"))
    tried(tmp_path, lambda cell, random: random.normal(), 40, space)
    found = learn(tmp_path)
    assert found.grouped is None
    assert found.residual_counts[0] == 0
    assert np.isnan(found.residual.value)
    assert "learned-rewards.png" in page(found)
    json.dumps(found.as_dict(), allow_nan=False)


def test_what_cannot_be_learned_from_is_refused(tmp_path):
    with pytest.raises(UsageError, match="holds no search"):
        learn(tmp_path)
    tried(tmp_path, lambda cell, random: 0.5, LEAST - 1)
    with pytest.raises(UsageError, match=f"{LEAST} or more are needed"):
        learn(tmp_path)
    (tmp_path / TRIALS).write_bytes(b"nothing that SQLite knows")
    with pytest.raises(CorruptionError, match="is damaged"):
        learn(tmp_path)
