"""Networks in 8 bits: smaller, of nearly the same opinion, and made of real images only."""

import logging
from pathlib import Path

import numpy as np
import onnx
import pytest
from random_network import scores, some_images, some_weights

from frugally.errors import UsageError
from frugally.fit.vision import quantisation, timer
from frugally.fit.vision.onnx_export import onnx_model
from frugally.fit.vision.quantisation import quantised
from frugally.nets.vision.graph import Builder


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    monkeypatch.setattr(timer, "_SECONDS", 0.01)


@pytest.fixture(scope="module")
def graph():
    builder = Builder("small", (3, 12, 12))
    x = builder.normalised(builder.image, 64, 3, activation="relu")
    x = builder.normalised(x, 64, 3, groups=2, activation="relu")
    builder.head(x, 10)
    return builder.build()


@pytest.fixture(scope="module")
def model(graph):
    return onnx_model(graph, some_weights(graph))


@pytest.fixture(scope="module")
def batches(graph):
    return [some_images(graph, 8, seed) for seed in range(3)]


@pytest.mark.parametrize("activations", ["uint8", "int8"])
def test_weights_and_activations_in_eight_bits(graph, model, batches, activations):
    small = quantised(model, batches, activations=activations)
    assert small.activations == activations
    assert small.size_ratio == len(small.model) / len(model) < 0.45
    assert small.is_smaller and f" {small.size_ratio:.2f} times its bytes in floats" in str(small)
    assert small.agreement >= 0.75
    assert small.milliseconds > 0 and small.float_milliseconds > 0
    expected, found = (scores(one, some_images(graph, 8, 9)) for one in (model, small.model))
    assert np.corrcoef(expected.reshape(-1), found.reshape(-1))[0, 1] > 0.98


def test_weights_have_a_scale_for_each_channel(model, batches):
    small = onnx.load_from_string(quantised(model, batches[:1], activations="uint8").model)
    sizes = {one.name: tuple(one.dims) for one in small.graph.initializer}
    read = [n.input for n in small.graph.node if n.op_type == "DequantizeLinear"]
    assert [sizes[one[1]] for one in read if len(sizes.get(one[0], ())) == 4] == [(64,), (64,)]


def test_compact_and_to_the_same_scores(graph, model, batches, monkeypatch):
    small = quantised(model, batches[:1], activations="uint8").model
    assert not any(
        one.data_type == onnx.TensorProto.INT32
        for one in onnx.load_from_string(small).graph.initializer
    )
    onnx.checker.check_model(onnx.load_from_string(small), full_check=True)
    monkeypatch.setattr(quantisation, "_compact", Path.read_bytes)
    plain = quantised(model, batches[:1], activations="uint8").model
    assert len(small) < 0.85 * len(plain)
    found, expected = (scores(one, some_images(graph, 8, 9)) for one in (small, plain))
    assert np.array_equal(found, expected)


def test_one_of_the_two_kinds_is_taken(model, batches):
    level = logging.getLogger().level
    assert quantised(model, batches[:1]).activations in ("uint8", "int8")
    assert logging.getLogger().level == level


def test_a_network_that_grows_is_said_to():
    builder = Builder("tiny", (3, 12, 12))
    builder.head(builder.normalised(builder.image, 2, 3, activation="relu"), 2)
    tiny = builder.build()
    model = onnx_model(tiny, some_weights(tiny))
    found = quantised(model, [some_images(tiny, 8, 0)], activations="uint8")
    assert len(found.model) > len(model) == found.float_bytes
    assert not found.is_smaller
    assert f"larger, {len(found.model):,} bytes against {len(model):,}" in str(found)
    told = found.as_dict()
    assert (told["smaller"], told["bytes"]) == (False, len(found.model))
    assert told["size_ratio"] > 1
    assert "model" not in told


@pytest.mark.parametrize("none", [[], [np.empty((0, 3, 12, 12), np.float32)]])
def test_without_images_there_is_no_range(model, none):
    with pytest.raises(UsageError, match="there are none"):
        quantised(model, none)


def test_there_are_no_other_kinds(model, batches):
    with pytest.raises(UsageError, match="uint8 or int8, not int4"):
        quantised(model, batches, activations="int4")
