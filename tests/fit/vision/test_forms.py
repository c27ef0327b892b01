"""What is chosen gives the same scores, is no slower, and is written again without measuring."""

import json
from dataclasses import replace
from zlib import crc32

import numpy as np
import pytest
from random_network import (
    assert_same,
    plain_scores,
    scores,
    short_shufflenet,
    some_images,
    some_weights,
)

from frugally.errors import NetError
from frugally.fit.architecture.space import Space
from frugally.fit.vision import forms
from frugally.fit.vision.forms import Choice, optimised, written
from frugally.fit.vision.onnx_export import onnx_model
from frugally.nets.vision.cells.stacking import Stack, stacked
from frugally.nets.vision.graph import Builder
from frugally.nets.vision.layers import LocalResponseNorm


class Clock:
    """Instead of the machine's: networks take what a rule says; each that was timed is kept."""

    def __init__(self, cost):
        self.cost, self.seen, self.last = cost, [], 0.0

    def __call__(self, images, threads):
        self.images, self.threads = images, threads
        return self

    def is_quicker(self, model, than):
        self.seen.append(model)
        self.last = self.cost(model)
        return self.last < self.cost(than)

    def milliseconds(self, models):
        return [self.cost(model) for model in models]


@pytest.fixture
def clock(monkeypatch):
    def set_to(cost):
        made = Clock(cost)
        monkeypatch.setattr(forms, "Timer", made)
        return made

    return set_to


@pytest.mark.parametrize("groups", [2, 3, 8])
def test_every_candidate_gives_the_same_scores(clock, groups):
    graph = short_shufflenet(groups)
    weights, images = some_weights(graph), some_images(graph, 1)
    timed = clock(lambda model: 1.0)
    optimised(graph, weights)
    assert len(timed.seen) > 20
    expected = plain_scores(graph, weights, images)
    for model in timed.seen:
        assert_same(scores(model, images), expected)


@pytest.mark.parametrize("seed", [6, pytest.param(range(20), marks=pytest.mark.long)], ids=str)
def test_every_candidate_of_a_cell_gives_the_same_scores(clock, seed):
    space = Space.paper(grouped=True)
    for one in [seed] if isinstance(seed, int) else seed:
        cell = space.decode(space.sample(np.random.default_rng(one)))
        graph = stacked(cell, Stack(cells=1, filters=8), 16)
        weights, images = some_weights(graph), some_images(graph, 1)
        timed = clock(lambda model: crc32(model) % 97)  # as by chance, so that they mix
        optimised(graph, weights)
        expected = plain_scores(graph, weights, images)
        for model in timed.seen:
            assert_same(scores(model, images), expected)


def test_steps_are_built_on_one_another(clock):
    graph = short_shufflenet(3)
    weights, images = some_weights(graph), some_images(graph, 1)
    clock(len)  # the smaller the file, the quicker
    lines = []
    model, choice = optimised(graph, weights, threads=2, batch=3, report=lines.append)
    assert len(model) < len(onnx_model(graph, weights))
    assert (choice.before, choice.after) == (len(onnx_model(graph, weights)), len(model))
    assert (choice.threads, choice.batch, choice.network) == (2, 3, "shufflenet-0.25x-g3")
    assert lines and lines[-1] == f"{graph.name}: {len(model):.2f} ms"
    assert_same(scores(model, images), plain_scores(graph, weights, images))


@pytest.mark.parametrize("cost", [len, lambda model: -len(model), lambda model: crc32(model) % 97])
def test_a_choice_is_written_again_in_the_same_bytes(clock, cost):
    graph = short_shufflenet(3)
    weights = some_weights(graph)
    clock(cost)
    model, choice = optimised(graph, weights)
    kept = Choice.from_dict(json.loads(json.dumps(choice.as_dict())))
    assert kept == choice
    assert written(graph, weights, kept) == model


def test_as_written_if_nothing_is_quicker(clock):
    graph = short_shufflenet(3)
    weights = some_weights(graph)
    original = onnx_model(graph, weights)
    clock(lambda model: float(model != original))
    model, choice = optimised(graph, weights)
    assert model == original and choice.as_written
    assert choice.after == choice.before
    assert written(graph, weights, choice) == model


def test_forms_of_single_layers_are_tried(clock):
    builder = Builder("normed", (3, 16, 16))
    x = builder.add("lrn", LocalResponseNorm(alpha=0.5), builder.convolution(builder.image, 8, 3))
    builder.head(builder.convolution(x, 8, groups=2), 3)
    graph = builder.build()
    weights, images = some_weights(graph), some_images(graph)
    clock(lambda model: -float(b"Sqrt" in model) - float(b"MatMul" in model))
    model, choice = optimised(graph, weights)
    assert (choice.forms["lrn"], choice.forms["conv2"]) == ("convolution", "product")
    assert_same(scores(model, images), plain_scores(graph, weights, images))


def test_measured_in_earnest():
    builder = Builder("short", (3, 16, 16))
    builder.head(builder.normalised(builder.image, 8, 3), 2)
    graph = builder.build()
    weights, images = some_weights(graph), some_images(graph)
    model, choice = optimised(graph, weights)
    assert 0 < choice.after <= choice.before
    for nodes in (choice.nodes_before, choice.nodes_after):
        assert nodes and min(nodes.values()) >= 0
    assert_same(scores(model, images), plain_scores(graph, weights, images))


def test_a_choice_is_for_one_network_and_size():
    graph = short_shufflenet(3)
    for other in (replace(graph, input=(3, 32, 32)), short_shufflenet(2)):
        choice = Choice(network=other.name, image=other.input)
        with pytest.raises(NetError, match="these forms were chosen for"):
            written(graph, some_weights(graph), choice)


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"network": "a"},
        {"network": "a", "image": [3], "x": 1},
        {"network": "a", "image": [3], "layouts": ["conv"]},
        {"network": "a", "image": [3], "forms": {"conv": 1}},
    ],
)
def test_what_is_no_choice_is_refused(entry):
    with pytest.raises(NetError, match="this is no choice of forms"):
        Choice.from_dict(entry)
