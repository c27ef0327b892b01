"""Weights to start from, and files of them."""

import numpy as np
import pytest

from frugally.errors import NetError
from frugally.fit.vision.weights import load_weights, random_weights, save_weights
from frugally.nets.vision.shufflenet import shufflenet

GRAPH = shufflenet(3, 1.0, size=32, classes=10)


def test_every_weight_is_there_and_the_same_for_a_seed():
    weights = random_weights(GRAPH, 3)
    assert {name: array.shape for name, array in weights.items()} == GRAPH.weights
    assert {array.dtype for array in weights.values()} == {np.dtype(np.float32)}
    again, other = random_weights(GRAPH, 3), random_weights(GRAPH, 4)
    assert all(np.array_equal(weights[name], again[name]) for name in weights)
    assert not np.array_equal(weights["linear.weight"], other["linear.weight"])


def test_variances_are_those_of_the_paper():
    weights = random_weights(GRAPH)
    # 960 to 240 channels in 3 groups, so 80 outputs to a group; a depthwise one of 9 numbers.
    for name, variance in (("stage4.1.conv.weight", 2 / 80), ("stage4.1.conv2.weight", 2 / 9)):
        assert weights[name].var() == pytest.approx(variance, rel=0.1)
    assert np.abs(weights["linear.weight"]).max() == pytest.approx(960**-0.5, rel=0.01)


def test_norms_change_nothing_and_biases_are_zero():
    weights = random_weights(GRAPH)
    for key, value in (("scale", 1), ("variance", 1), ("mean", 0), ("bias", 0)):
        found = [array for name, array in weights.items() if name.endswith(f".{key}")]
        assert found and all((array == value).all() for array in found)


def test_saved_and_loaded(tmp_path):
    weights = random_weights(GRAPH)
    save_weights(tmp_path / "w.safetensors", weights)
    found = load_weights(tmp_path / "w.safetensors", GRAPH)
    assert found.keys() == weights.keys()
    assert all(np.array_equal(found[name], weights[name]) for name in weights)
    assert [path.name for path in tmp_path.iterdir()] == ["w.safetensors"]


def test_weights_of_another_network_are_refused(tmp_path):
    path = tmp_path / "w.safetensors"
    save_weights(path, random_weights(GRAPH))
    with pytest.raises(NetError, match=r"linear.bias is \(10,\), not \(11,\)"):
        load_weights(path, shufflenet(3, 1.0, size=32, classes=11))
    with pytest.raises(NetError, match=r"not hold the weights of shufflenet-0\.5x-g3"):
        load_weights(path, shufflenet(3, 0.5, size=32, classes=10))


def test_what_is_no_file_of_weights_is_refused(tmp_path):
    path = tmp_path / "w.safetensors"
    with pytest.raises(NetError, match="cannot read"):
        load_weights(path, GRAPH)
    path.write_bytes(b"not tensors at all")
    with pytest.raises(NetError, match="not a whole tensor file"):
        load_weights(path, GRAPH)
