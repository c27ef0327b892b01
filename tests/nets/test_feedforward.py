"""Small nets without torch: what they compute, and how they are kept."""

import json

import numpy as np
import pytest

from frugally.errors import NetError
from frugally.nets.card import CARD, NETWORK
from frugally.nets.feedforward import FeedForward, Group, Shape, mean_of_rows, save_feedforward
from frugally.nets.kernels import dense_logits
from frugally.nets.quantised import Quantised

SHAPE = Shape(
    groups=(Group(name="a", rows=5, width=3, slots=2), Group(name="b", rows=4, width=2)),
    hidden=6,
    labels=3,
)


def arrays(seed=0):
    random = np.random.default_rng(seed)
    return {
        "tables": {g.name: random.normal(size=(g.rows, g.width)) for g in SHAPE.groups},
        "hidden": (random.normal(size=(6, 8)), random.normal(size=6)),
        "output": (random.normal(size=(3, 6)), random.normal(size=3)),
    }


@pytest.fixture
def folder(tmp_path):
    save_feedforward(tmp_path, SHAPE, **arrays(), card={"task": "toy", "labels": ["x", "y", "z"]})
    return tmp_path


def test_a_kept_net_computes_the_formula(folder):
    net, card = FeedForward.load(folder, "toy")
    assert card["labels"] == ["x", "y", "z"]
    h0 = np.random.default_rng(1).normal(size=(4, 8)).astype(np.float32)
    (w, b), (v, c) = arrays()["hidden"], arrays()["output"]
    by_hand = np.maximum(h0 @ w.T + b, 0) @ v.T + c
    np.testing.assert_allclose(net.logits(h0), by_hand, atol=0.2)  # eight bits
    assert np.abs(net.probabilities(h0).sum(axis=1) - 1).max() < 1e-6


def test_the_dense_kernel_says_what_the_matrices_say(folder):
    net, _ = FeedForward.load(folder, "toy")
    h0 = np.random.default_rng(2).normal(size=(9, 8)).astype(np.float32)
    found = np.empty((9, 3), np.float32)
    dense_logits(
        h0,
        np.ascontiguousarray(net.hidden_weight.T),
        net.hidden_bias,
        np.ascontiguousarray(net.output_weight.T),
        net.output_bias,
        found,
    )
    np.testing.assert_allclose(found, net.logits(h0), rtol=1e-4, atol=1e-5)


def test_the_size_is_counted_right(folder):
    size = (folder / NETWORK).stat().st_size
    header = 8 + int.from_bytes((folder / NETWORK).read_bytes()[:8], "little")
    assert size - header == SHAPE.size
    assert SHAPE.weights == 5 * 3 + 4 * 2 + 9 * 6 + 7 * 3


def test_means_of_rows_by_hand():
    table = Quantised.of(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, -6.0]]))
    out = np.full((3, 2), np.nan, np.float32)
    mean_of_rows(table, np.array([0, 1, 2], np.int32), np.array([2, 2, 3]), out)
    np.testing.assert_allclose(out, [[2, 3], [0, 0], [5, -6]], atol=0.05)


def break_card(folder, **changes):
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps({**card, **changes}))


def test_damaged_and_foreign_nets_are_refused(folder):
    with pytest.raises(NetError, match="for toy, not for other"):
        FeedForward.load(folder, "other")
    with pytest.raises(NetError, match="holds no net"):
        FeedForward.load(folder / "none", "toy")
    break_card(folder, format=2)
    with pytest.raises(NetError, match="reads up to 1") as error:
        FeedForward.load(folder, "toy")
    assert "upgrade" in error.value.hint


@pytest.mark.parametrize("keep", [0, 7, 100, -1])
def test_a_truncated_net_is_refused(folder, keep):
    whole = (folder / NETWORK).read_bytes()
    (folder / NETWORK).write_bytes(whole[:keep])
    with pytest.raises(NetError, match="its card says"):
        FeedForward.load(folder, "toy")


def test_a_flipped_bit_is_found(folder):
    whole = bytearray((folder / NETWORK).read_bytes())
    whole[-5] ^= 1
    (folder / NETWORK).write_bytes(whole)
    with pytest.raises(NetError, match="checksum"):
        FeedForward.load(folder, "toy")


def test_arrays_of_another_shape_are_refused(folder):
    shape = json.loads((folder / CARD).read_text())["shape"]
    break_card(folder, shape={**shape, "hidden": 7})
    with pytest.raises(NetError, match="not a whole net"):
        FeedForward.load(folder, "toy")
