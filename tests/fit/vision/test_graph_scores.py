"""What a graph says of pictures, and how sure it is of it."""

import numpy as np
import pytest

pytest.importorskip("torch")

from frugally.fit.vision.graph_scores import accuracy, calibrated, scores_of_pictures
from frugally.fit.vision.pictures import PictureSet
from frugally.fit.vision.weights import random_weights
from frugally.nets.vision.graph import Builder
from frugally.nets.vision.image_classifier import Input

GIVEN = Input(height=6, width=6, mean=(0.5, 0.5, 0.5), deviation=(0.2, 0.2, 0.2))


def network(*, ends_otherwise=False):
    builder = Builder("tiny", (3, 6, 6))
    x = builder.head(builder.convolution(builder.image, 16, 3), 3)
    if ends_otherwise:
        builder.activation(x, "tanh")
    return builder.build()


def pictures(count):
    random = np.random.default_rng(0)
    tints = random.integers(0, 256, (count, 1, 1, 3))
    images = (tints + random.integers(-20, 20, (count, 6, 6, 3))).clip(0, 255).astype(np.uint8)
    return PictureSet(images, np.zeros(count, np.int64), ("a", "b", "c"))


def drawn(graph, weights, some, power):
    """The pictures with labels as likely as a network says, if it were `power` times as sure."""
    said = power * scores_of_pictures(graph, weights, some, GIVEN).astype(np.float64)
    likely = np.exp(said - said.max(axis=1, keepdims=True))
    bounds = np.cumsum(likely / likely.sum(axis=1, keepdims=True), axis=1)
    draws = np.random.default_rng(1).random((len(some), 1))
    return PictureSet(some.images, (draws > bounds[:, :-1]).sum(axis=1), some.classes)


@pytest.mark.parametrize("power", [0.5, 2.5])
def test_probabilities_are_made_as_sure_as_they_are_right(power):
    graph, some = network(), pictures(4000)
    weights = random_weights(graph, 1)
    weights = {**weights, "linear.weight": 3 * weights["linear.weight"]}
    some = drawn(graph, weights, some, power)
    arrays, heat = calibrated(graph, weights, some, GIVEN)
    assert heat == pytest.approx(1 / power, rel=0.15)
    before, after = (scores_of_pictures(graph, w, some, GIVEN) for w in (weights, arrays))
    np.testing.assert_allclose(after, before / heat, rtol=1e-4, atol=1e-5)
    assert accuracy(graph, arrays, some, GIVEN) == accuracy(graph, weights, some, GIVEN)
    assert accuracy(graph, weights, some, GIVEN) == (before.argmax(axis=1) == some.labels).mean()


@pytest.mark.parametrize(("count", "ends_otherwise"), [(0, False), (99, False), (200, True)])
def test_nothing_is_told_by_few_or_of_another_end(count, ends_otherwise):
    graph = network(ends_otherwise=ends_otherwise)
    weights = random_weights(graph, 1)
    arrays, heat = calibrated(graph, weights, pictures(count), GIVEN)
    assert heat == 1.0
    assert all(np.array_equal(arrays[name], weights[name]) for name in weights)
    assert accuracy(graph, weights, pictures(0), GIVEN) == 0
