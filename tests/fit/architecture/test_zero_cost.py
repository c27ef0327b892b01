"""Scores of untrained networks are those of their formulas, and order what is plainly ordered."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from small_cells import ALL, SMALL, pictures, uniform  # noqa: E402

from frugally.errors import UsageError  # noqa: E402
from frugally.fit.architecture.proxy import Proxy  # noqa: E402
from frugally.fit.architecture.zero_cost import (  # noqa: E402
    gradient_norm,
    kernel_score,
    synaptic_flow,
)
from frugally.fit.vision.pictures import PictureSet  # noqa: E402
from frugally.fit.vision.weights import random_weights  # noqa: E402
from frugally.nets.vision.cells.stacking import stacked  # noqa: E402
from frugally.nets.vision.graph import Builder  # noqa: E402
from frugally.nets.vision.layers import Flatten, Linear  # noqa: E402

IMAGES = np.random.default_rng(0).standard_normal((6, 3, 8, 8), np.float32)
LABELS = np.arange(6) % 2


def linear(*, relu):
    """3 numbers to 5, perhaps ReLU, to 2."""
    builder = Builder("linear", (3, 1, 1))
    x = builder.add("flat", Flatten(), builder.image)
    x = builder.add("first", Linear(out=5, bias=False), x)
    x = builder.activation(x) if relu else x
    builder.add("last", Linear(out=2, bias=False), x)
    return builder.build()


def test_the_kernel_counts_relus_that_agree():
    graph, x = linear(relu=True), IMAGES[:, :, :1, :1]
    codes = x[:, :, 0, 0] @ random_weights(graph, 3)["first.weight"].T > 0
    kernel = np.array([[(one == other).sum() for one in codes] for other in codes], float)
    sign, logarithm = np.linalg.slogdet(kernel)
    expected = logarithm if sign else -np.inf
    assert kernel_score(graph, x, seed=3) == pytest.approx(expected)


def test_images_that_look_alike_score_nothing():
    assert kernel_score(linear(relu=True), IMAGES[[0, 0], :, :1, :1]) == -np.inf
    with pytest.raises(UsageError, match="no ReLU"):
        kernel_score(linear(relu=False), IMAGES[:, :, :1, :1])


@pytest.mark.parametrize("relu", [True, False])
def test_the_flow_is_that_of_all_paths(relu):
    """Σ |w ∂R / ∂w| is R for each layer: twice the flow."""
    graph = linear(relu=relu)
    weights = random_weights(graph, 3)
    first, last = (np.abs(weights[f"{name}.weight"]).astype(float) for name in ("first", "last"))
    flow = (last @ first @ np.ones(3)).sum()
    assert synaptic_flow(graph, seed=3) == pytest.approx(np.log(2 * flow))


def test_the_gradients_length_is_that_of_the_loss():
    graph, x = linear(relu=False), IMAGES[:, :, :1, :1]
    weights = random_weights(graph, 3)
    first, last = (weights[f"{name}.weight"].astype(float) for name in ("first", "last"))
    given = x[:, :, 0, 0].astype(float)
    scores = given @ first.T @ last.T
    wrong = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True) - np.eye(2)[LABELS]
    by_last = wrong.T @ (given @ first.T) / 6
    by_first = (wrong @ last).T @ given / 6
    expected = np.sqrt((by_last**2).sum() + (by_first**2).sum())
    assert gradient_norm(graph, x, LABELS, seed=3) == pytest.approx(expected, rel=1e-5)


def test_every_cell_has_scores_that_repeat():
    random = np.random.default_rng(2)
    for _ in range(3):
        graph = stacked(ALL.decode(ALL.sample(random)), SMALL, 8, 2)
        for score in (
            lambda g: kernel_score(g, IMAGES),
            synaptic_flow,
            lambda g: gradient_norm(g, IMAGES, LABELS),
        ):
            assert np.isfinite(score(graph))
            assert score(graph) == score(graph)


def test_more_relus_tell_images_apart_better():
    plain, rich = (stacked(uniform(name), SMALL, 8, 2) for name in ("max_3x3", "separable_3x3"))
    assert kernel_score(rich, IMAGES) > kernel_score(plain, IMAGES)
    assert synaptic_flow(rich) > synaptic_flow(plain)


@pytest.mark.parametrize("kind", ["kernel", "gradient"])
def test_copies_of_a_picture_are_looked_at_once(kind):
    """No network tells them apart, so that the kernel of all would have no determinant."""
    plain = pictures()
    rows = [0, *range(len(plain)), 0]
    copies = PictureSet(plain.images[rows], plain.labels[rows], plain.classes)
    scores = [
        Proxy(some, SMALL, mean=(0.5,) * 3, deviation=(0.25,) * 3, kind=kind, images=len(rows))
        .evaluate(uniform("conv_3x3"), 1, 1)
        for some in (plain, copies)
    ]  # fmt: skip
    assert np.isfinite(scores[0].value)
    assert scores[1].value == pytest.approx(scores[0].value, rel=1e-4)
    assert scores[1].flops == scores[0].flops
